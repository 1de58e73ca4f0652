/* The loop of the fake net: tasks and timers, with time in the test's hands. */
#include <assert.h>
#include <stdlib.h>

#include "fake_loop.h"

struct loop *loop_new(struct err *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    loop->now_us = 1000 * 1000;
    loop->rest = REST_INIT;
    TAILQ_INIT(&loop->queued.list);
    TAILQ_INIT(&loop->timers);
    TAILQ_INIT(&loop->links);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&loop->timers));
    assert(TAILQ_EMPTY(&loop->links));
    assert(TAILQ_EMPTY(&loop->queued.list));
    free(loop);
}

uint64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

uint64_t loop_touch(struct loop *loop)
{
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

void loop_task_init(struct loop_task *task, void (*run)(void *ctx), void *ctx)
{
    *task = (struct loop_task){.run = run, .ctx = ctx};
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->tasks == NULL) {
        task->tasks = &loop->queued;
        TAILQ_INSERT_TAIL(&loop->queued.list, task, link);
    }
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    if (task->tasks != NULL) {
        task->tasks = NULL;
        TAILQ_REMOVE(&loop->queued.list, task, link);
    }
}

static bool loop_run_task(struct loop *loop)
{
    struct loop_task *task = TAILQ_FIRST(&loop->queued.list);

    if (task == NULL) {
        return false;
    }
    TAILQ_REMOVE(&loop->queued.list, task, link);
    task->tasks = NULL;
    task->run(task->ctx);
    return true;
}

int loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*run)(void *ctx), void *ctx)
{
    *timer = (struct loop_timer){.loop = loop, .run = run, .ctx = ctx};
    timer->event = calloc(1, sizeof(*timer->event));
    if (timer->event == NULL) {
        return -1;
    }
    timer->event->timer = timer;
    TAILQ_INSERT_TAIL(&loop->timers, timer->event, link);
    return 0;
}

void loop_timer_fini(struct loop_timer *timer)
{
    if (timer->event != NULL) {
        TAILQ_REMOVE(&timer->loop->timers, timer->event, link);
        free(timer->event);
        timer->event = NULL;
    }
}

void loop_timer_set(struct loop_timer *timer, uint64_t delay_us)
{
    timer->event->is_set = true;
    timer->event->at = timer->loop->now_us + delay_us;
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer->event != NULL) {
        timer->event->is_set = false;
    }
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
    return timer->event != NULL && timer->event->is_set;
}

void fake_net_set_server(struct loop *loop, const struct fake_server *server)
{
    loop->server = server;
}

void fake_net_set_answer(struct loop *loop, uint16_t port, enum fake_answer answer)
{
    size_t i = 0;

    if (port == 0) {
        loop->answer = answer;
        loop->answer_count = 0;
        return;
    }
    while (i < loop->answer_count && loop->answers[i].port != port) {
        i++;
    }
    assert(i < FAKE_PORTS);
    loop->answer_count = i == loop->answer_count ? i + 1 : loop->answer_count;
    loop->answers[i].port = port;
    loop->answers[i].answer = answer;
}

void fake_net_set_piece(struct loop *loop, size_t bytes)
{
    loop->piece = bytes;
}

void fake_net_settle(struct loop *loop)
{
    bool moved = true;

    while (moved) {
        moved = false;
        while (loop_run_task(loop)) {
            moved = true;
        }
        moved |= fake_links_move(loop);
    }
}

static struct event *loop_next_timer(const struct loop *loop, uint64_t until)
{
    struct event *event, *next = NULL;

    TAILQ_FOREACH(event, &loop->timers, link) {
        if (event->is_set && event->at <= until && (next == NULL || event->at < next->at)) {
            next = event;
        }
    }
    return next;
}

void fake_net_advance(struct loop *loop, uint64_t us)
{
    uint64_t until = loop->now_us + us;
    struct event *event;

    fake_net_settle(loop);
    while ((event = loop_next_timer(loop, until)) != NULL) {
        loop->now_us = event->at > loop->now_us ? event->at : loop->now_us;
        event->is_set = false;
        event->timer->run(event->timer->ctx);
        fake_net_settle(loop);
    }
    loop->now_us = until;
}

size_t fake_net_timers(const struct loop *loop)
{
    const struct event *event;
    size_t count = 0;

    TAILQ_FOREACH(event, &loop->timers, link) {
        count += event->is_set;
    }
    return count;
}
