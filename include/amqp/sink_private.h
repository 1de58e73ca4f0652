/* The inside of a sink, shared by sink.c (what the bridge sees), confirms.c (what the broker says
 * of what was published), returns.c (what it could not route), culprit.c (what it closes the
 * channel over), sink_setup.c (what comes first on a channel) and tx.c (transactions) alone. */
#ifndef CHUNNELD_AMQP_SINK_PRIVATE_H
#define CHUNNELD_AMQP_SINK_PRIVATE_H

#include "amqp/channel.h"
#include "amqp/publish.h"
#include "amqp/replies.h"
#include "amqp/topology.h"
#include "base/err.h"
#include "conf/config.h"
#include "core/endpoint.h"
#include "core/inflight.h"
#include "core/window.h"
#include "net/moderation.h"

/* With tx.select on; all zero without. */
struct rmq_tx {
    uint64_t committing; /* the last tag of the commit whose commit-ok is to come; 0: none is out */
    size_t suspects;     /* messages of a commit that failed which are still to go one by one */
    bool is_alone;       /* the batch is one message, and takes no other */
};

/* While a message is looked for that the broker closes the channel over; otherwise all zero but the
 * first. */
struct rmq_culprit {
    bool names_exchange; /* a message names its exchange itself, and has only so many attempts */
    size_t limit;        /* as many may be out unconfirmed; 0: no limit */
    size_t suspects; /* of those that were out at the last close, how many are to be answered yet */
    uint64_t told_us; /* when the search was last logged; 0: never */
};

/* What is still to be answered on a new channel before anything can be published. */
struct rmq_setup {
    bool awaits_exchange; /* exchange.declare-ok, to the look whether the exchange is there */
    bool awaits_consume;  /* basic.consume-ok */
    bool awaits_select;   /* confirm.select-ok or tx.select-ok */
};

struct rmq_sink {
    struct sink base;
    const struct conf_sink *conf;
    const char *bridge;
    const struct rmq_topology *topology;
    struct rmq_channel *channel;
    struct loop *loop;
    struct rmq_publisher publisher;
    struct rmq_replies *replies; /* where answers come in; NULL: none are wanted */
    struct rmq_setup setup;
    bool confirms;      /* the broker confirms or commits, and `out` is in use */
    bool transactional; /* with `confirms`: it commits */
    struct rmq_tx tx;
    struct rmq_culprit culprit;

    struct inflight inflight;     /* how many may be in it */
    struct window out;            /* by publish sequence number: sent, not confirmed */
    struct moderation moderation; /* how many are sent */
    uint64_t rest_us;             /* how long what is confirmed, or is to be, may stay unread */
    struct delivery_list written; /* without confirms: sent in this turn */

    uint64_t confirm_timeout_us;
    uint64_t front_since_us;   /* since when the oldest in `out` is the oldest */
    struct loop_timer confirm; /* looks at it */
    bool confirm_timed;        /* `confirm` runs */

    uint64_t return_cursor;  /* the tag behind the last one that was returned */
    struct err return_words; /* why the last one was */

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

/* sink_setup.c: why the channel must not open, for rmq_channel_events. */
const char *rmq_setup_why_not(void *ctx);
/* The channel has opened; whether nothing has to be waited for. */
bool rmq_setup_begin(struct rmq_sink *sink);
/* An answer to that; false: it was not waited for. *out_done: it was the last. */
bool rmq_setup_on_method(struct rmq_sink *sink, amqp_method_number_t id, bool *out_done);

/* confirms.c: how long the broker may take, how many it may leave open; whether one more may be. */
void rmq_confirms_init(struct rmq_sink *sink, uint64_t timeout_us);
bool rmq_confirms_have_room(const struct rmq_sink *sink);
/* basic.ack and basic.nack. */
void rmq_confirms_on_ack(struct rmq_sink *sink, const amqp_basic_ack_t *ack);
void rmq_confirms_on_nack(struct rmq_sink *sink, const amqp_basic_nack_t *nack);
/* One was sent; the window was emptied, or the broker cannot answer for now. */
void rmq_confirms_on_sent(struct rmq_sink *sink);
void rmq_confirms_restart_clock(struct rmq_sink *sink);
/* One was sent, with or without confirms: says how long those behind it may stay unread. */
void rmq_confirms_allow_rest(struct rmq_sink *sink);
/* So many wait for others to be confirmed; likewise for those behind them. */
void rmq_confirms_on_queued(struct rmq_sink *sink, uint64_t count);
/* Timer of `confirm`. */
void rmq_confirms_on_timer(void *ctx);

/* returns.c: basic.return, complete. */
void rmq_returns_on_message(struct rmq_sink *sink, struct rmq_message *message);

/* culprit.c: the broker closes the channel over a message. */
void rmq_culprit_init(struct rmq_sink *sink, const struct bridge_options *options);
/* Whether it says that the message itself is wrong. */
bool rmq_culprit_is_blamed(const struct rmq_loss *loss);
/* The channel is gone, what is out has not come back yet; true: it is over one of those, and soon
 * open again. One that was alone is settled. */
bool rmq_culprit_on_down(struct rmq_sink *sink, const struct rmq_loss *loss);
/* One was confirmed or refused, while there is a limit. */
void rmq_culprit_on_answer(struct rmq_sink *sink);

/* tx.c: what a transactional sink does instead. Asks for transactions on a new channel; as
 * rmq_channel_send(). */
int rmq_tx_select(struct rmq_sink *sink);
/* Whether the batch takes another message now; whether it takes this one. */
bool rmq_tx_has_room(const struct rmq_sink *sink);
bool rmq_tx_takes(const struct rmq_sink *sink, const struct delivery *delivery);
/* It was published, and is in the window. */
void rmq_tx_on_sent(struct rmq_sink *sink, const struct delivery *delivery);
/* The end of a turn: commits what was published since the last commit, unless one is out. */
void rmq_tx_commit(struct rmq_sink *sink);
/* tx.commit-ok; false: it was not waited for. */
bool rmq_tx_on_commit_ok(struct rmq_sink *sink);
/* The channel is gone, what is out has not come back yet. */
void rmq_tx_on_down(struct rmq_sink *sink, const struct rmq_loss *loss);

#endif
