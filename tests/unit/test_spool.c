/* Does the spool keep what it is given, in order, over an orderly end and a start, within its
 * limits, and let go of what is removed, in any order? */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/db.h"
#include "spool/seqset.h"
#include "spool_rig.h"

static void test_order_holds_over_a_restart(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "orders");
    assert_int_equal(spool_queue_info(&queue).count, 0);
    assert_int_equal(spool_queue_info(&queue).first, spool_queue_info(&queue).next);
    spool_queue_fill(&queue, 3000);
    spool_queue_wait_durable(&queue);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 3000);
    spool_rig_close(rig);

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "orders");
    assert_int_equal(spool_queue_info(&queue).count, 3000);
    assert_int_equal(spool_queue_info(&queue).first, 1);
    assert_int_equal(spool_queue_info(&queue).next, 3001);
    assert_int_equal(spool_queue_info(&queue).durable, 3000);
    spool_queue_fill(&queue, 500);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 3500);
    assert_int_equal(queue.lost, 0);
    assert_string_equal(strbuf_text(&rig->notices), "");
}

static void test_hundred_thousand_pass_through(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    struct spool_stats *stats = calloc(1, sizeof(*stats));

    assert_non_null(stats);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "through");
    queue.expected = 1;
    for (int round = 0; round < 10; round++) {
        spool_queue_fill(&queue, 10000);
        for (uint64_t from = spool_queue_info(&queue).first;
             from < spool_queue_info(&queue).next;) {
            spool_queue_read(&queue, from, 1024 * 1024, 100000);
            from = queue.next;
            spool_fifo_remove_upto(queue.fifo, from - 1);
        }
    }
    assert_int_equal(queue.read, 100000);
    assert_int_equal(spool_queue_info(&queue).count, 0);
    assert_int_equal(spool_queue_info(&queue).bytes, 0);
    spool_queue_wait_durable(&queue);
    spool_get_stats(rig->spool, stats);
    assert_int_equal(stats->appended, 100000);
    assert_int_equal(stats->removed, 100000);
    assert_int_equal(stats->count, 0);
    assert_int_equal(stats->backlog_bytes, 0);
    assert_true(stats->commits > 0 && stats->commit.count == stats->commits);
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "through");
    assert_int_equal(spool_queue_info(&queue).count, 0);
    free(stats);
}

static void test_queues_do_not_mix(void **state)
{
    enum { QUEUES = 20 };
    struct spool_rig *rig = *state;
    struct spool_queue queues[QUEUES];
    char names[QUEUES][24];

    spool_rig_open(rig);
    for (int i = 0; i < QUEUES; i++) {
        snprintf(names[i], sizeof(names[i]), "bridge-%d", i);
        spool_queue_open(&queues[i], rig, names[i]);
    }
    for (int n = 0; n < 150; n++) {
        for (int i = 0; i < QUEUES; i++) {
            spool_queue_fill(&queues[i], (uint64_t)(i % 4));
        }
        spool_rig_turn(rig, 0);
    }
    spool_rig_close(rig);
    spool_rig_open(rig);
    for (int i = 0; i < QUEUES; i++) {
        spool_queue_open(&queues[i], rig, names[i]);
        assert_int_equal(spool_queue_info(&queues[i]).count, (uint64_t)(i % 4) * 150);
        spool_queue_read_all(&queues[i], 1);
        assert_int_equal(queues[i].read, (uint64_t)(i % 4) * 150);
    }
}

static void test_removed_in_the_middle_stays_removed(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t left = 0;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "holes");
    spool_queue_fill(&queue, 2000);
    for (uint64_t seq = 1; seq <= 2000; seq++) {
        if (seq % 3 == 0 || (seq >= 500 && seq < 1500)) {
            assert_int_equal(spool_fifo_remove(queue.fifo, seq), 1);
            assert_int_equal(spool_fifo_remove(queue.fifo, seq), 0);
        } else {
            left++;
        }
    }
    assert_int_equal(spool_fifo_remove(queue.fifo, 2001), 0);
    assert_int_equal(spool_fifo_remove(queue.fifo, 0), 0);
    assert_int_equal(spool_queue_info(&queue).count, left);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, left);
    spool_rig_close(rig);

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "holes");
    assert_int_equal(spool_queue_info(&queue).count, left);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, left);
    assert_int_equal(queue.lost, 0);
    assert_int_equal(spool_queue_info(&queue).lost, 0);
    assert_int_equal(spool_fifo_remove_upto(queue.fifo, 2000), left);
    assert_int_equal(spool_queue_info(&queue).first, 2001);
    assert_int_equal(spool_queue_info(&queue).bytes, 0);
    spool_rig_close(rig);

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "holes");
    assert_int_equal(spool_queue_info(&queue).count, 0);
    assert_int_equal(spool_queue_info(&queue).next, 2001);
}

