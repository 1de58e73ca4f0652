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
    inflight_restart(inflight);
}

void inflight_restart(struct inflight *inflight)
{
    inflight->way_us = UINT64_MAX;
    inflight_forget(inflight);
}

void inflight_forget(struct inflight *inflight)
{
    inflight->watched = 0;
    inflight->held_back = false;
}

/* How long an answer may take while so many are out. */
static uint64_t may_take_us(const struct inflight *inflight, size_t limit)
{
    uint64_t most_us = inflight->target_us;

    if (limit <= INFLIGHT_FEW || most_us <= INFLIGHT_QUEUE_US ||
        inflight->way_us >= most_us - INFLIGHT_QUEUE_US) {
        return most_us;
    }
    return inflight->way_us + INFLIGHT_QUEUE_US;
}

/* What the limit comes to, if so many took so long, in the time that they may take. */
static size_t cut(const struct inflight *inflight, uint64_t took_us)
{
    size_t limit = inflight->limit;
    size_t floor = limit > INFLIGHT_FEW ? INFLIGHT_FEW : INFLIGHT_MIN;
    size_t least = limit / CUT_MOST > floor ? limit / CUT_MOST : floor;
    uint64_t fitting = (uint64_t)limit * may_take_us(inflight, limit) / took_us;

    return fitting > least ? (size_t)fitting : least;
}

bool inflight_judge(struct inflight *inflight, uint64_t now_us)
{
    size_t before = inflight->limit;
    size_t doubled = before < inflight->max / 2 ? before * 2 : inflight->max;
    uint64_t took_us = now_us - inflight->watched_us;
    uint64_t queued_us;

    inflight->way_us = took_us < inflight->way_us ? took_us : inflight->way_us;
    queued_us = took_us - inflight->way_us; /* twice as much with twice as many */
    if (inflight->held_back && took_us > may_take_us(inflight, before)) {
        inflight->limit = cut(inflight, took_us);
    } else if (inflight->held_back && took_us + queued_us <= may_take_us(inflight, doubled)) {
        inflight->limit = doubled;
    }
    inflight_forget(inflight);
    return inflight->limit < before;
}
