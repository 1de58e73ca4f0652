/* A plain socket as a stream. It reads and writes the socket itself rather than through a
 * bufferevent: libevent 2.1 reads at most 4,096 bytes a call and asks for their number before,
 * which for small messages costs more than everything else here. */
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"

enum { PLAIN_VECTORS = 16 };

struct plain {
    struct stream stream; /* first */
    struct loop *loop;
    int fd;
    struct event *readable; /* persistent */
    struct event *writable; /* persistent; added while the kernel's buffer is full */
    bool waiting;           /* `writable` is added */
};

static void plain_on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct plain *plain = ctx;

    (void)fd;
    (void)what;
    loop_touch(plain->loop);
    plain->stream.events->on_readable(plain->stream.ctx);
}

static void plain_on_writable(evutil_socket_t fd, short what, void *ctx)
{
    struct plain *plain = ctx;

    (void)fd;
    (void)what;
    loop_touch(plain->loop);
    plain->stream.events->on_writable(plain->stream.ctx);
}

static ssize_t plain_read(struct stream *stream, void *data, size_t len, const char **out_why)
{
    struct plain *plain = (struct plain *)stream;
    ssize_t got;

    do {
        got = recv(plain->fd, data, len, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        return got;
    }
    if (got == 0) {
        return STREAM_CLOSED;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return STREAM_AGAIN;
    }
    *out_why = strerror(errno);
    return STREAM_BROKEN;
}

static void plain_wait(struct plain *plain, bool wait)
{
    if (wait == plain->waiting) {
        return;
    }
    plain->waiting = wait;
    if (wait) {
        event_add(plain->writable, NULL);
    } else {
        event_del(plain->writable);
    }
}

static int plain_flush(struct stream *stream, struct outbuf *out, const char **out_why)
{
    struct plain *plain = (struct plain *)stream;
    struct iovec vectors[PLAIN_VECTORS];
    struct msghdr message = {.msg_iov = vectors};
    ssize_t sent;

    while (out->len > 0) {
        message.msg_iovlen = (size_t)outbuf_peek(out, vectors, PLAIN_VECTORS);
        sent = sendmsg(plain->fd, &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            outbuf_drain(out, (size_t)sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            plain_wait(plain, true);
            return 0;
        } else if (errno != EINTR) {
            *out_why = strerror(errno);
            return STREAM_BROKEN;
        }
    }
    plain_wait(plain, false);
    return 0;
}

static size_t plain_pending(const struct stream *stream)
{
    (void)stream;
    return 0;
}

static void plain_watch_reads(struct stream *stream, int on)
{
    struct plain *plain = (struct plain *)stream;

    if (on) {
        event_add(plain->readable, NULL);
    } else {
        event_del(plain->readable);
    }
}

static void plain_end(struct stream *stream)
{
    const struct plain *plain = (const struct plain *)stream;

    shutdown(plain->fd, SHUT_WR);
}

static void plain_free(struct stream *stream)
{
    struct plain *plain = (struct plain *)stream;

    if (plain->readable != NULL) {
        event_free(plain->readable);
    }
    if (plain->writable != NULL) {
        event_free(plain->writable);
    }
    close(plain->fd);
    free(plain);
}

static const struct stream_ops plain_ops = {
    .read = plain_read,
    .flush = plain_flush,
    .pending = plain_pending,
    .watch_reads = plain_watch_reads,
    .reads_unwatched = true,
    .end = plain_end,
    .free = plain_free,
};

struct stream *stream_plain_new(struct loop *loop, int fd, const struct stream_events *events,
                                void *ctx)
{
    struct plain *plain = calloc(1, sizeof(*plain));
    struct event_base *base = loop_event_base(loop);

    if (plain == NULL) {
        close(fd);
        return NULL;
    }
    plain->stream = (struct stream){&plain_ops, events, ctx};
    plain->loop = loop;
    plain->fd = fd;
    plain->readable = event_new(base, fd, EV_READ | EV_PERSIST, plain_on_readable, plain);
    plain->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, plain_on_writable, plain);
    if (plain->readable == NULL || plain->writable == NULL ||
        event_add(plain->readable, NULL) != 0) {
        plain_free(&plain->stream);
        return NULL;
    }
    return &plain->stream;
}
