/* Copying a file that may be damaged. For: every segment that a walk from either end can reach. Not
 * for: pages that only a reader of raw pages finds (the operator has `.recover` of SQLite's shell,
 * and the file). */
#include "spool/salvage.h"

#include <errno.h>
#include <stdlib.h>

#include "spool/db_private.h"

enum {
    TRANSACTION_BYTES = 4 * 1024 * 1024,
    PART_BYTES = 4096, /* of a row that cannot be read at once */
};

/* A copy under way. */
struct copy {
    struct db *from;
    struct db *to;
    struct err *err;
    struct salvage salvage;
    enum db_result result; /* of `to` */
    uint64_t open_bytes;   /* in the transaction under way */
    bool up;               /* the walk goes from low numbers to high ones */
    sqlite3_stmt *row;     /* the next row */
    sqlite3_stmt *range;   /* its numbers alone, which need fewer pages */
    sqlite3_stmt *head;    /* the head of a row */
};

/* Where a walk over the segments stands. */
enum step { STEP_ROW, STEP_END, STEP_STUCK };

/* Copies a row as it is: a bad one is put aside and counted when the new file is opened. */
static void put(struct copy *copy, const struct db_row *row)
{
    copy->result = db_put_segment(copy->to, row, copy->err);
    copy->open_bytes += row->head.len + row->data.len;
    copy->salvage.segments++;
    if (copy->result == DB_OK && copy->open_bytes > TRANSACTION_BYTES) {
        copy->open_bytes = 0;
        copy->result = db_commit(copy->to, copy->err);
        if (copy->result == DB_OK && db_wal_is_long(copy->to)) {
            copy->result = db_checkpoint(copy->to, false, copy->err);
        }
        if (copy->result == DB_OK) {
            copy->result = db_begin(copy->to, copy->err);
        }
    }
}

/* Steps to a row and takes over its number. One that is not beyond *at comes from a damaged tree,
 * in which a walk would go in circles. */
static int step_to(const struct copy *copy, sqlite3_stmt *statement, int64_t *at)
{
    int64_t before = *at;
    int rc;

    sqlite3_bind_int64(statement, 1, before);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(statement, 0);
        if (copy->up ? id <= before : id >= before) {
            return SQLITE_CORRUPT;
        }
        *at = id;
    }
    return rc;
}

/* The data of a row as far as they can be reached, zeros behind; NULL: none, or no memory. */
static char *read_part(const struct copy *copy, int64_t id, size_t *out_len)
{
    sqlite3_blob *blob = NULL;
    char *data = NULL;
    int len = 0;

    if (sqlite3_blob_open(copy->from->sqlite, "main", "segment", "data", id, 0, &blob) ==
        SQLITE_OK) {
        len = sqlite3_blob_bytes(blob);
        data = calloc(1, (size_t)len + 1);
    }
    for (int at = 0; data != NULL && at < len; at += PART_BYTES) {
        int part = len - at < PART_BYTES ? len - at : PART_BYTES;
        if (sqlite3_blob_read(blob, data + at, part, at) != SQLITE_OK) {
            break;
        }
    }
    sqlite3_blob_close(blob);
    *out_len = (size_t)len;
    return data;
}

/* Copies what can be had of the next row after *at, which cannot be read as a whole. */
static enum step advance_over(struct copy *copy, int64_t *at)
{
    struct db_row row = {.head = SLICE(""), .data = SLICE("")};
    int rc = step_to(copy, copy->range, at);
    size_t len;
    char *data;

    copy->salvage.complete = false;
    if (rc != SQLITE_ROW) {
        sqlite3_reset(copy->range);
        return STEP_STUCK;
    }
    row.fifo = db_row_fifo(*at);
    row.first = db_row_seq(*at);
    row.last = (uint64_t)sqlite3_column_int64(copy->range, 1);
    sqlite3_reset(copy->range);
    data = read_part(copy, *at, &len);
    sqlite3_bind_int64(copy->head, 1, *at);
    if (sqlite3_step(copy->head) == SQLITE_ROW) {
        row.head = db_column(copy->head, 0);
    }
    if (data != NULL) {
        row.data = slice_make(data, len);
    }
    put(copy, &row);
    sqlite3_reset(copy->head);
    free(data);
    return STEP_ROW;
}

/* Copies the next row after *at, and moves *at to it. */
static enum step advance(struct copy *copy, int64_t *at)
{
    struct db_row row;
    int64_t before = *at;
    int rc = step_to(copy, copy->row, at);

    if (rc == SQLITE_ROW) {
        row = (struct db_row){.fifo = db_row_fifo(*at),
                              .first = db_row_seq(*at),
                              .last = (uint64_t)sqlite3_column_int64(copy->row, 1),
                              .head = db_column(copy->row, 2),
                              .data = db_column(copy->row, 3)};
        if (db_column_failed(copy->from)) {
            rc = SQLITE_NOMEM;
        } else {
            put(copy, &row);
        }
    }
    sqlite3_reset(copy->row);
    if ((rc & 0xff) == SQLITE_NOMEM) {
        copy->result = db_judge(copy->from, rc, "cannot be read", copy->err);
        return STEP_STUCK;
    }
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        return rc == SQLITE_ROW ? STEP_ROW : STEP_END;
    }
    *at = before;
    return advance_over(copy, at);
}

