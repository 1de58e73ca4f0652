/* Do the Redis ends of a mirror begin, end and follow one another so that every echo is recognised
 * and nothing else, and is it found out whom an answer of PUBLISH counted? */
#include "core/mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../fake/fake_sink.h"
#include "../fake/fake_source.h"
#include "base/err.h"
#include "base/strbuf.h"

enum { WANTED = 2, LIMIT = 100 }; /* min_subscribers, with the mirror; in flight */

struct bed {
    struct fake_pump pump;
    struct mirror *mirror;
    struct fake_source *source; /* inside; the last one made */
    struct fake_sink *sink;
    struct source *outer_source; /* around them */
    struct sink *outer_sink;
    void (*on_pong)(void *ctx); /* of the PING that is not answered; NULL: none */
    void *pong_ctx;
    struct source *pinged;
    struct strbuf crossed; /* bodies that are no echoes */
    struct strbuf settled; /* "body:outcome " */
    unsigned writable;
    unsigned stopped; /* on_stopped of sources and sinks */
    bool sink_ready;  /* as told last */
};

static struct bed bed;

static void on_delivery(void *ctx, struct delivery *delivery)
{
    struct source *source = ctx;

    if (mirror_passes(bed.mirror, delivery)) {
        strbuf_append_slice(&bed.crossed, delivery->body);
        strbuf_append_char(&bed.crossed, ' ');
    }
    source->ops->settle(source, delivery, SETTLE_ACK);
}

static void on_source_link(void *ctx, enum endpoint_link link, const char *why)
{
    (void)ctx;
    (void)link;
    (void)why;
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    bed.stopped++;
}

static void on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why)
{
    (void)ctx;
    assert_true(outcome != OUTCOME_NO_SUBSCRIBERS || (why != NULL && why[0] != '\0'));
    assert_null(delivery->echo);
    strbuf_append_format(&bed.settled, "%.*s:%s ", (int)delivery->body.len, delivery->body.data,
                         outcome_name(outcome));
    delivery_free(delivery);
}

static void on_writable(void *ctx)
{
    (void)ctx;
    bed.writable++;
}

static void on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    if (ctx == bed.outer_sink) {
        bed.sink_ready = link == ENDPOINT_READY;
    }
    assert_true(link == ENDPOINT_READY || (why != NULL && why[0] != '\0'));
}

static const struct source_events source_events = {
    .on_delivery = on_delivery,
    .on_link = on_source_link,
    .on_stopped = on_stopped,
};

static void on_late(void *ctx, enum outcome outcome, const char *why)
{
    (void)ctx;
    (void)why;
    strbuf_append_format(&bed.settled, "late:%s ", outcome_name(outcome));
}

static const struct sink_events sink_events = {
    .on_late = on_late,
    .on_settled = on_settled,
    .on_writable = on_writable,
    .on_link = on_sink_link,
    .on_stopped = on_stopped,
};

static void ping(struct source *source, void (*on_pong)(void *ctx), void *ctx)
{
    bed.pinged = source;
    bed.on_pong = on_pong;
    bed.pong_ctx = ctx;
}

static void bed_add_source(unsigned can)
{
    bed.source = fake_source_new(&bed.pump, can);
    bed.outer_source = mirror_wrap_source(bed.mirror, &bed.source->source);
    assert_non_null(bed.outer_source);
    bed.outer_source->events = &source_events;
    bed.outer_source->ctx = bed.outer_source;
}

static void bed_add_sink(void)
{
    struct mirror_sink_setup setup = {.min_subscribers = WANTED};

    bed.sink = fake_sink_new(&bed.pump, ENDPOINT_CONFIRMS, LIMIT);
    setup.inner = &bed.sink->sink;
    bed.outer_sink = mirror_wrap_sink(bed.mirror, &setup);
    assert_non_null(bed.outer_sink);
    bed.outer_sink->events = &sink_events;
    bed.outer_sink->ctx = bed.outer_sink;
    bed.sink_ready = false;
}

