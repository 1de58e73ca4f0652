/* From one configuration to the next while the daemon runs. For: what is kept, added, changed and
 * removed. Not for: how a bridge goes over to other rules (core/bridge_change.c, bridge_ends.c), or
 * what is left behind (sweep.c). */
#include "app/reload.h"

#include <stdlib.h>
#include <string.h>

#include "app/hubs.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/compare.h"
#include "conf/load.h"

/* A reload under way. */
struct reload {
    struct wiring *wiring;
    struct config *config;   /* the new one */
    struct wired_hub **hubs; /* owned: for each of its connections one that is new; NULL: kept */
    uint64_t hurry_at_us;    /* the end of patience with what is left behind */
    struct board_reload *report;
    size_t problem_count;
    struct strbuf *problems; /* as in reload_run() */
    struct strbuf *fixed;
};

static void reload_note(struct strbuf *lines, const char *line)
{
    if (lines != NULL) {
        strbuf_append_format(lines, "%s\n", line);
    }
}

static void reload_on_problem(void *ctx, const char *line)
{
    struct reload *reload = ctx;

    reload->problem_count++;
    reload_note(reload->problems, line);
    log_error("reload", NULL, "configuration", log_text("problem", line));
}

static void reload_on_fixed(void *ctx, const char *key)
{
    struct reload *reload = ctx;

    reload_note(reload->fixed, key);
    log_warn("reload", NULL, "left as it was: a change of this needs a restart",
             log_text("key", key));
}

