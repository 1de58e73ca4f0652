/* The event loop over libevent: deferred calls, signals, the resolver. For: everything that waits.
 * Not for: timers (loop_timer.c), sockets (link.c). */
#include "net/loop.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/moderation.h"
#include "net/rests.h"

TAILQ_HEAD(loop_task_list, loop_task);

/* Deferred calls of one kind. */
struct loop_tasks {
    struct loop_task_list waiting; /* for the next pass */
    struct loop_task_list running; /* left of the pass under way */
    uint64_t pass;                 /* number of the pass under way, or of the last one */
};

enum { LOOP_SIGNALS_MAX = 8, LOOP_PASSES_A_TURN = 8 };

/* A signal and who wants it. */
struct loop_signal {
    struct loop *loop;
    struct event *event;
    void (*run)(void *ctx, int signal_number);
    void *ctx;
};

struct loop {
    struct event_base *base;
    struct evdns_base *dns;
    struct loop_timer alarm; /* wakes loop_turn() at the end of its wait */
    struct event *deferred;  /* activated by hand, runs the tasks at the end of the turn */
    struct loop_tasks tasks; /* loop_defer() */
    struct loop_tasks last;  /* loop_defer_last() */
    bool deferring;          /* inside loop_run_tasks() */
    uint64_t now_us;         /* the clock as last read */
    uint64_t turn_us;        /* when the turn under way began; 0: none did */
    struct lag lag;          /* how long turns took */
    struct rest rest;        /* what was said, see loop_allow_rest() */
    struct rests *rests;     /* the links that rest */
    bool stopping;           /* loop_stop() was called */
    struct loop_signal signals[LOOP_SIGNALS_MAX];
    size_t signal_count;
};

static void loop_on_alarm(void *ctx)
{
    (void)ctx;
}

static void loop_tasks_init(struct loop_tasks *tasks)
{
    TAILQ_INIT(&tasks->waiting);
    TAILQ_INIT(&tasks->running);
}

/* Runs what is queued; what that queues waits for the next pass. */
static void loop_run_pass(struct loop_tasks *tasks)
{
    struct loop_task *task;

    tasks->pass++;
    TAILQ_CONCAT(&tasks->running, &tasks->waiting, link);
    while ((task = TAILQ_FIRST(&tasks->running)) != NULL) {
        TAILQ_REMOVE(&tasks->running, task, link);
        task->tasks = NULL;
        task->run(task->ctx);
    }
}

static bool loop_has_tasks(const struct loop *loop)
{
    return !TAILQ_EMPTY(&loop->tasks.waiting) || !TAILQ_EMPTY(&loop->last.waiting);
}

/* The end of a turn. Tasks that queue tasks get a few passes; then the sockets have their turn, so
 * that no chain of tasks can keep the loop from reading, or from ending. */
static void loop_run_tasks(struct loop *loop)
{
    static const struct timeval at_once = {0, 0};
    int pass;

    loop->deferring = true;
    for (pass = 0; pass < LOOP_PASSES_A_TURN && loop_has_tasks(loop); pass++) {
        loop_run_pass(TAILQ_EMPTY(&loop->tasks.waiting) ? &loop->last : &loop->tasks);
    }
    loop_run_pass(&loop->last);
    loop->deferring = false;
    if (loop_has_tasks(loop)) {
        event_add(loop->deferred, &at_once);
    }
}

static void loop_on_deferred(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    loop_touch(ctx);
    loop_run_tasks(ctx);
}

/* Without a cached time: timers count from when they are set, not from when the turn began. What
 * the environment may say of libevent is ignored: rests.c needs what epoll alone has. */
static struct event_base *loop_new_base(void)
{
    const int flags = EVENT_BASE_FLAG_NO_CACHE_TIME | EVENT_BASE_FLAG_IGNORE_ENV;
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL && event_config_set_flag(config, flags) == 0 &&
        event_config_require_features(config, EV_FEATURE_ET) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    return base;
}

static struct evdns_base *loop_new_dns(struct event_base *base)
{
    int flags = EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE;
    struct evdns_base *dns = evdns_base_new(base, flags);

    if (dns != NULL) {
        return dns;
    }
    /* No name server is configured: addresses and the hosts file still resolve. */
    dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (dns != NULL) {
        evdns_base_load_hosts(dns, "/etc/hosts");
    }
    return dns;
}

