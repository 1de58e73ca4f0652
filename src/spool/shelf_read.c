/* Reading back what a bridge has on the disk alone, as deliveries. Not for: what goes there
 * (shelf.c), the records themselves (record.c). */
#include "base/clock.h"
#include "spool/record.h"
#include "spool/shelf_private.h"

enum { SHELF_READ_RECORDS = 20000 }; /* of one answer */

static bool shelf_has_unread(const struct shelf *shelf, enum shelf_fifo fifo)
{
    struct spool_fifo_info info;

    spool_fifo_get_info(shelf->fifos[fifo], &info);
    return shelf->unread[fifo] < info.next &&
           (fifo != SHELF_AHEAD || shelf->unread[fifo] < shelf->ahead_end);
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

int shelf_load(struct store *store, uint64_t after, size_t most_bytes)
{
    struct shelf *shelf = shelf_of(store);

    shelf->number = after;
    if (!shelf_ask(shelf, most_bytes > 0 ? most_bytes : 1)) {
        return -1;
    }
    shelf->setup.on_work(shelf->setup.ctx);
    return 0;
}

/* When that was on the monotonic clock, as far back as it goes. */
static uint64_t shelf_receipt(int64_t wall_us)
{
    uint64_t now = clock_monotonic_us();
    int64_t age = clock_wall_us() - wall_us;

    if (age <= 0) {
        return now;
    }
    return (uint64_t)age < now ? now - (uint64_t)age : 1;
}

/* A record as a delivery in `list`; what is none, or finds no memory, is damaged to us. */
static void shelf_take_record(struct shelf *shelf, const struct spool_record *record,
                              struct delivery_list *list)
{
    struct delivery *delivery = record_read(record->header, record->body);
    struct shelf_entry entry = {shelf->number + 1, record->seq, shelf->reading, 0};

    if (delivery != NULL) {
        entry.wall_us = shelf->unread_wall_us = delivery->wall_us;
        delivery->received_us = shelf_receipt(delivery->wall_us);
    }
    if (delivery == NULL || shelf_ring_push(&shelf->open, entry) != 0) {
        delivery_free(delivery);
        spool_fifo_remove(shelf->fifos[shelf->reading], record->seq);
        shelf->damaged++;
        return;
    }
    delivery->seq = ++shelf->number;
    TAILQ_INSERT_TAIL(list, delivery, link);
}

void shelf_on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next)
{
    struct shelf *shelf = ctx;
    struct delivery_list list = TAILQ_HEAD_INITIALIZER(list);
    uint64_t damaged;
    size_t i;

    for (i = 0; i < count; i++) {
        /* What was put ahead by this process is in memory. */
        if (shelf->reading != SHELF_AHEAD || records[i].seq < shelf->ahead_end) {
            shelf_take_record(shelf, &records[i], &list);
        }
    }
    shelf->unread[shelf->reading] = next;
    damaged = shelf->damaged;
    shelf->damaged = 0;
    shelf->store.events->on_loaded(shelf->store.ctx, &list, shelf->number, damaged);
}

void shelf_on_lost(void *ctx, uint64_t first, uint64_t last, uint64_t count)
{
    struct shelf *shelf = ctx;

    (void)first;
    (void)last;
    shelf->damaged += count;
}
