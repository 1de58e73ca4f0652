/* The store behind the queue: does what overflows come back in order and once, is what must be on
 * disk there before it is sent, and does a stop keep everything for the next start? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "bridge_store_rig.h"

static void test_nothing_is_stored_while_memory_has_room(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    expect_waiting(&rig, 2, 0);
    rig_deliver_all(&rig);
    assert_int_equal(rig.store->appends, 0);
    assert_int_equal(rig.store->removed, 0);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack 4:ack ");
    fini(&rig);
}

static void test_overflow_comes_back_in_order(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 7);
    expect_waiting(&rig, 2, 3);
    expect_stored(&rig, "5 6 7 ");
    rig_expect_settled(&rig, "5:forget 6:forget 7:forget ");
    rig.store->load_most = 2;
    rig_deliver(&rig, 1, 1); /* half of memory is free */
    expect_waiting(&rig, 3, 1);
    fake_source_give(rig.source, "8", NULL); /* behind those that are on disk */
    expect_waiting(&rig, 3, 2);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 8 ");
    expect_waiting(&rig, 0, 0);
    expect_stored(&rig, "");
    expect_forgot(&rig, "5 6 7 8 ");
    assert_int_equal(rig_books(&rig)->delivered, 8);
    assert_int_equal(rig_books(&rig)->received, 8);
    rig_give(&rig, 9, 9);
    assert_int_equal(rig.store->appends, 4); /* memory again */
    fini(&rig);
}

static void test_over_the_limit_of_memory(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.buffer_messages = 100;
    rig.options.buffer_memory = 3 * ONE_SIZE;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    expect_waiting(&rig, 1, 2);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    fini(&rig);
}

/* While an answer is on its way, all that is on disk is asked for, and yet what comes is younger.
 */
static void test_what_comes_while_loading_stays_behind(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    fake_sink_answer(rig.sink, "1", OUTCOME_DELIVERED, NULL);
    fake_sink_answer(rig.sink, "2", OUTCOME_DELIVERED, NULL);
    bool asked = false;
    while (!asked && fake_pump_run_one(&rig.pump)) {
        asked = rig.store->loading;
    }
    assert_true(asked);
    fake_source_give(rig.source, "6", NULL);
    expect_stored(&rig, "5 6 ");
    fake_pump_run(&rig.pump);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 ");
    fini(&rig);
}

static void test_each_is_removed_when_it_is_settled(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.sink_limit = 4;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 6);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    rig_deliver(&rig, 4, 4);
    expect_forgot(&rig, "4 ");
    rig_deliver(&rig, 1, 1);
    expect_forgot(&rig, "");
    rig_deliver(&rig, 2, 2);
    expect_forgot(&rig, "");
    rig_deliver(&rig, 3, 3);
    expect_forgot(&rig, "3 ");
    rig_deliver(&rig, 6, 6);
    expect_forgot(&rig, "6 ");
    rig_answer(&rig, 5, OUTCOME_RETRY, "no"); /* not done with */
    expect_forgot(&rig, "");
    rig_advance_to_wish(&rig);
    rig_deliver(&rig, 5, 5);
    expect_forgot(&rig, "5 ");
    fini(&rig);
}

static void test_sent_once_it_is_on_disk(void **state)
{
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "");
    expect_waiting(&rig, 3, 0);
    expect_stored(&rig, "1 2 3 ");
    rig.store->durable = 2;
    fake_store_sync(rig.store);
    rig_expect_sent(&rig, "1 2 ");
    rig.store->durable = 1; /* late news take nothing back */
    fake_store_sync(rig.store);
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 ");
    rig.store->durable = 3;
    fake_store_sync(rig.store);
    rig_expect_sent(&rig, "3 ");
    rig_deliver_all(&rig);
    expect_stored(&rig, "");
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    fini(&rig);
}

