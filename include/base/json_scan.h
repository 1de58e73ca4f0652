/* The strict half of base/json: walks over a text, says where its values stand, and where and why
 * it is no JSON. Builds nothing and allocates nothing. For base/json.c. */
#ifndef CHUNNELD_BASE_JSON_SCAN_H
#define CHUNNELD_BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/json.h"

/* Takes each value in the order of the text, containers before what they hold. */
struct json_visitor {
    /* `key` is the offset of the member's key, that of the value for others; `ordinal` counts the
     * items of the container around it, from 0; `depth` is 0 for the outermost value. Not 0 ends
     * the scan. */
    int (*on_value)(void *ctx, size_t offset, size_t key, uint32_t ordinal, unsigned depth);
    void *ctx;
};

/* Walks over `text`: 0 where it is strict JSON within the limits, else -1 with the reason in
 * `out_problem` (NULL: not wanted; untouched where the visitor ended the scan). `visitor` may be
 * NULL. */
int json_scan(struct slice text, const struct json_limits *limits,
              const struct json_visitor *visitor, struct json_problem *out_problem);

/* Line and column of `offset`, by counting. */
struct json_position json_scan_position(struct slice text, size_t offset);

#endif
