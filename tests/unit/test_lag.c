/* Are the longest turns kept, those of late and ever, and is the log told of slow ones without
 * being flooded? */
#include "net/lag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

enum { LINE_SIZE = 512 };

static char last_line[LINE_SIZE];
static unsigned lines;

static void take_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    assert_true(len < LINE_SIZE);
    memcpy(last_line, line, len);
    last_line[len] = '\0';
    lines++;
}

static int set_up(void **state)
{
    (void)state;
    lines = 0;
    last_line[0] = '\0';
    log_set_clock(NULL);
    log_set_writer(take_line, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_set_writer(NULL, NULL);
    return 0;
}

static bool told(const char *words)
{
    return strstr(last_line, words) != NULL;
}

static void test_nothing_yet(void **state)
{
    struct lag lag = {0};

    (void)state;
    assert_int_equal(lag.max_us, 0);
    assert_int_equal(lag_recent_us(&lag, 0), 0);
    assert_int_equal(lag_recent_us(&lag, UINT64_MAX), 0);
}

static void test_the_longest_stays(void **state)
{
    uint64_t now = 1234 * CLOCK_US_PER_S;
    struct lag lag = {0};

    (void)state;
    lag_note(&lag, now, 50);
    lag_note(&lag, now + 1, 900);
    lag_note(&lag, now + 2, 70);
    assert_int_equal(lag.max_us, 900);
    assert_int_equal(lag_recent_us(&lag, now + 2), 900);
}

static void test_of_late_forgets(void **state)
{
    uint64_t now = 1230 * CLOCK_US_PER_S; /* the begin of a span */
    struct lag lag = {0};

    (void)state;
    lag_note(&lag, now, 900);
    lag_note(&lag, now + LAG_SPAN_US, 50);
    assert_int_equal(lag_recent_us(&lag, now + LAG_SPAN_US), 900);
    assert_int_equal(lag_recent_us(&lag, now + 2 * LAG_SPAN_US - 1), 900);
    assert_int_equal(lag_recent_us(&lag, now + 2 * LAG_SPAN_US), 50);
    assert_int_equal(lag_recent_us(&lag, now + 3 * LAG_SPAN_US), 0);
    lag_note(&lag, now + 5 * LAG_SPAN_US, 30); /* a whole span of silence in between */
    assert_int_equal(lag_recent_us(&lag, now + 5 * LAG_SPAN_US), 30);
    assert_int_equal(lag.max_us, 900);
}

static void test_asking_changes_nothing(void **state)
{
    uint64_t now = 1230 * CLOCK_US_PER_S;
    struct lag lag = {0};

    (void)state;
    lag_note(&lag, now, 900);
    assert_int_equal(lag_recent_us(&lag, now + 9 * LAG_SPAN_US), 0);
    assert_int_equal(lag_recent_us(&lag, now), 900);
}

static void test_a_slow_turn_is_told_of(void **state)
{
    struct lag lag = {0};

    (void)state;
    lag_note(&lag, 7, LAG_SLOW_US);
    assert_int_equal(lines, 0);
    lag_note(&lag, 8, LAG_SLOW_US + 52000);
    assert_int_equal(lines, 1);
    assert_true(told("level=warn"));
    assert_true(told("turns=1 longest_ms=152 limit_ms=100"));
}

static void test_many_slow_turns_are_summed_up(void **state)
{
    struct lag lag = {0};
    uint64_t now = CLOCK_US_PER_S;

    (void)state;
    lag_note(&lag, now, 2 * LAG_SLOW_US);
    for (int i = 1; i < 60; i++) {
        lag_note(&lag, now + (uint64_t)i * CLOCK_US_PER_S, (i == 30 ? 5 : 3) * LAG_SLOW_US);
    }
    assert_int_equal(lines, 1);
    lag_note(&lag, now + 60 * CLOCK_US_PER_S, 4 * LAG_SLOW_US);
    assert_int_equal(lines, 2);
    assert_true(told("turns=60 longest_ms=500"));
    lag_note(&lag, now + 120 * CLOCK_US_PER_S, 4 * LAG_SLOW_US);
    assert_int_equal(lines, 3);
    assert_true(told("turns=1 longest_ms=400"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_of_late_forgets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asking_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_slow_turn_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_slow_turns_are_summed_up, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
