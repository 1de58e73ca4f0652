/* A mirror: a Redis channel and an AMQP exchange become one. It is two bridges, from Redis to AMQP
 * and back, and this between them: what the one puts into its side must not go back through the
 * other.
 *
 * Redis messages carry no mark, so the echo of each PUBLISH is recognised (core/echo.h). The mirror
 * stands around the two Redis ends for that: the source of the one bridge, the sink of the other.
 * While the source is not subscribed, the sink waits: nobody could tell afterwards which messages
 * came before the new subscription.
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
    const char *pattern;           /* what the source subscribes to; NULL: one channel; borrowed */
    struct source *source;         /* of Redis; the mirror's own from now on */
    struct sink *sink;             /* likewise */
    uint8_t key[SIPHASH_KEY_SIZE]; /* secret */
    /* Sends PING on the source's subscription and has `on_pong` called when its reply comes; where
     * the subscription is lost, on_link says so instead. */
    void (*ping)(struct source *source, void (*on_pong)(void *ctx), void *ctx);
};

/* NULL: out of memory (source and sink then stay the caller's). */
struct mirror *mirror_new(const struct mirror_setup *setup);
/* After both bridges have been freed, or before they were given the ends. NULL is legal. */
void mirror_free(struct mirror *mirror);

/* The two ends for the bridges, which own them as they own any. */
struct source *mirror_source(struct mirror *mirror);
struct sink *mirror_sink(struct mirror *mirror);

/* The screen of the bridge to AMQP (bridge_setup.screen), with the mirror as its ctx: false for an
 * echo, which is then done with. */
bool mirror_passes(void *mirror, const struct delivery *delivery);

#endif
