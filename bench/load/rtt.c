/* Keeps the times of calls and says their percentiles; see rtt.h. */
#include "rtt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"

void rtt_add(struct rtt *rtt, uint64_t time_ns)
{
    if (rtt->count == rtt->size) {
        rtt->size = rtt->size * 2 + 4096;
        rtt->times_ns = realloc(rtt->times_ns, rtt->size * sizeof(*rtt->times_ns));
        if (!rtt->times_ns)
            die("out of memory");
    }
    rtt->times_ns[rtt->count++] = time_ns;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double percentile(const struct rtt *rtt, unsigned percent)
{
    if (rtt->count == 0)
        return 0;
    return (double)rtt->times_ns[(rtt->count - 1) * percent / 100] / 1000;
}

void rtt_print(struct rtt *rtt)
{
    if (rtt->count)
        qsort(rtt->times_ns, rtt->count, sizeof(*rtt->times_ns), compare);
    printf("{\"calls\": %" PRIu64 ", \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
           rtt->count, percentile(rtt, 50), percentile(rtt, 99), percentile(rtt, 100));
    free(rtt->times_ns);
}
