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

#define SOURCE_GAP_LOG_US (60 * CLOCK_US_PER_S) /* a gap is logged at most so often */

struct redis_source {
    struct source base; /* first */
    struct redis_listener listener;
    struct redis_subscriber *subscriber; /* borrowed */
    struct loop *loop;                   /* borrowed */
    const char *bridge;                  /* borrowed; for log lines */
    redis_source_on_free on_free;
    void *on_free_ctx;
    struct redis_source *old;       /* gives messages until this one is ready; NULL: none */
    struct redis_source *successor; /* the other way round */
    bool superseded;                /* it never was ready, and another one took its place */
    bool muted;                     /* what comes is another one's to give */
    struct loop_task task;          /* does what is wanted */
    bool dedicated;                 /* the subscriber is ours alone: pausing stops reading */
    bool started;                   /* start() was called */
    bool paused;                    /* pause() was called, and resume() not since */
    bool stopping;                  /* stop() was called */
    bool stopped;                   /* on_stopped was called */
    bool ready;                     /* READY was the last thing told */
    char why[320];                  /* words told with WAITING; "": none */
    uint64_t outstanding;           /* deliveries given and not settled */
    uint64_t lost;                  /* messages without memory for a delivery */
    uint64_t turn_us;               /* loop time of ... */
    int64_t turn_wall_us;           /* ... this wall clock, read once a turn */
    uint64_t gaps_logged;           /* gap.count of the last line */
    uint64_t gap_logged_us;         /* monotonic time of it; 0: none yet */
    int64_t gap_from_us; /* wall clock: start of the first gap since then; 0: there is none */
    char gap_why[320];   /* how that one began */
    void (*on_pong)(void *ctx); /* who waits for the reply to PING */
    void *pong_ctx;
};

static struct redis_source *source_of(struct source *source)
{
    return (struct redis_source *)source;
}

static void source_schedule(struct redis_source *s)
{
    loop_defer(s->loop, &s->task);
}

static bool source_is_wanted(const struct redis_source *s)
{
    return s->started && !s->stopping && (s->dedicated || !s->paused);
}

/* Remembers how the first gap that was not logged began. */
static void source_note_gap(struct redis_source *s, const char *why)
{
    const struct subscription_gap *gap = &s->listener.gap;

    if (gap->since_us != 0 && s->gap_from_us == 0) {
        s->gap_from_us = clock_wall_us() - (int64_t)(loop_now_us(s->loop) - gap->since_us);
        snprintf(s->gap_why, sizeof(s->gap_why), "%s", why);
    }
}

static void source_work(void *ctx)
{
    struct redis_source *s = ctx;

    if (source_is_wanted(s)) {
        redis_listener_join(&s->listener);
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
        s->lost++;
        log_error("bridge", s->bridge, "messages are lost: out of memory",
                  log_number("lost", s->lost));
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
    s->base.events->on_delivery(s->base.ctx, delivery);
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

/* The place in the stream where this one begins, and its predecessor ends. */
static void source_take_over(struct redis_source *s)
{
    s->muted = s->superseded;
    if (s->old != NULL) {
        s->old->muted = true;
        s->old->successor = NULL;
        s->old = NULL;
    }
}

static void source_on_ready(void *ctx)
{
    struct redis_source *s = ctx;

    if (s->dedicated && s->paused) {
        redis_subscriber_pause(s->subscriber, REDIS_PAUSE_FULL);
    }
    source_log_gap(s);
    source_take_over(s);
    s->ready = true;
    s->why[0] = '\0';
    s->base.events->on_link(s->base.ctx, ENDPOINT_READY, NULL);
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
    struct redis_source *s = source_of(source);

    s->started = true;
    source_schedule(s);
}

static void source_pause(struct source *source)
{
    struct redis_source *s = source_of(source);

    s->paused = true;
    if (s->dedicated && s->ready) {
        redis_subscriber_pause(s->subscriber, REDIS_PAUSE_FULL);
    }
    source_schedule(s);
}

static void source_resume(struct source *source)
{
    struct redis_source *s = source_of(source);

    s->paused = false;
    if (s->dedicated) {
        redis_subscriber_resume(s->subscriber, REDIS_PAUSE_FULL);
    }
    source_schedule(s);
}

static void source_settle(struct source *source, struct delivery *delivery, enum settlement how)
{
    struct redis_source *s = source_of(source);

    (void)how; /* Redis keeps nothing that could be settled */
    delivery_free(delivery);
    s->outstanding--;
    if (s->stopping && s->outstanding == 0) {
        source_schedule(s);
    }
}

static void source_stop(struct source *source)
{
    struct redis_source *s = source_of(source);

    s->stopping = true;
    source_schedule(s);
}

static void source_free(struct source *source)
{
    struct redis_source *s = source_of(source);

    if (s->old != NULL) {
        s->old->successor = NULL;
    }
    if (s->successor != NULL) {
        s->successor->old = NULL;
        s->successor->muted = false;
    }
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
    loop_task_init(&s->task, source_work, s);
    return &s->base;
}

const struct subscription_gap *redis_source_gap(const struct source *source)
{
    return &((const struct redis_source *)source)->listener.gap;
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
    struct redis_source *s = source_of(source);

    redis_subscriber_forget(s->subscriber, s);
    s->on_pong = on_pong;
    s->pong_ctx = ctx;
    redis_subscriber_ping(s->subscriber, source_on_pong, s);
}

void redis_source_follow(struct source *source, struct source *old)
{
    struct redis_source *s = source_of(source);
    struct redis_source *before = source_of(old);

    s->listener.gap = before->listener.gap;
    s->gaps_logged = before->gaps_logged;
    s->gap_logged_us = before->gap_logged_us;
    if (s->subscriber != before->subscriber) {
        return;
    }
    s->old = before;
    s->muted = true;
    /* One that never came so far is left out: its own predecessor is the one in service. */
    if (before->old != NULL) {
        s->old = before->old;
        before->old = NULL;
        before->superseded = true;
    }
    s->old->successor = s;
}
