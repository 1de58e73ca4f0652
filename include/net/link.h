/* A link: one byte stream to a server over TCP, TLS or a unix socket, for either protocol. It
 * resolves names without blocking, tries every address in turn within the connect timeout, sets
 * TCP_NODELAY, keepalive and TCP_USER_TIMEOUT, and gathers what is written in a turn of the loop
 * into one system call. It does not reconnect: that is its owner's state machine.
 *
 * Law: no operation calls an event back before it returns. One thread. */
#ifndef CHUNNELD_NET_LINK_H
#define CHUNNELD_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/loop.h"

struct link;
struct tls_context;

enum link_transport { LINK_TCP, LINK_TLS, LINK_UNIX };

/* Where to; borrowed for the call to link_connect. */
struct link_target {
    enum link_transport transport;
    const char *host;              /* TCP, TLS: name or address */
    uint16_t port;                 /* TCP, TLS */
    const char *path;              /* unix */
    const struct tls_context *tls; /* TLS; outlives the link */
    const char *server_name;       /* TLS: for SNI and the certificate; NULL: host */
    uint64_t connect_timeout_us;   /* over everything: resolving, connecting, TLS */
    uint64_t user_timeout_us;      /* TCP_USER_TIMEOUT for unacknowledged data; 0: the kernel's */
};

struct link_events {
    /* Connected, TLS done and checked. */
    void (*on_up)(void *ctx);
    /* Bytes came: returns how many were used, from the first on; the rest is shown again together
     * with what comes next. A rest over the read limit closes the link. May close the link; the
     * data stay until it returns. */
    size_t (*on_data)(void *ctx, const uint8_t *data, size_t len);
    /* What is pending fell below the low watermark after it was above the high one. */
    void (*on_writable)(void *ctx);
    /* Not connected any more, or could not connect: why, in words ("connection refused",
     * "closed by peer", "timed out after 5 s resolving rabbit.example"). The link is idle again
     * and may be connected anew, but not freed, inside. Never follows link_close(). */
    void (*on_down)(void *ctx, const char *why);
};

struct link_limits {
    size_t read_limit; /* most bytes of an unfinished piece kept for on_data */
    size_t write_high; /* pending bytes from which link_is_full() */
    size_t write_low;  /* on_writable at this many */
};

/* An idle link; NULL: out of memory. `events` is borrowed for its life. */
struct link *link_new(struct loop *loop, const struct link_limits *limits,
                      const struct link_events *events, void *ctx);
/* Closes and frees; NULL is legal. Not inside one of its events. */
void link_free(struct link *link);

/* Begins to connect an idle link. Every failure comes as on_down, later. */
void link_connect(struct link *link, const struct link_target *target);
/* Drops the connection at once, unsent bytes too; no event follows. Legal always, also inside an
 * event. */
void link_close(struct link *link);
/* Sends what is pending, tells the peer that it was all, and closes when the peer does so too, or
 * after `timeout_us`; on_down("closed") follows. What the peer still sends is thrown away. */
void link_close_after_flush(struct link *link, uint64_t timeout_us);

bool link_is_up(const struct link *link);
/* Address and port of the peer as text, "" while down. */
const char *link_peer(const struct link *link);

/* Makes room for `len` bytes to write into; NULL when the link is not up or memory is out. What
 * was written counts after link_commit(written <= len), and goes out at the end of the turn. */
uint8_t *link_reserve(struct link *link, size_t len);
void link_commit(struct link *link, size_t written);
/* Copies and sends; 0, or -1 when the link is not up or memory is out. */
int link_write(struct link *link, const void *data, size_t len);
/* Bytes written but not yet taken by the kernel. */
size_t link_pending(const struct link *link);
/* At the high watermark: on_writable will come when it is below the low one. */
bool link_is_full(struct link *link);

/* Stop and go on reading; what the kernel holds then fills the peer's buffer. */
void link_pause_reading(struct link *link);
void link_resume_reading(struct link *link);
/* Whether the last reads took all that the kernel had. */
bool link_is_caught_up(const struct link *link);

/* Bytes over the life of the link object, and the monotonic time of the last byte read. */
uint64_t link_bytes_in(const struct link *link);
uint64_t link_bytes_out(const struct link *link);
uint64_t link_last_read_us(const struct link *link);

/* Changes the limit for unfinished pieces (AMQP: frame_max after tuning). */
void link_set_read_limit(struct link *link, size_t read_limit);

#endif
