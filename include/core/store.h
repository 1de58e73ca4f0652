/* The disk behind a bridge's queue, as the bridge sees it: a first-in-first-out of records under
 * the numbers of receipt (delivery->seq). What it does happens elsewhere and later; no operation
 * waits for a disk, and none calls an event back before it returns. One thread. */
#ifndef CHUNNELD_CORE_STORE_H
#define CHUNNELD_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/delivery.h"

struct store;

struct store_events {
    /* Every record appended under a number up to `upto` is on disk, synced; 0: that says nothing
     * new, but others are. */
    void (*on_durable)(void *ctx, uint64_t upto);
    /* The answer to load(): deliveries numbered from `after` + 1 on, the receiver's from now on.
     * Their received_us is that of the receipt, also in another process; 0: not known. `upto` is
     * the last number; `damaged` more records are lost. */
    void (*on_loaded)(void *ctx, struct delivery_list *loaded, uint64_t upto, uint64_t damaged);
    /* append() refused before and may succeed now. */
    void (*on_room)(void *ctx);
    /* is_failing() has changed, or may have. */
    void (*on_trouble)(void *ctx);
};

/* What becomes of a delivery beside its record. */
enum store_place {
    STORE_ALSO,   /* it stays in memory too; nothing is in the store alone */
    STORE_ALONE,  /* it is in the store alone, behind all the others */
    STORE_BEHIND, /* at the end of the bridge: as STORE_ALSO, but it may have an older record too */
    STORE_AHEAD,  /* as STORE_BEHIND, but its record lies before those that are in the store alone,
                   * behind those put ahead before it */
};

enum store_append {
    STORE_APPENDED = 0,
    STORE_REFUSED = -1, /* no room, too large, ... */
    STORE_BUSY = -2,    /* too much is on its way to the disk: on_room or on_trouble will come */
};

/* What it holds. */
struct store_gauge {
    uint64_t bytes;    /* of all its records */
    int64_t oldest_us; /* wall clock: when the oldest of them was received, or earlier; 0: it holds
                        * none, or that is not known yet */
};

/* How long ago that was; 0: it holds none, or it is not known. */
static inline uint64_t store_gauge_age_us(const struct store_gauge *gauge, int64_t wall_us)
{
    return gauge->oldest_us != 0 && gauge->oldest_us < wall_us
               ? (uint64_t)(wall_us - gauge->oldest_us)
               : 0;
}

struct store_ops {
    /* Copies the delivery. Else than STORE_APPENDED: nothing happened. */
    enum store_append (*append)(struct store *store, const struct delivery *delivery,
                                enum store_place place);
    /* Asks for the next records that are in the store alone, some `most_bytes` of them, to be
     * numbered from `after` + 1 on; one question at a time. -1: there are none, and no answer
     * comes. */
    int (*load)(struct store *store, uint64_t after, size_t most_bytes);
    /* The record with that number is settled, whatever is with those before it; if it has one of
     * the end as well, so is that. */
    void (*remove)(struct store *store, uint64_t number);
    /* All records with numbers up to `upto` are settled, but for those that are in the store alone,
     * and those of the end. */
    void (*remove_upto)(struct store *store, uint64_t upto);
    /* Little is left of its limit, or the disk does not keep up: better to bring no more. */
    bool (*is_tight)(const struct store *store);
    /* What was appended and is not durable cannot be written now, or perhaps not: it will be once
     * the disk is well. Asks the file system now and then, so it may tell late. */
    bool (*is_failing)(const struct store *store);
    /* All that was appended is durable, or removed. */
    bool (*is_written)(const struct store *store);
    void (*get_gauge)(const struct store *store, struct store_gauge *out_gauge);
    /* Why append() refuses, in words; NULL: the limit is reached. */
    const char *(*trouble)(const struct store *store);
};

/* Embedded first in every store; events and ctx are set by the bridge. */
struct store {
    const struct store_ops *ops;
    const struct store_events *events;
    void *ctx;
    uint64_t first; /* at the bridge's start: the lowest number in it; 0: it is empty */
    uint64_t last;  /* likewise the highest */
    uint64_t count; /* likewise how many records */
};

#endif