static void test_durable_ones_overflow_too(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.durability = DURABILITY_DISK;
    rig_run(&rig);
    rig_give(&rig, 1, 6);
    expect_waiting(&rig, 2, 2);
    expect_stored(&rig, "1 2 3 4 5 6 ");
    rig_deliver_all(&rig);
    rig_give(&rig, 7, 8);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 8 ");
    assert_int_equal(rig.store->appends, 8);
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_a_store_that_refuses_drops_the_newest(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig.store->refuses = true;
    rig.store->why = "no space left on device";
    rig_give(&rig, 6, 8);
    assert_int_equal(rig_books(&rig)->dropped, 3);
    rig_expect_settled(&rig, "5:forget 6:ack 7:ack 8:ack ");
    assert_int_equal(rig_count_logged(&rig, "buffer and spool are full"), 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "buffer and spool are full, dropping the newest messages: no space left on "
                        "device");
    assert_int_equal(rig.source->pauses, 0);
    rig.store->refuses = false;
    rig_give(&rig, 9, 9);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 9 ");
    assert_int_equal(rig_count_logged(&rig, "buffer has room again\" dropped=3"), 1);
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_a_store_that_refuses_what_must_be_on_disk(void **state)
{
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig_give(&rig, 1, 1);
    rig.store->refuses = true;
    rig_give(&rig, 2, 3);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    assert_int_equal(rig_count_logged(&rig, "spool takes no more, dropping the newest"), 1);
    rig.store->refuses = false;
    rig_give(&rig, 4, 4);
    fake_store_sync(rig.store);
    rig_expect_sent(&rig, "1 4 ");
    rig_deliver_all(&rig);
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_pauses_while_the_store_is_tight(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    assert_false(rig.source->paused); /* on the disk is room */
    rig.store->tight = true;
    rig_give(&rig, 6, 7);
    assert_int_equal(rig.source->pauses, 1);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_expect_states(&rig, "paused ");
    rig_deliver(&rig, 1, 1);
    assert_true(rig.source->paused);
    rig.store->load_most = 1;
    rig.store->tight = false;
    fake_store_room(rig.store);
    assert_true(rig.source->paused); /* memory is full */
    rig_deliver_all(&rig);
    assert_false(rig.source->paused);
    rig_expect_states(&rig, "running ");
    fini(&rig);
}

/* All that it has is in memory too, and the end of that must end the pause. */
static void test_pauses_while_tight_with_what_must_be_on_disk(void **state)
{
    struct rig rig;

    (void)state;
    run_durable(&rig);
    rig_stop(&rig);
    fini(&rig);

    init(&rig);
    rig.options.durability = DURABILITY_DISK;
    rig.options.when_full = FULL_PAUSE;
    rig.options.buffer_messages = 100;
    rig_run(&rig);
    rig.store->tight = true;
    rig_give(&rig, 1, 4);
    assert_int_equal(rig.source->pauses, 1);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_deliver_all(&rig);
    assert_false(rig.source->paused);
    fini(&rig);
}

static void test_damaged_records_are_dropped(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 8);
    rig.store->damaged = 2;
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 7 8 ");
    assert_int_equal(rig_books(&rig)->dropped, 2);
    assert_int_equal(rig_books(&rig)->delivered, 6);
    assert_int_equal(rig_count_logged(&rig, "spooled messages are damaged"), 1);
    rig_give(&rig, 9, 9); /* its number is beyond theirs */
    rig_deliver_all(&rig);
    expect_stored(&rig, "");
    rig_give(&rig, 10, 15);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "9 10 11 12 13 14 15 ");
    expect_stored(&rig, "");
    fini(&rig);
}

static void test_all_that_is_left_is_damaged(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 6);
    rig.store->damaged = 9;
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    assert_int_equal(rig_books(&rig)->dropped, 2);
    expect_waiting(&rig, 0, 0);
    fini(&rig);
}

static void test_a_start_with_records(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig);
    fake_store_fill(rig.store, "1");
    fake_store_fill(rig.store, "2");
    fake_store_fill(rig.store, "3");
    rig_start(&rig);
    assert_int_equal(rig_books(&rig)->received, 3);
    rig_source_up(&rig);
    rig_give(&rig, 4, 5);
    rig_sink_up(&rig);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 ");
    rig_expect_settled(&rig, "4:forget 5:forget ");
    assert_int_equal(rig_books(&rig)->received, 5);
    assert_int_equal(rig_books(&rig)->delivered, 5);
    assert_true(bridge_get_latency(rig.bridge)->max < rig.now_us / 2);
    expect_stored(&rig, "");
    fini(&rig);
}

/* What came from the source and finds no memory is counted. */
static void test_no_memory_for_what_comes(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned i = 0; failed; i++) {
        struct rig rig;

        init(&rig);
        rig.options.durability = DURABILITY_DISK;
        rig.store->holds_durable = true;
        rig_run(&rig);
        strbuf_reserve(&rig.log, 4096);
        strbuf_reserve(&rig.source->settled, 4096);
        alloc_fail_after(4 + i); /* behind what the fakes need */
        fake_source_give(rig.source, "1", NULL);
        failed = alloc_fail_stop();
        assert_int_equal(rig_books(&rig)->dropped, failed ? 1 : 0);
        rig_give(&rig, 2, 2);
        fake_store_sync(rig.store);
        rig_deliver_all(&rig);
        rig_expect_sent(&rig, failed ? "2 " : "1 2 ");
        expect_stored(&rig, "");
        fini(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_stored_while_memory_has_room),
        cmocka_unit_test(test_overflow_comes_back_in_order),
        cmocka_unit_test(test_over_the_limit_of_memory),
        cmocka_unit_test(test_what_comes_while_loading_stays_behind),
        cmocka_unit_test(test_each_is_removed_when_it_is_settled),
        cmocka_unit_test(test_sent_once_it_is_on_disk),
        cmocka_unit_test(test_durable_ones_overflow_too),
        cmocka_unit_test(test_a_store_that_refuses_drops_the_newest),
        cmocka_unit_test(test_a_store_that_refuses_what_must_be_on_disk),
        cmocka_unit_test(test_pauses_while_the_store_is_tight),
        cmocka_unit_test(test_pauses_while_tight_with_what_must_be_on_disk),
        cmocka_unit_test(test_damaged_records_are_dropped),
        cmocka_unit_test(test_all_that_is_left_is_damaged),
        cmocka_unit_test(test_a_start_with_records),
        cmocka_unit_test(test_no_memory_for_what_comes),
    };

    return cmocka_run_group_tests_name("bridge_store", tests, NULL, NULL);
}
