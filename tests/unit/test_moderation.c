/* Is a link left unread where nobody notices and much is gained, and nowhere else? */
#include "net/moderation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000000, MS = 1000 };

/* Messages come `burst` at a time, each `gap` µs, for a second: how long all of them may stay
 * unread together. */
static uint64_t pass(struct moderation *moderation, uint64_t gap, unsigned burst)
{
    static uint64_t now = 12345;
    uint64_t end = now + SECOND, rests = 0;

    for (; now < end; now += gap) {
        for (unsigned i = 0; i < burst; i++) {
            moderation_count(moderation, now);
            rests += moderation_by_rate(moderation);
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
    pass(&moderation, 160, 1); /* 6,250 a second */
    assert_int_equal(pass(&moderation, 160, 1), 6250 * MS);
    pass(&moderation, 80, 1);
    assert_int_equal(pass(&moderation, 80, 1), 12500 * 2 * MS);
    /* In whatever pieces they are read, those of a rest too. */
    assert_int_equal(pass(&moderation, 800, 10), 12500 * 2 * MS);
    assert_int_equal(pass(&moderation, 8000, 100), 12500 * 2 * MS);
    assert_int_equal(pass(&moderation, 20000, 250), 12500 * 2 * MS);
    pass(&moderation, 40, 1);
    assert_int_equal(pass(&moderation, 40, 1), 25000 * 4 * MS);
    pass(&moderation, 20, 1);
    assert_int_equal(pass(&moderation, 20, 1), 50000 * 4 * MS); /* and no longer */
}

static void test_it_goes_on_while_it_is_not_much_less(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    pass(&moderation, 80, 1);
    assert_int_equal(pass(&moderation, 160, 1), 6250 * 2 * MS);
    pass(&moderation, 250, 1);
    assert_int_equal(pass(&moderation, 160, 1), 6250 * MS);
    assert_int_equal(pass(&moderation, 250, 1), 4000 * MS);
    pass(&moderation, 500, 1);
    assert_int_equal(pass(&moderation, 500, 1), 0);
    assert_int_equal(pass(&moderation, 250, 1), 0);
}

static void test_it_ends_with_the_traffic(void **state)
{
    struct moderation moderation = {0};
    uint64_t later = UINT64_C(3600) * SECOND;

    (void)state;
    for (uint64_t now = 0; now < SECOND; now += 50) {
        moderation_count(&moderation, now);
    }
    assert_int_equal(moderation_by_rate(&moderation), 4 * MS);
    /* The first message after a pause is not held up. */
    assert_true(moderation_count(&moderation, later));
    assert_int_equal(moderation_by_rate(&moderation), 0);
    assert_false(moderation_count(&moderation, later + 1));
    assert_int_equal(moderation_by_rate(&moderation), 0);
}

static void test_what_has_room_is_what_comes_meanwhile(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    assert_true(moderation_by_room(&moderation, 1) == UINT64_MAX);
    pass(&moderation, 100, 1);
    assert_in_range(moderation_by_room(&moderation, 64), 6300, 6500);
    assert_in_range(moderation_by_room(&moderation, 2), 190, 210);
    assert_int_equal(moderation_by_room(&moderation, 0), 0);
}

static void test_what_waits_anyway_waits_a_little_more(void **state)
{
    static const struct {
        uint64_t sent, wait_us, rest_us;
    } cases[] = {
        {10000, 500 * MS, 8 * MS}, /* a broker that is saturated */
        {1000, 500 * MS, 8 * MS},  /* 2,000 a second: just worth it */
        {999, 500 * MS, 0},
        {1024, 128 * MS, 8 * MS},
        {1024, 128 * MS - 1, 4 * MS},
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

static void test_what_is_behind_a_queue_waits_a_little_more(void **state)
{
    struct moderation moderation = {0};

    (void)state;
    assert_int_equal(moderation_by_queue(&moderation, 1000000), 0); /* of unknown length in time */
    pass(&moderation, 100, 1);
    assert_int_equal(moderation_by_queue(&moderation, 0), 0);
    assert_int_equal(moderation_by_queue(&moderation, 100), 0);
    assert_int_equal(moderation_by_queue(&moderation, 400), 2 * MS);
    assert_int_equal(moderation_by_queue(&moderation, 5000), 8 * MS);
    assert_int_equal(moderation_by_queue(&moderation, 1000000000), 8 * MS);
    pass(&moderation, 1000, 1); /* slow: there is little to gather */
    assert_int_equal(moderation_by_queue(&moderation, 1000000), 0);
}

static void test_a_rest_is_short_and_gathers_much(void **state)
{
    (void)state;
    for (uint64_t wait = 1; wait < 4 * SECOND; wait += 1 + wait / 7) {
        for (uint64_t sent = 0; sent < 100000; sent += 1 + sent / 7) {
            uint64_t rest = moderation_by_wait(sent, wait);

            assert_true(rest == 0 || rest == 1 * MS || rest == 2 * MS || rest == 4 * MS ||
                        rest == 8 * MS);
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
    assert_int_equal(moderation_end(UINT64_MAX, 1234567), 1240 * MS);
    assert_int_equal(moderation_end(8 * MS, 1240 * MS), 1248 * MS);
    for (uint64_t now = 0; now < 20 * MS; now += 77) {
        for (uint64_t rest = 0; rest <= 9 * MS; rest += 100) {
            uint64_t end = moderation_end(rest, now);

            assert_true(end == 0 ? rest < 1 * MS : end > now && end - now <= rest);
            assert_true(rest < 1 * MS || moderation_end(1 * MS, end - 1) == end);
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
        cmocka_unit_test(test_what_has_room_is_what_comes_meanwhile),
        cmocka_unit_test(test_what_waits_anyway_waits_a_little_more),
        cmocka_unit_test(test_what_is_behind_a_queue_waits_a_little_more),
        cmocka_unit_test(test_a_rest_is_short_and_gathers_much),
        cmocka_unit_test(test_rests_end_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
