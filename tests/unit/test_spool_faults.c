/* What does the spool do while the disk is full, failing, read-only or slow: is nothing called
 * durable that is not, is nothing lost or twice in the end, and does the loop go on? */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault_vfs.h"
#include "spool_rig.h"

static char in_bulk; /* the address is the state of a test in which everything is written in bulk */

static int set_up(void **state)
{
    bool bulk = *state == &in_bulk;
    struct spool_rig *rig;

    fault_vfs_register();
    fault_vfs_reset();
    spool_rig_set_up(state);
    rig = *state;
    rig->options.vfs = "fault";
    if (bulk) {
        rig->options.bulk_bytes = 0;
    }
    return 0;
}

static int tear_down(void **state)
{
    fault_vfs_reset();
    return spool_rig_tear_down(state);
}

static void plan(enum fault_op op, uint64_t after, uint64_t times, int code, int errno_value)
{
    const struct fault_plan what = {
        .op = op, .after = after, .times = times, .code = code, .errno_value = errno_value};

    fault_vfs_plan(&what);
}

static void heal(void)
{
    for (int op = 0; op < FAULT_OPS; op++) {
        plan((enum fault_op)op, 0, 0, 0, 0);
    }
}

static bool is_in_trouble(void *ctx)
{
    const struct spool_rig *rig = ctx;

    return rig->in_trouble;
}

static bool is_recovered(void *ctx)
{
    return !is_in_trouble(ctx);
}

static bool has_room(void *ctx)
{
    const struct spool_rig *rig = ctx;

    return rig->rooms > 0;
}

/* Opens again, without faults, and finds exactly the records [first, next). */
static void expect_after_restart(struct spool_rig *rig, uint64_t first, uint64_t next)
{
    struct spool_queue queue;

    heal();
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    assert_int_equal(spool_queue_info(&queue).first, first);
    assert_int_equal(spool_queue_info(&queue).next, next);
    assert_int_equal(spool_queue_info(&queue).count, next - first);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, next - first);
    assert_int_equal(queue.lost, 0);
    assert_int_equal(spool_queue_info(&queue).lost, 0);
    spool_rig_abort(rig);
}

/* 60 records in groups, 20 of them removed, while the operation fails `times` times from the
 * `after`th on: in the end all is as if nothing had been. Whether it failed. */
static bool live_through(struct spool_rig *rig, enum fault_op op, uint64_t after, uint64_t times,
                         int code, int errno_value)
{
    struct spool_queue queue;
    bool failed;

    spool_rig_clear(rig);
    fault_vfs_reset();
    rig->troubles = rig->recoveries = 0;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    plan(op, after, times, code, errno_value);
    for (int group = 0; group < 6; group++) {
        spool_queue_fill(&queue, 10);
        if (group % 2 == 1) {
            spool_queue_wait_durable(&queue);
        }
        if (group == 4) {
            spool_fifo_remove_upto(queue.fifo, 20);
        }
    }
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 40);
    spool_queue_wait_durable(&queue);
    spool_rig_wait(rig, is_recovered, rig, "the end of the trouble");
    assert_true(rig->troubles == 0 || fault_vfs_failures() > 0);
    spool_rig_close(rig);
    failed = fault_vfs_failures() > 0;
    expect_after_restart(rig, 21, 61);
    return failed;
}

/* Fails at one call after the other, until there is none left to fail; there must be some. */
static void sweep(struct spool_rig *rig, enum fault_op op, uint64_t at_least, uint64_t times,
                  int code, int errno_value)
{
    uint64_t after = 0;

    while (live_through(rig, op, after, times, code, errno_value)) {
        after++;
    }
    assert_true(after >= at_least);
}

static void test_no_room_at_any_write(void **state)
{
    sweep(*state, FAULT_WRITE, 8, 1, SQLITE_FULL, ENOSPC);
    sweep(*state, FAULT_WRITE, 8, 7, SQLITE_FULL, ENOSPC);
}

static void test_no_quota_or_read_only_at_any_write(void **state)
{
    sweep(*state, FAULT_WRITE, 8, 2, SQLITE_IOERR_WRITE, EDQUOT);
    sweep(*state, FAULT_WRITE, 8, 2, SQLITE_IOERR_WRITE, EROFS);
}

static void test_bad_disk_at_any_write(void **state)
{
    sweep(*state, FAULT_WRITE, 8, 1, SQLITE_IOERR_WRITE, EIO);
    sweep(*state, FAULT_WRITE, 8, 5, SQLITE_IOERR_WRITE, EIO);
}

static void test_failure_at_any_sync(void **state)
{
    sweep(*state, FAULT_SYNC, 5, 1, SQLITE_IOERR_FSYNC, EIO);
    sweep(*state, FAULT_SYNC, 5, 4, SQLITE_IOERR_FSYNC, EIO);
    sweep(*state, FAULT_SYNC, 5, 1, SQLITE_IOERR_FSYNC, ENOSPC);
}

