/* Does every PUBLISH let exactly one equal message through as its echo, and does an expectation
 * that nothing can fulfil any more end, so that it swallows nobody's message? */
#include "core/echo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

enum { LIMIT = 8 };

static const uint8_t key[SIPHASH_KEY_SIZE] = "sixteen octets!";

static struct echo *echo;

static int set_up(void **state)
{
    (void)state;
    echo = echo_new(key, LIMIT);
    return echo == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    echo_free(echo);
    echo = NULL;
    return 0;
}

static struct echo_entry *publish(const char *body)
{
    struct echo_entry *entry = echo_expect(echo, SLICE("news"), slice_of(body));

    assert_non_null(entry);
    return entry;
}

static bool arrives(const char *body)
{
    return echo_take(echo, SLICE("news"), slice_of(body));
}

static size_t pass_barrier(void)
{
    echo_begin_barrier(echo);
    return echo_end_barrier(echo);
}

static void test_nothing_is_an_echo_at_first(void **state)
{
    (void)state;
    assert_false(arrives("a"));
    assert_false(echo_wants_barrier(echo));
    assert_int_equal(pass_barrier(), 0);
    assert_false(echo_is_full(echo));
}

static void test_one_echo_for_each_publish(void **state)
{
    struct echo_entry *first = publish("a");
    struct echo_entry *second = publish("a");

    (void)state;
    assert_true(arrives("a"));
    assert_true(arrives("a"));
    assert_false(arrives("a"));
    echo_answered(echo, first);
    echo_answered(echo, second);
    assert_false(arrives("a"));
    assert_false(echo_wants_barrier(echo));
}

static void test_echo_after_the_answer(void **state)
{
    (void)state;
    echo_answered(echo, publish("a"));
    assert_true(echo_wants_barrier(echo));
    assert_true(arrives("a"));
    assert_false(echo_wants_barrier(echo));
    assert_false(arrives("a"));
}

static void test_other_channel_and_body_are_no_echo(void **state)
{
    (void)state;
    echo_answered(echo, publish("a"));
    assert_false(arrives("b"));
    assert_false(echo_take(echo, SLICE("new"), SLICE("sa")));
    assert_false(echo_take(echo, SLICE("newsa"), SLICE("")));
    assert_false(echo_take(echo, SLICE("news"), SLICE("a\0")));
    assert_true(arrives("a"));
}

static void test_empty_bodies(void **state)
{
    (void)state;
    echo_answered(echo, publish(""));
    assert_true(echo_take(echo, SLICE("news"), slice_make(NULL, 0)));
    assert_false(arrives(""));
}

static void test_barrier_ends_what_was_answered_before_it(void **state)
{
    struct echo_entry *open = publish("open");

    (void)state;
    echo_answered(echo, publish("before"));
    echo_begin_barrier(echo);
    echo_answered(echo, publish("after"));
    assert_int_equal(echo_end_barrier(echo), 1);
    assert_false(arrives("before"));
    assert_true(arrives("open"));
    echo_answered(echo, open);
    assert_true(echo_wants_barrier(echo));
    assert_int_equal(pass_barrier(), 1);
    assert_false(arrives("after"));
}

static void test_new_subscription_has_no_old_echoes(void **state)
{
    struct echo_entry *open = publish("open");

    (void)state;
    echo_answered(echo, publish("answered"));
    echo_forget(echo);
    assert_false(arrives("answered"));
    assert_false(arrives("open"));
    echo_answered(echo, open);
    assert_false(arrives("open"));
    assert_false(echo_wants_barrier(echo));
}

static void test_what_was_not_published_has_no_echo(void **state)
{
    (void)state;
    echo_withdraw(echo, publish("a"));
    assert_false(arrives("a"));
    echo_answered(echo, publish("a"));
    assert_true(arrives("a"));
}

/* An equal message was swallowed for a PUBLISH that perhaps never was: the next one pays. */
static void test_debt_is_paid_by_the_next_equal_publish(void **state)
{
    struct echo_entry *lost = publish("a");

    (void)state;
    assert_true(arrives("a"));
    echo_withdraw(echo, lost);
    echo_answered(echo, publish("b"));
    assert_true(arrives("b"));
    echo_answered(echo, publish("a"));
    assert_false(arrives("a"));
    echo_answered(echo, publish("a"));
    assert_true(arrives("a"));
}

