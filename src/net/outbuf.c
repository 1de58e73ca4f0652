/* The chain of chunks on their way out. For: gathering a turn's writes into one system call. Not
 * for: sending them (stream_plain.c, stream_tls.c). */
#include "net/outbuf.h"

#include <assert.h>
#include <stdlib.h>

enum { OUTBUF_CHUNK_SIZE = 64 * 1024 - (int)sizeof(struct outbuf_chunk) };

void outbuf_init(struct outbuf *buf)
{
    *buf = (struct outbuf){.len = 0};
    STAILQ_INIT(&buf->chunks);
}

void outbuf_fini(struct outbuf *buf)
{
    struct outbuf_chunk *chunk;

    while ((chunk = STAILQ_FIRST(&buf->chunks)) != NULL) {
        STAILQ_REMOVE_HEAD(&buf->chunks, link);
        free(chunk);
    }
    free(buf->spare);
    outbuf_init(buf);
}

static struct outbuf_chunk *outbuf_add_chunk(struct outbuf *buf, size_t len)
{
    struct outbuf_chunk *chunk = buf->spare;
    size_t size = len > OUTBUF_CHUNK_SIZE ? len : OUTBUF_CHUNK_SIZE;

    if (chunk != NULL && chunk->size >= len) {
        buf->spare = NULL;
    } else {
        if (size > SIZE_MAX - sizeof(*chunk)) {
            return NULL;
        }
        chunk = malloc(sizeof(*chunk) + size);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->size = size;
    }
    chunk->start = 0;
    chunk->end = 0;
    STAILQ_INSERT_TAIL(&buf->chunks, chunk, link);
    buf->last = chunk;
    return chunk;
}

uint8_t *outbuf_reserve(struct outbuf *buf, size_t len)
{
    struct outbuf_chunk *last = buf->last;

    if (last == NULL || last->size - last->end < len) {
        last = outbuf_add_chunk(buf, len);
        if (last == NULL) {
            return NULL;
        }
    }
    return last->data + last->end;
}

void outbuf_commit(struct outbuf *buf, size_t written)
{
    struct outbuf_chunk *last = buf->last;

    assert(last != NULL && written <= last->size - last->end);
    last->end += written;
    buf->len += written;
}

int outbuf_peek(const struct outbuf *buf, struct iovec *out_vectors, int most)
{
    const struct outbuf_chunk *chunk;
    int count = 0;

    STAILQ_FOREACH(chunk, &buf->chunks, link) {
        if (count == most) {
            break;
        }
        if (chunk->end > chunk->start) {
            out_vectors[count].iov_base = (void *)(chunk->data + chunk->start);
            out_vectors[count].iov_len = chunk->end - chunk->start;
            count++;
        }
    }
    return count;
}

/* Takes a drained chunk out of the chain; one of the usual size is kept for the next need. */
static void outbuf_retire(struct outbuf *buf, struct outbuf_chunk *chunk)
{
    STAILQ_REMOVE_HEAD(&buf->chunks, link);
    if (buf->last == chunk) {
        buf->last = NULL;
    }
    if (buf->spare == NULL && chunk->size == OUTBUF_CHUNK_SIZE) {
        buf->spare = chunk;
    } else {
        free(chunk);
    }
}

void outbuf_drain(struct outbuf *buf, size_t len)
{
    struct outbuf_chunk *chunk;
    size_t here;

    assert(len <= buf->len);
    buf->len -= len;
    while ((chunk = STAILQ_FIRST(&buf->chunks)) != NULL) {
        here = chunk->end - chunk->start;
        if (here > len) {
            chunk->start += len;
            return;
        }
        len -= here;
        outbuf_retire(buf, chunk);
    }
}
