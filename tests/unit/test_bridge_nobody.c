/* PUBLISH that reaches nobody: are the messages held in order until somebody listens, handed back
 * without going round at full speed, or rejected, as the rule says, and does a stop end? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

static void run(struct rig *rig, unsigned source_can, enum on_no_subscribers how)
{
    rig_init(rig);
    rig->source_can = source_can;
    rig->options.on_no_subscribers = how;
    rig_run(rig);
}

/* The answer of a PUBLISH that reached so many. */
static void reach(struct rig *rig, uint32_t subscribers)
{
    struct delivery *delivery = TAILQ_FIRST(&rig->sink->in_flight);

    assert_non_null(delivery);
    delivery->reached = subscribers;
    fake_sink_answer_first(rig->sink, OUTCOME_NO_SUBSCRIBERS, "reached too few");
    fake_pump_run(&rig->pump);
}

static void test_held_and_probed_one_at_a_time(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "1 2 3 ");
    reach(&rig, 0);
    assert_int_equal(rig.wake_at_us - rig.now_us, 500000);
    reach(&rig, 0);
    reach(&rig, 0);
    assert_int_equal(rig.wishes, 1);
    rig_give(&rig, 4, 5);
    rig_expect_sent(&rig, "");
    for (int i = 0; i < 3; i++) {
        rig_advance_to_wish(&rig);
        rig_expect_sent(&rig, "1 ");
        rig_give(&rig, 6 + (unsigned)i, 6 + (unsigned)i);
        rig_expect_sent(&rig, ""); /* not before its answer */
        reach(&rig, 0);
        assert_int_equal(rig.wake_at_us - rig.now_us, 500000); /* it does not grow */
    }
    assert_int_equal(rig_books(&rig)->no_subscribers, 6);
    assert_int_equal(rig_books(&rig)->retried, 6);
    assert_int_equal(rig_books(&rig)->buffered, 8);
    rig_expect_settled(&rig, "");
    rig_advance_to_wish(&rig);
    rig_deliver(&rig, 1, 1);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 8 ");
    rig_deliver_all(&rig);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack 4:ack 5:ack 6:ack 7:ack 8:ack ");
    assert_int_equal(rig_count_logged(&rig, "nobody is subscribed, holding the messages"), 1);
    rig_fini(&rig);
}

/* Each probe would come to those who listen once more. */
static void test_held_longer_where_some_listen(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 1);
    reach(&rig, 1);
    assert_int_equal(rig.wake_at_us - rig.now_us, rig.options.retry_max_us);
    rig_advance_to_wish(&rig);
    reach(&rig, 0);
    assert_int_equal(rig.wake_at_us - rig.now_us, 500000);
    rig_fini(&rig);
}

static void test_attempts_do_not_count_while_held(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.on_no_subscribers = NOBODY_HOLD;
    rig.options.retry_attempts = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    for (int i = 0; i < 3; i++) {
        reach(&rig, 0);
        rig_advance_to_wish(&rig);
    }
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_deliver(&rig, 1, 1);
    assert_int_equal(rig_books(&rig)->delivered, 1);
    rig_fini(&rig);
}

static void test_a_probe_that_is_refused_lets_the_next_probe(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 1);
    reach(&rig, 0);
    rig_give(&rig, 2, 3);
    rig_advance_to_wish(&rig);
    rig_answer(&rig, 1, OUTCOME_REFUSED, "no");
    rig_expect_sent(&rig, "1 1 2 ");
    rig_answer(&rig, 2, OUTCOME_DELIVERED, NULL);
    rig_expect_sent(&rig, "3 ");
    rig_fini(&rig);
}

static void test_the_link_is_lost_while_held(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "1 2 3 ");
    reach(&rig, 0);
    rig_sink_down(&rig); /* 2 and 3 are lost */
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "");
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 ");
    rig_sink_down(&rig); /* the probe is lost */
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 ");
    rig_deliver(&rig, 1, 1);
    rig_expect_sent(&rig, "2 3 ");
    rig_deliver_all(&rig);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    rig_fini(&rig);
}

