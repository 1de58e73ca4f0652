/* The spool: queues on the disk, one for each bridge, that keep messages over a crash. They are
 * called FIFOs here; all of them live in one file (spool/dir.h) that one process uses at a time.
 *
 * To the spool a message is a record: a header that the caller makes and reads, and a body. Records
 * of a FIFO are numbered from 1 on; they are read in that order, and removed in any. What was
 * reported durable is there after a crash of the process or the machine, until it is removed; what
 * was removed shortly before a crash may be there again. A record that the disk damaged is never
 * given back: it is counted as lost.
 *
 * The disk belongs to a thread of the spool. The functions here never wait for it, but where they
 * say so. They, and the events, belong to one thread, the loop's: what is appended, removed or
 * asked for in a turn of the loop goes to the spool's thread with spool_flush() at its end; when
 * spool_fd() becomes readable, spool_dispatch() tells what came of it. No function but
 * spool_dispatch() calls an event. */
#ifndef CHUNNELD_SPOOL_SPOOL_H
#define CHUNNELD_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/histogram.h"
#include "spool/segment.h"

struct spool;
struct spool_fifo;

/* Events of the spool as a whole; each may be NULL, and so may all. Words are valid during the
 * call. */
struct spool_events {
    /* Nothing can be written now; it is tried again with back-off. What was appended stays in
     * memory, readable, and is not durable. Told again when the words change. */
    void (*on_trouble)(void *ctx, const char *why);
    /* That is over: all that waited is durable. */
    void (*on_recovered)(void *ctx);
    /* Something that the operator should know: a file was damaged and put aside. */
    void (*on_notice)(void *ctx, const char *what);
    /* An append was refused as SPOOL_FULL or SPOOL_BUSY, and there is room again. */
    void (*on_room)(void *ctx);
    /* spool_close() is done: everything is on the disk. */
    void (*on_closed)(void *ctx);
};

/* Events of one FIFO; each may be NULL, and so may all. */
struct spool_fifo_events {
    /* All records up to number `upto` that were not removed are durable. */
    void (*on_durable)(void *ctx, uint64_t upto);
    /* The answer to spool_fifo_read(): `count` records in order, valid during the call. Go on at
     * `next`; `next` is the number of the next record to be appended when there are no more. */
    void (*on_records)(void *ctx, const struct spool_record *records, size_t count, uint64_t next);
    /* `count` records from `first` to `last` are damaged. They are removed already. */
    void (*on_lost)(void *ctx, uint64_t first, uint64_t last, uint64_t count);
};

struct spool_options {
    uint64_t max_size;    /* bytes of all records, on the disk or on their way; the files take
                           * some percent and up to 20 MiB more */
    uint64_t max_backlog; /* bytes of records on their way; the memory that a slow disk may cost */
    uint64_t commit_delay_us; /* a record waits at most so long for others to be written with it */
    uint64_t commit_records;  /* and for at most so many */
    uint64_t bulk_bytes; /* from so many bytes waiting at once on, they are written in the way that
                          * is cheapest for much: once, but with more syncs */
    uint64_t retry_min_us; /* back-off while nothing can be written */
    uint64_t retry_max_us;
    const char *vfs; /* the VFS of SQLite to use, by name; NULL: the usual one */
};

/* No limit of size, a backlog of 16 MiB, 4 ms (which leaves 1 of 5 for the sync), 1,000 records,
 * 4 MiB, 100 ms to 5 s. */
void spool_options_init(struct spool_options *options);

enum spool_open_result {
    SPOOL_OPENED = 0,
    SPOOL_LOCKED = -1, /* another process uses it */
    SPOOL_FAILED = -2, /* no access, no room, not a spool, of a newer version */
};

/* Opens the spool in `directory` (made if missing, mode 0700; its parent must be there) and starts
 * its thread. This reads all of the file, so it takes time. Options are copied, events and `ctx`
 * borrowed for the spool's life. Else than SPOOL_OPENED: words in `err`. Freed with spool_free().
 */
enum spool_open_result spool_open(const char *directory, const struct spool_options *options,
                                  const struct spool_events *events, void *ctx,
                                  struct spool **out_spool, struct err *err);
/* Begins an orderly end: nothing more can be appended; all there is gets written, then on_closed
 * comes. While there is trouble it does not. */
void spool_close(struct spool *spool);
/* Ends it, as soon as the step that its thread is at is done: what is not durable then is not
 * written any more. This waits for the thread: after on_closed not at all, else for as long as the
 * disk takes for that step. Frees all FIFOs. NULL is legal; not inside an event. */
void spool_free(struct spool *spool);

/* To be watched for reading. */
int spool_fd(const struct spool *spool);
/* Runs the events that are due, then does what spool_flush() does. */
void spool_dispatch(struct spool *spool);
/* Hands everything of this turn to the spool's thread; costs next to nothing when there is none. */
void spool_flush(struct spool *spool);

