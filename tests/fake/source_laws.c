/* The laws of a source; see the header. */
#include "endpoint_laws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HELD_MOST = 16, MESSAGES = 6 };

/* One source at work, and what it said. */
struct watch {
    const struct source_bed *bed;
    struct source *source;
    bool in_operation;
    bool ready;
    size_t deliveries; /* given so far */
    size_t wanted;     /* has_wanted(): that many */
    unsigned stopped;
    bool settles_at_once; /* inside on_delivery, as ack */
    struct delivery *held[HELD_MOST];
    size_t held_count;
};

/* An operation, with no event allowed inside (law 1). */
#define operation(watch, name, ...)                                                                \
    do {                                                                                           \
        assert_false((watch)->in_operation);                                                       \
        (watch)->in_operation = true;                                                              \
        (watch)->source->ops->name((watch)->source, ##__VA_ARGS__);                                \
        (watch)->in_operation = false;                                                             \
    } while (0)

static void event_begins(const struct watch *watch)
{
    assert_false(watch->in_operation);   /* law 1 */
    assert_int_equal(watch->stopped, 0); /* law 4 */
}

static void on_delivery(void *ctx, struct delivery *delivery)
{
    struct watch *watch = ctx;

    event_begins(watch);
    assert_true(watch->ready);
    assert_int_equal(delivery->epoch, watch->source->epoch);
    assert_true(delivery->size >= sizeof(*delivery) + delivery->body.len);
    watch->deliveries++;
    if (watch->settles_at_once) {
        operation(watch, settle, delivery, SETTLE_ACK);
        return;
    }
    assert_true(watch->held_count < HELD_MOST);
    watch->held[watch->held_count++] = delivery;
}

static void on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct watch *watch = ctx;

    event_begins(watch);
    if (link == ENDPOINT_WAITING) {
        assert_non_null(why);
    }
    watch->ready = link == ENDPOINT_READY;
}

static void on_stopped(void *ctx)
{
    struct watch *watch = ctx;

    event_begins(watch);
    watch->stopped++;
}

static void on_lost(void *ctx)
{
    event_begins(ctx);
}

static const struct source_events events = {on_delivery, on_link, on_stopped, on_lost};

static void watch_init(struct watch *watch, const struct source_bed *bed)
{
    *watch = (struct watch){.bed = bed, .source = bed->make(bed->ctx)};
    assert_non_null(watch->source);
    watch->source->events = &events;
    watch->source->ctx = watch;
}

static bool is_ready(const void *arg)
{
    return ((const struct watch *)arg)->ready;
}

static bool is_waiting(const void *arg)
{
    return !((const struct watch *)arg)->ready;
}

static bool is_stopped(const void *arg)
{
    return ((const struct watch *)arg)->stopped > 0;
}

static bool has_wanted(const void *arg)
{
    const struct watch *watch = arg;

    return watch->deliveries >= watch->wanted;
}

static void wait_for(struct watch *watch, bool (*done)(const void *arg))
{
    watch->bed->work(watch->bed->ctx, done, watch);
    assert_true(done(watch));
}

static void wait_for_quiet(struct watch *watch)
{
    watch->bed->work(watch->bed->ctx, NULL, NULL);
}

static void start_and_wait(struct watch *watch)
{
    operation(watch, start);
    watch->bed->link_up(watch->bed->ctx);
    wait_for(watch, is_ready);
}

static void lose_link(struct watch *watch)
{
    watch->bed->link_down(watch->bed->ctx);
    wait_for(watch, is_waiting);
}

static void publish(struct watch *watch, size_t count)
{
    watch->wanted = watch->deliveries + count;
    for (size_t i = 0; i < count; i++) {
        watch->bed->publish(watch->bed->ctx);
    }
    wait_for(watch, has_wanted);
    assert_int_equal(watch->deliveries, watch->wanted);
}

/* Settles what is held, the last first, in every way that there is. */
static void settle_held(struct watch *watch)
{
    static const enum settlement ways[] = {SETTLE_ACK, SETTLE_REQUEUE, SETTLE_REJECT,
                                           SETTLE_FORGET};
    bool stale = watch->held_count > 0 && watch->held[0]->epoch != watch->source->epoch;
    bool any_way = stale || (watch->source->can & ENDPOINT_SETTLES) == 0;

    while (watch->held_count > 0) {
        size_t last = --watch->held_count;

        operation(watch, settle, watch->held[last], any_way ? ways[last % 4] : SETTLE_ACK);
    }
}