static void finalize(struct copy *copy)
{
    sqlite3_finalize(copy->row);
    sqlite3_finalize(copy->range);
    sqlite3_finalize(copy->head);
    copy->row = copy->range = copy->head = NULL;
}

/* Walks from *at to the end, or (down) back to `until`. False: it got stuck. */
static bool walk(struct copy *copy, bool up, int64_t *at, int64_t until)
{
    static const char *const texts[2][2] = {
        {"SELECT id, last, head, data FROM segment WHERE id < ?1 ORDER BY id DESC LIMIT 1",
         "SELECT id, last FROM segment WHERE id < ?1 ORDER BY id DESC LIMIT 1"},
        {"SELECT id, last, head, data FROM segment WHERE id > ?1 ORDER BY id LIMIT 1",
         "SELECT id, last FROM segment WHERE id > ?1 ORDER BY id LIMIT 1"}};
    static const char head[] = "SELECT head FROM segment WHERE id = ?1";
    sqlite3 *sqlite = copy->from->sqlite;
    enum step step = STEP_STUCK;

    copy->up = up;
    if (sqlite3_prepare_v2(sqlite, texts[up][0], -1, &copy->row, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(sqlite, texts[up][1], -1, &copy->range, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(sqlite, head, -1, &copy->head, NULL) == SQLITE_OK) {
        do {
            step = advance(copy, at);
        } while (copy->result == DB_OK && step == STEP_ROW && (up || *at > until));
    }
    finalize(copy);
    return step != STEP_STUCK;
}

static void copy_fifos(struct copy *copy)
{
    sqlite3_stmt *rows = NULL;
    int rc = sqlite3_prepare_v2(copy->from->sqlite,
                                "SELECT id, name, oldest, removed, crc FROM fifo", -1, &rows, NULL);

    while (rc == SQLITE_OK || (rc == SQLITE_ROW && copy->result == DB_OK)) {
        rc = sqlite3_step(rows);
        if (rc == SQLITE_ROW) {
            struct db_fifo fifo = {.id = (uint32_t)sqlite3_column_int64(rows, 0),
                                   .name = db_column(rows, 1),
                                   .oldest = (uint64_t)sqlite3_column_int64(rows, 2),
                                   .removed = db_column(rows, 3)};
            if (sqlite3_column_int64(rows, 4) == db_fifo_crc(&fifo)) {
                copy->result = db_put_fifo(copy->to, &fifo, copy->err);
            } else {
                copy->salvage.complete = false;
            }
        }
    }
    copy->salvage.complete = copy->salvage.complete && rc == SQLITE_DONE;
    sqlite3_finalize(rows);
}

/* Copies what was put aside, so that it is there for whoever wants to look at it. */
static void copy_damaged(struct copy *copy)
{
    static const char take[] = "SELECT id, last, head, data FROM damaged";
    static const char give[] = "INSERT INTO damaged (id, last, head, data) VALUES (?1, ?2, ?3, ?4)";
    sqlite3_stmt *from = NULL, *to = NULL;
    int rc = sqlite3_prepare_v2(copy->from->sqlite, take, -1, &from, NULL);
    int put = sqlite3_prepare_v2(copy->to->sqlite, give, -1, &to, NULL);

    errno = 0;
    while (put == SQLITE_OK && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = sqlite3_step(from);
        for (int column = 0; rc == SQLITE_ROW && column < 4; column++) {
            sqlite3_bind_value(to, column + 1, sqlite3_column_value(from, column));
        }
        if (rc == SQLITE_ROW) {
            put = sqlite3_step(to) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(copy->to->sqlite);
            sqlite3_reset(to);
        }
    }
    copy->result = db_judge(copy->to, put, "cannot be written", copy->err);
    copy->salvage.complete = copy->salvage.complete && rc == SQLITE_DONE;
    sqlite3_finalize(from);
    sqlite3_finalize(to);
}

enum db_result salvage_copy(struct db *from, struct db *to, struct salvage *out_salvage,
                            struct err *err)
{
    struct copy copy = {.from = from, .to = to, .err = err, .salvage = {.complete = true}};
    int64_t up = 0, down = INT64_MAX;

    db_end(from);
    copy.result = db_make_readable(from, err);
    if (copy.result == DB_OK) {
        copy.result = db_begin(to, err);
    }
    if (copy.result == DB_OK) {
        copy_fifos(&copy);
    }
    if (copy.result == DB_OK) {
        copy_damaged(&copy);
    }
    if (copy.result == DB_OK && !walk(&copy, true, &up, 0) && copy.result == DB_OK) {
        copy.salvage.complete = false;
        walk(&copy, false, &down, up);
    }
    if (copy.result == DB_OK) {
        copy.result = db_commit(to, err);
    }
    db_rollback(to);
    *out_salvage = copy.salvage;
    return copy.result;
}
