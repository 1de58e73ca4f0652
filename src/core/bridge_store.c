/* The disk behind a bridge's queue: what overflows memory goes there in order and comes back in
 * order; with durability "disk" everything goes there before it is sent. Not for: what goes there
 * at the end (bridge_keep.c), the disk itself (core/store.h is all that is known of it here).
 *
 * Memory holds the oldest deliveries, the store the rest: while anything is in the store that is
 * not in memory, what comes goes to the store too. Every delivery, wherever it is, has its number
 * of receipt; its record is removed under that number when it is settled. */
#include "core/bridge_private.h"

enum {
    STORE_LOAD_BYTES = 4 * 1024 * 1024, /* of one load(), at most */
    STORE_GROWTH = 4, /* a small record as a delivery: times the size that it has on disk */
};

bool bridge_store_takes(const struct bridge *bridge)
{
    const struct bridge_disk *disk = &bridge->disk;

    return disk->store != NULL &&
           (bridge->counters.spooled > 0 || disk->loading || !TAILQ_EMPTY(&disk->keep));
}

bool bridge_store_may_send(const struct bridge *bridge, const struct delivery *delivery)
{
    return !bridge->disk.durable || delivery->from_store ||
           delivery->seq <= bridge->disk.durable_upto ||
           (bridge->stopping && bridge_store_is_no_end(bridge));
}

/* Records that should be there and cannot be read. */
static void store_lose(struct bridge *bridge, uint64_t count)
{
    if (count > bridge->counters.spooled) {
        count = bridge->counters.spooled;
    }
    if (count > 0) {
        bridge->counters.spooled -= count;
        bridge->counters.dropped += count;
        bridge_settle_note_error(bridge, &bridge->told_overflow, "spooled messages are damaged",
                                 "they are dropped");
    }
}

void bridge_store_refill(struct bridge *bridge)
{
    struct bridge_disk *disk = &bridge->disk;
    const struct bridge_options *options = bridge->options;
    uint64_t limit = bridge_memory_limit(bridge);
    uint64_t most;

    if (disk->store == NULL || disk->loading || bridge->counters.spooled == 0 ||
        (bridge->stopping && (!bridge->sink_ready || !bridge_keep_reads_back(bridge))) ||
        bridge->counters.buffered > options->buffer_messages / 2 ||
        bridge_held_bytes(bridge) > limit / 2) {
        return;
    }
    most = (limit - bridge_held_bytes(bridge)) / STORE_GROWTH;
    most = most < STORE_LOAD_BYTES ? most : STORE_LOAD_BYTES;
    disk->loading = disk->store->ops->load(disk->store, disk->loaded_upto, (size_t)most) == 0;
    if (!disk->loading) {
        store_lose(bridge, bridge->counters.spooled);
        return;
    }
    disk->loading_bytes = most * STORE_GROWTH;
    bridge_hold(bridge, disk->loading_bytes);
}

void bridge_store_open(struct bridge *bridge, const struct delivery *delivery)
{
    bridge->disk.loaded_upto = delivery->seq;
}

void bridge_store_close(struct bridge *bridge, const struct delivery *delivery)
{
    struct store *store = bridge->disk.store;

    if (delivery->stored && store != NULL) {
        store->ops->remove(store, delivery->seq);
    }
}

enum store_append bridge_store_write(struct bridge *bridge, struct delivery *delivery,
                                     enum store_place place)
{
    struct bridge_disk *disk = &bridge->disk;
    enum store_append result = disk->store->ops->append(disk->store, delivery, place);

    if (result == STORE_APPENDED) {
        disk->has_records = true;
        delivery->stored = true;
        delivery->reason_stored = delivery->reason != NULL;
    }
    return result;
}

int bridge_store_append(struct bridge *bridge, struct delivery *delivery)
{
    return bridge->disk.durable ? (int)bridge_store_write(bridge, delivery, STORE_ALSO) : 0;
}

int bridge_store_put_aside(struct bridge *bridge, struct delivery *delivery)
{
    if (bridge_store_write(bridge, delivery, STORE_ALONE) != STORE_APPENDED) {
        return -1;
    }
    bridge->counters.spooled++;
    bridge_release(bridge, delivery, SETTLE_FORGET);
    return 0;
}

bool bridge_store_is_tight(const struct bridge *bridge)
{
    const struct store *store = bridge->disk.store;

    bool uses =
        bridge->counters.spooled > 0 || (bridge->disk.durable && bridge_in_memory(bridge) > 0);

    return store != NULL && uses && store->ops->is_tight(store);
}

bool bridge_store_is_no_end(const struct bridge *bridge)
{
    const struct store *store = bridge->disk.store;

    return store == NULL || bridge->disk.refused || store->ops->is_failing(store);
}

void bridge_get_disk(const struct bridge *bridge, struct store_gauge *out_gauge)
{
    const struct store *store = bridge->disk.store;

    *out_gauge = (struct store_gauge){0};
    if (store != NULL) {
        store->ops->get_gauge(store, out_gauge);
    }
}

const char *bridge_store_trouble(const struct bridge *bridge)
{
    const struct store *store = bridge->disk.store;
    const char *trouble = store != NULL ? store->ops->trouble(store) : NULL;

    if (trouble != NULL) {
        return trouble;
    }
    return bridge_is_squeezed(bridge) ? "the bridges together hold what limits.memory allows"
                                      : "the sink is slower than the source";
}

