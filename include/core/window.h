/* A window: items that wait for an answer, each under a tag; tags are consecutive, as AMQP numbers
 * publishes and deliveries on a channel (AMQP 0-9-1 §1.8.3.12, RabbitMQ's confirms). A ring indexed
 * by tag: put and take are O(1) and allocate nothing once the ring has grown to the traffic. */
#ifndef CHUNNELD_CORE_WINDOW_H
#define CHUNNELD_CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded by value; WINDOW_INIT or window_reset() before use. */
struct window {
    void **slots;   /* ring of `size` items, owned; NULL: taken */
    size_t size;    /* a power of two, or 0 */
    uint64_t first; /* oldest tag not yet taken; == next while the window is empty */
    uint64_t next;  /* tag of the next put */
    size_t count;   /* items in it */
};

/* An empty window whose first tag is 1. */
#define WINDOW_INIT ((struct window){.first = 1, .next = 1})

/* Frees the ring, not the items. */
void window_fini(struct window *window);
/* Empty again, the first tag 1, the memory kept. The items must have been taken. */
void window_reset(struct window *window);
/* Puts `item` (not NULL) under the next tag, written to *out_tag (NULL: not wanted). 0, or -1: out
 * of memory and nothing changed. */
int window_put(struct window *window, void *item, uint64_t *out_tag);
/* Takes the item under `tag`; NULL where that tag was never put or is taken already. */
void *window_take(struct window *window, uint64_t tag);
/* Takes the oldest item if its tag is at most `upto`; NULL otherwise. */
void *window_take_first(struct window *window, uint64_t upto);
/* The item under `tag`, left where it is; NULL as for window_take. */
void *window_peek(const struct window *window, uint64_t tag);

static inline bool window_is_empty(const struct window *window)
{
    return window->count == 0;
}

/* Whether `tag` was put since the last reset, be it taken or not. */
static inline bool window_was_put(const struct window *window, uint64_t tag)
{
    return tag >= 1 && tag < window->next;
}

#endif
