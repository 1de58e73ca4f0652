/* Getting from a name to a connected socket: resolves without blocking, then tries each address in
 * turn, all within one deadline; a dead address gets its share of the time, not all of it. For
 * link.c alone. */
#ifndef CHUNNELD_NET_DIALER_H
#define CHUNNELD_NET_DIALER_H

#include "net/link.h"
#include "net/loop.h"

struct dialer;

enum { DIALER_PEER_SIZE = 128 };

struct dialer_events {
    /* `fd` is connected, non-blocking, and the caller's from now on; `peer` is its address. */
    void (*on_connected)(void *ctx, int fd, const char *peer);
    /* No address could be connected: why, with the address. */
    void (*on_failed)(void *ctx, const char *why);
};

/* NULL: out of memory. `events` is borrowed. */
struct dialer *dialer_new(struct loop *loop, const struct dialer_events *events, void *ctx);
/* Cancels and frees; NULL is legal. Not inside one of its events. */
void dialer_free(struct dialer *dialer);
/* Begins; exactly one event follows, never inside this call. The target is copied as far as
 * needed. A dialer at work is cancelled first. */
void dialer_start(struct dialer *dialer, const struct link_target *target);
/* Stops; no event follows. Legal always. */
void dialer_cancel(struct dialer *dialer);

#endif
