/* A set of message ids; see idset.h. Two of two million ids have one hash of 64 bits with a chance
 * of one in ten million. */
#include "idset.h"

#include <stdlib.h>

#include "args.h"

enum { FIRST_SIZE = 1 << 16 };

/* FNV-1a, mixed once more as its low bits are weak. */
static uint64_t hash_of(const void *id, size_t size)
{
    const unsigned char *bytes = id;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static bool put(struct idset *set, uint64_t hash)
{
    uint64_t place = hash & (set->size - 1);
    while (set->slots[place] && set->slots[place] != hash)
        place = (place + 1) & (set->size - 1);
    if (set->slots[place])
        return false;
    set->slots[place] = hash;
    set->count++;
    return true;
}

static void grow(struct idset *set)
{
    struct idset bigger = {.size = set->size ? set->size * 2 : FIRST_SIZE};
    bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
    if (!bigger.slots)
        die("out of memory");
    for (uint64_t i = 0; i < set->size; i++)
        if (set->slots[i])
            put(&bigger, set->slots[i]);
    free(set->slots);
    *set = bigger;
}

bool idset_add(struct idset *set, const void *id, size_t size)
{
    if (set->count * 2 >= set->size)
        grow(set);
    return put(set, hash_of(id, size));
}

void idset_free(struct idset *set)
{
    free(set->slots);
}