/* Both ends are up. */
static int set_up(void **state)
{
    struct mirror_setup setup = {.name = "m", .key = "key", .ping = ping};

    (void)state;
    memset(&bed, 0, sizeof(bed));
    fake_pump_init(&bed.pump);
    bed.mirror = mirror_new(&setup);
    assert_non_null(bed.mirror);
    bed_add_source(0);
    bed_add_sink();
    bed.outer_sink->ops->start(bed.outer_sink);
    bed.outer_source->ops->start(bed.outer_source);
    fake_sink_link(bed.sink, ENDPOINT_READY, NULL);
    fake_source_link(bed.source, ENDPOINT_READY, NULL);
    assert_true(bed.sink_ready);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    endpoint_free_source(bed.outer_source);
    endpoint_free_sink(bed.outer_sink);
    mirror_free(bed.mirror);
    strbuf_fini(&bed.crossed);
    strbuf_fini(&bed.settled);
    return 0;
}

static enum sink_result send_body(const char *body)
{
    char *data;
    struct delivery *delivery = delivery_new(strlen(body), &data);
    struct outgoing out = {.channel = SLICE("news"), .body = slice_of(body)};
    struct err err = {""};
    enum sink_result result;

    assert_non_null(delivery);
    memcpy(data, body, strlen(body));
    delivery->body = slice_make(data, strlen(body));
    result = bed.outer_sink->ops->send(bed.outer_sink, delivery, &out, &err);
    if (result != SINK_TAKEN) {
        delivery_free(delivery);
    }
    return result;
}

static void publish(const char *body)
{
    assert_int_equal(send_body(body), SINK_TAKEN);
}

/* Redis answers the oldest PUBLISH of that sink: so many were subscribed. */
static void answer_of(struct fake_sink *sink, uint32_t reached)
{
    struct delivery *delivery = TAILQ_FIRST(&sink->in_flight);

    assert_non_null(delivery);
    delivery->reached = reached;
    fake_sink_answer_first(sink, reached < WANTED ? OUTCOME_NO_SUBSCRIBERS : OUTCOME_DELIVERED,
                           NULL);
    fake_pump_run(&bed.pump);
}

static void answer(uint32_t reached)
{
    answer_of(bed.sink, reached);
}

static void hear(const char *body)
{
    fake_source_give(bed.source, body, NULL);
    fake_pump_run(&bed.pump);
}

static void pong(void)
{
    void (*on_pong)(void *ctx) = bed.on_pong;

    assert_non_null(on_pong);
    bed.on_pong = NULL;
    on_pong(bed.pong_ctx);
    fake_pump_run(&bed.pump);
}

static void expect_settled(const char *settled)
{
    assert_string_equal(strbuf_text(&bed.settled), settled);
    strbuf_reset(&bed.settled);
}

static void expect_crossed(const char *crossed)
{
    assert_string_equal(strbuf_text(&bed.crossed), crossed);
    strbuf_reset(&bed.crossed);
}

static void test_an_echo_does_not_cross(void **state)
{
    (void)state;
    publish("a");
    answer(2);
    hear("b");
    hear("a");
    hear("a");
    expect_settled("a:delivered ");
    expect_crossed("b a ");
}

static void test_the_mirror_alone_is_nobody(void **state)
{
    (void)state;
    publish("a");
    answer(1);
    expect_settled(""); /* it may have been another one */
    hear("a");
    expect_settled("a:no-subscribers ");
    publish("b");
    hear("b");
    answer(1);
    expect_settled("b:no-subscribers ");
    expect_crossed("");
}

static void test_what_is_known_too_late_is_told(void **state)
{
    const struct sink *inner = &bed.sink->sink;

    (void)state;
    inner->events->on_late(inner->ctx, OUTCOME_NO_SUBSCRIBERS, NULL);
    expect_settled("late:no-subscribers ");
}

static void test_another_one_alone_is_somebody(void **state)
{
    (void)state;
    publish("a");
    answer(1);
    expect_settled("");
    pong(); /* the mirror would have heard it */
    expect_settled("a:delivered ");
    hear("a"); /* and so this is somebody else's */
    expect_crossed("a ");
}

