/* From the configuration to running objects. For: making, finding, starting, stopping and freeing
 * them in the right order. Not for: what they are (unit.c, bridge_unit.c, hubs.c), when that
 * happens (daemon.c) or what they report (ops/). */
#include "app/wiring.h"

#include <stdlib.h>
#include <string.h>

#include "app/readers.h"
#include "app/spooling.h"
#include "base/clock.h"

struct wired_hub *wiring_find_hub(const struct wiring *wiring, const char *name)
{
    const struct board_connection *shown;

    TAILQ_FOREACH(shown, &wiring->board.connections, link) {
        if (strcmp(shown->name, name) == 0) {
            return wiring_hub_of(shown);
        }
    }
    return NULL;
}

struct unit *wiring_next_unit(const struct wiring *wiring, const struct unit *unit)
{
    const struct board_bridge *shown =
        unit != NULL ? TAILQ_NEXT(&unit->shown, link) : TAILQ_FIRST(&wiring->board.bridges);

    return shown != NULL ? wiring_unit_of(shown) : NULL;
}

struct unit *wiring_find_unit(const struct wiring *wiring, const char *name)
{
    struct unit *unit;

    HASH_FIND(hh, wiring->by_name, name, strlen(name), unit);
    return unit;
}

void wiring_on_unit_started(struct wiring *wiring, struct unit *unit)
{
    wiring->events->on_started(wiring->ctx, unit);
}

int wiring_add_unit(struct wiring *wiring, struct unit *unit)
{
    unit->hh.tbl = NULL;
    HASH_ADD_KEYPTR(hh, wiring->by_name, unit->name, strlen(unit->name), unit);
    if (unit->hh.tbl == NULL) {
        return -1;
    }
    TAILQ_INSERT_TAIL(&wiring->board.bridges, &unit->shown, link);
    return 0;
}

void wiring_free_unit(struct wiring *wiring, struct unit *unit)
{
    TAILQ_REMOVE(&wiring->board.bridges, &unit->shown, link);
    HASH_DEL(wiring->by_name, unit);
    unit->ops->free(unit);
}

void wiring_on_unit_changed(struct wiring *wiring)
{
    wiring->events->on_change(wiring->ctx);
}

void wiring_on_unit_stopped(struct wiring *wiring)
{
    wiring->running--;
    if (!wiring->stopping) {
        loop_defer(wiring->loop, &wiring->sweep);
    } else if (wiring->running == 0) {
        loop_defer(wiring->loop, &wiring->told);
    }
}

/* The end of a stop or a close is told from the loop, with no operation under way. */
static void wiring_on_told(void *ctx)
{
    struct wiring *wiring = ctx;

    if (!wiring->closing) {
        wiring->events->on_bridges_stopped(wiring->ctx);
    } else {
        wiring->events->on_closed(wiring->ctx);
    }
}

static int wiring_fill(struct wiring *wiring, struct err *err)
{
    struct config *config = wiring->config;
    size_t i;

    for (i = 0; i < config->connection_count; i++) {
        struct wired_hub *hub =
            wired_hub_new(&wiring->hub_setup, config, &config->connections[i], err);

        if (hub == NULL) {
            return -1;
        }
        TAILQ_INSERT_TAIL(&wiring->board.connections, &hub->shown, link);
    }
    for (i = 0; i < config->bridge_count; i++) {
        struct unit_setup setup = {wiring, config, &config->bridges[i]};
        struct unit *unit = unit_new(&setup, err);

        if (unit == NULL) {
            return -1;
        }
        if (wiring_add_unit(wiring, unit) != 0) {
            unit->ops->free(unit);
            return err_set(err, "out of memory");
        }
    }
    spooling_tell_orphans(wiring->spooling);
    spooling_set_readers(wiring->spooling, &wiring_readers, wiring);
    return 0;
}

/* Some bridge gives back memory, in the middle of its own affairs: the others come after it. */
static void wiring_on_room(void *ctx)
{
    struct wiring *wiring = ctx;

    loop_defer(wiring->loop, &wiring->room);
}

static void wiring_on_room_due(void *ctx)
{
    struct wiring *wiring = ctx;

    budget_wake(&wiring->budget);
}

