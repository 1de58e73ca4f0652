/* Where each node of a document stands in the text: made by a second scan, only when it is asked
 * for. For base/json.c. */
#ifndef CHUNNELD_BASE_JSON_INDEX_H
#define CHUNNELD_BASE_JSON_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/* A value of the text. */
struct json_entry {
    const void *node; /* its node in the tree, set by the tree's owner */
    size_t offset;    /* of the value */
    size_t key;       /* of its key, where it is a member; else of the value */
    uint32_t parent;  /* entry of the container around it; of the first entry: itself */
    uint32_t ordinal; /* place in that container, from 0 */
};

struct json_index;

/* Indexes a text that was found good with `depth`. NULL: out of memory. */
struct json_index *json_index_new(struct slice text, unsigned depth);
void json_index_free(struct json_index *index);

/* The entries in the order of the text. */
size_t json_index_count(const struct json_index *index);
struct json_entry *json_index_get(const struct json_index *index, size_t number);

/* The entries from `number` (first) up to, but without, the outermost value (last): how many. */
size_t json_index_path(const struct json_index *index, size_t number,
                       uint32_t out_path[JSON_DEPTH_MAX]);

/* Line and column of an offset. */
struct json_position json_index_position(const struct json_index *index, size_t offset);

#endif
