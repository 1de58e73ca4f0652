/* Do rests end to the microsecond, each at its own time, also when nothing else happens, and at no
 * more calls of the kernel than that takes? */
#include "net/rests.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"

enum { DEADLINE_US = 30 * 1000 * 1000, TRIES = 30, SOON_US = 700 };

static unsigned timers_set;
static unsigned waits;

/* In the place of the library's, for libevent too. */
int timerfd_settime(int fd, int flags, const struct itimerspec *fresh, struct itimerspec *old)
{
    union {
        void *found;
        int (*call)(int, int, const struct itimerspec *, struct itimerspec *);
    } real = {.found = dlsym(RTLD_NEXT, "timerfd_settime")};

    timers_set++;
    return real.call(fd, flags, fresh, old);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    waits++;
    return epoll_pwait(fd, events, max, timeout_ms, NULL);
}

/* One that rests, and what it does then. */
struct sleeper {
    struct loop *loop;
    struct resting resting;
    unsigned runs;
    uint64_t end_us;
    uint64_t late_us;      /* of the last run */
    uint64_t again_us;     /* it rests so long again; 0: it does not */
    struct sleeper *wakes; /* another one, whose rest it ends; NULL: none */
    bool stops;            /* the loop */
};

static void sleep_until(struct sleeper *sleeper, uint64_t end_us)
{
    sleeper->end_us = end_us;
    rests_begin(loop_rests(sleeper->loop), &sleeper->resting, end_us);
}

static void sleep_for(struct sleeper *sleeper, uint64_t us)
{
    sleep_until(sleeper, clock_monotonic_us() + us);
}

static void on_rested(void *ctx)
{
    struct sleeper *sleeper = ctx;
    uint64_t now = clock_monotonic_us();

    assert_null(sleeper->resting.list);
    assert_true(now >= sleeper->end_us);
    assert_true(loop_now_us(sleeper->loop) >= sleeper->end_us);
    sleeper->late_us = now - sleeper->end_us;
    sleeper->runs++;
    if (sleeper->wakes != NULL) {
        resting_end(&sleeper->wakes->resting);
    }
    if (sleeper->again_us != 0) {
        sleep_until(sleeper, sleeper->end_us + sleeper->again_us);
    }
    if (sleeper->stops) {
        loop_stop(sleeper->loop);
    }
}

static void sleeper_init(struct sleeper *sleeper, struct loop *loop)
{
    *sleeper = (struct sleeper){.loop = loop};
    resting_init(&sleeper->resting, on_rested, sleeper);
}

static struct loop *make_loop(void)
{
    struct err err = {""};
    struct loop *loop = loop_new(&err);

    assert_non_null(loop);
    return loop;
}

/* Turns the loop until it ran so often. */
static void wait_for_runs(const struct sleeper *sleeper, unsigned runs)
{
    uint64_t end = clock_monotonic_us() + DEADLINE_US;

    while (sleeper->runs < runs) {
        assert_true(clock_monotonic_us() < end);
        loop_turn(sleeper->loop, DEADLINE_US);
    }
    assert_int_equal(sleeper->runs, runs);
}

static void test_a_rest_ends_though_nothing_else_happens(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleeper;
    bool soon = false;

    (void)state;
    sleeper_init(&sleeper, loop);
    /* A machine that is busy with others may take its time, but not every time. */
    for (unsigned i = 0; i < TRIES && !soon; i++) {
        sleep_for(&sleeper, 1300);
        wait_for_runs(&sleeper, i + 1);
        soon = sleeper.late_us < SOON_US;
    }
    assert_true(soon);
    loop_free(loop);
}

static void test_each_ends_at_its_own_time(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleepers[4];
    static const uint64_t rests_us[] = {20000, 5000, 40000, 10000};
    bool apart = false;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sleeper_init(&sleepers[i], loop);
    }
    for (unsigned tries = 0; tries < TRIES && !apart; tries++) {
        uint64_t now = clock_monotonic_us();

        for (size_t i = 0; i < 4; i++) {
            sleep_until(&sleepers[i], now + rests_us[i]);
        }
        wait_for_runs(&sleepers[1], tries + 1);
        apart = sleepers[3].runs == tries;
        wait_for_runs(&sleepers[3], tries + 1);
        apart = apart && sleepers[0].runs == tries;
        wait_for_runs(&sleepers[0], tries + 1);
        apart = apart && sleepers[2].runs == tries;
        wait_for_runs(&sleepers[2], tries + 1);
    }
    assert_true(apart);
    loop_free(loop);
}