static void test_answers_keep_their_bounds(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "bounds");
    spool_queue_read(&queue, 1, 1000, 10);
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.next, 1);
    spool_queue_fill(&queue, 100);
    spool_queue_read(&queue, 1, 1000000, 10);
    assert_int_equal(queue.first, 1);
    assert_int_equal(queue.count, 10);
    assert_int_equal(queue.next, 11);
    queue.expected = 0;
    spool_queue_read(&queue, 95, 1000000, 1000);
    assert_int_equal(queue.first, 95);
    assert_int_equal(queue.count, 6);
    assert_int_equal(queue.next, 101);
    queue.expected = 0;
    spool_queue_read(&queue, 40, 1, 1000);
    assert_int_equal(queue.count, 1);
    assert_int_equal(queue.first, 40);
    spool_queue_read(&queue, 101, 1000, 10);
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.next, 101);
    assert_int_equal(spool_fifo_read(queue.fifo, 1, 1, 1), 0);
    assert_int_equal(spool_fifo_read(queue.fifo, 1, 1, 1), -1);
    queue.answered = false;
    queue.expected = 0;
    spool_fifo_remove_upto(queue.fifo, 100);
    while (!queue.answered) {
        spool_rig_turn(rig, 20);
    }
    /* What was removed after the question is not in the answer. */
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.lost, 0);
}

/* One record comes back whole. */
static void on_large(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct slice *expected = ctx;

    assert_int_equal(next, 3);
    for (size_t i = 0; i < count; i++) {
        if (records[i].seq == 2 && slice_equal(records[i].body, *expected)) {
            expected->len = 0;
        }
    }
}

static bool is_empty(void *ctx)
{
    const struct slice *slice = ctx;

    return slice->len == 0;
}

static void test_large_records(void **state)
{
    static const struct spool_fifo_events events = {.on_records = on_large};
    struct spool_rig *rig = *state;
    size_t len = 20 * 1024 * 1024;
    char *large = malloc(len);
    struct slice body = slice_make(large, len);
    struct spool_fifo *fifo;

    assert_non_null(large);
    for (size_t i = 0; i < len; i++) {
        large[i] = (char)(unsigned char)(i * 7 + i / 4096);
    }
    spool_rig_open(rig);
    fifo = spool_fifo_open(rig->spool, "large", UINT64_MAX / 2, NULL, NULL, &rig->err);
    assert_non_null(fifo);
    assert_int_equal(spool_fifo_append(fifo, SLICE("h"), SLICE("small"), NULL), SPOOL_APPENDED);
    /* Larger than the backlog may be: alone it must go in, but not behind another. */
    assert_int_equal(spool_fifo_append(fifo, SLICE("h"), body, NULL), SPOOL_BUSY);
    while (spool_backlog(rig->spool) > 0) {
        spool_rig_turn(rig, 20);
    }
    assert_int_equal(rig->rooms, 1);
    assert_int_equal(spool_fifo_append(fifo, SLICE("h"), body, NULL), SPOOL_APPENDED);
    assert_int_equal(spool_fifo_append(fifo, SLICE("h"), SLICE("small"), NULL), SPOOL_BUSY);
    spool_rig_close(rig);
    spool_rig_open(rig);
    fifo = spool_fifo_open(rig->spool, "large", UINT64_MAX / 2, &events, &body, &rig->err);
    assert_non_null(fifo);
    assert_int_equal(spool_fifo_read(fifo, 1, 2 * len, 10), 0);
    spool_rig_wait(rig, is_empty, &body, "the large record");
    assert_int_equal(
        spool_fifo_append(fifo, SLICE(""), slice_make(large, (size_t)SPOOL_RECORD_MAX + 1), NULL),
        SPOOL_TOO_LARGE);
    free(large);
}

static void test_limits_refuse_at_once_and_free_at_once(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue, other;
    uint64_t taken = 0, more = 0;

    rig->options.max_size = 100 * 1000;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "limited");
    spool_queue_open(&other, rig, "other");
    spool_fifo_set_limit(queue.fifo, 40 * 1000);
    while (spool_queue_append(&queue) == SPOOL_APPENDED) {
        taken++;
    }
    assert_true(taken > 100);
    assert_int_equal(spool_queue_append(&queue), SPOOL_FIFO_FULL);
    assert_in_range(spool_queue_info(&queue).bytes, 37 * 1000, 40 * 1000);
    while (spool_queue_append(&other) == SPOOL_APPENDED) {
        more++;
    }
    assert_int_equal(spool_queue_append(&other), SPOOL_FULL);
    assert_in_range(spool_queue_info(&other).bytes, 57 * 1000, 63 * 1000);
    assert_int_equal(spool_fifo_remove_upto(queue.fifo, taken / 2), taken / 2);
    assert_int_equal(spool_queue_append(&queue), SPOOL_APPENDED);
    assert_int_equal(spool_queue_append(&other), SPOOL_APPENDED);
    spool_queue_wait_durable(&queue);
    assert_int_equal(rig->rooms, 1);
    spool_queue_read_all(&other, 1);
    assert_int_equal(other.read, more + 1);
    /* A start counts the same. */
    taken = spool_queue_info(&queue).count;
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "limited");
    spool_queue_open(&other, rig, "other");
    assert_int_equal(spool_queue_info(&queue).count, taken);
    assert_in_range(spool_queue_info(&other).bytes, 57 * 1000, 64 * 1000);
}

