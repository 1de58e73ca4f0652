/* Does the limit of what is out unanswered follow the receiver: up where it is fast, down where it
 * is slow, and nowhere where it held nothing back? */
#include "core/inflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX = 65536, SECOND = 1000000 };

/* A receiver of so many messages a second, fed as much as the limit allows: a message goes behind
 * all that are out. The limit after `rounds` answers. */
static size_t settle_with(struct inflight *inflight, uint64_t per_second, uint64_t least_us,
                          unsigned rounds)
{
    uint64_t now = 1, tag = 1;

    while (rounds-- > 0) {
        uint64_t took = inflight->limit * UINT64_C(1000000) / per_second;
        inflight_on_sent(inflight, tag, now);
        inflight->held_back = true;
        now += took > least_us ? took : least_us;
        tag += inflight->limit;
        assert_true(inflight_is_due(inflight, tag));
        inflight_judge(inflight, now);
        assert_true(inflight->limit >= INFLIGHT_MIN && inflight->limit <= MAX);
    }
    return inflight->limit;
}

/* The limit in the end, for a receiver of so many a second behind a way that takes so long. */
static size_t limit_for(uint64_t per_second, uint64_t way_us, size_t start)
{
    struct inflight inflight;

    inflight_init(&inflight, MAX, SECOND);
    assert_true(inflight.limit < MAX);
    if (start != 0) {
        inflight.limit = start;
    }
    inflight_on_sent(&inflight, 1, 1); /* one alone, which shows the way */
    inflight_judge(&inflight, 1 + way_us);
    return settle_with(&inflight, per_second, way_us, 30);
}

static void test_a_fast_receiver_gets_what_it_answers_in_a_moment(void **state)
{
    static const uint64_t rates[] = {500000, 100000, 40000, 22000};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        size_t most = (size_t)(rates[i] * (INFLIGHT_QUEUE_US + 300) / SECOND);
        assert_in_range(limit_for(rates[i], 300, 0), most / 2, most);
        assert_in_range(limit_for(rates[i], 300, MAX), most / 2, most);
        assert_in_range(limit_for(rates[i], 300, INFLIGHT_MIN), most / 2, most);
    }
    assert_int_equal(limit_for(5000000, 300, 0), MAX);
}

static void test_a_long_way_has_as_many_on_it(void **state)
{
    static const uint64_t ways[] = {10000, 50000, 200000, 500000};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        size_t on_it = (size_t)(20000 * ways[i] / SECOND);
        size_t limit = limit_for(20000, ways[i], INFLIGHT_MIN);
        assert_in_range(limit, on_it, on_it + 20000 * INFLIGHT_QUEUE_US / SECOND + 1);
    }
}

static void test_a_slow_receiver_gets_what_it_answers_in_time(void **state)
{
    static const uint64_t rates[] = {10000, 5000, 1000, 200};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        size_t most = rates[i] < INFLIGHT_FEW ? (size_t)rates[i] : INFLIGHT_FEW;
        assert_in_range(limit_for(rates[i], 300, MAX), most / 2, most);
        assert_in_range(limit_for(rates[i], 300, INFLIGHT_MIN), most / 4, most);
    }
    /* Of a hundred a minute there are as few as there can be. */
    assert_int_equal(limit_for(2, 300, 0), INFLIGHT_MIN);
}

static void test_a_receiver_may_get_faster(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, SECOND);
    assert_int_equal(settle_with(&inflight, 2, 300, 30), INFLIGHT_MIN);
    assert_in_range(settle_with(&inflight, 500000, 300, 20), 15000, 30150);
}

static void test_a_new_way_is_found_anew(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, SECOND);
    settle_with(&inflight, 100000, 300, 20);
    inflight_restart(&inflight);
    assert_in_range(settle_with(&inflight, 100000, 200000, 20), 20000, 26000);
}

/* Times that leave no room for the moment: the caller's word holds. */
static void test_never_longer_than_the_caller_says(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, INFLIGHT_QUEUE_US / 2);
    assert_in_range(settle_with(&inflight, 100000, 300, 30), 1500, 3000);
    inflight_init(&inflight, MAX, 1);
    assert_int_equal(settle_with(&inflight, 100000, 300, 30), INFLIGHT_MIN);
}

static void test_one_late_answer_says_only_so_much(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, SECOND);
    inflight.limit = 8000;
    inflight_on_sent(&inflight, 7, 1);
    inflight.held_back = true;
    assert_true(inflight_judge(&inflight, UINT64_C(3600) * SECOND));
    assert_int_equal(inflight.limit, INFLIGHT_FEW);
    inflight_on_sent(&inflight, 8, 1);
    inflight.held_back = true;
    assert_true(inflight_judge(&inflight, UINT64_C(3600) * SECOND));
    assert_int_equal(inflight.limit, INFLIGHT_FEW / 8);
}

static void test_nothing_changes_where_nothing_was_held_back(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, SECOND);
    inflight.limit = 4096;
    inflight_on_sent(&inflight, 5, 10);
    inflight_on_sent(&inflight, 6, 20); /* the first one is watched */
    assert_false(inflight_is_due(&inflight, 5));
    assert_true(inflight_is_due(&inflight, 6));
    assert_false(inflight_judge(&inflight, 10 + 60 * SECOND));
    assert_int_equal(inflight.limit, 4096);
    assert_false(inflight_is_due(&inflight, 100));
    inflight_on_sent(&inflight, 9, 30);
    assert_false(inflight_judge(&inflight, 40));
    assert_int_equal(inflight.limit, 4096);
}

static void test_what_is_forgotten_is_not_judged(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, INFLIGHT_MIN, SECOND);
    assert_int_equal(inflight.limit, INFLIGHT_MIN);
    inflight_on_sent(&inflight, 5, 10);
    inflight.held_back = true;
    inflight_forget(&inflight);
    assert_false(inflight_is_due(&inflight, UINT64_MAX));
    assert_false(inflight.held_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fast_receiver_gets_what_it_answers_in_a_moment),
        cmocka_unit_test(test_a_long_way_has_as_many_on_it),
        cmocka_unit_test(test_a_slow_receiver_gets_what_it_answers_in_time),
        cmocka_unit_test(test_a_receiver_may_get_faster),
        cmocka_unit_test(test_a_new_way_is_found_anew),
        cmocka_unit_test(test_never_longer_than_the_caller_says),
        cmocka_unit_test(test_one_late_answer_says_only_so_much),
        cmocka_unit_test(test_nothing_changes_where_nothing_was_held_back),
        cmocka_unit_test(test_what_is_forgotten_is_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
