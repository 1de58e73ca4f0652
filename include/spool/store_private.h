/* The inside of a store, for src/spool/store*.c and salvage.c alone. */
#ifndef CHUNNELD_SPOOL_STORE_PRIVATE_H
#define CHUNNELD_SPOOL_STORE_PRIVATE_H

#include <sqlite3.h>

#include "spool/store.h"

/* Larger pages cost fewer steps a segment, but more bytes a small commit; measured with 4, 8, 16
 * and 32 KiB, 8 are the cheapest at both ends. */
enum { STORE_PAGE_SIZE = 8192 };

enum store_statement {
    STORE_BEGIN,
    STORE_COMMIT,
    STORE_ROLLBACK,
    STORE_PUT_FIFO,
    STORE_DELETE_FIFO,
    STORE_PUT_SEGMENT,
    STORE_DELETE_SEGMENTS,
    STORE_KEEP_DAMAGED,
    STORE_DELETE_SEGMENT,
    STORE_SEEK,
    STORE_ROWS,
    STORE_FREE_PAGES,
    STORE_PAGES,
    STORE_STATEMENT_COUNT
};

struct store {
    sqlite3 *db;
    char *path;        /* for words */
    uint64_t wal_size; /* bytes of the log in use */
    uint64_t wal_limit;
    int64_t row_floor; /* store_next() gives no row below: the walk would go in circles */
    sqlite3_stmt *statements[STORE_STATEMENT_COUNT];
};

/* What SQLite's answer means; words in `err` ("PATH: DOING: why"). SQLITE_OK, _ROW and _DONE are
 * STORE_OK. errno must have been 0 before SQLite was asked. */
enum store_result store_judge(const struct store *store, int rc, const char *doing,
                              struct err *err);
/* Runs a statement that gives no rows, and resets it. */
enum store_result store_run(struct store *store, enum store_statement which, const char *doing,
                            struct err *err);

static inline int64_t store_row_id(uint32_t fifo, uint64_t seq)
{
    return (int64_t)((uint64_t)fifo << STORE_SEQ_BITS | seq);
}

static inline uint32_t store_row_fifo(int64_t id)
{
    return (uint32_t)((uint64_t)id >> STORE_SEQ_BITS);
}

static inline uint64_t store_row_seq(int64_t id)
{
    return (uint64_t)id & (STORE_SEQ_END - 1);
}

/* A column as bytes, borrowed until the statement's next step. */
static inline struct slice store_column(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);

    return slice_make(data ? data : "", data ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* Whether a column was empty only because memory was out. */
static inline bool store_column_failed(const struct store *store)
{
    return (sqlite3_errcode(store->db) & 0xff) == SQLITE_NOMEM;
}

/* The checksum in a FIFO's row. */
uint32_t store_fifo_crc(const struct store_fifo *fifo);

#endif