static void test_failure_at_any_read(void **state)
{
    sweep(*state, FAULT_READ, 1, 1, SQLITE_IOERR_READ, EIO);
}

static void test_a_failed_sync_is_not_trusted_again(void **state)
{
    struct spool_rig *rig = *state;
    bool bulk = rig->options.bulk_bytes == 0;
    struct spool_queue queue;
    struct stat st;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 30);
    spool_queue_wait_durable(&queue);
    plan(FAULT_SYNC, 0, 1000000, SQLITE_IOERR_FSYNC, EIO);
    spool_queue_fill(&queue, 30);
    spool_rig_wait(rig, is_in_trouble, rig, "trouble");
    assert_non_null(strstr(rig->trouble, "spool-1.db"));
    if (strstr(rig->trouble, strerror(EIO)) == NULL) {
        fail_msg("%s", rig->trouble);
    }
    while (fault_vfs_failures() < 6) {
        spool_rig_turn(rig, 20);
    }
    assert_int_equal(queue.durable, 30);
    if (bulk) {
        /* The file can be read once the transaction that failed is taken back. */
        heal();
    }
    /* Else both the file and what waits can be read meanwhile. */
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 60);
    heal();
    spool_queue_wait_durable(&queue);
    /* What was not durable was written again, to another file. */
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db"), &st), -1);
    spool_rig_wait(rig, is_recovered, rig, "told of it"); /* after the records themselves */
    assert_int_equal(rig->recoveries, 1);
    assert_string_equal(strbuf_text(&rig->notices), "");
    spool_rig_close(rig);
    expect_after_restart(rig, 1, 61);
}

static void test_full_for_long(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t taken = 0, start;

    rig->options.max_backlog = 100 * 1000;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 100);
    spool_queue_wait_durable(&queue);
    plan(FAULT_WRITE, 0, UINT64_MAX, SQLITE_FULL, ENOSPC);
    while (spool_queue_append(&queue) == SPOOL_APPENDED) {
        taken++;
    }
    assert_int_equal(spool_queue_append(&queue), SPOOL_BUSY);
    spool_rig_wait(rig, is_in_trouble, rig, "trouble");
    assert_int_equal(rig->troubles, 1);
    assert_non_null(strstr(rig->trouble, "full"));
    while (fault_vfs_failures() < 20) {
        spool_rig_turn(rig, 20);
    }
    assert_int_equal(rig->troubles, 1); /* told once */
    assert_int_equal(queue.durable, 100);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 100 + taken);
    /* An orderly end cannot come now, the end at once can. */
    spool_close(rig->spool);
    spool_rig_turn(rig, 50);
    assert_false(rig->closed);
    start = clock_monotonic_us();
    spool_rig_abort(rig);
    assert_true(clock_monotonic_us() - start < 20 * CLOCK_US_PER_S);
    expect_after_restart(rig, 1, 101);
}

static void test_room_comes_back(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t next;

    rig->options.max_backlog = 50 * 1000;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    plan(FAULT_WRITE, 0, UINT64_MAX, SQLITE_FULL, ENOSPC);
    while (spool_queue_append(&queue) == SPOOL_APPENDED) {
    }
    spool_rig_wait(rig, is_in_trouble, rig, "trouble");
    assert_int_equal(rig->rooms, 0);
    heal();
    spool_queue_wait_durable(&queue);
    spool_rig_wait(rig, is_recovered, rig, "told of it"); /* after the records themselves */
    assert_int_equal(rig->recoveries, 1);
    spool_rig_wait(rig, has_room, rig, "room");
    assert_int_equal(rig->rooms, 1);
    assert_int_equal(spool_queue_append(&queue), SPOOL_APPENDED);
    next = spool_queue_info(&queue).next;
    spool_rig_close(rig);
    expect_after_restart(rig, 1, next);
}

static bool is_drained(void *ctx)
{
    const struct spool_queue *queue = ctx;

    return spool_queue_info(queue).backlog_count == 0;
}

/* 100 records on a disk that is full then, and 200 more behind them; all were read. */
static void fill_up(struct spool_rig *rig, struct spool_queue *queue)
{
    spool_rig_open(rig);
    spool_queue_open(queue, rig, "q");
    spool_queue_fill(queue, 100);
    spool_queue_wait_durable(queue);
    plan(FAULT_WRITE, 0, UINT64_MAX, SQLITE_FULL, ENOSPC);
    spool_queue_fill(queue, 200);
    spool_rig_wait(rig, is_in_trouble, rig, "trouble");
    spool_queue_read_all(queue, 1);
}

