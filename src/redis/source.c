/* The source of Redis messages. For: one delivery a message, and the laws of endpoints. Not for:
 * subscriptions and gaps (subscriber.c, listener.c).
 *
 * Operations only note what is wanted; a task at the end of the turn subscribes, unsubscribes and
 * says that it has stopped, since those call events. Messages are given in the midst of a fan-out
 * to other sources, so nothing may be torn down there either. */
#include "redis/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "redis/hub.h"
#include "redis/source_private.h"

#define SOURCE_GAP_LOG_US (60 * CLOCK_US_PER_S) /* a gap is logged at most so often */

static bool source_is_wanted(const struct redis_source *s)
{
    return s->started && !s->stopping && (s->dedicated || !s->paused);
}

/* Remembers how the first gap that was not logged began, and when the last one did. */
static void source_note_gap(struct redis_source *s, const char *why)
{
    const struct subscription_gap *gap = &s->listener.gap;

    if (gap->since_us == 0) {
        return;
    }
    s->last_gap_from_us = clock_wall_us() - (int64_t)(loop_now_us(s->loop) - gap->since_us);
    if (s->gap_from_us == 0) {
        s->gap_from_us = s->last_gap_from_us;
        snprintf(s->gap_why, sizeof(s->gap_why), "%s", why);
    }
}

static void source_work(void *ctx)
{
    struct redis_source *s = ctx;

    if (s->stopping || s->handover_ended) {
        redis_source_end_handover(s);
    }
    if (s->stopping) {
        redis_source_give_held(s);
    }
    if (source_is_wanted(s)) {
        redis_listener_join(&s->listener);
        redis_source_try_again(s);
    } else {
        redis_listener_leave(&s->listener, s->stopping);
        source_note_gap(s, "paused");
    }
    if (s->stopping && s->outstanding == 0 && !s->stopped) {
        s->stopped = true;
        s->base.events->on_stopped(s->base.ctx);
    }
}

static int64_t source_wall_us(struct redis_source *s, uint64_t now_us)
{
    if (s->turn_us != now_us) {
        s->turn_us = now_us;
        s->turn_wall_us = clock_wall_us();
    }
    return s->turn_wall_us;
}

/* Copies `from` to `at`, moves `at` behind it and returns the copy. */
static struct slice source_copy(char **at, struct slice from)
{
    struct slice copy = {*at, from.len};

    if (from.len > 0) {
        memcpy(*at, from.data, from.len);
        *at += from.len;
    }
    return copy;
}

static void source_on_message(void *ctx, struct slice channel, struct slice pattern,
                              struct slice body)
{
    struct redis_source *s = ctx;
    struct delivery *delivery;
    char *at;

    if (s->stopping || s->muted) {
        return;
    }
    delivery = delivery_new(channel.len + pattern.len + body.len, &at);
    if (delivery == NULL) {
        s->base.events->on_lost(s->base.ctx);
        return;
    }
    delivery->channel = source_copy(&at, channel);
    if (pattern.data != NULL) {
        delivery->pattern = source_copy(&at, pattern);
    }
    delivery->body = source_copy(&at, body);
    delivery->received_us = loop_now_us(s->loop);
    delivery->wall_us = source_wall_us(s, delivery->received_us);
    s->outstanding++;
    if (s->begun) {
        redis_source_hold(s, delivery);
        return;
    }
    s->base.events->on_delivery(s->base.ctx, delivery);
}

/* Each one by itself is a detail. */
static void source_detail_gap(struct redis_source *s)
{
    char from[CLOCK_TEXT_SIZE];
    char to[CLOCK_TEXT_SIZE];

    if (s->listener.gap.count == s->gaps_detailed) {
        return;
    }
    s->gaps_detailed = s->listener.gap.count;
    clock_format(s->last_gap_from_us, from);
    clock_format(clock_wall_us(), to);
    log_debug("bridge", s->bridge, "was not subscribed", log_text("from", from),
              log_text("to", to));
}

/* One line a minute at most, with the sums. What was published in a gap nobody can count: its two
 * ends are the bound. */
static void source_log_gap(struct redis_source *s)
{
    uint64_t now = loop_now_us(s->loop);
    char from[CLOCK_TEXT_SIZE];
    char to[CLOCK_TEXT_SIZE];

    if (s->listener.gap.count == s->gaps_logged ||
        (s->gap_logged_us != 0 && now - s->gap_logged_us < SOURCE_GAP_LOG_US)) {
        return;
    }
    s->gaps_logged = s->listener.gap.count;
    s->gap_logged_us = now;
    clock_format(s->gap_from_us, from);
    clock_format(clock_wall_us(), to);
    s->gap_from_us = 0;
    log_warn(
        "bridge", s->bridge,
        "subscribed again after a time without a subscription: what was published then is lost",
        log_text("from", from), log_text("to", to), log_text("why", s->gap_why),
        log_number("times", s->gaps_logged),
        log_number("total_ms", s->listener.gap.total_us / CLOCK_US_PER_MS));
}

