/* Is a ceiling over many kept, does nobody starve under it, and do those that wait hear of room? */
#include "core/budget.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rand.h"

enum { CEILING = 9 * 8 * 8 * 1000, MEMBERS = 8 };

struct world {
    struct budget budget;
    struct budget_member members[MEMBERS];
    unsigned looks;          /* calls of the budget's on_room */
    unsigned woken[MEMBERS]; /* calls of each member's */
};

struct waker {
    struct world *world;
    unsigned number;
    bool stops; /* it waits no longer when it is called */
};

static void on_room(void *ctx)
{
    ((struct world *)ctx)->looks++;
}

static void on_woken(void *ctx)
{
    struct waker *waker = ctx;
    struct world *world = waker->world;

    world->woken[waker->number]++;
    if (waker->stops) {
        budget_stop_waiting(&world->budget, &world->members[waker->number]);
    }
}

static void world_init(struct world *world, struct waker wakers[MEMBERS], unsigned count)
{
    *world = (struct world){.looks = 0};
    budget_init(&world->budget, CEILING);
    world->budget.on_room = on_room;
    world->budget.ctx = world;
    for (unsigned i = 0; i < count; i++) {
        wakers[i] = (struct waker){world, i, false};
        budget_join(&world->budget, &world->members[i], on_woken, &wakers[i]);
    }
}

/* Takes `size` if it fits; whether it did. */
static bool take(struct world *world, unsigned number, uint64_t size)
{
    struct budget_member *member = &world->members[number];

    if (member->held + size > budget_limit(&world->budget, member)) {
        return false;
    }
    budget_take(&world->budget, member, size);
    return true;
}

static void give(struct world *world, unsigned number, uint64_t size)
{
    budget_give(&world->budget, &world->members[number], size);
}

static void test_no_ceiling(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;

    (void)state;
    world_init(&world, wakers, 2);
    budget_set_ceiling(&world.budget, 0);
    assert_true(take(&world, 0, UINT64_MAX / 4));
    assert_true(take(&world, 1, UINT64_MAX / 4));
    give(&world, 0, UINT64_MAX / 4);
    budget_leave(&world.budget, &world.members[1]);
    assert_int_equal(world.budget.used, 0);
}

static void test_one_alone_gets_most(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;

    (void)state;
    world_init(&world, wakers, 4);
    while (take(&world, 0, 100)) {
    }
    assert_in_range(world.members[0].held, CEILING / 4 * 3, CEILING / 8 * 7);
}

static void test_the_greedy_share_evenly(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;
    bool going = true;

    (void)state;
    world_init(&world, wakers, 4);
    while (going) {
        going = false;
        for (unsigned i = 0; i < 3; i++) {
            going |= take(&world, i, 100);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(world.members[i].held, CEILING / 4, CEILING / 3);
    }
    assert_true(take(&world, 3, 5000)); /* and the small one has room */
}

static void test_everybody_has_a_part_of_its_own(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;

    (void)state;
    world_init(&world, wakers, 4);
    /* What was under way when a source was paused comes all the same. */
    budget_take(&world.budget, &world.members[0], 3 * (uint64_t)CEILING);
    assert_false(take(&world, 0, 1));
    for (unsigned i = 1; i < 4; i++) {
        assert_true(take(&world, i, CEILING / BUDGET_RESERVE / 4));
        assert_false(take(&world, i, 1));
    }
    give(&world, 0, 3 * (uint64_t)CEILING);
    assert_true(take(&world, 1, CEILING / 4));
}

static void test_the_limit_comes_back(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;
    uint64_t before, low;

    (void)state;
    world_init(&world, wakers, 2);
    before = budget_limit(&world.budget, &world.members[0]);
    budget_take(&world.budget, &world.members[1], CEILING / 2);
    low = budget_limit(&world.budget, &world.members[0]);
    assert_true(low < before / 2 + CEILING / 100);
    give(&world, 1, CEILING / 2);
    assert_int_equal(budget_limit(&world.budget, &world.members[0]), before);
}

static void test_those_that_wait_are_told(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;

    (void)state;
    world_init(&world, wakers, 3);
    budget_take(&world.budget, &world.members[0], CEILING / 2);
    give(&world, 0, 1000);
    assert_int_equal(world.looks, 0); /* nobody waits */
    budget_wait(&world.budget, &world.members[1]);
    budget_wait(&world.budget, &world.members[1]);
    budget_wait(&world.budget, &world.members[2]);
    give(&world, 0, CEILING / 100);
    assert_int_equal(world.looks, 0); /* not for so little */
    give(&world, 0, CEILING / 32);
    assert_int_equal(world.looks, 1);
    wakers[1].stops = true;
    budget_wake(&world.budget);
    give(&world, 0, CEILING / 30);
    budget_wake(&world.budget);
    assert_int_equal(world.looks, 2);
    assert_int_equal(world.woken[0], 0);
    assert_int_equal(world.woken[1], 1);
    assert_int_equal(world.woken[2], 2);
    give(&world, 0, world.members[0].held);
    assert_int_equal(world.looks, 3);
}

static void test_a_new_ceiling_is_told(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;

    (void)state;
    world_init(&world, wakers, 2);
    budget_take(&world.budget, &world.members[0], CEILING);
    budget_wait(&world.budget, &world.members[0]);
    budget_set_ceiling(&world.budget, 4 * CEILING);
    assert_int_equal(world.looks, 1);
    assert_true(take(&world, 0, CEILING));
    /* One that leaves gives back what it holds. */
    budget_leave(&world.budget, &world.members[0]);
    assert_int_equal(world.budget.used, 0);
    budget_wake(&world.budget);
    assert_int_equal(world.woken[0], 0);
}

static void test_a_random_run_stays_below_the_ceiling(void **state)
{
    struct waker wakers[MEMBERS];
    struct world world;
    struct rand rand;
    uint64_t sum;

    (void)state;
    rand_init_seed(&rand, 5);
    world_init(&world, wakers, MEMBERS);
    for (unsigned step = 0; step < 200000; step++) {
        unsigned number = (unsigned)rand_below(&rand, MEMBERS);
        struct budget_member *member = &world.members[number];

        if (rand_below(&rand, 3) > 0) {
            take(&world, number, rand_below(&rand, 3000));
        } else {
            give(&world, number, rand_below(&rand, member->held + 1));
        }
        assert_true(world.budget.used <= CEILING);
        if (member->held == 0) {
            assert_true(budget_limit(&world.budget, member) >= CEILING / BUDGET_RESERVE / MEMBERS);
        }
    }
    sum = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        sum += world.members[i].held;
    }
    assert_int_equal(sum, world.budget.used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_ceiling),
        cmocka_unit_test(test_one_alone_gets_most),
        cmocka_unit_test(test_the_greedy_share_evenly),
        cmocka_unit_test(test_everybody_has_a_part_of_its_own),
        cmocka_unit_test(test_the_limit_comes_back),
        cmocka_unit_test(test_those_that_wait_are_told),
        cmocka_unit_test(test_a_new_ceiling_is_told),
        cmocka_unit_test(test_a_random_run_stays_below_the_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
