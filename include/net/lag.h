/* How long the turns of the loop take: what everything else had to wait for meanwhile. A turn lasts
 * from its first callback until the loop waits again; waiting is none of it. */
#ifndef CHUNNELD_NET_LAG_H
#define CHUNNELD_NET_LAG_H

#include <stdint.h>

#include "base/clock.h"

#define LAG_SLOW_US (100 * CLOCK_US_PER_MS) /* a turn beyond this is told of in the log */
#define LAG_SPAN_US (10 * CLOCK_US_PER_S)   /* what lag_recent_us() looks back over, at least */

/* The longest turns; zeroed: none yet. */
struct lag {
    uint64_t max_us;        /* the longest of all */
    uint64_t span_start_us; /* monotonic; when the span under way began */
    uint64_t span_max_us;   /* the longest of that span */
    uint64_t last_max_us;   /* the longest of the span before */
    uint64_t told_us;       /* monotonic; when the log was told of a slow turn; 0: never */
    uint64_t untold;        /* slow turns since then */
    uint64_t untold_max_us; /* the longest of them */
};

/* A turn has ended at `now_us` (monotonic) and lasted `took_us`. A warning for one over
 * LAG_SLOW_US; at most one a minute, with how many there were and the longest of them. */
void lag_note(struct lag *lag, uint64_t now_us, uint64_t took_us);
/* The longest of the last one to two spans. */
uint64_t lag_recent_us(const struct lag *lag, uint64_t now_us);

#endif
