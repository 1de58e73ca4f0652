/* The inside of a bridge, shared by bridge.c (its life), bridge_flow.c (from the source to the
 * sink) and bridge_settle.c (from the sink back to the source) alone. */
#ifndef CHUNNELD_CORE_BRIDGE_PRIVATE_H
#define CHUNNELD_CORE_BRIDGE_PRIVATE_H

#include "base/backoff.h"
#include "core/bridge.h"
#include "core/filter.h"
#include "core/refusal.h"
#include "core/tap.h"

enum { BRIDGE_ERROR_SIZE = 320 };

/* What is told at most once a minute, however often it happens and in whatever words. */
struct bridge_told {
    uint64_t at_us;  /* monotonic time of the last line; 0: none yet */
    uint64_t untold; /* times since then */
};

/* The way of refused messages: a queue and a sink of their own. */
struct bridge_dead {
    struct sink *sink; /* NULL: the rule has none */
    const struct mapping *mapping;
    struct mapping_scratch *scratch;
    struct delivery_list queue;  /* waiting, in the order of refusal */
    struct field_entry *headers; /* a message's headers and the reason; owned scratch */
    size_t header_size;          /* entries allocated */
    struct strbuf body;          /* an envelope; scratch */
    uint64_t in_flight;          /* with the sink; part of the bridge's counter */
    bool ready;                  /* the sink's last on_link */
    bool busy;                   /* its send() said so */
    bool held_back;              /* it gave one back: waits for bridge_wake() */
    uint64_t retry_at_us;        /* and until when; monotonic */
    bool stopped;                /* its on_stopped came */
    struct bridge_told told;     /* of those that it refused */
};

/* The disk behind the queue. */
struct bridge_disk {
    struct store *store;    /* NULL: the bridge has none */
    bool durable;           /* sent only once it is on disk */
    bool loading;           /* load() is under way */
    uint64_t loading_bytes; /* that its answer may take; part of `memory` */
    bool has_records;       /* something was appended, or was there at the start */
    uint64_t loaded_upto;   /* highest number that is, or was, in memory */
    uint64_t durable_upto;  /* highest number known to be on disk */
    bool retired;           /* the rule has no disk any more: it is used while it has messages */

    /* At the end, see bridge_keep.c. */
    bool keeping;               /* it has begun: the next two are decided */
    enum store_place place;     /* where what is in memory goes */
    bool moving;                /* records are written anew: others must come before them */
    bool cannot_move;           /* and one could not be: the old ones stay */
    bool refused;               /* the store takes no more: what it does not have goes out */
    struct delivery_list keep;  /* what is to stay on disk, in order; part of `buffered` */
    struct delivery *keep_next; /* the first of it without its record; NULL: all have theirs */
    uint64_t keep_count;        /* how many it is */
};

struct bridge {
    const char *name;
    struct source *source;
    uint16_t generation;                  /* of the deliveries that `source` gives */
    bool source_held;                     /* it starts once those before it have stopped */
    LIST_HEAD(, bridge_retiree) retirees; /* old ends, see bridge_retiree.h */
    unsigned leaving_sinks;               /* old sinks that still have something */
    unsigned delaying_sinks; /* of them, those whose end is waited for before anything is sent */
    struct sink *sink;
    const struct mapping *mapping;
    struct mapping_scratch *scratch;
    struct template_context context; /* instance and name, for templates */
    const struct filter *filter;     /* NULL: every message passes */
    struct body_json body;           /* of the message at hand */
    bool (*screen)(void *ctx, const struct delivery *delivery); /* NULL: all cross */
    void *screen_ctx;
    const struct bridge_options *options;
    const struct bridge_host *host;
    void *host_ctx;
    struct rand *rand;
    struct tap_list taps; /* of those who watch the messages */

