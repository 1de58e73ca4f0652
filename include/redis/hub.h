/* Everything of one configured Redis connection: the subscribing and the publishing sockets, made
 * when first needed and shared by its bridges. The way in for app/. */
#ifndef CHUNNELD_REDIS_HUB_H
#define CHUNNELD_REDIS_HUB_H

#include "base/err.h"
#include "base/rand.h"
#include "conf/config.h"
#include "core/budget.h"
#include "core/endpoint.h"
#include "core/status.h"
#include "net/loop.h"

struct redis_hub;

/* NULL and words in `err` (TLS files unreadable, memory). All arguments are borrowed for its
 * life. Sockets connect as soon as a source or sink was made and redis_hub_start() called. */
struct redis_hub *redis_hub_new(struct loop *loop, const struct conf_connection *conf,
                                const char *instance, struct rand *rand, struct err *err);
/* Endpoints of it must be freed. NULL is legal. */
void redis_hub_free(struct redis_hub *hub);
void redis_hub_start(struct redis_hub *hub);

/* A source for a bridge; `dedicated`: on a subscribing socket of its own, named after the bridge
 * and shared with nobody but its sources, so that pausing it stops nobody else (when_full pause).
 * NULL: out of memory. */
struct source *redis_source_new(struct redis_hub *hub, const struct conf_source *conf,
                                const char *bridge, bool dedicated);
/* Where two sockets meet, and what is held of the new one until the old one has come there too. */
struct redis_meeting {
    struct redis_hub *hub; /* publishes the marker; NULL: the two may be of two servers */
    struct budget *budget; /* what is held is part of it; borrowed */
    uint64_t most;         /* bytes held at most: with more, the old one goes on, and it is tried
                            * again */
};

/* `source`, which has not been started, is to follow `old`: the books of the time without a
 * subscription go on. `source` gives nothing before, and `old` nothing after, one place in the
 * stream: on one socket where all is subscribed that `source` wants, on two where a marker stands
 * that is published when that is so. Of two servers both give until `old` is stopped. */
void redis_source_follow(struct source *source, struct source *old,
                         const struct redis_meeting *meeting);
/* Time without a subscription of a source made by redis_source_new. */
const struct subscription_gap *redis_source_gap(const struct source *source);
/* Sends PING on the subscription of a source made by redis_source_new; `on_pong` is called when its
 * reply comes, behind all messages that were published before. Not where the link is lost, or down:
 * on_link tells of that. A second call replaces the first. */
void redis_source_ping(struct source *source, void (*on_pong)(void *ctx), void *ctx);

struct sink *redis_sink_new(struct redis_hub *hub, const struct conf_sink *conf,
                            const struct bridge_options *options);

/* Publishes outside any bridge (stats); dropped while the socket is down: 0, or -1 then. Makes the
 * publishing socket if there is none. */
int redis_hub_publish(struct redis_hub *hub, struct slice channel, struct slice body);
/* Makes the publishing socket at start, for a hub that only publishes stats. */
void redis_hub_want_publisher(struct redis_hub *hub);

/* Stops reading what is shared by several bridges, for a moment: Redis keeps what comes meanwhile,
 * up to its limit for slow subscribers (32 MB), and cuts who lets it grow beyond. A subscription
 * made meanwhile is read. */
void redis_hub_hold_reading(struct redis_hub *hub, bool hold);
/* Bytes read from there so far, and whether that is all that had come. */
uint64_t redis_hub_bytes_read(const struct redis_hub *hub);
bool redis_hub_is_caught_up(const struct redis_hub *hub);

/* The status of all its sockets as one: the worst state, the newest error, sums. */
void redis_hub_status(const struct redis_hub *hub, struct connection_status *out_status);

#endif