struct wiring *wiring_new(struct loop *loop, struct config *config, struct spooling *spooling,
                          const struct wiring_events *events, void *ctx, struct err *err)
{
    struct wiring *wiring = calloc(1, sizeof(*wiring));

    if (wiring == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    wiring->loop = loop;
    wiring->config = config_ref(config);
    wiring->spooling = spooling;
    wiring->events = events;
    wiring->ctx = ctx;
    rand_init(&wiring->rand);
    wiring->instance = strdup(config->instance);
    wiring->hub_setup = (struct hub_setup){loop, wiring->instance, &wiring->rand};
    wiring->board = (struct board){
        .instance = wiring->instance,
        .start_wall_us = clock_wall_us(),
        .start_us = loop_touch(loop),
        .lag = loop_lag(loop),
        .budget = &wiring->budget,
    };
    TAILQ_INIT(&wiring->board.connections);
    TAILQ_INIT(&wiring->board.bridges);
    TAILQ_INIT(&wiring->retired);
    loop_task_init(&wiring->told, wiring_on_told, wiring);
    loop_task_init(&wiring->room, wiring_on_room_due, wiring);
    budget_init(&wiring->budget, config->limits.memory);
    wiring->budget.on_room = wiring_on_room;
    wiring->budget.ctx = wiring;
    loop_task_init(&wiring->sweep, wiring_on_sweep, wiring);
    if (wiring->instance == NULL ||
        loop_timer_init(&wiring->hurry, loop, wiring_on_hurry, wiring) != 0) {
        err_set(err, "out of memory");
        wiring_free(wiring);
        return NULL;
    }
    if (wiring_fill(wiring, err) != 0) {
        wiring_free(wiring);
        return NULL;
    }
    return wiring;
}

static void wiring_free_hubs(struct board_connection_list *hubs)
{
    struct board_connection *shown;

    while ((shown = TAILQ_FIRST(hubs)) != NULL) {
        TAILQ_REMOVE(hubs, shown, link);
        wired_hub_free(wiring_hub_of(shown));
    }
}

void wiring_free(struct wiring *wiring)
{
    struct unit *unit;

    if (wiring == NULL) {
        return;
    }
    loop_timer_fini(&wiring->hurry);
    while ((unit = wiring_next_unit(wiring, NULL)) != NULL) {
        wiring_free_unit(wiring, unit);
    }
    loop_task_cancel(wiring->loop, &wiring->told);
    spooling_set_readers(wiring->spooling, NULL, NULL);
    loop_task_cancel(wiring->loop, &wiring->room);
    loop_task_cancel(wiring->loop, &wiring->sweep);
    wiring_free_hubs(&wiring->board.connections);
    wiring_free_hubs(&wiring->retired);
    config_free(wiring->config);
    free(wiring->instance);
    free(wiring);
}

void wiring_start_unit(struct unit *unit)
{
    unit->wiring->running += !unit->stopped;
    unit_start(unit);
}

void wiring_start(struct wiring *wiring)
{
    struct board_connection *shown;
    struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        wiring_start_unit(unit);
    }
    TAILQ_FOREACH(shown, &wiring->board.connections, link) {
        wired_hub_start(wiring_hub_of(shown));
    }
}

void wiring_stop(struct wiring *wiring)
{
    struct unit *unit = NULL;

    wiring->stopping = true;
    loop_timer_cancel(&wiring->hurry);
    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        if (!unit->stopping) {
            unit->stopping = true;
            unit->ops->stop(unit);
        }
    }
    if (wiring->running == 0) {
        loop_defer(wiring->loop, &wiring->told);
    }
}

void wiring_stop_now(struct wiring *wiring)
{
    struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        if (!unit->stopped) {
            unit->ops->stop_now(unit);
        }
    }
}

static void wiring_on_hub_closed(void *ctx)
{
    struct wiring *wiring = ctx;

    if (--wiring->open == 0) {
        loop_defer(wiring->loop, &wiring->told);
    }
}

void wiring_close(struct wiring *wiring)
{
    struct board_connection *shown;

    wiring->closing = true;
    /* One more than the hubs, so that the last of them to answer at once ends nothing early. */
    wiring->open = 1;
    /* Those retired before have had their time. */
    TAILQ_FOREACH(shown, &wiring->board.connections, link) {
        struct wired_hub *hub = wiring_hub_of(shown);

        if (hub->rmq != NULL) {
            wiring->open++;
            rmq_hub_stop(hub->rmq, wiring_on_hub_closed, wiring);
        }
    }
    wiring_on_hub_closed(wiring);
}
