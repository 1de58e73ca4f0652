/* Is every time counted in the right bucket, and are the quantiles within the promised 3.2 %? */
#include "core/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rand.h"

#define TOP (UINT64_C(1) << 36)

static struct histogram histogram;

static int set_up(void **state)
{
    (void)state;
    histogram_reset(&histogram);
    return 0;
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile(&histogram, 1), 0);
    assert_int_equal(histogram_count_below(&histogram, UINT64_MAX), 0);
}

static void test_one_value_is_every_quantile(void **state)
{
    static const uint64_t values[] = {0, 1, 31, 32, 33, 63, 64, 1000, 123456789, TOP - 1};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        histogram_reset(&histogram);
        histogram_record(&histogram, values[i]);
        assert_int_equal(histogram_quantile(&histogram, 0), values[i]);
        assert_int_equal(histogram_quantile(&histogram, 0.5), values[i]);
        assert_int_equal(histogram_quantile(&histogram, 1), values[i]);
        assert_int_equal(histogram.max, values[i]);
        assert_int_equal(histogram.sum, values[i]);
        assert_int_equal(histogram.count, 1);
    }
}

static void test_too_large_counts_as_largest(void **state)
{
    (void)state;
    histogram_record(&histogram, UINT64_MAX);
    histogram_record(&histogram, TOP);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.max, TOP);
    assert_int_equal(histogram.sum, 2 * TOP);
    assert_int_equal(histogram_count_below(&histogram, TOP), 2);
    assert_true(histogram_quantile(&histogram, 1) >= TOP - 1);
}

/* Around every power of two and its 32nd parts: what was recorded is found again, and its upper
 * neighbour is at most 1/32 away. */
static void test_relative_error(void **state)
{
    (void)state;
    for (unsigned bit = 5; bit < 36; bit++) {
        for (uint64_t part = 0; part < 32; part++) {
            uint64_t low = (UINT64_C(1) << bit) + (part << (bit - 5));
            uint64_t high;

            histogram_reset(&histogram);
            histogram_record(&histogram, low);
            histogram_record(&histogram, TOP - 1);
            high = histogram_quantile(&histogram, 0.5);
            assert_true(high >= low);
            assert_true((double)(high - low) / (double)low < 0.032);
            assert_int_equal(histogram_count_below(&histogram, low), high < TOP - 1 ? 1 : 2);
            if (low > 32) {
                assert_int_equal(histogram_count_below(&histogram, low - 1), 0);
            }
        }
    }
}

static void test_quantiles_of_random_values(void **state)
{
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    struct rand rand;
    static const double quantiles[] = {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};

    (void)state;
    rand_init_seed(&rand, 99);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = rand_below(&rand, UINT64_C(1) << (1 + rand_below(&rand, 36)));
        histogram_record(&histogram, values[i]);
    }
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        uint64_t found = histogram_quantile(&histogram, quantiles[i]);
        size_t not_above = 0;
        size_t clearly_below = 0;

        for (size_t j = 0; j < COUNT; j++) {
            not_above += values[j] <= found;
            clearly_below += (double)values[j] < (double)found / 1.032;
        }
        assert_true((double)not_above >= quantiles[i] * COUNT);
        assert_true((double)clearly_below < quantiles[i] * COUNT);
        assert_true(found <= histogram.max);
    }
    assert_int_equal(histogram_quantile(&histogram, 1), histogram.max);
}

static void test_counts_grow_with_the_value(void **state)
{
    uint64_t before = 0;

    (void)state;
    for (uint64_t value = 0; value < 2000; value++) {
        histogram_record(&histogram, value);
    }
    for (uint64_t value = 0; value < 2500; value++) {
        uint64_t count = histogram_count_below(&histogram, value);

        assert_true(count >= before);
        assert_true(count >= (value < 2000 ? value + 1 : 2000));
        assert_true((double)count <= (double)(value + 1) * 1.032 + 1);
        before = count;
    }
    assert_int_equal(before, 2000);
    assert_int_equal(histogram_count_below(&histogram, 9), 10);
}

static void test_quantiles_of_few(void **state)
{
    (void)state;
    histogram_record(&histogram, 1);
    histogram_record(&histogram, 2);
    histogram_record(&histogram, 3);
    histogram_record(&histogram, 4);
    assert_int_equal(histogram_quantile(&histogram, 0), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.25), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 2);
    assert_int_equal(histogram_quantile(&histogram, 0.75), 3);
    assert_int_equal(histogram_quantile(&histogram, 0.76), 4);
    assert_int_equal(histogram_quantile(&histogram, 0.999), 4);
}

/* Several bounds in one go, as one by one, and never less for a larger one. */
static void test_counts_of_each(void **state)
{
    static const uint64_t bounds[] = {0, 5, 31, 32, 1000, 1001, 50000, TOP * 2};
    uint64_t counts[8];
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 5);
    for (size_t i = 0; i < 1000; i++) {
        histogram_record(&histogram, rand_next(&rand) % 60000);
    }
    histogram_count_each_below(&histogram, bounds, 8, counts);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(counts[i], histogram_count_below(&histogram, bounds[i]));
    }
    assert_int_equal(counts[7], 1000);
}

/* The short cut over empty buckets counts what the buckets hold, in a sum of histograms too. */
static void test_groups_are_sums(void **state)
{
    static struct histogram sum;
    struct rand rand;
    uint64_t seen = 0;

    (void)state;
    rand_init_seed(&rand, 6);
    for (size_t i = 0; i < 1000; i++) {
        histogram_record(&histogram, rand_below(&rand, UINT64_C(1) << (1 + rand_below(&rand, 37))));
    }
    histogram_reset(&sum);
    histogram_add(&sum, &histogram);
    histogram_add(&sum, &histogram);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (i % HISTOGRAM_GROUP == 0) {
            seen = 0;
        }
        seen += histogram.buckets[i];
        if (i % HISTOGRAM_GROUP == HISTOGRAM_GROUP - 1) {
            assert_int_equal(histogram.groups[i / HISTOGRAM_GROUP], seen);
            assert_int_equal(sum.groups[i / HISTOGRAM_GROUP], 2 * seen);
        }
    }
    for (unsigned i = 0; i <= 100; i++) {
        assert_int_equal(histogram_quantile(&sum, i / 100.0),
                         histogram_quantile(&histogram, i / 100.0));
    }
    assert_int_equal(histogram_count_below(&sum, UINT64_MAX), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_empty, set_up),
        cmocka_unit_test_setup(test_one_value_is_every_quantile, set_up),
        cmocka_unit_test_setup(test_too_large_counts_as_largest, set_up),
        cmocka_unit_test_setup(test_relative_error, set_up),
        cmocka_unit_test_setup(test_quantiles_of_random_values, set_up),
        cmocka_unit_test_setup(test_counts_grow_with_the_value, set_up),
        cmocka_unit_test_setup(test_quantiles_of_few, set_up),
        cmocka_unit_test_setup(test_counts_of_each, set_up),
        cmocka_unit_test_setup(test_groups_are_sums, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
