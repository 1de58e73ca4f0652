/* Who waits for which reply: Redis answers in the order of the commands, so this is a queue, kept
 * in a ring that grows as needed. */
#ifndef CHUNNELD_REDIS_REPLIES_H
#define CHUNNELD_REDIS_REPLIES_H

#include <stdbool.h>
#include <stddef.h>

#include "redis/resp.h"

/* Takes the reply to one command; `ctx` and `arg` are those given with it. */
typedef void (*redis_on_reply)(void *ctx, void *arg, const struct resp_frame *reply);

struct redis_waiter {
    redis_on_reply on_reply; /* NULL: nobody cares */
    void *ctx;
    void *arg;
};

struct redis_replies {
    struct redis_waiter *ring; /* owned */
    size_t size;               /* of the ring: 0 or a power of two */
    size_t first;              /* index of the oldest */
    size_t count;              /* waiting */
};

/* A zeroed struct is an empty queue. Frees the memory; the queue is empty and usable after it. */
void redis_replies_fini(struct redis_replies *replies);
/* Forgets all, keeping the memory. */
void redis_replies_clear(struct redis_replies *replies);
/* 0, or -1: out of memory. */
int redis_replies_push(struct redis_replies *replies, struct redis_waiter waiter);
/* Takes the oldest out; false: there is none. */
bool redis_replies_pop(struct redis_replies *replies, struct redis_waiter *out_waiter);
/* The replies that `ctx` waits for will be dropped. */
void redis_replies_forget(struct redis_replies *replies, const void *ctx);

#endif
