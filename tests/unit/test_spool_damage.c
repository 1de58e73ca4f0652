/* Whatever happens to the bytes of the spool's file: is no wrong record given back, is every record
 * either there or counted as lost, and does the spool go on? */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "spool/db.h"
#include "spool/salvage.h"
#include "spool_rig.h"

enum { RECORDS = 600, HEADER = 100 };

/* The file of an orderly end. */
struct image {
    char *data;
    size_t len;
};

static struct image read_image(const char *path)
{
    struct image image;
    struct stat st;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    image.len = (size_t)st.st_size;
    image.data = malloc(image.len + 1);
    assert_non_null(image.data);
    assert_int_equal(fread(image.data, 1, image.len, file), image.len);
    fclose(file);
    return image;
}

static void write_image(const char *path, const char *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* A spool of RECORDS records in segments of different sizes, a few of them removed. */
static struct image make_image(struct spool_rig *rig)
{
    struct spool_queue queue;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    for (int i = 1; i <= 10; i++) {
        spool_queue_fill(&queue, (uint64_t)(i < 10 ? i * 8 : RECORDS - 360));
        spool_queue_wait_durable(&queue);
    }
    spool_rig_close(rig);
    return read_image(spool_rig_path(rig, "spool-1.db"));
}

/* Empties the directory but for spool-1.db, which gets these bytes. */
static void put_image(struct spool_rig *rig, const char *data, size_t len)
{
    char name[64];

    for (int i = 1; i <= 4; i++) {
        static const char *const suffixes[] = {"", "-wal", ".damaged", ".damaged-wal"};
        for (size_t s = 0; s < 4; s++) {
            snprintf(name, sizeof(name), "spool-%d.db%s", i, suffixes[s]);
            unlink(spool_rig_path(rig, name));
        }
    }
    write_image(spool_rig_path(rig, "spool-1.db"), data, len);
}

/* What became of the records. */
struct toll {
    bool refused;   /* by words */
    uint64_t there; /* came back right */
    uint64_t lost;  /* counted as lost */
};

/* Opens, reads all, appends some more and opens again. */
static struct toll survey(struct spool_rig *rig)
{
    struct toll toll = {0};
    struct spool_queue queue;
    struct spool_fifo_info info;

    if (spool_rig_try(rig) != SPOOL_OPENED) {
        toll.refused = true;
        return toll;
    }
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    spool_queue_read_all(&queue, info.first);
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, queue.read);
    toll.there = queue.read;
    toll.lost = info.lost;
    spool_queue_fill(&queue, 3);
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, toll.there + 3);
    spool_queue_read_all(&queue, info.first);
    assert_int_equal(queue.read, toll.there + 3);
    spool_rig_abort(rig);
    return toll;
}

static bool was_kept(const struct spool_rig *rig)
{
    struct stat st;

    return stat(spool_rig_path(rig, "spool-1.db.damaged"), &st) == 0;
}

static void test_flipped_bytes(void **state)
{
    struct spool_rig *rig = *state;
    struct image image = make_image(rig);
    unsigned refused = 0, hurt = 0, unhurt = 0, kept = 0;
    struct rand rand;
    struct toll toll;

    rand_init_seed(&rand, 11);
    for (int round = 0; round < 260; round++) {
        /* All of the header, then anywhere. */
        size_t at = round < HEADER ? (size_t)round : (size_t)rand_below(&rand, image.len);
        char mask = (char)(1 << rand_below(&rand, 7));
        image.data[at] = (char)(image.data[at] ^ mask);
        put_image(rig, image.data, image.len);
        image.data[at] = (char)(image.data[at] ^ mask);
        toll = survey(rig);
        if (toll.refused) {
            assert_true(at < HEADER);
            assert_non_null(strstr(rig->err.text, "spool-1.db"));
            refused++;
            continue;
        }
        if (toll.there == RECORDS) {
            unhurt++;
            continue;
        }
        hurt++;
        kept += was_kept(rig);
        if (toll.there + toll.lost != RECORDS && !was_kept(rig)) {
            fail_msg("byte %zu: %llu there, %llu lost", at, (unsigned long long)toll.there,
                     (unsigned long long)toll.lost);
        }
    }
    assert_true(refused > 0 && refused < HEADER && hurt > 20 && unhurt > 0 && kept > 0);
    free(image.data);
}

static void test_cut_at_any_offset(void **state)
{
    struct spool_rig *rig = *state;
    struct image image = make_image(rig);
    struct rand rand;
    struct toll toll;
    unsigned some = 0;

    rand_init_seed(&rand, 12);
    for (int round = 0; round < 130; round++) {
        size_t len = (size_t)rand_below(&rand, image.len);
        len = round < 20 ? (size_t)round : round < 40 ? (size_t)(round - 20) * 512 : len;
        put_image(rig, image.data, len);
        toll = survey(rig);
        if (toll.refused) {
            fail_msg("cut at %zu: %s", len, rig->err.text);
        }
        /* A page at the end that was free is no loss. */
        assert_true(was_kept(rig) || toll.there == RECORDS);
        some += toll.there > 0;
    }
    assert_true(some > 10);
    free(image.data);
}

