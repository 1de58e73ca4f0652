/* Do the AMQP endpoints let what comes next stay unread where it waits anyway or comes often, and
 * never where that costs throughput, or where somebody waits for it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "amqp/hub.h"
#include "net/moderation.h"
#include "rmq_bed.h"

enum { CHANNEL = 1, MANY = 2000 };

#define NONE ((struct slice){NULL, 0})

/* What was allowed by what is done now. */
#define EXPECT_REST(bed, done, rest)                                                               \
    do {                                                                                           \
        loop_take_rest((bed)->loop);                                                               \
        done;                                                                                      \
        rmq_bed_check(bed, loop_take_rest((bed)->loop) == (rest));                                 \
    } while (0)

static void send_one(struct sink_watch *watch)
{
    assert_int_equal(rmq_bed_send(watch, SLICE("x")), SINK_TAKEN);
}

static void send_many(struct rmq_bed *bed, struct sink_watch *watch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        send_one(watch);
    }
    rmq_bed_settle(bed);
}

static void ack_upto(struct rmq_bed *bed, uint64_t tag)
{
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, tag, true);
    rmq_bed_settle(bed);
}

/* All that is out is confirmed after `us`. */
static void confirm_after(struct rmq_bed *bed, const struct sink_watch *watch, uint64_t us)
{
    rmq_bed_advance(bed, us);
    ack_upto(bed, watch->sent);
}

static void what_waits_long_waits_a_little_more(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    EXPECT_REST(bed, send_many(bed, &watch, MANY), 0); /* nothing is known of the broker yet */
    EXPECT_REST(bed, confirm_after(bed, &watch, 500 * MS), MODERATION_LONGEST_US);
    EXPECT_REST(bed, send_many(bed, &watch, MANY), MODERATION_LONGEST_US);
    EXPECT_REST(bed, confirm_after(bed, &watch, 20 * MS), MODERATION_UNIT_US);
    /* Few messages, and a broker that is slow for reasons of its own. */
    rmq_bed_advance(bed, 1 * SECOND);
    send_many(bed, &watch, 10);
    EXPECT_REST(bed, confirm_after(bed, &watch, 100 * MS), 0);
    rmq_bed_advance(bed, 1 * SECOND);
    EXPECT_REST(bed, send_many(bed, &watch, 1), 0);
    confirm_after(bed, &watch, 0);
    rmq_bed_end_sink(bed, &watch);
}

static void a_new_channel_knows_nothing_of_the_old_one(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    send_many(bed, &watch, MANY);
    EXPECT_REST(bed, confirm_after(bed, &watch, 200 * MS), MODERATION_LONGEST_US);
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 404, "gone", 0);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, watch.ready);
    EXPECT_REST(bed, send_one(&watch), 0);
    rmq_bed_settle(bed);
    ack_upto(bed, 1);
    rmq_bed_end_sink(bed, &watch);
}

/* 10,000 a second, each confirmed at once. */
static void send_often(struct rmq_bed *bed, struct sink_watch *watch)
{
    for (int i = 0; i < 300; i++) {
        send_many(bed, watch, 1);
        confirm_after(bed, watch, MS / 10);
    }
}

static void what_comes_often_waits_for_a_moment(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    send_often(bed, &watch);
    EXPECT_REST(bed, send_one(&watch), 2 * MODERATION_UNIT_US);
    rmq_bed_settle(bed);
    /* Nor need what was confirmed be known at once: each by itself would cost a turn. */
    EXPECT_REST(bed, confirm_after(bed, &watch, MS), 2 * MODERATION_UNIT_US);
    rmq_bed_advance(bed, 1 * SECOND);
    EXPECT_REST(bed, send_one(&watch), 0);
    rmq_bed_settle(bed);
    EXPECT_REST(bed, confirm_after(bed, &watch, MS), 0);
    rmq_bed_end_sink(bed, &watch);
}

static void queue_behind(struct sink_watch *watch, uint64_t count)
{
    watch->sink->ops->on_queued(watch->sink, count);
}

static void what_comes_behind_a_queue_waits_a_little_more(void **state)
{
    enum { LIMIT = 2048, QUEUE = 5000 };
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    send_often(bed, &watch);
    EXPECT_REST(bed, queue_behind(&watch, QUEUE), 0); /* for other reasons than the window */
    send_many(bed, &watch, LIMIT);
    assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_BUSY);
    EXPECT_REST(bed, queue_behind(&watch, 1), 2 * MODERATION_UNIT_US);
    EXPECT_REST(bed, queue_behind(&watch, QUEUE), MODERATION_LONGEST_US);
    EXPECT_REST(
        bed,
        {
            queue_behind(&watch, QUEUE);
            loop_limit_rest(bed->loop, MODERATION_UNIT_US);
        },
        MODERATION_UNIT_US);
    watch.sink->urgent = true;
    EXPECT_REST(bed, queue_behind(&watch, QUEUE), 0);
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 404, "gone", 0);
    rmq_bed_settle(bed);
    watch.sink->urgent = false;
    EXPECT_REST(bed, queue_behind(&watch, QUEUE), 0);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_end_sink(bed, &watch);
}

