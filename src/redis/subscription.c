/* The table of subscriptions. For: finding the one that a message is for, sharing it among
 * listeners. Not for: commands and replies (subscriber.c). */
#include "redis/subscription.h"

#include <stdlib.h>

struct subscription *subscription_table_find(struct subscription_table *table,
                                             enum subscription_kind kind, struct slice name)
{
    struct subscription *found = table->last;

    if (found != NULL && found->kind == kind && slice_equal(subscription_name(found), name)) {
        return found;
    }
    HASH_FIND(hh, table->heads[kind], name.data, name.len, found);
    if (found != NULL) {
        table->last = found;
    }
    return found;
}

static struct subscription *subscription_new(struct subscription_table *table,
                                             enum subscription_kind kind, struct slice name)
{
    struct subscription *subscription = calloc(1, sizeof(*subscription) + name.len + 1);

    if (subscription == NULL) {
        return NULL;
    }
    subscription->kind = kind;
    subscription->added = true;
    subscription->len = name.len;
    LIST_INIT(&subscription->refs);
    if (name.len > 0) {
        memcpy(subscription->name, name.data, name.len);
    }
    HASH_ADD_KEYPTR(hh, table->heads[kind], subscription->name, name.len, subscription);
    if (!subscription->added) {
        free(subscription);
        return NULL;
    }
    return subscription;
}

int subscription_table_add(struct subscription_table *table, enum subscription_kind kind,
                           struct slice name, struct redis_listener *listener,
                           struct subscription_ref *ref)
{
    struct subscription *subscription = subscription_table_find(table, kind, name);

    if (subscription == NULL) {
        subscription = subscription_new(table, kind, name);
    }
    if (subscription == NULL) {
        return -1;
    }
    ref->subscription = subscription;
    ref->listener = listener;
    LIST_INSERT_HEAD(&subscription->refs, ref, link);
    return 0;
}

void subscription_table_remove(struct subscription_table *table, struct subscription_ref *ref)
{
    struct subscription *subscription = ref->subscription;

    if (subscription != NULL) {
        ref->subscription = NULL;
        LIST_REMOVE(ref, link);
        subscription_table_release(table, subscription);
    }
}

void subscription_table_release(struct subscription_table *table, struct subscription *subscription)
{
    if (!LIST_EMPTY(&subscription->refs) || subscription->pending > 0) {
        return;
    }
    if (table->last == subscription) {
        table->last = NULL;
    }
    HASH_DEL(table->heads[subscription->kind], subscription);
    free(subscription);
}
