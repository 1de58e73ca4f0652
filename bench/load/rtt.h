/* How long calls took. */
#ifndef BENCH_LOAD_RTT_H
#define BENCH_LOAD_RTT_H

#include <stdint.h>

/* Zeroed, it is empty. */
struct rtt {
    uint64_t *times_ns;
    uint64_t count;
    uint64_t size;
};

void rtt_add(struct rtt *rtt, uint64_t time_ns);
/* Prints {"calls": N, "p50_us": ..., "p99_us": ..., "max_us": ...} and forgets. */
void rtt_print(struct rtt *rtt);

#endif