/* The FIFO `name` (1 to 255 bytes, no NUL), with what the file has of it, or an empty one. NULL and
 * words in `err`: it is open already, the name is none, or memory is out. It lives as long as the
 * spool. `limit`: bytes of its records; events and `ctx` borrowed until it is closed. */
struct spool_fifo *spool_fifo_open(struct spool *spool, const char *name, uint64_t limit,
                                   const struct spool_fifo_events *events, void *ctx,
                                   struct err *err);
/* No more events; what it holds stays, and it may be opened again. */
void spool_fifo_close(struct spool_fifo *fifo);
void spool_fifo_set_limit(struct spool_fifo *fifo, uint64_t limit);

enum spool_append {
    SPOOL_APPENDED = 0,
    SPOOL_FULL = -1,       /* max_size would be passed */
    SPOOL_FIFO_FULL = -2,  /* the FIFO's limit would be passed */
    SPOOL_BUSY = -3,       /* max_backlog would be passed: the disk does not keep up */
    SPOOL_TOO_LARGE = -4,  /* over SPOOL_RECORD_MAX */
    SPOOL_NO_MEMORY = -5,  /* memory is out */
    SPOOL_IS_CLOSING = -6, /* after spool_close() */
};
/* In words: "the spool is full", ... */
const char *spool_append_name(enum spool_append result);

enum { SPOOL_RECORD_MAX = 512 * 1024 * 1024 }; /* most bytes of header and body */

/* Copies a record to the end of the FIFO; *out_seq (NULL: not wanted) is its number. Anything but
 * SPOOL_APPENDED: nothing changed. */
enum spool_append spool_fifo_append(struct spool_fifo *fifo, struct slice header, struct slice body,
                                    uint64_t *out_seq);
/* Asks for records from number `from` on: at least one, if there is any, and then as many as fit
 * `max_bytes` and `max_count`. Cheapest in portions of a MiB. -1: the answer to the question before
 * is still to come, or the spool is closing. */
int spool_fifo_read(struct spool_fifo *fifo, uint64_t from, size_t max_bytes, size_t max_count);
/* Removes record `seq`, or all up to it; what is not there is passed over. How many are gone. */
uint64_t spool_fifo_remove(struct spool_fifo *fifo, uint64_t seq);
uint64_t spool_fifo_remove_upto(struct spool_fifo *fifo, uint64_t seq);

/* What is in a FIFO now. */
struct spool_fifo_info {
    const char *name;       /* lives as long as the spool */
    bool is_open;           /* by spool_fifo_open() */
    uint64_t count;         /* records */
    uint64_t bytes;         /* of them, with 32 bytes for each record */
    uint64_t first;         /* number of the oldest record; == next when there is none */
    uint64_t next;          /* number of the next one to be appended */
    uint64_t durable;       /* number of the last record known to be durable */
    uint64_t lost;          /* damaged records, found at the start or since */
    uint64_t backlog_count; /* records on their way to the disk */
};
void spool_fifo_get_info(const struct spool_fifo *fifo, struct spool_fifo_info *out_info);
/* How many records of it are on their way to the disk, those that were removed meanwhile not
 * counted. */
uint64_t spool_fifo_unwritten(const struct spool_fifo *fifo);
/* The FIFOs of the spool one after the other, also those that nobody opened: bridges that are no
 * longer in the rules. `fifo` NULL: the first one. NULL: no more. */
struct spool_fifo *spool_fifo_next(const struct spool *spool, const struct spool_fifo *fifo);

/* Numbers of the whole spool; those since the start unless said. */
struct spool_stats {
    uint64_t count;          /* now: records */
    uint64_t bytes;          /* now: of them, as they count against max_size */
    uint64_t backlog_count;  /* now: records not yet durable */
    uint64_t backlog_bytes;  /* now: of them, as they count against max_backlog */
    uint64_t appended;       /* records */
    uint64_t removed;        /* records */
    uint64_t lost;           /* damaged records, those found at the start included */
    uint64_t refused;        /* appends */
    uint64_t commits;        /* transactions that are on the disk */
    uint64_t failures;       /* steps of the thread that failed */
    uint64_t file_bytes;     /* now: of the file, its log not counted; 0: not known */
    bool in_trouble;         /* now: between on_trouble and on_recovered */
    struct histogram commit; /* µs that a commit with its sync took */
};
void spool_get_stats(struct spool *spool, struct spool_stats *out_stats);
/* stats.in_trouble alone. */
bool spool_is_in_trouble(const struct spool *spool);
/* Whether the file system has less than `bytes` left, as it said at most a tenth of a second ago.
 */
bool spool_is_short(struct spool *spool, uint64_t bytes);
/* stats.backlog_bytes alone. */
uint64_t spool_backlog(const struct spool *spool);

#endif