static void test_rests_that_end_together_take_one_turn(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleepers[3];
    uint64_t end = clock_monotonic_us() + 10000;

    (void)state;
    timers_set = 0;
    for (size_t i = 0; i < 3; i++) {
        sleeper_init(&sleepers[i], loop);
        sleep_until(&sleepers[i], end);
    }
    wait_for_runs(&sleepers[0], 1);
    assert_int_equal(sleepers[1].runs, 1);
    assert_int_equal(sleepers[2].runs, 1);
    assert_int_equal(timers_set, 1);
    loop_free(loop);
}

static void test_one_that_ends_later_sets_no_timer(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper first, second;

    (void)state;
    sleeper_init(&first, loop);
    sleeper_init(&second, loop);
    timers_set = 0;
    sleep_for(&first, UINT64_C(3600) * CLOCK_US_PER_S);
    sleep_for(&second, UINT64_C(7200) * CLOCK_US_PER_S);
    assert_int_equal(timers_set, 1);
    sleep_for(&second, UINT64_C(1800) * CLOCK_US_PER_S);
    assert_int_equal(timers_set, 2);
    resting_end(&first.resting);
    resting_end(&second.resting);
    assert_int_equal(timers_set, 2);
    loop_free(loop);
}

/* What the kernel is asked for: a wait and a setting of the timer each. */
static void test_one_rest_after_another_takes_a_turn_each(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleeper;

    (void)state;
    sleeper_init(&sleeper, loop);
    sleeper.again_us = 1000;
    sleep_for(&sleeper, 1000);
    wait_for_runs(&sleeper, 1);
    timers_set = 0;
    waits = 0;
    for (unsigned i = 2; i <= 101; i++) {
        wait_for_runs(&sleeper, i);
    }
    assert_int_equal(timers_set, 100);
    assert_int_equal(waits, 100);
    resting_end(&sleeper.resting);
    loop_free(loop);
}

static void on_timer(void *ctx)
{
    (*(unsigned *)ctx)++;
}

static void test_without_a_rest_the_timer_is_left_alone(void **state)
{
    struct loop *loop = make_loop();
    struct loop_timer timer;
    unsigned runs = 0;

    (void)state;
    assert_int_equal(loop_timer_init(&timer, loop, on_timer, &runs), 0);
    timers_set = 0;
    for (unsigned i = 0; i < 5; i++) {
        uint64_t end = clock_monotonic_us() + DEADLINE_US;

        loop_timer_set(&timer, 1000);
        while (runs == i) {
            assert_true(clock_monotonic_us() < end);
            loop_turn(loop, DEADLINE_US);
        }
    }
    assert_int_equal(timers_set, 0);
    loop_timer_fini(&timer);
    loop_free(loop);
}

/* The expiry is not read; it must wake the loop once all the same. */
static void test_after_the_last_rest_the_loop_sleeps(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleeper;
    struct loop_timer timer;
    unsigned runs = 0;

    (void)state;
    sleeper_init(&sleeper, loop);
    assert_int_equal(loop_timer_init(&timer, loop, on_timer, &runs), 0);
    sleep_for(&sleeper, 1000);
    wait_for_runs(&sleeper, 1);
    waits = 0;
    loop_timer_set(&timer, 50000);
    while (runs == 0) {
        assert_in_range(waits, 0, 10);
        loop_turn(loop, DEADLINE_US);
    }
    loop_timer_fini(&timer);
    loop_free(loop);
}

