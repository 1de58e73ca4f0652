/* What does the spool do with directories and files that are not as it left them: in use, foreign,
 * of a newer version, links, left over from a crash, not to be written? */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/offline.h"
#include "spool_rig.h"

/* A spool with 100 records of "q". */
static void make_spool(struct spool_rig *rig)
{
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 100);
    spool_rig_close(rig);
}

static void expect_records(struct spool_rig *rig, uint64_t count)
{
    struct spool_queue queue;
    struct spool_fifo_info info;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, count);
    spool_queue_read_all(&queue, info.first);
    assert_int_equal(queue.read, count);
    spool_rig_abort(rig);
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void execute(const char *path, const char *sql)
{
    char *error = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", sql, error);
    }
    sqlite3_close(db);
}

static bool exists(const struct spool_rig *rig, const char *file)
{
    struct stat st;

    return lstat(spool_rig_path(rig, file), &st) == 0;
}

static void test_only_its_owner_may_look_into_it(void **state)
{
    struct spool_rig *rig = *state;
    struct stat st;

    umask(0);
    assert_int_equal(rmdir(rig->directory), 0);
    make_spool(rig);
    assert_int_equal(stat(rig->directory, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    spool_rig_open(rig);
    assert_int_equal(stat(spool_rig_path(rig, "lock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db-wal"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_false(exists(rig, "spool-1.db-shm"));
    umask(022);
}

static void test_second_opener_is_refused(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_rig second = *rig;
    struct offline *offline;
    char pid[32];

    spool_rig_open(rig);
    second.spool = NULL;
    snprintf(pid, sizeof(pid), "pid %ld:", (long)getpid());
    spool_rig_refuse(&second, SPOOL_LOCKED, "another process uses this spool");
    assert_non_null(strstr(second.err.text, pid));
    assert_int_equal(offline_open(rig->directory, &offline, &second.err), SPOOL_LOCKED);
    spool_rig_abort(rig);
    make_spool(rig);
}

static void test_lock_dies_with_its_process(void **state)
{
    struct spool_rig *rig = *state;
    int ready[2], status;
    pid_t child;
    char byte;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        spool_rig_open(rig);
        _exit(write(ready[1], "", 1) == 1 ? pause() : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    spool_rig_refuse(rig, SPOOL_LOCKED, "another process");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    make_spool(rig);
    close(ready[0]);
    close(ready[1]);
}

static void test_newer_version_is_refused_untouched(void **state)
{
    struct spool_rig *rig = *state;

    make_spool(rig);
    execute(spool_rig_path(rig, "spool-1.db"), "PRAGMA user_version = 2");
    spool_rig_refuse(rig, SPOOL_FAILED, "newer version (format 2, this program reads 1)");
    spool_rig_refuse(rig, SPOOL_FAILED, "upgrade");
    execute(spool_rig_path(rig, "spool-1.db"), "PRAGMA user_version = 1");
    expect_records(rig, 100);
}

static void test_foreign_files_are_refused_untouched(void **state)
{
    static const char text[] = "dear diary, today somebody took me for a spool, all of this length "
                               "and more than the hundred bytes of a header";
    struct spool_rig *rig = *state;
    struct stat st;

    write_file(spool_rig_path(rig, "spool-1.db"), text, sizeof(text));
    spool_rig_refuse(rig, SPOOL_FAILED, "not a spool of this program");
    assert_int_equal(stat(spool_rig_path(rig, "spool-1.db"), &st), 0);
    assert_int_equal(st.st_size, sizeof(text));
    unlink(spool_rig_path(rig, "spool-1.db"));
    execute(spool_rig_path(rig, "spool-1.db"),
            "CREATE TABLE fifo (a); INSERT INTO fifo VALUES (1)");
    spool_rig_refuse(rig, SPOOL_FAILED, "move it away");
    unlink(spool_rig_path(rig, "spool-1.db"));
    write_file(spool_rig_path(rig, "spool-1.db"), "x", 1);
    spool_rig_refuse(rig, SPOOL_FAILED, "not a spool of this program");
}

static void test_other_files_do_not_matter(void **state)
{
    struct spool_rig *rig = *state;

    write_file(spool_rig_path(rig, "spool-.db"), "x", 1);
    write_file(spool_rig_path(rig, "spool-01.db"), "x", 1);
    write_file(spool_rig_path(rig, "spool-1x.db"), "x", 1);
    write_file(spool_rig_path(rig, "spool-99999999999999999999.db"), "x", 1);
    write_file(spool_rig_path(rig, "notes.txt"), "x", 1);
    make_spool(rig);
    expect_records(rig, 100);
    assert_true(exists(rig, "notes.txt"));
}

static void test_links_and_non_files_are_refused(void **state)
{
    struct spool_rig *rig = *state;
    char elsewhere[128];

    make_spool(rig);
    snprintf(elsewhere, sizeof(elsewhere), "%s", spool_rig_path(rig, "elsewhere"));
    assert_int_equal(rename(spool_rig_path(rig, "spool-1.db"), elsewhere), 0);
    assert_int_equal(symlink(elsewhere, spool_rig_path(rig, "spool-1.db")), 0);
    spool_rig_refuse(rig, SPOOL_FAILED, "symbolic link");
    unlink(spool_rig_path(rig, "spool-1.db"));
    assert_int_equal(mkfifo(spool_rig_path(rig, "spool-1.db"), 0600), 0);
    spool_rig_refuse(rig, SPOOL_FAILED, "not a plain file");
    unlink(spool_rig_path(rig, "spool-1.db"));
    assert_int_equal(rename(elsewhere, spool_rig_path(rig, "spool-1.db")), 0);
    unlink(spool_rig_path(rig, "lock"));
    assert_int_equal(symlink(elsewhere, spool_rig_path(rig, "lock")), 0);
    spool_rig_refuse(rig, SPOOL_FAILED, "lock: cannot be opened");
    unlink(spool_rig_path(rig, "lock"));
    expect_records(rig, 100);
}

static void test_linked_directory_is_followed(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_rig linked = *rig;

    make_spool(rig);
    snprintf(linked.directory, sizeof(linked.directory), "%.50s-link", rig->directory);
    assert_int_equal(symlink(rig->directory, linked.directory), 0);
    expect_records(&linked, 100);
    unlink(linked.directory);
}

static void test_directories_that_cannot_be_used(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_rig bad = *rig;

    write_file(spool_rig_path(rig, "file"), "x", 1);
    snprintf(bad.directory, sizeof(bad.directory), "%s", spool_rig_path(rig, "file"));
    spool_rig_refuse(&bad, SPOOL_FAILED, "cannot be opened");
    snprintf(bad.directory, sizeof(bad.directory), "%s", spool_rig_path(rig, "no/parent"));
    spool_rig_refuse(&bad, SPOOL_FAILED, "cannot be made");
    snprintf(bad.directory, sizeof(bad.directory), "/proc");
    spool_rig_refuse(&bad, SPOOL_FAILED, "/proc/lock");
    assert_int_equal(chmod(rig->directory, 0777), 0);
    spool_rig_refuse(rig, SPOOL_FAILED, "chmod 0700");
    assert_int_equal(chmod(rig->directory, 0700), 0);
    make_spool(rig);
}

/* As root everything can be written, so that another user has to try. */
static void test_directory_without_permission(void **state)
{
    struct spool_rig *rig = *state;
    int status;
    pid_t child;

    assert_int_equal(chmod(rig->directory, geteuid() == 0 ? 0755 : 0500), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct spool *spool;
        struct err err;
        if (geteuid() == 0 && setuid(65534) != 0) {
            _exit(2);
        }
        _exit(spool_open(rig->directory, &rig->options, NULL, NULL, &spool, &err) == SPOOL_FAILED &&
                      strstr(err.text, "Permission denied") != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(rig->directory, 0700), 0);
}

static void test_left_overs_of_a_crash_are_cleared_away(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    char moved[128];

    make_spool(rig);
    write_file(spool_rig_path(rig, "spool-2.db.new"), "half", 4);
    write_file(spool_rig_path(rig, "spool-2.db.new-wal"), "half", 4);
    expect_records(rig, 100);
    assert_false(exists(rig, "spool-2.db.new"));
    assert_false(exists(rig, "spool-2.db.new-wal"));
    /* The crash came after the fresh file was whole, before the old one was put away. */
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 7);
    spool_rig_close(rig);
    snprintf(moved, sizeof(moved), "%s", spool_rig_path(rig, "moved"));
    assert_int_equal(rename(spool_rig_path(rig, "spool-1.db"), moved), 0);
    make_spool(rig);
    assert_int_equal(rename(moved, spool_rig_path(rig, "spool-2.db")), 0);
    expect_records(rig, 107);
    assert_true(exists(rig, "spool-1.db.damaged"));
    assert_false(exists(rig, "spool-1.db"));
}

static void test_replaced_files_are_erased_after_a_crash(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    char first[128], again[128], second[128];

    make_spool(rig);
    snprintf(first, sizeof(first), "%s", spool_rig_path(rig, "spool-1.db"));
    snprintf(again, sizeof(again), "%s", spool_rig_path(rig, "spool-1.db.erase"));
    snprintf(second, sizeof(second), "%s", spool_rig_path(rig, "spool-2.db"));
    /* The crash came before the fresh file had its name: the old one counts. */
    assert_int_equal(link(first, again), 0);
    expect_records(rig, 100);
    assert_true(exists(rig, "spool-1.db"));
    assert_false(exists(rig, "spool-1.db.erase"));
    /* It came after that: nothing of the old one is needed. */
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 7);
    spool_rig_close(rig);
    assert_int_equal(rename(first, second), 0);
    write_file(first, "old", 3);
    assert_int_equal(link(first, again), 0);
    write_file(spool_rig_path(rig, "spool-1.db-wal"), "old", 3);
    expect_records(rig, 107);
    assert_false(exists(rig, "spool-1.db"));
    assert_false(exists(rig, "spool-1.db-wal"));
    assert_false(exists(rig, "spool-1.db.erase"));
    assert_false(exists(rig, "spool-1.db.damaged"));
    /* It came later still, while the bytes were given back. */
    write_file(again, "old", 3);
    expect_records(rig, 107);
    assert_false(exists(rig, "spool-1.db.erase"));
}

static void test_somebody_elses_lock_on_the_file(void **state)
{
    struct spool_rig *rig = *state;
    sqlite3 *db;

    make_spool(rig);
    assert_int_equal(sqlite3_open(spool_rig_path(rig, "spool-1.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    spool_rig_refuse(rig, SPOOL_FAILED, "locked");
    sqlite3_close(db);
    expect_records(rig, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, spool_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_its_owner_may_look_into_it),
        TEST(test_second_opener_is_refused),
        TEST(test_lock_dies_with_its_process),
        TEST(test_newer_version_is_refused_untouched),
        TEST(test_foreign_files_are_refused_untouched),
        TEST(test_other_files_do_not_matter),
        TEST(test_links_and_non_files_are_refused),
        TEST(test_linked_directory_is_followed),
        TEST(test_directories_that_cannot_be_used),
        TEST(test_directory_without_permission),
        TEST(test_left_overs_of_a_crash_are_cleared_away),
        TEST(test_replaced_files_are_erased_after_a_crash),
        TEST(test_somebody_elses_lock_on_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
