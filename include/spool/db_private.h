/* The inside of a file of the spool, for src/spool/db*.c and salvage.c alone. */
#ifndef CHUNNELD_SPOOL_DB_PRIVATE_H
#define CHUNNELD_SPOOL_DB_PRIVATE_H

#include <sqlite3.h>

#include "spool/db.h"

/* Larger pages cost fewer steps a segment, but more bytes a small commit; measured with 4, 8, 16
 * and 32 KiB, 8 are the cheapest at both ends. */
enum { DB_PAGE_SIZE = 8192 };

enum db_statement {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_PUT_FIFO,
    DB_DELETE_FIFO,
    DB_PUT_SEGMENT,
    DB_DELETE_SEGMENTS,
    DB_KEEP_DAMAGED,
    DB_DELETE_SEGMENT,
    DB_SEEK,
    DB_ROWS,
    DB_FREE_PAGES,
    DB_PAGES,
    DB_STATEMENT_COUNT
};

struct db {
    sqlite3 *sqlite;   /* the connection */
    char *path;        /* for words */
    uint64_t wal_size; /* bytes of the log in use */
    uint64_t wal_limit;
    bool bulk;         /* see db_set_bulk() */
    int64_t row_floor; /* db_next() gives no row below: the walk would go in circles */
    sqlite3_stmt *statements[DB_STATEMENT_COUNT];
};

/* What SQLite's answer means; words in `err` ("PATH: DOING: why"). SQLITE_OK, _ROW and _DONE are
 * DB_OK. errno must have been 0 before SQLite was asked. */
enum db_result db_judge(const struct db *db, int rc, const char *doing, struct err *err);
/* Runs a statement that gives no rows, and resets it. */
enum db_result db_run(struct db *db, enum db_statement which, const char *doing, struct err *err);

static inline int64_t db_row_id(uint32_t fifo, uint64_t seq)
{
    return (int64_t)((uint64_t)fifo << DB_SEQ_BITS | seq);
}

static inline uint32_t db_row_fifo(int64_t id)
{
    return (uint32_t)((uint64_t)id >> DB_SEQ_BITS);
}

static inline uint64_t db_row_seq(int64_t id)
{
    return (uint64_t)id & (DB_SEQ_END - 1);
}

/* A column as bytes, borrowed until the statement's next step. */
static inline struct slice db_column(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);

    return slice_make(data ? data : "", data ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* Whether a column was empty only because memory was out. */
static inline bool db_column_failed(const struct db *db)
{
    return (sqlite3_errcode(db->sqlite) & 0xff) == SQLITE_NOMEM;
}

/* The checksum in a FIFO's row. */
uint32_t db_fifo_crc(const struct db_fifo *fifo);

#endif