static void test_zeros_at_the_end_and_elsewhere(void **state)
{
    struct spool_rig *rig = *state;
    struct image image = make_image(rig);
    char *copy = malloc(image.len);
    struct rand rand;
    struct toll toll;

    assert_non_null(copy);
    rand_init_seed(&rand, 13);
    for (int round = 0; round < 60; round++) {
        size_t from = (size_t)rand_below(&rand, image.len);
        size_t len = round % 2 ? image.len - from : (size_t)rand_below(&rand, image.len - from);
        memcpy(copy, image.data, image.len);
        memset(copy + (round == 1 ? 0 : from), 0, round == 1 ? image.len : len);
        put_image(rig, copy, image.len);
        toll = survey(rig);
        if (toll.refused) {
            assert_true(from < HEADER);
            continue;
        }
        assert_true(toll.there == RECORDS || toll.lost > 0 || was_kept(rig));
    }
    free(copy);
    free(image.data);
}

static void test_damage_is_counted_exactly_and_told(void **state)
{
    struct spool_rig *rig = *state;
    struct image image = make_image(rig);
    struct spool_queue queue;
    struct spool_fifo_info info;
    struct strbuf body = STRBUF_INIT;
    char *at;

    spool_queue_body("q", 136, &body);
    assert_true(body.len > 150);
    at = memmem(image.data, image.len, body.data, 100);
    assert_non_null(at);
    at[70] ^= 1;
    put_image(rig, image.data, image.len);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, RECORDS - 1);
    assert_int_equal(queue.lost, 1);
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, RECORDS - 1);
    assert_int_equal(info.lost, 1);
    spool_rig_close(rig);
    /* Counted once. */
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, RECORDS - 1);
    assert_int_equal(info.lost, 0);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, RECORDS - 1);
    assert_int_equal(queue.lost, 0);
    strbuf_fini(&body);
    free(image.data);
}

static void test_damaged_head_costs_its_segment_only(void **state)
{
    struct spool_rig *rig = *state;
    struct image image = make_image(rig);
    struct spool_queue queue;
    struct spool_fifo_info info;
    static const char head[] = "CSEG\1\0\1\0\x19\0\0\0\0\0\0\0"; /* of records 25 to 48 */
    char *at = image.data;

    /* Pages that are out of use may have a copy. */
    while ((at = memmem(at, (size_t)(image.data + image.len - at), head, 16)) != NULL) {
        at[16] ^= 1; /* its count */
        at++;
    }
    put_image(rig, image.data, image.len);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.lost, 24);
    assert_int_equal(info.count, RECORDS - info.lost);
    spool_queue_read_all(&queue, 1);
    assert_int_equal(queue.read, info.count);
    spool_rig_turn(rig, 0);
    assert_non_null(strstr(strbuf_text(&rig->notices), "damaged or missing"));
    spool_rig_close(rig);
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.lost, 0);
    free(image.data);
}

static void test_log_cut_or_flipped(void **state)
{
    struct spool_rig *rig = *state;
    struct image image, log;
    struct spool_queue queue;
    struct rand rand;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    for (int i = 0; i < 30; i++) {
        spool_queue_fill(&queue, RECORDS / 30);
        spool_queue_wait_durable(&queue);
    }
    spool_rig_abort(rig);
    image = read_image(spool_rig_path(rig, "spool-1.db"));
    log = read_image(spool_rig_path(rig, "spool-1.db-wal"));
    assert_true(log.len > 30 * 8192);
    rand_init_seed(&rand, 14);
    for (int round = 0; round < 80; round++) {
        size_t at = (size_t)rand_below(&rand, log.len);
        struct toll toll;
        log.data[at] ^= 4;
        put_image(rig, image.data, image.len);
        write_image(spool_rig_path(rig, "spool-1.db-wal"), log.data, round % 2 ? at : log.len);
        log.data[at] ^= 4;
        /* A log that is cut is a log of less; what is there is a beginning, and in order. */
        toll = survey(rig);
        assert_false(toll.refused);
        assert_int_equal(toll.lost, 0);
        assert_int_equal(toll.there % (RECORDS / 30), 0);
    }
    free(image.data);
    free(log.data);
}

static int count_damaged(const char *path)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int count = -1;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*), sum(id) FROM damaged WHERE head = x'00ff'", -1,
                           &statement, NULL),
        SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 1) == 3) {
        count = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

/* What was put aside goes along when a file is given up. */
static void test_what_was_put_aside_is_copied(void **state)
{
    static const struct db_terms terms = {.wal_limit = 1024 * 1024};
    struct spool_rig *rig = *state;
    struct salvage salvage;
    struct db *from, *to;
    char path[2][128];
    sqlite3 *db;

    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof(path[i]), "%s", spool_rig_path(rig, i ? "to" : "from"));
        fclose(fopen(path[i], "wb"));
        assert_int_equal(db_create(path[i], NULL, &rig->err), DB_OK);
    }
    assert_int_equal(sqlite3_open(path[0], &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO damaged VALUES (1, 2, x'00ff', x'01');"
                                  "INSERT INTO damaged VALUES (2, NULL, x'00ff', NULL)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(db_open(path[0], &terms, &from, &rig->err), DB_OK);
    assert_int_equal(db_open(path[1], &terms, &to, &rig->err), DB_OK);
    assert_int_equal(salvage_copy(from, to, &salvage, &rig->err), DB_OK);
    assert_true(salvage.complete);
    assert_int_equal(db_close(from, false, &rig->err), DB_OK);
    assert_int_equal(db_close(to, true, &rig->err), DB_OK);
    assert_int_equal(count_damaged(path[1]), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, spool_rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_flipped_bytes),
        TEST(test_cut_at_any_offset),
        TEST(test_zeros_at_the_end_and_elsewhere),
        TEST(test_damage_is_counted_exactly_and_told),
        TEST(test_damaged_head_costs_its_segment_only),
        TEST(test_log_cut_or_flipped),
        TEST(test_what_was_put_aside_is_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
