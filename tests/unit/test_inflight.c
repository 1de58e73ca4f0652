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

static void test_a_fast_receiver_gets_all_there_may_be(void **state)
{
    struct inflight inflight;

    (void)state;
    inflight_init(&inflight, MAX, SECOND);
    assert_true(inflight.limit < MAX);
    assert_int_equal(settle_with(&inflight, 500000, 300, 10), MAX);
}

static void test_a_slow_receiver_gets_what_it_answers_in_time(void **state)
{
    static const uint64_t rates[] = {20000, 5000, 1000, 200};
    struct inflight inflight;

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        size_t limit;
        inflight_init(&inflight, MAX, SECOND);
        inflight.limit = MAX;
        limit = settle_with(&inflight, rates[i], 300, 30);
        assert_in_range(limit, rates[i] / 2, rates[i]);
    }
    /* Of a hundred a minute there are as few as there can be. */
    assert_int_equal(settle_with(&inflight, 2, 300, 30), INFLIGHT_MIN);
    /* It gets faster again. */
    assert_int_equal(settle_with(&inflight, 500000, 300, 20), MAX);
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
    assert_int_equal(inflight.limit, 1000);
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
        cmocka_unit_test(test_a_fast_receiver_gets_all_there_may_be),
        cmocka_unit_test(test_a_slow_receiver_gets_what_it_answers_in_time),
        cmocka_unit_test(test_one_late_answer_says_only_so_much),
        cmocka_unit_test(test_nothing_changes_where_nothing_was_held_back),
        cmocka_unit_test(test_what_is_forgotten_is_not_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