static void test_backlog_is_bounded(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t taken = 0;

    rig->options.max_backlog = 50 * 1000;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "fast");
    while (spool_queue_append(&queue) == SPOOL_APPENDED) {
        taken++;
    }
    assert_int_equal(spool_queue_append(&queue), SPOOL_BUSY);
    assert_in_range(spool_backlog(rig->spool), 47 * 1000, 50 * 1000);
    assert_int_equal(spool_queue_info(&queue).backlog_count, taken);
    spool_queue_wait_durable(&queue);
    assert_int_equal(spool_backlog(rig->spool), 0);
    assert_int_equal(rig->rooms, 1);
    assert_int_equal(spool_queue_append(&queue), SPOOL_APPENDED);
}

static void test_queues_that_nobody_opens_are_listed_and_purged(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    struct spool_fifo_info info;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "removed-from-the-rules");
    spool_queue_fill(&queue, 10);
    spool_rig_close(rig);
    spool_rig_open(rig);
    assert_non_null(spool_fifo_next(rig->spool, NULL));
    spool_fifo_get_info(spool_fifo_next(rig->spool, NULL), &info);
    assert_string_equal(info.name, "removed-from-the-rules");
    assert_int_equal(info.count, 10);
    assert_false(info.is_open);
    assert_null(spool_fifo_next(rig->spool, spool_fifo_next(rig->spool, NULL)));
    assert_int_equal(spool_fifo_remove_upto(spool_fifo_next(rig->spool, NULL), info.next - 1), 10);
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_fifo_get_info(spool_fifo_next(rig->spool, NULL), &info);
    assert_int_equal(info.count, 0);
}

static void test_a_queue_has_one_user_at_a_time(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    char long_name[SEGMENT_NAME_MAX + 2];

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "one");
    assert_null(spool_fifo_open(rig->spool, "one", 1, NULL, NULL, &rig->err));
    assert_non_null(strstr(rig->err.text, "in use"));
    spool_queue_fill(&queue, 5);
    assert_int_equal(spool_fifo_read(queue.fifo, 1, 1000, 10), 0);
    spool_fifo_close(queue.fifo);
    /* Its answer comes to nobody, and its records stay. */
    spool_queue_open(&queue, rig, "one");
    queue.expected = 3;
    spool_queue_read(&queue, 3, 1000, 10);
    assert_int_equal(queue.first, 3);
    assert_int_equal(queue.count, 3);
    spool_queue_wait_durable(&queue);
    assert_int_equal(spool_queue_info(&queue).count, 5);
    assert_null(spool_fifo_open(rig->spool, "", 1, NULL, NULL, &rig->err));
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_null(spool_fifo_open(rig->spool, long_name, 1, NULL, NULL, &rig->err));
    long_name[SEGMENT_NAME_MAX] = '\0';
    assert_non_null(spool_fifo_open(rig->spool, long_name, 1, NULL, NULL, &rig->err));
}

static void test_nothing_goes_in_after_the_end_began(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "late");
    spool_queue_fill(&queue, 50);
    spool_close(rig->spool);
    assert_int_equal(spool_queue_append(&queue), SPOOL_IS_CLOSING);
    assert_int_equal(spool_fifo_read(queue.fifo, 1, 1, 1), -1);
    while (!rig->closed) {
        spool_rig_turn(rig, 20);
    }
    assert_int_equal(queue.durable, 50);
    spool_rig_abort(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "late");
    assert_int_equal(spool_queue_info(&queue).count, 50);
}

static void test_end_at_once_keeps_what_was_durable(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "cut");
    spool_queue_fill(&queue, 700);
    spool_queue_wait_durable(&queue);
    spool_queue_fill(&queue, 700);
    spool_rig_abort(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "cut");
    assert_in_range(spool_queue_info(&queue).count, 700, 1400);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, spool_queue_info(&queue).count);
    assert_int_equal(queue.lost, 0);
}

