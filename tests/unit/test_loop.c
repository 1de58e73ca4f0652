/* Do timers, deferred calls and signals run when they should, in order, once, and can none of them
 * keep the loop from the others? */
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { DEADLINE_US = 30 * 1000 * 1000 };

/* What ran, in order: one letter each. */
struct trace {
    struct loop *loop;
    char letters[64];
    size_t count;
};

/* A deferred call that writes its letter, and may do more. */
struct step {
    struct trace *trace;
    char letter;
    struct loop_task task;
    struct step *defers;  /* defers it when it runs */
    struct step *cancels; /* cancels it when it runs */
};

static void write_letter(struct trace *trace, char letter)
{
    assert_true(trace->count < sizeof(trace->letters) - 1);
    trace->letters[trace->count++] = letter;
}

static void on_step(void *ctx)
{
    struct step *step = ctx;

    write_letter(step->trace, step->letter);
    if (step->defers != NULL) {
        loop_defer(step->trace->loop, &step->defers->task);
    }
    if (step->cancels != NULL) {
        loop_task_cancel(step->trace->loop, &step->cancels->task);
    }
}

static void step_init(struct step *step, struct trace *trace, char letter)
{
    *step = (struct step){.trace = trace, .letter = letter};
    loop_task_init(&step->task, on_step, step);
}

static struct loop *make_loop(void)
{
    struct err err = {""};
    struct loop *loop = loop_new(&err);

    assert_string_equal(err.text, "");
    assert_non_null(loop);
    return loop;
}

static void expect_trace(struct trace *trace, const char *letters)
{
    trace->letters[trace->count] = '\0';
    assert_string_equal(trace->letters, letters);
    trace->count = 0;
}

/* One turn, which waits for nothing. */
static void turn(struct trace *trace)
{
    loop_turn(trace->loop, 0);
}

static void test_deferred_calls_run_in_order_and_once(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step a, b, c;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    step_init(&c, &trace, 'c');
    loop_defer(trace.loop, &b.task);
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    loop_defer(trace.loop, &c.task);
    expect_trace(&trace, "");
    turn(&trace);
    expect_trace(&trace, "bac");
    turn(&trace);
    expect_trace(&trace, "");
    loop_defer(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "a");
    loop_free(trace.loop);
}

static void test_deferred_by_a_deferred_call(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step a, b, c;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    step_init(&c, &trace, 'c');
    a.defers = &c;
    c.defers = &b;
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    turn(&trace); /* c after b, which was there first; then b again */
    expect_trace(&trace, "abcb");
    loop_free(trace.loop);
}

static void test_cancelled_calls_do_not_run(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step a, b, c;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    step_init(&c, &trace, 'c');
    loop_task_cancel(trace.loop, &a.task); /* not queued */
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    loop_task_cancel(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "b");

    loop_defer(trace.loop, &a.task); /* the only one: nothing is left for the turn */
    loop_task_cancel(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "");
    loop_defer(trace.loop, &c.task);
    turn(&trace);
    expect_trace(&trace, "c");

    loop_defer(trace.loop, &a.task); /* to the end of the queue */
    loop_defer(trace.loop, &b.task);
    loop_task_cancel(trace.loop, &a.task);
    loop_defer(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "ba");
    loop_free(trace.loop);
}

static void test_cancelled_in_the_pass_that_would_run_them(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step a, b, c, d;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    step_init(&c, &trace, 'c');
    step_init(&d, &trace, 'd');
    a.cancels = &c; /* c is left of this pass */
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    loop_defer(trace.loop, &c.task);
    loop_defer(trace.loop, &d.task);
    turn(&trace);
    expect_trace(&trace, "abd");

    a.defers = &c; /* c is queued for the next pass, and cancelled in this one */
    a.cancels = NULL;
    b.cancels = &c;
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    turn(&trace);
    expect_trace(&trace, "ab");

    a.cancels = &c; /* cancelled and queued again in its own pass: it runs in the next */
    a.defers = NULL;
    b.cancels = NULL;
    b.defers = &c;
    loop_defer(trace.loop, &a.task);
    loop_defer(trace.loop, &b.task);
    loop_defer(trace.loop, &c.task);
    loop_defer(trace.loop, &d.task);
    turn(&trace);
    expect_trace(&trace, "abdc");
    loop_free(trace.loop);
}

