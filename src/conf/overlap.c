/* Two of Redis' patterns at once. For: whether a channel can match both. Not for: matching a
 * channel (core/glob.c). */
#include "conf/overlap.h"

#include <stdlib.h>
#include <string.h>

#include "core/glob.h"

/* The length of what stands at `at`: one character, a class, or an escaped character. */
static size_t conf_glob_part(struct slice pattern, size_t at)
{
    size_t end = at + 1;

    if (pattern.data[at] == '\\') {
        return end < pattern.len ? 2 : 1;
    }
    if (pattern.data[at] != '[') {
        return 1;
    }
    if (end < pattern.len && pattern.data[end] == '^') {
        end++;
    }
    while (end < pattern.len && pattern.data[end] != ']') {
        size_t left = pattern.len - end;

        if (pattern.data[end] == '\\' && left >= 2) {
            end += 2;
        } else {
            end += left >= 3 && pattern.data[end + 1] == '-' ? 3 : 1;
        }
    }
    return (end < pattern.len ? end + 1 : end) - at;
}

/* Whether one character matches both parts, neither of which is a `*`. */
static bool conf_parts_meet(struct slice a, struct slice b)
{
    int c;

    if (a.len == 1 && b.len == 1 && strchr("?[\\", a.data[0]) == NULL &&
        strchr("?[\\", b.data[0]) == NULL) {
        return a.data[0] == b.data[0];
    }
    for (c = 0; c < 256; c++) {
        char text = (char)c;

        if (glob_match(a, slice_make(&text, 1), NULL) &&
            glob_match(b, slice_make(&text, 1), NULL)) {
            return true;
        }
    }
    return false;
}

/* A pattern in its parts. */
struct conf_parts {
    struct slice *items; /* owned */
    size_t count;
};

static bool conf_parts_init(struct conf_parts *parts, struct slice pattern)
{
    size_t at = 0;

    parts->count = 0;
    parts->items = calloc(pattern.len + 1, sizeof(*parts->items));
    while (parts->items != NULL && at < pattern.len) {
        size_t len = conf_glob_part(pattern, at);

        parts->items[parts->count++] = slice_make(pattern.data + at, len);
        at += len;
    }
    return parts->items != NULL;
}

static bool conf_part_is_star(const struct conf_parts *parts, size_t at)
{
    return slice_equal_text(parts->items[at], "*");
}

/* meet[j]: what follows part i of `a` and part j of `b` has a text in common; from the end on. */
static bool conf_parts_overlap(const struct conf_parts *a, const struct conf_parts *b, bool *meet)
{
    size_t i = a->count + 1;

    while (i-- > 0) {
        bool behind = false; /* meet[j + 1] of part i + 1 */
        size_t j = b->count + 1;

        while (j-- > 0) {
            bool below = i < a->count && meet[j];
            bool found = i == a->count && j == b->count;

            if (i < a->count && conf_part_is_star(a, i)) {
                found = below || (j < b->count && meet[j + 1]);
            } else if (j < b->count && conf_part_is_star(b, j)) {
                found = meet[j + 1] || below;
            } else if (i < a->count && j < b->count) {
                found = behind && conf_parts_meet(a->items[i], b->items[j]);
            }
            behind = below;
            meet[j] = found;
        }
    }
    return meet[0];
}

/* Whether what the patterns begin with, up to a wildcard, tells them apart. */
static bool conf_prefixes_differ(struct slice a, struct slice b)
{
    size_t i;

    for (i = 0; i < a.len && i < b.len; i++) {
        if (strchr("*?[\\", a.data[i]) != NULL || strchr("*?[\\", b.data[i]) != NULL) {
            return false;
        }
        if (a.data[i] != b.data[i]) {
            return true;
        }
    }
    return false;
}

bool conf_globs_overlap(struct slice a, struct slice b)
{
    struct conf_parts one = {NULL, 0};
    struct conf_parts two = {NULL, 0};
    bool *meet = NULL;
    bool found = false;

    if (a.len == 0 || b.len == 0) {
        return a.len == b.len;
    }
    if (conf_prefixes_differ(a, b)) {
        return false;
    }
    if ((slice_equal_text(a, "*") && memchr(b.data, '[', b.len) == NULL) ||
        (slice_equal_text(b, "*") && memchr(a.data, '[', a.len) == NULL)) {
        return true; /* only an empty class matches nothing */
    }
    if (conf_parts_init(&one, a) && conf_parts_init(&two, b)) {
        meet = calloc(two.count + 2, sizeof(*meet));
        found = meet != NULL && conf_parts_overlap(&one, &two, meet);
    }
    free(meet);
    free(one.items);
    free(two.items);
    return found;
}
