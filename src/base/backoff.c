/* How long to wait before trying again; see the header. */
#include "base/backoff.h"

#include "base/clock.h"

uint64_t backoff_stable_us(const struct backoff *backoff)
{
    uint64_t least = 5 * CLOCK_US_PER_S;

    return backoff->max_us > least ? backoff->max_us : least;
}

void backoff_init(struct backoff *backoff, uint64_t min_us, uint64_t max_us)
{
    backoff->min_us = min_us ? min_us : 1;
    backoff->max_us = max_us > backoff->min_us ? max_us : backoff->min_us;
    backoff->current_us = backoff->min_us;
    backoff->good_since = 0;
}

void backoff_good(struct backoff *backoff, uint64_t now_us)
{
    backoff->good_since = now_us ? now_us : 1;
}

void backoff_restart(struct backoff *backoff)
{
    backoff->current_us = backoff->min_us;
}

uint64_t backoff_next(struct backoff *backoff, struct rand *rand, uint64_t now_us)
{
    uint64_t delay;

    if (backoff->good_since != 0 && now_us - backoff->good_since >= backoff_stable_us(backoff)) {
        backoff->current_us = backoff->min_us;
    }
    backoff->good_since = 0;
    delay = backoff->current_us - rand_below(rand, backoff->current_us / 2 + 1);
    backoff->current_us =
        backoff->current_us > backoff->max_us / 2 ? backoff->max_us : backoff->current_us * 2;
    return delay;
}
