/* What stands between a bridge and the two protocols: a source gives deliveries, a sink takes
 * them. The laws, run as one test over every endpoint:
 *
 * 1. No re-entrancy: an operation never calls an event back before it returns.
 * 2. One owner: send() takes the delivery if and only if it returns 0.
 * 3. Settled once: every delivery a sink took comes back in exactly one on_settled, and every
 *    delivery a source gave goes back in exactly one settle(); at stop and at link loss too.
 * 4. stop() is asynchronous and ends in exactly one on_stopped; after it no event comes.
 * 5. Every operation is legal in every link state.
 *
 * Events may call operations. Freeing an endpoint is legal after on_stopped (not inside it) or
 * before start(). One thread. */
#ifndef CHUNNELD_CORE_ENDPOINT_H
#define CHUNNELD_CORE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/delivery.h"
#include "core/outgoing.h"

/* What became of a delivery that a sink took, or could not take. */
enum outcome {
    OUTCOME_DELIVERED,      /* the far side has it (or it was written, where no confirm is asked) */
    OUTCOME_RETRY,          /* not taken this time (basic.nack, a passing error); send it again */
    OUTCOME_NO_EXCHANGE,    /* the exchange that it names itself is not there, or not for us; it may
                             * come: send it again, but not for ever */
    OUTCOME_LOST,           /* not known: the link was lost or given up; send it again */
    OUTCOME_UNROUTABLE,     /* mandatory, and no queue was bound: it came back */
    OUTCOME_NO_SUBSCRIBERS, /* PUBLISH reached fewer than min_subscribers */
    OUTCOME_REFUSED,        /* the far side will never take it; `why` says so */
    OUTCOME_TOO_LARGE,      /* over max_message_size, or headers over a frame */
};
const char *outcome_name(enum outcome outcome);
/* Words for OUTCOME_NO_SUBSCRIBERS of a message that reached so many; static. */
const char *outcome_nobody_words(uint32_t reached);

/* What a source is to do with a delivery that it gets back. */
enum settlement {
    SETTLE_ACK,     /* done with */
    SETTLE_REQUEUE, /* back to the queue it came from */
    SETTLE_REJECT,  /* not back: the queue's dead-letter exchange gets it */
    SETTLE_FORGET,  /* the tag means nothing any more, or was settled early: only free it */
};

/* What an endpoint can do; the bridge derives its guarantee from both. */
enum endpoint_can {
    ENDPOINT_SETTLES = 1u << 0,    /* source: settlement goes over the wire */
    ENDPOINT_REDELIVERS = 1u << 1, /* source: what is unsettled at a link loss comes again */
    ENDPOINT_PAUSES = 1u << 2,     /* source: pause() loses nothing */
    ENDPOINT_CONFIRMS = 1u << 3,   /* sink: OUTCOME_DELIVERED means that the far side said so */
    ENDPOINT_CALLS = 1u << 4, /* sink: what it takes are calls, which have no order and each end
                               * in their own time; a successor need not wait for them */
};

/* on_link: whether the endpoint can do its work now. */
enum endpoint_link {
    ENDPOINT_READY,   /* subscribed or consuming; channel open */
    ENDPOINT_WAITING, /* not now; `why` in words; it goes on trying by itself */
    ENDPOINT_LIMITED, /* sinks: it takes deliveries, which can only wait in it; `why` in words */
};

struct source_events {
    /* A message. The bridge owns the delivery from now on. */
    void (*on_delivery)(void *ctx, struct delivery *delivery);
    /* Deliveries whose epoch is not source->epoch any more are stale: the queue has them back and
     * gives them again; settle() of one is legal and does nothing on the wire. */
    void (*on_link)(void *ctx, enum endpoint_link link, const char *why);
    void (*on_stopped)(void *ctx);
    /* A message came for which there was no memory: it is gone. */
    void (*on_lost)(void *ctx);
};

struct sink_events {
    /* The bridge owns the delivery again. After a link loss they come in the order of sending,
     * before on_link. `why` is NULL or words for people, valid during the call. */
    void (*on_settled)(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why);
    /* send() returned SINK_BUSY before and may succeed now. */
    void (*on_writable)(void *ctx);
    void (*on_link)(void *ctx, enum endpoint_link link, const char *why);
    void (*on_stopped)(void *ctx);
    /* Where no confirm is asked for: a message that was OUTCOME_DELIVERED when it was written has
     * turned out to be OUTCOME_UNROUTABLE or OUTCOME_NO_SUBSCRIBERS. The delivery is gone. `why` as
     * above. NULL: nobody wants to know. */
    void (*on_late)(void *ctx, enum outcome outcome, const char *why);
};

struct source;
struct sink;

struct source_ops {
    /* Begin to give deliveries, as soon as the link allows. Once. */
    void (*start)(struct source *source);
    /* Give no more; the few already under way may still come. Legal twice. */
    void (*pause)(struct source *source);
    void (*resume)(struct source *source);
    /* Takes the delivery back and frees it. Acks may be gathered until the end of the turn. */
    void (*settle)(struct source *source, struct delivery *delivery, enum settlement how);
    /* Take in no more, ever; what was taken in may still come. on_stopped comes once all given
     * deliveries were settled and the settlements were written, or the link is gone. */
    void (*stop)(struct source *source);
    void (*free)(struct source *source);
};

enum sink_result {
    SINK_TAKEN = 0,      /* the sink owns the delivery */
    SINK_BUSY = -1,      /* not now: window full, blocked, link down, write buffer full */
    SINK_TOO_LARGE = -2, /* never: OUTCOME_TOO_LARGE; nothing was written */
    SINK_REFUSED = -3,   /* never: cannot be said in the protocol (key over 255 octets, ...) */
};

struct err;

struct sink_ops {
    void (*start)(struct sink *sink);
    /* Sends `out`, the delivery as mapped; `out` is borrowed for the call. What is not SINK_TAKEN
     * leaves the delivery with the caller; for the two refusals `err` has the words. */
    enum sink_result (*send)(struct sink *sink, struct delivery *delivery,
                             const struct outgoing *out, struct err *err);
    /* Take no more. What it still holds is settled: as confirmed while the link is good, as
     * OUTCOME_LOST when it is not, or when `now` is set. Then on_stopped. Legal a second time
     * with `now`, to hurry. */
    void (*stop)(struct sink *sink, bool now);
    void (*free)(struct sink *sink);
    /* `count` deliveries wait until it is no longer busy; the last of them has just come. NULL:
     * that is nothing to it. */
    void (*on_queued)(struct sink *sink, uint64_t count);
};

/* Embedded first in every source. `events` and `ctx` are set by the bridge before start(). */
struct source {
    const struct source_ops *ops;
    const struct source_events *events;
    void *ctx;
    unsigned can;   /* enum endpoint_can */
    uint32_t epoch; /* of the deliveries that can still be settled; the source moves it on as soon
                     * as their channel is lost, before on_link says so */
};

struct sink {
    const struct sink_ops *ops;
    const struct sink_events *events;
    void *ctx;
    unsigned can;
    bool urgent; /* somebody waits for each delivery: none is held up to go with others; set by who
                  * makes it, before start() */
};

/* Frees an endpoint as its own free() does; NULL is legal. */
void endpoint_free_source(struct source *source);
void endpoint_free_sink(struct sink *sink);

#endif
