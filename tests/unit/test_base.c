/* Do the small things of base/ keep what their headers promise: error texts, buffers, clocks,
 * random numbers, back-off and near names? */
#include "base/backoff.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/nearest.h"
#include "base/rand.h"
#include "base/siphash.h"
#include "base/strbuf.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"

static void test_err_is_cut_and_terminated(void **state)
{
    char text[1000];
    struct err err;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(err_set(&err, "%s", text), -1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(err_set_errno(&err, ENOENT, "%s", text), -1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_err_says_what_errno_means(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(err_set_errno(&err, ENOENT, "open %s", "a.json"), -1);
    assert_string_equal(err.text, "open a.json: No such file or directory");
}

static void test_err_may_be_unwanted(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, "%d", 1), -1);
    assert_int_equal(err_set_errno(NULL, EIO, "%d", 1), -1);
}

static void test_strbuf_is_text_from_the_beginning(void **state)
{
    struct strbuf buf = STRBUF_INIT;

    (void)state;
    assert_string_equal(strbuf_text(&buf), "");
    assert_int_equal(strbuf_slice(&buf).len, 0);
    strbuf_append_slice(&buf, slice_make(NULL, 0));
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_append(&buf, "a\0b", 3);
    assert_memory_equal(buf.data, "a\0b", 4);
    strbuf_fini(&buf);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_append_text(&buf, "again");
    assert_string_equal(strbuf_text(&buf), "again");
    strbuf_fini(&buf);
}

static void test_strbuf_grows_at_every_size(void **state)
{
    struct strbuf buf = STRBUF_INIT;

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        strbuf_append_char(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.len, i + 1);
        assert_true(buf.len < buf.size);
        assert_int_equal(strbuf_text(&buf)[i + 1], '\0');
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(buf.data[i], 'a' + i % 26);
    }
    strbuf_append_format(&buf, "%0500d", 7);
    assert_int_equal(buf.len, 1500);
    assert_string_equal(strbuf_text(&buf) + 1498, "07");
    strbuf_truncate(&buf, 3);
    assert_string_equal(strbuf_text(&buf), "abc");
    strbuf_fini(&buf);
}

static void test_strbuf_failure_sticks(void **state)
{
    struct strbuf buf = STRBUF_INIT;

    (void)state;
    alloc_fail_after(0);
    strbuf_append_text(&buf, "lost");
    assert_true(alloc_fail_stop());
    strbuf_append_text(&buf, "also lost");
    strbuf_append_format(&buf, "%d", 1);
    assert_true(strbuf_failed(&buf));
    assert_int_equal(buf.len, 0);
    assert_null(strbuf_detach(&buf));
    strbuf_reset(&buf);
    assert_false(strbuf_failed(&buf));
    strbuf_append_text(&buf, "kept");
    assert_string_equal(strbuf_text(&buf), "kept");
    assert_null(strbuf_reserve(&buf, SIZE_MAX));
    assert_true(strbuf_failed(&buf));
    assert_string_equal(strbuf_text(&buf), "kept");
    strbuf_fini(&buf);
}

static void test_strbuf_hands_its_memory_over(void **state)
{
    struct strbuf buf = STRBUF_INIT;
    char *text = strbuf_detach(&buf);

    (void)state;
    assert_non_null(text);
    assert_string_equal(text, "");
    free(text);
    strbuf_append_text(&buf, "mine");
    text = strbuf_detach(&buf);
    assert_string_equal(text, "mine");
    assert_int_equal(buf.len, 0);
    free(text);
}

static void test_slices_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_make(NULL, 0), slice_of("")));
    assert_true(slice_equal(SLICE("a\0b"), slice_make("a\0b", 3)));
    assert_false(slice_equal(SLICE("a\0b"), slice_of("a")));
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_compare(SLICE("b"), SLICE("abc")) > 0);
    assert_int_equal(slice_compare(SLICE("abc"), SLICE("abc")), 0);
    assert_int_equal(slice_compare(slice_make(NULL, 0), SLICE("")), 0);
}

