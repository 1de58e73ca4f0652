/* The queue of who waits for a reply. For: matching replies to commands. Not for: calling anybody
 * (connection.c). */
#include "redis/replies.h"

#include <stdlib.h>
#include <string.h>

enum { REPLIES_FIRST_SIZE = 64 };

void redis_replies_fini(struct redis_replies *replies)
{
    free(replies->ring);
    *replies = (struct redis_replies){0};
}

void redis_replies_clear(struct redis_replies *replies)
{
    replies->first = 0;
    replies->count = 0;
}

/* Doubles the ring; what runs over the old end moves behind it. */
static int replies_grow(struct redis_replies *replies)
{
    size_t size = replies->size ? replies->size * 2 : REPLIES_FIRST_SIZE;
    struct redis_waiter *ring = realloc(replies->ring, size * sizeof(*ring));

    if (ring == NULL) {
        return -1;
    }
    if (replies->first > 0) {
        memcpy(ring + replies->size, ring, replies->first * sizeof(*ring));
    }
    replies->ring = ring;
    replies->size = size;
    return 0;
}

int redis_replies_push(struct redis_replies *replies, struct redis_waiter waiter)
{
    if (replies->count == replies->size && replies_grow(replies) != 0) {
        return -1;
    }
    replies->ring[(replies->first + replies->count) & (replies->size - 1)] = waiter;
    replies->count++;
    return 0;
}

bool redis_replies_pop(struct redis_replies *replies, struct redis_waiter *out_waiter)
{
    if (replies->count == 0) {
        return false;
    }
    *out_waiter = replies->ring[replies->first];
    replies->first = (replies->first + 1) & (replies->size - 1);
    replies->count--;
    return true;
}

void redis_replies_forget(struct redis_replies *replies, const void *ctx)
{
    size_t i;

    for (i = 0; i < replies->count; i++) {
        struct redis_waiter *waiter = &replies->ring[(replies->first + i) & (replies->size - 1)];

        if (waiter->ctx == ctx) {
            waiter->on_reply = NULL;
        }
    }
}
