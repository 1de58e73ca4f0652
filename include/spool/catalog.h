/* What a file of the spool holds, as found when it is opened: its FIFOs and the account of each.
 * For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_CATALOG_H
#define CHUNNELD_SPOOL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/account.h"
#include "spool/db.h"

/* A FIFO of the file. */
struct catalog_fifo {
    uint32_t id;            /* its number in the file */
    char *name;             /* owned, NUL-terminated */
    size_t name_len;        /* bytes of it */
    struct account account; /* what is there */
    uint64_t lost;          /* records that should be there and are not, or are damaged */
    bool stale;             /* its row is to be written again */
};

struct catalog {
    struct catalog_fifo *fifos; /* owned, in the order of their numbers */
    size_t count;
};

#define CATALOG_INIT ((struct catalog){0})

/* Reads it from the file, verifying everything but the records themselves. Segments that are
 * damaged are put aside in the file; what is missing is counted. `catalog` is CATALOG_INIT before,
 * and to be freed with catalog_fini() also after a failure. */
enum db_result catalog_load(struct catalog *catalog, struct db *db, struct err *err);
void catalog_fini(struct catalog *catalog);
/* The FIFO of that name; NULL: there is none. */
struct catalog_fifo *catalog_find(const struct catalog *catalog, struct slice name);
/* All that was lost. */
uint64_t catalog_lost(const struct catalog *catalog);

#endif
