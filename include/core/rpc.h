/* Calls and answers over a bridge: the sink of a bridge with "rpc". It takes requests as any sink
 * takes messages, and settles each once its asker has the answer, or an error in its place.
 *
 * It is made of three endpoints: a sink that the requests go out through (`ask`), a source that the
 * answers come in through (`replies`), and a sink that they go on to the askers through (`answer`).
 * Towards Redis a request is an envelope whose reply_to is a channel of its own; towards AMQP it
 * bears a correlation_id of its own and direct reply-to. So the askers' correlation ids, which may
 * be equal, name nothing here and only come back to them.
 *
 * Like a bridge it knows no clock and no I/O. The laws are those of core/endpoint.h. */
#ifndef CHUNNELD_CORE_RPC_H
#define CHUNNELD_CORE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/endpoint.h"
#include "core/mapping.h"

/* Counters of the life of the process; the names are those of the stats. */
struct rpc_counters {
    uint64_t calls;        /* gauge: requests taken and not settled */
    uint64_t answers;      /* the workers' answers that the askers have */
    uint64_t errors;       /* error answers that the askers have, whatever the reason */
    uint64_t timeouts;     /* no answer within the time */
    uint64_t nobody;       /* no worker: the request reached nobody, or no queue */
    uint64_t overload;     /* too many calls at once */
    uint64_t lost;         /* the connection that the answer would have come on was lost */
    uint64_t gone;         /* answers and errors that the asker's side did not take */
    uint64_t unanswerable; /* requests that say no place to answer to */
    uint64_t late;         /* answers after the asker had an error already */
    uint64_t duplicate;    /* second answers */
    uint64_t unknown;      /* answers to nothing that was asked, or long ago */
};

struct rpc;

/* The sinks of one bridge, one after the other as its rule changes: an old one ends its calls while
 * the new one has begun. Both may hear the same answers, and both count here. Zeroed before the
 * first one; outlives the last. */
struct rpc_family {
    struct rpc_counters counters; /* but for the gauge */
    LIST_HEAD(, rpc) members;     /* the newest first */
};

/* What it wants of whoever runs it. */
struct rpc_host {
    /* Call rpc_wake() in `delay_us`, not inside this; a later wish replaces an earlier one. */
    void (*wake_in)(void *ctx, uint64_t delay_us);
    /* Monotonic µs. */
    uint64_t (*now_us)(void *ctx);
};

struct rpc_setup {
    const char *bridge; /* all strings and pointers are borrowed for its life */
    const char *instance;
    bool asks_redis;               /* requests come from AMQP and go to Redis; else the other way */
    const struct mapping *mapping; /* where requests go */
    bool annotate;                 /* put the annotations on answers to AMQP */
    uint64_t timeout_us;           /* from the receipt of a request to its error answer */
    size_t max_calls;              /* most calls at once, at least 1 */
    uint64_t retry_us;             /* wait before a refused answer is sent again */
    const char *reply_prefix;      /* asks_redis: what reply channels begin with */
    struct rpc_family *family;     /* of its bridge */
    struct sink *ask;              /* owned from success on, as are the other two */
    struct source *replies;
    struct sink *answer;
    const struct rpc_host *host;
    void *host_ctx;
};

/* The sink, not started; NULL: out of memory (the endpoints then stay the caller's). What its
 * bridge maps is not looked at: a mapping with `none` is meant for it. */
struct sink *rpc_new(const struct rpc_setup *setup);
/* The time wished for in wake_in has come. */
void rpc_wake(struct sink *sink);
/* Of all members. */
struct rpc_counters rpc_get_counters(const struct rpc_family *family);

enum { RPC_PREFIX_SIZE = 160 };
/* What the reply channels of a bridge begin with: "chunnel.reply.INSTANCE.BRIDGE:"; whatever in the
 * instance's name is no letter, digit, `.`, `_` or `-` becomes `_`. */
void rpc_reply_prefix(const char *instance, const char *bridge, char out[RPC_PREFIX_SIZE]);

#endif
