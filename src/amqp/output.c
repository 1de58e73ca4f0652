/* Frames going out on a connection. For: methods, and room for content (publish.c). Not for:
 * deciding what to send. */
#include "amqp/connection_private.h"
#include "amqp/frame.h"

enum { OUTPUT_ROOM = 512 }; /* holds nearly every method frame */

uint8_t *rmq_connection_reserve(struct rmq_connection *connection, size_t len)
{
    uint8_t *room = link_reserve(connection->link, len);

    if (room == NULL && link_is_up(connection->link)) {
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "out of memory");
    }
    return room;
}

void rmq_connection_commit(struct rmq_connection *connection, size_t written)
{
    link_commit(connection->link, written);
    connection->wrote = true;
}

int rmq_connection_send(struct rmq_connection *connection, uint16_t channel,
                        amqp_method_number_t id, const void *method)
{
    size_t sizes[] = {OUTPUT_ROOM, connection->tuning.frame_max};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *room = rmq_connection_reserve(connection, sizes[i]);
        ssize_t len;

        if (room == NULL) {
            return 0;
        }
        len = rmq_frame_put_method(channel, id, method, room, sizes[i]);
        if (len >= 0) {
            rmq_connection_commit(connection, (size_t)len);
            return 0;
        }
    }
    return -1;
}