static void test_one_that_is_ended_does_not_run(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper ended, other;

    (void)state;
    sleeper_init(&ended, loop);
    sleeper_init(&other, loop);
    resting_end(&ended.resting); /* it does not rest */
    sleep_for(&ended, 1000);
    resting_end(&ended.resting);
    sleep_for(&other, 3000);
    wait_for_runs(&other, 1);
    assert_int_equal(ended.runs, 0);
    sleep_for(&ended, 1000); /* and it may rest again */
    wait_for_runs(&ended, 1);
    loop_free(loop);
}

/* Whichever runs first ends the other's rest, which is over too. */
static void test_one_that_is_ended_by_another_does_not_run(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleepers[2];
    uint64_t end = clock_monotonic_us() + 1000;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        sleeper_init(&sleepers[i], loop);
        sleepers[i].wakes = &sleepers[1 - i];
        sleep_until(&sleepers[i], end);
    }
    while (sleepers[0].runs + sleepers[1].runs == 0) {
        assert_true(clock_monotonic_us() < end + DEADLINE_US);
        loop_turn(loop, DEADLINE_US);
    }
    assert_int_equal(sleepers[0].runs + sleepers[1].runs, 1);
    assert_null(sleepers[0].resting.list);
    assert_null(sleepers[1].resting.list);
    loop_free(loop);
}

static void test_a_rest_begun_anew_is_moved(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleeper;

    (void)state;
    sleeper_init(&sleeper, loop);
    sleep_for(&sleeper, 1000);
    sleep_for(&sleeper, 20000); /* on_rested() asserts that it was this one */
    wait_for_runs(&sleeper, 1);
    sleep_for(&sleeper, UINT64_C(3600) * CLOCK_US_PER_S);
    sleep_for(&sleeper, 1000);
    wait_for_runs(&sleeper, 2);
    loop_free(loop);
}

/* One that never ends in time again must leave the others their turns. */
static void test_a_rest_that_is_over_already_takes_a_turn(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper sleeper;
    struct loop_timer timer;
    unsigned runs = 0;

    (void)state;
    assert_int_equal(loop_timer_init(&timer, loop, on_timer, &runs), 0);
    sleeper_init(&sleeper, loop);
    sleeper.again_us = 1;
    sleep_until(&sleeper, 1);
    wait_for_runs(&sleeper, 1);
    wait_for_runs(&sleeper, 2); /* one a turn */
    loop_timer_set(&timer, 1000);
    while (runs == 0) {
        wait_for_runs(&sleeper, sleeper.runs + 1);
    }
    resting_end(&sleeper.resting);
    loop_timer_fini(&timer);
    loop_free(loop);
}

static void test_a_rest_outlives_a_stop(void **state)
{
    struct loop *loop = make_loop();
    struct sleeper stopper, sleeper;

    (void)state;
    sleeper_init(&stopper, loop);
    sleeper_init(&sleeper, loop);
    stopper.stops = true;
    sleep_for(&stopper, 1000);
    sleep_for(&sleeper, 60000);
    loop_run(loop);
    assert_int_equal(stopper.runs, 1);
    wait_for_runs(&sleeper, 1);
    sleep_for(&stopper, 1000); /* and one that is still waiting at the end of all is ended */
    sleep_for(&sleeper, UINT64_C(3600) * CLOCK_US_PER_S);
    loop_run(loop);
    resting_end(&sleeper.resting);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rest_ends_though_nothing_else_happens),
        cmocka_unit_test(test_each_ends_at_its_own_time),
        cmocka_unit_test(test_rests_that_end_together_take_one_turn),
        cmocka_unit_test(test_one_that_ends_later_sets_no_timer),
        cmocka_unit_test(test_one_rest_after_another_takes_a_turn_each),
        cmocka_unit_test(test_without_a_rest_the_timer_is_left_alone),
        cmocka_unit_test(test_after_the_last_rest_the_loop_sleeps),
        cmocka_unit_test(test_one_that_is_ended_does_not_run),
        cmocka_unit_test(test_one_that_is_ended_by_another_does_not_run),
        cmocka_unit_test(test_a_rest_begun_anew_is_moved),
        cmocka_unit_test(test_a_rest_that_is_over_already_takes_a_turn),
        cmocka_unit_test(test_a_rest_outlives_a_stop),
    };

    return cmocka_run_group_tests_name("rests", tests, NULL, NULL);
}
