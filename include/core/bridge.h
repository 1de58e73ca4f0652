/* A bridge: one source, one mapping, one sink, and between them a queue in memory, the books and
 * the policies. It knows no protocol, no clock and no I/O: time comes in as an argument, and what
 * it wants of its host goes out through bridge_host.
 *
 * The books balance whenever no call into the bridge is under way:
 * received = delivered + filtered + dropped + dead_lettered + returned + pending. */
#ifndef CHUNNELD_CORE_BRIDGE_H
#define CHUNNELD_CORE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "core/budget.h"
#include "core/endpoint.h"
#include "core/histogram.h"
#include "core/mapping.h"
#include "core/store.h"
#include "core/trouble.h"

/* RabbitMQ Shovel's words for when a source message is settled. */
enum ack_mode {
    ACK_ON_CONFIRM, /* when the sink has confirmed it */
    ACK_ON_PUBLISH, /* when it was written to the sink */
    ACK_NO_ACK,     /* never: automatic acknowledgement, no confirms */
};

/* Whether messages are on disk before they are sent, or only when memory is full. */
enum durability { DURABILITY_MEMORY, DURABILITY_DISK };
enum when_full { FULL_DROP_NEWEST, FULL_DROP_OLDEST, FULL_PAUSE };
enum on_unroutable { UNROUTABLE_DEAD_LETTER, UNROUTABLE_DROP, UNROUTABLE_RETRY };

/* When PUBLISH reached nobody. */
enum on_no_subscribers {
    NOBODY_ACK,     /* it was published: done */
    NOBODY_HOLD,    /* keep it, and what follows, in order, until somebody subscribes */
    NOBODY_REQUEUE, /* back to its AMQP queue, after the retry's back-off */
    NOBODY_REJECT,  /* to the dead letter exchange of its AMQP queue */
};

struct bridge_options {
    enum ack_mode ack_mode;
    uint64_t buffer_messages; /* most deliveries not yet settled by the sink, at least 1 */
    uint64_t buffer_memory;   /* most bytes they may take */
    enum when_full when_full;
    uint64_t buffer_disk; /* most bytes in the spool; 0: memory only */
    enum durability durability;
    uint64_t retry_min_us;
    uint64_t retry_max_us;
    uint64_t retry_attempts; /* 0: for ever */
    enum on_unroutable on_unroutable;
    enum on_no_subscribers on_no_subscribers;
    uint64_t min_subscribers; /* a PUBLISH reply below counts as nobody; 1 by default */
};

enum bridge_state {
    BRIDGE_STOPPED, /* not started, or stopped for good */
    BRIDGE_WAITING, /* source or sink cannot work now */
    BRIDGE_RUNNING, /* both can */
    BRIDGE_PAUSED,  /* reading stopped: buffer full, or by the operator */
    BRIDGE_FAILED,  /* given up: will not heal by itself */
};
const char *bridge_state_name(enum bridge_state state);

/* Counters of the life of the process; the names are those of the stats. */
struct bridge_counters {
    uint64_t received;
    uint64_t delivered;
    uint64_t filtered;
    uint64_t dropped;
    uint64_t dead_lettered;
    uint64_t returned;
    uint64_t retried;
    uint64_t unroutable;
    uint64_t no_subscribers;
    uint64_t bytes_in;  /* bodies received */
    uint64_t bytes_out; /* bodies delivered */
    uint64_t buffered;  /* gauge: waiting in memory */
    uint64_t spooled;   /* gauge: waiting on disk */
    uint64_t in_flight; /* gauge: given to the sink */
};

/* pending = buffered + spooled + in_flight */
uint64_t bridge_counters_pending(const struct bridge_counters *counters);
/* Adds all of `more`. */
void bridge_counters_add(struct bridge_counters *counters, const struct bridge_counters *more);
bool bridge_counters_balance(const struct bridge_counters *counters);

struct bridge;
struct filter;

/* What the bridge wants of whoever runs it. */
struct bridge_host {
    /* Call bridge_wake() in `delay_us`; a later wish replaces an earlier one. */
    void (*wake_in)(void *ctx, uint64_t delay_us);
    /* Monotonic µs. */
    uint64_t (*now_us)(void *ctx);
    /* Its state became another, or the reason for it did. */
    void (*on_state)(void *ctx, struct bridge *bridge, enum bridge_state state, const char *why);
    /* It has stopped: everything is settled or counted; it may be freed, but not inside. */
    void (*on_stopped)(void *ctx, struct bridge *bridge);
    /* Call bridge_reap() soon, from the loop: an old end has stopped after bridge_change(). */
    void (*reap)(void *ctx);
};

