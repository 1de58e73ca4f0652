/* What a reload leaves behind. For: units that finish, what is made in their place, hubs that
 * nobody uses any more, and the end of patience with either. Not for: deciding what goes
 * (reload.c). */
#include "app/spooling.h"
#include "app/wiring.h"
#include "base/log.h"

/* Sets the timer for the unit whose patience ends first. */
static void sweep_set_hurry(struct wiring *wiring)
{
    uint64_t now = loop_now_us(wiring->loop);
    uint64_t first = UINT64_MAX;
    struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        if (unit->hurry_at_us != 0 && unit->hurry_at_us < first) {
            first = unit->hurry_at_us;
        }
    }
    wiring->hurry_at_us = first;
    if (first == UINT64_MAX || wiring->stopping) {
        loop_timer_cancel(&wiring->hurry);
    } else {
        loop_timer_set(&wiring->hurry, first > now ? first - now : 0);
    }
}

static void sweep_hurry_unit(struct unit *unit)
{
    unit->hurry_at_us = 0;
    if (unit->stopping && !unit->stopped) {
        log_warn("bridge", unit_name(unit),
                 "still not finished after shutdown_timeout: giving up what did not go out");
        unit->ops->stop_now(unit);
    } else if (!unit->stopping && unit->ops->hurry_change != NULL) {
        unit->ops->hurry_change(unit);
    }
}

void wiring_on_hurry(void *ctx)
{
    struct wiring *wiring = ctx;
    uint64_t now = loop_now_us(wiring->loop);
    struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        if (unit->hurry_at_us != 0 && unit->hurry_at_us <= now) {
            sweep_hurry_unit(unit);
        }
    }
    sweep_set_hurry(wiring);
}

void wiring_hurry_at(struct unit *unit, uint64_t hurry_at_us)
{
    struct wiring *wiring = unit->wiring;

    unit->hurry_at_us = hurry_at_us;
    /* A thousand units of one reload have one and the same time; only an earlier one is news. */
    if (!loop_timer_is_set(&wiring->hurry) || hurry_at_us < wiring->hurry_at_us) {
        sweep_set_hurry(wiring);
    }
}

void wiring_retire_unit(struct unit *unit, struct config *config, const struct conf_bridge *next,
                        uint64_t hurry_at_us)
{
    struct wiring *wiring = unit->wiring;

    config_free(unit->next_config);
    unit->next_config = next != NULL ? config_ref(config) : NULL;
    unit->next_conf = next;
    unit->shown.enabled = next != NULL && next->enabled;
    if (!unit->stopping) {
        unit->stopping = true;
        if (!unit->stopped) {
            wiring_hurry_at(unit, hurry_at_us);
            unit->ops->stop(unit);
        }
    }
    loop_defer(wiring->loop, &wiring->sweep);
}

/* Makes what is to be in the place of a unit that is gone from the board. */
static void sweep_make_next(struct wiring *wiring, struct config *config,
                            const struct conf_bridge *conf, struct board_bridge *before)
{
    struct unit_setup setup = {wiring, config, conf};
    struct err err = {""};
    struct unit *unit = unit_new(&setup, &err);

    if (unit == NULL || wiring_add_unit(wiring, unit) != 0) {
        log_error("bridge", conf->name, "cannot be made anew", log_text("why", err.text));
        if (unit != NULL) {
            unit->ops->free(unit);
        }
        return;
    }
    if (before != NULL) {
        TAILQ_REMOVE(&wiring->board.bridges, &unit->shown, link);
        TAILQ_INSERT_BEFORE(before, &unit->shown, link);
    }
    wiring_start_unit(unit);
}

static void sweep_unit(struct wiring *wiring, struct unit *unit)
{
    struct config *config = unit->next_config;
    const struct conf_bridge *conf = unit->next_conf;
    struct board_bridge *before = TAILQ_NEXT(&unit->shown, link);

    unit->next_config = NULL;
    wiring_free_unit(wiring, unit);
    if (conf != NULL) {
        sweep_make_next(wiring, config, conf, before);
    }
    config_free(config);
}

static void sweep_on_hub_closed(void *ctx)
{
    struct wired_hub *hub = ctx;

    hub->closed = true;
    loop_defer(hub->wiring_loop, hub->sweep);
}

/* A retired hub: without users it is closed, closed it is freed. */
static void sweep_hub(struct wiring *wiring, struct wired_hub *hub)
{
    if (hub->users > 0) {
        return;
    }
    if (hub->rmq != NULL && !hub->closing) {
        hub->closing = true;
        hub->wiring_loop = wiring->loop;
        hub->sweep = &wiring->sweep;
        rmq_hub_stop(hub->rmq, sweep_on_hub_closed, hub);
    } else if (hub->rmq == NULL || hub->closed) {
        log_info("connection", hub->shown.name, "removed");
        TAILQ_REMOVE(&wiring->retired, &hub->shown, link);
        wired_hub_free(hub);
    }
}

void wiring_on_sweep(void *ctx)
{
    struct wiring *wiring = ctx;
    struct board_connection *shown, *next_shown;
    struct unit *unit = wiring_next_unit(wiring, NULL);
    struct unit *next;
    bool gone = false;

    if (wiring->stopping) {
        return; /* all of it ends now */
    }
    for (; unit != NULL; unit = next) {
        next = wiring_next_unit(wiring, unit);
        if (unit->stopping && unit->stopped) {
            sweep_unit(wiring, unit);
            gone = true;
        }
    }
    for (shown = TAILQ_FIRST(&wiring->retired); shown != NULL; shown = next_shown) {
        next_shown = TAILQ_NEXT(shown, link);
        sweep_hub(wiring, wiring_hub_of(shown));
    }
    if (gone) {
        spooling_tell_orphans(wiring->spooling);
        wiring_on_unit_changed(wiring);
    }
}

struct wired_hub *wiring_use_hub(struct wired_hub *hub)
{
    hub->users++;
    return hub;
}

void wiring_leave_hub(struct wiring *wiring, struct wired_hub *hub)
{
    if (hub != NULL && --hub->users == 0 && hub->retired) {
        loop_defer(wiring->loop, &wiring->sweep);
    }
}

void wiring_retire_hub(struct wiring *wiring, struct wired_hub *hub)
{
    hub->retired = true;
    TAILQ_REMOVE(&wiring->board.connections, &hub->shown, link);
    TAILQ_INSERT_TAIL(&wiring->retired, &hub->shown, link);
    loop_defer(wiring->loop, &wiring->sweep);
}
