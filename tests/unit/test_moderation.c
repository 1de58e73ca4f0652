/* Does the loop rest where turns are many and short, and nowhere else? */
#include "net/moderation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

/* What a second of traffic came to. */
struct second {
    unsigned turns;
    uint64_t rested_us;
};

/* Events come every `gap` µs, and a turn takes `fixed` µs and `each` more for every event that it
 * finds. */
static struct second run(struct moderation *moderation, uint64_t gap, uint64_t fixed, uint64_t each)
{
    static uint64_t now = 12345;
    uint64_t end = now + SECOND, next = now;
    struct second second = {0, 0};

    while (now < end) {
        uint64_t begun, rest;
        now = now > next ? now : next;
        begun = now;
        now += fixed;
        for (; next <= begun; next += gap) {
            now += each;
        }
        rest = moderation_rest(moderation, begun, now);
        assert_true(rest <= MODERATION_PERIOD_US);
        now += rest;
        second.turns++;
        second.rested_us += rest;
    }
    return second;
}

static void test_light_traffic_is_left_alone(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    /* A thousand messages a second and their confirms, and twice as many. */
    assert_int_equal(run(&moderation, 500, 15, 1).rested_us, 0);
    assert_int_equal(run(&moderation, 250, 15, 1).rested_us, 0);
    assert_int_equal(run(&moderation, 1000000, 15, 1).rested_us, 0);
}

static void test_events_one_by_one_are_gathered(void **state)
{
    struct moderation moderation = {0};
    struct second second = run(&moderation, 50, 15, 1);

    (void)state;
    assert_in_range(second.turns, 1900, 2300); /* in place of 20,000 */
    second = run(&moderation, 50, 15, 1);
    assert_in_range(second.turns, 1990, 2010);
}

static void test_turns_with_enough_to_do_follow_at_once(void **state)
{
    struct moderation moderation = {0};
    struct second second = run(&moderation, 2, 20, 1);

    (void)state;
    /* Half a million events a second: hundreds a turn, which takes its time for them. */
    second = run(&moderation, 2, 20, 1);
    assert_true(second.rested_us < SECOND / 2);
    second = run(&moderation, 500, 200, 1);
    assert_int_equal(second.rested_us, 0);
}

static void test_it_ends_with_the_traffic(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    run(&moderation, 50, 15, 1);
    assert_true(moderation.on);
    run(&moderation, 1000, 15, 1);
    assert_false(moderation.on);
    run(&moderation, 50, 15, 1);
    assert_true(moderation.on);
    /* The first turn after a pause is not held up. */
    assert_int_equal(
        moderation_rest(&moderation, UINT64_C(3600) * SECOND, UINT64_C(3600) * SECOND + 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_light_traffic_is_left_alone),
        cmocka_unit_test(test_events_one_by_one_are_gathered),
        cmocka_unit_test(test_turns_with_enough_to_do_follow_at_once),
        cmocka_unit_test(test_it_ends_with_the_traffic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
