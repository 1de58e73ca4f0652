/* Those who want messages of a subscriber. For: joining and leaving, knowing when all that one
 * wants is there, the time when it was not. Not for: the socket (subscriber.c). */
#include <stdlib.h>

#include "redis/subscriber_private.h"

static void listener_begin_gap(struct redis_listener *listener, uint64_t since_us)
{
    if (listener->gap.since_us == 0) {
        listener->gap.count++;
        listener->gap.since_us = since_us ? since_us : 1;
    }
}

static void listener_end_gap(struct redis_listener *listener, uint64_t now_us)
{
    if (listener->gap.since_us != 0) {
        listener->gap.total_us = subscription_gap_us(&listener->gap, now_us);
        listener->gap.since_us = 0;
    }
}

static void listener_check_ready(struct redis_listener *listener)
{
    if (listener->missing == 0) {
        listener->told_refusal = false;
        listener_end_gap(listener, redis_subscriber_now_us(listener->subscriber));
        listener->events->on_ready(listener->ctx);
    }
}

void redis_listener_gain(struct redis_listener *listener)
{
    if (listener->joined) {
        listener->missing--;
        listener_check_ready(listener);
    }
}

void redis_listener_lose(struct redis_listener *listener, uint64_t heard_us, const char *why)
{
    if (listener->joined) {
        if (listener->missing < listener->count) {
            listener_begin_gap(listener, heard_us);
        }
        listener->missing = listener->count;
        listener->told_refusal = false;
        listener->events->on_waiting(listener->ctx, why);
    }
}

void redis_listener_refuse(struct redis_listener *listener, const char *why)
{
    if (listener->joined && !listener->told_refusal) {
        listener->told_refusal = true;
        listener->events->on_waiting(listener->ctx, why);
    }
}

/* Whether it has that name already. New listeners come first, so that one look is enough. */
static bool listener_has(struct redis_listener *listener, enum subscription_kind kind,
                         struct slice name)
{
    struct subscription *subscription =
        subscription_table_find(&listener->subscriber->table, kind, name);

    return subscription != NULL && !LIST_EMPTY(&subscription->refs) &&
           LIST_FIRST(&subscription->refs)->listener == listener;
}

int redis_subscriber_add(struct redis_subscriber *s, struct redis_listener *listener,
                         enum subscription_kind kind, const char *const *names, size_t count,
                         const struct redis_listener_events *events, void *ctx)
{
    size_t i;

    *listener = (struct redis_listener){.subscriber = s, .events = events, .ctx = ctx};
    LIST_INSERT_HEAD(&s->listeners, listener, link);
    listener->refs = calloc(count, sizeof(*listener->refs));
    if (listener->refs == NULL) {
        redis_listener_remove(listener);
        return -1;
    }
    for (i = 0; i < count; i++) {
        if (listener_has(listener, kind, slice_of(names[i]))) {
            continue;
        }
        if (subscription_table_add(&s->table, kind, slice_of(names[i]), listener,
                                   &listener->refs[listener->count]) != 0) {
            redis_listener_remove(listener);
            return -1;
        }
        listener->count++;
    }
    return 0;
}

void redis_listener_remove(struct redis_listener *listener)
{
    size_t i;

    if (listener->subscriber == NULL) {
        return;
    }
    redis_listener_leave(listener, true);
    for (i = 0; i < listener->count; i++) {
        subscription_table_remove(&listener->subscriber->table, &listener->refs[i]);
    }
    LIST_REMOVE(listener, link);
    free(listener->refs);
    *listener = (struct redis_listener){.gap = listener->gap};
}

void redis_listener_join(struct redis_listener *listener)
{
    struct redis_subscriber *s = listener->subscriber;
    size_t i;

    if (listener->joined) {
        return;
    }
    listener->joined = true;
    listener->told_refusal = false;
    listener->missing = 0;
    for (i = 0; i < listener->count; i++) {
        struct subscription *subscription = listener->refs[i].subscription;

        subscription->wanted++;
        listener->missing += subscription->state != SUBSCRIPTION_ACTIVE;
        if (subscription->state == SUBSCRIPTION_IDLE) {
            redis_subscriber_ask(s, subscription);
        }
    }
    listener_check_ready(listener);
    if (listener->missing > 0) {
        /* To wait for a confirmation is nothing wrong. */
        listener->events->on_waiting(listener->ctx, redis_connection_is_up(s->connection)
                                                        ? ""
                                                        : redis_connection_why(s->connection));
    }
}

void redis_listener_leave(struct redis_listener *listener, bool for_good)
{
    struct redis_subscriber *s = listener->subscriber;
    size_t i;

    if (listener->joined && !for_good && listener->missing < listener->count) {
        listener_begin_gap(listener, redis_subscriber_now_us(s));
    }
    if (for_good) {
        listener_end_gap(listener, redis_subscriber_now_us(s));
    }
    for (i = 0; listener->joined && i < listener->count; i++) {
        struct subscription *subscription = listener->refs[i].subscription;

        if (--subscription->wanted > 0) {
            continue;
        }
        if (subscription->state == SUBSCRIPTION_REFUSED) {
            s->refused--;
        } else if (subscription->state != SUBSCRIPTION_IDLE) {
            redis_subscriber_unask(s, subscription);
        }
        subscription->state = SUBSCRIPTION_IDLE;
    }
    listener->joined = false;
}
