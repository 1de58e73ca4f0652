/* Keys that stand twice in an object. For base/json.c. */
#ifndef CHUNNELD_BASE_JSON_DUPLICATES_H
#define CHUNNELD_BASE_JSON_DUPLICATES_H

#include "base/json.h"

/* Calls for each member below `root` whose key stood in the same object before. */
void json_duplicates_find(const struct json_node *root,
                          void (*on_duplicate)(void *ctx, const struct json_node *member),
                          void *ctx);

#endif
