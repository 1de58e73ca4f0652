/* One point in the streams of two subscribing sockets of one server. Both subscribe to a channel of
 * our own, then a marker is published there: what the server published before it stands before it
 * in either stream, and what came after it stands behind it. So a source that goes over from one
 * socket to the other loses nothing and takes nothing twice: the old one gives what comes before
 * its marker, the new one what comes after its own. For src/redis/source.c alone. */
#ifndef CHUNNELD_REDIS_HANDOVER_H
#define CHUNNELD_REDIS_HANDOVER_H

#include <stdbool.h>

#include "redis/hub.h"
#include "redis/subscriber.h"

struct redis_handover;

/* Called inside events of the subscribers. */
struct redis_handover_events {
    /* The old stream has come to the marker: nothing of it counts from now on. */
    void (*on_old_end)(void *ctx);
    /* The new stream has: everything of it counts from now on. */
    void (*on_new_begin)(void *ctx);
    /* There will be no marker: why, in words. `of_new`: the new socket's link was lost, or it has
     * not answered in time. */
    void (*on_failed)(void *ctx, bool of_new, const char *why);
};

/* From `old` to `fresh`; `hub` publishes the marker. All arguments are borrowed. NULL: out of
 * memory. */
struct redis_handover *redis_handover_new(struct redis_hub *hub, struct redis_subscriber *old,
                                          struct redis_subscriber *fresh,
                                          const struct redis_handover_events *events, void *ctx);
/* Begins; both sockets may be down still. May call an event before it returns. Once. */
void redis_handover_start(struct redis_handover *handover);
/* Waits no longer: on_failed as if the new socket had been lost. Calls it before it returns. */
void redis_handover_give_up(struct redis_handover *handover, const char *why);
/* Not inside an event of a subscriber; NULL is legal. */
void redis_handover_free(struct redis_handover *handover);

#endif