static void test_clock_writes_times(void **state)
{
    static const struct {
        int64_t wall_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1769860800123999), "2026-01-31T12:00:00.123Z"},
        {INT64_C(951782399999999), "2000-02-28T23:59:59.999Z"},
        {INT64_C(951868799000000), "2000-02-29T23:59:59.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1500, "1969-12-31T23:59:59.998Z"},
    };
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clock_format(cases[i].wall_us, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_clock_never_goes_back(void **state)
{
    uint64_t before = clock_monotonic_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_us();

        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_us() > INT64_C(1700000000000000));
}

static void test_rand_repeats_by_seed(void **state)
{
    struct rand rand;

    (void)state;
    /* The first numbers of splitmix64 from seed 1234567, as its authors' code prints them. */
    rand_init_seed(&rand, 1234567);
    assert_true(rand_next(&rand) == UINT64_C(6457827717110365317));
    assert_true(rand_next(&rand) == UINT64_C(3203168211198807973));
    assert_true(rand_next(&rand) == UINT64_C(9817491932198370423));
}

static void test_rand_stays_below(void **state)
{
    struct rand rand;
    bool seen[7] = {false};

    (void)state;
    rand_init_seed(&rand, 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = rand_below(&rand, 7);

        assert_true(number < 7);
        seen[number] = true;
    }
    for (int i = 0; i < 7; i++) {
        assert_true(seen[i]);
    }
    assert_int_equal(rand_below(&rand, 0), 0);
    assert_int_equal(rand_below(&rand, 1), 0);
}

static void test_rand_seeds_differ(void **state)
{
    struct rand a, b;

    (void)state;
    rand_init(&a);
    rand_init(&b);
    assert_true(rand_next(&a) != rand_next(&b));
}

static void test_backoff_doubles_up_to_its_cap(void **state)
{
    static const uint64_t limits[] = {100, 200, 400, 800, 1000, 1000};
    struct backoff backoff;
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 42);
    for (int round = 0; round < 100; round++) {
        backoff_init(&backoff, 100, 1000);
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
            uint64_t delay = backoff_next(&backoff, &rand, 1);

            assert_in_range(delay, limits[i] / 2, limits[i]);
        }
    }
}

static void test_backoff_is_jittered(void **state)
{
    struct backoff backoff;
    struct rand rand;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    (void)state;
    rand_init_seed(&rand, 42);
    for (int i = 0; i < 1000; i++) {
        uint64_t delay;

        backoff_init(&backoff, 1000, 1000);
        delay = backoff_next(&backoff, &rand, 1);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_true(least < 520);
    assert_true(most > 980);
}

static void test_backoff_starts_again_only_when_stable(void **state)
{
    struct backoff backoff;
    struct rand rand;
    uint64_t stable;

    (void)state;
    rand_init_seed(&rand, 42);
    backoff_init(&backoff, 100, 100000);
    stable = backoff_stable_us(&backoff);
    assert_int_equal(stable, 5 * CLOCK_US_PER_S);
    for (int i = 0; i < 5; i++) {
        backoff_next(&backoff, &rand, 1000);
    }
    backoff_good(&backoff, 2000);
    assert_true(backoff_next(&backoff, &rand, 2000 + stable - 1) >= 1600);
    backoff_good(&backoff, 9000);
    assert_true(backoff_next(&backoff, &rand, 9000 + stable) <= 100);
    /* Good before, but it has failed since: that time is over. */
    assert_in_range(backoff_next(&backoff, &rand, 9000 + 10 * stable), 100, 200);
}

static void test_backoff_takes_odd_limits(void **state)
{
    struct backoff backoff;
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 42);
    backoff_init(&backoff, 0, 0);
    assert_int_equal(backoff_next(&backoff, &rand, 0), 1);
    backoff_init(&backoff, 500, 100);
    assert_in_range(backoff_next(&backoff, &rand, 0), 250, 500);
    assert_in_range(backoff_next(&backoff, &rand, 0), 250, 500);
    backoff_init(&backoff, UINT64_MAX, UINT64_MAX);
    assert_true(backoff_next(&backoff, &rand, 0) >= UINT64_MAX / 2);
    assert_true(backoff_next(&backoff, &rand, 0) >= UINT64_MAX / 2);
    assert_int_equal(backoff_stable_us(&backoff), UINT64_MAX);
}