    /* Deliveries that wait. `again` goes first: it was with the sink before. Both are in the order
     * of receipt. */
    struct delivery_list again;
    struct delivery_list queue;
    uint64_t seq;                /* of the last delivery received */
    struct budget *budget;       /* over the memory of all bridges */
    struct budget alone;         /* that, of a bridge that has none */
    struct budget_member memory; /* of all deliveries not yet settled */
    uint64_t sink_bytes; /* of those that cannot be dropped: the sink has them, or they are dead
                          * letters */

    /* What stands in the way. */
    bool source_ready;    /* its last on_link */
    bool sink_ready;      /* likewise: it takes deliveries */
    bool sink_limited;    /* likewise: but they can only wait in it */
    bool sink_busy;       /* send() said so; on_writable will come */
    bool held_back;       /* a refused delivery waits for its back-off: nothing is sent, so that the
                           * order stays */
    uint64_t retry_at_us; /* the end of that back-off; monotonic */
    bool retry_due;       /* the back-off is over, what is in flight is not */
    bool probing;         /* nobody was subscribed: one at a time, until one arrives */
    bool requeue_due; /* nobody was subscribed: what waits again goes back to its queue at the end
                       * of the back-off */
    bool full;        /* the source is paused because the buffer is full */
    enum bridge_trouble overflow; /* messages were dropped since there was room last, why */
    bool overflow_told;           /* and the log has it: its end is told too */
    uint64_t overflow_dropped;    /* since the last such end was told */
    bool operator_paused;

    /* Its life. */
    bool started;
    bool stopping;       /* bridge_stop() */
    bool stopping_now;   /* bridge_stop_now() */
    bool source_stopped; /* on_stopped came */
    bool sink_stopping;  /* sink->stop() was called */
    bool sink_stopped;   /* on_stopped came */
    bool stopped;        /* the host was told */

    struct bridge_told told_refusal[REFUSAL_COUNT];
    struct bridge_dead dead;
    struct bridge_disk disk;
    struct bridge_told told_retry;
    struct bridge_told told_nobody;
    struct bridge_told told_late;
    struct bridge_told told_overflow;
    struct bridge_told told_lost;
    struct backoff retry;
    struct bridge_counters counters;
    struct histogram latency;
    enum bridge_state state;
    char source_why[BRIDGE_ERROR_SIZE]; /* of the last on_link WAITING */
    char sink_why[BRIDGE_ERROR_SIZE];
    char told_why[BRIDGE_ERROR_SIZE]; /* with the state, as told to the host last */
    char last_error[BRIDGE_ERROR_SIZE];
};

/* Sends what waits, in order, as far as the sink takes it; then bridge_flow_relieve(). */
void bridge_flow_pump(struct bridge *bridge);
/* Ends what a full buffer began (a paused source, dropping) once there is room. */
void bridge_flow_relieve(struct bridge *bridge);
/* As that, for the budget: others have given back. */
void bridge_flow_on_room(void *ctx);
/* Counts the waiting deliveries that are stale by now as returned, and frees them. */
void bridge_flow_forget_stale(struct bridge *bridge);
/* Gives back or drops what waits at a stop, there being no store: that for the sink, and `dead`
 * letters. */
void bridge_flow_empty(struct bridge *bridge, bool queue, bool dead);
/* The oldest delivery of those that wait for the sink, and of the `dead` letters, taken out of its
 * list; NULL: none. */
struct delivery *bridge_flow_take_oldest(struct bridge *bridge, bool queue, bool dead);

/* Shows those who watch that the delivery's way is over, as `counter` counts it. */
void bridge_tap_tell(struct bridge *bridge, const struct delivery *delivery,
                     const uint64_t *counter);
/* The bridge ends: takes all taps off. */
void bridge_tap_end(struct bridge *bridge);

/* Whatever a delivery's end: `counter` counts it, the source gets it. It must be in no list. */
void bridge_settle(struct bridge *bridge, struct delivery *delivery, uint64_t *counter,
                   enum settlement how);
/* Gives a delivery back to where it came from, which frees it. */
void bridge_release(struct bridge *bridge, struct delivery *delivery, enum settlement how);
/* The sink will never take it: to the dead letter sink or, without one, counted as dropped; the
 * reason and words remembered and told. */
