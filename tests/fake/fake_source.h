/* A source without a server, a socket or a clock: the test plays the far side. What it lets happen
 * (a message, a lost link) is raised as an event at once; on_stopped waits in the pump. It keeps
 * the laws of core/endpoint.h and holds the bridge to its own: every delivery settled once, nothing
 * settled that is not its own, started and stopped once. */
#ifndef CHUNNELD_TESTS_FAKE_SOURCE_H
#define CHUNNELD_TESTS_FAKE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "core/endpoint.h"
#include "fake_pump.h"

/* What became of a delivery that the source gave. */
struct fake_given {
    uint32_t epoch;
    bool settled;
    enum settlement how;
};

struct fake_source {
    struct source source; /* first */
    struct fake_pump *pump;
    struct fake_call stopped_call;
    bool started;
    bool paused;
    bool stopping;
    bool stopped;    /* on_stopped was raised */
    bool ready;      /* the link, as last told */
    unsigned pauses; /* calls of pause(); resumes likewise */
    unsigned resumes;
    const char *refused_why;  /* of the next deliveries: the source could not take them in whole */
    bool is_too_large;        /* likewise */
    const char *channel;      /* likewise: where they come from; "news" */
    struct fake_given *given; /* owned; a delivery's tag is its index + 1 */
    size_t given_count;
    size_t given_size;
    size_t settled_count;
    /* Sees each settlement before the delivery is freed; NULL: nobody. Calls nothing. */
    void (*on_settle)(void *ctx, const struct delivery *delivery, enum settlement how);
    void *ctx;             /* of on_settle */
    uint64_t now_us;       /* received_us of what is given from now on */
    struct strbuf settled; /* "1:ack 2:requeue ": bodies in the order of settling */
};

/* Owned by the bridge that it is given to. `can` is of enum endpoint_can. */
struct fake_source *fake_source_new(struct fake_pump *pump, unsigned can);
/* Tells on_link. A ready source that must wait loses its channel first: the epoch moves on. */
void fake_source_link(struct fake_source *source, enum endpoint_link link, const char *why);
/* Raises on_delivery with `body` (at most 4,000 bytes) on its channel, queue "jobs" with the
 * routing key "a.b"; `properties` are borrowed, NULL: none. */
void fake_source_give(struct fake_source *source, const char *body,
                      const struct properties *properties);
/* Deliveries given and not settled. */
size_t fake_source_outstanding(const struct fake_source *source);

#endif
