/* Does a bridge that runs go over to other rules and ends so that nothing is lost, doubled or
 * overtaken, whatever its old and new ends do meanwhile? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "bridge_rig.h"

/* What the old sink has sent since the last call. */
static void expect_old_sent(struct rig *rig, const char *bodies)
{
    assert_string_equal(strbuf_text(&rig->old_sink->sent), bodies);
    strbuf_reset(&rig->old_sink->sent);
}

/* Another rule, with a new sink and, where `with_source` is set, a new source; both links are
 * down. The old ends are the rig's old ones from then on. */
static int change(struct rig *rig, bool with_source, enum succession succession)
{
    struct fake_source *source = rig->source;
    struct fake_sink *sink = rig->sink;
    struct bridge_setup setup = rig_prepare(rig);
    struct fake_source *fresh_source = rig->source;
    struct fake_sink *fresh_sink = rig->sink;
    int result;

    if (!with_source) {
        endpoint_free_source(setup.source);
        setup.source = NULL;
        fresh_source = source;
    }
    rig->source = fresh_source;
    rig->sink = fresh_sink;
    rig->old_source = with_source ? source : NULL;
    rig->old_sink = sink;
    result = bridge_change(rig->bridge, &setup, succession);
    if (result != 0) {
        endpoint_free_source(setup.source);
        endpoint_free_sink(setup.sink);
        rig->source = source;
        rig->sink = sink;
        rig->old_source = NULL;
        rig->old_sink = NULL;
    }
    fake_pump_run(&rig->pump);
    rig_check_books(rig);
    return result;
}

/* The old ends have stopped, and are freed. */
static void reap(struct rig *rig)
{
    assert_true(rig->reap_due);
    assert_true(rig->old_source == NULL || rig->old_source->stopped);
    assert_true(rig->old_sink == NULL || rig->old_sink->stopped);
    rig->gone_given += rig->old_source != NULL ? rig->old_source->given_count : 0;
    rig->old_source = NULL;
    rig->old_sink = NULL;
    rig->reap_due = false;
    assert_true(bridge_reap(rig->bridge));
    rig_check_books(rig);
}

static void old_answer_all(struct rig *rig)
{
    while (rig->old_sink->in_flight_count > 0) {
        fake_sink_answer_first(rig->old_sink, OUTCOME_DELIVERED, NULL);
        fake_pump_run(&rig->pump);
    }
}

static void give_old(struct rig *rig, const char *body)
{
    fake_source_give(rig->old_source, body, NULL);
    fake_pump_run(&rig->pump);
}

static void test_new_sink_waits_for_the_old_one(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4); /* two are in flight, two wait */
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig_give(&rig, 5, 5);
    rig_expect_sent(&rig, ""); /* it would overtake what is in flight */
    expect_old_sent(&rig, "1 2 ");
    assert_int_equal(rig.old_sink->stops, 1);
    old_answer_all(&rig);
    rig_expect_sent(&rig, "3 4 ");
    rig_expect_settled(&rig, "1:ack 2:ack ");
    reap(&rig);
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    rig_fini(&rig);
}

static void test_what_an_old_sink_knows_too_late_is_counted(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig.old_sink->sink.events->on_late(rig.old_sink->sink.ctx, OUTCOME_UNROUTABLE, "no route");
    assert_int_equal(rig_books(&rig)->unroutable, 1);
    old_answer_all(&rig);
    reap(&rig);
    rig_fini(&rig);
}

static void test_calls_do_not_delay_the_new_sink(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.sink->sink.can |= ENDPOINT_CALLS;
    rig_give(&rig, 1, 2);
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig_give(&rig, 3, 3);
    rig_expect_sent(&rig, "3 "); /* they have no order */
    bridge_change_hurry(rig.bridge);
    fake_pump_run(&rig.pump);
    assert_false(rig.old_sink->stop_now); /* and their own time */
    old_answer_all(&rig);
    rig_expect_settled(&rig, "1:ack 2:ack ");
    reap(&rig);
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 3);
    rig_fini(&rig);
}

static void test_a_stop_hurries_old_calls(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.sink->sink.can |= ENDPOINT_CALLS;
    rig_give(&rig, 1, 1);
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig_stop_now(&rig);
    assert_true(rig.old_sink->stop_now);
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    reap(&rig);
    rig_fini(&rig);
}

static void test_lost_with_the_old_sink_goes_first(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig_give(&rig, 3, 3);
    fake_sink_link(rig.old_sink, ENDPOINT_WAITING, "gone");
    fake_pump_run(&rig.pump);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_deliver_all(&rig);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    rig_fini(&rig);
}

