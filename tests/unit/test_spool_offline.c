/* Can an operator list, export and purge what is in a spool while no daemon runs, also where part
 * of it is damaged? */
#include "spool/offline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_rig.h"

/* Two queues: "kept" with 101 to 300 but for the even ones to 150, "gone" with 1 to 50. */
static void make_spool(struct spool_rig *rig)
{
    struct spool_queue kept, gone;

    spool_rig_open(rig);
    spool_queue_open(&kept, rig, "kept");
    spool_queue_fill(&kept, 300);
    spool_fifo_remove_upto(kept.fifo, 100);
    for (uint64_t seq = 102; seq <= 150; seq += 2) {
        spool_fifo_remove(kept.fifo, seq);
    }
    spool_queue_open(&gone, rig, "gone");
    spool_queue_fill(&gone, 50);
    spool_rig_close(rig);
}

static struct offline *open_offline(struct spool_rig *rig)
{
    struct offline *offline;

    if (offline_open(rig->directory, &offline, &rig->err) != SPOOL_OPENED) {
        fail_msg("%s", rig->err.text);
    }
    return offline;
}

struct exported {
    const char *name;
    uint64_t count;
    uint64_t before;  /* the last number */
    uint64_t stop_at; /* records; 0: never */
};

static int on_record(void *ctx, const struct spool_record *record)
{
    struct exported *exported = ctx;
    struct strbuf body = STRBUF_INIT;

    spool_queue_body(exported->name, record->seq, &body);
    assert_true(slice_equal(record->body, strbuf_slice(&body)));
    strbuf_fini(&body);
    assert_true(record->seq > exported->before);
    exported->before = record->seq;
    exported->count++;
    return exported->count == exported->stop_at ? -1 : 0;
}

static void test_lists_what_is_there(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_fifo_info info;
    struct offline *offline;

    make_spool(rig);
    offline = open_offline(rig);
    assert_string_equal(offline_notes(offline), "");
    assert_int_equal(offline_list(offline, 0, &info), 0);
    assert_string_equal(info.name, "kept");
    assert_int_equal(info.count, 175);
    assert_int_equal(info.first, 101);
    assert_int_equal(info.next, 301);
    assert_true(info.bytes > 175 * 32);
    assert_int_equal(offline_list(offline, 1, &info), 0);
    assert_string_equal(info.name, "gone");
    assert_int_equal(info.count, 50);
    assert_int_equal(offline_list(offline, 2, &info), -1);
    offline_close(offline);
}

static void test_exports_in_order_and_changes_nothing(void **state)
{
    struct spool_rig *rig = *state;
    struct exported exported = {.name = "kept"};
    struct offline *offline;
    uint64_t lost = 9;

    make_spool(rig);
    offline = open_offline(rig);
    for (int round = 0; round < 2; round++) {
        exported = (struct exported){.name = "kept"};
        assert_int_equal(offline_export(offline, "kept", on_record, &exported, &lost, &rig->err),
                         0);
        assert_int_equal(exported.count, 175);
        assert_int_equal(lost, 0);
    }
    exported = (struct exported){.name = "gone", .stop_at = 7};
    assert_int_equal(offline_export(offline, "gone", on_record, &exported, &lost, &rig->err), -1);
    assert_int_equal(exported.count, 7);
    assert_int_equal(offline_export(offline, "other", on_record, &exported, &lost, &rig->err), -1);
    assert_non_null(strstr(rig->err.text, "no queue \"other\""));
    offline_close(offline);
}

static void test_purges_one_and_keeps_the_other(void **state)
{
    struct spool_rig *rig = *state;
    struct exported exported = {.name = "gone"};
    struct spool_fifo_info info;
    struct spool_queue queue;
    struct offline *offline;
    uint64_t count, lost;

    make_spool(rig);
    offline = open_offline(rig);
    assert_int_equal(offline_purge(offline, "gone", &count, &rig->err), 0);
    assert_int_equal(count, 50);
    assert_int_equal(offline_list(offline, 1, &info), 0);
    assert_int_equal(info.count, 0);
    assert_int_equal(offline_export(offline, "gone", on_record, &exported, &lost, &rig->err), 0);
    assert_int_equal(exported.count, 0);
    assert_int_equal(offline_purge(offline, "nobody", &count, &rig->err), -1);
    offline_close(offline);
    offline = open_offline(rig);
    assert_int_equal(offline_list(offline, 0, &info), 0);
    assert_int_equal(info.count, 175);
    assert_int_equal(offline_list(offline, 1, &info), -1);
    offline_close(offline);
    /* The daemon finds the same, and the name is free again. */
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "gone");
    spool_queue_fill(&queue, 5);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, 5);
}

/* Of the last record of the first queue. */
static void flip_last_byte(const struct spool_rig *rig)
{
    sqlite3_stmt *last;
    sqlite3_blob *blob;
    unsigned char byte;
    sqlite3 *db;
    int at;

    assert_int_equal(sqlite3_open(spool_rig_path(rig, "spool-1.db"), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT max(id) FROM segment WHERE id < 2 << 48", -1, &last, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(last), SQLITE_ROW);
    assert_int_equal(
        sqlite3_blob_open(db, "main", "segment", "data", sqlite3_column_int64(last, 0), 1, &blob),
        SQLITE_OK);
    sqlite3_finalize(last);
    at = sqlite3_blob_bytes(blob) - 1;
    assert_int_equal(sqlite3_blob_read(blob, &byte, 1, at), SQLITE_OK);
    byte ^= 0x20;
    assert_int_equal(sqlite3_blob_write(blob, &byte, 1, at), SQLITE_OK);
    assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    sqlite3_close(db);
}

static void test_damage_is_told_and_passed_over(void **state)
{
    struct spool_rig *rig = *state;
    struct exported exported = {.name = "kept"};
    struct offline *offline;
    uint64_t lost;

    make_spool(rig);
    flip_last_byte(rig);
    offline = open_offline(rig);
    assert_int_equal(offline_export(offline, "kept", on_record, &exported, &lost, &rig->err), 0);
    assert_int_equal(exported.count, 174);
    assert_int_equal(lost, 1);
    offline_close(offline);
    assert_int_equal(truncate(spool_rig_path(rig, "spool-1.db"), 5000), 0);
    offline = open_offline(rig);
    assert_non_null(strstr(offline_notes(offline), "kept as spool-1.db.damaged"));
    offline_close(offline);
}

static void test_makes_no_directory(void **state)
{
    struct spool_rig *rig = *state;
    struct offline *offline;
    char missing[128];
    struct stat st;

    snprintf(missing, sizeof(missing), "%s", spool_rig_path(rig, "missing"));
    assert_int_equal(offline_open(missing, &offline, &rig->err), SPOOL_FAILED);
    assert_non_null(strstr(rig->err.text, missing));
    assert_int_equal(stat(missing, &st), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, spool_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lists_what_is_there),
        TEST(test_exports_in_order_and_changes_nothing),
        TEST(test_purges_one_and_keeps_the_other),
        TEST(test_damage_is_told_and_passed_over),
        TEST(test_makes_no_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