struct bridge_setup {
    const char *name;                   /* borrowed for the bridge's life */
    const char *instance;               /* likewise */
    struct source *source;              /* owned by the bridge from now on */
    struct sink *sink;                  /* likewise */
    const struct mapping *mapping;      /* borrowed */
    const struct filter *filter;        /* borrowed; NULL: every message passes */
    struct sink *dead_sink;             /* where refused messages go, owned; NULL: nowhere */
    const struct mapping *dead_mapping; /* borrowed; NULL without dead_sink */
    struct store *store;                /* borrowed; NULL: memory only */
    /* Whether a delivery is to cross; what is not is settled and counted as filtered. Asked once,
     * at receipt, with `screen_ctx`. NULL: all cross. */
    bool (*screen)(void *ctx, const struct delivery *delivery);
    void *screen_ctx;
    const struct bridge_options *options; /* borrowed */
    const struct bridge_host *host;       /* borrowed */
    void *host_ctx;
    struct rand *rand; /* borrowed; for jitter */
    struct budget
        *budget; /* borrowed; over all bridges' memory; NULL: this one's own limits only */
};

/* A bridge, not yet started; NULL: out of memory (source and sink then stay the caller's). */
struct bridge *bridge_new(const struct bridge_setup *setup);
/* Frees it with its endpoints and whatever it still holds. Before start or after on_stopped. */
void bridge_free(struct bridge *bridge);

void bridge_start(struct bridge *bridge);
/* Orderly: no more from the source; what was taken in goes out; then on_stopped. */
void bridge_stop(struct bridge *bridge);
/* Hurry a stop under way: what has not gone out is handed back to an AMQP queue (returned) or,
 * where the source cannot take it back, dropped and counted. Legal at any time after start. */
void bridge_stop_now(struct bridge *bridge);
/* How a new source follows an old one. */
enum succession {
    SUCCEED_WHEN_READY, /* the old one stops when the new one is ready, and gives until then */
    SUCCEED_AFTER, /* the new one starts when the old one has stopped: a queue keeps the rest */
};

/* Other rules and ends for a bridge that runs; messages, books and name go on. `setup` as for
 * bridge_new(), with the same name and host; source NULL: the one it has stays; store NULL: it
 * takes nothing more, but what is in it goes out. What waits goes out by the new rules, after what
 * the old sink has was answered for. The old ends, and all they borrow, must live until
 * bridge_reap() has said so. -1: out of memory, nothing happened, the ends stay the caller's. Not
 * while stopping. */
int bridge_change(struct bridge *bridge, const struct bridge_setup *setup,
                  enum succession succession);
/* The same in two steps, for bridges that must change together or not at all. Nothing has happened
 * yet; NULL: out of memory. Then one of the two below follows, the first with the same setup. */
struct bridge_change *bridge_change_prepare(const struct bridge *bridge,
                                            const struct bridge_setup *setup);
void bridge_change_apply(struct bridge *bridge, struct bridge_change *change,
                         const struct bridge_setup *setup, enum succession succession);
/* NULL is legal. */
void bridge_change_drop(struct bridge_change *change);
/* Waits no longer for what the old sinks have not answered for: it is sent again. Calls keep their
 * own time, unless the bridge stops. */
void bridge_change_hurry(struct bridge *bridge);
/* Frees old ends that have stopped; whether none is left. Not inside an event. */
bool bridge_reap(struct bridge *bridge);

/* By the operator: stop reading, but go on sending what waits. */
void bridge_pause(struct bridge *bridge);
void bridge_resume(struct bridge *bridge);
/* Whether it can take over messages that another bridge left in the spool. NULL: it can; else why
 * not, in words. */
const char *bridge_refuses_replay(const struct bridge *bridge);
/* Takes such messages over, in order, onto its own disk, behind all it has there: each is received
 * by this bridge, and its filter asked. Where it does not refuse only. How many it took from the
 * head of the list; the rest stays the caller's, with why in *out_why: there is no room now. */
size_t bridge_replay(struct bridge *bridge, struct delivery_list *list, const char **out_why);
/* The time wished for in wake_in has come. */
void bridge_wake(struct bridge *bridge);

const char *bridge_name(const struct bridge *bridge);
enum bridge_state bridge_get_state(const struct bridge *bridge);
/* enum endpoint_can of the sink in force. */
unsigned bridge_sink_can(const struct bridge *bridge);
/* The reason for that state, "" where it needs none. Valid until the next event. */
const char *bridge_get_why(const struct bridge *bridge);
const struct bridge_counters *bridge_get_counters(const struct bridge *bridge);
const struct histogram *bridge_get_latency(const struct bridge *bridge);
/* What it has on the disk; zeros where it has none. */
void bridge_get_disk(const struct bridge *bridge, struct store_gauge *out_gauge);
/* What is wrong now though it may run. */
enum bridge_trouble bridge_get_trouble(const struct bridge *bridge);
/* What went wrong last, in words; NULL: nothing yet. Valid until the next event. */
const char *bridge_get_last_error(const struct bridge *bridge);
/* Words for the guarantee that its two ends give: "at-least-once from receipt", ... */
const char *bridge_guarantee(unsigned source_can, unsigned sink_can, enum ack_mode mode);

#endif