void bridge_settle_refused(struct bridge *bridge, struct delivery *delivery, enum refusal refusal,
                           const char *why);
/* Back to its queue (returned), or, where the source has none, dropped. */
void bridge_settle_unsent(struct bridge *bridge, struct delivery *delivery);
/* True: it is not to be sent again, and gone. A stale one is in its queue again already; of a stop
 * that has no more time, all goes back. */
bool bridge_settle_goes_back(struct bridge *bridge, struct delivery *delivery);
/* Puts it among those to be sent again, by its place in the order of receipt. */
void bridge_settle_put_in_order(struct bridge *bridge, struct delivery *delivery);
/* Tells the host when to wake next: at the end of the first back-off. */
void bridge_settle_wish(struct bridge *bridge);
/* Remembers what went wrong, and logs it where the minute of `told` is over; whether it did. */
bool bridge_settle_note_error(struct bridge *bridge, struct bridge_told *told, const char *what,
                              const char *why);

/* Whether a delivery that came just now passes the filter. */
bool bridge_filter_passes(struct bridge *bridge, struct delivery *delivery);
/* Frees what filter and templates parsed of a delivery: it is not at hand any more. */
static inline void bridge_forget_body(struct bridge *bridge)
{
    if (bridge->body.body.data != NULL) {
        body_json_forget(&bridge->body);
    }
}

/* Takes over a refused delivery that is in no list; `reason` is static. */
void bridge_dead_take(struct bridge *bridge, struct delivery *delivery, const char *reason,
                      const char *why);
/* As that, one that was read back with its reason; false: the rule has no dead letters any more. */
/* It is no dead letter any more. */
void bridge_dead_forget_reason(struct delivery *delivery);
bool bridge_dead_take_back(struct bridge *bridge, struct delivery *delivery);
/* Sends what waits there. */
void bridge_dead_pump(struct bridge *bridge);
/* Ends its back-off if that is over at `now_us`. */
void bridge_dead_wake(struct bridge *bridge, uint64_t now_us);

void bridge_store_init(struct bridge *bridge, struct store *store, bool durable);
void bridge_store_fini(struct bridge *bridge);
/* What comes now must go to the store, because older messages are only there. */
bool bridge_store_takes(const struct bridge *bridge);
/* Notes a delivery that goes into memory. */
void bridge_store_open(struct bridge *bridge, const struct delivery *delivery);
/* Notes that it is settled: its record goes, if it has one. */
void bridge_store_close(struct bridge *bridge, const struct delivery *delivery);
/* Writes a record of a delivery. */
enum store_append bridge_store_write(struct bridge *bridge, struct delivery *delivery,
                                     enum store_place place);
/* Does so where every delivery needs one; 0, or negative: the store refuses. */
int bridge_store_append(struct bridge *bridge, struct delivery *delivery);
/* Keeps it on disk alone: 0, and it is freed; -1: the store refuses. */
int bridge_store_put_aside(struct bridge *bridge, struct delivery *delivery);
/* Whether it may be sent already. */
bool bridge_store_may_send(const struct bridge *bridge, const struct delivery *delivery);
/* Reads back what is on disk alone, as far as memory has room. */
void bridge_store_refill(struct bridge *bridge);
/* Little is left of its room: better to read no more. */
bool bridge_store_is_tight(const struct bridge *bridge);
/* At the end what waits goes to the sink, if that takes it: there is no store, or none that could
 * be written. */
bool bridge_store_is_no_end(const struct bridge *bridge);
/* Why a message found no room, in words. */
const char *bridge_store_trouble(const struct bridge *bridge);

/* A step of the stop of a bridge with a store: what waits goes there, or out where it cannot be
 * written; `stuck`: the sink takes nothing now. */
void bridge_keep_step(struct bridge *bridge, bool stuck);
/* The last one, as the bridge is freed: what has no place now is dropped. */
void bridge_keep_end(struct bridge *bridge);
/* Whether what is on its way to the disk alone is to be read back and sent, at a stop with a disk
 * that fails. */
