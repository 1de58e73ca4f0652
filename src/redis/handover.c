/* A marker in two streams. For: subscribing to its channel on both sockets, publishing it, giving
 * up where it does not come. Not for: the messages around it (source.c). */
#include "redis/handover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/delivery.h"
#include "redis/canary.h"

enum { HANDOVER_CHANNEL_SIZE = 80 };

#define HANDOVER_TRY_US (20 * CLOCK_US_PER_MS) /* until the publishing socket is up */
#define HANDOVER_PATIENCE_US (5 * CLOCK_US_PER_S)

/* One end of it. */
struct handover_end {
    struct redis_handover *handover;
    struct redis_listener listener;
    bool ready;
    bool passed; /* the marker came */
};

struct redis_handover {
    struct redis_hub *hub;
    struct loop *loop;
    const struct redis_handover_events *events;
    void *ctx;
    char channel[HANDOVER_CHANNEL_SIZE]; /* of the marker, nobody else's */
    struct handover_end old;
    struct handover_end fresh;
    struct loop_timer timer; /* to publish again, or to give up */
    uint64_t give_up_us;     /* monotonic */
    bool published;
    bool ended;
};

static void handover_fail(struct redis_handover *handover, bool of_new, const char *why)
{
    if (!handover->ended) {
        handover->ended = true;
        loop_timer_cancel(&handover->timer);
        handover->events->on_failed(handover->ctx, of_new, why);
    }
}

/* Publishes where both listen and nobody did. */
static void handover_publish(struct redis_handover *handover)
{
    uint64_t now = loop_now_us(handover->loop);
    uint64_t left = handover->give_up_us > now ? handover->give_up_us - now : 0;
    bool due = handover->old.ready && handover->fresh.ready && !handover->published;

    if (handover->ended) {
        return;
    }
    if (left == 0) {
        handover_fail(handover, !handover->fresh.ready,
                      "no marker came in time; is the user allowed to publish on "
                      "\"" REDIS_CANARY_CHANNELS "*\"?");
        return;
    }
    if (due) {
        handover->published =
            redis_hub_publish(handover->hub, slice_of(handover->channel), SLICE("")) == 0;
    }
    loop_timer_set(&handover->timer,
                   due && !handover->published && left > HANDOVER_TRY_US ? HANDOVER_TRY_US : left);
}

static void handover_on_timer(void *ctx)
{
    handover_publish(ctx);
}

static void end_on_message(void *ctx, struct slice channel, struct slice pattern, struct slice body)
{
    struct handover_end *end = ctx;
    struct redis_handover *handover = end->handover;

    (void)channel;
    (void)pattern;
    (void)body;
    if (handover->ended || end->passed) {
        return;
    }
    end->passed = true;
    handover->ended = handover->old.passed && handover->fresh.passed;
    if (handover->ended) {
        loop_timer_cancel(&handover->timer);
    }
    if (end == &handover->old) {
        handover->events->on_old_end(handover->ctx);
    } else {
        handover->events->on_new_begin(handover->ctx);
    }
}

static void end_on_ready(void *ctx)
{
    struct handover_end *end = ctx;

    end->ready = true;
    handover_publish(end->handover);
}

/* What was lost with the link would be missing on one side of the marker; but the old one has done
 * its part once it has the marker. */
static void end_on_waiting(void *ctx, const char *why)
{
    struct handover_end *end = ctx;
    struct redis_handover *handover = end->handover;

    bool is_cut = !redis_connection_is_up(redis_subscriber_connection(end->listener.subscriber));

    if (end->listener.told_refusal) {
        handover_fail(handover, false, why);
    } else if (end == &handover->old && !end->passed && is_cut) {
        handover_fail(handover, false, why); /* confirmed or not, nothing more comes of it */
    } else if (end->ready && !handover->old.passed) {
        handover_fail(handover, end == &handover->fresh, why);
    } else if (end->ready && end == &handover->fresh) {
        handover_fail(handover, true, why);
    }
}

static const struct redis_listener_events end_events = {
    .on_message = end_on_message,
    .on_ready = end_on_ready,
    .on_waiting = end_on_waiting,
};

static int end_init(struct handover_end *end, struct redis_handover *handover,
                    struct redis_subscriber *subscriber)
{
    const char *names[] = {handover->channel};

    end->handover = handover;
    return redis_subscriber_add(subscriber, &end->listener, SUBSCRIPTION_CHANNEL, names, 1,
                                &end_events, end);
}

struct redis_handover *redis_handover_new(struct redis_hub *hub, struct redis_subscriber *old,
                                          struct redis_subscriber *fresh,
                                          const struct redis_handover_events *events, void *ctx)
{
    static uint64_t number;
    struct redis_handover *handover = calloc(1, sizeof(*handover));

    if (handover == NULL) {
        return NULL;
    }
    handover->hub = hub;
    handover->loop = redis_connection_loop(redis_subscriber_connection(fresh));
    handover->events = events;
    handover->ctx = ctx;
    snprintf(handover->channel, sizeof(handover->channel),
             REDIS_CANARY_CHANNELS "handover.%016" PRIx64 ".%" PRIu64, delivery_get_process(),
             ++number);
    if (loop_timer_init(&handover->timer, handover->loop, handover_on_timer, handover) != 0 ||
        end_init(&handover->old, handover, old) != 0 ||
        end_init(&handover->fresh, handover, fresh) != 0) {
        redis_handover_free(handover);
        return NULL;
    }
    return handover;
}

void redis_handover_start(struct redis_handover *handover)
{
    handover->give_up_us = loop_now_us(handover->loop) + HANDOVER_PATIENCE_US;
    redis_hub_want_publisher(handover->hub);
    redis_listener_join(&handover->old.listener);
    redis_listener_join(&handover->fresh.listener);
    handover_publish(handover);
}

void redis_handover_give_up(struct redis_handover *handover, const char *why)
{
    handover_fail(handover, true, why);
}

void redis_handover_free(struct redis_handover *handover)
{
    if (handover == NULL) {
        return;
    }
    handover->ended = true;
    loop_timer_fini(&handover->timer);
    redis_listener_remove(&handover->old.listener);
    redis_listener_remove(&handover->fresh.listener);
    free(handover);
}
