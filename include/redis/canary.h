/* A canary: a numbered message that the daemon publishes to itself, on a channel of its own,
 * through the publishing socket of a connection, and expects on each of its subscribing sockets. A
 * subscription may be deaf while its socket lives, and answers PING: whoever stands between us and
 * Redis may have lost it. What does not hear the canary within one interval, and nothing else
 * either, is renewed.
 *
 * A canary that could not be published says nothing about subscriptions: then nobody is judged. Nor
 * is a socket that does not read, or that has more to read than it can. */
#ifndef CHUNNELD_REDIS_CANARY_H
#define CHUNNELD_REDIS_CANARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/rand.h"
#include "core/status.h"
#include "redis/subscriber.h"

/* All canaries, those of other daemons too, are on channels that begin with this; no pattern of a
 * bridge matches them. */
#define REDIS_CANARY_CHANNELS "chunnel.canary."

static inline bool redis_canary_is_channel(struct slice channel)
{
    static const struct slice begin = SLICE(REDIS_CANARY_CHANNELS);

    return channel.len >= begin.len && memcmp(channel.data, begin.data, begin.len) == 0;
}

struct redis_canary;

/* A subscribing socket that is to hear it; embedded by value. */
struct redis_canary_ear {
    LIST_ENTRY(redis_canary_ear) link;
    struct redis_canary *canary;         /* borrowed; NULL: not added */
    struct redis_subscriber *subscriber; /* borrowed */
    struct redis_listener listener;      /* of the canary's channel */
    bool is_ready;                       /* it is subscribed */
    bool expects;                        /* the canary sent last, which it has not heard */
    uint64_t refused_ups;                /* times up of the link that refused it; 0: none did */
    uint64_t proof_us;      /* monotonic: all that was published before then was heard */
    uint64_t sent_messages; /* that had come when the last canary was sent */
    uint64_t sent_bytes;    /* likewise */
    uint64_t last_us;       /* how long the last one took; 0: none came yet */
    unsigned vain;          /* renewals since one came */
    unsigned patience;      /* canaries that may still stay away before the next renewal */
};

/* NULL: out of memory. One is sent every `interval_us`. */
struct redis_canary *redis_canary_new(const struct redis_connection_setup *setup,
                                      uint64_t interval_us);
/* Its ears must be removed. NULL is legal. */
void redis_canary_free(struct redis_canary *canary);

/* One more to listen: 0, or -1: out of memory. */
int redis_canary_add(struct redis_canary *canary, struct redis_canary_ear *ear,
                     struct redis_subscriber *subscriber);
/* Legal on a zeroed ear; not inside an event. */
void redis_canary_remove(struct redis_canary_ear *ear);
/* The socket to publish on, which is freed after redis_canary_set_publisher(canary, NULL). */
void redis_canary_set_publisher(struct redis_canary *canary, struct redis_connection *publisher);

void redis_canary_get_status(const struct redis_canary *canary, struct canary_status *out_status);

#endif
