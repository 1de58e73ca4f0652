/* The ring of items waiting for an answer. For: publisher confirms and unacknowledged deliveries.
 * Not for: Redis' replies, which come in order and need no tags (redis/). */
#include "core/window.h"

#include <assert.h>
#include <stdlib.h>

enum { WINDOW_FIRST_SIZE = 64 };

static void **window_slot(const struct window *window, uint64_t tag)
{
    return &window->slots[tag & (window->size - 1)];
}

static int window_grow(struct window *window)
{
    struct window grown = *window;
    uint64_t tag;

    grown.size = window->size ? window->size * 2 : WINDOW_FIRST_SIZE;
    grown.slots = calloc(grown.size, sizeof(*grown.slots));
    if (grown.slots == NULL) {
        return -1;
    }
    for (tag = window->first; tag < window->next; tag++) {
        *window_slot(&grown, tag) = *window_slot(window, tag);
    }
    free(window->slots);
    *window = grown;
    return 0;
}

/* Moves `first` to the oldest item, or to `next` where there is none. */
static void window_advance(struct window *window)
{
    while (window->first < window->next && *window_slot(window, window->first) == NULL) {
        window->first++;
    }
}

void window_fini(struct window *window)
{
    free(window->slots);
    *window = WINDOW_INIT;
}

void window_reset(struct window *window)
{
    assert(window->count == 0);
    window->first = 1;
    window->next = 1;
}

int window_put(struct window *window, void *item, uint64_t *out_tag)
{
    assert(item != NULL);
    if (window->next - window->first >= window->size && window_grow(window) != 0) {
        return -1;
    }
    *window_slot(window, window->next) = item;
    window->count++;
    if (out_tag != NULL) {
        *out_tag = window->next;
    }
    window->next++;
    return 0;
}

void *window_take(struct window *window, uint64_t tag)
{
    void *item = window_peek(window, tag);

    if (item == NULL) {
        return NULL;
    }
    *window_slot(window, tag) = NULL;
    window->count--;
    if (tag == window->first) {
        window_advance(window);
    }
    return item;
}

void *window_take_first(struct window *window, uint64_t upto)
{
    return window->first <= upto ? window_take(window, window->first) : NULL;
}

void *window_peek(const struct window *window, uint64_t tag)
{
    if (tag < window->first || tag >= window->next) {
        return NULL;
    }
    return *window_slot(window, tag);
}
