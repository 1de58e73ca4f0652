/* The memory of a configuration: everything that is read lives in it and dies with it at once, so
 * that no string or table of the configuration is ever freed singly. For conf/ alone. */
#ifndef CHUNNELD_CONF_MEMORY_H
#define CHUNNELD_CONF_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

struct config_memory;

/* NULL: out of memory. */
struct config_memory *conf_memory_new(void);
/* Frees it and all that came from it; NULL is legal. */
void conf_memory_free(struct config_memory *memory);

/* `size` zeroed bytes, aligned for anything; NULL: out of memory. */
void *conf_memory_take(struct config_memory *memory, size_t size);
/* As conf_memory_take, for `count` items. */
void *conf_memory_take_array(struct config_memory *memory, size_t count, size_t size);
/* A copy of `text` with a NUL behind it; NULL: out of memory. */
char *conf_memory_copy(struct config_memory *memory, struct slice text);

/* Appends a zeroed item to a list of which `*items` (malloc'ed, the caller frees it) and `*count`
 * are kept. NULL: out of memory, and the list is as before. Moves the items. */
void *conf_list_append(void *items, size_t *count, size_t size);

#endif
