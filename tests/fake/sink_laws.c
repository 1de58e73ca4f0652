/* The laws of a sink; see the header. */
#include "endpoint_laws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

enum { MESSAGES = 8 };

/* One sink at work, and what it said. */
struct watch {
    const struct sink_bed *bed;
    struct sink *sink;
    bool confirms;
    bool in_operation;
    bool ready;
    unsigned stopped;
    size_t sent;               /* tags run from 1 to it */
    size_t settled;            /* on_settled came for that many */
    bool is_out[4 * MESSAGES]; /* by tag: the sink has it */
    size_t wanted;             /* has_settled(): that many */
    uint64_t last_lost;        /* tag of the last delivery that came back as lost; 0: none */
    bool lost_after_link;      /* one came back as lost after on_link said WAITING */
};

static void event_begins(const struct watch *watch)
{
    assert_false(watch->in_operation);   /* law 1 */
    assert_int_equal(watch->stopped, 0); /* law 4 */
}

static void on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why)
{
    struct watch *watch = ctx;

    (void)why;
    event_begins(watch);
    assert_in_range(delivery->tag, 1, watch->sent);
    assert_true(watch->is_out[delivery->tag]); /* law 3: it had it, once */
    watch->is_out[delivery->tag] = false;
    watch->settled++;
    if (outcome == OUTCOME_LOST) {
        assert_true(delivery->tag > watch->last_lost); /* in the order of sending */
        watch->last_lost = delivery->tag;
        watch->lost_after_link |= !watch->ready;
    } else {
        assert_int_equal(outcome, OUTCOME_DELIVERED);
    }
    delivery_free(delivery);
}

static void on_writable(void *ctx)
{
    event_begins(ctx);
}

static void on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct watch *watch = ctx;

    event_begins(watch);
    if (link == ENDPOINT_WAITING) {
        assert_non_null(why);
        assert_int_equal(watch->sent, watch->settled); /* what was out came back before */
    }
    watch->ready = link == ENDPOINT_READY;
}

static void on_stopped(void *ctx)
{
    struct watch *watch = ctx;

    event_begins(watch);
    assert_int_equal(watch->sent, watch->settled); /* law 3, at stop too */
    watch->stopped++;
}

static const struct sink_events events = {
    .on_settled = on_settled,
    .on_writable = on_writable,
    .on_link = on_link,
    .on_stopped = on_stopped,
};

static void watch_init(struct watch *watch, const struct sink_bed *bed)
{
    *watch = (struct watch){.bed = bed, .sink = bed->make(bed->ctx)};
    assert_non_null(watch->sink);
    watch->confirms = (watch->sink->can & ENDPOINT_CONFIRMS) != 0;
    watch->sink->events = &events;
    watch->sink->ctx = watch;
}

static void start(struct watch *watch)
{
    watch->in_operation = true;
    watch->sink->ops->start(watch->sink);
    watch->in_operation = false;
}

static void stop(struct watch *watch, bool now)
{
    watch->in_operation = true;
    watch->sink->ops->stop(watch->sink, now);
    watch->in_operation = false;
}

/* Offers one; law 2: what was not taken is still ours, and freed here. */
static enum sink_result offer(struct watch *watch)
{
    char *data;
    struct delivery *delivery = delivery_new(watch->bed->out->body.len, &data);
    struct err err = {""};
    enum sink_result result;

    assert_non_null(delivery);
    memcpy(data, watch->bed->out->body.data, watch->bed->out->body.len);
    delivery->body = slice_make(data, watch->bed->out->body.len);
    delivery->tag = watch->sent + 1;
    watch->in_operation = true;
    result = watch->sink->ops->send(watch->sink, delivery, watch->bed->out, &err);
    watch->in_operation = false;
    if (result != SINK_TAKEN) {
        assert_int_equal(delivery->tag, watch->sent + 1);
        delivery_free(delivery);
        return result;
    }
    watch->is_out[++watch->sent] = true;
    return result;
}

static void send_many(struct watch *watch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(offer(watch), SINK_TAKEN);
    }
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

