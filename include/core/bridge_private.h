/* The inside of a bridge, shared by bridge.c (its life), bridge_flow.c (from the source to the
 * sink) and bridge_settle.c (from the sink back to the source) alone. */
#ifndef CHUNNELD_CORE_BRIDGE_PRIVATE_H
#define CHUNNELD_CORE_BRIDGE_PRIVATE_H

#include "base/backoff.h"
#include "core/bridge.h"

enum { BRIDGE_ERROR_SIZE = 320 };

/* Why a message was given up; the names are those of x-chunnel-reason. */
enum refusal {
    REFUSAL_TEMPLATE,   /* a value that the mapping wants is missing */
    REFUSAL_TOO_LARGE,  /* over max_message_size, or headers over a frame */
    REFUSAL_REFUSED,    /* the sink or the far side will never take it */
    REFUSAL_UNROUTABLE, /* it came back, and the rule does not try again */
    REFUSAL_RETRIES,    /* refused as often as the rule allows */
    REFUSAL_COUNT
};

/* What is told at most once a minute, however often it happens and in whatever words. */
struct bridge_told {
    uint64_t at_us;  /* monotonic time of the last line; 0: none yet */
    uint64_t untold; /* times since then */
};

struct bridge {
    const char *name;
    struct source *source;
    struct sink *sink;
    const struct mapping *mapping;
    struct mapping_scratch *scratch;
    struct template_context context; /* instance and name, for templates */
    const struct bridge_options *options;
    const struct bridge_host *host;
    void *host_ctx;
    struct rand *rand;

    /* Deliveries that wait. `again` goes first: it was with the sink before. Both are in the order
     * of receipt. */
    struct delivery_list again;
    struct delivery_list queue;
    uint64_t seq;        /* of the last delivery received */
    uint64_t held_bytes; /* of all deliveries not yet settled */
    uint64_t sink_bytes; /* of those that the sink has */

    /* What stands in the way. */
    bool source_ready;  /* its last on_link */
    bool sink_ready;    /* likewise */
    bool sink_busy;     /* send() said so; on_writable will come */
    bool held_back;     /* a refused delivery waits for its back-off: nothing is sent, so that the
                         * order stays */
    bool retry_due;     /* the back-off is over, what is in flight is not */
    bool full;          /* the source is paused because the buffer is full */
    bool overflowing;   /* messages were dropped since there was room last */
    bool overflow_told; /* and the log has it: its end is told too */
    uint64_t overflow_dropped; /* since the last such end was told */
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
    struct bridge_told told_retry;
    struct bridge_told told_overflow;
    struct backoff retry;
    struct bridge_counters counters;
    struct histogram latency;
    enum bridge_state state;
    char source_why[BRIDGE_ERROR_SIZE]; /* of the last on_link WAITING */
    char sink_why[BRIDGE_ERROR_SIZE];
    char last_error[BRIDGE_ERROR_SIZE];
};

/* Sends what waits, in order, as far as the sink takes it; then bridge_flow_relieve(). */
void bridge_flow_pump(struct bridge *bridge);
/* Ends what a full buffer began (a paused source, dropping) once there is room. */
void bridge_flow_relieve(struct bridge *bridge);
/* Counts the waiting deliveries that are stale by now as returned, and frees them. */
void bridge_flow_forget_stale(struct bridge *bridge);
/* Gives back, or drops, all that waits; for a stop that has no more time. */
void bridge_flow_empty(struct bridge *bridge);

/* Whatever a delivery's end: `counter` counts it, the source gets it. It must be in no list. */
void bridge_settle(struct bridge *bridge, struct delivery *delivery, uint64_t *counter,
                   enum settlement how);
/* The sink will never take it: counted as dropped, the reason and words remembered and told. */
void bridge_settle_refused(struct bridge *bridge, struct delivery *delivery, enum refusal refusal,
                           const char *why);
/* Back to its queue (returned), or, where the source has none, dropped. */
void bridge_settle_unsent(struct bridge *bridge, struct delivery *delivery);
/* Remembers what went wrong, and logs it where the minute of `told` is over; whether it did. */
bool bridge_settle_note_error(struct bridge *bridge, struct bridge_told *told, const char *what,
                              const char *why);

/* Takes the next step of a stop, if one is under way and its time has come. */
void bridge_stop_step(struct bridge *bridge);
/* Works its state out anew and tells the host of a change. */
void bridge_update_state(struct bridge *bridge);

extern const struct source_events bridge_source_events;
extern const struct sink_events bridge_sink_events;

/* The events' bodies, by the file that has them. */
void bridge_on_delivery(void *ctx, struct delivery *delivery);
void bridge_on_writable(void *ctx);
void bridge_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why);

#endif
