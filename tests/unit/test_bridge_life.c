/* Does a bridge say how it is, can it be paused at any time, and does every stop end once, with
 * nothing pending and every message where it belongs? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "bridge_rig.h"

static void test_freed_before_it_was_started(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_make(&rig);
    assert_string_equal(bridge_name(rig.bridge), "news");
    rig_expect_states(&rig, "");
    rig_fini(&rig);
    bridge_free(NULL);
}

static void test_no_memory_to_make_it(void **state)
{
    struct bridge_setup setup;
    struct rig rig;
    unsigned tries = 0;

    (void)state;
    rig_init(&rig);
    setup = rig_prepare(&rig);
    while (rig.bridge == NULL) { /* the endpoints stay ours, and serve the next try */
        alloc_fail_after(tries++);
        rig.bridge = bridge_new(&setup);
        assert_true(alloc_fail_stop() == (rig.bridge == NULL));
    }
    assert_in_range(tries, 3, 20);
    rig_fini(&rig);
}

static void test_says_how_it_is_and_why(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_start(&rig);
    assert_null(bridge_get_last_error(rig.bridge));
    rig_sink_up(&rig);
    rig_expect_states(&rig, "waiting ");
    rig_source_up(&rig);
    rig_expect_states(&rig, "running ");
    assert_string_equal(rig.why, "");
    rig_sink_down(&rig);
    rig_expect_states(&rig, "waiting ");
    assert_string_equal(rig.why, "sink lost");
    rig_source_down(&rig);
    rig_sink_up(&rig);
    rig_expect_states(&rig, "waiting "); /* still, but for another reason */
    assert_string_equal(rig.why, "source lost");
    rig_source_up(&rig);
    rig_source_down(&rig);
    rig_expect_states(&rig, "running waiting ");
    assert_string_equal(rig.why, "source lost");
    assert_string_equal(bridge_get_last_error(rig.bridge), "source lost");
    rig_stop(&rig);
    rig_expect_states(&rig, "stopped ");
    rig_fini(&rig);
}

static void test_guarantees(void **state)
{
    (void)state;
    assert_string_equal(bridge_guarantee(RIG_AMQP, ENDPOINT_CONFIRMS, ACK_ON_CONFIRM),
                        "at-least-once");
    assert_string_equal(bridge_guarantee(RIG_REDIS, ENDPOINT_CONFIRMS, ACK_ON_CONFIRM),
                        "at-least-once from receipt");
    assert_string_equal(bridge_guarantee(RIG_AMQP, 0, ACK_ON_CONFIRM), "at-most-once");
    assert_string_equal(bridge_guarantee(RIG_AMQP, ENDPOINT_CONFIRMS, ACK_ON_PUBLISH),
                        "at-most-once");
    assert_string_equal(bridge_guarantee(RIG_AMQP, ENDPOINT_CONFIRMS, ACK_NO_ACK), "at-most-once");
}

static void test_paused_by_the_operator(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_pause(&rig);
    rig_pause(&rig);
    assert_int_equal(rig.source->pauses, 1);
    rig_expect_states(&rig, "paused ");
    assert_string_equal(rig.why, "by the operator");
    rig_give(&rig, 4, 4); /* was under way */
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 "); /* what waits goes out */
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_expect_states(&rig, "");
    rig_resume(&rig);
    rig_resume(&rig);
    assert_int_equal(rig.source->resumes, 1);
    rig_expect_states(&rig, "running ");
    rig_fini(&rig);
}

static void test_room_does_not_end_a_pause_of_the_operator(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.sink_limit = 1;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_give(&rig, 1, 4); /* full first, then by the operator */
    rig_pause(&rig);
    assert_string_equal(rig.why, "the buffer is full");
    rig_deliver(&rig, 1, 4);
    assert_true(rig.source->paused);
    assert_int_equal(bridge_get_state(rig.bridge), BRIDGE_PAUSED);
    rig_resume(&rig);
    assert_false(rig.source->paused);
    rig_expect_states(&rig, "paused running ");
    rig_fini(&rig);
}

