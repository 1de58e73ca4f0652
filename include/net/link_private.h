/* The inside of a link, shared by link.c (its life) and link_flow.c (its bytes) alone. */
#ifndef CHUNNELD_NET_LINK_PRIVATE_H
#define CHUNNELD_NET_LINK_PRIVATE_H

#include "net/dialer.h"
#include "net/link.h"
#include "net/outbuf.h"
#include "net/rests.h"
#include "net/stream.h"

enum { LINK_WHY_SIZE = 256, LINK_NAME_SIZE = 256 };

enum link_state {
    LINK_IDLE,        /* nothing under way; no timer */
    LINK_DIALING,     /* the dialer is at work, with its own deadline */
    LINK_HANDSHAKING, /* connected, TLS under way; `timer` ends it */
    LINK_UP,          /* bytes flow both ways */
    LINK_FLUSHING,    /* sending the rest, then waiting for the peer's end; `timer` ends it */
};

struct link {
    struct loop *loop;
    const struct link_events *events;
    void *ctx;
    struct link_limits limits;
    enum link_state state;
    struct dialer *dialer;
    struct stream *stream;   /* NULL while idle or dialing */
    struct loop_timer timer; /* see enum link_state */
    struct loop_task flush;  /* the turn's writes */
    struct loop_task more;   /* reads left over by the last turn */
    struct resting rest;     /* nothing is read until its end; only while up and not paused */
    struct loop_task down;   /* on_down is due: the failure came inside an operation */
    struct outbuf out;
    uint8_t *in; /* read buffer, `in_size` bytes, the first `in_len` in use */
    size_t in_size;
    size_t in_len;
    bool showing;                  /* inside on_data: the read buffer must stay */
    bool was_full;                 /* on_writable is due at the low watermark */
    bool all_sent;                 /* flushing: nothing is left, the peer was told */
    bool peer_ended;               /* flushing: the peer ended its stream before that */
    bool unwatched;                /* no event tells of bytes, as it rests, or has just rested */
    bool paused;                   /* its owner wants no reads */
    bool behind;                   /* the last turn's reads left something to be read */
    const struct tls_context *tls; /* of the connection under way; NULL: plain */
    char server_name[LINK_NAME_SIZE];
    uint64_t deadline_us; /* of connecting, TLS included */
    uint64_t timeout_us;  /* the same as a span, for the words */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t last_read_us;
    char peer[DIALER_PEER_SIZE];
    char why[LINK_WHY_SIZE]; /* for the deferred on_down */
};

/* Back to idle: drops everything of this connection and tells its owner why. */
void link_fail(struct link *link, const char *why);

/* Reads what the stream has, a bounded number of times, and shows it to the owner. */
void link_flow_read(struct link *link);
/* A rest is over before its time. Reads are for the caller to watch again. */
void link_flow_end_rest(struct link *link);
/* The end of `rest`. */
void link_flow_on_rested(void *ctx);
/* Drops what was read and not used. */
void link_flow_forget_input(struct link *link);
/* Hands the stream what waits to be written. */
void link_flow_flush(struct link *link);

#endif
