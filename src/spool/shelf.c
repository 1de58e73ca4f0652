/* A bridge's store over the spool. For: which number of receipt is which record, and in which of
 * the two FIFOs. Not for: when something goes to the disk (core/bridge_store.c), writing it
 * (worker.c), reading it back (shelf_read.c). */
#include "spool/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "spool/record.h"
#include "spool/shelf_private.h"

enum {
    SHELF_NAME_SIZE = 256,
    SHELF_SETTLED = 256,           /* entries from which compacting pays */
    SHELF_ROOM = 64 * 1024 * 1024, /* less is left: do not count on it */
};

/* Notes a delivery that is in memory too, and needs its record on the disk to be sent; -1: out of
 * memory. */
static int shelf_note_open(struct shelf *shelf, struct shelf_entry entry)
{
    if (shelf_ring_push(&shelf->open, entry) != 0) {
        return -1;
    }
    if (shelf_ring_push(&shelf->written, entry) != 0) {
        shelf->open.count--;
        return -1;
    }
    return 0;
}

/* Notes one that is in memory until its record is on the disk; -1: out of memory. */
static int shelf_note_kept(struct shelf *shelf, struct shelf_entry entry)
{
    if (shelf_ring_insert(&shelf->kept, entry) != 0) {
        return -1;
    }
    if (entry.fifo == SHELF_AHEAD && entry.record < shelf->ahead_end) {
        shelf->ahead_end = entry.record;
    }
    return 0;
}

/* Notes where the record of a delivery is that is in memory too; -1: out of memory. */
static int shelf_note(struct shelf *shelf, struct shelf_entry entry, enum store_place place)
{
    int result =
        place == STORE_ALSO ? shelf_note_open(shelf, entry) : shelf_note_kept(shelf, entry);

    if (result == 0 && place != STORE_AHEAD) {
        shelf->unread[entry.fifo] = entry.record + 1;
    }
    return result;
}

static enum store_append shelf_append(struct store *store, const struct delivery *delivery,
                                      enum store_place place)
{
    struct shelf *shelf = shelf_of(store);
    bool ahead = place == STORE_AHEAD;
    enum shelf_fifo fifo = ahead ? SHELF_AHEAD : SHELF_MAIN;
    struct shelf_entry entry = {
        .number = delivery->seq, .fifo = fifo, .wall_us = delivery->wall_us};
    enum spool_append result;

    strbuf_reset(&shelf->header);
    record_write(delivery, &shelf->header);
    if (strbuf_failed(&shelf->header)) {
        shelf->refused = "out of memory";
        return STORE_REFUSED;
    }
    result = spool_fifo_append(shelf->fifos[fifo], strbuf_slice(&shelf->header),
                               delivery_raw_body(delivery), &entry.record);
    if (result != SPOOL_APPENDED) {
        shelf->refused = spool_append_name(result);
        return result == SPOOL_BUSY ? STORE_BUSY : STORE_REFUSED;
    }
    shelf->setup.on_work(shelf->setup.ctx);
    if (place == STORE_ALONE && shelf->unread[fifo] == entry.record) {
        shelf->unread_wall_us = delivery->wall_us;
    }
    if (place != STORE_ALONE && shelf_note(shelf, entry, place) != 0) {
        spool_fifo_remove(shelf->fifos[fifo], entry.record);
        shelf->refused = "out of memory";
        return STORE_REFUSED;
    }
    return STORE_APPENDED;
}

static void shelf_on_durable(void *ctx, uint64_t upto)
{
    struct shelf *shelf = ctx;
    struct shelf_entry *entry;
    uint64_t number = 0;

    while ((entry = shelf_ring_first(&shelf->written)) != NULL && entry->record <= upto) {
        number = entry->number;
        shelf_ring_pop(&shelf->written);
    }
    if (number != 0 || shelf->kept.count > 0) {
        shelf->store.events->on_durable(shelf->store.ctx, number);
    }
}

/* Of NAME/ahead, where nothing waits for its record but at the end. */
static void shelf_on_ahead_durable(void *ctx, uint64_t upto)
{
    struct shelf *shelf = ctx;

    (void)upto;
    if (shelf->kept.count > 0) {
        shelf->store.events->on_durable(shelf->store.ctx, 0);
    }
}

static const struct spool_fifo_events shelf_events = {
    .on_durable = shelf_on_durable,
    .on_records = shelf_on_records,
    .on_lost = shelf_on_lost,
};

static const struct spool_fifo_events shelf_ahead_events = {
    .on_durable = shelf_on_ahead_durable,
    .on_records = shelf_on_records,
    .on_lost = shelf_on_lost,
};

/* Removes the record of an entry, if it is still there; whether it was. */
static bool shelf_settle(struct shelf *shelf, struct shelf_entry *entry)
{
    if (entry == NULL || entry->record == 0) {
        return false;
    }
    spool_fifo_remove(shelf->fifos[entry->fifo], entry->record);
    shelf->setup.on_work(shelf->setup.ctx);
    entry->record = 0;
    return true;
}

static void shelf_remove(struct store *store, uint64_t number)
{
    struct shelf *shelf = shelf_of(store);
    struct shelf_entry *entry;

    shelf_settle(shelf, shelf_ring_find(&shelf->kept, number));
    if (!shelf_settle(shelf, shelf_ring_find(&shelf->open, number))) {
        return;
    }
    shelf->settled++;
    while ((entry = shelf_ring_first(&shelf->open)) != NULL && entry->record == 0) {
        shelf_ring_pop(&shelf->open);
        shelf->settled--;
    }
    if (shelf->settled > SHELF_SETTLED && shelf->settled > shelf->open.count / 2) {
        shelf_ring_compact(&shelf->open);
        shelf->settled = 0;
    }
}

