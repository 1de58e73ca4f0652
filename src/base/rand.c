/* Random numbers for jitter and identifiers; see the header. */
#include "base/rand.h"

#include <sys/random.h>

#include "base/clock.h"

void rand_init(struct rand *rand)
{
    if (getrandom(&rand->state, sizeof(rand->state), 0) != (ssize_t)sizeof(rand->state)) {
        rand->state = clock_monotonic_us() ^ (uint64_t)clock_wall_us();
    }
}

void rand_init_seed(struct rand *rand, uint64_t seed)
{
    rand->state = seed;
}

uint64_t rand_next(struct rand *rand)
{
    uint64_t z = (rand->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t rand_below(struct rand *rand, uint64_t bound)
{
    return bound ? rand_next(rand) % bound : 0;
}

int rand_secret(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -1;
}
