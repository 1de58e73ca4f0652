/* How many bytes the records of a FIFO take, without a note for each record: they are summed up in
 * chunks of consecutive records. A removed record gives back its chunk's mean; what a chunk gives
 * back in all is exact. */
#ifndef CHUNNELD_SPOOL_LEDGER_H
#define CHUNNELD_SPOOL_LEDGER_H

#include <stddef.h>
#include <stdint.h>

enum { LEDGER_CHUNK_BYTES = 64 * 1024 }; /* a chunk takes no more records once it has these */

/* Some consecutive records. */
struct ledger_chunk {
    uint64_t first; /* number of the first one */
    uint64_t end;   /* number after the last one */
    uint64_t live;  /* how many of them are not removed */
    uint64_t bytes; /* of those */
};

/* Embedded by value; LEDGER_INIT before use. */
struct ledger {
    struct ledger_chunk *chunks; /* owned, ascending */
    size_t skip;                 /* entries at the beginning that are no longer used */
    size_t count;                /* entries in use */
    size_t size;                 /* entries allocated */
};

#define LEDGER_INIT ((struct ledger){0})

void ledger_fini(struct ledger *ledger);
/* Adds the records [first, end), which take `bytes`, behind all there are. -1: out of memory. */
int ledger_add(struct ledger *ledger, uint64_t first, uint64_t end, uint64_t bytes);
/* Makes sure that the next ledger_add() finds its memory. -1: out of memory. */
int ledger_reserve(struct ledger *ledger);
/* Takes the records [first, end) out, none of which was taken out before: their bytes. */
uint64_t ledger_remove(struct ledger *ledger, uint64_t first, uint64_t end);

#endif
