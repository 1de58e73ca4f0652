/* A set of sequence numbers that grows from below: everything under `from`, and spans above it.
 * What was removed from a FIFO is such a set: confirms come nearly in order. */
#ifndef CHUNNELD_SPOOL_SEQSET_H
#define CHUNNELD_SPOOL_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/strbuf.h"

/* The numbers from `first` up to, but without, `end`. */
struct seqspan {
    uint64_t first;
    uint64_t end;
};

/* Embedded by value. */
struct seqset {
    uint64_t from;         /* all numbers below are in the set; this one is not */
    struct seqspan *spans; /* owned; above `from`, ascending, never touching one another */
    size_t skip;           /* entries at the beginning that are no longer used */
    size_t count;          /* entries in use */
    size_t size;           /* entries allocated */
};

/* All numbers below `from`. */
void seqset_init(struct seqset *set, uint64_t from);
void seqset_fini(struct seqset *set);

bool seqset_has(const struct seqset *set, uint64_t seq);
/* Adds [first, end). -1: out of memory, nothing changed. */
int seqset_add(struct seqset *set, uint64_t first, uint64_t end);
/* Makes sure that the next seqset_add() finds its memory. -1: out of memory. */
int seqset_reserve(struct seqset *set);
/* Takes all numbers from `end` on out; `end` is at least set->from. Whether there were any. */
bool seqset_cut(struct seqset *set, uint64_t end);
/* The first stretch in [at, end) that is not in the set. False: all of it is. */
bool seqset_next_absent(const struct seqset *set, uint64_t at, uint64_t end,
                        struct seqspan *out_span);
/* The spans above `from`: `*out_count` of them. */
const struct seqspan *seqset_spans(const struct seqset *set, size_t *out_count);

/* Appends the spans as pairs of variable-length numbers (LEB128): the distance from the end of the
 * one before (first: from `from`), and the length. */
void seqset_encode(const struct seqset *set, struct strbuf *out);
/* Adds what seqset_encode() wrote to a set that holds nothing above `from`. -1: it is none, or
 * memory is out; the set is then as before. */
int seqset_decode(struct seqset *set, struct slice spans);

#endif