static void test_the_operator_does_not_end_a_pause_when_full(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.sink_limit = 1;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_pause(&rig);
    rig_give(&rig, 1, 4); /* was under way, and fills it */
    rig_resume(&rig);
    assert_true(rig.source->paused);
    rig_deliver(&rig, 1, 2);
    assert_false(rig.source->paused);
    rig_expect_states(&rig, "paused running ");
    rig_fini(&rig);
}

static void test_stop_with_nothing_to_do(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    bridge_stop(rig.bridge);
    assert_int_equal(rig.stopped, 0); /* told later, never inside */
    assert_int_equal(rig.sink->stops, 0);
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    rig_expect_states(&rig, "stopped ");
    bridge_stop(rig.bridge);
    bridge_stop_now(rig.bridge);
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    assert_int_equal(rig.sink->stops, 1);
    rig_fini(&rig);
}

static void test_stop_before_anything_is_up(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_start(&rig);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

static void test_stop_sends_what_was_taken_in(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig_stop(&rig);
    rig_give(&rig, 6, 7); /* was under way */
    assert_int_equal(rig.stopped, 0);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 7);
    rig_fini(&rig);
}

static void test_stop_ends_with_what_is_dropped_or_refused(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_stop(&rig);
    rig_answer(&rig, 2, OUTCOME_REFUSED, "no");
    rig.sink->says = SINK_TOO_LARGE;
    rig_give(&rig, 3, 3);
    assert_int_equal(rig.stopped, 0);
    rig_answer(&rig, 1, OUTCOME_UNROUTABLE, "no");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->dropped, 3);
    rig_fini(&rig);
}

static void test_stop_hands_back_what_cannot_go_out(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_sink_down(&rig);
    rig_give(&rig, 2, 3);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:requeue 2:requeue 3:requeue ");
    assert_int_equal(rig_books(&rig)->returned, 3);
    rig_fini(&rig);
}

static void test_a_sink_lost_in_a_stop_hands_back(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_stop(&rig);
    rig_deliver(&rig, 1, 1);
    rig_sink_down(&rig);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:ack 2:requeue 3:requeue 4:requeue ");
    rig_fini(&rig);
}

static void test_what_comes_after_a_hopeless_stop_is_handed_back(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_sink_down(&rig);
    bridge_stop(rig.bridge);
    rig_check_books(&rig);
    fake_source_give(rig.source, "2", NULL); /* was under way */
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:requeue 2:requeue ");
    rig_fini(&rig);
}

static void test_stop_waits_for_the_sink_where_nobody_takes_back(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.source_can = RIG_REDIS;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_sink_down(&rig);
    rig_give(&rig, 2, 3);
    rig_stop(&rig);
    assert_int_equal(rig.stopped, 0);
    rig_source_down(&rig);
    assert_int_equal(rig.stopped, 0);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 1 2 3 ");
    rig_deliver_all(&rig);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 3);
    rig_fini(&rig);
}

static void test_stop_waits_for_a_back_off(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig_deliver(&rig, 2, 2);
    assert_int_equal(rig.stopped, 0);
    rig_advance_to_wish(&rig);
    rig_deliver(&rig, 1, 1);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

static void test_stop_after_a_back_off_that_ends_in_a_refusal(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig.sink->says = SINK_REFUSED;
    rig_advance_to_wish(&rig);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

static void test_a_source_lost_in_a_stop(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_stop(&rig);
    rig_source_down(&rig); /* it has stopped before what is in flight came back */
    assert_true(rig.source->stopped);
    assert_int_equal(rig.stopped, 0);
    assert_int_equal(rig_books(&rig)->returned, 2);
    rig_deliver(&rig, 1, 2);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "3:forget 4:forget 1:ack 2:ack ");
    rig_fini(&rig);
}

static void test_stop_resumes_nothing(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.sink_limit = 1;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    assert_true(rig.source->paused);
    rig_stop(&rig);
    rig_pause(&rig);
    rig_resume(&rig);
    rig_deliver(&rig, 1, 3);
    rig_pause(&rig);
    rig_resume(&rig);
    assert_int_equal(rig.source->resumes, 0);
    rig_deliver(&rig, 4, 4);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

/* Queued, in flight, refused before, and one that comes when it is all over. */
static void check_stop_now(unsigned source_can, bool stop_before, bool sink_lost)
{
    struct rig rig;

    rig_init(&rig);
    rig.source_can = source_can;
    rig.sink_limit = 3;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no");
    if (sink_lost) {
        rig_sink_down(&rig);
    }
    if (stop_before) {
        rig_stop(&rig);
    }
    bridge_stop_now(rig.bridge);
    rig_check_books(&rig);
    bridge_stop_now(rig.bridge);
    rig_check_books(&rig);
    if (!rig.source->stopped) {
        fake_source_give(rig.source, "6", NULL);
    }
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 0);
    if (source_can == RIG_REDIS) {
        assert_int_equal(rig_books(&rig)->dropped, rig_books(&rig)->received);
    } else {
        assert_int_equal(rig_books(&rig)->returned, rig_books(&rig)->received);
    }
    rig_fini(&rig);
}

static void test_stop_now_in_every_state(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        check_stop_now(RIG_AMQP, i & 1, i & 2);
        check_stop_now(RIG_REDIS, i & 1, i & 2);
    }
}

