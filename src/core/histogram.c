/* Counting times into buckets whose width grows with the value. For: latencies of bridges. Not
 * for: printing them (ops/). */
#include "core/histogram.h"

#include <math.h>
#include <string.h>

enum {
    SUB_BITS = 5, /* a power of two is cut in 2^5 buckets */
    SUB_BUCKETS = 1 << SUB_BITS,
    VALUE_BITS = 36,
};

#define VALUE_MAX (UINT64_C(1) << VALUE_BITS)

_Static_assert((VALUE_BITS - SUB_BITS + 1) * SUB_BUCKETS == HISTOGRAM_BUCKETS,
               "the buckets reach to the largest value");

/* Values below SUB_BUCKETS have a bucket each; from there on the bucket is the position of the
 * highest bit and the SUB_BITS bits below it. */
static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < SUB_BUCKETS) {
        return (unsigned)value;
    }
    if (value >= VALUE_MAX) {
        return HISTOGRAM_BUCKETS - 1;
    }
    shift = 63U - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return shift * SUB_BUCKETS + (unsigned)(value >> shift);
}

/* The largest value that counts in `bucket`. */
static uint64_t bucket_last(unsigned bucket)
{
    unsigned shift;

    if (bucket < SUB_BUCKETS) {
        return bucket;
    }
    shift = bucket / SUB_BUCKETS - 1;
    return ((uint64_t)(bucket - shift * SUB_BUCKETS + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    uint64_t counted = value < VALUE_MAX ? value : VALUE_MAX;

    histogram->count++;
    histogram->sum += counted;
    if (counted > histogram->max) {
        histogram->max = counted;
    }
    histogram->buckets[bucket_of(counted)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    double rank = ceil(quantile * (double)histogram->count);
    uint64_t seen = 0;

    for (unsigned i = 0; histogram->count > 0 && i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= rank) {
            uint64_t last = bucket_last(i);
            return last < histogram->max ? last : histogram->max;
        }
    }
    return histogram->max;
}

uint64_t histogram_count_below(const struct histogram *histogram, uint64_t value)
{
    unsigned last = bucket_of(value);
    uint64_t seen = 0;

    for (unsigned i = 0; i <= last; i++) {
        seen += histogram->buckets[i];
    }
    return seen;
}

void histogram_count_each_below(const struct histogram *histogram, const uint64_t *values,
                                size_t count, uint64_t *out_counts)
{
    unsigned bucket = 0;
    uint64_t seen = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        unsigned last = bucket_of(values[i]);

        /* Past the largest recorded one there is nothing. */
        for (; bucket <= last && seen < histogram->count; bucket++) {
            seen += histogram->buckets[bucket];
        }
        out_counts[i] = seen;
    }
}

void histogram_add(struct histogram *histogram, const struct histogram *from)
{
    histogram->count += from->count;
    histogram->sum += from->sum;
    if (from->max > histogram->max) {
        histogram->max = from->max;
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram->buckets[i] += from->buckets[i];
    }
}

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}