struct loop *loop_new(struct err *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    loop->rest = REST_INIT;
    loop_tasks_init(&loop->tasks);
    loop_tasks_init(&loop->last);
    signal(SIGPIPE, SIG_IGN);
    loop->base = loop_new_base();
    if (loop->base != NULL) {
        loop->dns = loop_new_dns(loop->base);
        loop->rests = rests_new(loop);
        loop->deferred = event_new(loop->base, -1, 0, loop_on_deferred, loop);
    }
    if (loop->dns == NULL || loop->rests == NULL || loop->deferred == NULL ||
        loop_timer_init(&loop->alarm, loop, loop_on_alarm, loop) != 0) {
        err_set(err, "the event loop could not be set up: out of memory or descriptors");
        loop_free(loop);
        return NULL;
    }
    loop_touch(loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    size_t i;

    if (loop == NULL) {
        return;
    }
    for (i = 0; i < loop->signal_count; i++) {
        event_free(loop->signals[i].event);
    }
    loop_timer_fini(&loop->alarm);
    if (loop->deferred != NULL) {
        event_free(loop->deferred);
    }
    rests_free(loop->rests);
    if (loop->dns != NULL) {
        evdns_base_free(loop->dns, 0);
    }
    if (loop->base != NULL) {
        /* Frees what evdns has left to run of cancelled requests. */
        event_base_loop(loop->base, EVLOOP_NONBLOCK);
        event_base_free(loop->base);
    }
    free(loop);
}

/* Waits as `flags` say, calls what is ready, and notes how long that took. */
static void loop_wait_and_call(struct loop *loop, int flags)
{
    uint64_t begun;

    loop->turn_us = 0;
    event_base_loop(loop->base, EVLOOP_ONCE | flags);
    begun = loop->turn_us;
    if (begun != 0) {
        loop_touch(loop);
        lag_note(&loop->lag, loop->now_us, loop->now_us - begun);
    }
}

void loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping) {
        loop_wait_and_call(loop, EVLOOP_NO_EXIT_ON_EMPTY);
    }
    loop_run_tasks(loop);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    event_base_loopbreak(loop->base);
}

void loop_turn(struct loop *loop, uint64_t wait_us)
{
    loop_touch(loop);
    if (wait_us == 0) {
        loop_wait_and_call(loop, EVLOOP_NONBLOCK);
        return;
    }
    loop_timer_set(&loop->alarm, wait_us);
    loop_wait_and_call(loop, EVLOOP_NO_EXIT_ON_EMPTY);
    loop_timer_cancel(&loop->alarm);
}

uint64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

uint64_t loop_touch(struct loop *loop)
{
    loop->now_us = clock_monotonic_us();
    if (loop->turn_us == 0) {
        loop->turn_us = loop->now_us;
    }
    return loop->now_us;
}

void loop_limit_rest(struct loop *loop, uint64_t most_us)
{
    rest_limit(&loop->rest, most_us);
}

void loop_allow_rest(struct loop *loop, uint64_t most_us)
{
    rest_allow(&loop->rest, most_us);
}

uint64_t loop_take_rest(struct loop *loop)
{
    return rest_take(&loop->rest);
}

const struct lag *loop_lag(const struct loop *loop)
{
    return &loop->lag;
}

void loop_task_init(struct loop_task *task, void (*run)(void *ctx), void *ctx)
{
    *task = (struct loop_task){.run = run, .ctx = ctx};
}

static void loop_queue(struct loop *loop, struct loop_tasks *tasks, struct loop_task *task)
{
    if (task->tasks != NULL) {
        return;
    }
    if (!loop->deferring && !loop_has_tasks(loop)) {
        event_active(loop->deferred, 0, 0);
    }
    task->tasks = tasks;
    task->pass = tasks->pass;
    TAILQ_INSERT_TAIL(&tasks->waiting, task, link);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    loop_queue(loop, &loop->tasks, task);
}

void loop_defer_last(struct loop *loop, struct loop_task *task)
{
    loop_queue(loop, &loop->last, task);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    struct loop_tasks *tasks = task->tasks;

    (void)loop;
    if (tasks == NULL) {
        return;
    }
    task->tasks = NULL;
    if (task->pass == tasks->pass) {
        TAILQ_REMOVE(&tasks->waiting, task, link);
    } else {
        TAILQ_REMOVE(&tasks->running, task, link);
    }
}

static void loop_on_signal_event(evutil_socket_t signal_number, short what, void *ctx)
{
    struct loop_signal *wanted = ctx;

    (void)what;
    loop_touch(wanted->loop);
    wanted->run(wanted->ctx, (int)signal_number);
}

int loop_on_signal(struct loop *loop, int signal_number, void (*run)(void *ctx, int signal_number),
                   void *ctx)
{
    struct loop_signal *wanted = &loop->signals[loop->signal_count];

    if (loop->signal_count == LOOP_SIGNALS_MAX) {
        return -1;
    }
    *wanted = (struct loop_signal){.loop = loop, .run = run, .ctx = ctx};
    wanted->event = evsignal_new(loop->base, signal_number, loop_on_signal_event, wanted);
    if (wanted->event == NULL || evsignal_add(wanted->event, NULL) != 0) {
        if (wanted->event != NULL) {
            event_free(wanted->event);
        }
        return -1;
    }
    loop->signal_count++;
    return 0;
}

struct rests *loop_rests(struct loop *loop)
{
    return loop->rests;
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

struct evdns_base *loop_evdns_base(struct loop *loop)
{
    return loop->dns;
}
