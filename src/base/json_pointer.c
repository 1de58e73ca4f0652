/* JSON pointers (RFC 6901). For: json_pointer_get() and json_pointer_is_valid() of base/json.h.
 * Not for: making pointers of places, which needs the index (base/json.c). */
#include <stdio.h>
#include <string.h>

#include "base/json.h"

bool json_pointer_is_valid(struct slice pointer)
{
    size_t i;

    for (i = 0; i < pointer.len; i++) {
        if (pointer.data[i] == '~' &&
            (i + 1 >= pointer.len || (pointer.data[i + 1] != '0' && pointer.data[i + 1] != '1'))) {
            return false;
        }
    }
    return pointer.len == 0 || pointer.data[0] == '/';
}

/* Whether a part of a pointer, its ~0 and ~1 undone, is `name`. */
static bool json_part_is(struct slice part, const char *name)
{
    size_t i;

    for (i = 0; i < part.len; i++, name++) {
        char c = part.data[i];

        if (c == '~' && i + 1 < part.len) {
            c = part.data[++i] == '1' ? '/' : '~';
        }
        if (*name != c || c == '\0') {
            return false;
        }
    }
    return *name == '\0';
}

/* The child that a part of a pointer names (RFC 6901 §4); NULL: none. */
static const struct json_node *json_child(const struct json_node *node, struct slice part)
{
    const struct json_node *child;
    char number[16];
    unsigned ordinal = 0;

    for (child = json_first(node); child != NULL; child = json_next(child), ordinal++) {
        const char *name = json_key(child).data;

        if (name == NULL) {
            snprintf(number, sizeof(number), "%u", ordinal);
            name = number;
        }
        if (json_part_is(part, name)) {
            return child;
        }
    }
    return NULL;
}

const struct json_node *json_pointer_get(const struct json_node *root, struct slice pointer)
{
    const struct json_node *node = root;

    if (!json_pointer_is_valid(pointer)) {
        return NULL;
    }
    while (pointer.len > 0 && node != NULL) {
        const char *end = memchr(pointer.data + 1, '/', pointer.len - 1);
        size_t len = end ? (size_t)(end - pointer.data) : pointer.len;

        node = json_child(node, slice_make(pointer.data + 1, len - 1));
        pointer = slice_make(pointer.data + len, pointer.len - len);
    }
    return node;
}
