/* The longest turns of the loop, and the warning about them. For: plain arithmetic over turns that
 * somebody else timed. Not for: reading the clock (loop.c). */
#include "net/lag.h"

#include "base/log.h"

#define LAG_QUIET_US (60 * CLOCK_US_PER_S)

static void lag_warn(struct lag *lag, uint64_t now_us, uint64_t took_us)
{
    lag->untold++;
    if (took_us > lag->untold_max_us) {
        lag->untold_max_us = took_us;
    }
    if (lag->told_us != 0 && now_us - lag->told_us < LAG_QUIET_US) {
        return;
    }
    log_warn("daemon", NULL, "the loop was held up", log_number("turns", lag->untold),
             log_number("longest_ms", lag->untold_max_us / CLOCK_US_PER_MS),
             log_number("limit_ms", LAG_SLOW_US / CLOCK_US_PER_MS));
    lag->told_us = now_us;
    lag->untold = 0;
    lag->untold_max_us = 0;
}

/* Moves on to the span that `now_us` is in. */
static void lag_turn_span(struct lag *lag, uint64_t now_us)
{
    uint64_t age = now_us - lag->span_start_us;

    if (age < LAG_SPAN_US) {
        return;
    }
    lag->last_max_us = age < 2 * LAG_SPAN_US ? lag->span_max_us : 0;
    lag->span_max_us = 0;
    lag->span_start_us = now_us - age % LAG_SPAN_US;
}

void lag_note(struct lag *lag, uint64_t now_us, uint64_t took_us)
{
    lag_turn_span(lag, now_us);
    if (took_us > lag->span_max_us) {
        lag->span_max_us = took_us;
        if (took_us > lag->max_us) {
            lag->max_us = took_us;
        }
    }
    if (took_us > LAG_SLOW_US) {
        lag_warn(lag, now_us, took_us);
    }
}

uint64_t lag_recent_us(const struct lag *lag, uint64_t now_us)
{
    struct lag seen = *lag;

    lag_turn_span(&seen, now_us);
    return seen.span_max_us > seen.last_max_us ? seen.span_max_us : seen.last_max_us;
}
