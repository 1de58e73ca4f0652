/* Reading what can be read out of a damaged file. For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_SALVAGE_H
#define CHUNNELD_SPOOL_SALVAGE_H

#include "spool/db.h"

struct salvage {
    uint64_t segments; /* copied */
    bool complete;     /* nothing was amiss: all there was is copied */
};

/* Copies the FIFOs and every segment with a good head from one file to the other, empty one, in
 * transactions of a few MiB. What cannot be read is passed over; only a failure of `to`, and one of
 * db_make_readable(), is one: words in `err`. */
enum db_result salvage_copy(struct db *from, struct db *to, struct salvage *out_salvage,
                            struct err *err);

#endif