static void test_patience_with_the_old_sink_ends(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    assert_int_equal(change(&rig, false, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "");
    bridge_change_hurry(rig.bridge);
    fake_pump_run(&rig.pump);
    rig_expect_sent(&rig, "1 2 ");
    reap(&rig);
    bridge_change_hurry(rig.bridge); /* nothing is left to hurry */
    rig_fini(&rig);
}

static void test_old_source_gives_until_the_new_one_is_ready(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.source_can = RIG_REDIS;
    rig_run(&rig);
    assert_int_equal(change(&rig, true, SUCCEED_WHEN_READY), 0);
    rig_sink_up(&rig);
    assert_true(rig.source->started);
    assert_false(rig.old_source->stopping);
    give_old(&rig, "1");
    rig_source_up(&rig);
    assert_true(rig.old_source->stopping);
    rig_give(&rig, 2, 2);
    rig_expect_sent(&rig, "1 2 ");
    rig_deliver_all(&rig);
    assert_string_equal(strbuf_text(&rig.old_source->settled), "1:ack ");
    rig_expect_settled(&rig, "2:ack ");
    reap(&rig);
    assert_int_equal(bridge_get_state(rig.bridge), BRIDGE_RUNNING);
    rig_fini(&rig);
}

static void test_new_source_begins_when_the_old_one_has_stopped(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    assert_int_equal(change(&rig, true, SUCCEED_AFTER), 0);
    assert_true(rig.old_source->stopping);
    assert_false(rig.old_source->stopped); /* it has one to be settled */
    assert_false(rig.source->started);
    old_answer_all(&rig);
    assert_true(rig.old_source->stopped);
    assert_true(rig.source->started);
    rig_sink_up(&rig);
    rig_source_up(&rig);
    reap(&rig);
    rig_give(&rig, 2, 2);
    rig_expect_sent(&rig, "2 ");
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

static void test_full_and_paused_bridges_stay_so(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.options.when_full = FULL_PAUSE;
    rig_start(&rig);
    rig_source_up(&rig);
    rig_give(&rig, 1, 3);
    assert_true(rig.source->paused);
    assert_int_equal(change(&rig, true, SUCCEED_WHEN_READY), 0);
    assert_true(rig.source->paused);
    rig_source_up(&rig);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_deliver_all(&rig);
    assert_false(rig.source->paused);
    reap(&rig);
    rig_pause(&rig);
    assert_int_equal(change(&rig, true, SUCCEED_WHEN_READY), 0);
    assert_true(rig.source->paused);
    rig_fini(&rig);
}

static void test_stopped_in_the_middle_of_a_change(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    assert_int_equal(change(&rig, true, SUCCEED_WHEN_READY), 0);
    rig_stop(&rig);
    assert_true(rig.source->stopping && rig.old_source->stopping);
    assert_int_equal(rig.stopped, 0); /* two are in flight */
    old_answer_all(&rig);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

static void test_no_memory_to_change(void **state)
{
    struct rig rig;
    unsigned tries = 0;
    int result = -1;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    while (result != 0) {
        struct fake_source *source = rig.source;
        struct fake_sink *sink = rig.sink;
        struct bridge_setup setup = rig_prepare(&rig);

        alloc_fail_after(tries++);
        result = bridge_change(rig.bridge, &setup, SUCCEED_WHEN_READY);
        assert_true(alloc_fail_stop() == (result != 0));
        if (result != 0) { /* nothing has happened */
            endpoint_free_source(setup.source);
            endpoint_free_sink(setup.sink);
            rig.source = source;
            rig.sink = sink;
            assert_false(source->stopping);
            assert_int_equal(sink->stops, 0);
        } else {
            rig.old_source = source;
            rig.old_sink = sink;
        }
        assert_in_range(tries, 1, 20);
    }
    assert_true(tries > 3);
    rig_sink_up(&rig);
    rig_source_up(&rig);
    old_answer_all(&rig);
    reap(&rig);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_sink_waits_for_the_old_one),
        cmocka_unit_test(test_what_an_old_sink_knows_too_late_is_counted),
        cmocka_unit_test(test_calls_do_not_delay_the_new_sink),
        cmocka_unit_test(test_a_stop_hurries_old_calls),
        cmocka_unit_test(test_lost_with_the_old_sink_goes_first),
        cmocka_unit_test(test_patience_with_the_old_sink_ends),
        cmocka_unit_test(test_old_source_gives_until_the_new_one_is_ready),
        cmocka_unit_test(test_new_source_begins_when_the_old_one_has_stopped),
        cmocka_unit_test(test_full_and_paused_bridges_stay_so),
        cmocka_unit_test(test_stopped_in_the_middle_of_a_change),
        cmocka_unit_test(test_no_memory_to_change),
    };

    return cmocka_run_group_tests_name("bridge_change", tests, NULL, NULL);
}
