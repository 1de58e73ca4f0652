/* One file of the spool: SQLite behind a few verbs. It holds the FIFOs, and of each its records as
 * segments. One thread at a time. For src/spool/ alone.
 *
 * Identifiers: a FIFO has a number in this file, 1 to STORE_FIFO_MAX; a segment's row is found
 * under the number of its FIFO and that of its first record, put together into one. */
#ifndef CHUNNELD_SPOOL_STORE_H
#define CHUNNELD_SPOOL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "spool/segment.h"

enum { STORE_SEQ_BITS = 48, STORE_FIFO_MAX = (1 << 15) - 2 };

#define STORE_SEQ_END (UINT64_C(1) << STORE_SEQ_BITS) /* sequence numbers are below */

enum store_result {
    STORE_OK = 0,
    STORE_LATER = -1, /* no room, read-only, no memory: the same may work later; the file is good */
    STORE_BROKEN = -2, /* damaged, or a sync failed: nothing more may be entrusted to this file */
};

struct store;

/* Writes an empty spool into the empty file `path`, synced, and closes it. `vfs` is SQLite's name
 * for how to reach files; NULL: the usual way. */
enum store_result store_create(const char *path, const char *vfs, struct err *err);
/* How to open a file. */
struct store_terms {
    const char *vfs;    /* as for store_create() */
    uint64_t wal_limit; /* bytes that its log should not pass */
    bool salvaging;     /* it is damaged, and only to be read: go on where SQLite would refuse */
};

/* Opens what store_create() made. The caller closes it with store_close(). */
enum store_result store_open(const char *path, const struct store_terms *terms,
                             struct store **out_store, struct err *err);
/* Verifies the structure of the whole file, not the checksums of the records. */
enum store_result store_check(struct store *store, struct err *err);
/* Closes and frees; NULL is legal. With `tidy` the log is first written back into the file, and
 * what goes wrong with that is the result. */
enum store_result store_close(struct store *store, bool tidy, struct err *err);

/* A transaction. After any failure between begin and commit it is rolled back. */
enum store_result store_begin(struct store *store, struct err *err);
/* Synced when it is STORE_OK. */
enum store_result store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/* A FIFO's row. */
struct store_fifo {
    uint32_t id;          /* its number in this file */
    struct slice name;    /* 1 to SEGMENT_NAME_MAX bytes */
    uint64_t oldest;      /* all records below are removed */
    struct slice removed; /* those above, as seqset_encode() writes them */
};

/* A segment's row. */
struct store_row {
    uint32_t fifo;
    uint64_t first;    /* number of its first record */
    uint64_t last;     /* number of its last record */
    struct slice head; /* see spool/segment.h */
    struct slice data;
};

/* Within a transaction. */
enum store_result store_put_fifo(struct store *store, const struct store_fifo *fifo,
                                 struct err *err);
enum store_result store_delete_fifo(struct store *store, uint32_t id, struct err *err);
enum store_result store_put_segment(struct store *store, const struct store_row *row,
                                    struct err *err);
/* Removes the segments that lie wholly in [first, end). */
enum store_result store_delete_segments(struct store *store, uint32_t fifo, uint64_t first,
                                        uint64_t end, struct err *err);
/* Moves a segment, as it is, to the table of what is damaged; once that is full it is removed. */
enum store_result store_set_aside(struct store *store, uint32_t fifo, uint64_t first,
                                  struct err *err);

/* Reading. Rows are valid until the next call of the same kind. 1: a row; 0: no more; else a
 * negative enum store_result. */
/* From the segment of `fifo` that holds record `from`, or the first one after it, on. */
int store_seek(struct store *store, uint32_t fifo, uint64_t from, struct err *err);
int store_next(struct store *store, struct store_row *out_row, struct err *err);
/* Ends it; legal when nothing was begun. */
void store_end(struct store *store);

/* Writes the log back into the file, so that it begins anew; with `whole` it is also emptied. */
enum store_result store_checkpoint(struct store *store, bool whole, struct err *err);
/* Whether the log has passed its limit. */
bool store_wal_is_long(const struct store *store);
/* Bytes of the file, and of these the unused ones. */
enum store_result store_measure(struct store *store, uint64_t *out_bytes, uint64_t *out_free,
                                struct err *err);
/* Gives up to `bytes` of the unused ones back to the file system. */
enum store_result store_shrink(struct store *store, uint64_t bytes, struct err *err);

#endif