static void test_the_last_call_runs_behind_all_others(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step a, b, c, last;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    step_init(&c, &trace, 'c');
    step_init(&last, &trace, 'z');
    a.defers = &b;
    b.defers = &c;
    loop_defer_last(trace.loop, &last.task);
    loop_defer_last(trace.loop, &last.task);
    loop_defer(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "abcz");
    turn(&trace);
    expect_trace(&trace, "");

    loop_defer_last(trace.loop, &last.task); /* alone, and what it defers runs in the same turn */
    last.defers = &c;
    turn(&trace);
    expect_trace(&trace, "zc");

    loop_defer_last(trace.loop, &last.task); /* cancelled before, and by another */
    loop_task_cancel(trace.loop, &last.task);
    turn(&trace);
    expect_trace(&trace, "");
    a.defers = NULL;
    a.cancels = &last;
    loop_defer_last(trace.loop, &last.task);
    loop_defer(trace.loop, &a.task);
    turn(&trace);
    expect_trace(&trace, "a");
    loop_free(trace.loop);
}

static void test_a_last_call_cancels_another(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct step y, z;

    (void)state;
    step_init(&y, &trace, 'y');
    step_init(&z, &trace, 'z');
    y.cancels = &z; /* of the pass under way */
    loop_defer_last(trace.loop, &y.task);
    loop_defer_last(trace.loop, &z.task);
    turn(&trace);
    expect_trace(&trace, "y");
    y.defers = &z; /* and of the next one, in the other queue now */
    loop_defer_last(trace.loop, &y.task);
    turn(&trace);
    expect_trace(&trace, "y");
    loop_free(trace.loop);
}

/* A call that defers itself for ever, and counts. */
struct forever {
    struct loop *loop;
    struct loop_task task;
    uint64_t runs;
};

static void on_forever(void *ctx)
{
    struct forever *forever = ctx;

    forever->runs++;
    loop_defer(forever->loop, &forever->task);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    char byte;

    (void)what;
    assert_int_equal(read(fd, &byte, 1), 1);
    (*(unsigned *)ctx)++;
}

static void count(void *ctx)
{
    (*(unsigned *)ctx)++;
}

static void test_a_call_that_defers_itself_starves_nobody(void **state)
{
    struct forever forever = {.loop = make_loop()};
    struct event *readable;
    struct loop_timer timer;
    unsigned timed = 0;
    unsigned read_bytes = 0;
    uint64_t end;
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    readable = event_new(loop_event_base(forever.loop), pair[0], EV_READ | EV_PERSIST, on_readable,
                         &read_bytes);
    assert_int_equal(event_add(readable, NULL), 0);
    loop_task_init(&forever.task, on_forever, &forever);
    assert_int_equal(loop_timer_init(&timer, forever.loop, count, &timed), 0);
    loop_timer_set(&timer, 2000);
    loop_defer(forever.loop, &forever.task);
    assert_int_equal(write(pair[1], "ab", 2), 2);
    for (int i = 0; i < 4; i++) {
        loop_turn(forever.loop, 0);
    }
    assert_int_equal(read_bytes, 2);
    assert_in_range(forever.runs, 4, 64);
    end = clock_monotonic_us() + DEADLINE_US;
    while (timed == 0) {
        assert_true(clock_monotonic_us() < end);
        loop_turn(forever.loop, 1000);
    }
    loop_task_cancel(forever.loop, &forever.task);
    loop_timer_fini(&timer);
    event_free(readable);
    close(pair[0]);
    close(pair[1]);
    loop_free(forever.loop);
}

static void test_a_call_that_defers_itself_keeps_none_from_being_last(void **state)
{
    struct forever forever = {.loop = make_loop()};
    struct trace trace = {.loop = forever.loop};
    struct step last;

    (void)state;
    loop_task_init(&forever.task, on_forever, &forever);
    step_init(&last, &trace, 'z');
    loop_defer(forever.loop, &forever.task);
    loop_defer_last(forever.loop, &last.task);
    turn(&trace);
    expect_trace(&trace, "z");
    loop_task_cancel(forever.loop, &forever.task);
    loop_free(forever.loop);
}