static void store_on_durable(void *ctx, uint64_t upto)
{
    struct bridge *bridge = ctx;

    if (upto > bridge->disk.durable_upto) {
        bridge->disk.durable_upto = upto;
    }
    bridge_flow_pump(bridge);
    bridge_stop_step(bridge); /* what could not be written when it came to that can be now */
}

static void store_take_loaded(struct bridge *bridge, struct delivery *delivery)
{
    delivery->stored = true;
    delivery->from_store = true;
    delivery->reason_stored = delivery->reason != NULL;
    if (bridge->sink_stopping) {
        /* It stays on disk, and comes back with the next start. */
        delivery_free(delivery);
        return;
    }
    bridge->counters.spooled--;
    bridge_store_open(bridge, delivery);
    if (delivery->received_us == 0) {
        delivery->received_us = bridge->host->now_us(bridge->host_ctx);
    }
    bridge_hold(bridge, delivery->size);
    if (delivery->reason != NULL && bridge_dead_take_back(bridge, delivery)) {
        return;
    }
    bridge->counters.buffered++;
    TAILQ_INSERT_TAIL(&bridge->queue, delivery, link);
}

static void store_on_loaded(void *ctx, struct delivery_list *loaded, uint64_t upto,
                            uint64_t damaged)
{
    struct bridge *bridge = ctx;
    struct delivery *delivery;

    bridge->disk.loading = false;
    bridge_let_go(bridge, bridge->disk.loading_bytes);
    while ((delivery = TAILQ_FIRST(loaded)) != NULL) {
        TAILQ_REMOVE(loaded, delivery, link);
        store_take_loaded(bridge, delivery);
    }
    store_lose(bridge, damaged);
    if (upto > bridge->disk.loaded_upto && !bridge->sink_stopping) {
        bridge->disk.loaded_upto = upto;
    }
    bridge_dead_pump(bridge);
    bridge_flow_pump(bridge);
    bridge_store_refill(bridge);
    bridge_stop_step(bridge);
}

static void store_on_room(void *ctx)
{
    bridge_flow_relieve(ctx);
    bridge_stop_step(ctx);
}

static void store_on_trouble(void *ctx)
{
    bridge_stop_step(ctx);
}

static const struct store_events store_events = {
    .on_durable = store_on_durable,
    .on_loaded = store_on_loaded,
    .on_room = store_on_room,
    .on_trouble = store_on_trouble,
};

void bridge_store_init(struct bridge *bridge, struct store *store, bool durable)
{
    struct bridge_disk *disk = &bridge->disk;

    TAILQ_INIT(&disk->keep);
    if (store == NULL) {
        return;
    }
    disk->store = store;
    disk->durable = durable;
    disk->has_records = store->count > 0;
    disk->loaded_upto = store->first > 0 ? store->first - 1 : store->last;
    disk->durable_upto = store->last;
    bridge->seq = store->last;
    store->events = &store_events;
    store->ctx = bridge;
    /* What the last process left is received again by this one. */
    bridge->counters.received = store->count;
    bridge->counters.spooled = store->count;
}

/* A store for a bridge that runs: what is in it was taken in by an earlier rule, and comes after
 * what waits in memory. */
static void store_attach(struct bridge *bridge, struct store *store)
{
    struct bridge_disk *disk = &bridge->disk;

    disk->store = store;
    disk->has_records = store->count > 0;
    disk->loaded_upto = bridge->seq;
    bridge->seq += store->count;
    store->events = &store_events;
    store->ctx = bridge;
    bridge->counters.received += store->count;
    bridge->counters.spooled += store->count;
}

void bridge_store_change(struct bridge *bridge, struct store *store)
{
    struct bridge_disk *disk = &bridge->disk;
    bool was_durable = disk->durable;

    if (disk->store == NULL && store != NULL) {
        store_attach(bridge, store);
    }
    disk->retired = disk->store != NULL && store == NULL;
    disk->durable = store != NULL && bridge->options->durability == DURABILITY_DISK;
    /* What has no record so far never gets one, and needs not wait for it. */
    if (disk->durable && !was_durable && disk->durable_upto < bridge->seq) {
        disk->durable_upto = bridge->seq;
    }
}

static void store_ignore_durable(void *ctx, uint64_t upto)
{
    (void)ctx;
    (void)upto;
}

/* What was read back stays on disk. */
static void store_ignore_loaded(void *ctx, struct delivery_list *loaded, uint64_t upto,
                                uint64_t damaged)
{
    struct delivery *delivery;

    (void)ctx;
    (void)upto;
    (void)damaged;
    while ((delivery = TAILQ_FIRST(loaded)) != NULL) {
        TAILQ_REMOVE(loaded, delivery, link);
        delivery_free(delivery);
    }
}

static void store_ignore(void *ctx)
{
    (void)ctx;
}

/* Of a store that outlives its bridge: answers may be under way. */
static const struct store_events store_no_events = {
    .on_durable = store_ignore_durable,
    .on_loaded = store_ignore_loaded,
    .on_room = store_ignore,
    .on_trouble = store_ignore,
};

void bridge_store_fini(struct bridge *bridge)
{
    if (bridge->disk.store != NULL) {
        bridge->disk.store->events = &store_no_events;
        bridge->disk.store->ctx = NULL;
    }
}
