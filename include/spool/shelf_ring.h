/* The deliveries in memory that have a record, in the order of their numbers. For src/spool/shelf.c
 * alone. */
#ifndef CHUNNELD_SPOOL_SHELF_RING_H
#define CHUNNELD_SPOOL_SHELF_RING_H

#include <stddef.h>
#include <stdint.h>

/* The FIFOs, in the order of reading. */
enum shelf_fifo { SHELF_AHEAD, SHELF_MAIN, SHELF_FIFOS };

/* A delivery in memory and its record. */
struct shelf_entry {
    uint64_t number; /* of receipt */
    uint64_t record; /* in its FIFO; 0: it is settled, behind one that is not */
    enum shelf_fifo fifo;
    int64_t wall_us; /* of receipt */
};

/* A queue of entries; zeroed: it is empty. */
struct shelf_ring {
    struct shelf_entry *entries; /* owned, by free() */
    size_t size;                 /* a power of two, or 0 */
    size_t first;
    size_t count;
};

/* Adds an entry, whose number is higher than all there are; -1: out of memory. */
int shelf_ring_push(struct shelf_ring *ring, struct shelf_entry entry);
/* Adds an entry where its number belongs, mostly behind all there are; -1: out of memory. */
int shelf_ring_insert(struct shelf_ring *ring, struct shelf_entry entry);
/* The oldest; NULL: it is empty. */
struct shelf_entry *shelf_ring_first(const struct shelf_ring *ring);
/* Takes the oldest out. */
void shelf_ring_pop(struct shelf_ring *ring);
/* The entry with that number; NULL: there is none. */
struct shelf_entry *shelf_ring_find(const struct shelf_ring *ring, uint64_t number);
/* Takes out what is settled, so that the ring does not grow behind one that stays. */
void shelf_ring_compact(struct shelf_ring *ring);

#endif
