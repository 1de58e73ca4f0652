/* A FIFO as it stands between the two threads of the spool. For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_LANE_H
#define CHUNNELD_SPOOL_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "spool/segment.h"

/* Which records were asked for. */
struct lane_read {
    uint64_t ticket;  /* of the question; its answer has the same */
    uint64_t from;    /* the first one */
    size_t max_bytes; /* headers and bodies */
    size_t max_count;
};

/* What was read. */
struct lane_reading {
    uint64_t ticket;
    uint64_t from;                /* looked for from here */
    uint64_t upto;                /* up to, but without, this: what is not among the records is not
                                   * there */
    struct spool_record *records; /* owned, in order; they point into the data */
    size_t count;
    size_t size;        /* records allocated */
    struct strbuf data; /* their headers and bodies, one behind the other */
};

/* Copies a record to its end; where the bytes are is known after lane_reading_settle() only. -1:
 * out of memory, nothing changed. */
int lane_reading_add(struct lane_reading *reading, const struct spool_record *record);
/* Nothing more comes: sets the places of the bytes. */
void lane_reading_settle(struct lane_reading *reading);
/* NULL is legal. */
void lane_reading_free(struct lane_reading *reading);

struct spool_reader;

/* A question of one who reads beside the FIFO's owner, and then its answer. Owned by the list that
 * it is in: on its way to the thread, there, on its way back. */
struct lane_ask {
    STAILQ_ENTRY(lane_ask) link;
    struct lane_read read;
    struct lane_reading *reading; /* owned; NULL: the answer is to come */
    struct spool_reader *reader;  /* the loop's alone; NULL: nobody wants the answer any more */
};

STAILQ_HEAD(lane_ask_list, lane_ask);

/* Frees all that is in the list. */
void lane_asks_free(struct lane_ask_list *list);

/* From the loop to the thread; under the lock of the post. */
struct lane_mail {
    struct segment_list segments; /* appended, in order */
    bool has_removed;             /* the next two hold something new */
    uint64_t oldest;              /* all records below are removed */
    struct strbuf removed;        /* those above, by seqset_encode() */
    bool has_read;                /* the next one does */
    struct lane_read read;
};

/* From the thread to the loop; under the lock of the post. */
struct lane_news {
    uint64_t durable;             /* number of the last durable record; 0: nothing new */
    uint64_t count;               /* records that left the backlog */
    uint64_t bytes;               /* of them, as segment_size() counts */
    struct lane_reading *reading; /* owned; NULL: none */
};

/* The thread's own. */
struct lane_disk {
    bool known;                  /* in the thread's list of lanes */
    uint32_t id;                 /* its number in the file; 0: not there yet */
    bool row_is_stale;           /* the file's row of it is to be written */
    uint64_t oldest;             /* as in the mail */
    struct strbuf removed;       /* likewise */
    uint64_t end;                /* number after that of the last record in the file */
    struct segment_list pending; /* to be written, in order */
    unsigned written;            /* of them, from the first one on: in the transaction under way */
    bool has_read;
    struct lane_read read;
};

struct lane {
    struct slice name;           /* borrowed, immutable */
    STAILQ_ENTRY(lane) mailed;   /* the post's list of lanes with mail; under its lock */
    STAILQ_ENTRY(lane) newsed;   /* likewise with news */
    STAILQ_ENTRY(lane) siblings; /* the thread's list of all lanes */
    bool has_mail;               /* it is in that list; under the lock */
    bool has_news;               /* likewise */
    struct lane_mail mail;
    struct lane_news news;
    struct lane_disk disk;
    struct lane_ask_list asked;    /* part of the mail; under the lock */
    struct lane_ask_list asking;   /* the thread's own */
    struct lane_ask_list answered; /* part of the news; under the lock */
};

STAILQ_HEAD(lane_list, lane);

/* An empty lane whose first record is number `next`. */
void lane_init(struct lane *lane, struct slice name, uint64_t next);
/* Frees all that it holds; neither thread may use it any more. */
void lane_fini(struct lane *lane);

#endif
