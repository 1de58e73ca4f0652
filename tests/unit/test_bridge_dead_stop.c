/* A stop with dead letters on their way: does it end, and where are they then? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_dead_rig.h"

static void test_a_stop_waits_for_them(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    rig.dead->limit = 1;
    refuse(&rig, 1);
    refuse(&rig, 2);
    rig_give(&rig, 3, 3);
    rig_stop(&rig);
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no");
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_answer_dead(&rig, OUTCOME_RETRY, "full");
    assert_int_equal(rig.stopped, 0);
    rig_advance_to_wish(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->dead_lettered, 3);
    rig_fini(&rig);
}

/* A queue takes them back where their sink is away; a channel cannot. */
static void test_a_stop_with_their_sink_away(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    refuse(&rig, 1);
    rig_stop(&rig);
    assert_int_equal(rig.stopped, 0);
    rig_dead_down(&rig);
    rig_expect_stopped(&rig);
    rig_expect_settled(&rig, "1:requeue ");
    assert_int_equal(rig_books(&rig)->returned, 1);
    rig_fini(&rig);

    init(&rig, RIG_REDIS);
    rig_run(&rig);
    rig_dead_down(&rig);
    refuse(&rig, 1);
    rig_stop(&rig);
    assert_int_equal(rig.stopped, 0);
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

/* The other sink being away says nothing of theirs. */
static void test_a_stop_with_the_other_sink_away(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    rig.dead->limit = 1;
    refuse(&rig, 1);
    refuse(&rig, 2);
    rig_give(&rig, 3, 3);
    rig_sink_down(&rig);
    rig_stop(&rig);
    rig_expect_settled(&rig, "3:requeue ");
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->dead_lettered, 2);
    rig_fini(&rig);
}

static void check_stop_now(unsigned source_can, bool stop_before, bool dead_down)
{
    struct rig rig;

    init(&rig, source_can);
    rig_run(&rig);
    rig.dead->limit = 1;
    refuse(&rig, 1);
    refuse(&rig, 2);
    rig_give(&rig, 3, 4);
    if (dead_down) {
        rig_dead_down(&rig);
    }
    if (stop_before) {
        rig_stop(&rig);
    }
    bridge_stop_now(rig.bridge);
    rig_check_books(&rig);
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no");
    rig_expect_stopped(&rig);
    assert_int_equal(source_can == RIG_REDIS ? rig_books(&rig)->dropped : rig_books(&rig)->returned,
                     4);
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

/* One of the sinks has stopped, the other not yet. */
static void test_stop_now_between_the_sinks(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    bridge_stop(rig.bridge);
    assert_true(fake_pump_run_one(&rig.pump)); /* the source */
    assert_true(fake_pump_run_one(&rig.pump)); /* the sink */
    assert_true(rig.sink->stopped);
    assert_false(rig.dead->stopped);
    bridge_stop_now(rig.bridge);
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stop_waits_for_them),
        cmocka_unit_test(test_a_stop_with_their_sink_away),
        cmocka_unit_test(test_a_stop_with_the_other_sink_away),
        cmocka_unit_test(test_stop_now_in_every_state),
        cmocka_unit_test(test_stop_now_between_the_sinks),
    };

    return cmocka_run_group_tests_name("bridge_dead_stop", tests, NULL, NULL);
}