static void test_what_is_removed_while_full_need_not_be_written(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    fill_up(rig, &queue);
    spool_fifo_remove_upto(queue.fifo, 300);
    spool_rig_wait(rig, is_drained, &queue, "an empty backlog");
    assert_int_equal(spool_queue_info(&queue).bytes, 0);
    /* Nothing is needed of the file, so that another one takes its place as soon as it can. */
    heal();
    spool_rig_wait(rig, is_recovered, rig, "the end of the trouble");
    spool_queue_fill(&queue, 10);
    spool_queue_wait_durable(&queue);
    spool_rig_close(rig);
    expect_after_restart(rig, 301, 311);
}

/* With a disk that stays full, an end needs no room for what was settled meanwhile, and is not kept
 * waiting by the pause between two tries. */
static void test_close_while_full_with_nothing_wanted(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    rig->options.retry_min_us = rig->options.retry_max_us = 1000 * CLOCK_US_PER_S;
    fill_up(rig, &queue);
    spool_fifo_remove_upto(queue.fifo, 300);
    spool_rig_close(rig);
    /* What was in the file is gone with it. */
    expect_after_restart(rig, 1, 1);
}

/* The same, but some of it is wanted: the end waits for room, and looks for it often. */
static void test_close_while_full_with_something_wanted(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t failures;

    rig->options.retry_min_us = rig->options.retry_max_us = 1000 * CLOCK_US_PER_S;
    fill_up(rig, &queue);
    spool_fifo_remove_upto(queue.fifo, 299);
    spool_close(rig->spool);
    failures = fault_vfs_failures();
    while (fault_vfs_failures() < failures + 2) {
        spool_rig_turn(rig, 20);
        assert_false(rig->closed);
    }
    heal();
    spool_rig_close(rig);
    expect_after_restart(rig, 300, 301);
}

static void test_no_room_for_the_first_file(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;

    plan(FAULT_WRITE, 0, UINT64_MAX, SQLITE_FULL, ENOSPC);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 20);
    spool_rig_wait(rig, is_in_trouble, rig, "trouble");
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 20);
    heal();
    spool_queue_wait_durable(&queue);
    spool_rig_close(rig);
    expect_after_restart(rig, 1, 21);
}

static void test_damage_while_it_runs(void **state)
{
    static const struct fault_plan damage = {.op = FAULT_READ,
                                             .after = 40,
                                             .times = 100,
                                             .code = SQLITE_CORRUPT,
                                             .suffix = "spool-1.db"};
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    struct stat st;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    for (int i = 0; i < 60; i++) {
        spool_queue_fill(&queue, 500);
        spool_queue_wait_durable(&queue);
    }
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    fault_vfs_plan(&damage);
    spool_queue_read_all(&queue, 1);
    spool_queue_read_all(&queue, 1);
    heal();
    assert_true(fault_vfs_failures() > 0);
    /* What could not be read is counted, and the old file is there for whoever wants to try. */
    assert_int_equal(spool_queue_info(&queue).count, 30000 - spool_queue_info(&queue).lost);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, spool_queue_info(&queue).count);
    spool_rig_wait(rig, is_recovered, rig, "the end of the trouble");
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db.damaged"), &st), 0);
    assert_non_null(strstr(strbuf_text(&rig->notices), "spool-1.db.damaged"));
    unlink(spool_rig_path(rig, "spool-1.db.damaged"));
}

enum { SLOW_SYNC_MS = 1500 };

static void test_slow_sync_does_not_stop_the_loop(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t worst = 0, start = clock_monotonic_us(), refused = 0, taken = 0;

    rig->options.max_backlog = 200 * 1000;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    fault_vfs_slow_sync(SLOW_SYNC_MS);
    while (clock_monotonic_us() - start < 2 * SLOW_SYNC_MS * CLOCK_US_PER_MS) {
        uint64_t before = clock_monotonic_us(), took;
        if (spool_queue_append(&queue) == SPOOL_APPENDED) {
            taken++;
        } else {
            refused++;
        }
        spool_rig_turn(rig, refused > 0 ? 1 : 0);
        took = clock_monotonic_us() - before;
        worst = took > worst ? took : worst;
        assert_true(spool_backlog(rig->spool) <= rig->options.max_backlog);
    }
    /* Nothing waited for a sync; a busy machine may take its time all the same. */
    assert_true(worst < (SLOW_SYNC_MS - 500) * CLOCK_US_PER_MS);
    assert_true(refused > 0 && taken > 1000);
    fault_vfs_slow_sync(0);
    spool_rig_close(rig);
    expect_after_restart(rig, 1, taken + 1);
}

