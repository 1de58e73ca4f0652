/* Patterns and plain texts by what they begin with before any wildcard: which of them may have a
 * text in common with another one is asked without looking at all. For conf/ alone. */
#ifndef CHUNNELD_CONF_PREFIXES_H
#define CHUNNELD_CONF_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct conf_prefixed;

/* Embedded by value, zeroed. */
struct conf_prefixes {
    struct conf_prefixed *items; /* owned */
    size_t count;
    size_t longest;    /* prefix, bytes */
    bool lengths[256]; /* prefixes of that length are there; longer ones are in no list */
    bool sorted;
};

/* Frees it, not the items. */
void conf_prefixes_fini(struct conf_prefixes *prefixes);

/* What a glob of Redis begins with, up to its first wildcard, class or escape. */
struct slice conf_glob_prefix(struct slice glob);

/* Adds an item whose texts all begin with `prefix`, which is not copied; -1: out of memory. */
int conf_prefixes_add(struct conf_prefixes *prefixes, struct slice prefix, void *item);

/* Calls on_item for each item of which one prefix, its own or `prefix`, begins the other: no other
 * one can have a text in common with what begins so. Not in the order of adding. */
void conf_prefixes_each(struct conf_prefixes *prefixes, struct slice prefix,
                        void (*on_item)(void *ctx, void *item), void *ctx);

#endif
