/* Bridges under one memory ceiling: is the one that floods full first, whatever its policy, does
 * the small one go on, and does each get its share back as the others drain? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

/* What a message "n" of the rig counts for at most, and a ceiling for some 90 of them: one bridge
 * alone gets 70. */
enum { SIZE = sizeof(struct delivery) + 3, CEILING = 90 * SIZE, ALONE = 70, FLOOD = 200 };

struct pair {
    struct budget budget;
    bool room; /* the budget's on_room came */
    struct rig flood;
    struct rig small;
};

static void on_room(void *ctx)
{
    *(bool *)ctx = true;
}

/* Both bridges run; `full` is the policy of the one that will flood. */
static void pair_init(struct pair *pair, enum when_full full, struct fake_store *store)
{
    pair->room = false;
    budget_init(&pair->budget, CEILING);
    pair->budget.on_room = on_room;
    pair->budget.ctx = &pair->room;
    rig_init(&pair->small);
    rig_init(&pair->flood);
    pair->flood.options.when_full = full;
    pair->flood.store = store;
    pair->flood.budget = pair->small.budget = &pair->budget;
}

static void pair_run(struct pair *pair)
{
    rig_run(&pair->flood);
    rig_run(&pair->small);
}

static void pair_fini(struct pair *pair)
{
    rig_fini(&pair->flood);
    rig_fini(&pair->small);
    assert_int_equal(pair->budget.used, 0);
    assert_int_equal(pair->budget.members, 0);
}

/* The small bridge carries messages as if nothing were the matter. */
static void expect_small_works(struct pair *pair)
{
    uint64_t delivered = rig_books(&pair->small)->delivered;

    for (int i = 0; i < 20; i++) {
        rig_give(&pair->small, 1, 3);
        rig_deliver(&pair->small, 1, 3);
    }
    assert_int_equal(rig_books(&pair->small)->delivered, delivered + 60);
    assert_int_equal(rig_books(&pair->small)->dropped, 0);
    assert_int_equal(pair->small.source->pauses, 0);
}

static void test_the_newest_are_dropped(void **state)
{
    struct pair pair;
    const struct bridge_counters *books;

    (void)state;
    pair_init(&pair, FULL_DROP_NEWEST, NULL);
    pair_run(&pair);
    books = rig_books(&pair.flood);
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, FLOOD);
    assert_in_range(books->buffered, ALONE - 2, ALONE + 2);
    assert_int_equal(books->dropped, FLOOD - books->buffered);
    assert_true(pair.budget.used <= CEILING);
    assert_non_null(strstr(bridge_get_last_error(pair.flood.bridge), "limits.memory"));
    expect_small_works(&pair);
    rig_sink_up(&pair.flood);
    rig_deliver_all(&pair.flood);
    rig_give(&pair.flood, 1, 50); /* there is room again */
    rig_deliver_all(&pair.flood);
    assert_int_equal(books->delivered + books->dropped, FLOOD + 50);
    assert_in_range(books->dropped, FLOOD - ALONE - 2, FLOOD - ALONE + 2);
    pair_fini(&pair);
}

static void test_the_oldest_are_dropped(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, FULL_DROP_OLDEST, NULL);
    pair_run(&pair);
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, FLOOD);
    assert_in_range(rig_books(&pair.flood)->buffered, ALONE - 2, ALONE + 2);
    expect_small_works(&pair);
    rig_sink_up(&pair.flood);
    rig_answer(&pair.flood, FLOOD, OUTCOME_DELIVERED, NULL); /* the newest is among them */
    pair_fini(&pair);
}

static void test_the_source_pauses(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, FULL_PAUSE, NULL);
    pair_run(&pair);
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, ALONE - 2);
    assert_false(pair.flood.source->paused);
    rig_give(&pair.flood, ALONE - 1, FLOOD); /* all of it was under way */
    assert_true(pair.flood.source->paused);
    assert_int_equal(rig_books(&pair.flood)->dropped, 0);
    assert_string_equal(pair.flood.why, "the bridges together hold what limits.memory allows");
    expect_small_works(&pair);
    rig_sink_up(&pair.flood);
    rig_deliver(&pair.flood, 1, FLOOD - ALONE / 2 - 2);
    assert_true(pair.flood.source->paused);
    rig_deliver_all(&pair.flood);
    assert_false(pair.flood.source->paused);
    pair_fini(&pair);
}

static void test_room_that_others_make(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair, FULL_PAUSE, NULL);
    pair_run(&pair);
    rig_give(&pair.small, 1, ALONE - 10); /* not so small this time */
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, 20);
    assert_true(pair.flood.source->paused);
    rig_deliver(&pair.small, 1, ALONE - 10);
    assert_true(pair.room);
    assert_true(pair.flood.source->paused); /* not in the middle of another's affairs */
    budget_wake(&pair.budget);
    assert_false(pair.flood.source->paused);
    fake_pump_run(&pair.flood.pump);
    rig_give(&pair.flood, 21, ALONE - 5);
    assert_false(pair.flood.source->paused);
    assert_int_equal(rig_books(&pair.flood)->buffered, ALONE - 5);
    pair_fini(&pair);
}

static void test_what_is_too_much_goes_to_disk(void **state)
{
    struct pair pair;
    struct fake_store *store;

    (void)state;
    pair_init(&pair, FULL_DROP_NEWEST, NULL);
    pair.flood.source_can = RIG_REDIS;
    pair.flood.store = store = fake_store_new(&pair.flood.pump);
    store->load_most = 5;
    pair_run(&pair);
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, FLOOD);
    assert_in_range(rig_books(&pair.flood)->buffered, ALONE - 2, ALONE + 2);
    assert_int_equal(rig_books(&pair.flood)->spooled, FLOOD - rig_books(&pair.flood)->buffered);
    expect_small_works(&pair);
    rig_sink_up(&pair.flood);
    for (unsigned number = 1; number <= FLOOD; number++) {
        rig_answer(&pair.flood, number, OUTCOME_DELIVERED, NULL);
        assert_true(pair.budget.used <= CEILING);
    }
    assert_int_equal(rig_books(&pair.flood)->delivered, FLOOD);
    pair_fini(&pair);
    fake_store_free(store);
}

static void test_what_is_on_disk_comes_back_beside_a_flood(void **state)
{
    struct pair pair;
    struct fake_store *store;

    (void)state;
    pair_init(&pair, FULL_PAUSE, NULL);
    pair.small.source_can = RIG_REDIS;
    pair.small.options.buffer_messages = 2;
    pair.small.store = store = fake_store_new(&pair.small.pump);
    pair_run(&pair);
    rig_sink_down(&pair.small);
    rig_give(&pair.small, 1, 30);
    assert_int_equal(rig_books(&pair.small)->spooled, 28);
    rig_sink_down(&pair.flood);
    rig_give(&pair.flood, 1, FLOOD); /* more than there is, and it stays */
    rig_sink_up(&pair.small);
    rig_deliver_all(&pair.small);
    assert_int_equal(rig_books(&pair.small)->delivered, 30);
    pair_fini(&pair);
    fake_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_are_dropped),
        cmocka_unit_test(test_the_oldest_are_dropped),
        cmocka_unit_test(test_the_source_pauses),
        cmocka_unit_test(test_room_that_others_make),
        cmocka_unit_test(test_what_is_too_much_goes_to_disk),
        cmocka_unit_test(test_what_is_on_disk_comes_back_beside_a_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
