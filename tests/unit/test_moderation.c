/* Is a link left unread where nobody notices and much is gained, and nowhere else? */
#include "net/moderation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000000, MS = 1000 };

/* Messages come `burst` at a time, each `gap` µs, for a second: how many of them may be followed by
 * a rest. */
static unsigned pass(struct moderation *moderation, uint64_t gap, unsigned burst)
{
    static uint64_t now = 12345;
    uint64_t end = now + SECOND;
    unsigned rests = 0;

    for (; now < end; now += gap) {
        for (unsigned i = 0; i < burst; i++) {
            uint64_t rest = moderation_by_rate(moderation, now);

            assert_true(rest == 0 || rest == MODERATION_UNIT_US);
            rests += rest != 0;
        }
    }
    return rests;
}

static void test_light_traffic_is_left_alone(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    assert_int_equal(pass(&moderation, SECOND, 1), 0);
    assert_int_equal(pass(&moderation, 1000, 1), 0);
    assert_int_equal(pass(&moderation, 250, 1), 0);
    assert_int_equal(pass(&moderation, 10 * MS, 40), 0);
    /* However many come at once, when it is a few times a second. */
    assert_int_equal(pass(&moderation, SECOND / 10, 400), 0);
}

static void test_thousands_a_second_are_gathered(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    pass(&moderation, 100, 1);
    assert_int_equal(pass(&moderation, 100, 1), 10000);
    /* In whatever pieces they are read, those of a rest too. */
    assert_int_equal(pass(&moderation, 1000, 10), 10000);
    assert_int_equal(pass(&moderation, 4000, 40), 10000);
    assert_int_equal(pass(&moderation, 20000, 200), 10000);
}

static void test_it_goes_on_while_it_is_not_much_less(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    assert_int_equal(pass(&moderation, 250, 1), 0);
    pass(&moderation, 100, 1);
    assert_int_equal(pass(&moderation, 250, 1), 4000);
    pass(&moderation, 500, 1);
    assert_int_equal(pass(&moderation, 500, 1), 0);
}

static void test_it_ends_with_the_traffic(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    for (uint64_t now = 0; now < SECOND; now += 50) {
        moderation_by_rate(&moderation, now);
    }
    assert_true(moderation.many);
    /* The first message after a pause is not held up. */
    assert_int_equal(moderation_by_rate(&moderation, UINT64_C(3600) * SECOND), 0);
    assert_int_equal(moderation_by_rate(&moderation, UINT64_C(3600) * SECOND + 1), 0);
}

static void test_what_waits_anyway_waits_a_little_more(void **state)
{
    static const struct {
        uint64_t sent, wait_us, rest_us;
    } cases[] = {
        {10000, 500 * MS, 4 * MS}, /* a broker that is saturated */
        {2000, 500 * MS, 4 * MS},  /* 4,000 a second: just worth it */
        {1999, 500 * MS, 0},
        {1024, 64 * MS, 4 * MS},
        {1024, 64 * MS - 1, 2 * MS},
        {1024, 32 * MS - 1, 1 * MS},
        {1024, 16 * MS, 1 * MS},
        {1024, 16 * MS - 1, 0},
        {100000, 1 * MS, 0}, /* many, but they do not wait */
        {64, 16 * MS, 0},    /* a small window, a prefetch of one */
        {1, 1 * MS, 0},
        {1, 1, 0},
        {0, 1, 0},
        {1, 3600 * UINT64_C(1000) * MS, 0}, /* one message, and a broker that hung */
        {25, 25 * MS, 0},                   /* a thousand a second, confirmed when synced */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(moderation_by_wait(cases[i].sent, cases[i].wait_us), cases[i].rest_us);
    }
}

static void test_a_rest_is_short_and_gathers_much(void **state)
{
    (void)state;
    for (uint64_t wait = 1; wait < 4 * SECOND; wait += 1 + wait / 7) {
        for (uint64_t sent = 0; sent < 100000; sent += 1 + sent / 7) {
            uint64_t rest = moderation_by_wait(sent, wait);

            assert_true(rest == 0 || rest == 1 * MS || rest == 2 * MS || rest == 4 * MS);
            assert_true(rest * MODERATION_PART <= wait);
            assert_true(rest == 0 || sent * rest / wait >= MODERATION_WORTH);
        }
    }
}

static void test_rests_end_together(void **state)
{
    (void)state;
    assert_int_equal(moderation_end(0, 1234567), 0);
    assert_int_equal(moderation_end(MODERATION_UNIT_US - 1, 1234567), 0);
    assert_int_equal(moderation_end(1 * MS, 1234567), 1235 * MS);
    assert_int_equal(moderation_end(3 * MS, 1234567), 1236 * MS);
    assert_int_equal(moderation_end(UINT64_MAX, 1234567), 1236 * MS);
    assert_int_equal(moderation_end(4 * MS, 1236 * MS), 1240 * MS);
    for (uint64_t now = 0; now < 20 * MS; now += 77) {
        for (uint64_t rest = 0; rest <= 5 * MS; rest += 100) {
            uint64_t end = moderation_end(rest, now);

            assert_true(end == 0 ? rest < 1 * MS : end > now && end - now <= rest);
            assert_true(rest < 4 * MS || moderation_end(1 * MS, end - 1) == end);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_light_traffic_is_left_alone),
        cmocka_unit_test(test_thousands_a_second_are_gathered),
        cmocka_unit_test(test_it_goes_on_while_it_is_not_much_less),
        cmocka_unit_test(test_it_ends_with_the_traffic),
        cmocka_unit_test(test_what_waits_anyway_waits_a_little_more),
        cmocka_unit_test(test_a_rest_is_short_and_gathers_much),
        cmocka_unit_test(test_rests_end_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
