/* Messages as frames: basic.publish, content header, body (AMQP 0-9-1 §1.8.3.7, §4.2.6), written
 * straight into the write buffer of the connection, whole or not at all. */
#ifndef CHUNNELD_AMQP_PUBLISH_H
#define CHUNNELD_AMQP_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amqp/channel.h"
#include "base/err.h"
#include "core/endpoint.h"
#include "core/outgoing.h"

enum {
    /* A basic.publish frame at its longest: head, numbers, ticket, two short strings, bits, end. */
    RMQ_PUBLISH_FRAME_MAX = 7 + 4 + 2 + 256 + 256 + 1 + 1,
};

/* Embedded by value in its sink; rmq_publisher_init() before use. */
struct rmq_publisher {
    struct rmq_channel *channel;
    uint64_t max_message_size;
    bool mandatory;
    uint8_t frame[RMQ_PUBLISH_FRAME_MAX]; /* the last basic.publish, kept while it repeats */
    size_t frame_len;                     /* 0: none kept */
    bool unwatched;                       /* as of the message that it was made for */
    uint32_t route_hash;                  /* of its exchange and routing key */
    uint8_t exchange_len;                 /* their octets in it */
    uint8_t routing_key_len;
};

void rmq_publisher_init(struct rmq_publisher *publisher, struct rmq_channel *channel,
                        uint64_t max_message_size, bool mandatory);
/* The channel was opened again: its number may be another one. */
void rmq_publisher_reset(struct rmq_publisher *publisher);

/* Writes the message into the write buffer; it goes out once rmq_connection_commit() is called with
 * *out_len. Anything but SINK_TAKEN leaves nothing behind; words in `err` for the refusals. When
 * memory is out the connection is given up, and the result is SINK_BUSY. */
enum sink_result rmq_publish(struct rmq_publisher *publisher, const struct outgoing *out,
                             size_t *out_len, struct err *err);

/* The hash that tells routes apart (FNV-1a). */
uint32_t rmq_route_hash(struct slice exchange, struct slice routing_key);

#endif
