/* The insides of a subscriber, shared by subscriber.c and listener.c alone. */
#ifndef CHUNNELD_REDIS_SUBSCRIBER_PRIVATE_H
#define CHUNNELD_REDIS_SUBSCRIBER_PRIVATE_H

#include "base/backoff.h"
#include "redis/subscriber.h"

struct redis_subscriber {
    struct redis_connection *connection; /* owned */
    struct subscription_table table;
    LIST_HEAD(, redis_listener) listeners;
    struct rand *rand;       /* borrowed */
    struct loop_timer retry; /* ends the wait before refused ones are asked for again */
    struct backoff backoff;  /* between such rounds */
    size_t refused;          /* subscriptions in that state */
    uint64_t messages;       /* that came */
    uint64_t resumed_us;     /* monotonic time of the last resume; 0: none */
    uint64_t deaf_since_us;  /* of the renewal under way; 0: none */
};

uint64_t redis_subscriber_now_us(const struct redis_subscriber *subscriber);
/* Sends (P)SUBSCRIBE; while the socket is down nothing happens, as all is asked for when it is up
 * again. */
void redis_subscriber_ask(struct redis_subscriber *subscriber, struct subscription *subscription);
/* Sends (P)UNSUBSCRIBE, likewise. */
void redis_subscriber_unask(struct redis_subscriber *subscriber, struct subscription *subscription);

/* One more of what the listener wants is there: tells it when that was the last. */
void redis_listener_gain(struct redis_listener *listener);
/* The socket is lost, and was last heard at `heard_us`. */
void redis_listener_lose(struct redis_listener *listener, uint64_t heard_us, const char *why);
/* One of what it wants was refused: tells it, once a round. */
void redis_listener_refuse(struct redis_listener *listener, const char *why);

#endif