/* Saturated, as far as the sink can see; it never allows a rest. */
static void expect_none(struct rmq_bed *bed, struct sink_watch *watch, size_t batch)
{
    for (int i = 0; i < 10; i++) {
        EXPECT_REST(bed, send_many(bed, watch, batch), 0);
        rmq_bed_advance(bed, 100 * MS);
        EXPECT_REST(bed, ack_upto(bed, watch->sent), 0);
    }
    rmq_bed_end_sink(bed, watch);
}

static void calls_wait_for_nobody(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, &watch);
    watch.sink->urgent = true;
    sink_watch_start(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    expect_none(bed, &watch, MANY);
}

static void transactions_wait_for_nobody(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    bed->sink_conf.transactional = true;
    rmq_bed_start_sink(bed, &watch);
    for (int i = 0; i < 100; i++) {
        EXPECT_REST(bed, send_many(bed, &watch, 100), 0); /* commit-ok comes with it */
        rmq_bed_advance(bed, MS);
    }
    rmq_bed_end_sink(bed, &watch);
}

static void small_windows_wait_for_nobody(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    expect_none(bed, &watch, 64);
}

static void deliver(struct rmq_bed *bed, uint64_t tag)
{
    rmq_session_deliver(rmq_bed_consuming(bed), CHANNEL, tag, "key", NONE, SLICE("body"));
    rmq_bed_settle(bed);
}

/* Whether a rest that somebody else allows is still allowed after what is done now. */
#define EXPECT_LIMIT(bed, done, rest)                                                              \
    EXPECT_REST(bed, loop_allow_rest((bed)->loop, 2 * MODERATION_UNIT_US); done, rest)

/* Messages that are settled at once, each `gap` µs, for longer than they are counted; the tag of
 * the last one. */
static uint64_t deliver_often(struct rmq_bed *bed, struct source_watch *watch, uint64_t gap)
{
    uint64_t tag = 0;

    for (uint64_t passed = 0; passed <= 2 * MODERATION_WINDOW_US; passed += gap) {
        rmq_bed_advance(bed, gap);
        deliver(bed, ++tag);
        source_watch_settle_all(watch);
        rmq_bed_settle(bed);
    }
    return tag;
}

static void a_prefetch_leaves_the_broker_much_to_send(void **state)
{
    enum { PREFETCH = 256 };
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    uint64_t tag, last;

    bed->source_conf.prefetch = PREFETCH;
    rmq_bed_start_source(bed, &watch);
    watch.keep = true;
    tag = deliver_often(bed, &watch, 100);
    last = tag + PREFETCH;
    while (last - tag > PREFETCH / 2) {
        EXPECT_LIMIT(bed, deliver(bed, ++tag), 2 * MODERATION_UNIT_US);
    }
    while (tag < last) {
        EXPECT_LIMIT(bed, deliver(bed, ++tag), 0);
    }
    EXPECT_LIMIT(bed, source_watch_settle(&watch), 0);
    source_watch_settle_all(&watch);
    rmq_bed_settle(bed);
    EXPECT_LIMIT(bed, deliver(bed, ++tag), 2 * MODERATION_UNIT_US);
    EXPECT_LIMIT(bed, source_watch_settle(&watch), 2 * MODERATION_UNIT_US);
    EXPECT_REST(bed, deliver(bed, ++tag), 0); /* it asks for none by itself */
    EXPECT_REST(bed, source_watch_settle(&watch), 0);
    rmq_bed_end_source(bed, &watch);
}

/* As many come as could not wait for two ms, or for one. */
static void expect_limit(unsigned prefetch, uint64_t gap, uint64_t least, uint64_t most)
{
    struct source_watch watch;
    struct rmq_bed *bed;
    void *state;
    uint64_t tag, rest;

    rmq_bed_set_up(&state);
    bed = state;
    bed->source_conf.prefetch = prefetch;
    rmq_bed_start_source(bed, &watch);
    watch.keep = true;
    tag = deliver_often(bed, &watch, gap);
    loop_take_rest(bed->loop);
    loop_allow_rest(bed->loop, 2 * MODERATION_UNIT_US);
    deliver(bed, ++tag);
    rest = loop_take_rest(bed->loop);
    if (rest < least || rest > most) {
        fail_msg("%u, each %u us: %u", prefetch, (unsigned)gap, (unsigned)rest);
    }
    rmq_bed_end_source(bed, &watch);
    rmq_bed_tear_down(&state);
}

static void a_small_prefetch_waits_for_nobody(void **state)
{
    (void)state;
    expect_limit(1, 200, 0, 0);
    expect_limit(10, 100, 0, 250);
    expect_limit(64, 100, 1500, 1700);
    expect_limit(256, 20, 1200, 1300);
    expect_limit(256, 100, 2000, 2000);
    expect_limit(65535, 20, 2000, 2000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_long_waits_a_little_more),
        TEST(a_new_channel_knows_nothing_of_the_old_one),
        TEST(what_comes_often_waits_for_a_moment),
        TEST(what_comes_behind_a_queue_waits_a_little_more),
        TEST(calls_wait_for_nobody),
        TEST(transactions_wait_for_nobody),
        TEST(small_windows_wait_for_nobody),
        TEST(a_prefetch_leaves_the_broker_much_to_send),
        cmocka_unit_test(a_small_prefetch_waits_for_nobody),
    };

    return cmocka_run_group_tests_name("rmq_rest", tests, NULL, NULL);
}
