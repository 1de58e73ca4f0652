/* Which delivery in memory is which record. For: finding one by its number, in little memory. Not
 * for: what becomes of the record (shelf.c). */
#include "spool/shelf_ring.h"

#include <stdlib.h>

enum { FIRST_SIZE = 256 };

int shelf_ring_push(struct shelf_ring *ring, struct shelf_entry entry)
{
    if (ring->count == ring->size) {
        size_t size = ring->size ? ring->size * 2 : FIRST_SIZE;
        struct shelf_entry *grown = calloc(size, sizeof(grown[0]));
        size_t i;

        if (grown == NULL) {
            return -1;
        }
        for (i = 0; i < ring->count; i++) {
            grown[i] = ring->entries[(ring->first + i) & (ring->size - 1)];
        }
        free(ring->entries);
        ring->entries = grown;
        ring->size = size;
        ring->first = 0;
    }
    ring->entries[(ring->first + ring->count++) & (ring->size - 1)] = entry;
    return 0;
}

struct shelf_entry *shelf_ring_first(const struct shelf_ring *ring)
{
    return ring->count > 0 ? &ring->entries[ring->first] : NULL;
}

void shelf_ring_pop(struct shelf_ring *ring)
{
    ring->first = (ring->first + 1) & (ring->size - 1);
    ring->count--;
}

static struct shelf_entry *shelf_ring_at(const struct shelf_ring *ring, size_t place)
{
    return &ring->entries[(ring->first + place) & (ring->size - 1)];
}

int shelf_ring_insert(struct shelf_ring *ring, struct shelf_entry entry)
{
    size_t place;

    if (shelf_ring_push(ring, entry) != 0) {
        return -1;
    }
    for (place = ring->count - 1;
         place > 0 && shelf_ring_at(ring, place - 1)->number > entry.number; place--) {
        *shelf_ring_at(ring, place) = *shelf_ring_at(ring, place - 1);
    }
    *shelf_ring_at(ring, place) = entry;
    return 0;
}

struct shelf_entry *shelf_ring_find(const struct shelf_ring *ring, uint64_t number)
{
    size_t low = 0, high = ring->count;

    while (low < high && shelf_ring_at(ring, low)->number != number) {
        size_t middle = low + (high - low) / 2;

        if (shelf_ring_at(ring, middle)->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ring->count && shelf_ring_at(ring, low)->number == number
               ? shelf_ring_at(ring, low)
               : NULL;
}

void shelf_ring_compact(struct shelf_ring *ring)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < ring->count; i++) {
        if (shelf_ring_at(ring, i)->record != 0) {
            *shelf_ring_at(ring, kept++) = *shelf_ring_at(ring, i);
        }
    }
    ring->count = kept;
}
