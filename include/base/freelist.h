/* Free lists: memory of what was freed, kept for the next of its size, the last freed first, as it
 * is in the processor's caches still. For objects of many sizes that come and go all the time, such
 * as messages. They are malloc's own, and lie in classes of the sizes that malloc rounds to, so
 * none takes more memory than it would without. What is larger than the largest class is
 * malloc's alone.
 *
 * For one thread. A memory checker sees no use of what is kept here after it was freed: keep
 * nothing under one. */
#ifndef CHUNNELD_BASE_FREELIST_H
#define CHUNNELD_BASE_FREELIST_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FREELIST_STEP = 16,      /* bytes between two classes */
    FREELIST_LARGEST = 4088, /* bytes of the largest class */
    FREELIST_CLASSES = FREELIST_LARGEST / FREELIST_STEP + 1,
};

struct freelist_item;

/* All zero: nothing is kept, all of it goes to malloc and free. */
struct freelist {
    size_t most;     /* bytes to keep */
    size_t kept;     /* bytes that are; never more than `most` */
    size_t given;    /* objects out, of all sizes */
    bool overflowed; /* there was more to keep than that, since all was given back */
    unsigned next;   /* the class whose turn it is to make room */
    struct freelist_item *first[FREELIST_CLASSES];
};

/* Memory of `size` bytes, of which the first `zeroed` are 0; NULL: there is none. */
void *freelist_get(struct freelist *list, size_t size, size_t zeroed);
/* Takes back what freelist_get() gave for that `size`. Where `most` is kept already, other classes
 * make room, each in its turn, so that sizes that do not come again are not kept for ever. When
 * nothing is out any more after a time with more than that, all goes back to malloc. */
void freelist_put(struct freelist *list, void *memory, size_t size);
/* Keeps `most` bytes from now on, and gives back to malloc what was kept before. */
void freelist_limit(struct freelist *list, size_t most);

#endif
