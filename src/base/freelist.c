/* Free lists; see the header. Not for: what lies in the memory (whoever gets it). */
#include "base/freelist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What is kept, in its own first bytes. */
struct freelist_item {
    struct freelist_item *next; /* freed before it, of the same class; NULL: none */
};

enum { CLASS_FIRST = FREELIST_STEP / 2 }; /* bytes of the smallest class: malloc's head is 8 */

static unsigned class_of(size_t size)
{
    return (unsigned)((size + FREELIST_STEP - 1 - CLASS_FIRST) / FREELIST_STEP);
}

static size_t class_size(unsigned class)
{
    return CLASS_FIRST + (size_t) class * FREELIST_STEP;
}

static struct freelist_item *pop(struct freelist *list, unsigned class)
{
    struct freelist_item *item = list->first[class];

    if (item != NULL) {
        list->first[class] = item->next;
        list->kept -= class_size(class);
    }
    return item;
}

void *freelist_get(struct freelist *list, size_t size, size_t zeroed)
{
    void *memory;

    assert(zeroed <= size);
    if (size > FREELIST_LARGEST) {
        memory = malloc(size);
    } else {
        memory = pop(list, class_of(size));
        if (memory == NULL) {
            memory = malloc(class_size(class_of(size)));
        }
    }
    if (memory == NULL) {
        return NULL;
    }
    list->given++;
    return memset(memory, 0, zeroed);
}

static void give_back(struct freelist *list)
{
    struct freelist_item *item;

    for (unsigned class = 0; class < FREELIST_CLASSES; class ++) {
        while ((item = pop(list, class)) != NULL) {
            free(item);
        }
    }
    list->overflowed = false;
}

static void push(struct freelist *list, void *memory, unsigned class)
{
    struct freelist_item *item = memory;

    item->next = list->first[class];
    list->first[class] = item;
    list->kept += class_size(class);
}

static bool has_room(const struct freelist *list, unsigned class)
{
    return list->kept + class_size(class) <= list->most;
}

/* That of the class whose turn it is goes in the place of this one; of its own class, too, as this
 * one is warmer. */
static void put_over_bound(struct freelist *list, void *memory, unsigned class)
{
    list->overflowed = true;
    free(pop(list, list->next));
    list->next = (list->next + 1) % FREELIST_CLASSES;
    if (has_room(list, class)) {
        push(list, memory, class);
    } else {
        free(memory);
    }
}

void freelist_put(struct freelist *list, void *memory, size_t size)
{
    assert(list->given > 0);
    list->given--;
    if (size > FREELIST_LARGEST) {
        free(memory);
    } else if (has_room(list, class_of(size))) {
        push(list, memory, class_of(size));
    } else {
        put_over_bound(list, memory, class_of(size));
    }
    if (list->given == 0 && list->overflowed) {
        give_back(list);
    }
}

void freelist_limit(struct freelist *list, size_t most)
{
    list->most = most;
    give_back(list);
}