static void shelf_remove_upto(struct store *store, uint64_t upto)
{
    struct shelf *shelf = shelf_of(store);
    uint64_t last[SHELF_FIFOS] = {0, 0};
    struct shelf_entry *entry;
    size_t i;

    while ((entry = shelf_ring_first(&shelf->open)) != NULL && entry->number <= upto) {
        if (entry->record != 0) {
            last[entry->fifo] = entry->record;
        } else {
            shelf->settled--;
        }
        shelf_ring_pop(&shelf->open);
    }
    for (i = 0; i < SHELF_FIFOS; i++) {
        if (last[i] != 0) {
            spool_fifo_remove_upto(shelf->fifos[i], last[i]);
            shelf->setup.on_work(shelf->setup.ctx);
        }
    }
}

static bool shelf_is_tight(const struct store *store)
{
    const struct shelf *shelf = (const struct shelf *)store;
    struct spool_fifo_info info;

    spool_fifo_get_info(shelf->fifos[SHELF_MAIN], &info);
    return info.bytes > shelf->setup.limit - shelf->setup.limit / 8 ||
           spool_backlog(shelf->setup.spool) >= shelf->setup.tight_backlog;
}

static bool shelf_is_failing(const struct store *store)
{
    const struct shelf *shelf = (const struct shelf *)store;

    /* A disk that is full may not have refused anything yet. */
    return spool_is_in_trouble(shelf->setup.spool) ||
           spool_is_short(shelf->setup.spool, SHELF_ROOM);
}

static bool shelf_is_written(const struct store *store)
{
    const struct shelf *shelf = (const struct shelf *)store;

    return spool_fifo_unwritten(shelf->fifos[SHELF_AHEAD]) == 0 &&
           spool_fifo_unwritten(shelf->fifos[SHELF_MAIN]) == 0;
}

static void shelf_get_gauge(const struct store *store, struct store_gauge *out_gauge)
{
    const struct shelf *shelf = (const struct shelf *)store;
    const struct shelf_entry *entry = shelf_ring_first(&shelf->open);
    struct spool_fifo_info info;
    bool unread = false;
    size_t i;

    *out_gauge = (struct store_gauge){0};
    for (i = 0; i < SHELF_FIFOS; i++) {
        spool_fifo_get_info(shelf->fifos[i], &info);
        out_gauge->bytes += info.bytes;
        unread = unread || shelf->unread[i] < info.next;
    }
    if (entry != NULL || unread) {
        out_gauge->oldest_us = entry != NULL ? entry->wall_us : shelf->unread_wall_us;
    }
}

static const char *shelf_trouble(const struct store *store)
{
    return ((const struct shelf *)store)->refused;
}

static const struct store_ops shelf_ops = {
    .append = shelf_append,
    .load = shelf_load,
    .remove = shelf_remove,
    .remove_upto = shelf_remove_upto,
    .is_tight = shelf_is_tight,
    .is_failing = shelf_is_failing,
    .is_written = shelf_is_written,
    .get_gauge = shelf_get_gauge,
    .trouble = shelf_trouble,
};

static int shelf_open_fifo(struct shelf *shelf, enum shelf_fifo which, const char *name,
                           const struct spool_fifo_events *events, struct err *err)
{
    struct spool_fifo_info info;

    shelf->fifos[which] =
        spool_fifo_open(shelf->setup.spool, name, shelf->setup.limit, events, shelf, err);
    if (shelf->fifos[which] == NULL) {
        return -1;
    }
    spool_fifo_get_info(shelf->fifos[which], &info);
    shelf->unread[which] = info.first;
    shelf->store.count += info.count;
    return 0;
}

struct store *shelf_new(const struct shelf_setup *setup, struct err *err)
{
    struct shelf *shelf = calloc(1, sizeof(*shelf));
    char ahead[SHELF_NAME_SIZE];

    if (shelf == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    shelf->store.ops = &shelf_ops;
    shelf->ahead_end = UINT64_MAX;
    shelf->setup = *setup;
    snprintf(ahead, sizeof(ahead), "%s/ahead", setup->bridge);
    if (shelf_open_fifo(shelf, SHELF_AHEAD, ahead, &shelf_ahead_events, err) != 0 ||
        shelf_open_fifo(shelf, SHELF_MAIN, setup->bridge, &shelf_events, err) != 0) {
        shelf_free(&shelf->store);
        return NULL;
    }
    shelf->store.first = shelf->store.count > 0 ? 1 : 0;
    shelf->store.last = shelf->store.count;
    return &shelf->store;
}

void shelf_set_limit(struct store *store, uint64_t limit)
{
    struct shelf *shelf = shelf_of(store);
    size_t i;

    shelf->setup.limit = limit;
    for (i = 0; i < SHELF_FIFOS; i++) {
        spool_fifo_set_limit(shelf->fifos[i], limit);
    }
}

void shelf_free(struct store *store)
{
    struct shelf *shelf = shelf_of(store);
    size_t i;

    if (shelf == NULL) {
        return;
    }
    for (i = 0; i < SHELF_FIFOS; i++) {
        if (shelf->fifos[i] != NULL) {
            spool_fifo_close(shelf->fifos[i]);
        }
    }
    free(shelf->open.entries);
    free(shelf->written.entries);
    free(shelf->kept.entries);
    strbuf_fini(&shelf->header);
    free(shelf);
}

void shelf_on_room(struct store *store)
{
    store->events->on_room(store->ctx);
}

void shelf_on_trouble(struct store *store)
{
    store->events->on_trouble(store->ctx);
}

struct slice shelf_bridge_of(const char *fifo_name)
{
    const char *slash = strchr(fifo_name, '/');

    return slash != NULL ? slice_make(fifo_name, (size_t)(slash - fifo_name)) : slice_of(fifo_name);
}
