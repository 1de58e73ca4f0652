/* Is reading held while the disk does not keep up, and never for longer than Redis bears? */
#include "app/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MS = 1000, MB = 1000 * 1000 };

static const struct hold_limits limits = {
    .high = 30 * MB, .low = 10 * MB, .most_us = 500 * MS, .most_bytes = 12 * MB};

/* A reader that sees everything at once, and how it goes. */
struct world {
    struct hold hold;
    struct hold_view view;
};

static void begin(struct world *world)
{
    *world = (struct world){.view = {.now_us = 1000 * MS, .caught_up = true}};
    hold_init(&world->hold, &limits);
}

/* Some ms pass in which `mb_a_second` come. */
static bool pass(struct world *world, uint64_t ms, uint64_t mb_a_second)
{
    bool held = false;

    for (uint64_t i = 0; i < ms; i++) {
        world->view.now_us += MS;
        world->view.bytes_read += mb_a_second * MS;
        held = hold_decide(&world->hold, &world->view);
    }
    return held;
}

static void holds_from_high_down_to_low(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    world.view.backlog = limits.high - 1;
    assert_false(pass(&world, 100, 1));
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 1));
    world.view.backlog = limits.low + 1;
    assert_true(pass(&world, 50, 0));
    world.view.backlog = limits.low;
    assert_false(pass(&world, 1, 0));
    world.view.backlog = limits.high - 1;
    assert_false(pass(&world, 1, 1));
}

static void ends_after_the_longest_time(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    pass(&world, 100, 1); /* so slow that time is what counts */
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 1));
    assert_int_equal(hold_left_us(&world.hold), limits.most_us);
    assert_true(pass(&world, 499, 0));
    assert_int_equal(hold_left_us(&world.hold), MS);
    assert_false(pass(&world, 1, 0));
    assert_int_equal(hold_left_us(&world.hold), 0);
}

static void ends_sooner_the_faster_it_comes(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    pass(&world, 100, 120); /* 12 MB in 100 ms */
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 120));
    assert_int_equal(hold_left_us(&world.hold), 100 * MS);
    assert_true(pass(&world, 99, 0));
    assert_false(pass(&world, 1, 0));
}

static void remembers_a_fast_burst_for_a_while(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    pass(&world, 100, 120);
    pass(&world, 22, 0);
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 0));
    assert_in_range(hold_left_us(&world.hold), 100 * MS, 150 * MS);
    world.view.backlog = 0;
    assert_false(pass(&world, 1, 0));
    pass(&world, 2000, 0);
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 0));
    assert_int_equal(hold_left_us(&world.hold), limits.most_us);
}

static void holds_not_again_before_it_has_caught_up(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    pass(&world, 100, 1);
    world.view.backlog = limits.high;
    assert_true(pass(&world, 1, 1));
    assert_false(pass(&world, 500, 0));
    world.view.caught_up = false;
    assert_false(pass(&world, 5000, 10)); /* Redis still has something for us */
    world.view.caught_up = true;
    assert_false(pass(&world, 249, 1));
    assert_true(pass(&world, 1, 1)); /* half of the time is there again */
    assert_int_equal(hold_left_us(&world.hold), limits.most_us / 2);
}

static void several_short_holds_share_the_time(void **state)
{
    struct world world;

    (void)state;
    begin(&world);
    pass(&world, 100, 1);
    world.view.caught_up = false;
    for (int i = 0; i < 5; i++) {
        world.view.backlog = limits.high;
        assert_true(pass(&world, 1, 1));
        assert_true(pass(&world, 99, 0));
        world.view.backlog = limits.low;
        assert_false(pass(&world, 1, 0));
    }
    world.view.backlog = limits.high;
    assert_false(pass(&world, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_from_high_down_to_low),
        cmocka_unit_test(ends_after_the_longest_time),
        cmocka_unit_test(ends_sooner_the_faster_it_comes),
        cmocka_unit_test(remembers_a_fast_burst_for_a_while),
        cmocka_unit_test(holds_not_again_before_it_has_caught_up),
        cmocka_unit_test(several_short_holds_share_the_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