/* The one that pays may be lost in its turn. */
static void test_debt_outlives_another_loss(void **state)
{
    struct echo_entry *lost = publish("a");

    (void)state;
    assert_true(arrives("a"));
    echo_withdraw(echo, lost);
    echo_withdraw(echo, publish("a"));
    echo_answered(echo, publish("a"));
    assert_false(arrives("a"));
}

static void test_debt_outlives_the_subscription(void **state)
{
    struct echo_entry *lost = publish("a");

    (void)state;
    assert_true(arrives("a"));
    echo_forget(echo);
    echo_withdraw(echo, lost);
    echo_answered(echo, publish("a"));
    assert_false(arrives("a"));
}

static void test_debts_leave_room(void **state)
{
    char body[] = "a";

    (void)state;
    for (unsigned i = 0; i < 5 * LIMIT; i++) {
        struct echo_entry *lost = publish(body);

        assert_true(arrives(body));
        echo_withdraw(echo, lost);
        assert_false(echo_is_full(echo));
        body[0]++;
    }
}

static void test_limit(void **state)
{
    struct echo_entry *entries[LIMIT];

    (void)state;
    for (unsigned i = 0; i < LIMIT; i++) {
        assert_false(echo_is_full(echo));
        entries[i] = publish("a");
    }
    assert_true(echo_is_full(echo));
    echo_answered(echo, entries[0]);
    assert_true(echo_is_full(echo));
    assert_true(arrives("a"));
    assert_false(echo_is_full(echo));
    /* The rest goes with the echo, in whatever state. */
    assert_true(arrives("a"));
    echo_withdraw(echo, entries[1]);
    echo_forget(echo);
}

static void test_fate_of_an_echo(void **state)
{
    struct echo_entry *entry = echo_expect(echo, SLICE("news"), SLICE("a"));

    (void)state;
    assert_int_equal(echo_get_fate(entry), ECHO_FATE_AWAITED);
    assert_true(arrives("a"));
    assert_int_equal(echo_get_fate(entry), ECHO_FATE_CAME);
    echo_drop(echo, entry);
    entry = echo_expect(echo, SLICE("news"), SLICE("a"));
    echo_forget(echo);
    assert_int_equal(echo_get_fate(entry), ECHO_FATE_UNKNOWN);
    echo_drop(echo, entry);
    entry = echo_expect(echo, SLICE("news"), SLICE("a"));
    echo_drop(echo, entry); /* given up */
    assert_false(arrives("a"));
    entry = echo_expect(echo, SLICE("news"), SLICE("a"));
    assert_true(arrives("a"));
    echo_withdraw(echo, entry); /* a debt, which the next one pays: its own echo crosses */
    entry = echo_expect(echo, SLICE("news"), SLICE("a"));
    assert_int_equal(echo_get_fate(entry), ECHO_FATE_UNKNOWN);
    echo_drop(echo, entry);
    assert_false(arrives("a"));
}

/* Without memory an echo crosses: a message doubled, none lost. */
static void test_out_of_memory(void **state)
{
    bool failed = true;
    unsigned i;

    (void)state;
    for (i = 0; failed; i++) {
        struct echo_entry *entry;

        alloc_fail_after(i);
        entry = echo_expect(echo, SLICE("news"), SLICE("a"));
        failed = alloc_fail_stop();
        assert_int_equal(entry == NULL, failed);
        if (entry != NULL) {
            echo_answered(echo, entry);
        }
        assert_int_equal(arrives("a"), entry != NULL);
    }
    assert_true(i > 2);
    alloc_fail_after(0);
    assert_null(echo_new(key, LIMIT));
    assert_true(alloc_fail_stop());
    echo_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_an_echo_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_echo_for_each_publish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_echo_after_the_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_channel_and_body_are_no_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_barrier_ends_what_was_answered_before_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_new_subscription_has_no_old_echoes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_not_published_has_no_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_debt_is_paid_by_the_next_equal_publish, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_debt_outlives_another_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_debt_outlives_the_subscription, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_debts_leave_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fate_of_an_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
