/* The index of a JSON text: its values and its lines. For: base/json.c, which ties the entries to
 * the nodes of its tree. Not for: finding anything by name. */
#include "base/json_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"

struct json_index {
    struct json_entry *entries; /* in the order of the text */
    size_t count;
    size_t *lines; /* offset of the beginning of each line */
    size_t line_count;
};

/* An index being made. */
struct json_indexer {
    struct json_index *index;
    uint32_t open[JSON_DEPTH_MAX + 1]; /* entry of the value under way at each depth */
};

/* Makes room for one more item where `count` has reached a power of two. NULL: out of memory; the
 * items are untouched. */
static void *json_index_grow(void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0) {
        return items;
    }
    return reallocarray(items, count ? count * 2 : 1, size);
}

static int json_index_on_value(void *ctx, size_t offset, size_t key, uint32_t ordinal,
                               unsigned depth)
{
    struct json_indexer *indexer = ctx;
    struct json_index *index = indexer->index;
    uint32_t parent = depth > 0 ? indexer->open[depth - 1] : 0;
    void *entries = json_index_grow(index->entries, index->count, sizeof(*index->entries));

    if (entries == NULL) {
        return -1;
    }
    index->entries = entries;
    index->entries[index->count] = (struct json_entry){NULL, offset, key, parent, ordinal};
    indexer->open[depth] = (uint32_t)index->count;
    index->count++;
    return 0;
}

static int json_index_lines(struct json_index *index, struct slice text)
{
    size_t at = 0;

    for (;;) {
        void *lines = json_index_grow(index->lines, index->line_count, sizeof(*index->lines));
        const char *end;

        if (lines == NULL) {
            return -1;
        }
        index->lines = lines;
        index->lines[index->line_count++] = at;
        end = memchr(text.data + at, '\n', text.len - at);
        if (end == NULL) {
            return 0;
        }
        at = (size_t)(end - text.data) + 1;
    }
}

struct json_index *json_index_new(struct slice text, unsigned depth)
{
    struct json_index *index = calloc(1, sizeof(*index));
    struct json_limits limits = {.bytes = text.len, .depth = depth};
    struct json_indexer indexer;
    struct json_visitor visitor = {json_index_on_value, &indexer};

    if (index == NULL) {
        return NULL;
    }
    indexer.index = index; /* `open` is set before it is read */
    if (json_scan(text, &limits, &visitor, NULL) != 0 || json_index_lines(index, text) != 0) {
        json_index_free(index);
        return NULL;
    }
    return index;
}

void json_index_free(struct json_index *index)
{
    if (index == NULL) {
        return;
    }
    free(index->entries);
    free(index->lines);
    free(index);
}

size_t json_index_count(const struct json_index *index)
{
    return index->count;
}

struct json_entry *json_index_get(const struct json_index *index, size_t number)
{
    return &index->entries[number];
}

size_t json_index_path(const struct json_index *index, size_t number,
                       uint32_t out_path[JSON_DEPTH_MAX])
{
    size_t depth = 0;

    while (number != 0) {
        out_path[depth++] = (uint32_t)number;
        number = index->entries[number].parent;
    }
    return depth;
}

struct json_position json_index_position(const struct json_index *index, size_t offset)
{
    size_t low = 0; /* the line sought is in [low, high) */
    size_t high = index->line_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (index->lines[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (struct json_position){offset, (unsigned)low + 1,
                                  (unsigned)(offset - index->lines[low]) + 1};
}
