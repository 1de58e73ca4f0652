/* The inside of a bridge's store over the spool, for src/spool/shelf.c and shelf_read.c alone. */
#ifndef CHUNNELD_SPOOL_SHELF_PRIVATE_H
#define CHUNNELD_SPOOL_SHELF_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "spool/shelf.h"
#include "spool/shelf_ring.h"

struct shelf {
    struct store store; /* first */
    struct shelf_setup setup;
    struct spool_fifo *fifos[SHELF_FIFOS];
    uint64_t unread[SHELF_FIFOS]; /* number of the first record that is on the disk alone */
    int64_t unread_wall_us;    /* the oldest of these was received then, or later; 0: not known */
    struct shelf_ring open;    /* in memory, with a record */
    size_t settled;            /* of these, entries that are settled */
    struct shelf_ring written; /* appended and not known durable */
    struct shelf_ring kept;    /* in memory at the end of the bridge, with a record of that time */
    uint64_t ahead_end;        /* the first of these records that was put ahead */
    enum shelf_fifo reading;
    uint64_t number;  /* given to the last delivery that was read back */
    uint64_t damaged; /* since the last answer */
    struct strbuf header;
    const char *refused; /* why the last append was, in words */
};

static inline struct shelf *shelf_of(struct store *store)
{
    return (struct shelf *)store;
}

/* Asks for the next records that are on the disk alone; store_ops.load. */
int shelf_load(struct store *store, uint64_t after, size_t most_bytes);
/* The answer, and what of it is lost; events of either FIFO. */
void shelf_on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next);
void shelf_on_lost(void *ctx, uint64_t first, uint64_t last, uint64_t count);

#endif
