/* A store without a disk: records in memory, which outlive a bridge. Answers wait in the pump. It
 * keeps the contract of core/store.h and holds the bridge to its own. */
#ifndef CHUNNELD_TESTS_FAKE_STORE_H
#define CHUNNELD_TESTS_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "core/store.h"
#include "fake_pump.h"

struct fake_record {
    TAILQ_ENTRY(fake_record) link;
    uint64_t number;    /* of its delivery in memory; 0: it is in the store alone */
    bool kept;          /* it was written at the end of the bridge */
    char *body;         /* owned */
    const char *reason; /* of a dead letter; NULL: it is none */
    char *error;        /* its words; owned; NULL: none */
};

TAILQ_HEAD(fake_records, fake_record);

struct fake_store {
    struct store store; /* first */
    struct fake_pump *pump;
    struct fake_call load_call;
    struct fake_call durable_call;
    struct fake_records ahead;
    struct fake_records records;
    size_t load_most;     /* records of one answer; 1,000 */
    bool loading;         /* a question waits for its answer */
    uint64_t after;       /* of that question */
    uint64_t durable;     /* highest number appended beside memory */
    bool holds_durable;   /* says nothing of what is durable until fake_store_sync() */
    bool unwritten;       /* something was appended and is not said to be durable */
    bool refuses;         /* append() */
    size_t takes;         /* with `refuses`: so many appends before it does */
    bool busy;            /* with `refuses`: there is no room just now */
    const char *why;      /* what trouble() says; NULL: the limit */
    bool tight;           /* what is_tight() says */
    bool failing;         /* likewise is_failing() */
    unsigned damaged;     /* so many records are lost at the next answer */
    size_t appends;       /* calls of append() that succeeded */
    uint64_t removed;     /* calls of remove() and remove_upto() */
    struct strbuf text;   /* scratch */
    struct strbuf forgot; /* "1 2 ": records removed since the test looked */
    struct strbuf lost;   /* likewise: damaged */
};

struct fake_store *fake_store_new(struct fake_pump *pump);
void fake_store_free(struct fake_store *store);
/* A record that is there before the bridge. */
void fake_store_fill(struct fake_store *store, const char *body);
/* The process begins anew: all records are in the store alone. */
void fake_store_restart(struct fake_store *store);
/* Raises on_durable for all that was appended; on_room. */
void fake_store_sync(struct fake_store *store);
void fake_store_room(struct fake_store *store);
/* It fails from now on, or works again, and says so. */
void fake_store_set_failing(struct fake_store *store, bool failing);
/* The records' bodies in the order in which they would be read after a restart: "1 2 3 ". */
const char *fake_store_text(struct fake_store *store);
/* Whether there is a record with that body. */
bool fake_store_has(const struct fake_store *store, const char *body);
/* Why its message is a dead letter; NULL: it is none. */
const char *fake_store_reason(const struct fake_store *store, const char *body);
/* Records that are there alone, or will be when the bridge has ended. */
uint64_t fake_store_alone(const struct fake_store *store);

#endif
