/* From the sink back to the source: what becomes of every message for every answer, are refused
 * ones tried again at the right time and in the right order, and is what the source has lost its
 * hold on counted as returned? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

static void test_a_refused_one_waits_and_is_sent_again(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_RETRY, "queue is full");
    assert_int_equal(rig.wishes, 1);
    assert_in_range(rig.wake_at_us - rig.now_us, 50000, 100000);
    assert_int_equal(rig_books(&rig)->buffered, 1);
    assert_int_equal(rig_books(&rig)->retried, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message refused, trying again: queue is full");
    rig_expect_sent(&rig, "1 ");
    rig_give(&rig, 2, 2); /* waits behind it */
    rig_expect_sent(&rig, "");
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 2 ");
    rig_deliver(&rig, 1, 2);
    rig_expect_settled(&rig, "1:ack 2:ack ");
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

static void test_backs_off_further_each_time(void **state)
{
    static const uint64_t longest_ms[] = {100, 200, 400, 800, 1000, 1000};
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    for (size_t i = 0; i < sizeof(longest_ms) / sizeof(longest_ms[0]); i++) {
        rig_answer(&rig, 1, OUTCOME_RETRY, "no");
        assert_in_range(rig.wake_at_us - rig.now_us, longest_ms[i] * 500, longest_ms[i] * 1000);
        rig_advance_to_wish(&rig);
    }
    assert_int_equal(rig_books(&rig)->retried, 6);
    rig_deliver(&rig, 1, 1); /* good again, from the start again */
    rig_give(&rig, 2, 2);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no");
    assert_in_range(rig.wake_at_us - rig.now_us, 50000, 100000);
    rig_fini(&rig);
}

/* What goes well meanwhile was sent before the refusal, and says nothing of the time after it. */
static void test_backs_off_further_beside_deliveries(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig_deliver(&rig, 2, 3);
    rig_advance_to_wish(&rig);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    assert_in_range(rig.wake_at_us - rig.now_us, 100000, 200000);
    rig_fini(&rig);
}

static void test_order_stays_where_some_are_refused(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_deliver(&rig, 1, 1);
    rig_answer(&rig, 4, OUTCOME_RETRY, "no");
    rig_deliver(&rig, 3, 3);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no");
    rig_give(&rig, 6, 7);
    rig_deliver(&rig, 5, 5);
    assert_int_equal(rig.wishes, 1); /* one back-off for both */
    rig_expect_sent(&rig, "");
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "2 4 6 7 ");
    rig_deliver_all(&rig);
    rig_expect_settled(&rig, "1:ack 3:ack 5:ack 2:ack 4:ack 6:ack 7:ack ");
    rig_fini(&rig);
}

static void test_waits_for_what_is_in_flight(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_answer(&rig, 2, OUTCOME_RETRY, "no");
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, ""); /* 1 may come back too, and goes before 2 */
    rig_deliver(&rig, 3, 3);
    rig_expect_sent(&rig, "");
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig_expect_sent(&rig, "1 2 ");
    rig_fini(&rig);
}

static void test_wakes_for_nothing_do_no_harm(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    bridge_wake(rig.bridge);
    rig_give(&rig, 1, 2);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig_deliver(&rig, 2, 2);
    rig_expect_sent(&rig, "1 2 "); /* the earlier wake does not end this back-off */
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 ");
    bridge_wake(rig.bridge);
    rig_expect_sent(&rig, "");
    rig_fini(&rig);
}

static void test_attempts_have_a_limit(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.retry_attempts = 3;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    for (int i = 0; i < 2; i++) {
        rig_answer(&rig, 1, OUTCOME_RETRY, "queue is full");
        rig_sink_down(&rig); /* a lost link is no attempt */
        rig_sink_up(&rig);
        rig_advance_to_wish(&rig);
        rig_sink_down(&rig);
        rig_sink_up(&rig);
    }
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_expect_sent(&rig, "1 1 1 1 1 ");
    rig_answer(&rig, 1, OUTCOME_RETRY, "queue is full");
    rig_expect_settled(&rig, "1:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: retries: queue is full");
    rig_give(&rig, 2, 2); /* nothing holds the next one back */
    rig_expect_sent(&rig, "2 ");
    rig_fini(&rig);
}