/* A crash can come between the commit that notes a removal and the one that brings the record. */
static void test_removed_before_it_was_written(void **state)
{
    struct spool_rig *rig = *state;
    const struct db_terms terms = {.wal_limit = 1000000};
    struct strbuf removed = STRBUF_INIT;
    struct db_fifo row = {.id = 1, .name = SLICE("early"), .oldest = 1};
    struct spool_queue queue;
    struct seqset set;
    struct db *db;

    spool_rig_open(rig);
    spool_rig_close(rig);
    seqset_init(&set, 1);
    assert_int_equal(seqset_add(&set, 5, 9), 0);
    assert_int_equal(seqset_add(&set, 20, 21), 0);
    seqset_encode(&set, &removed);
    row.removed = strbuf_slice(&removed);
    assert_int_equal(db_open(spool_rig_path(rig, "spool-1.db"), &terms, &db, &rig->err), DB_OK);
    assert_int_equal(db_begin(db, &rig->err), DB_OK);
    assert_int_equal(db_put_fifo(db, &row, &rig->err), DB_OK);
    assert_int_equal(db_commit(db, &rig->err), DB_OK);
    assert_int_equal(db_close(db, true, &rig->err), DB_OK);
    seqset_fini(&set);
    strbuf_fini(&removed);
    /* The numbers are given out anew, and what has them now is there. */
    for (int round = 1; round <= 3; round++) {
        spool_rig_open(rig);
        spool_queue_open(&queue, rig, "early");
        spool_queue_fill(&queue, 10);
        spool_queue_read_all(&queue, 1);
        assert_int_equal(queue.read, round * 10);
        spool_rig_close(rig);
    }
}

static bool is_small(void *ctx)
{
    struct stat st;

    return stat(ctx, &st) == 0 && st.st_size < 12 * 1024 * 1024;
}

/* 40 MB in 2,000 records. */
static void fill_big(struct spool_rig *rig, struct spool_queue *queue)
{
    char body[20000];

    memset(body, 'x', sizeof(body));
    spool_rig_open(rig);
    spool_queue_open(queue, rig, "big");
    for (int i = 0; i < 2000; i++) {
        while (spool_fifo_append(queue->fifo, SLICE(""), slice_make(body, sizeof(body)), NULL) ==
               SPOOL_BUSY) {
            spool_rig_turn(rig, 20);
        }
    }
    spool_queue_wait_durable(queue);
}

static void test_file_shrinks(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    char path[256];
    struct stat st;

    fill_big(rig, &queue);
    snprintf(path, sizeof(path), "%s", spool_rig_path(rig, "spool-1.db"));
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 20 * 1024 * 1024);
    spool_fifo_remove_upto(queue.fifo, 1800); /* what is left is too much to be moved */
    spool_rig_wait(rig, is_small, path, "a smaller file");
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db-wal"), &st), 0);
    assert_true(st.st_size < 32 * 1024 * 1024);
}

static bool is_gone(void *ctx)
{
    return access(ctx, F_OK) != 0;
}

static void test_drained_file_is_replaced(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_fifo_info info;
    struct spool_queue queue;
    char path[256];
    struct stat st;

    fill_big(rig, &queue);
    spool_fifo_remove_upto(queue.fifo, 1990);
    spool_fifo_remove(queue.fifo, 1995);
    snprintf(path, sizeof(path), "%s", spool_rig_path(rig, "spool-1.db"));
    spool_rig_wait(rig, is_gone, path, "the end of the large file");
    snprintf(path, sizeof(path), "%s", spool_rig_path(rig, "spool-1.db.erase"));
    spool_rig_wait(rig, is_gone, path, "the end of its bytes");
    assert_int_equal(stat(spool_rig_path(rig, "spool-2.db"), &st), 0);
    assert_true(st.st_size < 1024 * 1024);
    assert_string_equal(strbuf_text(&rig->notices), "");
    spool_fifo_remove_upto(queue.fifo, 1992); /* told to the new file */
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "big");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.first, 1993);
    assert_int_equal(info.count, 7);
    assert_int_equal(info.next, 2001);
    assert_int_equal(info.lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, spool_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order_holds_over_a_restart),
        TEST(test_hundred_thousand_pass_through),
        TEST(test_queues_do_not_mix),
        TEST(test_removed_in_the_middle_stays_removed),
        TEST(test_answers_keep_their_bounds),
        TEST(test_large_records),
        TEST(test_limits_refuse_at_once_and_free_at_once),
        TEST(test_backlog_is_bounded),
        TEST(test_queues_that_nobody_opens_are_listed_and_purged),
        TEST(test_a_queue_has_one_user_at_a_time),
        TEST(test_nothing_goes_in_after_the_end_began),
        TEST(test_end_at_once_keeps_what_was_durable),
        TEST(test_removed_before_it_was_written),
        TEST(test_file_shrinks),
        TEST(test_drained_file_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
