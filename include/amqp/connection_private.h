/* The inside of a connection, shared by its own files alone: connection.c (what its users see),
 * connection_states.c (its life), handshake.c, heartbeat.c, input.c (what comes), output.c (what
 * goes), slots.c (channel numbers), and those of its channels. */
#ifndef CHUNNELD_AMQP_CONNECTION_PRIVATE_H
#define CHUNNELD_AMQP_CONNECTION_PRIVATE_H

#include <sys/queue.h>

#include "amqp/channel.h"
#include "amqp/connection.h"
#include "base/backoff.h"
#include "base/err.h"
#include "net/link.h"

TAILQ_HEAD(rmq_channel_list, rmq_channel);

/* One channel number of the connection under way. */
struct rmq_slot {
    struct rmq_channel *channel; /* whose it is; NULL: nobody's */
    uint64_t closing_since_us;   /* monotonic */
    bool closing; /* channel.close sent, close-ok not here yet: not to be used again */
};

/* What was agreed on with connection.tune. */
struct rmq_tuning {
    uint32_t frame_max;
    uint16_t channel_max;
    uint16_t heartbeat_s; /* 0: none */
};

struct rmq_connection {
    struct rmq_connection_setup setup;
    const struct rmq_connection_events *events;
    void *ctx;
    enum rmq_connection_state state;
    struct link *link;
    struct rmq_codec *codec;
    struct loop_timer timer;   /* of the state, see enum rmq_connection_state */
    struct loop_task failing;  /* a failure waits for the end of the turn */
    struct loop_task stopping; /* RMQ_ON_STOP waits for it */
    struct backoff backoff;
    struct rmq_tuning tuning;
    size_t url;   /* index of the one in use */
    size_t tried; /* URLs since the last back-off */

    bool wrote;            /* something since the last heartbeat tick */
    unsigned silent_ticks; /* heartbeat ticks since the last byte came */
    uint64_t ticked_bytes; /* link_bytes_in() at the last one */

    bool released;    /* channels other than the first ones may open */
    bool was_open;    /* at least once: the next time is a reconnect */
    bool stop_wanted; /* on_stopped is owed */

    bool has_failed;       /* input is thrown away, the link about to go */
    uint16_t failure_code; /* to tell the broker */
    bool slow;             /* refused for a reason that will not go soon */
    struct rmq_loss loss;  /* why the link goes; .why is `words`, or NULL while nothing is wrong */
    struct err words;

    int64_t wall_us; /* see rmq_connection_wall_us() */
    struct connection_status status;
    int64_t error_us;       /* wall clock of status.last_error */
    struct rmq_slot *slots; /* by channel number, slots[0] unused; owned */
    size_t slot_count;
    struct rmq_channel_list channels; /* all that were made on it */
};

/* Runs the state machine. `why`: for events that lose the link, where nobody has set the loss yet;
 * else NULL. */
void rmq_connection_fsm(struct rmq_connection *connection, enum rmq_connection_event event,
                        const char *why);
/* Notes why the link is about to be lost; the first one counts. */
void rmq_connection_set_loss(struct rmq_connection *connection, const struct rmq_loss *loss);
/* connection.blocked, or connection.unblocked (NULL). */
void rmq_connection_set_blocked(struct rmq_connection *connection,
                                const amqp_connection_blocked_t *blocked);

/* heartbeat.c: begins to beat; a tick of the timer. */
void rmq_heartbeat_start(struct rmq_connection *connection);
void rmq_heartbeat_tick(struct rmq_connection *connection);

/* handshake.c: the methods of logging in, from the server and to it. */
void rmq_handshake_on_start(struct rmq_connection *connection,
                            const amqp_connection_start_t *start);
void rmq_handshake_on_tune(struct rmq_connection *connection, const amqp_connection_tune_t *tune);
void rmq_handshake_send_header(struct rmq_connection *connection);
void rmq_handshake_send_start_ok(struct rmq_connection *connection);
void rmq_handshake_send_open(struct rmq_connection *connection);

/* input.c: link_events.on_data. */
size_t rmq_input_take(void *ctx, const uint8_t *data, size_t len);

/* slots.c: channel numbers. 0: none is free. */
uint16_t rmq_slots_take(struct rmq_connection *connection, struct rmq_channel *channel);
/* channel.close was sent: the number is nobody's, but not to be used before close-ok. */
void rmq_slots_abandon(struct rmq_connection *connection, uint16_t number);
void rmq_slots_give_back(struct rmq_connection *connection, uint16_t number);
/* The broker had shut its eyes: the time for its close-oks begins anew. */
void rmq_slots_restart_clock(struct rmq_connection *connection);
/* The link is gone, and all numbers with it. */
void rmq_slots_clear(struct rmq_connection *connection);

#endif
