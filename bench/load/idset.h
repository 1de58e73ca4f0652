/* Message ids that were seen, kept as 64 bits of a hash each: whether one comes again. */
#ifndef BENCH_LOAD_IDSET_H
#define BENCH_LOAD_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is empty. */
struct idset {
    uint64_t *slots; /* open addressing; 0: free */
    uint64_t size;   /* a power of two */
    uint64_t count;
};

/* Puts an id in; false: it was there. */
bool idset_add(struct idset *set, const void *id, size_t size);
void idset_free(struct idset *set);

#endif
