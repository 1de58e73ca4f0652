/* A connected byte stream: a plain socket or TLS over one, behind one table of operations. For
 * link.c alone. */
#ifndef CHUNNELD_NET_STREAM_H
#define CHUNNELD_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/loop.h"
#include "net/outbuf.h"
#include "net/tls.h"

struct stream;

struct stream_events {
    /* TLS is done and the certificate checked. Plain streams are born ready and send none. */
    void (*on_ready)(void *ctx);
    /* stream_read() may give bytes, or the end of the stream. */
    void (*on_readable)(void *ctx);
    /* What was pending went out, wholly or in part. */
    void (*on_writable)(void *ctx);
    /* TLS failed or the stream broke: why, in words. */
    void (*on_broken)(void *ctx, const char *why);
};

enum { STREAM_AGAIN = 0, STREAM_CLOSED = -1, STREAM_BROKEN = -2 };

struct stream_ops {
    /* Bytes read into `data` (at least 1), STREAM_AGAIN: none now, STREAM_CLOSED: the peer ended
     * the stream, STREAM_BROKEN: *out_why has a string with static life. */
    ssize_t (*read)(struct stream *stream, void *data, size_t len, const char **out_why);
    /* Takes what it can out of `out`; 0, or STREAM_BROKEN. What stays goes on by itself. */
    int (*flush)(struct stream *stream, struct outbuf *out, const char **out_why);
    /* Bytes that flush() took and the kernel has not. */
    size_t (*pending)(const struct stream *stream);
    void (*watch_reads)(struct stream *stream, int on);
    bool reads_unwatched; /* read() gives what came while reads were not watched */
    /* Nothing more will be flushed, and nothing is pending: tells the peer. Reads go on. */
    void (*end)(struct stream *stream);
    /* Closes and frees. Legal inside its events. */
    void (*free)(struct stream *stream);
};

/* The head of each kind of stream. */
struct stream {
    const struct stream_ops *ops;
    const struct stream_events *events; /* borrowed */
    void *ctx;
};

/* Both take `fd` over, also when they fail (NULL: out of memory). */
struct stream *stream_plain_new(struct loop *loop, int fd, const struct stream_events *events,
                                void *ctx);
struct stream *stream_tls_new(struct loop *loop, int fd, const struct tls_context *context,
                              const char *server_name, const struct stream_events *events,
                              void *ctx);

#endif
