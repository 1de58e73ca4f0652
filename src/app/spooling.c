/* The spool as part of the daemon. For: opening and closing it, its turns, its words in the log.
 * Not for: what goes to it (core/bridge_store.c, spool/shelf.c) or how it gets to the disk
 * (spool/). */
#include "app/spooling.h"

#include <stdlib.h>

#include "base/log.h"
#include "net/watch.h"
#include "spool/shelf.h"

/* Memory for what waits to be written: half a second of the fastest publisher, as a burst comes
 * faster than any disk for a moment. */
enum { SPOOLING_BACKLOG = 64 * 1024 * 1024 };

struct spooling {
    struct loop *loop;
    const struct config *config;
    struct spool *spool;
    struct watch watch;     /* of the spool's descriptor */
    struct loop_task flush; /* what was appended in a turn goes to the spool's thread at its end */
    struct store **stores;  /* one for each bridge of the configuration; NULL: none */
    void (*on_closed)(void *ctx);
    void *on_closed_ctx;
};

static void spooling_on_trouble(void *ctx, const char *why)
{
    (void)ctx;
    log_error("spool", NULL, "cannot write, trying again; what is not written is kept in memory",
              log_text("why", why));
}

static void spooling_on_recovered(void *ctx)
{
    (void)ctx;
    log_info("spool", NULL, "writes again");
}

static void spooling_on_notice(void *ctx, const char *what)
{
    (void)ctx;
    log_warn("spool", NULL, what);
}

static void spooling_on_room(void *ctx)
{
    struct spooling *spooling = ctx;
    size_t i;

    for (i = 0; i < spooling->config->bridge_count; i++) {
        if (spooling->stores[i] != NULL) {
            shelf_on_room(spooling->stores[i]);
        }
    }
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

static void spooling_on_readable(void *ctx)
{
    struct spooling *spooling = ctx;

    spool_dispatch(spooling->spool);
}

static void spooling_on_flush(void *ctx)
{
    struct spooling *spooling = ctx;

    spool_flush(spooling->spool);
}

static void spooling_on_work(void *ctx)
{
    struct spooling *spooling = ctx;

    loop_defer(spooling->loop, &spooling->flush);
}

static int spooling_add_store(struct spooling *spooling, size_t index, struct err *err)
{
    const struct conf_bridge *bridge = &spooling->config->bridges[index];
    struct shelf_setup setup = {
        .spool = spooling->spool,
        .bridge = bridge->name,
        .limit = bridge->options.buffer_disk,
        .on_work = spooling_on_work,
        .ctx = spooling,
    };

    if (!bridge->enabled || bridge->options.buffer_disk == 0) {
        return 0;
    }
    spooling->stores[index] = shelf_new(&setup, err);
    return spooling->stores[index] != NULL ? 0 : -1;
}

/* Whether an enabled bridge has a store under that name. */
static bool spooling_is_wanted(const struct spooling *spooling, struct slice bridge)
{
    size_t i;

    for (i = 0; i < spooling->config->bridge_count; i++) {
        if (spooling->stores[i] != NULL &&
            slice_equal_text(bridge, spooling->config->bridges[i].name)) {
            return true;
        }
    }
    return false;
}

/* Messages of bridges that are gone from the rules stay, and the operator should know. */
static void spooling_tell_orphans(const struct spooling *spooling)
{
    const struct spool_fifo *fifo = NULL;

    while ((fifo = spool_fifo_next(spooling->spool, fifo)) != NULL) {
        struct spool_fifo_info info;

        spool_fifo_get_info(fifo, &info);
        if (info.count > 0 && !spooling_is_wanted(spooling, shelf_bridge_of(info.name))) {
            log_warn("bridge", info.name,
                     "has messages in the spool, but is not in the rules, disabled, or has no "
                     "disk: they are kept",
                     log_number("messages", info.count));
        }
    }
}

static int spooling_fill(struct spooling *spooling, struct err *err)
{
    size_t i;

    spooling->stores = calloc(spooling->config->bridge_count + 1, sizeof(struct store *));
    if (spooling->stores == NULL ||
        watch_init(&spooling->watch, spooling->loop, spool_fd(spooling->spool),
                   spooling_on_readable, spooling) != 0) {
        return err_set(err, "out of memory");
    }
    for (i = 0; i < spooling->config->bridge_count; i++) {
        if (spooling_add_store(spooling, i, err) != 0) {
            return -1;
        }
    }
    spooling_tell_orphans(spooling);
    return 0;
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
    spooling->config = config;
    loop_task_init(&spooling->flush, spooling_on_flush, spooling);
    spool_options_init(&options);
    options.max_size = config->spool.max_size;
    options.max_backlog = SPOOLING_BACKLOG;
    opened = spool_open(config->spool.directory, &options, &spooling_events, spooling,
                        &spooling->spool, err);
    if (opened != SPOOL_OPENED || spooling_fill(spooling, err) != 0) {
        spooling_free(spooling);
        return opened == SPOOL_LOCKED ? SPOOLING_LOCKED : SPOOLING_FAILED;
    }
    *out_spooling = spooling;
    return SPOOLING_OPENED;
}

struct store *spooling_store(struct spooling *spooling, const struct conf_bridge *bridge)
{
    return spooling != NULL ? spooling->stores[bridge - spooling->config->bridges] : NULL;
}

void spooling_close(struct spooling *spooling, void (*on_closed)(void *ctx), void *ctx)
{
    spooling->on_closed = on_closed;
    spooling->on_closed_ctx = ctx;
    spool_close(spooling->spool);
}

void spooling_free(struct spooling *spooling)
{
    size_t i;

    if (spooling == NULL) {
        return;
    }
    for (i = 0; spooling->stores != NULL && i < spooling->config->bridge_count; i++) {
        shelf_free(spooling->stores[i]);
    }
    loop_task_cancel(spooling->loop, &spooling->flush);
    watch_fini(&spooling->watch);
    spool_free(spooling->spool);
    free(spooling->stores);
    free(spooling);
}
