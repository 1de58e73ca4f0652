/* A subscribing socket and what it is subscribed to: channels and patterns, each once, shared by
 * the listeners (sources) that want it. It subscribes again after every loss, asks again for what
 * was refused, and counts for each listener the time without a subscription. */
#ifndef CHUNNELD_REDIS_SUBSCRIBER_H
#define CHUNNELD_REDIS_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "core/status.h"
#include "redis/connection.h"
#include "redis/subscription.h"

struct redis_subscriber;

struct redis_listener_events {
    /* A message. The slices are valid during the call; pattern.data NULL: of a channel. */
    void (*on_message)(void *ctx, struct slice channel, struct slice pattern, struct slice body);
    /* All that it wants is subscribed; a gap that was under way has ended. */
    void (*on_ready)(void *ctx);
    /* Something that it wants is not subscribed: why, in words; "" where nothing is
     * wrong, and only the confirmation is to come. May repeat. */
    void (*on_waiting)(void *ctx, const char *why);
};

/* One who wants messages; embedded by value, made by redis_subscriber_add. */
struct redis_listener {
    LIST_ENTRY(redis_listener) link;
    struct redis_subscriber *subscriber;        /* borrowed; NULL: not added */
    const struct redis_listener_events *events; /* borrowed */
    void *ctx;                                  /* of events */
    struct subscription_ref *refs;              /* owned: what it wants */
    size_t count;                               /* of refs */
    size_t missing;                             /* refs that are not active, while joined */
    bool joined;                                /* it wants messages now */
    bool told_refusal;                          /* of the first refused one of this round */
    struct subscription_gap gap;                /* time not subscribed after it was */
};

/* A subscriber, not connected; NULL: out of memory. `setup` as for a connection. */
struct redis_subscriber *redis_subscriber_new(const struct redis_connection_setup *setup);
/* Its listeners must be removed. NULL is legal; not inside an event. */
void redis_subscriber_free(struct redis_subscriber *subscriber);
void redis_subscriber_start(struct redis_subscriber *subscriber);
const struct redis_connection *redis_subscriber_connection(const struct redis_subscriber *s);

/* Sends PING: its reply comes behind all messages that the server has put into the stream by then.
 * -1: not up, or out of memory. */
int redis_subscriber_ping(struct redis_subscriber *subscriber, redis_on_reply on_reply, void *ctx);
/* The replies that `ctx` waits for are dropped. */
void redis_subscriber_forget(struct redis_subscriber *subscriber, const void *ctx);

/* Messages that came on it so far, for listeners or not. */
uint64_t redis_subscriber_messages(const struct redis_subscriber *subscriber);
/* Monotonic time at which reading went on after the last pause; 0: never paused. */
uint64_t redis_subscriber_resumed_us(const struct redis_subscriber *subscriber);
/* Gives the socket up and connects anew, as it hears nothing: for its listeners the time without a
 * subscription begins at the monotonic time `since_us`, the last at which it is known to have heard
 * everything. Legal inside an event. */
void redis_subscriber_renew(struct redis_subscriber *subscriber, const char *why,
                            uint64_t since_us);

/* Makes `listener` one of the subscriber's, for `count` names; nothing is sent yet. 0, or -1: out
 * of memory. `names` is not kept. */
int redis_subscriber_add(struct redis_subscriber *subscriber, struct redis_listener *listener,
                         enum subscription_kind kind, const char *const *names, size_t count,
                         const struct redis_listener_events *events, void *ctx);
/* Takes it out, also while joined; legal on a zeroed listener. Not inside an event. */
void redis_listener_remove(struct redis_listener *listener);

/* Subscribes. Calls on_ready or on_waiting before it returns, so it is not for use inside an
 * operation of an endpoint. Legal when joined. */
void redis_listener_join(struct redis_listener *listener);
/* Unsubscribes what nobody else wants; no message comes after it. `for_good` ends a gap under way,
 * otherwise the time until it joins again is one. Legal when not joined; not inside on_message. */
void redis_listener_leave(struct redis_listener *listener, bool for_good);

/* Stops and goes on reading; all its listeners share that. */
void redis_subscriber_pause(struct redis_subscriber *subscriber, enum redis_pause why);
void redis_subscriber_resume(struct redis_subscriber *subscriber, enum redis_pause why);

#endif