static void test_nearest_name(void **state)
{
    static const char *const names[] = {"channel", "pattern", "queue", "exchange", "routing_key"};
    static const struct {
        const char *wrong;
        const char *nearest;
    } cases[] = {
        {"chanel", "channel"},
        {"quue", "queue"},
        {"qeueu", "queue"},
        {"", "queue"},
        {"routingkey", "routing_key"},
        {"exchanges", "exchange"},
        {"patern", "pattern"},
        {"channel", "channel"},
        {"QUEUE", "queue"},
    };
    char wrong[500];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(nearest_name(slice_of(cases[i].wrong), names, 5), cases[i].nearest);
    }
    memset(wrong, 'x', sizeof(wrong));
    assert_non_null(nearest_name(slice_make(wrong, sizeof(wrong)), names, 5));
    assert_null(nearest_name(SLICE("a"), names, 0));
}

/* The bytes 0, 1, 2... under the key 0, 1, 2...: what `openssl mac SIPHASH` says of them. */
static void test_siphash_is_the_published_one(void **state)
{
    static const struct {
        size_t len;
        const char *print;
    } known[] = {
        {0, "a3817f04ba25a8e66df67214c7550293"}, {1, "da87c1d86b99af44347659119b22fc45"},
        {2, "8177228da4a45dc7fca38bdef60affe4"}, {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},
        {8, "3b62a9ba6258f5610f83e264f31497b4"}, {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
    };
    uint8_t bytes[SIPHASH_KEY_SIZE];

    (void)state;
    for (uint8_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = i;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        for (size_t cut = 0; cut <= known[i].len; cut++) {
            struct siphash hash;
            struct siphash_print print;
            char text[33];

            siphash_init(&hash, bytes);
            siphash_feed(&hash, bytes, cut);
            siphash_feed(&hash, bytes + cut, known[i].len - cut);
            print = siphash_end(&hash);
            snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, htobe64(htole64(print.low)),
                     htobe64(htole64(print.high)));
            assert_string_equal(text, known[i].print);
        }
    }
}

static void test_secrets_differ(void **state)
{
    uint8_t one[16];
    uint8_t two[16];

    (void)state;
    assert_int_equal(rand_secret(one, sizeof(one)), 0);
    assert_int_equal(rand_secret(two, sizeof(two)), 0);
    assert_memory_not_equal(one, two, sizeof(one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_is_the_published_one),
        cmocka_unit_test(test_secrets_differ),
        cmocka_unit_test(test_err_is_cut_and_terminated),
        cmocka_unit_test(test_err_says_what_errno_means),
        cmocka_unit_test(test_err_may_be_unwanted),
        cmocka_unit_test(test_strbuf_is_text_from_the_beginning),
        cmocka_unit_test(test_strbuf_grows_at_every_size),
        cmocka_unit_test(test_strbuf_failure_sticks),
        cmocka_unit_test(test_strbuf_hands_its_memory_over),
        cmocka_unit_test(test_slices_compare_by_bytes),
        cmocka_unit_test(test_clock_writes_times),
        cmocka_unit_test(test_clock_never_goes_back),
        cmocka_unit_test(test_rand_repeats_by_seed),
        cmocka_unit_test(test_rand_stays_below),
        cmocka_unit_test(test_rand_seeds_differ),
        cmocka_unit_test(test_backoff_doubles_up_to_its_cap),
        cmocka_unit_test(test_backoff_is_jittered),
        cmocka_unit_test(test_backoff_starts_again_only_when_stable),
        cmocka_unit_test(test_backoff_takes_odd_limits),
        cmocka_unit_test(test_nearest_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
