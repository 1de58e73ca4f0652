/* A stop with a store behind the queue: is everything that was taken in kept for the next start, in
 * order, whatever is under way?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_store_rig.h"

/* A bridge that finds 1 and 2 on the disk. */
static void run_with_two_stored(struct rig *rig)
{
    init(rig);
    fake_store_fill(rig->store, "1");
    fake_store_fill(rig->store, "2");
    rig_run(rig);
}

/* The next start delivers these, and that is the end. */
static void end_with_a_start(struct rig *rig, const char *sent)
{
    rig_restart(rig);
    rig_deliver_all(rig);
    rig_expect_sent(rig, sent);
    fini(rig);
}

static void check_stop_keeps(bool now, bool durable, bool sink_down)
{
    struct rig rig;

    init(&rig);
    rig.options.durability = durable ? DURABILITY_DISK : DURABILITY_MEMORY;
    rig_run(&rig);
    rig_give(&rig, 1, 7);
    rig_expect_sent(&rig, "1 2 ");
    if (sink_down) {
        rig_sink_down(&rig);
    }
    rig_stop(&rig);
    if (!rig.stopped) {
        rig_answer(&rig, 2, OUTCOME_RETRY, "no");
        assert_int_equal(rig.stopped, 0); /* what is with the sink comes back first */
        if (now) {
            rig_stop_now(&rig);
        } else {
            rig_answer(&rig, 1, OUTCOME_LOST, "no");
        }
    }
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 3 4 5 6 7 ");
    expect_waiting(&rig, 0, 7);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    assert_int_equal(rig_books(&rig)->returned, 0);
    rig_restart(&rig);
    assert_int_equal(rig_books(&rig)->received, 7);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 ");
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_a_stop_keeps_everything_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        check_stop_keeps(i & 1, i & 2, i & 4);
    }
}

static void test_a_stop_without_anything_on_disk(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_stop(&rig);
    rig_deliver(&rig, 1, 1);
    rig_answer(&rig, 2, OUTCOME_LOST, "no");
    rig_expect_stopped(&rig);
    expect_stored(&rig, "2 3 4 ");
    end_with_a_start(&rig, "2 3 4 ");
}

/* What came back from the disk is older than what came behind it into memory, and that than what
 * is on disk alone. */
static void test_a_stop_with_stored_ones_before_others(void **state)
{
    struct rig rig;

    (void)state;
    run_with_two_stored(&rig);
    rig_expect_sent(&rig, "1 2 ");
    rig_give(&rig, 3, 6);
    expect_waiting(&rig, 2, 2);
    rig_sink_down(&rig);
    rig_stop(&rig);
    expect_stored(&rig, "1 2 3 4 5 6 ");
    end_with_a_start(&rig, "1 2 3 4 5 6 ");
}

static void test_a_stop_that_finds_no_room(void **state)
{
    struct rig rig;

    (void)state;
    run_with_two_stored(&rig);
    rig_give(&rig, 3, 6);
    rig_sink_down(&rig);
    rig.store->refuses = true;
    rig_stop(&rig);
    assert_int_equal(rig.stopped, 0); /* the sink may still come back */
    rig_stop_now(&rig);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 5 6 ");
    assert_int_equal(rig_books(&rig)->dropped, 2);
    expect_waiting(&rig, 0, 4);
    assert_int_equal(rig_count_logged(&rig, "message dropped at the end: it cannot be kept"), 1);
    fini(&rig);
}

static void test_dead_letters_are_kept(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.with_dead = true;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig.dead->limit = 1;
    rig_answer(&rig, 2, OUTCOME_REFUSED, "no");
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no");
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_DELIVERED, NULL);
    rig_answer(&rig, 4, OUTCOME_LOST, "no");
    assert_int_equal(rig.stopped, 0);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    expect_stored(&rig, "3 4 5 ");
    fini(&rig);
}

