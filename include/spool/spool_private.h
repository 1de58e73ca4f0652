/* The inside of the spool on the loop's side, for src/spool/spool.c, fifo.c, reader.c and
 * dispatch.c alone. */
#ifndef CHUNNELD_SPOOL_SPOOL_PRIVATE_H
#define CHUNNELD_SPOOL_SPOOL_PRIVATE_H

#include <sys/queue.h>

#include "spool/account.h"
#include "spool/catalog.h"
#include "spool/lane.h"
#include "spool/post.h"
#include "spool/reader.h"
#include "spool/spool.h"
#include "spool/worker.h"

struct spool_fifo {
    struct lane lane; /* first: a lane is found to be part of its FIFO by a cast */
    struct spool *spool;
    TAILQ_ENTRY(spool_fifo) link; /* the spool's list of all */
    char *name;                   /* owned */
    bool is_open;
    const struct spool_fifo_events *events; /* NULL: not open, or none wanted */
    void *ctx;
    uint64_t limit;
    struct account account;
    uint64_t durable; /* number of the last record known to be */
    uint64_t lost;
    uint64_t backlog_count;

    /* To be handed over at the end of the turn. */
    bool touched;                         /* something is; it is in the spool's list of those */
    TAILQ_ENTRY(spool_fifo) touched_link; /* that list */
    struct segment *filling;              /* takes what is appended; NULL: none yet */
    bool removed_changed;                 /* what is removed is not what the thread knows */
    struct strbuf removed;                /* as it will be told */
    bool wants_read;                      /* the next one is to be asked for */
    struct lane_read read;
    bool reading;    /* the answer to it is to come */
    uint64_t ticket; /* of that; another answer is to a question of a former user */

    TAILQ_HEAD(, spool_reader) readers; /* beside the owner; each frees itself */
    struct lane_ask_list asks;          /* of theirs, to be handed over */

    /* Taken from the thread's side, in spool_dispatch(). */
    struct lane_news got;
    STAILQ_ENTRY(spool_fifo) got_link;
};

TAILQ_HEAD(spool_fifo_list, spool_fifo);

struct spool {
    struct post post;
    struct worker worker;
    struct spool_options options;
    const struct spool_events *events;
    void *ctx;
    struct spool_fifo_list fifos;
    struct spool_fifo_list touched;
    struct spool_stats stats; /* but for what the post knows */
    uint64_t wanted_room;     /* bytes of the last record that was refused for want of room; 0: all
                               * that were refused have been told of room since */
    uint64_t room;            /* bytes that the file system had left */
    uint64_t room_at_us;      /* when it was asked; monotonic; 0: not yet */
    bool closing;
};

/* One who reads beside the owner. */
struct spool_reader {
    TAILQ_ENTRY(spool_reader) link;
    struct spool_fifo *fifo;
    const struct spool_reader_events *events;
    void *ctx;
    struct lane_ask *asked; /* the question under way, wherever it is now; NULL: none is */
};

/* A question has come back, with its answer: tells it. Takes it over. */
void reader_tell_answer(struct lane_ask *ask);
/* More of the FIFO is durable. */
void reader_tell_durable(struct spool_fifo *fifo);

/* Makes a FIFO with an empty account, or with that of the catalogue's entry, which it takes over.
 * NULL: out of memory. */
struct spool_fifo *fifo_new(struct spool *spool, struct slice name, struct catalog_fifo *entry);
void fifo_free(struct spool_fifo *fifo);
/* Something of it is to be handed over. */
void fifo_touch(struct spool_fifo *fifo);
/* Removes those of [first, end) that are there; how many. */
uint64_t fifo_remove_range(struct spool_fifo *fifo, uint64_t first, uint64_t end);

#endif
