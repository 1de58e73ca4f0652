/* A bridge's store over the spool. For: which number of receipt is which record, and in which of
 * the two FIFOs. Not for: when something goes to the disk (core/bridge_store.c), writing it
 * (worker.c). */
#include "spool/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "spool/record.h"

enum {
    SHELF_NAME_SIZE = 256,
    SHELF_READ_RECORDS = 20000, /* of one answer */
    SHELF_FIRST_SIZE = 256,     /* of a ring */
};

/* The FIFOs, in the order of reading. */
enum shelf_fifo { SHELF_AHEAD, SHELF_MAIN, SHELF_FIFOS };

/* A delivery in memory and its record. */
struct shelf_entry {
    uint64_t number; /* of receipt */
    uint64_t record; /* in its FIFO */
    enum shelf_fifo fifo;
};

/* A queue of entries. */
struct shelf_ring {
    struct shelf_entry *entries; /* owned */
    size_t size;                 /* a power of two, or 0 */
    size_t first;
    size_t count;
};

struct shelf {
    struct store store; /* first */
    struct shelf_setup setup;
    struct spool_fifo *fifos[SHELF_FIFOS];
    uint64_t unread[SHELF_FIFOS]; /* number of the first record that is on the disk alone */
    struct shelf_ring open;       /* in memory, with a record */
    struct shelf_ring written;    /* appended and not known durable */
    enum shelf_fifo reading;
    uint64_t number;  /* given to the last delivery that was read back */
    uint64_t damaged; /* since the last answer */
    struct strbuf header;
    const char *refused; /* why the last append was, in words */
};

static struct shelf *shelf_of(struct store *store)
{
    return (struct shelf *)store;
}

static int ring_push(struct shelf_ring *ring, struct shelf_entry entry)
{
    if (ring->count == ring->size) {
        size_t size = ring->size ? ring->size * 2 : SHELF_FIRST_SIZE;
        struct shelf_entry *grown = calloc(size, sizeof(grown[0]));
        size_t i;

        if (grown == NULL) {
            return -1;
        }
        for (i = 0; i < ring->count; i++) {
            grown[i] = ring->entries[(ring->first + i) & (ring->size - 1)];
        }
        free(ring->entries);
        ring->entries = grown;
        ring->size = size;
        ring->first = 0;
    }
    ring->entries[(ring->first + ring->count++) & (ring->size - 1)] = entry;
    return 0;
}

static struct shelf_entry *ring_first(const struct shelf_ring *ring)
{
    return ring->count > 0 ? &ring->entries[ring->first] : NULL;
}

static void ring_pop(struct shelf_ring *ring)
{
    ring->first = (ring->first + 1) & (ring->size - 1);
    ring->count--;
}

static bool shelf_has_unread(const struct shelf *shelf, enum shelf_fifo fifo)
{
    struct spool_fifo_info info;

    spool_fifo_get_info(shelf->fifos[fifo], &info);
    return shelf->unread[fifo] < info.next;
}

static int shelf_append(struct store *store, const struct delivery *delivery,
                        enum store_place place)
{
    struct shelf *shelf = shelf_of(store);
    bool ahead = place == STORE_AHEAD;
    enum shelf_fifo fifo = ahead ? SHELF_AHEAD : SHELF_MAIN;
    struct shelf_entry entry = {.number = delivery->seq, .fifo = fifo};
    enum spool_append result;

    strbuf_reset(&shelf->header);
    record_write(delivery, &shelf->header);
    if (strbuf_failed(&shelf->header)) {
        shelf->refused = "out of memory";
        return -1;
    }
    result = spool_fifo_append(shelf->fifos[fifo], strbuf_slice(&shelf->header),
                               delivery_raw_body(delivery), &entry.record);
    if (result != SPOOL_APPENDED) {
        shelf->refused = spool_append_name(result);
        return -1;
    }
    shelf->setup.on_work(shelf->setup.ctx);
    if (place == STORE_ALSO) {
        if (ring_push(&shelf->open, entry) != 0 || ring_push(&shelf->written, entry) != 0) {
            spool_fifo_remove(shelf->fifos[fifo], entry.record);
            shelf->refused = "out of memory";
            return -1;
        }
        shelf->unread[fifo] = entry.record + 1;
    }
    return 0;
}

