/* A publishing socket, shared by the sinks of a connection. It also keeps an eye on the server: a
 * replica accepts PUBLISH and hands the message to nobody else, so replies count only once a ROLE
 * that was sent behind them has been answered "master" (a fence). */
#ifndef CHUNNELD_REDIS_PUBLISHER_H
#define CHUNNELD_REDIS_PUBLISHER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "redis/connection.h"

struct redis_publisher;

struct redis_publisher_events {
    void (*on_up)(void *ctx);
    /* Replies waited for will not come; those since the last fence mean nothing. */
    void (*on_down)(void *ctx, const char *why);
    void (*on_writable)(void *ctx);
    /* All replies up to now are those of a master. */
    void (*on_fence)(void *ctx);
};

/* One who publishes; embedded by value. */
struct redis_publisher_client {
    LIST_ENTRY(redis_publisher_client) link;
    const struct redis_publisher_events *events; /* borrowed */
    void *ctx;                                   /* of events */
};

/* A publisher, not connected; NULL: out of memory. `setup` as for a connection. */
struct redis_publisher *redis_publisher_new(const struct redis_connection_setup *setup);
/* Its clients must be removed. NULL is legal; not inside an event. */
void redis_publisher_free(struct redis_publisher *publisher);
void redis_publisher_start(struct redis_publisher *publisher);
struct redis_connection *redis_publisher_connection(struct redis_publisher *publisher);

void redis_publisher_add(struct redis_publisher *publisher, struct redis_publisher_client *client);
/* Replies that the client's ctx waits for are dropped. */
void redis_publisher_remove(struct redis_publisher *publisher,
                            struct redis_publisher_client *client);

/* Sends PUBLISH; the reply goes to `on_reply`. 0, or -1: not up, or out of memory (then on_down
 * follows). `fenced`: the caller waits for on_fence before it believes the reply; nothing else is
 * needed where redis_publisher_is_fenced() says no. */
int redis_publisher_publish(struct redis_publisher *publisher, struct slice channel,
                            struct slice body, bool fenced, redis_on_reply on_reply, void *ctx,
                            void *arg);
/* Whether fences come: not where the user may not run ROLE. */
bool redis_publisher_is_fenced(const struct redis_publisher *publisher);

#endif