/* Law 4: stopped, once, and silent afterwards, whatever the far side does. */
static void expect_end(struct watch *watch)
{
    wait_for(watch, is_stopped);
    watch->bed->link_up(watch->bed->ctx);
    wait_for_quiet(watch);
    watch->bed->link_down(watch->bed->ctx);
    wait_for_quiet(watch);
    assert_int_equal(watch->stopped, 1);
    settle_held(watch);
    watch->source->ops->free(watch->source);
}

static void free_before_start(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    watch.source->ops->free(watch.source);
}

static void stop_in_every_state(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed); /* never connected */
    operation(&watch, start);
    operation(&watch, stop);
    expect_end(&watch);

    watch_init(&watch, bed); /* on its way */
    operation(&watch, start);
    bed->link_up(bed->ctx);
    operation(&watch, stop);
    expect_end(&watch);

    watch_init(&watch, bed);
    start_and_wait(&watch);
    operation(&watch, stop);
    expect_end(&watch);

    watch_init(&watch, bed);
    start_and_wait(&watch);
    lose_link(&watch);
    operation(&watch, stop);
    expect_end(&watch);

    watch_init(&watch, bed); /* paused */
    start_and_wait(&watch);
    operation(&watch, pause);
    operation(&watch, stop);
    expect_end(&watch);
}

static void settle_inside_the_event(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    watch.settles_at_once = true;
    start_and_wait(&watch);
    publish(&watch, MESSAGES);
    operation(&watch, stop);
    expect_end(&watch);
    assert_int_equal(watch.deliveries, MESSAGES);
}

static void stop_waits_for_what_is_unsettled(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    publish(&watch, MESSAGES);
    operation(&watch, stop);
    wait_for_quiet(&watch);
    assert_int_equal(watch.stopped, 0);
    settle_held(&watch);
    expect_end(&watch);
}

static void settle_what_is_stale(const struct source_bed *bed)
{
    struct watch watch;
    uint32_t epoch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    publish(&watch, MESSAGES);
    epoch = watch.source->epoch;
    lose_link(&watch);
    if (watch.source->can & ENDPOINT_REDELIVERS) {
        assert_int_not_equal(watch.source->epoch, epoch);
    }
    settle_held(&watch);
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    wait_for_quiet(&watch);
    settle_held(&watch); /* what was given again */
    publish(&watch, 1);
    settle_held(&watch);
    operation(&watch, stop);
    expect_end(&watch);
}

static void stop_with_a_link_lost_meanwhile(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    publish(&watch, MESSAGES);
    operation(&watch, stop);
    bed->link_down(bed->ctx);
    wait_for_quiet(&watch);
    settle_held(&watch);
    expect_end(&watch);
}

static void pause_and_resume_in_every_state(const struct source_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    watch.settles_at_once = true;
    operation(&watch, start);
    operation(&watch, pause);
    operation(&watch, pause);
    operation(&watch, resume);
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    operation(&watch, resume);
    operation(&watch, pause);
    operation(&watch, pause);
    wait_for_quiet(&watch);
    operation(&watch, resume);
    operation(&watch, resume);
    publish(&watch, MESSAGES);
    operation(&watch, pause);
    operation(&watch, resume);
    lose_link(&watch);
    operation(&watch, pause);
    operation(&watch, resume);
    operation(&watch, resume);
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    publish(&watch, 1);
    operation(&watch, stop);
    operation(&watch, pause); /* to no effect */
    operation(&watch, pause);
    expect_end(&watch);
}

void endpoint_laws_check_source(const struct source_bed *bed)
{
    free_before_start(bed);
    stop_in_every_state(bed);
    settle_inside_the_event(bed);
    stop_waits_for_what_is_unsettled(bed);
    settle_what_is_stale(bed);
    stop_with_a_link_lost_meanwhile(bed);
    pause_and_resume_in_every_state(bed);
}
