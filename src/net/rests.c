/* The ends of rests. For: waking the loop for them, at as few calls of the kernel as can be. Not
 * for: how long they are (moderation.c), and what is done then (link_flow.c). */
#include "net/rests.h"

#include <assert.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

struct rests {
    struct loop *loop;
    int fd;                      /* the timer of the kernel */
    struct event *expiry;        /* of it; persistent */
    uint64_t set_us;             /* when it expires; 0: it is not set */
    bool serving;                /* inside rests_on_expiry(), which sets the timer at its end */
    struct resting_list waiting; /* all that rest, but for ... */
    struct resting_list due;     /* ... those that are over, and have not run yet */
};

static void rests_set_timer(struct rests *rests, uint64_t at_us)
{
    struct itimerspec at = {
        .it_value = {(time_t)(at_us / CLOCK_US_PER_S), (long)(at_us % CLOCK_US_PER_S) * 1000}};
    int failed;

    if (rests->set_us != 0 && rests->set_us <= at_us) {
        return;
    }
    failed = timerfd_settime(rests->fd, TFD_TIMER_ABSTIME, &at, NULL);
    assert(failed == 0);
    (void)failed;
    rests->set_us = at_us;
}

static void rests_move(struct resting *resting, struct resting_list *to)
{
    if (resting->list != NULL) {
        TAILQ_REMOVE(resting->list, resting, link);
    }
    resting->list = to;
    if (to != NULL) {
        TAILQ_INSERT_TAIL(to, resting, link);
    }
}

static void rests_find_due(struct rests *rests, uint64_t now_us)
{
    struct resting *resting = TAILQ_FIRST(&rests->waiting);
    struct resting *next;

    for (; resting != NULL; resting = next) {
        next = TAILQ_NEXT(resting, link);
        if (resting->end_us <= now_us) {
            rests_move(resting, &rests->due);
        }
    }
}

/* For the end that is next, if there is one. */
static void rests_set_timer_for_next(struct rests *rests)
{
    const struct resting *resting;
    uint64_t next = UINT64_MAX;

    TAILQ_FOREACH(resting, &rests->waiting, link) {
        next = resting->end_us < next ? resting->end_us : next;
    }
    if (next != UINT64_MAX) {
        rests_set_timer(rests, next);
    }
}

static void rests_on_expiry(evutil_socket_t fd, short what, void *ctx)
{
    struct rests *rests = ctx;
    struct resting *resting;

    (void)fd;
    (void)what;
    rests->set_us = 0;
    rests->serving = true;
    rests_find_due(rests, loop_touch(rests->loop));
    while ((resting = TAILQ_FIRST(&rests->due)) != NULL) {
        rests_move(resting, NULL);
        resting->run(resting->ctx);
    }
    rests->serving = false;
    rests_set_timer_for_next(rests);
}

struct rests *rests_new(struct loop *loop)
{
    struct rests *rests = calloc(1, sizeof(*rests));
    const short what = EV_READ | EV_PERSIST | EV_ET; /* so that it need not be read */

    if (rests == NULL) {
        return NULL;
    }
    rests->loop = loop;
    TAILQ_INIT(&rests->waiting);
    TAILQ_INIT(&rests->due);
    rests->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (rests->fd >= 0) {
        rests->expiry = event_new(loop_event_base(loop), rests->fd, what, rests_on_expiry, rests);
    }
    if (rests->expiry == NULL || event_add(rests->expiry, NULL) != 0) {
        rests_free(rests);
        return NULL;
    }
    return rests;
}

void rests_free(struct rests *rests)
{
    if (rests == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&rests->waiting) && TAILQ_EMPTY(&rests->due));
    if (rests->expiry != NULL) {
        event_free(rests->expiry);
    }
    if (rests->fd >= 0) {
        close(rests->fd);
    }
    free(rests);
}

void resting_init(struct resting *resting, void (*run)(void *ctx), void *ctx)
{
    *resting = (struct resting){.run = run, .ctx = ctx};
}

void rests_begin(struct rests *rests, struct resting *resting, uint64_t end_us)
{
    assert(end_us != 0);
    resting->end_us = end_us;
    rests_move(resting, &rests->waiting);
    if (!rests->serving) {
        rests_set_timer(rests, end_us);
    }
}

/* The timer stays as it is: another rest begins soon, as a rule, and its expiry for nobody is
 * cheaper than to set it each time. */
void resting_end(struct resting *resting)
{
    rests_move(resting, NULL);
}
