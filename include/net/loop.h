/* The one event loop: timers, deferred calls, signals, name resolution. Nothing above net/ sees
 * libevent. One thread. */
#ifndef CHUNNELD_NET_LOOP_H
#define CHUNNELD_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "net/lag.h"

struct loop;
struct event;
struct event_base;
struct evdns_base;
struct rests;
struct loop_tasks;

/* NULL and words in `err`. Ignores SIGPIPE. */
struct loop *loop_new(struct err *err);
/* Everything made for the loop (timers, links, signals) must be gone. NULL is legal. */
void loop_free(struct loop *loop);
/* Turns until loop_stop(). */
void loop_run(struct loop *loop);
/* Ends loop_run() after the turn under way; deferred calls already made still run. */
void loop_stop(struct loop *loop);
/* Runs what is ready, waiting about `wait_us` for something, as timers do; for tests. */
void loop_turn(struct loop *loop, uint64_t wait_us);

/* Monotonic µs, read at the begin and the end of a turn of the loop and at loop_touch(). */
uint64_t loop_now_us(const struct loop *loop);
/* Reads the clock again; returns it. Whatever libevent calls begins with this: the first one of a
 * turn begins the turn. */
uint64_t loop_touch(struct loop *loop);
/* How long the turns took. Lives as long as the loop. */
const struct lag *loop_lag(const struct loop *loop);

/* What follows on the link that is being read may wait for `most_us`, as far as the caller is
 * concerned: it may stay unread for so long. Of all that is said of one read the least counts; a
 * read of which nothing is said is followed by the next one at once. */
void loop_allow_rest(struct loop *loop, uint64_t most_us);
/* As that, but is no reason to leave it unread. */
void loop_limit_rest(struct loop *loop, uint64_t most_us);
/* For link_flow.c alone: the least that was said since it was last asked; 0: nothing was. */
uint64_t loop_take_rest(struct loop *loop);

/* A deferred call: runs once, at the end of the turn under way, before the loop waits again.
 * Embedded by value; no destructor is needed while it is not deferred. */
struct loop_task {
    void (*run)(void *ctx);
    void *ctx;
    struct loop_tasks *tasks; /* where it is queued; NULL: it is not */
    uint64_t pass;            /* of those, in which it was queued */
    TAILQ_ENTRY(loop_task) link;
};

void loop_task_init(struct loop_task *task, void (*run)(void *ctx), void *ctx);
/* Queues the call; does nothing while it is queued already. */
void loop_defer(struct loop *loop, struct loop_task *task);
/* As that, behind all others of the turn, also those that are deferred later: for what gathers what
 * they do. */
void loop_defer_last(struct loop *loop, struct loop_task *task);
/* Takes it back; legal when it is not queued. */
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* A timer, embedded by value. It is never early, and up to about 10 ms late (two ticks of the
 * kernel, of 4 ms as a rule, and the rounding of its wait to 1 ms): rests.h has what must be to the
 * µs. */
struct loop_timer {
    struct loop *loop;
    struct event *event; /* owned; made at init */
    uint64_t due_us;     /* when it is to run, as last set */
    void (*run)(void *ctx);
    void *ctx;
};

/* 0, or -1: out of memory. */
int loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*run)(void *ctx), void *ctx);
/* Frees it; legal on a zeroed timer and twice. */
void loop_timer_fini(struct loop_timer *timer);
/* Runs once in `delay_us`; replaces what was set before. */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_us);
void loop_timer_cancel(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);

/* Calls `run` in the loop for every delivery of `signal_number`; 0, or -1. One handler a signal. */
int loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *ctx, int signal_number),
                   void *ctx);

/* For link.c and link_flow.c alone: the links that rest. */
struct rests *loop_rests(struct loop *loop);
/* For net/ and ops/http alone. */
struct event_base *loop_event_base(struct loop *loop);
struct evdns_base *loop_evdns_base(struct loop *loop);

#endif
