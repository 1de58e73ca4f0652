/* The inside of the rpc sink, shared by rpc.c (its life, and what its endpoints say), rpc_ask.c
 * (requests), rpc_reply.c (what workers say) and rpc_answer.c (answers) alone. */
#ifndef CHUNNELD_CORE_RPC_PRIVATE_H
#define CHUNNELD_CORE_RPC_PRIVATE_H

#include "base/err.h"
#include "base/strbuf.h"
#include "core/rpc.h"
#include "core/rpc_call.h"

/* Reply addresses of RabbitMQ's own making: what is sent there counts as not routed, whether it
 * arrives or not. */
#define RPC_DIRECT_REPLY "amq.rabbitmq.reply-to"

enum { RPC_WHY_SIZE = 320 };

/* One of the three endpoints. */
struct rpc_end {
    bool ready;             /* its last on_link */
    bool busy;              /* send() said so; on_writable will come */
    bool stopped;           /* its on_stopped came */
    char why[RPC_WHY_SIZE]; /* while not ready */
};

struct rpc {
    struct sink base; /* first */
    struct rpc_setup setup;
    struct template_context context;
    struct mapping answer_mapping; /* to AMQP: annotations and no more */
    struct mapping_scratch *ask_scratch;
    struct mapping_scratch *answer_scratch;
    struct strbuf envelope; /* scratch */
    struct rpc_table table;
    struct rpc_counters *counters; /* the family's */
    LIST_ENTRY(rpc) kin;           /* in the family */

    struct rpc_end ask;
    struct rpc_end replies;
    struct rpc_end answer;
    bool told;               /* on_link was called */
    enum endpoint_link link; /* and said this */
    char told_why[RPC_WHY_SIZE];

    struct delivery_list answers; /* to go to the askers; delivery->seq is the call's number */
    struct rpc_calls mute;        /* memory was out for their errors */
    uint64_t held_until_us;       /* an answer was refused for now; 0: none was */
    uint64_t wish_us;             /* when rpc_wake() will come; 0: it was not asked for */
    bool busy;                    /* send() said so; on_writable is owed */
    bool started;
    bool stopping;
    bool stopping_now;
    bool ends_stopping; /* the three were told to stop */
    bool ends_hurried;  /* with `now` */
    bool stepping;      /* a step of the stop is under way */
    bool stopped;

    uint64_t told_stray_us; /* when answers too many were last logged; 0: never */
    uint64_t strays_untold; /* since then */
};

/* rpc.c */
uint64_t rpc_now_us(const struct rpc *rpc);
/* Asks for a wake at `at_us` at the latest. */
void rpc_wish(struct rpc *rpc, uint64_t at_us);
/* What has become of the call is known: its request goes back to the bridge once the asking sink
 * has no hold of it any more. Calls events. */
void rpc_settle(struct rpc *rpc, struct rpc_call *call);
/* Its request goes back unanswered, once the asking sink has it no more. Calls events. */
void rpc_give_back(struct rpc *rpc, struct rpc_call *call);

/* rpc_ask.c */
/* The asker's address and correlation id, inside the request. SINK_TAKEN, or a refusal and words in
 * `err`: there is no answering it. */
enum sink_result rpc_ask_read(const struct delivery *request, struct slice *out_reply_to,
                              struct slice *out_correlation_id, struct err *err);
/* Sends the request of a call that waits; false: not now. Calls no event. */
bool rpc_ask_send(struct rpc *rpc, struct rpc_call *call);
/* Sends what waits. Calls events. */
void rpc_ask_pump(struct rpc *rpc);
extern const struct sink_events rpc_ask_events;

/* rpc_answer.c */
/* Lets the asker have an error, once pumped; `reason` is one word and static. Calls no event. */
void rpc_answer_error(struct rpc *rpc, struct rpc_call *call, enum outcome outcome,
                      const char *reason, const char *words);
/* Sends what there is for the askers. Calls events. */
void rpc_answer_pump(struct rpc *rpc);
/* Frees an answer, a worker's or one of ours. */
void rpc_answer_free(struct rpc *rpc, struct delivery *answer);
/* Nobody takes what there is for the asker: the call ends. Calls events. */
void rpc_answer_gone(struct rpc *rpc, struct rpc_call *call);
extern const struct sink_events rpc_answer_events;

/* rpc_reply.c */
extern const struct source_events rpc_reply_events;

/* Notes what an endpoint says of its link, and tells the bridge what that means; rpc.c. */
void rpc_on_link(struct rpc *rpc, struct rpc_end *end, enum endpoint_link link, const char *why);
/* Takes the next step of a stop, if one is under way. Calls events. */
void rpc_step_stop(struct rpc *rpc);

#endif
