/* How many messages may be out that the receiver has not answered: as many as it answers in about
 * the time that an answer may take. Fewer leave a fast receiver waiting for work; more only stand
 * in a slow one's queue, come twice when the connection breaks, and run into the confirm timeout.
 *
 * One message at a time is watched; how long its answer took doubles the limit or cuts it down, and
 * only where the limit was what held messages back. No clock: times are arguments, monotonic µs. */
#ifndef CHUNNELD_CORE_INFLIGHT_H
#define CHUNNELD_CORE_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INFLIGHT_MIN = 64 };

/* Embedded by value, after inflight_init(). */
struct inflight {
    size_t limit;        /* as many may be out; INFLIGHT_MIN to max */
    size_t max;          /* never more */
    uint64_t target_us;  /* an answer may take so long; over it the limit is cut down */
    uint64_t watched;    /* tag of the message that is watched; 0: none is */
    uint64_t watched_us; /* when it was sent */
    bool held_back;      /* since then a message had to wait for the limit */
};

/* `max` is at least INFLIGHT_MIN, target_us not 0. */
void inflight_init(struct inflight *inflight, size_t max, uint64_t target_us);
/* What is watched will not be answered, or not be answered in its time: forgets it. */
void inflight_forget(struct inflight *inflight);
/* The message that is watched is answered, see inflight_is_due(). Whether the limit was cut down.
 */
bool inflight_judge(struct inflight *inflight, uint64_t now_us);

/* A message went out under `tag` (not 0). */
static inline void inflight_on_sent(struct inflight *inflight, uint64_t tag, uint64_t now_us)
{
    if (inflight->watched == 0) {
        inflight->watched = tag;
        inflight->watched_us = now_us;
    }
}

/* Whether the one that is watched is answered when all below `first` are. */
static inline bool inflight_is_due(const struct inflight *inflight, uint64_t first)
{
    return inflight->watched != 0 && inflight->watched < first;
}

#endif
