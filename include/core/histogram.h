/* A histogram of times with a bounded relative error: buckets grow by powers of two, each cut in
 * 32 (at most 3.2 % off), as in HdrHistogram (G. Tene). Recording costs a few instructions and no
 * allocation. Values are microseconds, 0 to 2^36 (19 hours); larger ones count as that. */
#ifndef CHUNNELD_CORE_HISTOGRAM_H
#define CHUNNELD_CORE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    HISTOGRAM_BUCKETS = 1024,
    HISTOGRAM_GROUP = 32, /* buckets; their sum lets those who count skip the empty ones */
};

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t groups[HISTOGRAM_BUCKETS / HISTOGRAM_GROUP]; /* sums of so many buckets each */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
/* The value that a share of `quantile` (0 to 1) of the recorded ones does not exceed; 0 while
 * nothing was recorded. Never above max. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);
/* How many recorded values are at most `value`, to the precision of the buckets. */
uint64_t histogram_count_below(const struct histogram *histogram, uint64_t value);
/* The same for `count` values, ascending, in one go: out_counts[i] belongs to values[i]. */
void histogram_count_each_below(const struct histogram *histogram, const uint64_t *values,
                                size_t count, uint64_t *out_counts);
/* Adds what `from` has recorded. */
void histogram_add(struct histogram *histogram, const struct histogram *from);
void histogram_reset(struct histogram *histogram);

#endif
