/* Patterns by their beginnings. For: finding the few that may meet among thousands. Not for:
 * whether they do (conf/overlap.c). */
#include "conf/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"

struct conf_prefixed {
    struct slice prefix;
    void *item;
    size_t number; /* order of adding */
};

void conf_prefixes_fini(struct conf_prefixes *prefixes)
{
    free(prefixes->items);
    *prefixes = (struct conf_prefixes){.items = NULL};
}

struct slice conf_glob_prefix(struct slice glob)
{
    size_t len = 0;

    while (len < glob.len && glob.data[len] != '*' && glob.data[len] != '?' &&
           glob.data[len] != '[' && glob.data[len] != '\\') {
        len++;
    }
    return slice_make(glob.data, len);
}

int conf_prefixes_add(struct conf_prefixes *prefixes, struct slice prefix, void *item)
{
    struct conf_prefixed *added =
        conf_list_append(&prefixes->items, &prefixes->count, sizeof(*added));

    if (added == NULL) {
        return -1;
    }
    *added = (struct conf_prefixed){prefix, item, prefixes->count};
    prefixes->longest = prefix.len > prefixes->longest ? prefix.len : prefixes->longest;
    if (prefix.len < sizeof(prefixes->lengths)) {
        prefixes->lengths[prefix.len] = true;
    }
    prefixes->sorted = false;
    return 0;
}

/* Of two texts as strcmp() has it. */
static int prefix_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

    if (order != 0 || a.len == b.len) {
        return order;
    }
    return a.len < b.len ? -1 : 1;
}

static int prefixed_order(const void *a, const void *b)
{
    const struct conf_prefixed *one = a;
    const struct conf_prefixed *two = b;
    int order = prefix_compare(one->prefix, two->prefix);

    if (order != 0) {
        return order;
    }
    return one->number < two->number ? -1 : 1;
}

static bool prefix_begins(struct slice text, struct slice prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

/* The first that is not before `prefix`. */
static size_t prefixes_find(const struct conf_prefixes *prefixes, struct slice prefix)
{
    size_t low = 0;
    size_t high = prefixes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (prefix_compare(prefixes->items[middle].prefix, prefix) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void conf_prefixes_each(struct conf_prefixes *prefixes, struct slice prefix,
                        void (*on_item)(void *ctx, void *item), void *ctx)
{
    size_t len;
    size_t i;

    if (!prefixes->sorted && prefixes->count > 0) {
        qsort(prefixes->items, prefixes->count, sizeof(*prefixes->items), prefixed_order);
        prefixes->sorted = true;
    }
    /* The shorter ones, length by length; then the others, which stand side by side. */
    for (len = 0; len < prefix.len && len <= prefixes->longest; len++) {
        struct slice begin = slice_make(prefix.data, len);

        if (len < sizeof(prefixes->lengths) && !prefixes->lengths[len]) {
            continue;
        }
        for (i = prefixes_find(prefixes, begin);
             i < prefixes->count && slice_equal(prefixes->items[i].prefix, begin); i++) {
            on_item(ctx, prefixes->items[i].item);
        }
    }
    for (i = prefixes_find(prefixes, prefix);
         i < prefixes->count && prefix_begins(prefixes->items[i].prefix, prefix); i++) {
        on_item(ctx, prefixes->items[i].item);
    }
}
