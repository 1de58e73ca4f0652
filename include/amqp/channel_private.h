/* The inside of a channel, shared by channel.c (its life) and channel_input.c (its frames) alone.
 */
#ifndef CHUNNELD_AMQP_CHANNEL_PRIVATE_H
#define CHUNNELD_AMQP_CHANNEL_PRIVATE_H

#include <sys/queue.h>

#include "amqp/channel.h"
#include "amqp/channel_fsm.h"
#include "amqp/connection_private.h"
#include "base/backoff.h"

struct rmq_channel {
    TAILQ_ENTRY(rmq_channel) link; /* in connection->channels */
    struct rmq_connection *connection;
    struct rmq_channel_setup setup;
    const struct rmq_channel_events *events;
    void *ctx;
    enum rmq_channel_state state;
    uint16_t number;   /* 0: none */
    bool flow_stopped; /* channel.flow: no content now */
    struct backoff backoff;
    struct loop_timer timer; /* see enum rmq_channel_state */
    uint64_t timeout_us;     /* of `expected` */
    const char *expected;    /* what the timer waits for while opening or open; NULL: nothing */
    struct loop_task trying; /* an attempt to open it is due at the end of the turn */
    struct rmq_content *content;
};

/* Runs the state machine; `loss` for events that close the channel or hold it, else NULL. */
void rmq_channel_fsm(struct rmq_channel *channel, enum rmq_channel_event event,
                     const struct rmq_loss *loss);

#endif
