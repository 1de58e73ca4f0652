/* Messages that another bridge left, taken over by one that runs: do they go behind what it has, in
 * order, once, with the books in balance, and does what finds no room stay the giver's? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_store_rig.h"

static struct delivery_list given;

/* Deliveries with the bodies "from".."to", as records of another bridge give them. */
static void prepare(unsigned from, unsigned to)
{
    unsigned number;

    TAILQ_INIT(&given);
    for (number = from; number <= to; number++) {
        char text[12];
        struct delivery *delivery;
        char *data;
        int len = snprintf(text, sizeof(text), "%u", number);

        delivery = delivery_new((size_t)len, &data);
        assert_non_null(delivery);
        memcpy(data, text, (size_t)len);
        delivery->body = slice_make(data, (size_t)len);
        delivery->channel = SLICE("old");
        TAILQ_INSERT_TAIL(&given, delivery, link);
    }
}

static size_t left(void)
{
    struct delivery *delivery;
    size_t count = 0;

    while ((delivery = TAILQ_FIRST(&given)) != NULL) {
        TAILQ_REMOVE(&given, delivery, link);
        delivery_free(delivery);
        count++;
    }
    return count;
}

/* How many were taken. */
static size_t replay(struct rig *rig, const char **out_why)
{
    size_t taken = bridge_replay(rig->bridge, &given, out_why);

    rig->replayed += taken;
    rig_check_books(rig);
    return taken;
}

static void test_into_a_bridge_at_rest(void **state)
{
    const char *why = "";
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 100;
    rig.sink_limit = 100;
    rig_run(&rig);
    assert_null(bridge_refuses_replay(rig.bridge));
    prepare(1, 5);
    assert_int_equal(replay(&rig, &why), 5);
    assert_null(why);
    assert_int_equal(left(), 0);
    assert_int_equal(rig_books(&rig)->received, 5);
    fake_pump_run(&rig.pump); /* nobody else would have them read back */
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_expect_settled(&rig, ""); /* its source knows nothing of them */
    assert_int_equal(rig_books(&rig)->delivered, 5);
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_behind_what_it_has_and_before_what_comes(void **state)
{
    const char *why;
    struct rig rig;

    (void)state;
    init(&rig); /* two with the sink, two in memory, the rest on the disk */
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    expect_waiting(&rig, 2, 1);
    prepare(6, 8);
    assert_int_equal(replay(&rig, &why), 3);
    rig_give(&rig, 9, 10);
    expect_stored(&rig, "5 6 7 8 9 10 ");
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 8 9 10 ");
    assert_int_equal(rig_books(&rig)->delivered, 10);
    assert_int_equal(rig_books(&rig)->received, 10);
    fini(&rig);
}

static void test_a_durable_bridge(void **state)
{
    const char *why;
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig_give(&rig, 1, 3);
    prepare(4, 6);
    assert_int_equal(replay(&rig, &why), 3);
    rig_give(&rig, 7, 7);
    fake_store_sync(rig.store);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 ");
    expect_stored(&rig, "");
    fini(&rig);
}

/* Why another rule refused a message does not make it a dead letter of this one. */
static void test_what_another_rule_refused_is_tried(void **state)
{
    struct delivery *delivery;
    const char *why;
    struct rig rig;

    (void)state;
    init(&rig);
    rig.with_dead = true;
    rig.options.buffer_messages = 100;
    rig.sink_limit = 100;
    rig_run(&rig);
    prepare(1, 2);
    delivery = TAILQ_FIRST(&given);
    delivery->reason = "unroutable";
    delivery->error = strdup("no queue");
    assert_int_equal(replay(&rig, &why), 2);
    fake_pump_run(&rig.pump);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 ");
    assert_int_equal(rig_books(&rig)->delivered, 2);
    assert_int_equal(rig_books(&rig)->dead_lettered, 0);
    fini(&rig);
}

static void test_without_room(void **state)
{
    const char *why = NULL;
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig.store->tight = true;
    prepare(1, 3);
    assert_int_equal(replay(&rig, &why), 0);
    assert_non_null(why);
    rig.store->tight = false;
    rig.store->refuses = true;
    rig.store->why = "the spool is full";
    assert_int_equal(replay(&rig, &why), 0);
    assert_string_equal(why, "the spool is full");
    assert_int_equal(rig_books(&rig)->received, 0);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    assert_int_equal(rig_books(&rig)->bytes_in, 0);
    rig.store->refuses = false;
    assert_int_equal(replay(&rig, &why), 3); /* the same ones, in order */
    assert_int_equal(left(), 0);
    fake_pump_run(&rig.pump);
    rig_give(&rig, 4, 4);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    fini(&rig);
}

static void test_who_refuses(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.source_can = RIG_REDIS;
    rig_make(&rig);
    assert_string_equal(bridge_refuses_replay(rig.bridge), "it is not running");
    bridge_start(rig.bridge);
    assert_non_null(strstr(bridge_refuses_replay(rig.bridge), "no disk"));
    rig_stop(&rig);
    assert_string_equal(bridge_refuses_replay(rig.bridge), "it is not running");
    rig_fini(&rig);
}

static void test_what_is_kept_at_a_stop(void **state)
{
    const char *why;
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    prepare(4, 6);
    assert_int_equal(replay(&rig, &why), 3);
    rig_stop(&rig);
    rig_deliver_all(&rig);
    assert_int_equal(rig.stopped, 1);
    expect_stored(&rig, "3 4 5 6 ");
    fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_into_a_bridge_at_rest),
        cmocka_unit_test(test_behind_what_it_has_and_before_what_comes),
        cmocka_unit_test(test_a_durable_bridge),
        cmocka_unit_test(test_what_another_rule_refused_is_tried),
        cmocka_unit_test(test_without_room),
        cmocka_unit_test(test_who_refuses),
        cmocka_unit_test(test_what_is_kept_at_a_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
