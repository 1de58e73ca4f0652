/* The disk behind one bridge's queue: core/store.h over the FIFOs of the spool. A bridge has two:
 * one of its own name, and NAME/ahead for what must come before it after a restart: what was still
 * in memory at the end while younger messages were on the disk. */
#ifndef CHUNNELD_SPOOL_SHELF_H
#define CHUNNELD_SPOOL_SHELF_H

#include <stdint.h>

#include "base/err.h"
#include "core/store.h"
#include "spool/spool.h"

struct shelf_setup {
    struct spool *spool; /* outlives the shelf */
    const char *bridge;  /* its name */
    uint64_t limit;      /* most bytes of its records */
    /* Bytes on their way to the disk, of all bridges, from which it is better to bring no more;
     * shelf_on_room() is due when there are clearly fewer again. */
    uint64_t tight_backlog;
    /* Something was appended, removed or asked for: spool_flush() is due at the end of the turn. */
    void (*on_work)(void *ctx);
    void *ctx;
};

/* NULL and words in `err`. Everything is borrowed for its life. */
struct store *shelf_new(const struct shelf_setup *setup, struct err *err);
/* Another limit. What is over it already stays. */
void shelf_set_limit(struct store *store, uint64_t limit);
/* Closes the FIFOs; what is in them stays. NULL is legal. Not inside an event of the spool. */
void shelf_free(struct store *store);
/* The spool has room again. */
void shelf_on_room(struct store *store);
/* The spool's trouble has begun, or is over. */
void shelf_on_trouble(struct store *store);
/* The name of the bridge that a FIFO belongs to, as a slice of `fifo_name`. */
struct slice shelf_bridge_of(const char *fifo_name);

#endif
