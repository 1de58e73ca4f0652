/* A view of bytes owned by somebody else. Never freed through the slice; may hold NUL bytes and
 * need not end with one. A slice of length 0 may have a NULL pointer. */
#ifndef CHUNNELD_BASE_SLICE_H
#define CHUNNELD_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data; /* first byte, owned elsewhere */
    size_t len;       /* bytes */
};

/* A slice of a string literal, its NUL left out. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* A slice of the C string `text`; NULL gives the empty slice. */
static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const void *data, size_t len)
{
    return (struct slice){data, len};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_equal_text(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

/* Order by bytes, the shorter first where one begins the other; for qsort-like callers. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

#endif
