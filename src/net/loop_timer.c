/* Timers of the loop, which are libevent's. These keep to the coarse clock of the kernel, which
 * steps from tick to tick: to the µs they would cost a call of the kernel in every turn. For: all
 * that may be some ms late. Not for: the ends of rests (rests.c). */
#include <event2/event.h>
#include <time.h>

#include "base/clock.h"
#include "net/loop.h"

/* By the coarse clock, which is behind when the timer is set, it would be due too early. So a tick
 * is added, and where the clock was further behind it waits for another one. */
static void loop_timer_add(struct loop_timer *timer, uint64_t delay_us)
{
    struct timespec tick = {0, 0};
    uint64_t coarse_us = delay_us;
    struct timeval delay;

    if (delay_us > 0) {
        clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
        coarse_us += (uint64_t)tick.tv_nsec / 1000 + 1;
    }
    delay.tv_sec = (time_t)(coarse_us / CLOCK_US_PER_S);
    delay.tv_usec = (suseconds_t)(coarse_us % CLOCK_US_PER_S);
    evtimer_add(timer->event, &delay);
}

static void loop_on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct loop_timer *timer = ctx;
    uint64_t now = loop_touch(timer->loop);

    (void)fd;
    (void)what;
    if (now < timer->due_us) {
        loop_timer_add(timer, timer->due_us - now);
        return;
    }
    timer->run(timer->ctx);
}

int loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*run)(void *ctx), void *ctx)
{
    *timer = (struct loop_timer){.loop = loop, .run = run, .ctx = ctx};
    timer->event = evtimer_new(loop_event_base(loop), loop_on_timer, timer);
    return timer->event != NULL ? 0 : -1;
}

void loop_timer_fini(struct loop_timer *timer)
{
    if (timer->event != NULL) {
        event_free(timer->event);
        timer->event = NULL;
    }
}

void loop_timer_set(struct loop_timer *timer, uint64_t delay_us)
{
    timer->due_us = clock_monotonic_us() + delay_us;
    loop_timer_add(timer, delay_us);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (timer->event != NULL) {
        evtimer_del(timer->event);
    }
}

bool loop_timer_is_set(const struct loop_timer *timer)
{
    return timer->event != NULL && evtimer_pending(timer->event, NULL) != 0;
}