static void test_a_barrier_decides_only_what_was_answered_before(void **state)
{
    (void)state;
    publish("a");
    publish("b");
    answer(1);
    answer(1);
    pong();
    expect_settled("a:delivered ");
    pong();
    expect_settled("b:delivered ");
    assert_null(bed.on_pong);
}

static void test_cut_off_nobody_can_tell(void **state)
{
    (void)state;
    publish("a");
    publish("b");
    answer(1);
    hear("x");
    fake_source_link(bed.source, ENDPOINT_WAITING, "cut");
    expect_settled("a:lost ");
    answer(1); /* its own subscription was gone, or not: the echo will never tell */
    expect_settled("b:lost ");
    assert_false(bed.sink_ready);
    assert_int_equal(send_body("c"), SINK_BUSY);
    fake_source_link(bed.source, ENDPOINT_READY, NULL);
    assert_true(bed.sink_ready);
    publish("a");
    answer(2);
    hear("a");
    expect_settled("a:delivered ");
    expect_crossed("x ");
}

static void test_without_anybody_nothing_is_in_doubt(void **state)
{
    (void)state;
    publish("a");
    answer(0);
    expect_settled("a:no-subscribers ");
}

static void end_both(void)
{
    bed.outer_source->ops->stop(bed.outer_source);
    bed.outer_sink->ops->stop(bed.outer_sink, false);
    fake_pump_run(&bed.pump);
}

static void test_stopping_it_listens_until_the_sink_is_done(void **state)
{
    (void)state;
    publish("a");
    publish("b");
    end_both();
    assert_false(bed.source->stopping);
    answer(1);
    answer(1);
    hear("x"); /* it takes in no more */
    hear("a");
    expect_settled("a:no-subscribers ");
    expect_crossed("");
    assert_int_equal(bed.stopped, 0);
    pong(); /* of a barrier that began before that was answered */
    expect_settled("");
    pong();
    expect_settled("b:delivered ");
    assert_int_equal(bed.stopped, 2);
    assert_true(bed.source->stopped && bed.sink->stopped);
    assert_int_equal(fake_source_outstanding(bed.source), 0);
}

static void test_stopping_while_not_subscribed_waits_for_nothing(void **state)
{
    (void)state;
    publish("a");
    fake_source_link(bed.source, ENDPOINT_WAITING, "cut");
    end_both();
    assert_true(bed.source->stopped);
    answer(2);
    fake_pump_run(&bed.pump);
    expect_settled("a:delivered ");
    assert_int_equal(bed.stopped, 2);
}

static void test_cut_off_while_stopping(void **state)
{
    (void)state;
    publish("a");
    end_both();
    answer(1);
    fake_source_link(bed.source, ENDPOINT_WAITING, "cut");
    fake_pump_run(&bed.pump);
    expect_settled("a:lost ");
    assert_int_equal(bed.stopped, 2);
}

static void test_a_hurried_end_leaves_nothing_in_doubt(void **state)
{
    (void)state;
    publish("a");
    answer(1);
    publish("b");
    bed.outer_source->ops->stop(bed.outer_source);
    bed.outer_sink->ops->stop(bed.outer_sink, true);
    fake_pump_run(&bed.pump);
    expect_settled("b:lost a:lost ");
    assert_int_equal(bed.stopped, 2);
}

/* Another sink, and another source where it is asked for, take the place of those that are. */
struct old {
    struct fake_source *source;
    struct fake_sink *sink;
    struct source *outer_source;
    struct sink *outer_sink;
};

static struct old change(bool with_source)
{
    struct old old = {bed.source, bed.sink, bed.outer_source, bed.outer_sink};

    if (with_source) {
        bed_add_source(0);
    }
    bed_add_sink();
    old.outer_sink->ops->stop(old.outer_sink, false);
    bed.outer_sink->ops->start(bed.outer_sink);
    fake_sink_link(bed.sink, ENDPOINT_READY, NULL);
    if (with_source) {
        bed.outer_source->ops->start(bed.outer_source);
    }
    fake_pump_run(&bed.pump);
    return old;
}

