/* What is in the spool, by bridge: each has up to two FIFOs there (spool/shelf.h). */
#ifndef CHUNNELD_SPOOL_CONTENTS_H
#define CHUNNELD_SPOOL_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "spool/spool.h"

enum { CONTENTS_FIFOS = 2 }; /* NAME/ahead and NAME, in the order in which they are read */

struct contents_bridge {
    struct slice name;                        /* as long as the spool lives; not NUL-terminated */
    struct spool_fifo *fifos[CONTENTS_FIFOS]; /* NULL: there is none */
    uint64_t count;                           /* records in them */
    uint64_t bytes;                           /* of them, as they count */
    uint64_t lost;                            /* records found damaged */
    bool in_use;                              /* a bridge has them open */
};

/* The bridges that the spool knows of, in the order of their names, also those that have nothing
 * there any more; *out_bridges is to be freed. -1: out of memory. */
int contents_list(const struct spool *spool, struct contents_bridge **out_bridges,
                  size_t *out_count);
/* What is there of the bridge `name`; false: its name is not known there. */
bool contents_find(const struct spool *spool, struct slice name,
                   struct contents_bridge *out_bridge);
/* Removes it all; how many records. Not while a bridge has it open. */
uint64_t contents_purge(const struct contents_bridge *bridge);

#endif
