/* The table of what one socket subscribes to: a channel or a pattern once, however many listeners
 * want it. It knows names, listeners and states, and does no I/O. */
#ifndef CHUNNELD_REDIS_SUBSCRIPTION_H
#define CHUNNELD_REDIS_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/slice.h"

/* A hash that cannot grow reports it, instead of ending the process. FNV reads well with every
 * compiler's warnings, and suits short names. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->added = false)
#define HASH_FUNCTION(key, len, hash) HASH_FNV(key, len, hash)
#include <uthash.h>

struct redis_listener;

enum subscription_kind { SUBSCRIPTION_CHANNEL, SUBSCRIPTION_PATTERN };

enum subscription_state {
    SUBSCRIPTION_IDLE,    /* not subscribed */
    SUBSCRIPTION_ASKED,   /* (P)SUBSCRIBE was sent */
    SUBSCRIPTION_ACTIVE,  /* confirmed: messages come */
    SUBSCRIPTION_REFUSED, /* the server said no; asked again after a while */
};

struct subscription {
    UT_hash_handle hh;
    bool added; /* the hash took it */
    enum subscription_kind kind;
    enum subscription_state state;
    unsigned pending;                   /* commands for it whose replies are missing */
    unsigned wanted;                    /* listeners that have joined */
    LIST_HEAD(, subscription_ref) refs; /* all listeners, joined or not */
    size_t len;                         /* of name */
    char name[];                        /* any bytes */
};

/* One listener's interest in one subscription. */
struct subscription_ref {
    LIST_ENTRY(subscription_ref) link; /* in subscription->refs */
    struct subscription *subscription;
    struct redis_listener *listener;
};

/* Embedded by value; zeroed, it is empty. */
struct subscription_table {
    struct subscription *heads[2]; /* uthash tables by name, one a kind */
    struct subscription *last;     /* found last, as messages come in runs */
};

static inline struct slice subscription_name(const struct subscription *subscription)
{
    return slice_make(subscription->name, subscription->len);
}

/* The subscription, or NULL. */
struct subscription *subscription_table_find(struct subscription_table *table,
                                             enum subscription_kind kind, struct slice name);
/* Lets `ref` point to the subscription, which is made where it is not there; 0, or -1: out of
 * memory. */
int subscription_table_add(struct subscription_table *table, enum subscription_kind kind,
                           struct slice name, struct redis_listener *listener,
                           struct subscription_ref *ref);
/* Takes the listener out again; legal on a zeroed ref. */
void subscription_table_remove(struct subscription_table *table, struct subscription_ref *ref);
/* Frees the subscription if no listener has it and no reply is missing. */
void subscription_table_release(struct subscription_table *table,
                                struct subscription *subscription);

#endif
