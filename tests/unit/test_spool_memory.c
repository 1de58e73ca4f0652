/* What does the spool do when an allocation fails, whichever it is: is nothing lost that was taken,
 * and does everything work again afterwards? */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"
#include "spool/offline.h"
#include "spool_rig.h"

enum { RECORDS = 40, MOST_ALLOCATIONS = 5000 };

static int tear_down(void **state)
{
    alloc_fail_stop();
    return spool_rig_tear_down(state);
}

/* A FIFO used without an allocation of the test's own. */
struct plain {
    struct spool_rig *rig;
    struct spool_fifo *fifo;
    uint64_t expected; /* number of the next record to be read */
    bool answered;
    bool wrong;
};

static struct slice plain_body(uint64_t seq)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

    return slice_make(letters + seq % 7, (size_t)(seq % 19));
}

static void on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct plain *plain = ctx;

    for (size_t i = 0; i < count; i++) {
        plain->wrong |= records[i].seq != plain->expected ||
                        !slice_equal(records[i].body, plain_body(records[i].seq));
        plain->expected++;
    }
    plain->wrong |= next != plain->expected;
    plain->answered = true;
}

static const struct spool_fifo_events events = {.on_records = on_records};

static bool is_answered(void *ctx)
{
    const struct plain *plain = ctx;

    return plain->answered;
}

static bool is_durable(void *ctx)
{
    const struct plain *plain = ctx;

    return spool_backlog(plain->rig->spool) == 0;
}

/* Appends what is missing up to number `last`; memory may be out once. */
static void append(struct plain *plain, uint64_t last)
{
    struct spool_fifo_info info;

    for (spool_fifo_get_info(plain->fifo, &info); info.next <= last;
         spool_fifo_get_info(plain->fifo, &info)) {
        enum spool_append result =
            spool_fifo_append(plain->fifo, SLICE("h"), plain_body(info.next), NULL);
        if (result != SPOOL_APPENDED && result != SPOOL_NO_MEMORY) {
            fail_msg("%s", spool_append_name(result));
        }
    }
}

static void read_all(struct plain *plain)
{
    plain->answered = plain->wrong = false;
    assert_int_equal(spool_fifo_read(plain->fifo, plain->expected, 100000, 10000), 0);
    spool_rig_wait(plain->rig, is_answered, plain, "an answer");
    assert_false(plain->wrong);
}

/* Whether an allocation has failed. */
static bool work(struct spool_rig *rig, unsigned successes)
{
    struct plain plain = {.rig = rig, .expected = 1};
    struct spool_fifo_info info;
    bool failed;

    spool_rig_clear(rig);
    spool_rig_open(rig);
    alloc_fail_after(successes);
    plain.fifo = spool_fifo_open(rig->spool, "plain", UINT64_MAX / 2, &events, &plain, NULL);
    if (plain.fifo == NULL) {
        plain.fifo = spool_fifo_open(rig->spool, "plain", UINT64_MAX / 2, &events, &plain, NULL);
    }
    assert_non_null(plain.fifo);
    append(&plain, RECORDS);
    read_all(&plain);
    spool_rig_wait(rig, is_durable, &plain, "all records durable");
    plain.expected = 1;
    read_all(&plain);
    for (uint64_t seq = 3; seq < RECORDS; seq += 2) {
        /* Without memory to note it a record stays. */
        if (spool_fifo_remove(plain.fifo, seq) == 0) {
            assert_int_equal(spool_fifo_remove(plain.fifo, seq), 1);
        }
    }
    append(&plain, 2 * RECORDS);
    failed = alloc_fail_stop();
    spool_rig_close(rig);
    spool_rig_open(rig);
    plain.fifo = spool_fifo_open(rig->spool, "plain", UINT64_MAX / 2, &events, &plain, NULL);
    spool_fifo_get_info(plain.fifo, &info);
    assert_int_equal(info.count, 2 * RECORDS - (RECORDS - 2) / 2);
    assert_int_equal(info.lost, 0);
    spool_rig_abort(rig);
    return failed;
}

static void test_every_allocation_of_a_spool_at_work(void **state)
{
    unsigned successes = 0;

    while (successes < MOST_ALLOCATIONS && work(*state, successes)) {
        successes++;
    }
    assert_in_range(successes, 10, MOST_ALLOCATIONS - 1);
}

static void make_spool(struct spool_rig *rig, uint64_t records)
{
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, records);
    spool_queue_wait_durable(&queue);
    spool_fifo_remove(queue.fifo, records / 2);
    spool_rig_close(rig);
}

static void test_every_allocation_of_opening(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_fifo_info info;
    unsigned successes = 0;
    bool failed = true;

    make_spool(rig, 200);
    for (; failed && successes < MOST_ALLOCATIONS; successes++) {
        enum spool_open_result result;
        alloc_fail_after(successes);
        result = spool_rig_try(rig);
        failed = alloc_fail_stop();
        assert_true(result == SPOOL_OPENED || (failed && result == SPOOL_FAILED));
        if (result != SPOOL_OPENED) {
            assert_string_not_equal(rig->err.text, "");
            continue;
        }
        spool_fifo_get_info(spool_fifo_next(rig->spool, NULL), &info);
        assert_int_equal(info.count, 199);
        assert_int_equal(info.lost, 0);
        spool_rig_abort(rig);
    }
    assert_in_range(successes, 5, MOST_ALLOCATIONS - 1);
}

static int count_record(void *ctx, const struct spool_record *record)
{
    (void)record;
    ++*(uint64_t *)ctx;
    return 0;
}

static void test_every_allocation_of_the_operator(void **state)
{
    struct spool_rig *rig = *state;
    unsigned successes = 0;
    bool failed = true;

    make_spool(rig, 200);
    for (; failed && successes < MOST_ALLOCATIONS; successes++) {
        struct offline *offline = NULL;
        uint64_t count = 0, lost = 0;
        alloc_fail_after(successes);
        if (offline_open(rig->directory, &offline, &rig->err) == SPOOL_OPENED &&
            offline_export(offline, "q", count_record, &count, &lost, &rig->err) == 0) {
            assert_int_equal(count, 199);
            assert_int_equal(lost, 0);
        } else {
            assert_string_not_equal(rig->err.text, "");
        }
        failed = alloc_fail_stop();
        offline_close(offline);
    }
    assert_in_range(successes, 5, MOST_ALLOCATIONS - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_allocation_of_a_spool_at_work),
        TEST(test_every_allocation_of_opening),
        TEST(test_every_allocation_of_the_operator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
