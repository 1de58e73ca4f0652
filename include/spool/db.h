/* One file of the spool: SQLite behind a few verbs. It holds the FIFOs, and of each its records as
 * segments. One thread at a time. For src/spool/ alone.
 *
 * Identifiers: a FIFO has a number in this file, 1 to DB_FIFO_MAX; a segment's row is found
 * under the number of its FIFO and that of its first record, put together into one. */
#ifndef CHUNNELD_SPOOL_DB_H
#define CHUNNELD_SPOOL_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "spool/segment.h"

enum { DB_SEQ_BITS = 48, DB_FIFO_MAX = (1 << 15) - 2 };

#define DB_SEQ_END (UINT64_C(1) << DB_SEQ_BITS) /* sequence numbers are below */

enum db_result {
    DB_OK = 0,
    DB_LATER = -1,  /* no room, read-only, no memory: the same may work later; the file is good */
    DB_BROKEN = -2, /* damaged, or a sync failed: nothing more may be entrusted to this file */
};

struct db;

/* Writes an empty spool into the empty file `path`, synced, and closes it. `vfs` is SQLite's name
 * for how to reach files; NULL: the usual way. */
enum db_result db_create(const char *path, const char *vfs, struct err *err);
/* How to open a file. */
struct db_terms {
    const char *vfs;    /* as for db_create() */
    uint64_t wal_limit; /* bytes that its log should not pass */
    bool salvaging;     /* it is damaged, and only to be read: go on where SQLite would refuse */
};

/* Opens what db_create() made. The caller closes it with db_close(). */
enum db_result db_open(const char *path, const struct db_terms *terms, struct db **out_db,
                       struct err *err);
/* Verifies the structure of the whole file, not the checksums of the records. */
enum db_result db_check(struct db *db, struct err *err);
/* Closes and frees; NULL is legal. With `tidy` the log is first written back into the file, and
 * what goes wrong with that is the result. */
enum db_result db_close(struct db *db, bool tidy, struct err *err);

/* A transaction. After any failure between begin and commit it is rolled back. */
enum db_result db_begin(struct db *db, struct err *err);
/* Synced when it is DB_OK. */
enum db_result db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/* A FIFO's row. */
struct db_fifo {
    uint32_t id;          /* its number in this file */
    struct slice name;    /* 1 to SEGMENT_NAME_MAX bytes */
    uint64_t oldest;      /* all records below are removed */
    struct slice removed; /* those above, as seqset_encode() writes them */
};

/* A segment's row. */
struct db_row {
    uint32_t fifo;
    uint64_t first;    /* number of its first record */
    uint64_t last;     /* number of its last record */
    struct slice head; /* see spool/segment.h */
    struct slice data;
};

/* Within a transaction. */
enum db_result db_put_fifo(struct db *db, const struct db_fifo *fifo, struct err *err);
enum db_result db_delete_fifo(struct db *db, uint32_t id, struct err *err);
enum db_result db_put_segment(struct db *db, const struct db_row *row, struct err *err);
/* Removes the segments that lie wholly in [first, end). */
enum db_result db_delete_segments(struct db *db, uint32_t fifo, uint64_t first, uint64_t end,
                                  struct err *err);
/* Moves a segment, as it is, to the table of what is damaged; once that is full it is removed. */
enum db_result db_set_aside(struct db *db, uint32_t fifo, uint64_t first, struct err *err);

/* Reading. Rows are valid until the next call of the same kind. 1: a row; 0: no more; else a
 * negative enum db_result. */
/* From the segment of `fifo` that holds record `from`, or the first one after it, on. */
int db_seek(struct db *db, uint32_t fifo, uint64_t from, struct err *err);
int db_next(struct db *db, struct db_row *out_row, struct err *err);
/* Ends it; legal when nothing was begun. */
void db_end(struct db *db);

/* How transactions are made safe from now on. As opened: by a log of what they write (WAL), which
 * costs one sync each, but writes everything twice, to the log and from there to the file. In bulk:
 * by a journal of what they overwrite (PERSIST), which costs some syncs more, but writes what is
 * new only once. Not within a transaction. After a failure the file is as it was, and so is the way
 * but for DB_BROKEN. */
enum db_result db_set_bulk(struct db *db, bool bulk, struct err *err);
bool db_is_bulk(const struct db *db);
/* Takes back what a transaction of the bulk that failed has left in the file, which every read does
 * first, with the journal and with syncs: without these a power cut would find the journal ended
 * and the file in between. DB_LATER: that cannot be written now, so nothing can be read. What else
 * is wrong with the file is for whoever reads it to find. */
enum db_result db_make_readable(struct db *db, struct err *err);
/* Writes the log back into the file, so that it begins anew; with `whole` it is also emptied. */
enum db_result db_checkpoint(struct db *db, bool whole, struct err *err);
/* Whether the log has passed its limit. */
bool db_wal_is_long(const struct db *db);
/* Bytes of the file, and of these the unused ones. */
enum db_result db_measure(struct db *db, uint64_t *out_bytes, uint64_t *out_free, struct err *err);
/* Gives up to `bytes` of the unused ones back to the file system. */
enum db_result db_shrink(struct db *db, uint64_t bytes, struct err *err);

#endif
