/* Between the loop and the spool's thread: a lock, a condition, an eventfd, and what lies ready on
 * either side. The lock is held for moving pointers only, never over a call that can block. For
 * src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_POST_H
#define CHUNNELD_SPOOL_POST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "core/histogram.h"
#include "spool/lane.h"

enum { POST_SPARES_MAX = 16 }; /* emptied segments kept for their memory */

/* When the thread is to look into its mail. */
struct post_terms {
    uint64_t delay_us; /* mail that only brings records or removals may lie so long */
    uint64_t count;    /* or until there are so many records */
};

/* Under the lock, but for the first two. */
struct post {
    struct post_terms terms; /* immutable */
    int fd;                  /* eventfd: there is news */
    pthread_mutex_t lock;
    pthread_cond_t wake; /* for the thread */
    /* to the thread */
    struct lane_list mail; /* lanes that have some */
    uint64_t mail_count;   /* records in it */
    uint64_t mail_since;   /* monotonic µs of the oldest of it; 0: there is none */
    bool urgent;           /* some of it must not wait: a read */
    bool closing;          /* the orderly end was asked for */
    bool aborting;         /* the end at once was */
    bool idle;             /* the thread waits */
    /* to the loop */
    struct lane_list news;      /* lanes that have some */
    bool signalled;             /* the eventfd says so already */
    bool has_trouble;           /* the words are new */
    bool has_recovered;         /* the trouble is over */
    bool closed;                /* the orderly end is done */
    struct err trouble;         /* words */
    struct strbuf notes;        /* lines for the operator */
    struct segment_list spares; /* emptied segments */
    unsigned spare_count;
    /* of the thread, told on request */
    uint64_t commits;
    uint64_t failures;
    uint64_t file_bytes;
    struct histogram commit;
};

int post_init(struct post *post, const struct post_terms *terms, struct err *err);
/* Neither thread may use it any more. */
void post_fini(struct post *post);

void post_lock(struct post *post);
void post_unlock(struct post *post);

/* The loop's side, under the lock. */
/* The lane has mail, `count` records more than before; `urgent`: it must not wait. */
void post_add_mail(struct post *post, struct lane *lane, uint64_t count, bool urgent);
/* Wakes the thread if it waits and what lies there is reason enough. */
void post_wake(struct post *post);
/* The last segment of the lane's mail, where a record of `size` bytes goes into it: taken out, to
 * be filled further; NULL: there is none. */
struct segment *post_take_back(struct post *post, struct lane *lane, size_t size);
/* An emptied segment; NULL: there is none. */
struct segment *post_take_spare(struct post *post);

/* The thread's side. */
/* Waits until mail is due, or `until_us` (monotonic; 0: no such time) has come. With `hold` records
 * and removals do not count as due: there is trouble, and they wait for `until_us`. Then moves all
 * mail to the lanes' disks, and `lanes` gets those that were unknown. False: the end at once. */
bool post_wait(struct post *post, uint64_t until_us, bool hold, struct lane_list *lanes);
bool post_is_closing(struct post *post);
bool post_is_aborting(struct post *post);
/* Under the lock: the lane has news, or (NULL) the post itself. */
void post_add_news(struct post *post, struct lane *lane);
/* Under the lock: keeps an empty segment for its memory, or frees it. */
void post_give_spare(struct post *post, struct segment *segment);

#endif
