/* The limit of what is out unanswered. For: the rule by which it follows the receiver. Not for:
 * what is out (window.c). */
#include "core/inflight.h"

enum {
    START = 2048, /* doubled in a round trip where that is too few */
    CUT_MOST = 8, /* one answer that was late says only so much */
};

void inflight_init(struct inflight *inflight, size_t max, uint64_t target_us)
{
    *inflight =
        (struct inflight){.limit = max < START ? max : START, .max = max, .target_us = target_us};
}

void inflight_forget(struct inflight *inflight)
{
    inflight->watched = 0;
    inflight->held_back = false;
}

/* What `limit` messages that took so long come to in the time they may take. */
static size_t cut(size_t limit, uint64_t took_us, uint64_t target_us)
{
    size_t least = limit / CUT_MOST > INFLIGHT_MIN ? limit / CUT_MOST : INFLIGHT_MIN;
    uint64_t fitting = (uint64_t)limit * target_us / took_us;

    return fitting > least ? (size_t)fitting : least;
}

bool inflight_judge(struct inflight *inflight, uint64_t now_us)
{
    uint64_t took_us = now_us - inflight->watched_us;
    size_t before = inflight->limit;

    if (inflight->held_back && took_us > inflight->target_us) {
        inflight->limit = cut(before, took_us, inflight->target_us);
    } else if (inflight->held_back && took_us <= inflight->target_us / 2) {
        inflight->limit = before < inflight->max / 2 ? before * 2 : inflight->max;
    }
    inflight_forget(inflight);
    return inflight->limit < before;
}