/* A disk that cannot be written keeps nothing: what is in memory goes out, the sink permitting. */
static void test_a_failing_store_is_no_place(void **state)
{
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig.store->failing = true;
    rig_give(&rig, 1, 5);
    rig_expect_sent(&rig, "");
    rig_stop(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    assert_int_equal(rig.stopped, 0);
    rig_deliver(&rig, 1, 5);
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    expect_waiting(&rig, 0, 0);
    fini(&rig);
}

static void check_failing_store_at_last(bool recovers)
{
    struct rig rig;

    run_durable(&rig);
    rig.store->failing = true;
    rig_give(&rig, 1, 5);
    rig_stop(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_deliver(&rig, 1, 2);
    if (recovers) {
        rig.store->failing = false;
        rig_answer(&rig, 3, OUTCOME_RETRY, "no");
        rig_answer(&rig, 4, OUTCOME_RETRY, "no");
        rig_answer(&rig, 5, OUTCOME_RETRY, "no");
    } else {
        rig_sink_down(&rig);
    }
    assert_int_equal(rig.stopped, 0); /* nothing says that they are on the disk */
    expect_waiting(&rig, 3, 0);
    fake_store_sync(rig.store);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "3 4 5 ");
    expect_waiting(&rig, 0, 3);
    fini(&rig);
}

/* The disk begins to fail when the stop is under way already, and nothing but answers comes. */
static void test_a_store_that_fails_after_the_stop_began(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 10;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig_expect_sent(&rig, "1 2 ");
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_DELIVERED, NULL);
    rig.store->failing = true;
    rig_answer(&rig, 2, OUTCOME_DELIVERED, NULL);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "3 4 5 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    expect_waiting(&rig, 0, 0);
    fini(&rig);
}

/* One dead letter whose sink is away holds up nothing that can go out. */
static void test_a_failing_store_and_a_dead_letter(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 10;
    rig.with_dead = true;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    rig_dead_down(&rig);
    rig_answer(&rig, 1, OUTCOME_REFUSED, "no");
    rig.store->failing = true;
    rig_stop(&rig);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 3);
    expect_stored(&rig, "1 ");
    fini(&rig);
}

/* It is well again, or the sink is away: then it is the place after all. */
static void test_a_failing_store_is_the_last_place(void **state)
{
    (void)state;
    check_failing_store_at_last(true);
    check_failing_store_at_last(false);
}

/* The next start knows them for what they are; `durable`: they had a record before, that did not.
 */
static void check_dead_letters_come_back(bool durable, bool still_wanted)
{
    struct rig rig;

    init(&rig);
    rig.with_dead = true;
    rig.options.durability = durable ? DURABILITY_DISK : DURABILITY_MEMORY;
    rig.options.buffer_messages = rig.sink_limit = 10;
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_dead_down(&rig);
    rig_answer(&rig, 2, OUTCOME_REFUSED, "404 NOT_FOUND");
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_LOST, "no");
    rig_answer(&rig, 3, OUTCOME_LOST, "no");
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 3 ");
    rig.with_dead = still_wanted;
    rig_restart(&rig);
    assert_int_equal(rig_books(&rig)->received, 3);
    rig_expect_sent(&rig, still_wanted ? "1 3 " : "1 2 3 ");
    if (still_wanted) {
        assert_string_equal(rig.dead->last_headers,
                            "x-chunnel-reason=refused x-chunnel-error=404 NOT_FOUND ");
        rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
        assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    }
    rig_deliver_all(&rig);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_dead_letters_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        check_dead_letters_come_back(i & 1, i & 2);
    }
}

/* What came back so and is kept again needs no other record. */
static void test_dead_letters_are_written_once(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.with_dead = true;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_dead_down(&rig);
    rig_answer(&rig, 1, OUTCOME_REFUSED, "no");
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    assert_int_equal(rig.store->appends, 1);
    rig_restart(&rig);
    rig_dead_down(&rig);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 ");
    assert_int_equal(rig.store->appends, 1);
    fini(&rig);
}

/* They wait in the order of their refusal, or of their return. */
static void test_dead_letters_are_kept_in_order(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.with_dead = true;
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_answer(&rig, 2, OUTCOME_REFUSED, "no");
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no");
    rig_dead_down(&rig);
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_RETRY, "full"); /* 2 goes behind 3 */
    rig_dead_down(&rig);
    rig_stop(&rig);
    rig_answer(&rig, 1, OUTCOME_LOST, "no");
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 3 ");
    fini(&rig);
}

/* A record read back is on disk; what came before it and is not known to be there is not. */
static void test_what_is_read_back_says_nothing_of_the_others(void **state)
{
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig.options.buffer_messages = 2;
    rig_give(&rig, 1, 3);
    expect_waiting(&rig, 2, 1);
    rig.options.buffer_messages = 10;
    fake_store_room(rig.store);
    expect_waiting(&rig, 3, 0);
    rig_expect_sent(&rig, "");
    fake_store_sync(rig.store);
    rig_expect_sent(&rig, "1 2 3 ");
    fini(&rig);
}

static void test_what_comes_after_the_stop_is_kept(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    bridge_stop(rig.bridge);
    for (unsigned i = 1; i <= 3; i++) {
        char body[2] = {(char)('0' + i), '\0'};

        fake_source_give(rig.source, body, NULL);
    }
    fake_pump_run(&rig.pump);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 3 ");
    rig_expect_sent(&rig, "");
    fini(&rig);
}