static void on_stop(void *ctx)
{
    loop_stop(ctx);
}

static void test_stop_runs_what_was_deferred(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct loop_task stop;
    struct step a, b;

    (void)state;
    step_init(&a, &trace, 'a');
    step_init(&b, &trace, 'b');
    a.defers = &b;
    loop_task_init(&stop, on_stop, trace.loop);
    loop_defer(trace.loop, &stop);
    loop_defer(trace.loop, &a.task);
    loop_run(trace.loop);
    expect_trace(&trace, "ab");
    loop_free(trace.loop);
}

static void test_stop_ends_a_call_that_defers_itself(void **state)
{
    struct forever forever = {.loop = make_loop()};
    struct loop_timer timer;

    (void)state;
    loop_task_init(&forever.task, on_forever, &forever);
    loop_defer(forever.loop, &forever.task);
    assert_int_equal(loop_timer_init(&timer, forever.loop, on_stop, forever.loop), 0);
    loop_timer_set(&timer, 1000);
    loop_run(forever.loop);
    assert_true(forever.runs > 0);
    forever.runs = 0; /* and it goes on where the loop does */
    loop_turn(forever.loop, 0);
    assert_true(forever.runs > 0);
    loop_task_cancel(forever.loop, &forever.task);
    loop_timer_fini(&timer);
    loop_free(forever.loop);
}

/* A timer that writes its letter and remembers when. */
struct alarm_clock {
    struct trace *trace;
    char letter;
    struct loop_timer timer;
    uint64_t rang_us;
    unsigned again; /* times to set itself anew */
};

static void on_alarm(void *ctx)
{
    struct alarm_clock *clock = ctx;

    assert_false(loop_timer_is_set(&clock->timer));
    write_letter(clock->trace, clock->letter);
    clock->rang_us = loop_now_us(clock->trace->loop);
    if (clock->again > 0) {
        clock->again--;
        loop_timer_set(&clock->timer, 1000);
    }
}

static void alarm_init(struct alarm_clock *clock, struct trace *trace, char letter)
{
    *clock = (struct alarm_clock){.trace = trace, .letter = letter};
    assert_int_equal(loop_timer_init(&clock->timer, trace->loop, on_alarm, clock), 0);
}

static void wait_for_letters(struct trace *trace, size_t wanted)
{
    uint64_t end = clock_monotonic_us() + DEADLINE_US;

    while (trace->count < wanted) {
        assert_true(clock_monotonic_us() < end);
        loop_turn(trace->loop, 100000);
    }
}

static void test_timers_run_in_their_time(void **state)
{
    struct trace trace = {.loop = make_loop()};
    uint64_t start = loop_touch(trace.loop);
    struct alarm_clock a, b, c;

    (void)state;
    alarm_init(&a, &trace, 'a');
    alarm_init(&b, &trace, 'b');
    alarm_init(&c, &trace, 'c');
    loop_timer_set(&c.timer, 60000);
    loop_timer_set(&a.timer, 20000);
    loop_timer_set(&b.timer, 40000);
    assert_true(loop_timer_is_set(&a.timer));
    wait_for_letters(&trace, 3);
    expect_trace(&trace, "abc");
    assert_true(a.rang_us >= start + 20000);
    assert_true(b.rang_us >= start + 40000);
    assert_true(c.rang_us >= start + 60000);
    loop_turn(trace.loop, 1000);
    expect_trace(&trace, "");
    loop_timer_fini(&a.timer);
    loop_timer_fini(&b.timer);
    loop_timer_fini(&c.timer);
    loop_free(trace.loop);
}