bool bridge_keep_reads_back(const struct bridge *bridge);

/* The mapping, options and whatever else of a setup is no end; borrowed. */
void bridge_take_rules(struct bridge *bridge, const struct bridge_setup *setup);
/* Its sinks, the bridge's from now on. */
void bridge_set_sinks(struct bridge *bridge, const struct bridge_setup *setup);
/* The rule has no dead letter sink any more: what waits for it is sent again by the new rule. */
void bridge_dead_withdraw(struct bridge *bridge);
/* The store of a new rule: the same, one where there was none, or NULL. */
void bridge_store_change(struct bridge *bridge, struct store *store);
/* Whether every old source has stopped. */
bool bridge_sources_are_gone(const struct bridge *bridge);
/* Whether an old source still gives messages. */
bool bridge_has_old_source(const struct bridge *bridge);
/* The old source that gave deliveries of that generation. */
struct source *bridge_old_source(const struct bridge *bridge, uint16_t generation);
void bridge_stop_old_sources(struct bridge *bridge);
void bridge_free_retirees(struct bridge *bridge);
/* A message of a source. */
void bridge_take_delivery(struct bridge *bridge, struct delivery *delivery, uint16_t generation);

/* Takes the next step of a stop, if one is under way and its time has come. */
void bridge_stop_step(struct bridge *bridge);
/* Works its state out anew and tells the host of a change. */
void bridge_update_state(struct bridge *bridge);

/* Deliveries that are with the bridge's own sink. */
static inline uint64_t bridge_in_flight(const struct bridge *bridge)
{
    return bridge->counters.in_flight - bridge->dead.in_flight;
}

/* Deliveries that are not settled, but for those that are on disk alone. */
static inline uint64_t bridge_in_memory(const struct bridge *bridge)
{
    return bridge->counters.buffered + bridge->counters.in_flight;
}

/* Memory that the bridge holds, with that on its way from the disk. */
static inline uint64_t bridge_held_bytes(const struct bridge *bridge)
{
    return bridge->memory.held;
}

/* Most that it may hold now: its own limit, or its part of what all have. */
static inline uint64_t bridge_memory_limit(const struct bridge *bridge)
{
    uint64_t part = budget_limit(bridge->budget, &bridge->memory);

    return part < bridge->options->buffer_memory ? part : bridge->options->buffer_memory;
}

/* The limit over all bridges is the one that counts now, not its own. */
static inline bool bridge_is_squeezed(const struct bridge *bridge)
{
    return bridge_memory_limit(bridge) < bridge->options->buffer_memory;
}

static inline void bridge_hold(struct bridge *bridge, uint64_t size)
{
    budget_take(bridge->budget, &bridge->memory, size);
}

static inline void bridge_let_go(struct bridge *bridge, uint64_t size)
{
    budget_give(bridge->budget, &bridge->memory, size);
}

/* The source that gave a delivery. */
static inline struct source *bridge_source_of(const struct bridge *bridge,
                                              const struct delivery *delivery)
{
    return delivery->generation == bridge->generation
               ? bridge->source
               : bridge_old_source(bridge, delivery->generation);
}

/* Whether it is in its queue again already, as its channel is gone. */
static inline bool bridge_is_stale(const struct bridge *bridge, const struct delivery *delivery)
{
    const struct source *source;

    if (delivery->from_store) {
        return false;
    }
    source = bridge_source_of(bridge, delivery);
    return (source->can & ENDPOINT_REDELIVERS) != 0 && delivery->epoch != source->epoch;
}

extern const struct source_events bridge_source_events;
extern const struct sink_events bridge_sink_events;
extern const struct sink_events bridge_dead_events;

/* The events' bodies, by the file that has them. */
void bridge_on_delivery(void *ctx, struct delivery *delivery);
void bridge_on_lost(void *ctx);
void bridge_on_writable(void *ctx);
void bridge_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why);
void bridge_on_late(void *ctx, enum outcome outcome, const char *why);

#endif