static void test_a_stop_while_loading(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 6);
    fake_sink_answer(rig.sink, "1", OUTCOME_DELIVERED, NULL);
    fake_sink_answer(rig.sink, "2", OUTCOME_DELIVERED, NULL);
    while (!rig.store->loading) {
        assert_true(fake_pump_run_one(&rig.pump));
    }
    bridge_stop(rig.bridge);
    fake_pump_run(&rig.pump); /* the answer comes */
    assert_false(rig.store->loading);
    rig_sink_down(&rig);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "3 4 5 6 ");
    expect_waiting(&rig, 0, 4);
    rig_restart(&rig);
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 4);
    fini(&rig);
}

/* The answer comes when the bridge is gone. */
static void test_the_store_outlives_the_bridge(void **state)
{
    struct fake_store *store;
    struct rig rig;

    (void)state;
    init(&rig);
    fake_store_fill(rig.store, "1");
    rig_start(&rig);
    assert_true(rig.store->loading);
    fake_pump_cancel(&rig.pump, &rig.store->load_call);
    rig_stop_now(&rig);
    rig_expect_stopped(&rig);
    store = rig.store;
    store->pump->after_event = NULL;
    bridge_free(rig.bridge);
    fake_pump_defer(store->pump, &store->load_call);
    fake_pump_run(store->pump);
    assert_false(store->loading);
    fake_store_sync(store);
    fake_store_room(store);
    expect_stored(&rig, "1 ");
    fake_store_restart(store);
    rig.stopped = 0;
    rig_make(&rig);
    fini(&rig);
}

/* Five of which two have come back from the sink, with a disk that takes its time. */
static void stop_slowly(struct rig *rig)
{
    rig->store->holds_durable = true;
    rig->options.buffer_messages = 10;
    rig_run(rig);
    rig_give(rig, 1, 5);
    rig_expect_sent(rig, "1 2 ");
    rig_stop(rig);
    rig_answer(rig, 2, OUTCOME_LOST, "no");
    rig_answer(rig, 1, OUTCOME_LOST, "no");
    expect_stored(rig, "1 2 3 4 5 ");
    expect_waiting(rig, 5, 0);
    assert_int_equal(rig->stopped, 0);
}

static void test_what_is_kept_stays_in_memory_until_it_is_written(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    stop_slowly(&rig);
    fake_store_sync(rig.store);
    rig_expect_stopped(&rig);
    expect_waiting(&rig, 0, 5);
    expect_stored(&rig, "1 2 3 4 5 ");
    fini(&rig);
}

/* It was given all of them, and then cannot write them: they go out, and leave it. */
static void test_a_store_that_fails_while_it_writes(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    stop_slowly(&rig);
    fake_store_set_failing(rig.store, true);
    rig_expect_sent(&rig, "1 2 ");
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "3 4 5 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    expect_waiting(&rig, 0, 0);
    expect_stored(&rig, "");
    fini(&rig);
}

/* What has its record already needs no other, and stays before what follows it. */
static void test_a_store_that_fails_and_is_well_again(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    stop_slowly(&rig);
    fake_store_set_failing(rig.store, true);
    rig_deliver(&rig, 1, 1);
    rig_sink_down(&rig);
    fake_store_set_failing(rig.store, false);
    assert_int_equal(rig.stopped, 0);
    fake_store_sync(rig.store);
    rig_expect_stopped(&rig);
    expect_waiting(&rig, 0, 4);
    expect_stored(&rig, "2 3 4 5 ");
    assert_int_equal(rig.store->appends, 5);
    fini(&rig);
}

static void test_a_store_that_fails_with_dead_letters(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.with_dead = true;
    rig.store->holds_durable = true;
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_dead_down(&rig);
    rig_answer(&rig, 1, OUTCOME_REFUSED, "no");
    rig_sink_down(&rig);
    rig_stop(&rig);
    expect_stored(&rig, "1 2 3 ");
    rig.dead->sent.len = 0;
    fake_store_set_failing(rig.store, true);
    rig_dead_up(&rig);
    assert_string_equal(strbuf_text(&rig.dead->sent), "1 ");
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    expect_waiting(&rig, 2, 0);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "2 3 ");
    rig_deliver_all(&rig);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "");
    fini(&rig);
}

/* Records that are in the store alone are not on the disk either: they are read back and sent, but
 * for those that are there. */
static void test_a_store_that_fails_over_an_overflow(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.store->holds_durable = true;
    rig_run(&rig);
    rig_give(&rig, 1, 9);
    expect_waiting(&rig, 2, 5);
    rig_stop(&rig);
    rig_deliver(&rig, 1, 2);
    expect_stored(&rig, "3 4 5 6 7 8 9 ");
    rig_expect_sent(&rig, "1 2 ");
    fake_store_set_failing(rig.store, true);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "3 4 5 6 7 8 9 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 9);
    expect_stored(&rig, "");
    fini(&rig);

    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 9);
    rig_stop(&rig);
    fake_store_set_failing(rig.store, true);
    rig.store->unwritten = false;
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    rig_expect_stopped(&rig);
    expect_waiting(&rig, 0, 5);
    expect_stored(&rig, "5 6 7 8 9 ");
    fini(&rig);
}

