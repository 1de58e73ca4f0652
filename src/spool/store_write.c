/* What goes into a file of the spool, and how its log and its size are kept in bounds. For: single
 * steps; store.h says which belong into a transaction. Not for: when to take them (worker.c). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "spool/store_private.h"

/* Rolls the transaction under way back where a step of it failed. */
static enum store_result settle(struct store *store, enum store_result result)
{
    if (result != STORE_OK) {
        store_rollback(store);
    }
    return result;
}

enum store_result store_begin(struct store *store, struct err *err)
{
    return store_run(store, STORE_BEGIN, "cannot be written", err);
}

enum store_result store_commit(struct store *store, struct err *err)
{
    return settle(store, store_run(store, STORE_COMMIT, "cannot be written", err));
}

void store_rollback(struct store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        store_run(store, STORE_ROLLBACK, "cannot be rolled back", NULL);
    }
}

enum store_result store_put_fifo(struct store *store, const struct store_fifo *fifo,
                                 struct err *err)
{
    sqlite3_stmt *put = store->statements[STORE_PUT_FIFO];

    sqlite3_bind_int64(put, 1, fifo->id);
    sqlite3_bind_text(put, 2, fifo->name.data, (int)fifo->name.len, SQLITE_STATIC);
    sqlite3_bind_int64(put, 3, (int64_t)fifo->oldest);
    sqlite3_bind_blob(put, 4, fifo->removed.len ? fifo->removed.data : "", (int)fifo->removed.len,
                      SQLITE_STATIC);
    sqlite3_bind_int64(put, 5, store_fifo_crc(fifo));
    return settle(store, store_run(store, STORE_PUT_FIFO, "cannot be written", err));
}

enum store_result store_delete_fifo(struct store *store, uint32_t id, struct err *err)
{
    sqlite3_bind_int64(store->statements[STORE_DELETE_FIFO], 1, id);
    return settle(store, store_run(store, STORE_DELETE_FIFO, "cannot be written", err));
}

enum store_result store_put_segment(struct store *store, const struct store_row *row,
                                    struct err *err)
{
    sqlite3_stmt *put = store->statements[STORE_PUT_SEGMENT];

    sqlite3_bind_int64(put, 1, store_row_id(row->fifo, row->first));
    sqlite3_bind_int64(put, 2, (int64_t)row->last);
    sqlite3_bind_blob64(put, 3, row->head.data, row->head.len, SQLITE_STATIC);
    sqlite3_bind_blob64(put, 4, row->data.len ? row->data.data : "", row->data.len, SQLITE_STATIC);
    return settle(store, store_run(store, STORE_PUT_SEGMENT, "cannot be written", err));
}

enum store_result store_delete_segments(struct store *store, uint32_t fifo, uint64_t first,
                                        uint64_t end, struct err *err)
{
    sqlite3_stmt *delete = store->statements[STORE_DELETE_SEGMENTS];

    sqlite3_bind_int64(delete, 1, store_row_id(fifo, first));
    sqlite3_bind_int64(delete, 2, store_row_id(fifo, end));
    sqlite3_bind_int64(delete, 3, (int64_t)end);
    return settle(store, store_run(store, STORE_DELETE_SEGMENTS, "cannot be written", err));
}

enum store_result store_set_aside(struct store *store, uint32_t fifo, uint64_t first,
                                  struct err *err)
{
    int64_t id = store_row_id(fifo, first);
    enum store_result result;

    sqlite3_bind_int64(store->statements[STORE_KEEP_DAMAGED], 1, id);
    result = store_run(store, STORE_KEEP_DAMAGED, "cannot be written", err);
    if (result == STORE_OK) {
        sqlite3_bind_int64(store->statements[STORE_DELETE_SEGMENT], 1, id);
        result = store_run(store, STORE_DELETE_SEGMENT, "cannot be written", err);
    }
    return settle(store, result);
}

enum store_result store_checkpoint(struct store *store, bool whole, struct err *err)
{
    int mode = whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    int rc;

    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, NULL, NULL);
    if (rc == SQLITE_OK) {
        store->wal_size = 0;
    }
    return store_judge(store, rc, "its log cannot be written back", err);
}

bool store_wal_is_long(const struct store *store)
{
    return store->wal_size > store->wal_limit;
}

/* The one number that a pragma gives. */
static enum store_result ask(struct store *store, enum store_statement which, uint64_t *out_number,
                             struct err *err)
{
    sqlite3_stmt *statement = store->statements[which];
    int rc;

    errno = 0;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *out_number = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    sqlite3_reset(statement);
    return store_judge(store, rc, "cannot be read", err);
}

enum store_result store_measure(struct store *store, uint64_t *out_bytes, uint64_t *out_free,
                                struct err *err)
{
    uint64_t pages = 0, free_pages = 0;
    enum store_result result = ask(store, STORE_PAGES, &pages, err);

    if (result == STORE_OK) {
        result = ask(store, STORE_FREE_PAGES, &free_pages, err);
    }
    if (result == STORE_OK) {
        *out_bytes = pages * STORE_PAGE_SIZE;
        *out_free = free_pages * STORE_PAGE_SIZE;
    }
    return result;
}

enum store_result store_shrink(struct store *store, uint64_t bytes, struct err *err)
{
    char text[64];

    errno = 0;
    snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%" PRIu64 ")",
             bytes / STORE_PAGE_SIZE + 1);
    return store_judge(store, sqlite3_exec(store->db, text, NULL, NULL, NULL), "cannot be shrunk",
                       err);
}