static void test_stale_while_held(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 2);
    reach(&rig, 0);
    rig_source_down(&rig);
    reach(&rig, 0);
    rig_expect_settled(&rig, "1:forget 2:forget ");
    rig_source_up(&rig);
    rig_give(&rig, 3, 4);
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_deliver(&rig, 3, 3);
    rig_expect_sent(&rig, "4 ");
    rig_fini(&rig);
}

static void test_a_channel_holds_too(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_REDIS, NOBODY_HOLD);
    rig_give(&rig, 1, 2);
    reach(&rig, 0);
    reach(&rig, 0);
    rig_stop(&rig); /* nobody takes it back: the stop waits */
    assert_int_equal(rig.stopped, 0);
    rig_advance_to_wish(&rig);
    rig_deliver(&rig, 1, 2);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

/* The sink is well, and yet nothing can go out. */
static void test_a_stop_hands_back_what_is_held(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 2);
    reach(&rig, 0);
    reach(&rig, 0);
    rig_give(&rig, 3, 3);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:requeue 2:requeue 3:requeue ");
    assert_int_equal(rig_books(&rig)->returned, 3);
    rig_fini(&rig);
}

static void test_a_stop_waits_for_the_probe(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 2);
    reach(&rig, 0);
    reach(&rig, 0);
    rig_advance_to_wish(&rig);
    rig_stop(&rig);
    assert_int_equal(rig.stopped, 0);
    rig_deliver(&rig, 1, 1); /* somebody has come */
    rig_deliver(&rig, 2, 2);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);

    run(&rig, RIG_AMQP, NOBODY_HOLD);
    rig_give(&rig, 1, 3);
    reach(&rig, 0);
    rig_stop(&rig); /* 1 goes back at once, the others with their answers */
    rig_expect_settled(&rig, "1:requeue ");
    reach(&rig, 0);
    rig_expect_settled(&rig, "2:requeue ");
    rig_deliver(&rig, 3, 3);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

static void test_stop_now_while_held(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_REDIS, NOBODY_HOLD);
    rig_give(&rig, 1, 2);
    reach(&rig, 0);
    rig_stop_now(&rig);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_fini(&rig);
}

static void test_requeued_after_the_back_off(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_REQUEUE);
    rig_give(&rig, 1, 4);
    rig_answer(&rig, 2, OUTCOME_NO_SUBSCRIBERS, "reached none");
    assert_in_range(rig.wake_at_us - rig.now_us, 50000, 100000);
    rig_give(&rig, 5, 5);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_advance_to_wish(&rig);
    rig_expect_settled(&rig, ""); /* 3 and 4 may come back too */
    rig_answer(&rig, 4, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_expect_sent(&rig, "1 2 3 4 ");
    rig_answer(&rig, 3, OUTCOME_DELIVERED, NULL);
    rig_expect_settled(&rig, "3:ack 1:requeue 2:requeue 4:requeue ");
    rig_expect_sent(&rig, "5 ");
    assert_int_equal(rig_books(&rig)->returned, 3);
    assert_int_equal(rig_books(&rig)->no_subscribers, 3);
    rig_answer(&rig, 5, OUTCOME_NO_SUBSCRIBERS, "reached none");
    assert_in_range(rig.wake_at_us - rig.now_us, 100000, 200000); /* it grows */
    rig_advance_to_wish(&rig);
    rig_expect_settled(&rig, "5:requeue ");
    assert_int_equal(rig_count_logged(&rig, "nobody is subscribed, handing the messages back"), 1);
    rig_fini(&rig);
}

static void test_a_stop_hands_back_before_the_back_off_ends(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_REQUEUE);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_give(&rig, 2, 2);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:requeue 2:requeue ");
    rig_fini(&rig);
}

