/* The spool's thread: it alone touches the disk. For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_WORKER_H
#define CHUNNELD_SPOOL_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/err.h"
#include "base/rand.h"
#include "spool/lane.h"
#include "spool/post.h"
#include "spool/recover.h"

struct worker {
    struct post *post;      /* borrowed */
    struct recover recover; /* the file; until the thread starts, its maker's */
    struct lane_list lanes; /* all that it has heard of */
    uint32_t last_id;       /* the highest number of a FIFO in the file */
    size_t budget;          /* bytes that a transaction may write */
    uint64_t bulk_bytes;    /* see struct spool_options */
    uint64_t bulk_until;    /* monotonic µs at which the bulk may be over, or be tried again */
    struct backoff backoff; /* between tries to write */
    struct rand rand;       /* for its jitter */
    bool in_trouble;        /* the last try failed */
    bool needs_fresh;       /* the file may not be written any more: move to another one */
    uint64_t retry_at;      /* monotonic µs of the next try, in trouble */
    uint64_t upkeep_at;     /* monotonic µs of the next look at the file's size; 0: none is due */
    pthread_t thread;
};

/* Starts the thread; signals are blocked in it. -1 and words. */
int worker_start(struct worker *worker, struct err *err);

/* For src/spool/worker*.c: */
/* Writes all that is pending, in one transaction after the other; tells of each that is on the
 * disk. Words in `err` after a failure; what was not written stays pending. */
enum db_result worker_commit(struct worker *worker, struct err *err);
/* Ends the writing in bulk, once there has been no need of it for a while. */
enum db_result worker_end_bulk(struct worker *worker, uint64_t now, struct err *err);
/* Lets go of what was removed before it was written. */
void worker_drop_unwanted(struct worker *worker);
/* Whether records of `bytes` and more wait to be written; 0: any at all. */
bool worker_is_pending(const struct worker *worker, uint64_t bytes);
/* Whether worker_commit() has something to do: these, or what was removed from the file. */
bool worker_has_work(const struct worker *worker);
/* Whether the file holds no record that is still wanted. */
bool worker_file_is_unneeded(const struct worker *worker);
/* Answers all that was asked to read. After a failure the questions stay. */
enum db_result worker_read(struct worker *worker, struct err *err);

#endif
