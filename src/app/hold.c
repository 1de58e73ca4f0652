/* Back-pressure that is bounded. For: reckoning how long reading may be held so that Redis does not
 * cut us off. Not for: stopping to read (redis/hub.c), asking at the right moments (spooling.c). */
#include "app/hold.h"

#include "base/clock.h"

static const uint64_t measure_us =
    20 * CLOCK_US_PER_MS; /* a rate is taken over so long, at least */

void hold_init(struct hold *hold, const struct hold_limits *limits)
{
    *hold = (struct hold){.limits = *limits};
}

/* What it may in all: the faster it comes, the shorter. */
static uint64_t hold_may_us(const struct hold *hold)
{
    uint64_t us = hold->limits.most_us;

    if (hold->rate > 0 && hold->limits.most_bytes / hold->rate < us / CLOCK_US_PER_S + 1) {
        uint64_t by_bytes = hold->limits.most_bytes * CLOCK_US_PER_S / hold->rate;
        us = by_bytes < us ? by_bytes : us;
    }
    return us;
}

/* A burst raises the rate at once, and it falls slowly: what was held back comes all at once. */
static void hold_measure(struct hold *hold, const struct hold_view *view)
{
    uint64_t span = view->now_us - hold->rate_us;
    uint64_t rate;

    if (hold->rate_us != 0 && span < measure_us) {
        return;
    }
    if (hold->rate_us != 0) {
        rate = (view->bytes_read - hold->rate_bytes) * CLOCK_US_PER_S / span;
        hold->rate = rate > hold->rate - hold->rate / 8 ? rate : hold->rate - hold->rate / 8;
    }
    hold->rate_us = view->now_us;
    hold->rate_bytes = view->bytes_read;
}

static void hold_end(struct hold *hold, const struct hold_view *view)
{
    if (view->backlog > hold->limits.low && hold->used_us < hold_may_us(hold)) {
        return;
    }
    hold->held = false;
    hold->spent = hold->used_us >= hold_may_us(hold);
    hold->rate_us = 0;
}

bool hold_decide(struct hold *hold, const struct hold_view *view)
{
    uint64_t passed = hold->at_us != 0 ? view->now_us - hold->at_us : 0;

    hold->at_us = view->now_us;
    if (hold->held) {
        hold->used_us += passed;
        hold_end(hold, view);
        return hold->held;
    }
    hold_measure(hold, view);
    if (view->caught_up) {
        hold->used_us -= passed < hold->used_us ? passed : hold->used_us;
    }
    hold->spent = hold->spent && hold->used_us > hold_may_us(hold) / 2;
    hold->held = !hold->spent && view->backlog >= hold->limits.high;
    return hold->held;
}

uint64_t hold_left_us(const struct hold *hold)
{
    uint64_t may = hold_may_us(hold);

    return hold->used_us < may ? may - hold->used_us : 0;
}