/* Makes the hubs of new and changed connections, off to the side. */
static int reload_make_hubs(struct reload *reload, struct err *err)
{
    struct config *config = reload->config;
    size_t i;

    reload->hubs = calloc(config->connection_count + 1, sizeof(struct wired_hub *));
    if (reload->hubs == NULL) {
        return err_set(err, "out of memory");
    }
    for (i = 0; i < config->connection_count; i++) {
        const struct conf_connection *conf = &config->connections[i];
        const struct wired_hub *old = wiring_find_hub(reload->wiring, conf->name);

        if (old != NULL && conf_connection_is_equal(old->conf, conf)) {
            continue;
        }
        reload->hubs[i] = wired_hub_new(&reload->wiring->hub_setup, config, conf, err);
        if (reload->hubs[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

static void reload_fini(struct reload *reload)
{
    size_t i;

    for (i = 0; reload->hubs != NULL && i < reload->config->connection_count; i++) {
        wired_hub_free(reload->hubs[i]);
    }
    free(reload->hubs);
    config_free(reload->config);
}

/* Hubs of connections that are not in the new configuration, and those that have a new one. */
static void reload_retire_hubs(struct reload *reload)
{
    struct wiring *wiring = reload->wiring;
    struct board_connection *shown = TAILQ_FIRST(&wiring->board.connections);
    struct board_connection *next;
    size_t i;

    for (; shown != NULL; shown = next) {
        bool keep = false;

        next = TAILQ_NEXT(shown, link);
        for (i = 0; i < reload->config->connection_count; i++) {
            keep |= strcmp(reload->config->connections[i].name, shown->name) == 0 &&
                    reload->hubs[i] == NULL;
        }
        if (!keep) {
            wiring_retire_hub(wiring, wiring_hub_of(shown));
        }
    }
}

/* Puts the hubs on the board, in the order of the configuration; those kept declare a topology that
 * is another. */
static void reload_place_hubs(struct reload *reload)
{
    struct board_connection_list *board = &reload->wiring->board.connections;
    size_t i;

    reload_retire_hubs(reload);
    for (i = 0; i < reload->config->connection_count; i++) {
        const struct conf_connection *conf = &reload->config->connections[i];
        struct wired_hub *hub = wiring_find_hub(reload->wiring, conf->name);

        if (reload->hubs[i] != NULL) {
            log_info("connection", conf->name, "made anew");
            TAILQ_INSERT_TAIL(board, &reload->hubs[i]->shown, link);
            continue;
        }
        TAILQ_REMOVE(board, &hub->shown, link);
        TAILQ_INSERT_TAIL(board, &hub->shown, link);
        if (wired_hub_change_topology(hub, reload->config, conf) != 0) {
            log_error("connection", conf->name, "topology left as it was",
                      log_text("why", "out of memory"));
        }
    }
}

static void reload_start_hubs(struct reload *reload)
{
    size_t i;

    for (i = 0; i < reload->config->connection_count; i++) {
        if (reload->hubs[i] != NULL) {
            wired_hub_start(reload->hubs[i]);
            reload->hubs[i] = NULL; /* the board's */
        }
    }
}

static bool reload_is_hub_new(const struct reload *reload, const struct conf_connection *connection)
{
    return connection != NULL && reload->hubs[connection - reload->config->connections] != NULL;
}

/* Whether a bridge does not see the reload at all. */
static bool reload_keeps(const struct reload *reload, const struct unit *unit,
                         const struct conf_bridge *conf)
{
    if (unit->stopping || reload_is_hub_new(reload, conf->source.connection) ||
        reload_is_hub_new(reload, conf->sink.connection) ||
        (conf->has_dead_letter && reload_is_hub_new(reload, conf->dead_letter.connection))) {
        return false;
    }
    return conf_bridge_is_equal(unit->conf, conf) || (!unit->conf->enabled && !conf->enabled);
}

/* Whether a unit can go over to the new rule as it runs. */
static bool reload_can_change(const struct unit *unit, const struct conf_bridge *conf)
{
    const struct conf_bridge *old = unit->conf;

    return unit->ops->change != NULL && !unit->stopping && unit_is_same_kind(old, conf) &&
           old->kind == conf->kind &&
           old->source.connection->protocol == conf->source.connection->protocol &&
           old->sink.connection->protocol == conf->sink.connection->protocol;
}

static int reload_add(struct reload *reload, const struct unit_setup *setup)
{
    struct err err = {"out of memory"};
    struct unit *unit = unit_new(setup, &err);

    if (unit == NULL || wiring_add_unit(reload->wiring, unit) != 0) {
        if (unit != NULL) {
            unit->ops->free(unit);
        }
        log_error("bridge", setup->conf->name, "cannot be made", log_text("why", err.text));
        return -1;
    }
    wiring_start_unit(unit);
    return 0;
}

static void reload_change(struct reload *reload, struct unit *unit, const struct unit_setup *setup)
{
    struct err err = {""};

    if (!reload_can_change(unit, setup->conf)) {
        wiring_retire_unit(unit, setup->config, setup->conf, reload->hurry_at_us);
    } else if (unit->ops->change(unit, setup, &err) == 0) {
        wiring_hurry_at(unit, reload->hurry_at_us);
    } else {
        log_error("bridge", unit_name(unit), "left as it was", log_text("why", err.text));
    }
}

/* One bridge of the new configuration: counts and tells what it is to the old one. */
static void reload_bridge(struct reload *reload, const struct conf_bridge *conf)
{
    struct unit_setup setup = {reload->wiring, reload->config, conf};
    struct unit *unit = wiring_find_unit(reload->wiring, conf->name);
    bool was_enabled = unit != NULL && unit->conf->enabled;
    const char *what;

    if (unit != NULL && reload_keeps(reload, unit, conf)) {
        reload->report->kept++;
        return;
    }
    if (unit == NULL) {
        if (reload_add(reload, &setup) != 0) {
            return;
        }
    } else {
        reload_change(reload, unit, &setup);
    }
    if (conf->enabled && was_enabled) {
        what = "changed";
        reload->report->changed++;
    } else if (was_enabled) {
        what = "disabled";
        reload->report->removed++;
    } else {
        what = "added";
        reload->report->added++;
    }
    log_info("reload", conf->name, what);
}

/* Bridges that the new configuration does not know finish. The mark is their place on the board:
 * those that it knows have been put behind the others. */
static void reload_remove(struct reload *reload, const struct unit *first_known)
{
    struct unit *unit = wiring_next_unit(reload->wiring, NULL);

    for (; unit != NULL && unit != first_known; unit = wiring_next_unit(reload->wiring, unit)) {
        if (!unit->stopping || unit->next_conf != NULL) {
            reload->report->removed++;
            log_info("reload", unit_name(unit), "removed");
        }
        wiring_retire_unit(unit, NULL, NULL, reload->hurry_at_us);
    }
}

static void reload_bridges(struct reload *reload)
{
    struct board_bridge_list *board = &reload->wiring->board.bridges;
    const struct unit *first_known = NULL;
    size_t i;

    for (i = 0; i < reload->config->bridge_count; i++) {
        const struct conf_bridge *conf = &reload->config->bridges[i];
        struct unit *unit;

        reload_bridge(reload, conf);
        unit = wiring_find_unit(reload->wiring, conf->name);
        if (unit != NULL) {
            TAILQ_REMOVE(board, &unit->shown, link);
            TAILQ_INSERT_TAIL(board, &unit->shown, link);
            first_known = first_known != NULL ? first_known : unit;
        }
    }
    reload_remove(reload, first_known);
}

static int reload_apply(struct reload *reload, struct err *err)
{
    struct wiring *wiring = reload->wiring;

    if (reload_make_hubs(reload, err) != 0) {
        return -1;
    }
    reload->hurry_at_us = loop_touch(wiring->loop) + reload->config->shutdown_timeout_us;
    reload_place_hubs(reload);
    reload_bridges(reload);
    reload_start_hubs(reload);
    config_free(wiring->config);
    wiring->config = config_ref(reload->config);
    return 0;
}

/* Reads the file and, where it is good, applies it; words in `err` where that failed. */
static int reload_load(struct reload *reload, const struct config *start, struct err *err)
{
    size_t i;

    reload->config = config_load(reload->wiring->config->file, reload_on_problem, reload);
    if (reload->config == NULL) {
        return err_set(err, "the configuration has %zu problems, see the log",
                       reload->problem_count);
    }
    for (i = 0; i < reload->config->warnings.count; i++) {
        log_warn("reload", NULL, "hardly meant",
                 log_text("warning", reload->config->warnings.items[i]));
    }
    conf_tell_fixed(start, reload->config, reload_on_fixed, reload);
    return reload_apply(reload, err);
}

bool reload_run(struct wiring *wiring, const struct config *start, struct strbuf *problems,
                struct strbuf *fixed)
{
    struct board_reloads *reloads = &wiring->board.reloads;
    struct board_reload report = {.wall_us = clock_wall_us()};
    struct reload reload = {
        .wiring = wiring, .report = &report, .problems = problems, .fixed = fixed};

    report.ok = reload_load(&reload, start, &report.error) == 0;
    reload_fini(&reload);
    reloads->last = report;
    if (!report.ok) {
        reloads->failed++;
        log_error("reload", NULL, "refused, nothing has changed",
                  log_text("why", report.error.text));
        return false;
    }
    reloads->count++;
    log_info("reload", NULL, "applied", log_number("kept", report.kept),
             log_number("added", report.added), log_number("changed", report.changed),
             log_number("removed", report.removed));
    return true;
}
