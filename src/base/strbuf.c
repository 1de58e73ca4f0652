/* The growing buffer. For: text and encoded bytes put together piece by piece. Not for: socket
 * buffers (net/link.c). */
#include "base/strbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRBUF_FIRST_SIZE = 128 };

void strbuf_fini(struct strbuf *buf)
{
    free(buf->data);
    *buf = STRBUF_INIT;
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

char *strbuf_grow(struct strbuf *buf, size_t more)
{
    size_t wanted = buf->size ? buf->size : STRBUF_FIRST_SIZE;
    char *data;

    if (buf->failed) {
        return NULL;
    }
    if (more > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return NULL;
    }
    while (wanted <= buf->len + more) {
        wanted *= 2;
    }
    data = realloc(buf->data, wanted);
    if (data == NULL) {
        buf->failed = true;
        return NULL;
    }
    data[buf->len] = '\0';
    buf->data = data;
    buf->size = wanted;
    return buf->data + buf->len;
}

void strbuf_append(struct strbuf *buf, const void *data, size_t len)
{
    char *room = strbuf_reserve(buf, len);

    if (room != NULL && len > 0) {
        memcpy(room, data, len);
        strbuf_commit(buf, len);
    }
}

void strbuf_append_text(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_append_slice(struct strbuf *buf, struct slice slice)
{
    strbuf_append(buf, slice.data, slice.len);
}

void strbuf_append_char(struct strbuf *buf, char c)
{
    strbuf_append(buf, &c, 1);
}

void strbuf_append_format(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || strbuf_reserve(buf, (size_t)len) == NULL) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

void strbuf_truncate(struct strbuf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
    if (buf->data != NULL) {
        buf->data[len] = '\0';
    }
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

struct slice strbuf_slice(const struct strbuf *buf)
{
    return slice_make(buf->data, buf->len);
}

bool strbuf_failed(const struct strbuf *buf)
{
    return buf->failed;
}

char *strbuf_detach(struct strbuf *buf)
{
    char *data = NULL;

    if (strbuf_reserve(buf, 0) != NULL) {
        data = buf->data;
        data[buf->len] = '\0';
        *buf = STRBUF_INIT;
    }
    return data;
}
