/* Watching a descriptor that is no link: an eventfd of another thread. One thread. */
#ifndef CHUNNELD_NET_WATCH_H
#define CHUNNELD_NET_WATCH_H

#include "net/loop.h"

/* Embedded by value. */
struct watch {
    struct loop *loop;
    struct event *event; /* owned */
    void (*run)(void *ctx);
    void *ctx;
};

/* Calls `run` in the loop whenever `fd` is readable; 0, or -1: out of memory. The descriptor stays
 * the caller's, and open until watch_fini(). */
int watch_init(struct watch *watch, struct loop *loop, int fd, void (*run)(void *ctx), void *ctx);
/* Legal on a zeroed watch and twice. */
void watch_fini(struct watch *watch);

#endif
