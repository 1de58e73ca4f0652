/* Exponential back-off with jitter: each delay is drawn from [d/2, d], where d doubles from `min`
 * to `max`. It starts again at `min` only after what was retried stayed good for a stable time, so
 * that a peer that accepts and drops at once is not hammered. Time and randomness are arguments. */
#ifndef CHUNNELD_BASE_BACKOFF_H
#define CHUNNELD_BASE_BACKOFF_H

#include <stdint.h>

#include "base/rand.h"

struct backoff {
    uint64_t min_us;     /* first delay */
    uint64_t max_us;     /* cap, at least min_us */
    uint64_t current_us; /* d of the next delay */
    uint64_t good_since; /* monotonic µs when it last became good; 0 while it is not */
};

/* Good for this long, and the next failure starts at `min` again: the cap, at least 5 s. */
uint64_t backoff_stable_us(const struct backoff *backoff);

void backoff_init(struct backoff *backoff, uint64_t min_us, uint64_t max_us);
/* It works again, as of `now_us`. */
void backoff_good(struct backoff *backoff, uint64_t now_us);
/* The next failure starts at `min` again. */
void backoff_restart(struct backoff *backoff);
/* It failed at `now_us`: the delay in µs before the next try. */
uint64_t backoff_next(struct backoff *backoff, struct rand *rand, uint64_t now_us);

#endif
