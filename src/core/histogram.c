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

_Static_assert(HISTOGRAM_BUCKETS % HISTOGRAM_GROUP == 0, "groups are whole");
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
    unsigned bucket;

    histogram->count++;
    histogram->sum += counted;
    if (counted > histogram->max) {
        histogram->max = counted;
    }
    bucket = bucket_of(counted);
    histogram->buckets[bucket]++;
    histogram->groups[bucket / HISTOGRAM_GROUP]++;
}

/* All that was recorded in the buckets before `end`, of which `seen` are before `*at`, which moves
 * there. */
static uint64_t histogram_seen(const struct histogram *histogram, unsigned *at, unsigned end,
                               uint64_t seen)
{
    unsigned bucket = *at;

    while (bucket < end) {
        uint64_t sum = histogram->groups[bucket / HISTOGRAM_GROUP];
        unsigned next = (bucket / HISTOGRAM_GROUP + 1) * HISTOGRAM_GROUP;

        if (sum == 0) {
            bucket = next < end ? next : end;
        } else if (bucket % HISTOGRAM_GROUP == 0 && next <= end) {
            seen += sum;
            bucket = next;
        } else {
            seen += histogram->buckets[bucket++];
        }
    }
    *at = bucket;
    return seen;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    double rank = ceil(quantile * (double)histogram->count);
    uint64_t wanted = rank > 1 ? (uint64_t)rank : 1; /* the one looked for, in their order */
    uint64_t seen = 0;
    unsigned group = 0;
    unsigned bucket;

    if (wanted > histogram->count) {
        return histogram->max;
    }
    while (seen + histogram->groups[group] < wanted) {
        seen += histogram->groups[group++];
    }
    bucket = group * HISTOGRAM_GROUP;
    while (seen + histogram->buckets[bucket] < wanted) {
        seen += histogram->buckets[bucket++];
    }
    return bucket_last(bucket) < histogram->max ? bucket_last(bucket) : histogram->max;
}

uint64_t histogram_count_below(const struct histogram *histogram, uint64_t value)
{
    unsigned bucket = 0;

    return histogram_seen(histogram, &bucket, bucket_of(value) + 1, 0);
}

void histogram_count_each_below(const struct histogram *histogram, const uint64_t *values,
                                size_t count, uint64_t *out_counts)
{
    unsigned bucket = 0;
    uint64_t seen = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        if (seen < histogram->count) { /* past the largest recorded one there is nothing */
            seen = histogram_seen(histogram, &bucket, bucket_of(values[i]) + 1, seen);
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
        histogram->groups[i / HISTOGRAM_GROUP] += from->buckets[i];
    }
}

void histogram_reset(struct histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}
