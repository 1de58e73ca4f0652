/* TLS over a socket as a stream, on libevent's bufferevent_openssl. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "net/tls_session.h"

enum { TLS_PENDING_MAX = 256 * 1024, TLS_WHY_SIZE = 200 };

struct tls_stream {
    struct stream stream; /* first */
    struct loop *loop;
    struct bufferevent *bev; /* owns the socket and the session */
    SSL *ssl;                /* inside bev */
    bool closed;             /* the peer ended the stream */
    char why[TLS_WHY_SIZE];
};

static void tls_on_read(struct bufferevent *bev, void *ctx)
{
    struct tls_stream *tls = ctx;

    (void)bev;
    loop_touch(tls->loop);
    tls->stream.events->on_readable(tls->stream.ctx);
}

static void tls_on_write(struct bufferevent *bev, void *ctx)
{
    struct tls_stream *tls = ctx;

    (void)bev;
    loop_touch(tls->loop);
    tls->stream.events->on_writable(tls->stream.ctx);
}

/* What failed, in words: the certificate's fault first, then the library's, then the socket's. */
static const char *tls_stream_why(struct tls_stream *tls, int socket_error)
{
    unsigned long code = bufferevent_get_openssl_error(tls->bev);
    long verified = SSL_get_verify_result(tls->ssl);
    const char *words = NULL;

    if (verified != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
        snprintf(tls->why, sizeof(tls->why), "certificate of the server: %s",
                 X509_verify_cert_error_string(verified));
        return tls->why;
    }
    /* Of no library: SSL_ERROR_SYSCALL as libevent keeps it. */
    if (ERR_GET_LIB(code) != 0) {
        words = ERR_reason_error_string(code);
    } else if (socket_error != 0) {
        words = evutil_socket_error_to_string(socket_error);
    }
    snprintf(tls->why, sizeof(tls->why), "TLS: %s", words ? words : "closed by the peer");
    return tls->why;
}

static void tls_on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct tls_stream *tls = ctx;
    int socket_error = EVUTIL_SOCKET_ERROR();

    (void)bev;
    loop_touch(tls->loop);
    if (what & BEV_EVENT_CONNECTED) {
        tls->stream.events->on_ready(tls->stream.ctx);
    } else if (what & BEV_EVENT_ERROR) {
        tls->stream.events->on_broken(tls->stream.ctx, tls_stream_why(tls, socket_error));
    } else if ((what & BEV_EVENT_EOF) && SSL_is_init_finished(tls->ssl)) {
        tls->closed = true;
        tls->stream.events->on_readable(tls->stream.ctx);
    } else if (what & BEV_EVENT_EOF) {
        tls->stream.events->on_broken(tls->stream.ctx, "TLS: closed by the peer in the handshake");
    }
}

static ssize_t tls_read(struct stream *stream, void *data, size_t len, const char **out_why)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    size_t got = bufferevent_read(tls->bev, data, len);

    (void)out_why;
    if (got > 0) {
        return (ssize_t)got;
    }
    return tls->closed ? STREAM_CLOSED : STREAM_AGAIN;
}

static size_t tls_pending(const struct stream *stream)
{
    const struct tls_stream *tls = (const struct tls_stream *)stream;

    return evbuffer_get_length(bufferevent_get_output(tls->bev));
}

static int tls_flush(struct stream *stream, struct outbuf *out, const char **out_why)
{
    struct tls_stream *tls = (struct tls_stream *)stream;
    struct iovec vector;

    while (out->len > 0 && tls_pending(stream) < TLS_PENDING_MAX) {
        outbuf_peek(out, &vector, 1);
        if (bufferevent_write(tls->bev, vector.iov_base, vector.iov_len) != 0) {
            *out_why = "out of memory";
            return STREAM_BROKEN;
        }
        outbuf_drain(out, vector.iov_len);
    }
    return 0;
}

static void tls_watch_reads(struct stream *stream, int on)
{
    struct tls_stream *tls = (struct tls_stream *)stream;

    if (on) {
        bufferevent_enable(tls->bev, EV_READ);
    } else {
        bufferevent_disable(tls->bev, EV_READ);
    }
}

/* A close_notify, where it goes without waiting, and the end of the TCP stream behind it. */
static void tls_end(struct stream *stream)
{
    struct tls_stream *tls = (struct tls_stream *)stream;

    SSL_shutdown(tls->ssl);
    ERR_clear_error();
    shutdown(bufferevent_getfd(tls->bev), SHUT_WR);
}

static void tls_free(struct stream *stream)
{
    struct tls_stream *tls = (struct tls_stream *)stream;

    /* Says goodbye where it can without waiting (TLS close_notify). */
    SSL_set_shutdown(tls->ssl, SSL_RECEIVED_SHUTDOWN);
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
    bufferevent_free(tls->bev);
    free(tls);
}

static const struct stream_ops tls_ops = {
    .read = tls_read,
    .flush = tls_flush,
    .pending = tls_pending,
    .watch_reads = tls_watch_reads,
    .end = tls_end,
    .free = tls_free,
};

struct stream *stream_tls_new(struct loop *loop, int fd, const struct tls_context *context,
                              const char *server_name, const struct stream_events *events,
                              void *ctx)
{
    struct tls_stream *tls = calloc(1, sizeof(*tls));

    if (tls == NULL) {
        close(fd);
        return NULL;
    }
    tls->stream = (struct stream){&tls_ops, events, ctx};
    tls->loop = loop;
    tls->ssl = tls_session_new(context, server_name);
    if (tls->ssl != NULL) {
        /* Where this fails it has freed the session. */
        tls->bev = bufferevent_openssl_socket_new(
            loop_event_base(loop), fd, tls->ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    }
    if (tls->bev == NULL) {
        close(fd);
        free(tls);
        return NULL;
    }
    bufferevent_setcb(tls->bev, tls_on_read, tls_on_write, tls_on_event, tls);
    bufferevent_enable(tls->bev, EV_READ | EV_WRITE);
    return &tls->stream;
}
