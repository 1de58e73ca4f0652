/* What goes into a file of the spool, and how its log and its size are kept in bounds. For: single
 * steps; db.h says which belong into a transaction. Not for: when to take them (worker.c). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spool/db_private.h"

/* Rolls the transaction under way back where a step of it failed. */
static enum db_result settle(struct db *db, enum db_result result)
{
    if (result != DB_OK) {
        db_rollback(db);
    }
    return result;
}

enum db_result db_begin(struct db *db, struct err *err)
{
    return db_run(db, DB_BEGIN, "cannot be written", err);
}

enum db_result db_commit(struct db *db, struct err *err)
{
    return settle(db, db_run(db, DB_COMMIT, "cannot be written", err));
}

void db_rollback(struct db *db)
{
    if (sqlite3_get_autocommit(db->sqlite) == 0) {
        db_run(db, DB_ROLLBACK, "cannot be rolled back", NULL);
    }
}

enum db_result db_put_fifo(struct db *db, const struct db_fifo *fifo, struct err *err)
{
    sqlite3_stmt *put = db->statements[DB_PUT_FIFO];

    sqlite3_bind_int64(put, 1, fifo->id);
    sqlite3_bind_text(put, 2, fifo->name.data, (int)fifo->name.len, SQLITE_STATIC);
    sqlite3_bind_int64(put, 3, (int64_t)fifo->oldest);
    sqlite3_bind_blob(put, 4, fifo->removed.len ? fifo->removed.data : "", (int)fifo->removed.len,
                      SQLITE_STATIC);
    sqlite3_bind_int64(put, 5, db_fifo_crc(fifo));
    return settle(db, db_run(db, DB_PUT_FIFO, "cannot be written", err));
}

enum db_result db_delete_fifo(struct db *db, uint32_t id, struct err *err)
{
    sqlite3_bind_int64(db->statements[DB_DELETE_FIFO], 1, id);
    return settle(db, db_run(db, DB_DELETE_FIFO, "cannot be written", err));
}

enum db_result db_put_segment(struct db *db, const struct db_row *row, struct err *err)
{
    sqlite3_stmt *put = db->statements[DB_PUT_SEGMENT];

    sqlite3_bind_int64(put, 1, db_row_id(row->fifo, row->first));
    sqlite3_bind_int64(put, 2, (int64_t)row->last);
    sqlite3_bind_blob64(put, 3, row->head.data, row->head.len, SQLITE_STATIC);
    sqlite3_bind_blob64(put, 4, row->data.len ? row->data.data : "", row->data.len, SQLITE_STATIC);
    return settle(db, db_run(db, DB_PUT_SEGMENT, "cannot be written", err));
}

enum db_result db_delete_segments(struct db *db, uint32_t fifo, uint64_t first, uint64_t end,
                                  struct err *err)
{
    sqlite3_stmt *delete = db->statements[DB_DELETE_SEGMENTS];

    sqlite3_bind_int64(delete, 1, db_row_id(fifo, first));
    sqlite3_bind_int64(delete, 2, db_row_id(fifo, end));
    sqlite3_bind_int64(delete, 3, (int64_t)end);
    return settle(db, db_run(db, DB_DELETE_SEGMENTS, "cannot be written", err));
}

enum db_result db_set_aside(struct db *db, uint32_t fifo, uint64_t first, struct err *err)
{
    int64_t id = db_row_id(fifo, first);
    enum db_result result;

    sqlite3_bind_int64(db->statements[DB_KEEP_DAMAGED], 1, id);
    result = db_run(db, DB_KEEP_DAMAGED, "cannot be written", err);
    if (result == DB_OK) {
        sqlite3_bind_int64(db->statements[DB_DELETE_SEGMENT], 1, id);
        result = db_run(db, DB_DELETE_SEGMENT, "cannot be written", err);
    }
    return settle(db, result);
}

enum db_result db_checkpoint(struct db *db, bool whole, struct err *err)
{
    int mode = whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int rc;

    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, mode, NULL, NULL);
    if (rc == SQLITE_OK) {
        db->wal_size = 0;
    }
    return db_judge(db, rc, "its log cannot be written back", err);
}

enum db_result db_set_bulk(struct db *db, bool bulk, struct err *err)
{
    const char *wanted = bulk ? "persist" : "wal";
    sqlite3_stmt *pragma = NULL;
    const char *got = NULL;
    enum db_result result;
    char text[64];
    int rc;

    if (db->bulk == bulk) {
        return DB_OK;
    }
    snprintf(text, sizeof(text), "PRAGMA journal_mode = %s", wanted);
    errno = 0;
    rc = sqlite3_prepare_v2(db->sqlite, text, -1, &pragma, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(pragma);
    }
    if (rc == SQLITE_ROW) {
        got = (const char *)sqlite3_column_text(pragma, 0);
        rc = got == NULL ? SQLITE_NOMEM : strcmp(got, wanted) == 0 ? SQLITE_OK : SQLITE_BUSY;
    }
    result = db_judge(db, rc, "its journal cannot be changed", err);
    sqlite3_finalize(pragma);
    if (result == DB_OK) {
        db->bulk = bulk;
        db->wal_size = 0;
    }
    return result;
}

bool db_is_bulk(const struct db *db)
{
    return db->bulk;
}

enum db_result db_make_readable(struct db *db, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_exec(db->sqlite, "PRAGMA schema_version", NULL, NULL, NULL);
    switch (rc) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_IOERR_NOMEM:
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
        (void)db_judge(db, rc, "a transaction cannot be taken back", err);
        return DB_LATER;
    default:
        return DB_OK;
    }
}

bool db_wal_is_long(const struct db *db)
{
    return db->wal_size > db->wal_limit;
}

/* The one number that a pragma gives. */
static enum db_result ask(struct db *db, enum db_statement which, uint64_t *out_number,
                          struct err *err)
{
    sqlite3_stmt *statement = db->statements[which];
    int rc;

    errno = 0;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *out_number = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_reset(statement);
    return db_judge(db, rc, "cannot be read", err);
}

enum db_result db_measure(struct db *db, uint64_t *out_bytes, uint64_t *out_free, struct err *err)
{
    uint64_t pages = 0, free_pages = 0;
    enum db_result result = ask(db, DB_PAGES, &pages, err);

    if (result == DB_OK) {
        result = ask(db, DB_FREE_PAGES, &free_pages, err);
    }
    if (result == DB_OK) {
        *out_bytes = pages * DB_PAGE_SIZE;
        *out_free = free_pages * DB_PAGE_SIZE;
    }
    return result;
}

enum db_result db_shrink(struct db *db, uint64_t bytes, struct err *err)
{
    char text[64];

    errno = 0;
    snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%" PRIu64 ")",
             bytes / DB_PAGE_SIZE + 1);
    return db_judge(db, sqlite3_exec(db->sqlite, text, NULL, NULL, NULL), "cannot be shrunk", err);
}