static void test_stale_before_it_is_requeued(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_REQUEUE);
    rig_give(&rig, 1, 2);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_source_down(&rig);
    rig_answer(&rig, 2, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_expect_settled(&rig, "1:forget 2:forget ");
    rig_source_up(&rig);
    rig_give(&rig, 1, 2);
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 2 1 2 ");
    rig_fini(&rig);
}

static void test_rejected(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_REJECT);
    rig_give(&rig, 1, 3);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_deliver(&rig, 2, 2);
    rig_answer(&rig, 3, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_expect_settled(&rig, "1:reject 2:ack 3:reject ");
    assert_int_equal(rig_books(&rig)->returned, 2);
    assert_int_equal(rig_books(&rig)->delivered, 1);
    assert_int_equal(rig_books(&rig)->no_subscribers, 2);
    assert_int_equal(rig.wishes, 0);
    assert_int_equal(rig_count_logged(&rig, "nobody is subscribed, message rejected"), 1);
    rig_fini(&rig);
}

/* A line has a field only where there is something to say. */
static void test_no_words_no_field(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_REJECT);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, NULL);
    assert_int_equal(rig_count_logged(&rig, "nobody is subscribed, message rejected"), 1);
    assert_int_equal(rig_count_logged(&rig, "why="), 0);
    rig_give(&rig, 2, 2);
    rig_answer(&rig, 2, OUTCOME_NO_SUBSCRIBERS, "");
    rig_advance(&rig, 61000000);
    rig_give(&rig, 3, 3);
    rig_answer(&rig, 3, OUTCOME_NO_SUBSCRIBERS, "");
    assert_int_equal(rig_count_logged(&rig, "why="), 0);
    assert_int_equal(rig_count_logged(&rig, "more=1"), 1);
    rig_fini(&rig);
}

static void test_a_channel_takes_no_rejects(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_REDIS, NOBODY_REJECT);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_NO_SUBSCRIBERS, "reached none");
    rig_expect_settled(&rig, "1:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: no-subscribers: reached none");
    rig_fini(&rig);
}

static void test_known_too_late(void **state)
{
    struct rig rig;

    (void)state;
    run(&rig, RIG_AMQP, NOBODY_ACK);
    rig_give(&rig, 1, 3);
    rig_deliver_all(&rig);
    rig.sink->sink.events->on_late(rig.sink->sink.ctx, OUTCOME_NO_SUBSCRIBERS, NULL);
    assert_null(bridge_get_last_error(rig.bridge));
    for (int i = 0; i < 2; i++) {
        rig.sink->sink.events->on_late(rig.sink->sink.ctx, OUTCOME_UNROUTABLE, "no route");
    }
    assert_int_equal(rig_books(&rig)->no_subscribers, 1);
    assert_int_equal(rig_books(&rig)->unroutable, 2);
    assert_int_equal(rig_books(&rig)->delivered, 3);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message returned after it had counted as delivered: no route");
    assert_int_equal(rig_count_logged(&rig, "had counted as delivered"), 1);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_and_probed_one_at_a_time),
        cmocka_unit_test(test_held_longer_where_some_listen),
        cmocka_unit_test(test_attempts_do_not_count_while_held),
        cmocka_unit_test(test_a_probe_that_is_refused_lets_the_next_probe),
        cmocka_unit_test(test_the_link_is_lost_while_held),
        cmocka_unit_test(test_stale_while_held),
        cmocka_unit_test(test_a_channel_holds_too),
        cmocka_unit_test(test_a_stop_hands_back_what_is_held),
        cmocka_unit_test(test_a_stop_waits_for_the_probe),
        cmocka_unit_test(test_stop_now_while_held),
        cmocka_unit_test(test_requeued_after_the_back_off),
        cmocka_unit_test(test_a_stop_hands_back_before_the_back_off_ends),
        cmocka_unit_test(test_stale_before_it_is_requeued),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_no_words_no_field),
        cmocka_unit_test(test_a_channel_takes_no_rejects),
        cmocka_unit_test(test_known_too_late),
    };

    return cmocka_run_group_tests_name("bridge_nobody", tests, NULL, NULL);
}