static void test_timers_are_set_anew_and_cancelled(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct loop_timer none = {.run = NULL};
    struct alarm_clock a, b;

    (void)state;
    alarm_init(&a, &trace, 'a');
    alarm_init(&b, &trace, 'b');
    loop_timer_set(&a.timer, 1000);
    loop_timer_cancel(&a.timer);
    loop_timer_cancel(&a.timer);
    assert_false(loop_timer_is_set(&a.timer));
    loop_timer_set(&b.timer, UINT64_C(3600) * CLOCK_US_PER_S);
    loop_timer_set(&b.timer, 2000); /* the later wish counts */
    wait_for_letters(&trace, 1);
    expect_trace(&trace, "b");
    b.again = 2; /* from inside */
    loop_timer_set(&b.timer, 0);
    wait_for_letters(&trace, 3);
    expect_trace(&trace, "bbb");
    loop_timer_set(&a.timer, 1000);
    loop_timer_fini(&a.timer);
    loop_timer_fini(&a.timer);
    loop_timer_fini(&none);
    loop_timer_cancel(&none);
    assert_false(loop_timer_is_set(&none));
    loop_timer_fini(&b.timer);
    loop_free(trace.loop);
}

static void test_a_turn_ends_after_its_wait(void **state)
{
    struct loop *loop = make_loop();
    uint64_t start = loop_touch(loop);
    uint64_t end;

    (void)state;
    loop_turn(loop, 20000);
    end = loop_touch(loop);
    assert_in_range(end - start, 20000, DEADLINE_US);
    assert_int_equal(loop_now_us(loop), end);
    loop_free(loop);
}

struct heard {
    struct loop *loop;
    int numbers[8];
    size_t count;
    uint64_t late_us; /* how far the loop's clock was behind */
};

static void on_signal(void *ctx, int signal_number)
{
    struct heard *heard = ctx;

    assert_true(heard->count < 8);
    heard->numbers[heard->count++] = signal_number;
    heard->late_us = clock_monotonic_us() - loop_now_us(heard->loop);
}

static void test_signals_come_in_the_loop(void **state)
{
    struct heard heard = {.loop = make_loop()};

    (void)state;
    assert_int_equal(loop_on_signal(heard.loop, SIGUSR1, on_signal, &heard), 0);
    assert_int_equal(loop_on_signal(heard.loop, SIGUSR2, on_signal, &heard), 0);
    raise(SIGUSR1);
    assert_int_equal(heard.count, 0); /* not in the signal's own time */
    loop_turn(heard.loop, 100000);
    raise(SIGUSR2);
    loop_turn(heard.loop, 100000);
    raise(SIGUSR1);
    loop_turn(heard.loop, 100000);
    assert_int_equal(heard.count, 3);
    assert_int_equal(heard.numbers[0], SIGUSR1);
    assert_int_equal(heard.numbers[1], SIGUSR2);
    assert_int_equal(heard.numbers[2], SIGUSR1);
    loop_free(heard.loop);
}

static void test_signals_have_a_limit(void **state)
{
    static const int numbers[] = {SIGHUP,  SIGUSR1, SIGUSR2,  SIGTERM, SIGCHLD,
                                  SIGCONT, SIGURG,  SIGWINCH, SIGIO};
    struct heard heard = {.loop = make_loop()};

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(loop_on_signal(heard.loop, numbers[i], on_signal, &heard), 0);
    }
    assert_int_equal(loop_on_signal(heard.loop, numbers[8], on_signal, &heard), -1);
    loop_free(heard.loop);
}

