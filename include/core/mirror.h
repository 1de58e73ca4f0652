/* A mirror: a Redis channel and an AMQP exchange become one. It is two bridges, from Redis to AMQP
 * and back, and this between them: what the one puts into its side must not go back through the
 * other.
 *
 * Redis messages carry no mark, so the echo of each PUBLISH is recognised (core/echo.h). The mirror
 * stands around the Redis ends for that: the source of the one bridge, the sink of the other.
 * While the source is not subscribed, the sink waits: nobody could tell afterwards which messages
 * came before the new subscription.
 *
 * Where the rule changes, new ends take the place of the old ones as those of any bridge do
 * (core/bridge.h). The old sink finishes first, and with it come all its echoes; then a new source
 * begins, and the new sink sends once that is subscribed. A source that stays is not touched.
 *
 * The mirror is a subscriber too, which the answer to PUBLISH counts; with that Redis reaches one
 * more than were meant. Where one less would be too few, the echo tells whether the mirror was one
 * of them.
 *
 * AMQP messages carry their origin in their headers; core/origin.h looks at that. */
#ifndef CHUNNELD_CORE_MIRROR_H
#define CHUNNELD_CORE_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "core/endpoint.h"

enum { MIRROR_ECHOES_MOST = 16384 }; /* expected at a time; then publishing waits */

struct mirror;

struct mirror_setup {
    const char *name;              /* of the bridge, for log lines; borrowed */
    uint8_t key[SIPHASH_KEY_SIZE]; /* secret */
    /* Sends PING on the subscription of a source that was wrapped and has `on_pong` called when its
     * reply comes; where the subscription is lost, on_link says so instead. A later call for the
     * same source takes the place of an earlier one. */
    void (*ping)(struct source *source, void (*on_pong)(void *ctx), void *ctx);
};

/* NULL: out of memory. */
struct mirror *mirror_new(const struct mirror_setup *setup);
/* After both bridges, and with them the ends, have been freed. NULL is legal. */
void mirror_free(struct mirror *mirror);

/* The ends for the bridges, which own them as they own any; what is inside is theirs from success
 * on. NULL: out of memory. The ends made last are the ones in force. */
struct source *mirror_wrap_source(struct mirror *mirror, struct source *inner);

struct mirror_sink_setup {
    struct sink *inner;
    const char *pattern; /* no other channel may be published on; NULL: any; borrowed */
    /* Of the inner sink, where it matters whether a message reached as many: the mirror's own
     * subscription is one of them. 0: nothing depends on it. */
    uint64_t min_subscribers;
};
struct sink *mirror_wrap_sink(struct mirror *mirror, const struct mirror_sink_setup *setup);

/* The screen of the bridge to AMQP (bridge_setup.screen), with the mirror as its ctx: false for an
 * echo, which is then done with. */
bool mirror_passes(void *mirror, const struct delivery *delivery);

#endif