static void test_what_comes_behind_what_is_kept(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    stop_slowly(&rig);
    rig_give(&rig, 6, 7);
    expect_stored(&rig, "1 2 3 4 5 6 7 ");
    expect_waiting(&rig, 5, 2);
    fake_store_sync(rig.store);
    rig_expect_stopped(&rig);
    expect_waiting(&rig, 0, 7);
    end_with_a_start(&rig, "1 2 3 4 5 6 7 ");
}

/* More than the disk takes at once waits for it to catch up. */
static void test_a_store_without_room_just_now(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 10;
    rig_run(&rig);
    rig_give(&rig, 1, 7);
    rig.store->refuses = rig.store->busy = true;
    rig.store->takes = 3;
    rig_sink_down(&rig);
    rig_stop(&rig);
    expect_stored(&rig, "1 2 3 ");
    assert_int_equal(rig.stopped, 0);
    rig.store->takes = 2;
    fake_store_room(rig.store);
    expect_stored(&rig, "1 2 3 4 5 ");
    rig_stop_now(&rig); /* nor is time over before it ends */
    assert_int_equal(rig.stopped, 0);
    rig.store->refuses = false;
    fake_store_room(rig.store);
    rig_expect_stopped(&rig);
    expect_stored(&rig, "1 2 3 4 5 6 7 ");
    assert_int_equal(rig_books(&rig)->dropped, 0);
    fini(&rig);
}

/* Much of it is not written in one turn. */
static void test_a_stop_with_very_much(void **state)
{
    enum { COUNT = 20000 };
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = COUNT;
    rig.store->holds_durable = true;
    rig_run(&rig);
    rig_give(&rig, 1, COUNT);
    rig_sink_down(&rig);
    rig_stop(&rig);
    assert_in_range(rig.store->appends, 1000, COUNT - 1);
    expect_waiting(&rig, COUNT, 0);
    fake_store_sync(rig.store);
    assert_int_equal(rig.store->appends, COUNT);
    assert_int_equal(rig.stopped, 0);
    fake_store_sync(rig.store);
    rig_expect_stopped(&rig);
    expect_waiting(&rig, 0, COUNT);
    fini(&rig);
}

/* Its limit is reached: what has no room there goes out, in order. */
static void test_a_full_store_lets_out(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 10;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig.store->refuses = true;
    rig.store->takes = 1;
    rig_stop(&rig);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_expect_stopped(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    expect_stored(&rig, "");
    fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stop_keeps_everything_in_order),
        cmocka_unit_test(test_a_stop_without_anything_on_disk),
        cmocka_unit_test(test_a_stop_with_stored_ones_before_others),
        cmocka_unit_test(test_a_stop_that_finds_no_room),
        cmocka_unit_test(test_dead_letters_are_kept),
        cmocka_unit_test(test_a_failing_store_is_no_place),
        cmocka_unit_test(test_a_failing_store_is_the_last_place),
        cmocka_unit_test(test_a_store_that_fails_after_the_stop_began),
        cmocka_unit_test(test_a_failing_store_and_a_dead_letter),
        cmocka_unit_test(test_dead_letters_come_back),
        cmocka_unit_test(test_dead_letters_are_written_once),
        cmocka_unit_test(test_dead_letters_are_kept_in_order),
        cmocka_unit_test(test_what_is_read_back_says_nothing_of_the_others),
        cmocka_unit_test(test_what_comes_after_the_stop_is_kept),
        cmocka_unit_test(test_a_stop_while_loading),
        cmocka_unit_test(test_the_store_outlives_the_bridge),
        cmocka_unit_test(test_what_is_kept_stays_in_memory_until_it_is_written),
        cmocka_unit_test(test_a_store_that_fails_while_it_writes),
        cmocka_unit_test(test_a_store_that_fails_and_is_well_again),
        cmocka_unit_test(test_a_store_that_fails_with_dead_letters),
        cmocka_unit_test(test_a_store_that_fails_over_an_overflow),
        cmocka_unit_test(test_what_comes_behind_what_is_kept),
        cmocka_unit_test(test_a_store_without_room_just_now),
        cmocka_unit_test(test_a_stop_with_very_much),
        cmocka_unit_test(test_a_full_store_lets_out),
    };

    return cmocka_run_group_tests_name("bridge_store_stop", tests, NULL, NULL);
}
