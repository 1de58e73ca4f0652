/* How many messages may be out that the receiver has not answered. Fewer than it works at leave it
 * waiting; more only stand in its queue, which costs a broker time for each, come twice when the
 * connection breaks, and run into the confirm timeout. So: as many as are answered in the time that
 * the way takes, which is what the shortest answer took, and INFLIGHT_QUEUE_US more. Up to
 * INFLIGHT_FEW may take longer: a receiver that is slow may work at many at once, for the sake of a
 * disk. In no case may an answer take longer than the caller says.
 *
 * One message at a time is watched; how long its answer took doubles the limit or cuts it down, and
 * only where the limit was what held messages back. No clock: times are arguments, monotonic µs. */
#ifndef CHUNNELD_CORE_INFLIGHT_H
#define CHUNNELD_CORE_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INFLIGHT_MIN = 64,
    INFLIGHT_FEW = 1024,
    INFLIGHT_QUEUE_US = 60000,
};

/* Embedded by value, after inflight_init(). */
struct inflight {
    size_t limit;        /* as many may be out; INFLIGHT_MIN to max */
    size_t max;          /* never more */
    uint64_t target_us;  /* an answer may take so long at most; over it the limit is cut down */
    uint64_t way_us;     /* what the shortest answer took; UINT64_MAX: there was none */
    uint64_t watched;    /* tag of the message that is watched; 0: none is */
    uint64_t watched_us; /* when it was sent */
    bool held_back;      /* since then a message had to wait for the limit */
};

/* `max` is at least INFLIGHT_MIN, target_us not 0. */
void inflight_init(struct inflight *inflight, size_t max, uint64_t target_us);
/* The receiver is another one, or reached by another way; the limit stays until it has answered. */
void inflight_restart(struct inflight *inflight);
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
