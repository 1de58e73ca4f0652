/* The account of a FIFO. For: putting together which records are there and what they take. Not for:
 * the records themselves. */
#include "spool/account.h"

void account_init(struct account *account, uint64_t next)
{
    *account = (struct account){.ledger = LEDGER_INIT, .next = next};
    seqset_init(&account->removed, next);
}

void account_fini(struct account *account)
{
    seqset_fini(&account->removed);
    ledger_fini(&account->ledger);
}

int account_reserve(struct account *account)
{
    return ledger_reserve(&account->ledger);
}

void account_append(struct account *account, uint64_t bytes)
{
    ledger_add(&account->ledger, account->next, account->next + 1, bytes);
    account->next++;
    account->count++;
    account->bytes += bytes;
}

/* How many of [first, end) are not in the set. */
static uint64_t count_absent(const struct seqset *set, uint64_t first, uint64_t end)
{
    struct seqspan span;
    uint64_t count = 0;

    while (seqset_next_absent(set, first, end, &span)) {
        count += span.end - span.first;
        first = span.end;
    }
    return count;
}

int account_load(struct account *account, uint64_t first, uint64_t end, uint64_t bytes,
                 uint64_t *out_missing)
{
    uint64_t before = account->next, live = count_absent(&account->removed, first, end);
    uint64_t missing = count_absent(&account->removed, before, first);

    if (ledger_reserve(&account->ledger) != 0 ||
        seqset_add(&account->removed, before, first) != 0) {
        return -1;
    }
    account->next = end;
    account->count += live;
    account->bytes += bytes;
    if (live > 0) {
        ledger_add(&account->ledger, first, end, bytes);
        /* The ledger does not mind which records of a chunk go, only how many. */
        account->bytes -= ledger_remove(&account->ledger, first + live, end);
    } else {
        account->bytes -= bytes;
    }
    *out_missing = missing;
    return 0;
}

int account_remove(struct account *account, uint64_t first, uint64_t end,
                   struct account_sum *out_sum)
{
    struct account_sum sum = {0, 0};
    struct seqspan span;
    uint64_t at = first;

    if (end > account->next) {
        end = account->next;
    }
    while (seqset_next_absent(&account->removed, at, end, &span)) {
        sum.count += span.end - span.first;
        at = span.end;
    }
    if (sum.count == 0) {
        *out_sum = sum;
        return 0;
    }
    if (seqset_reserve(&account->removed) != 0) {
        return -1;
    }
    at = first;
    while (seqset_next_absent(&account->removed, at, end, &span)) {
        sum.bytes += ledger_remove(&account->ledger, span.first, span.end);
        at = span.end;
    }
    seqset_add(&account->removed, first, end);
    account->count -= sum.count;
    account->bytes -= sum.bytes;
    *out_sum = sum;
    return 0;
}

uint64_t account_count(const struct account *account, uint64_t first, uint64_t end)
{
    struct seqspan span;
    uint64_t count = 0;

    if (end > account->next) {
        end = account->next;
    }
    while (seqset_next_absent(&account->removed, first, end, &span)) {
        count += span.end - span.first;
        first = span.end;
    }
    return count;
}

bool account_has(const struct account *account, uint64_t seq)
{
    return seq < account->next && !seqset_has(&account->removed, seq);
}