static void shelf_on_durable(void *ctx, uint64_t upto)
{
    struct shelf *shelf = ctx;
    struct shelf_entry *entry;
    uint64_t number = 0;

    while ((entry = ring_first(&shelf->written)) != NULL && entry->record <= upto) {
        number = entry->number;
        ring_pop(&shelf->written);
    }
    if (number != 0) {
        shelf->store.events->on_durable(shelf->store.ctx, number);
    }
}

/* Asks the FIFO whose turn it is; false: there is nothing more. */
static bool shelf_ask(struct shelf *shelf, size_t most_bytes)
{
    if (shelf->reading == SHELF_AHEAD && !shelf_has_unread(shelf, SHELF_AHEAD)) {
        shelf->reading = SHELF_MAIN;
    }
    if (!shelf_has_unread(shelf, shelf->reading)) {
        return false;
    }
    return spool_fifo_read(shelf->fifos[shelf->reading], shelf->unread[shelf->reading], most_bytes,
                           SHELF_READ_RECORDS) == 0;
}

static int shelf_load(struct store *store, uint64_t after, size_t most_bytes)
{
    struct shelf *shelf = shelf_of(store);

    shelf->number = after;
    if (!shelf_ask(shelf, most_bytes > 0 ? most_bytes : 1)) {
        return -1;
    }
    shelf->setup.on_work(shelf->setup.ctx);
    return 0;
}

/* A record as a delivery in `list`; what is none, or finds no memory, is damaged to us. */
static void shelf_take_record(struct shelf *shelf, const struct spool_record *record,
                              struct delivery_list *list)
{
    struct delivery *delivery = record_read(record->header, record->body);
    struct shelf_entry entry = {shelf->number + 1, record->seq, shelf->reading};

    if (delivery == NULL || ring_push(&shelf->open, entry) != 0) {
        delivery_free(delivery);
        shelf->damaged++;
        return;
    }
    delivery->seq = ++shelf->number;
    TAILQ_INSERT_TAIL(list, delivery, link);
}

static void shelf_on_records(void *ctx, const struct spool_record *records, size_t count,
                             uint64_t next)
{
    struct shelf *shelf = ctx;
    struct delivery_list list = TAILQ_HEAD_INITIALIZER(list);
    uint64_t damaged;
    size_t i;

    for (i = 0; i < count; i++) {
        shelf_take_record(shelf, &records[i], &list);
    }
    shelf->unread[shelf->reading] = next;
    damaged = shelf->damaged;
    shelf->damaged = 0;
    shelf->store.events->on_loaded(shelf->store.ctx, &list, shelf->number, damaged);
}

static void shelf_on_lost(void *ctx, uint64_t first, uint64_t last, uint64_t count)
{
    struct shelf *shelf = ctx;

    (void)first;
    (void)last;
    shelf->damaged += count;
}

static const struct spool_fifo_events shelf_events = {
    .on_durable = shelf_on_durable,
    .on_records = shelf_on_records,
    .on_lost = shelf_on_lost,
};

static const struct spool_fifo_events shelf_ahead_events = {
    .on_records = shelf_on_records,
    .on_lost = shelf_on_lost,
};

static void shelf_remove(struct store *store, uint64_t upto)
{
    struct shelf *shelf = shelf_of(store);
    uint64_t last[SHELF_FIFOS] = {0, 0};
    struct shelf_entry *entry;
    size_t i;

    while ((entry = ring_first(&shelf->open)) != NULL && entry->number <= upto) {
        last[entry->fifo] = entry->record;
        ring_pop(&shelf->open);
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

static const char *shelf_trouble(const struct store *store)
{
    return ((const struct shelf *)store)->refused;
}

static const struct store_ops shelf_ops = {
    .append = shelf_append,
    .load = shelf_load,
    .remove = shelf_remove,
    .is_tight = shelf_is_tight,
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
    strbuf_fini(&shelf->header);
    free(shelf);
}

void shelf_on_room(struct store *store)
{
    store->events->on_room(store->ctx);
}

struct slice shelf_bridge_of(const char *fifo_name)
{
    const char *slash = strchr(fifo_name, '/');

    return slash != NULL ? slice_make(fifo_name, (size_t)(slash - fifo_name)) : slice_of(fifo_name);
}
