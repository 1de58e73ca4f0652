/* Memory in blocks that are freed together. For: what a configuration consists of. Not for:
 * anything that changes later. */
#include "conf/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CONF_MEMORY_BLOCK = 32768 };

/* A block; its bytes follow. */
struct conf_memory_block {
    struct conf_memory_block *next;
    size_t size; /* bytes behind this header */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct config_memory {
    struct conf_memory_block *blocks; /* the one being filled first */
};

struct config_memory *conf_memory_new(void)
{
    return calloc(1, sizeof(struct config_memory));
}

void conf_memory_free(struct config_memory *memory)
{
    struct conf_memory_block *block;

    if (memory == NULL) {
        return;
    }
    while ((block = memory->blocks) != NULL) {
        memory->blocks = block->next;
        free(block);
    }
    free(memory);
}

/* A block that has room for `size` bytes, in front of the others. */
static struct conf_memory_block *conf_memory_room(struct config_memory *memory, size_t size)
{
    struct conf_memory_block *block = memory->blocks;
    size_t wanted = size > CONF_MEMORY_BLOCK ? size : CONF_MEMORY_BLOCK;

    if (block != NULL && block->size - block->used >= size) {
        return block;
    }
    block = calloc(1, sizeof(*block) + wanted);
    if (block == NULL) {
        return NULL;
    }
    block->size = wanted;
    block->next = memory->blocks;
    memory->blocks = block;
    return block;
}

void *conf_memory_take(struct config_memory *memory, size_t size)
{
    size_t align = alignof(max_align_t);
    struct conf_memory_block *block;
    void *bytes;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + align - 1) / align * align;
    block = conf_memory_room(memory, size);
    if (block == NULL) {
        return NULL;
    }
    bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

void *conf_memory_take_array(struct config_memory *memory, size_t count, size_t size)
{
    return count > SIZE_MAX / 2 / size ? NULL : conf_memory_take(memory, count * size);
}

char *conf_memory_copy(struct config_memory *memory, struct slice text)
{
    char *copy = conf_memory_take(memory, text.len + 1);

    if (copy != NULL && text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    return copy;
}

void *conf_list_append(void *items, size_t *count, size_t size)
{
    void *list;

    memcpy(&list, items, sizeof(list)); /* whatever it points to */
    if ((*count & (*count - 1)) == 0) { /* it is full at each power of two */
        list = reallocarray(list, *count ? *count * 2 : 1, size);
        if (list == NULL) {
            return NULL;
        }
        memcpy(items, &list, sizeof(list));
    }
    list = (unsigned char *)list + *count * size;
    memset(list, 0, size);
    ++*count;
    return list;
}
