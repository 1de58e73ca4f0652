/* Finding duplicate keys, which cJSON keeps without a word. For: base/json.c. */
#include "base/json_duplicates.h"

#include <stdlib.h>

/* Members up to which each key is compared with each; beyond, they are sorted. */
enum { JSON_DUPLICATES_FEW = 16 };

/* A member and its place in the object, which decides who was first. */
struct json_duplicates_member {
    const struct json_node *node;
    size_t ordinal;
};

struct json_duplicates {
    void (*on_duplicate)(void *ctx, const struct json_node *member);
    void *ctx;
};

static int json_duplicates_order(const void *a, const void *b)
{
    const struct json_duplicates_member *one = a;
    const struct json_duplicates_member *two = b;
    int order = strcmp(json_key(one->node).data, json_key(two->node).data);

    if (order != 0) {
        return order;
    }
    return one->ordinal < two->ordinal ? -1 : one->ordinal > two->ordinal;
}

/* Each with each: for few members, and when there is no memory to sort many. */
static void json_duplicates_compare(const struct json_duplicates *search,
                                    const struct json_node *object)
{
    const struct json_node *one;
    const struct json_node *two;

    for (one = json_first(object); one != NULL; one = json_next(one)) {
        for (two = json_first(object); two != one; two = json_next(two)) {
            if (slice_equal(json_key(one), json_key(two))) {
                search->on_duplicate(search->ctx, one);
                break;
            }
        }
    }
}

static void json_duplicates_sort(const struct json_duplicates *search,
                                 const struct json_node *object, size_t count)
{
    struct json_duplicates_member *members = calloc(count, sizeof(*members));
    const struct json_node *node = json_first(object);
    size_t i;

    if (members == NULL) {
        json_duplicates_compare(search, object);
        return;
    }
    for (i = 0; i < count; i++, node = json_next(node)) {
        members[i] = (struct json_duplicates_member){node, i};
    }
    qsort(members, count, sizeof(*members), json_duplicates_order);
    for (i = 1; i < count; i++) {
        if (slice_equal(json_key(members[i - 1].node), json_key(members[i].node))) {
            search->on_duplicate(search->ctx, members[i].node);
        }
    }
    free(members);
}

/* An object or array and what is in it; as deep as the document, which json_parse() bounded. */
static void json_duplicates_walk(const struct json_duplicates *search,
                                 const struct json_node *container)
{
    const struct json_node *child;
    size_t count = 0;

    for (child = json_first(container); child != NULL; child = json_next(child)) {
        count++;
        if (json_first(child) != NULL) {
            json_duplicates_walk(search, child);
        }
    }
    if (!json_is(container, JSON_OBJECT)) {
        return;
    }
    if (count <= JSON_DUPLICATES_FEW) {
        json_duplicates_compare(search, container);
    } else {
        json_duplicates_sort(search, container, count);
    }
}

void json_duplicates_find(const struct json_node *root,
                          void (*on_duplicate)(void *ctx, const struct json_node *member),
                          void *ctx)
{
    struct json_duplicates search = {on_duplicate, ctx};

    json_duplicates_walk(&search, root);
}