static void test_stop_now_before_anything_is_up(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_start(&rig);
    rig_stop_now(&rig);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

static void test_answers_that_come_in_a_stop_now(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.retry_attempts = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    bridge_stop_now(rig.bridge);
    fake_sink_answer(rig.sink, "1", OUTCOME_DELIVERED, NULL);
    fake_sink_answer(rig.sink, "2", OUTCOME_RETRY, "no");
    fake_sink_answer(rig.sink, "3", OUTCOME_REFUSED, "no");
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:ack 2:requeue 3:ack 4:requeue ");
    assert_int_equal(rig_books(&rig)->returned, 2);
    assert_int_equal(rig.wishes, 0);
    assert_int_equal(rig_count_logged(&rig, "trying again"), 0);
    rig_fini(&rig);
}

static void test_stop_now_with_the_sink_on_its_way_out(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    bridge_stop(rig.bridge);
    assert_true(fake_pump_run_one(&rig.pump)); /* the source has stopped, the sink was told to */
    assert_int_equal(rig.sink->stops, 1);
    assert_int_equal(rig.stopped, 0);
    bridge_stop_now(rig.bridge);
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freed_before_it_was_started),
        cmocka_unit_test(test_no_memory_to_make_it),
        cmocka_unit_test(test_says_how_it_is_and_why),
        cmocka_unit_test(test_guarantees),
        cmocka_unit_test(test_paused_by_the_operator),
        cmocka_unit_test(test_room_does_not_end_a_pause_of_the_operator),
        cmocka_unit_test(test_the_operator_does_not_end_a_pause_when_full),
        cmocka_unit_test(test_stop_with_nothing_to_do),
        cmocka_unit_test(test_stop_before_anything_is_up),
        cmocka_unit_test(test_stop_sends_what_was_taken_in),
        cmocka_unit_test(test_stop_ends_with_what_is_dropped_or_refused),
        cmocka_unit_test(test_stop_hands_back_what_cannot_go_out),
        cmocka_unit_test(test_a_sink_lost_in_a_stop_hands_back),
        cmocka_unit_test(test_what_comes_after_a_hopeless_stop_is_handed_back),
        cmocka_unit_test(test_stop_waits_for_the_sink_where_nobody_takes_back),
        cmocka_unit_test(test_stop_waits_for_a_back_off),
        cmocka_unit_test(test_stop_after_a_back_off_that_ends_in_a_refusal),
        cmocka_unit_test(test_a_source_lost_in_a_stop),
        cmocka_unit_test(test_stop_resumes_nothing),
        cmocka_unit_test(test_stop_now_in_every_state),
        cmocka_unit_test(test_stop_now_before_anything_is_up),
        cmocka_unit_test(test_answers_that_come_in_a_stop_now),
        cmocka_unit_test(test_stop_now_with_the_sink_on_its_way_out),
    };

    return cmocka_run_group_tests_name("bridge_life", tests, NULL, NULL);
}