/* After a long wait, what a signal starts must not reckon with the time before it. */
static void test_a_signal_finds_the_clock_read(void **state)
{
    struct heard heard = {.loop = make_loop()};
    struct itimerval once = {.it_value = {2, 0}};
    uint64_t end;

    (void)state;
    assert_int_equal(loop_on_signal(heard.loop, SIGALRM, on_signal, &heard), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
    end = clock_monotonic_us() + DEADLINE_US;
    while (heard.count == 0) {
        assert_true(clock_monotonic_us() < end);
        loop_turn(heard.loop, DEADLINE_US);
    }
    assert_in_range(heard.late_us, 0, 1500000);
    loop_free(heard.loop);
}

/* A timer that keeps the loop busy. */
struct burner {
    struct loop_timer timer;
    uint64_t busy_us;
    bool burnt;
    struct loop_timer *sets; /* on_late() sets it for 20 ms later, */
    uint64_t set_us;         /* at that time */
};

static void on_burn(void *ctx)
{
    struct burner *burner = ctx;
    uint64_t end = clock_monotonic_us() + burner->busy_us;

    while (clock_monotonic_us() < end) {
    }
    burner->burnt = true;
}

static void on_late(void *ctx)
{
    struct burner *burner = ctx;

    on_burn(burner);
    burner->set_us = clock_monotonic_us();
    loop_timer_set(burner->sets, 20000);
}

/* Runs the burner once, after `delay_us`; gives back how long all of it took. */
static uint64_t burn(struct loop *loop, struct burner *burner, uint64_t delay_us)
{
    uint64_t before = clock_monotonic_us();

    burner->burnt = false;
    loop_timer_set(&burner->timer, delay_us);
    while (!burner->burnt) {
        assert_true(clock_monotonic_us() < before + DEADLINE_US);
        loop_turn(loop, DEADLINE_US);
    }
    return clock_monotonic_us() - before;
}

static void test_turns_are_timed_without_the_wait(void **state)
{
    struct loop *loop = make_loop();
    struct burner burner = {.busy_us = 30000};
    uint64_t took;

    (void)state;
    assert_int_equal(loop_timer_init(&burner.timer, loop, on_burn, &burner), 0);
    assert_int_equal(loop_lag(loop)->max_us, 0);
    took = burn(loop, &burner, 300000);
    assert_in_range(loop_lag(loop)->max_us, 30000, took - 300000);
    assert_int_equal(lag_recent_us(loop_lag(loop), clock_monotonic_us()), loop_lag(loop)->max_us);
    loop_timer_fini(&burner.timer);
    loop_free(loop);
}

static void test_a_timer_set_late_in_a_turn_is_not_early(void **state)
{
    struct trace trace = {.loop = make_loop()};
    struct burner burner = {.busy_us = 30000};
    struct alarm_clock clock;
    struct loop_timer late;
    uint64_t set_us;

    (void)state;
    alarm_init(&clock, &trace, 'a');
    assert_int_equal(loop_timer_init(&late, trace.loop, on_late, &burner), 0);
    burner.sets = &clock.timer;
    loop_timer_set(&late, 0);
    while (!burner.burnt) {
        loop_turn(trace.loop, DEADLINE_US);
    }
    set_us = burner.set_us;
    wait_for_letters(&trace, 1);
    expect_trace(&trace, "a");
    assert_true(clock.rang_us >= set_us + 20000);
    loop_timer_fini(&late);
    loop_timer_fini(&clock.timer);
    loop_free(trace.loop);
}

static void test_a_broken_pipe_is_an_error_only(void **state)
{
    struct loop *loop = make_loop();
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    loop_free(loop);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deferred_calls_run_in_order_and_once),
        cmocka_unit_test(test_deferred_by_a_deferred_call),
        cmocka_unit_test(test_cancelled_calls_do_not_run),
        cmocka_unit_test(test_cancelled_in_the_pass_that_would_run_them),
        cmocka_unit_test(test_the_last_call_runs_behind_all_others),
        cmocka_unit_test(test_a_last_call_cancels_another),
        cmocka_unit_test(test_a_call_that_defers_itself_starves_nobody),
        cmocka_unit_test(test_a_call_that_defers_itself_keeps_none_from_being_last),
        cmocka_unit_test(test_stop_runs_what_was_deferred),
        cmocka_unit_test(test_stop_ends_a_call_that_defers_itself),
        cmocka_unit_test(test_timers_run_in_their_time),
        cmocka_unit_test(test_timers_are_set_anew_and_cancelled),
        cmocka_unit_test(test_a_turn_ends_after_its_wait),
        cmocka_unit_test(test_signals_come_in_the_loop),
        cmocka_unit_test(test_signals_have_a_limit),
        cmocka_unit_test(test_a_signal_finds_the_clock_read),
        cmocka_unit_test(test_turns_are_timed_without_the_wait),
        cmocka_unit_test(test_a_timer_set_late_in_a_turn_is_not_early),
        cmocka_unit_test(test_a_broken_pipe_is_an_error_only),
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
