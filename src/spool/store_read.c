/* Reading segments back from a file of the spool, in order. For: rows as they are. Not for:
 * believing them (segment.c verifies the checksums). */
#include <errno.h>

#include "spool/store_private.h"

int store_seek(struct store *store, uint32_t fifo, uint64_t from, struct err *err)
{
    sqlite3_stmt *seek = store->statements[STORE_SEEK];
    sqlite3_stmt *rows = store->statements[STORE_ROWS];
    int64_t start = store_row_id(fifo, from);
    int rc;

    store_end(store);
    errno = 0;
    sqlite3_bind_int64(seek, 1, store_row_id(fifo, 0));
    sqlite3_bind_int64(seek, 2, start);
    rc = sqlite3_step(seek);
    if (rc == SQLITE_ROW && sqlite3_column_type(seek, 0) == SQLITE_INTEGER) {
        start = sqlite3_column_int64(seek, 0);
    }
    sqlite3_reset(seek);
    store->row_floor = start;
    sqlite3_bind_int64(rows, 1, start);
    sqlite3_bind_int64(rows, 2, store_row_id(fifo + 1, 0));
    return store_judge(store, rc, "cannot be read", err);
}

int store_next(struct store *store, struct store_row *out_row, struct err *err)
{
    sqlite3_stmt *rows = store->statements[STORE_ROWS];
    int64_t id;
    int rc;

    errno = 0;
    rc = sqlite3_step(rows);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(rows);
        return store_judge(store, rc, "cannot be read", err);
    }
    id = sqlite3_column_int64(rows, 0);
    if (id < store->row_floor) {
        store_end(store);
        return store_judge(store, SQLITE_CORRUPT, "cannot be read in order", err);
    }
    store->row_floor = id + 1;
    out_row->fifo = store_row_fifo(id);
    out_row->first = store_row_seq(id);
    out_row->last = (uint64_t)sqlite3_column_int64(rows, 1);
    out_row->head = store_column(rows, 2);
    out_row->data = store_column(rows, 3);
    if (store_column_failed(store)) {
        store_end(store);
        return store_judge(store, SQLITE_NOMEM, "cannot be read", err);
    }
    return 1;
}

void store_end(struct store *store)
{
    sqlite3_reset(store->statements[STORE_ROWS]);
}
