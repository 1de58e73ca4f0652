/* The spool as part of the daemon. For: opening and closing it, its turns, its words in the log.
 * Not for: what goes to it (core/bridge_store.c, spool/shelf.c) or how it gets to the disk
 * (spool/). */
#include "app/spooling.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "app/hold.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/watch.h"
#include "spool/shelf.h"

/* Memory for what waits to be written, as a burst comes faster than any disk for a moment. From
 * HIGH on reading is held, down to LOW; what was on its way then finds room up to BACKLOG.
 * HELD_BYTES leaves some way to the 32 MB unread at which Redis cuts a subscriber off. */
enum {
    SPOOLING_BACKLOG = 88 * 1024 * 1024,
    SPOOLING_HIGH = 64 * 1024 * 1024,
    SPOOLING_LOW = 12 * 1024 * 1024,
    SPOOLING_HELD_BYTES = 20 * 1024 * 1024,
};
static const uint64_t spooling_held_us = 500 * CLOCK_US_PER_MS;
static const uint64_t spooling_calm_us = 5 * CLOCK_US_PER_MS; /* between two looks, in no need */

/* The store of a bridge. */
struct spooled {
    LIST_ENTRY(spooled) link;
    struct store *store; /* owned */
};

struct spooling {
    struct loop *loop;
    struct spool *spool;
    struct watch watch;     /* of the spool's descriptor */
    struct loop_task flush; /* what was appended in a turn goes to the spool's thread at its end */
    LIST_HEAD(, spooled) stores;
    uint64_t peak; /* the largest backlog of the turn under way, before it */
    bool pressed;  /* the backlog passed HIGH and is not down to LOW yet */
    struct hold hold;
    struct loop_timer hold_timer;           /* the longest that reading may be held is over */
    const struct spooling_readers *readers; /* NULL: nobody can be asked */
    void *readers_ctx;
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
};

static void spooling_tell_stores(struct spooling *spooling, void (*tell)(struct store *store))
{
    struct spooled *spooled, *next;

    for (spooled = LIST_FIRST(&spooling->stores); spooled != NULL; spooled = next) {
        next = LIST_NEXT(spooled, link);
        tell(spooled->store);
    }
}

static void spooling_on_trouble(void *ctx, const char *why)
{
    log_error("spool", NULL, "cannot write, trying again; what is not written is kept in memory",
              log_text("why", why));
    spooling_tell_stores(ctx, shelf_on_trouble);
}

static void spooling_on_recovered(void *ctx)
{
    log_info("spool", NULL, "writes again");
    spooling_tell_stores(ctx, shelf_on_trouble);
}

static void spooling_on_notice(void *ctx, const char *what)
{
    (void)ctx;
    log_warn("spool", NULL, what);
}

static void spooling_on_room(void *ctx)
{
    spooling_tell_stores(ctx, shelf_on_room);
}

static void spooling_on_closed(void *ctx)
{
    struct spooling *spooling = ctx;

    if (spooling->on_closed != NULL) {
        spooling->on_closed(spooling->on_closed_ctx);
    }
}

static const struct spool_events spooling_events = {
    .on_trouble = spooling_on_trouble,
    .on_recovered = spooling_on_recovered,
    .on_notice = spooling_on_notice,
    .on_room = spooling_on_room,
    .on_closed = spooling_on_closed,
};

/* Holds reading, or lets it go on, with a backlog of so many bytes. */
static void spooling_weigh(struct spooling *spooling, uint64_t backlog)
{
    struct hold_view view = {.now_us = loop_now_us(spooling->loop), .backlog = backlog};
    bool was_held = spooling->hold.held;
    bool is_calm = !was_held && backlog < SPOOLING_HIGH &&
                   view.now_us - spooling->hold.at_us < spooling_calm_us;

    if (spooling->readers == NULL || is_calm) {
        return;
    }
    view.bytes_read = spooling->readers->bytes_read(spooling->readers_ctx);
    view.caught_up = spooling->readers->are_caught_up(spooling->readers_ctx);
    if (hold_decide(&spooling->hold, &view)) {
        loop_timer_set(&spooling->hold_timer, hold_left_us(&spooling->hold));
    }
    if (spooling->hold.held != was_held) {
        log_debug("spool", NULL,
                  was_held ? "reading goes on" : "the disk does not keep up, holding reading",
                  log_number("backlog", backlog), log_number("held_us", spooling->hold.used_us));
        spooling->readers->hold(spooling->readers_ctx, !was_held);
    }
}

