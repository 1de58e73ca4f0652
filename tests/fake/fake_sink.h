/* A sink without a server, a socket or a clock: the test plays the far side. What it lets happen
 * (an answer, a lost link) is raised as an event at once; on_writable and on_stopped wait in the
 * pump. It keeps the laws of core/endpoint.h and holds the bridge to its own. */
#ifndef CHUNNELD_TESTS_FAKE_SINK_H
#define CHUNNELD_TESTS_FAKE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "core/endpoint.h"
#include "fake_pump.h"

struct fake_sink {
    struct sink sink; /* first */
    struct fake_pump *pump;
    struct fake_call stopped_call;
    struct fake_call writable_call;
    bool started;
    bool stopping;
    bool stop_now;
    bool stopped;
    bool ready;
    bool busy_told;        /* send() said SINK_BUSY: on_writable is due */
    size_t limit;          /* most deliveries in flight */
    bool blocked;          /* takes none whatever the limit */
    uint64_t queued;       /* as on_queued() said last */
    enum sink_result says; /* what send() answers where it could take one; SINK_TAKEN */
    const char *says_why;  /* words of a refusal */
    /* Sees each delivery that was taken; NULL: nobody. Calls nothing. */
    void (*on_take)(void *ctx, const struct delivery *delivery);
    /* Sees what was sent, likewise. */
    void (*on_out)(void *ctx, const struct delivery *delivery, const struct outgoing *out);
    void *ctx;                      /* of both */
    struct delivery_list in_flight; /* in the order of sending */
    size_t in_flight_count;
    size_t taken_count; /* deliveries taken since it was made; settled_count likewise */
    size_t settled_count;
    unsigned stops;            /* calls of stop() */
    struct strbuf sent;        /* "1 2 ": bodies in the order of sending */
    char last_routing_key[64]; /* of the last delivery taken */
    char last_headers[256];    /* likewise: "name=value " for each that is a string */
};

/* Owned by the bridge that it is given to. */
struct fake_sink *fake_sink_new(struct fake_pump *pump, unsigned can, size_t limit);
/* Tells on_link. A ready sink that must wait gives back all that is in flight as lost, in order,
 * before. */
void fake_sink_link(struct fake_sink *sink, enum endpoint_link link, const char *why);
/* The far side answers for the delivery in flight with `body`. */
void fake_sink_answer(struct fake_sink *sink, const char *body, enum outcome outcome,
                      const char *why);
/* And for the oldest in flight. */
void fake_sink_answer_first(struct fake_sink *sink, enum outcome outcome, const char *why);
/* Takes deliveries again after `blocked`; on_writable is due. */
void fake_sink_unblock(struct fake_sink *sink);

#endif
