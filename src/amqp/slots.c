/* The channel numbers of a connection. For: giving none out twice before the broker is done with it
 * (AMQP 0-9-1 §1.5.2.6). Not for: what goes on in the channels. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/connection_private.h"

enum { SLOTS_FIRST = 16 };

static int slots_grow(struct rmq_connection *connection)
{
    size_t count = connection->slot_count ? connection->slot_count * 2 : SLOTS_FIRST;
    size_t most = (size_t)connection->tuning.channel_max + 1;
    struct rmq_slot *grown;

    if (count > most) {
        count = most;
    }
    if (count <= connection->slot_count) {
        return -1;
    }
    grown = realloc(connection->slots, count * sizeof(*grown));
    if (grown == NULL) {
        return -1;
    }
    memset(grown + connection->slot_count, 0, (count - connection->slot_count) * sizeof(*grown));
    connection->slots = grown;
    connection->slot_count = count;
    return 0;
}

uint16_t rmq_slots_take(struct rmq_connection *connection, struct rmq_channel *channel)
{
    size_t number = 1;

    for (;; number++) {
        if (number > connection->tuning.channel_max) {
            return 0;
        }
        if (number >= connection->slot_count && slots_grow(connection) != 0) {
            return 0;
        }
        if (connection->slots[number].channel == NULL && !connection->slots[number].closing) {
            break;
        }
    }
    connection->slots[number].channel = channel;
    return (uint16_t)number;
}

void rmq_slots_abandon(struct rmq_connection *connection, uint16_t number)
{
    if (number < connection->slot_count) {
        connection->slots[number] = (struct rmq_slot){.closing = true};
    }
}

void rmq_slots_give_back(struct rmq_connection *connection, uint16_t number)
{
    if (number < connection->slot_count) {
        connection->slots[number] = (struct rmq_slot){0};
    }
}

void rmq_slots_clear(struct rmq_connection *connection)
{
    free(connection->slots);
    connection->slots = NULL;
    connection->slot_count = 0;
}
