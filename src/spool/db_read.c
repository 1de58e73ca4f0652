/* Reading segments back from a file of the spool, in order. For: rows as they are. Not for:
 * believing them (segment.c verifies the checksums). */
#include <errno.h>

#include "spool/db_private.h"

int db_seek(struct db *db, uint32_t fifo, uint64_t from, struct err *err)
{
    sqlite3_stmt *seek = db->statements[DB_SEEK];
    sqlite3_stmt *rows = db->statements[DB_ROWS];
    int64_t start = db_row_id(fifo, from);
    int rc;

    db_end(db);
    errno = 0;
    sqlite3_bind_int64(seek, 1, db_row_id(fifo, 0));
    sqlite3_bind_int64(seek, 2, start);
    rc = sqlite3_step(seek);
    if (rc == SQLITE_ROW && sqlite3_column_type(seek, 0) == SQLITE_INTEGER) {
        start = sqlite3_column_int64(seek, 0);
    }
    sqlite3_reset(seek);
    db->row_floor = start;
    sqlite3_bind_int64(rows, 1, start);
    sqlite3_bind_int64(rows, 2, db_row_id(fifo + 1, 0));
    return db_judge(db, rc, "cannot be read", err);
}

int db_next(struct db *db, struct db_row *out_row, struct err *err)
{
    sqlite3_stmt *rows = db->statements[DB_ROWS];
    int64_t id;
    int rc;

    errno = 0;
    rc = sqlite3_step(rows);
    if (rc != SQLITE_ROW) {
        sqlite3_reset(rows);
        return db_judge(db, rc, "cannot be read", err);
    }
    id = sqlite3_column_int64(rows, 0);
    if (id < db->row_floor) {
        db_end(db);
        return db_judge(db, SQLITE_CORRUPT, "cannot be read in order", err);
    }
    db->row_floor = id + 1;
    out_row->fifo = db_row_fifo(id);
    out_row->first = db_row_seq(id);
    out_row->last = (uint64_t)sqlite3_column_int64(rows, 1);
    out_row->head = db_column(rows, 2);
    out_row->data = db_column(rows, 3);
    if (db_column_failed(db)) {
        db_end(db);
        return db_judge(db, SQLITE_NOMEM, "cannot be read", err);
    }
    return 1;
}

void db_end(struct db *db)
{
    sqlite3_reset(db->statements[DB_ROWS]);
}