static void test_lost_ones_are_sent_again_in_order(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 4;
    rig_run(&rig);
    rig_give(&rig, 1, 6);
    rig_answer(&rig, 2, OUTCOME_DELIVERED, NULL);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_sink_down(&rig);
    assert_int_equal(rig_books(&rig)->buffered, 5);
    assert_int_equal(rig_books(&rig)->retried, 4);
    rig_give(&rig, 7, 7);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 3 4 5 ");
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "6 7 ");
    assert_int_equal(rig.wishes, 0); /* no back-off */
    assert_int_equal(rig_books(&rig)->delivered, 7);
    rig_fini(&rig);
}

static void test_lost_twice(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 1 2 1 2 ");
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "3 4 ");
    rig_fini(&rig);
}

static void test_a_lost_link_does_not_end_a_back_off(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no");
    rig_expect_sent(&rig, "1 2 3 ");
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "");
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 2 3 ");

    rig_answer(&rig, 2, OUTCOME_RETRY, "no"); /* and one that ends while the link is down */
    rig_sink_down(&rig);
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "");
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_fini(&rig);
}

static void test_unroutable(void **state)
{
    struct rig rig;

    (void)state;
    for (enum on_unroutable how = UNROUTABLE_DEAD_LETTER; how <= UNROUTABLE_DROP; how++) {
        rig_init(&rig);
        rig.options.on_unroutable = how;
        rig_run(&rig);
        rig_give(&rig, 1, 1);
        rig_answer(&rig, 1, OUTCOME_UNROUTABLE, "312 NO_ROUTE");
        rig_expect_settled(&rig, "1:ack ");
        assert_int_equal(rig_books(&rig)->unroutable, 1);
        assert_int_equal(rig_books(&rig)->dropped, 1);
        assert_string_equal(bridge_get_last_error(rig.bridge),
                            "message dropped: unroutable: 312 NO_ROUTE");
        rig_fini(&rig);
    }
}

static void test_unroutable_is_tried_again(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.on_unroutable = UNROUTABLE_RETRY;
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_answer(&rig, 1, OUTCOME_UNROUTABLE, "312 NO_ROUTE");
    rig_answer(&rig, 2, OUTCOME_UNROUTABLE, "312 NO_ROUTE");
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 2 1 2 ");
    rig_deliver(&rig, 1, 2);
    assert_int_equal(rig_books(&rig)->unroutable, 2);
    assert_int_equal(rig_books(&rig)->retried, 2);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

static void test_no_subscribers(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, NULL);
    rig_deliver(&rig, 2, 2);
    rig_expect_settled(&rig, "1:ack 2:ack ");
    assert_int_equal(rig_books(&rig)->no_subscribers, 1);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

static void test_refused_by_the_far_side(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_answer(&rig, 1, OUTCOME_REFUSED, "404 NOT_FOUND");
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: refused: 404 NOT_FOUND");
    rig_answer(&rig, 2, OUTCOME_TOO_LARGE, "headers over a frame");
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: too-large: headers over a frame");
    rig_answer(&rig, 3, OUTCOME_REFUSED, NULL);
    assert_string_equal(bridge_get_last_error(rig.bridge), "message dropped: refused");
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 3);
    assert_int_equal(rig_count_logged(&rig, "message dropped: refused\" why=\"404 NOT_FOUND\""), 1);
    rig_fini(&rig);
}

/* The source could not take them in whole: counted, passed no further, and rejected. */
static void test_refused_by_the_source(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.source->refused_why = "headers nested too deep";
    rig_give(&rig, 1, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: refused: headers nested too deep");
    rig.source->refused_why = "a body of 5 octets";
    rig.source->is_too_large = true;
    rig_give(&rig, 2, 2);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: too-large: a body of 5 octets");
    rig.source->refused_why = NULL;
    rig_give(&rig, 3, 3);
    rig_expect_sent(&rig, "3 ");
    rig_expect_settled(&rig, "1:reject 2:reject ");
    assert_int_equal(rig_books(&rig)->received, 3);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_deliver(&rig, 3, 3);
    rig_fini(&rig);
}

static void test_stale_ones_that_wait_are_returned(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no"); /* waits in front, 3 and 4 in the queue */
    rig_expect_sent(&rig, "1 2 ");
    rig_source_down(&rig);
    assert_int_equal(rig_books(&rig)->returned, 3);
    assert_int_equal(rig_books(&rig)->in_flight, 1);
    rig_expect_settled(&rig, "2:forget 3:forget 4:forget ");
    rig_source_up(&rig);
    rig_give(&rig, 2, 4); /* the queue gives them again */
    rig_deliver(&rig, 1, 1);
    assert_int_equal(rig_books(&rig)->delivered, 1);
    rig_advance_to_wish(&rig);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "2 3 4 ");
    assert_int_equal(rig_books(&rig)->received, 7);
    assert_int_equal(rig_books(&rig)->delivered, 4);
    rig_fini(&rig);
}