static void spooling_on_hold_timer(void *ctx)
{
    struct spooling *spooling = ctx;

    spooling_weigh(spooling, spool_backlog(spooling->spool));
}

static void spooling_on_readable(void *ctx)
{
    struct spooling *spooling = ctx;

    spool_dispatch(spooling->spool);
    if (spooling->pressed && spool_backlog(spooling->spool) <= SPOOLING_LOW) {
        spooling->pressed = false;
        spooling_on_room(spooling); /* for those who paused at HIGH */
    }
    spooling_weigh(spooling, spool_backlog(spooling->spool));
}

static void spooling_on_flush(void *ctx)
{
    struct spooling *spooling = ctx;

    spool_flush(spooling->spool);
    spooling->pressed = spooling->pressed || spooling->peak >= SPOOLING_HIGH;
    spooling_weigh(spooling, spooling->peak);
    spooling->peak = 0;
}

static void spooling_on_work(void *ctx)
{
    struct spooling *spooling = ctx;

    if (spool_backlog(spooling->spool) > spooling->peak) {
        spooling->peak = spool_backlog(spooling->spool);
    }
    loop_defer(spooling->loop, &spooling->flush);
}

int spooling_open_store(struct spooling *spooling, const struct conf_bridge *bridge,
                        struct store **out_store, struct err *err)
{
    struct spooled *spooled;
    struct shelf_setup setup = {
        .bridge = bridge->name,
        .limit = bridge->options.buffer_disk,
        .tight_backlog = SPOOLING_HIGH,
        .on_work = spooling_on_work,
        .ctx = spooling,
    };

    if (spooling == NULL || bridge->options.buffer_disk == 0) {
        *out_store = NULL;
        return 0;
    }
    spooled = calloc(1, sizeof(*spooled));
    if (spooled == NULL) {
        return err_set(err, "out of memory");
    }
    setup.spool = spooling->spool;
    spooled->store = shelf_new(&setup, err);
    if (spooled->store == NULL) {
        free(spooled);
        return -1;
    }
    LIST_INSERT_HEAD(&spooling->stores, spooled, link);
    *out_store = spooled->store;
    return 0;
}

void spooling_set_limit(struct store *store, uint64_t limit)
{
    shelf_set_limit(store, limit);
}

struct spool *spooling_get_spool(const struct spooling *spooling)
{
    return spooling != NULL ? spooling->spool : NULL;
}

int spooling_change_store(struct spooling *spooling, const struct conf_bridge *bridge,
                          struct store *old, struct store **out_store, struct err *err)
{
    *out_store = NULL;
    if (bridge->options.buffer_disk == 0) {
        return 0;
    }
    if (old == NULL) {
        return spooling_open_store(spooling, bridge, out_store, err);
    }
    *out_store = old;
    return 0;
}

void spooling_release_store(struct spooling *spooling, struct store *store)
{
    struct spooled *spooled;

    if (store == NULL) {
        return;
    }
    LIST_FOREACH(spooled, &spooling->stores, link) {
        if (spooled->store == store) {
            LIST_REMOVE(spooled, link);
            shelf_free(store);
            free(spooled);
            return;
        }
    }
}

/* Messages that the spool has of a bridge; 0 too where `first` is not the first of its queues. */
static uint64_t spooling_count(const struct spooling *spooling, struct slice bridge,
                               const struct spool_fifo *first)
{
    const struct spool_fifo *fifo = NULL;
    uint64_t count = 0;

    while ((fifo = spool_fifo_next(spooling->spool, fifo)) != NULL) {
        struct spool_fifo_info info;

        spool_fifo_get_info(fifo, &info);
        if (!slice_equal(shelf_bridge_of(info.name), bridge)) {
            continue;
        }
        if (count == 0 && fifo != first && info.count > 0) {
            return 0;
        }
        count += info.count;
    }
    return count;
}