static bool has_settled(const void *arg)
{
    const struct watch *watch = arg;

    return watch->settled >= watch->wanted;
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

/* The far side confirms all that is out. */
static void confirm_all(struct watch *watch)
{
    watch->wanted = watch->sent;
    if (watch->confirms) {
        for (size_t out = watch->sent - watch->settled; out > 0; out--) {
            watch->bed->confirm(watch->bed->ctx);
        }
    }
    wait_for(watch, has_settled);
    assert_int_equal(watch->settled, watch->sent);
}

static void start_and_wait(struct watch *watch)
{
    start(watch);
    watch->bed->link_up(watch->bed->ctx);
    wait_for(watch, is_ready);
}

static void lose_link(struct watch *watch)
{
    watch->bed->link_down(watch->bed->ctx);
    wait_for(watch, is_waiting);
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
    watch->sink->ops->free(watch->sink);
}

static void free_before_start(const struct sink_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    watch.sink->ops->free(watch.sink);
}

static void stop_in_every_state(const struct sink_bed *bed, bool now)
{
    struct watch watch;

    watch_init(&watch, bed); /* never connected */
    start(&watch);
    stop(&watch, now);
    expect_end(&watch);

    watch_init(&watch, bed); /* on its way */
    start(&watch);
    bed->link_up(bed->ctx);
    stop(&watch, now);
    expect_end(&watch);

    watch_init(&watch, bed); /* with nothing out */
    start_and_wait(&watch);
    send_many(&watch, MESSAGES);
    confirm_all(&watch);
    stop(&watch, now);
    expect_end(&watch);

    watch_init(&watch, bed);
    start_and_wait(&watch);
    lose_link(&watch);
    stop(&watch, now);
    expect_end(&watch);
}

static void busy_without_a_link(const struct sink_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start(&watch);
    assert_int_equal(offer(&watch), SINK_BUSY);
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    send_many(&watch, 1);
    confirm_all(&watch);
    lose_link(&watch);
    assert_int_equal(offer(&watch), SINK_BUSY);
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    send_many(&watch, 1);
    confirm_all(&watch);
    stop(&watch, false);
    assert_int_not_equal(offer(&watch), SINK_TAKEN);
    expect_end(&watch);
}

static void a_lost_link_gives_all_back(const struct sink_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    send_many(&watch, MESSAGES);
    lose_link(&watch);
    assert_int_equal(watch.settled, MESSAGES);
    assert_false(watch.lost_after_link);
    if (watch.confirms) {
        assert_int_equal(watch.last_lost, MESSAGES);
    }
    bed->link_up(bed->ctx);
    wait_for(&watch, is_ready);
    send_many(&watch, MESSAGES);
    confirm_all(&watch);
    stop(&watch, false);
    expect_end(&watch);
}

static void stop_waits_for_confirms(const struct sink_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    send_many(&watch, MESSAGES);
    stop(&watch, false);
    wait_for_quiet(&watch);
    if (watch.confirms) {
        assert_int_equal(watch.stopped, 0);
        confirm_all(&watch);
    }
    expect_end(&watch);
    assert_int_equal(watch.last_lost, 0);
}

static void stop_with_a_link_lost_meanwhile(const struct sink_bed *bed)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    send_many(&watch, MESSAGES);
    stop(&watch, false);
    bed->link_down(bed->ctx);
    expect_end(&watch);
}

static void stop_now_gives_all_back(const struct sink_bed *bed, bool asked_before)
{
    struct watch watch;

    watch_init(&watch, bed);
    start_and_wait(&watch);
    send_many(&watch, MESSAGES);
    if (asked_before) {
        stop(&watch, false);
        wait_for_quiet(&watch);
    }
    if (watch.stopped == 0) {
        stop(&watch, true);
    }
    expect_end(&watch);
    if (watch.confirms) {
        assert_int_equal(watch.last_lost, MESSAGES);
    }
}

void endpoint_laws_check_sink(const struct sink_bed *bed)
{
    free_before_start(bed);
    stop_in_every_state(bed, false);
    stop_in_every_state(bed, true);
    busy_without_a_link(bed);
    a_lost_link_gives_all_back(bed);
    stop_waits_for_confirms(bed);
    stop_with_a_link_lost_meanwhile(bed);
    stop_now_gives_all_back(bed, false);
    stop_now_gives_all_back(bed, true);
}
