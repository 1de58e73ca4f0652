/* Bytes on their way out: a chain of chunks that are written into in place and handed to writev as
 * they are. Writers fill the last chunk by moving a pointer, so a small message costs neither an
 * allocation nor a system call of its own. */
#ifndef CHUNNELD_NET_OUTBUF_H
#define CHUNNELD_NET_OUTBUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

struct outbuf_chunk {
    STAILQ_ENTRY(outbuf_chunk) link;
    size_t size;    /* bytes of `data` */
    size_t start;   /* first byte not yet drained */
    size_t end;     /* first byte not yet written */
    uint8_t data[]; /* inside the allocation */
};

STAILQ_HEAD(outbuf_chunks, outbuf_chunk);

/* Embedded by value; outbuf_init() before use. */
struct outbuf {
    struct outbuf_chunks chunks; /* owned, oldest first */
    struct outbuf_chunk *last;   /* the one being filled; NULL while there is none */
    struct outbuf_chunk *spare;  /* an empty chunk kept for the next need; may be NULL */
    size_t len;                  /* bytes committed and not drained */
};

void outbuf_init(struct outbuf *buf);
/* Frees everything; what is in it is lost. The buffer is empty and usable afterwards. */
void outbuf_fini(struct outbuf *buf);
/* Room for `len` bytes in one piece; NULL: out of memory. Valid until the next call. */
uint8_t *outbuf_reserve(struct outbuf *buf, size_t len);
/* `written` bytes of the last reservation count. */
void outbuf_commit(struct outbuf *buf, size_t written);
/* The oldest bytes as at most `most` vectors; returns how many. */
int outbuf_peek(const struct outbuf *buf, struct iovec *out_vectors, int most);
/* Drops the `len` oldest bytes; at most buf->len. */
void outbuf_drain(struct outbuf *buf, size_t len);

#endif
