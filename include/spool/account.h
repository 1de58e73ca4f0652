/* What is in one FIFO, by numbers: which records are there, how many, how many bytes. Kept on the
 * loop's side, so that every question and every limit is answered at once. */
#ifndef CHUNNELD_SPOOL_ACCOUNT_H
#define CHUNNELD_SPOOL_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/ledger.h"
#include "spool/seqset.h"

/* What a record counts for beside its header and body. */
enum { ACCOUNT_RECORD_OVERHEAD = 32 };

/* Embedded by value. */
struct account {
    struct seqset removed; /* numbers of the records that are gone; .from: the oldest one there */
    struct ledger ledger;  /* bytes of those that are there */
    uint64_t next;         /* number of the next record */
    uint64_t count;        /* records there */
    uint64_t bytes;        /* bytes of them, ACCOUNT_RECORD_OVERHEAD each included */
};

/* Records gone, and the bytes they took. */
struct account_sum {
    uint64_t count;
    uint64_t bytes;
};

/* Empty; the next record is number `next`. */
void account_init(struct account *account, uint64_t next);
void account_fini(struct account *account);
/* Makes sure that the next account_append() finds its memory. -1: out of memory. */
int account_reserve(struct account *account);
/* Takes in one more record of `bytes` (with the overhead), after account_reserve(): its number is
 * what account->next was. */
void account_append(struct account *account, uint64_t bytes);
/* Takes in the records [first, end) of a file, which take `bytes` in all. Those of them in
 * account->removed are not counted, nor may there be others below account->next. What lies between
 * account->next and `first` is taken for removed; *out_missing says how many of that were not in
 * account->removed. -1: out of memory, nothing changed. */
int account_load(struct account *account, uint64_t first, uint64_t end, uint64_t bytes,
                 uint64_t *out_missing);
/* Removes those of [first, end) that are there; *out_sum has how many. -1: out of memory, nothing
 * changed. */
int account_remove(struct account *account, uint64_t first, uint64_t end,
                   struct account_sum *out_sum);
/* How many of [first, end) are there. */
uint64_t account_count(const struct account *account, uint64_t first, uint64_t end);
/* Whether record `seq` is there. */
bool account_has(const struct account *account, uint64_t seq);

#endif
