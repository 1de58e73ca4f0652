/* A growing buffer of bytes, always NUL-terminated once it holds something, so that text in it can
 * be handed to C functions. Memory errors are sticky: after one, appends do nothing and
 * strbuf_failed() says so; check once, at the end. */
#ifndef CHUNNELD_BASE_STRBUF_H
#define CHUNNELD_BASE_STRBUF_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct strbuf {
    char *data;  /* owned; NULL while nothing was ever appended */
    size_t len;  /* bytes in use, the NUL not counted */
    size_t size; /* bytes allocated */
    bool failed; /* an allocation failed; the content is cut */
};

#define STRBUF_INIT ((struct strbuf){0})

/* Frees the memory; the buffer is empty and usable afterwards. */
void strbuf_fini(struct strbuf *buf);
/* Empties the buffer and clears a failure, keeping the memory. */
void strbuf_reset(struct strbuf *buf);
/* For strbuf_reserve() alone: the room is not there yet. */
char *strbuf_grow(struct strbuf *buf, size_t more);

/* Makes room for `more` bytes behind the content; NULL and a sticky failure when memory is out.
 * What the caller writes there counts after strbuf_commit(). */
static inline char *strbuf_reserve(struct strbuf *buf, size_t more)
{
    bool has_room = !buf->failed && more < buf->size && buf->len < buf->size - more;

    return has_room ? buf->data + buf->len : strbuf_grow(buf, more);
}

static inline void strbuf_commit(struct strbuf *buf, size_t written)
{
    assert(buf->len + written < buf->size);
    buf->len += written;
    buf->data[buf->len] = '\0';
}

void strbuf_append(struct strbuf *buf, const void *data, size_t len);
void strbuf_append_text(struct strbuf *buf, const char *text);
void strbuf_append_slice(struct strbuf *buf, struct slice slice);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_append_format(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Cuts the content to `len` bytes; `len` must not be more than it holds. */
void strbuf_truncate(struct strbuf *buf, size_t len);
/* The content as a C string, "" while empty; valid until the next change. */
const char *strbuf_text(const struct strbuf *buf);
struct slice strbuf_slice(const struct strbuf *buf);
bool strbuf_failed(const struct strbuf *buf);
/* Hands the memory to the caller (free()) as a C string and leaves the buffer empty; NULL after a
 * failure. */
char *strbuf_detach(struct strbuf *buf);

#endif