/* Messages of bridges that are gone from the rules stay, and the operator should know. */
void spooling_tell_orphans(const struct spooling *spooling)
{
    const struct spool_fifo *fifo = NULL;

    while (spooling != NULL && (fifo = spool_fifo_next(spooling->spool, fifo)) != NULL) {
        struct spool_fifo_info info;
        struct slice bridge;
        char name[SEGMENT_NAME_MAX + 1];
        uint64_t count;

        spool_fifo_get_info(fifo, &info);
        bridge = shelf_bridge_of(info.name);
        count = info.is_open ? 0 : spooling_count(spooling, bridge, fifo);
        if (count > 0) {
            snprintf(name, sizeof(name), "%.*s", (int)bridge.len, bridge.data);
            log_warn("bridge", name,
                     "has messages in the spool, but is not in the rules, disabled, or has no "
                     "disk: they are kept; chunnelctl spool export, purge or replay takes "
                     "them out",
                     log_number("messages", count));
        }
    }
}

enum spooling_result spooling_new(struct loop *loop, const struct config *config,
                                  struct spooling **out_spooling, struct err *err)
{
    struct spooling *spooling = calloc(1, sizeof(*spooling));
    struct spool_options options;
    enum spool_open_result opened;

    if (spooling == NULL) {
        err_set(err, "out of memory");
        return SPOOLING_FAILED;
    }
    spooling->loop = loop;
    LIST_INIT(&spooling->stores);
    loop_task_init(&spooling->flush, spooling_on_flush, spooling);
    hold_init(&spooling->hold, &(struct hold_limits){.high = SPOOLING_HIGH,
                                                     .low = SPOOLING_LOW,
                                                     .most_us = spooling_held_us,
                                                     .most_bytes = SPOOLING_HELD_BYTES});
    spool_options_init(&options);
    options.max_size = config->spool.max_size;
    options.max_backlog = SPOOLING_BACKLOG;
    opened = spool_open(config->spool.directory, &options, &spooling_events, spooling,
                        &spooling->spool, err);
    if (opened != SPOOL_OPENED) {
        spooling_free(spooling);
        return opened == SPOOL_LOCKED ? SPOOLING_LOCKED : SPOOLING_FAILED;
    }
    if (watch_init(&spooling->watch, loop, spool_fd(spooling->spool), spooling_on_readable,
                   spooling) != 0 ||
        loop_timer_init(&spooling->hold_timer, loop, spooling_on_hold_timer, spooling) != 0) {
        err_set(err, "out of memory");
        spooling_free(spooling);
        return SPOOLING_FAILED;
    }
    *out_spooling = spooling;
    return SPOOLING_OPENED;
}

void spooling_set_readers(struct spooling *spooling, const struct spooling_readers *readers,
                          void *ctx)
{
    if (spooling != NULL) {
        spooling->readers = readers;
        spooling->readers_ctx = ctx;
    }
}

void spooling_close(struct spooling *spooling, void (*on_closed)(void *ctx), void *ctx)
{
    spooling->on_closed = on_closed;
    spooling->on_closed_ctx = ctx;
    spool_close(spooling->spool);
}

uint64_t spooling_unwritten(const struct spooling *spooling)
{
    const struct spool_fifo *fifo = NULL;
    uint64_t count = 0;

    while (spooling != NULL && (fifo = spool_fifo_next(spooling->spool, fifo)) != NULL) {
        count += spool_fifo_unwritten(fifo);
    }
    return count;
}

void spooling_free(struct spooling *spooling)
{
    struct spooled *spooled;

    if (spooling == NULL) {
        return;
    }
    while ((spooled = LIST_FIRST(&spooling->stores)) != NULL) {
        spooling_release_store(spooling, spooled->store);
    }
    loop_task_cancel(spooling->loop, &spooling->flush);
    loop_timer_fini(&spooling->hold_timer);
    watch_fini(&spooling->watch);
    spool_free(spooling->spool);
    free(spooling);
}
