/* The end of a bridge with a store: what waits in memory goes there for the next start. It stays in
 * memory too until it is on the disk, so that it can go out after all where it cannot be written.
 * Not for: the store of a bridge that runs (bridge_store.c). */
#include "core/bridge_private.h"

enum { KEEP_STEP_BYTES = 4 * 1024 * 1024 }; /* written in one turn; the next when these are safe */

/* What is in memory is older than what is on disk alone, and goes before it. Where some of it has
 * records and some has none, all are written anew, so that the order stays; that is so where
 * messages came back from the disk beside others that never were there, and where a record does not
 * say yet that its message is a dead letter. */
static void keep_begin(struct bridge *bridge)
{
    const struct delivery_list *lists[] = {&bridge->again, &bridge->queue, &bridge->dead.queue};
    struct bridge_disk *disk = &bridge->disk;
    const struct delivery *delivery;
    size_t i;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        TAILQ_FOREACH(delivery, lists[i], link) {
            disk->moving |=
                !delivery->stored || delivery->reason_stored != (delivery->reason != NULL);
        }
    }
    disk->place = bridge->counters.spooled > 0 ? STORE_AHEAD : STORE_BEHIND;
    disk->keeping = true;
}

/* Takes what waits for the sink, and the `dead` letters, as what is to be kept. */
static void keep_gather(struct bridge *bridge, bool queue, bool dead)
{
    struct bridge_disk *disk = &bridge->disk;
    struct delivery *delivery;

    if (!disk->keeping && (queue || dead)) {
        keep_begin(bridge);
    }
    /* Dead letters wait in any order, and what is kept has one. */
    while (queue && dead && (delivery = TAILQ_FIRST(&bridge->dead.queue)) != NULL) {
        TAILQ_REMOVE(&bridge->dead.queue, delivery, link);
        bridge_settle_put_in_order(bridge, delivery);
    }
    while ((delivery = bridge_flow_take_oldest(bridge, queue, dead)) != NULL) {
        bridge->counters.buffered++;
        TAILQ_INSERT_TAIL(&disk->keep, delivery, link);
        disk->keep_count++;
        if (disk->keep_next == NULL && !delivery->kept) {
            disk->keep_next = delivery;
        }
    }
}

/* Sees to its record of the end. `last`: what is not written now never will be. */
static enum store_append keep_write(struct bridge *bridge, struct delivery *delivery, bool last)
{
    struct bridge_disk *disk = &bridge->disk;
    bool stored = delivery->stored;
    enum store_append result = STORE_APPENDED;

    if (!delivery->kept && (!stored || disk->moving)) {
        result = bridge_store_write(bridge, delivery, disk->place);
    }
    if (result != STORE_APPENDED && stored && last) {
        disk->cannot_move = true; /* the one that it has must do */
        result = STORE_APPENDED;
    }
    delivery->kept = result == STORE_APPENDED;
    return result;
}

/* Takes a delivery out of those to be kept. */
static void keep_take_out(struct bridge *bridge, struct delivery *delivery)
{
    TAILQ_REMOVE(&bridge->disk.keep, delivery, link);
    bridge->disk.keep_count--;
}

static void keep_drop(struct bridge *bridge, struct delivery *delivery)
{
    keep_take_out(bridge, delivery);
    bridge->counters.buffered--;
    bridge_settle_note_error(bridge, &bridge->told_overflow,
                             "message dropped at the end: it cannot be kept",
                             bridge_store_trouble(bridge));
    bridge_settle(bridge, delivery, &bridge->counters.dropped, SETTLE_FORGET);
}

/* Writes what has no record of the end yet: some of it, or all where it is the last time. */
static void keep_hand_over(struct bridge *bridge, bool last)
{
    struct bridge_disk *disk = &bridge->disk;
    struct delivery *delivery;
    size_t bytes = 0;

    while ((delivery = disk->keep_next) != NULL && (bytes < KEEP_STEP_BYTES || last)) {
        bool has_record = delivery->kept || (delivery->stored && !disk->moving);
        enum store_append result = keep_write(bridge, delivery, last);
        struct delivery *next = TAILQ_NEXT(delivery, link);

        if (result != STORE_APPENDED && !last) {
            disk->refused |= result == STORE_REFUSED;
            return; /* the others come behind it, when there is room */
        }
        disk->keep_next = next;
        bytes += has_record ? 0 : delivery->size;
        if (result != STORE_APPENDED) {
            keep_drop(bridge, delivery);
        }
    }
}