static void free_old(const struct old *old, bool with_source)
{
    assert_true(old->sink->stopped);
    if (with_source) {
        assert_true(old->source->stopped);
        endpoint_free_source(old->outer_source);
    }
    endpoint_free_sink(old->outer_sink);
}

static void test_a_source_that_stays_hears_the_echoes_of_both_sinks(void **state)
{
    struct old old;

    (void)state;
    publish("a");
    publish("a");
    old = change(false);
    assert_true(bed.sink_ready);
    publish("a");
    hear("a");
    hear("a");
    answer_of(old.sink, 1);
    answer_of(old.sink, 2);
    answer(2);
    hear("a");
    hear("a"); /* one more than were published */
    expect_crossed("a ");
    expect_settled("a:no-subscribers a:delivered a:delivered ");
    free_old(&old, false);
}

static void test_a_new_source_begins_when_the_old_sink_is_done(void **state)
{
    struct old old;

    (void)state;
    publish("a");
    publish("b");
    old = change(true);
    assert_false(bed.sink_ready);
    assert_false(bed.source->started);
    assert_int_equal(send_body("c"), SINK_BUSY);
    answer_of(old.sink, 1);
    answer_of(old.sink, 1);
    fake_source_give(old.source, "x", NULL);
    fake_source_give(old.source, "a", NULL);
    expect_settled("a:no-subscribers ");
    assert_false(bed.source->started); /* one is in doubt */
    assert_ptr_equal(bed.pinged, &old.source->source);
    pong(); /* of a barrier that began before that was answered */
    pong();
    expect_settled("b:delivered ");
    assert_true(bed.source->started);
    assert_false(bed.sink_ready);
    fake_source_link(bed.source, ENDPOINT_READY, NULL);
    assert_true(bed.sink_ready);
    old.outer_source->ops->stop(old.outer_source); /* as its bridge does now */
    fake_pump_run(&bed.pump);
    publish("c");
    answer(2);
    hear("c");
    hear("y");
    expect_settled("c:delivered ");
    expect_crossed("x y ");
    free_old(&old, true);
}

static void test_the_pong_of_an_old_source_says_nothing(void **state)
{
    void (*on_pong)(void *ctx);
    void *ctx;
    struct old old;

    (void)state;
    publish("a");
    answer(2); /* its echo is on its way */
    on_pong = bed.on_pong;
    ctx = bed.pong_ctx;
    old = change(true);
    fake_source_give(old.source, "a", NULL);
    fake_source_link(bed.source, ENDPOINT_READY, NULL);
    publish("b");
    answer(1);
    on_pong(ctx);
    expect_settled("a:delivered "); /* and nothing of the other */
    hear("b");
    expect_settled("b:no-subscribers ");
    expect_crossed("");
    old.outer_source->ops->stop(old.outer_source);
    fake_pump_run(&bed.pump);
    free_old(&old, true);
}

static void test_stopped_before_the_new_source_began(void **state)
{
    struct old old;

    (void)state;
    publish("a");
    old = change(true);
    old.outer_source->ops->stop(old.outer_source);
    end_both();
    answer_of(old.sink, 2);
    assert_false(bed.source->started);
    assert_int_equal(bed.stopped, 4);
    expect_settled("a:delivered ");
    free_old(&old, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_an_echo_does_not_cross),
        TEST(test_the_mirror_alone_is_nobody),
        TEST(test_what_is_known_too_late_is_told),
        TEST(test_another_one_alone_is_somebody),
        TEST(test_a_barrier_decides_only_what_was_answered_before),
        TEST(test_cut_off_nobody_can_tell),
        TEST(test_without_anybody_nothing_is_in_doubt),
        TEST(test_stopping_it_listens_until_the_sink_is_done),
        TEST(test_stopping_while_not_subscribed_waits_for_nothing),
        TEST(test_cut_off_while_stopping),
        TEST(test_a_hurried_end_leaves_nothing_in_doubt),
        TEST(test_a_source_that_stays_hears_the_echoes_of_both_sinks),
        TEST(test_a_new_source_begins_when_the_old_sink_is_done),
        TEST(test_the_pong_of_an_old_source_says_nothing),
        TEST(test_stopped_before_the_new_source_began),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