void redis_source_tell_ready(struct redis_source *s)
{
    if (s->dedicated && s->paused) {
        redis_subscriber_pause(s->subscriber, REDIS_PAUSE_FULL);
    }
    source_detail_gap(s);
    source_log_gap(s);
    s->ready = true;
    s->why[0] = '\0';
    s->base.events->on_link(s->base.ctx, ENDPOINT_READY, NULL);
}

static void source_on_ready(void *ctx)
{
    struct redis_source *s = ctx;

    if (redis_source_take_over(s)) {
        redis_source_tell_ready(s);
    }
}

static void source_on_waiting(void *ctx, const char *why)
{
    struct redis_source *s = ctx;

    source_note_gap(s, why);
    if (!s->ready && strcmp(s->why, why) == 0) {
        return;
    }
    s->ready = false;
    snprintf(s->why, sizeof(s->why), "%s", why);
    s->base.events->on_link(s->base.ctx, ENDPOINT_WAITING, s->why);
}

static const struct redis_listener_events source_listener_events = {
    .on_message = source_on_message,
    .on_ready = source_on_ready,
    .on_waiting = source_on_waiting,
};

static void source_start(struct source *source)
{
    struct redis_source *s = redis_source_of(source);

    s->started = true;
    redis_source_schedule(s);
}

static void source_pause(struct source *source)
{
    struct redis_source *s = redis_source_of(source);

    s->paused = true;
    if (s->dedicated && s->ready) {
        redis_subscriber_pause(s->subscriber, REDIS_PAUSE_FULL);
    }
    redis_source_schedule(s);
}

static void source_resume(struct source *source)
{
    struct redis_source *s = redis_source_of(source);

    s->paused = false;
    if (s->dedicated) {
        redis_subscriber_resume(s->subscriber, REDIS_PAUSE_FULL);
    }
    redis_source_schedule(s);
}

static void source_settle(struct source *source, struct delivery *delivery, enum settlement how)
{
    struct redis_source *s = redis_source_of(source);

    (void)how; /* Redis keeps nothing that could be settled */
    delivery_free(delivery);
    s->outstanding--;
    if (s->stopping && s->outstanding == 0) {
        redis_source_schedule(s);
    }
}

static void source_stop(struct source *source)
{
    struct redis_source *s = redis_source_of(source);

    s->stopping = true;
    redis_source_schedule(s);
}

static void source_free(struct source *source)
{
    struct redis_source *s = redis_source_of(source);

    redis_source_part(s);
    loop_task_cancel(s->loop, &s->task);
    redis_subscriber_forget(s->subscriber, s);
    redis_listener_remove(&s->listener);
    s->on_free(s->on_free_ctx, s->subscriber);
    free(s);
}

static const struct source_ops source_ops = {
    .start = source_start,
    .pause = source_pause,
    .resume = source_resume,
    .settle = source_settle,
    .stop = source_stop,
    .free = source_free,
};

struct source *redis_source_make(struct redis_subscriber *subscriber,
                                 const struct conf_source *conf, const char *bridge, bool dedicated,
                                 redis_source_on_free on_free, void *on_free_ctx)
{
    enum subscription_kind kind =
        conf->kind == CONF_SOURCE_PATTERN ? SUBSCRIPTION_PATTERN : SUBSCRIPTION_CHANNEL;
    struct redis_source *s = calloc(1, sizeof(*s));

    if (s == NULL || redis_subscriber_add(subscriber, &s->listener, kind, conf->names.items,
                                          conf->names.count, &source_listener_events, s) != 0) {
        free(s);
        return NULL;
    }
    s->base.ops = &source_ops;
    s->base.can = dedicated ? ENDPOINT_PAUSES : 0;
    s->subscriber = subscriber;
    s->loop = redis_connection_loop(redis_subscriber_connection(subscriber));
    s->bridge = bridge;
    s->dedicated = dedicated;
    s->on_free = on_free;
    s->on_free_ctx = on_free_ctx;
    TAILQ_INIT(&s->held);
    loop_task_init(&s->task, source_work, s);
    return &s->base;
}

const struct subscription_gap *redis_source_gap(const struct source *source)
{
    const struct redis_source *s = (const struct redis_source *)source;

    while (s->old != NULL) { /* it is that one which is subscribed still */
        s = s->old;
    }
    return &s->listener.gap;
}

/* An error answers too, in its turn: -MISCONF, for one. */
static void source_on_pong(void *ctx, void *arg, const struct resp_frame *reply)
{
    struct redis_source *s = ctx;

    (void)arg;
    (void)reply;
    s->on_pong(s->pong_ctx);
}

void redis_source_ping(struct source *source, void (*on_pong)(void *ctx), void *ctx)
{
    struct redis_source *s = redis_source_of(source);

    redis_subscriber_forget(s->subscriber, s);
    s->on_pong = on_pong;
    s->pong_ctx = ctx;
    redis_subscriber_ping(s->subscriber, source_on_pong, s);
}
