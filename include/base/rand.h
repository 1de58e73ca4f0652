/* Random numbers for jitter and identifiers. The state is an argument, so that a test can seed it
 * and nothing it tests depends on luck. Only rand_secret() is for secrets. */
#ifndef CHUNNELD_BASE_RAND_H
#define CHUNNELD_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rand {
    uint64_t state; /* splitmix64 counter */
};

/* Seeds from the kernel (getrandom). */
void rand_init(struct rand *rand);
/* Seeds from a number: the same numbers follow every time. */
void rand_init_seed(struct rand *rand, uint64_t seed);
/* The next 64 bits (splitmix64, Steele, Lea and Flood, OOPSLA 2014). */
uint64_t rand_next(struct rand *rand);
/* A number in [0, bound); 0 where `bound` is 0. The slight bias is of no matter for jitter. */
uint64_t rand_below(struct rand *rand, uint64_t bound);
/* Fills `out`, at most 256 bytes, with what nobody can foresee; -1: the kernel has none. */
int rand_secret(void *out, size_t len);

#endif