static void test_stale_ones_that_come_back_are_returned(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.retry_attempts = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_source_down(&rig);
    rig_source_up(&rig);
    assert_int_equal(rig_books(&rig)->in_flight, 4);
    rig_answer(&rig, 1, OUTCOME_DELIVERED, NULL);
    rig_answer(&rig, 2, OUTCOME_RETRY, "no"); /* not its last attempt: the queue has it */
    assert_int_equal(rig_books(&rig)->returned, 1);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_give(&rig, 5, 5); /* nothing is held back for it */
    rig_sink_down(&rig);
    assert_int_equal(rig_books(&rig)->returned, 3);
    rig_expect_settled(&rig, "1:ack 2:forget 3:forget 4:forget ");
    assert_int_equal(rig_books(&rig)->retried, 1);
    assert_int_equal(rig.wishes, 0);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 5 ");
    rig_fini(&rig);
}

static void test_nothing_of_a_channel_is_stale(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.source_can = RIG_REDIS;
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_sink_down(&rig);
    rig_give(&rig, 3, 3);
    rig_source_down(&rig);
    rig_source_up(&rig);
    assert_int_equal(rig_books(&rig)->returned, 0);
    rig_expect_settled(&rig, "");
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 1 2 3 ");
    rig_fini(&rig);
}

/* All that waited for the back-off is refused at once: nothing will answer any more. */
static void test_resumes_after_a_back_off_that_ends_in_refusals(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_RETRY, "no");
    rig_give(&rig, 2, 3);
    assert_true(rig.source->paused);
    rig.sink->says = SINK_REFUSED;
    rig_advance_to_wish(&rig);
    assert_int_equal(rig_books(&rig)->dropped, 3);
    assert_false(rig.source->paused);
    rig_fini(&rig);
}

static void test_latency_is_from_receipt_to_confirm(void **state)
{
    struct rig rig;
    const struct histogram *latency;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    latency = bridge_get_latency(rig.bridge);
    rig_give(&rig, 1, 3);
    rig_advance(&rig, 1000);
    rig_deliver(&rig, 1, 1);
    rig_advance(&rig, 500000);
    rig_answer(&rig, 2, OUTCOME_NO_SUBSCRIBERS, NULL);
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no"); /* not delivered: no latency */
    assert_int_equal(latency->count, 2);
    assert_int_equal(latency->sum, 1000 + 501000);
    assert_int_equal(latency->max, 501000);
    rig.source->now_us = rig.now_us + 77; /* a clock that is not ours does not wrap it */
    rig_give(&rig, 4, 4);
    rig_deliver(&rig, 4, 4);
    assert_int_equal(latency->count, 3);
    assert_int_equal(latency->max, 501000);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_one_waits_and_is_sent_again),
        cmocka_unit_test(test_backs_off_further_each_time),
        cmocka_unit_test(test_backs_off_further_beside_deliveries),
        cmocka_unit_test(test_order_stays_where_some_are_refused),
        cmocka_unit_test(test_waits_for_what_is_in_flight),
        cmocka_unit_test(test_wakes_for_nothing_do_no_harm),
        cmocka_unit_test(test_attempts_have_a_limit),
        cmocka_unit_test(test_lost_ones_are_sent_again_in_order),
        cmocka_unit_test(test_lost_twice),
        cmocka_unit_test(test_a_lost_link_does_not_end_a_back_off),
        cmocka_unit_test(test_unroutable),
        cmocka_unit_test(test_unroutable_is_tried_again),
        cmocka_unit_test(test_no_subscribers),
        cmocka_unit_test(test_refused_by_the_far_side),
        cmocka_unit_test(test_refused_by_the_source),
        cmocka_unit_test(test_stale_ones_that_wait_are_returned),
        cmocka_unit_test(test_stale_ones_that_come_back_are_returned),
        cmocka_unit_test(test_nothing_of_a_channel_is_stale),
        cmocka_unit_test(test_resumes_after_a_back_off_that_ends_in_refusals),
        cmocka_unit_test(test_latency_is_from_receipt_to_confirm),
    };

    return cmocka_run_group_tests_name("bridge_settle", tests, NULL, NULL);
}
