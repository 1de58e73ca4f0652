/* The inside of a sink, shared by sink.c (what the bridge sees), confirms.c (what the broker says
 * of what was published) and returns.c (what it could not route) alone. */
#ifndef CHUNNELD_AMQP_SINK_PRIVATE_H
#define CHUNNELD_AMQP_SINK_PRIVATE_H

#include "amqp/channel.h"
#include "amqp/publish.h"
#include "amqp/replies.h"
#include "amqp/topology.h"
#include "base/err.h"
#include "conf/config.h"
#include "core/endpoint.h"
#include "core/window.h"

struct rmq_sink {
    struct sink base;
    const struct conf_sink *conf;
    const char *bridge;
    const struct rmq_topology *topology;
    struct rmq_channel *channel;
    struct loop *loop;
    struct rmq_publisher publisher;
    struct rmq_replies *replies; /* where answers come in; NULL: none are wanted */
    bool awaits_select;          /* confirm.select-ok is still to come */
    bool awaits_consume;         /* basic.consume-ok likewise */
    bool confirms;               /* confirm.select is on, and `out` in use */

    struct window out;            /* by publish sequence number: sent, not confirmed */
    struct delivery_list written; /* without confirms: sent in this turn */

    uint64_t confirm_timeout_us;
    uint64_t front_since_us;   /* since when the oldest in `out` is the oldest */
    struct loop_timer confirm; /* looks at it */
    bool confirm_timed;        /* `confirm` runs */

    uint64_t return_cursor;  /* the tag behind the last one that was returned */
    struct err return_words; /* why the last one was */
    uint64_t late_returns;   /* returned when they had counted as delivered already */
    uint64_t late_logged_us; /* when this was last logged; 0: never */

    bool ready;      /* the last on_link */
    struct err told; /* the words of the last on_link, while not ready */
    bool busy;       /* send() said SINK_BUSY: on_writable is owed */
    bool stopping;
    bool stopping_now;
    bool stopped;          /* on_stopped was called */
    struct loop_task step; /* what is due at the end of the turn */
};

/* Everything that is out comes back, in the order of sending. */
void rmq_sink_give_back(struct rmq_sink *sink, const char *why);
/* Whether another one may go out now. */
bool rmq_sink_has_room(const struct rmq_sink *sink);

/* confirms.c: basic.ack and basic.nack. */
void rmq_confirms_on_ack(struct rmq_sink *sink, const amqp_basic_ack_t *ack);
void rmq_confirms_on_nack(struct rmq_sink *sink, const amqp_basic_nack_t *nack);
/* One was sent; the window was emptied, or the broker cannot answer for now. */
void rmq_confirms_on_sent(struct rmq_sink *sink);
void rmq_confirms_restart_clock(struct rmq_sink *sink);
/* Timer of `confirm`. */
void rmq_confirms_on_timer(void *ctx);

/* returns.c: basic.return, complete. */
void rmq_returns_on_message(struct rmq_sink *sink, struct rmq_message *message);

#endif