/* Lets go of what is safe on the disk. */
static void keep_release(struct bridge *bridge)
{
    struct bridge_disk *disk = &bridge->disk;
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&disk->keep)) != NULL) {
        keep_take_out(bridge, delivery);
        bridge->counters.buffered--;
        bridge->counters.spooled++;
        bridge_let_go(bridge, delivery->size);
        bridge_release(bridge, delivery, SETTLE_FORGET);
    }
    if (disk->moving && !disk->cannot_move && disk->has_records) {
        disk->store->ops->remove_upto(disk->store, disk->loaded_upto);
    }
    disk->moving = false;
}

/* Whether all that the bridge has in memory is on the disk. Where time is over, the end of the
 * spool waits for the rest. */
static bool keep_is_safe(const struct bridge *bridge)
{
    const struct bridge_disk *disk = &bridge->disk;

    return disk->keep_next == NULL && bridge_in_memory(bridge) == disk->keep_count &&
           (bridge->stopping_now || disk->store->ops->is_written(disk->store));
}

/* What was to be kept goes out after all: what waits for the sink, or the `dead` letters. */
static void keep_take_back(struct bridge *bridge, bool queue, bool dead)
{
    struct bridge_disk *disk = &bridge->disk;
    struct delivery *delivery, *next;

    disk->keep_next = NULL;
    for (delivery = TAILQ_FIRST(&disk->keep); delivery != NULL; delivery = next) {
        bool is_dead = delivery->reason != NULL;

        next = TAILQ_NEXT(delivery, link);
        if (is_dead ? !dead : !queue) {
            disk->keep_next =
                disk->keep_next == NULL && !delivery->kept ? delivery : disk->keep_next;
            continue;
        }
        keep_take_out(bridge, delivery);
        if (is_dead) {
            TAILQ_INSERT_TAIL(&bridge->dead.queue, delivery, link);
        } else {
            bridge_settle_put_in_order(bridge, delivery);
        }
    }
}

static void keep_try(struct bridge *bridge, bool stuck)
{
    bool goes_out = bridge_store_is_no_end(bridge) && !bridge->stopping_now;
    bool queue_goes_out = goes_out && !stuck;
    bool dead_goes_out = goes_out && bridge->dead.ready;
    bool last = bridge->stopping_now && bridge_store_is_no_end(bridge);

    if (queue_goes_out || dead_goes_out) {
        keep_take_back(bridge, queue_goes_out, dead_goes_out);
    }
    if (queue_goes_out) {
        bridge_flow_pump(bridge);
    }
    if (dead_goes_out) {
        bridge_dead_pump(bridge);
    }
    if (bridge->counters.in_flight == 0) {
        keep_gather(bridge, !queue_goes_out, !dead_goes_out);
        keep_hand_over(bridge, last);
    }
    if (keep_is_safe(bridge) && bridge->disk.keep_count > 0) {
        keep_release(bridge);
    }
}

void bridge_keep_step(struct bridge *bridge, bool stuck)
{
    bool was_refused = bridge->disk.refused;

    keep_try(bridge, stuck);
    if (bridge->disk.refused && !was_refused) {
        keep_try(bridge, stuck);
    }
}

void bridge_keep_end(struct bridge *bridge)
{
    if (bridge->disk.store != NULL) {
        bridge->stopping_now = true;
        keep_gather(bridge, true, true);
        keep_hand_over(bridge, true);
        keep_release(bridge);
    }
}

bool bridge_keep_reads_back(const struct bridge *bridge)
{
    const struct store *store = bridge->disk.store;

    return store != NULL && bridge->stopping && !bridge->stopping_now &&
           bridge->counters.spooled > 0 && store->ops->is_failing(store) &&
           !store->ops->is_written(store);
}