static void test_small_file_system(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t taken = 0;

    rig->options.vfs = NULL;
    rig->options.max_backlog = 200 * 1000;
    if (mount("none", rig->directory, "tmpfs", 0, "size=1m,mode=0700") != 0) {
        skip(); /* needs privileges */
    }
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    for (int turn = 0; turn < 20000 && !is_in_trouble(rig); turn++) {
        taken += spool_queue_append(&queue) == SPOOL_APPENDED;
        spool_rig_turn(rig, turn % 50 == 0 ? 1 : 0);
    }
    spool_rig_wait(rig, is_in_trouble, rig, "a full file system");
    assert_true(queue.durable > 1000);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, taken);
    spool_fifo_remove_upto(queue.fifo, taken);
    spool_rig_wait(rig, is_recovered, rig, "the end of the trouble");
    spool_queue_fill(&queue, 100);
    spool_queue_wait_durable(&queue);
    spool_rig_close(rig);
    expect_after_restart(rig, taken + 1, taken + 101);
    assert_int_equal(umount(rig->directory), 0);
}

/* A limit of the process on the size of its files, which a full disk cannot be told from; in a
 * process of its own. */
static void test_limit_on_the_size_of_files(void **state)
{
    struct spool_rig *rig = *state;
    int status;
    pid_t child;

    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 300 * 1024, .rlim_max = RLIM_INFINITY};
        struct spool_queue queue;
        signal(SIGXFSZ, SIG_IGN);
        spool_rig_open(rig);
        spool_queue_open(&queue, rig, "q");
        setrlimit(RLIMIT_FSIZE, &limit);
        spool_queue_fill(&queue, 10000);
        spool_rig_wait(rig, is_in_trouble, rig, "trouble");
        limit.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &limit);
        spool_queue_wait_durable(&queue);
        spool_rig_close(rig);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_after_restart(rig, 1, 10001);
}

/* Counts the writes to the journal; none of them fails. */
static void watch_journal(void)
{
    const struct fault_plan what = {
        .op = FAULT_WRITE, .times = UINT64_MAX, .code = SQLITE_OK, .suffix = "-journal"};

    fault_vfs_plan(&what);
}

static bool has_log(void *ctx)
{
    return access(spool_rig_path(ctx, "spool-1.db-wal"), F_OK) == 0;
}

/* More than enough to be written in bulk, whatever the thread finds of it first. */
static void pour(struct spool_queue *queue)
{
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(spool_queue_append(queue), SPOOL_APPENDED);
    }
    spool_flush(queue->rig->spool);
}

/* The journal tells the bulk: it is only written then, and there is no log meanwhile. */
static void test_a_burst_soon_after_the_bulk(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    uint64_t written;

    rig->options.bulk_bytes = 64 * 1024;
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    watch_journal();
    pour(&queue);
    spool_queue_wait_durable(&queue);
    assert_true(fault_vfs_failures() > 0);
    spool_rig_wait(rig, has_log, rig, "the end of the bulk");
    written = fault_vfs_failures();
    pour(&queue);
    spool_queue_wait_durable(&queue);
    assert_true(fault_vfs_failures() > written);
    spool_rig_close(rig);
    expect_after_restart(rig, 1, 4001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define IN_BULK(name)                                                                              \
    {                                                                                              \
#name " in bulk", name, set_up, tear_down, &in_bulk                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_room_at_any_write),
        TEST(test_no_quota_or_read_only_at_any_write),
        TEST(test_bad_disk_at_any_write),
        TEST(test_failure_at_any_sync),
        TEST(test_failure_at_any_read),
        TEST(test_a_failed_sync_is_not_trusted_again),
        TEST(test_full_for_long),
        TEST(test_room_comes_back),
        TEST(test_what_is_removed_while_full_need_not_be_written),
        TEST(test_close_while_full_with_nothing_wanted),
        TEST(test_close_while_full_with_something_wanted),
        TEST(test_no_room_for_the_first_file),
        TEST(test_damage_while_it_runs),
        TEST(test_slow_sync_does_not_stop_the_loop),
        TEST(test_small_file_system),
        TEST(test_limit_on_the_size_of_files),
        TEST(test_a_burst_soon_after_the_bulk),
        IN_BULK(test_no_room_at_any_write),
        IN_BULK(test_no_quota_or_read_only_at_any_write),
        IN_BULK(test_bad_disk_at_any_write),
        IN_BULK(test_failure_at_any_sync),
        IN_BULK(test_failure_at_any_read),
        IN_BULK(test_a_failed_sync_is_not_trusted_again),
        IN_BULK(test_full_for_long),
        IN_BULK(test_room_comes_back),
        IN_BULK(test_what_is_removed_while_full_need_not_be_written),
        IN_BULK(test_close_while_full_with_nothing_wanted),
        IN_BULK(test_no_room_for_the_first_file),
        IN_BULK(test_damage_while_it_runs),
        IN_BULK(test_small_file_system),
        IN_BULK(test_limit_on_the_size_of_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
