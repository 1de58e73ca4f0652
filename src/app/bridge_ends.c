/* The ends of a bridge that is a unit, and what they borrow. For: making them at the start, and
 * others at a change. Not for: how a bridge goes over to them (core/bridge_change.c). */
#include <stdlib.h>

#include "app/bridge_unit.h"
#include "app/spooling.h"
#include "base/log.h"
#include "conf/compare.h"

/* Of what a bridge is made, and must live as long as its ends. */
static void bridge_parts_release(struct wiring *wiring, struct bridge_parts *parts)
{
    size_t i;

    for (i = 0; i < BRIDGE_HUBS; i++) {
        wiring_leave_hub(wiring, parts->hubs[i]);
    }
    calls_free(parts->calls);
    config_free(parts->source_config);
    config_free(parts->config);
    *parts = (struct bridge_parts){.config = NULL};
}

void bridge_ends_release_old(struct bridge_unit *self)
{
    while (self->old_count > 0) {
        bridge_parts_release(self->unit.wiring, &self->olds[--self->old_count]);
    }
    free(self->olds);
    self->olds = NULL;
}

void bridge_ends_release(struct bridge_unit *self)
{
    bridge_parts_release(self->unit.wiring, &self->parts);
    config_free(self->source_config);
}

static void bridge_ends_free_ends(struct bridge_setup *ends)
{
    endpoint_free_source(ends->source);
    endpoint_free_sink(ends->sink);
    endpoint_free_sink(ends->dead_sink);
}

static struct sink *bridge_ends_new_sink(const struct bridge_unit *self, struct wired_hub *hub,
                                         const struct conf_bridge *conf,
                                         const struct conf_sink *sink)
{
    return wired_hub_new_sink(hub, self->unit.name, conf, sink);
}

/* The sink of a bridge that carries calls, and the mapping to it. */
static void bridge_ends_make_calls(struct bridge_unit *self, const struct conf_bridge *conf,
                                   struct bridge_parts *parts, struct bridge_setup *ends)
{
    parts->calls = calls_new(&self->unit, conf, parts->hubs[BRIDGE_SOURCE_HUB],
                             parts->hubs[BRIDGE_SINK_HUB], &self->family, &ends->sink);
    if (parts->calls != NULL) {
        ends->mapping = calls_mapping(parts->calls);
    }
}

/* Makes the ends of the bridge, the source only where it is wanted; -1: out of memory, with what
 * was made in `ends`. */
static int bridge_ends_make_ends(struct bridge_unit *self, const struct conf_bridge *conf,
                                 struct bridge_parts *parts, bool with_source,
                                 struct bridge_setup *ends)
{
    if (with_source) {
        ends->source = wired_hub_new_source(parts->hubs[BRIDGE_SOURCE_HUB], self->unit.name, conf);
    }
    if (conf->kind == CONF_BRIDGE_RPC) {
        bridge_ends_make_calls(self, conf, parts, ends);
    } else {
        ends->sink = bridge_ends_new_sink(self, parts->hubs[BRIDGE_SINK_HUB], conf, &conf->sink);
    }
    if ((with_source && ends->source == NULL) || ends->sink == NULL) {
        return -1;
    }
    if (!conf->has_dead_letter) {
        return 0;
    }
    ends->dead_sink =
        bridge_ends_new_sink(self, parts->hubs[BRIDGE_DEAD_HUB], conf, &conf->dead_letter);
    ends->dead_mapping = &conf->dead_letter.mapping;
    return ends->dead_sink != NULL ? 0 : -1;
}

static struct bridge_parts bridge_parts_take(const struct unit_setup *setup)
{
    const struct conf_bridge *conf = setup->conf;
    const struct conf_connection *connections[BRIDGE_HUBS] = {
        [BRIDGE_SOURCE_HUB] = conf->source.connection,
        [BRIDGE_SINK_HUB] = conf->sink.connection,
        [BRIDGE_DEAD_HUB] = conf->has_dead_letter ? conf->dead_letter.connection : NULL,
    };
    struct bridge_parts parts = {.config = config_ref(setup->config)};
    size_t i;

    for (i = 0; i < BRIDGE_HUBS; i++) {
        if (connections[i] != NULL) {
            parts.hubs[i] = wiring_use_hub(wiring_find_hub(setup->wiring, connections[i]->name));
        }
    }
    return parts;
}

static struct bridge_setup bridge_ends_setup(struct bridge_unit *self,
                                             const struct conf_bridge *conf)
{
    return (struct bridge_setup){
        .name = self->unit.name,
        .instance = self->unit.wiring->board.instance,
        .mapping = &conf->sink.mapping,
        .filter = conf->filter.condition,
        .store = self->store,
        .options = &conf->options,
        .host = &bridge_unit_host,
        .host_ctx = self,
        .rand = &self->unit.wiring->rand,
        .budget = &self->unit.wiring->budget,
    };
}

/* The bridge has another source, or the first one. */
static void bridge_ends_note_source(struct bridge_unit *self, const struct conf_bridge *conf,
                                    struct source *source, struct config *config)
{
    self->source = source;
    self->is_redis_source = conf->source.connection->protocol == CONF_REDIS;
    self->source_conf = conf;
    self->source_config = config_ref(config);
}

static void bridge_ends_log(const struct bridge_unit *self, const struct conf_bridge *conf,
                            const struct sink *sink, const char *what)
{
    log_info("bridge", self->unit.name, what,
             log_text("from", conf_protocol_name(conf->source.connection->protocol)),
             log_text("to", conf_protocol_name(conf->sink.connection->protocol)),
             log_text("guarantee",
                      bridge_guarantee(self->source->can, sink->can, conf->options.ack_mode)));
}

/* The ends that a change leaves live until bridge_reap() says so; so does what they borrow. */
static int bridge_ends_keep_old(struct bridge_unit *self)
{
    struct bridge_parts *olds = realloc(self->olds, (self->old_count + 1) * sizeof(*self->olds));

    if (olds == NULL) {
        return -1;
    }
    self->olds = olds;
    return 0;
}

/* Exchanges the ends; -1: out of memory, with those made in `ends`. */
static int bridge_ends_exchange(struct bridge_unit *self, const struct conf_bridge *conf,
                                struct bridge_parts *parts, struct bridge_setup *ends)
{
    const struct conf_bridge *old = self->source_conf;
    bool keep = parts->hubs[BRIDGE_SOURCE_HUB] == self->parts.hubs[BRIDGE_SOURCE_HUB] &&
                wired_hub_keeps_source(old, conf);
    enum succession succession = SUCCEED_WHEN_READY;

    if (bridge_ends_keep_old(self) != 0 ||
        bridge_ends_make_ends(self, conf, parts, !keep, ends) != 0) {
        return -1;
    }
    if (!keep) {
        succession = wired_hub_succession(old);
        if (self->is_redis_source && conf->source.connection->protocol == CONF_REDIS) {
            redis_source_follow(
                ends->source, self->source,
                &(struct redis_meeting){
                    .hub = conf_server_is_same(old->source.connection, conf->source.connection)
                               ? parts->hubs[BRIDGE_SOURCE_HUB]->redis
                               : NULL,
                    .budget = &self->unit.wiring->budget,
                    .most = conf->options.buffer_memory,
                });
        }
    }
    return bridge_change(self->bridge, ends, succession);
}

int bridge_ends_change(struct unit *unit, const struct unit_setup *setup, struct err *err)
{
    struct bridge_unit *self = (struct bridge_unit *)unit;
    struct bridge_parts parts = bridge_parts_take(setup);
    struct bridge_setup ends = bridge_ends_setup(self, setup->conf);
    struct sink *sink;

    if (spooling_change_store(unit->wiring->spooling, setup->conf, self->store, &ends.store, err) !=
        0) {
        bridge_parts_release(unit->wiring, &parts);
        return -1;
    }
    if (bridge_ends_exchange(self, setup->conf, &parts, &ends) != 0) {
        bridge_ends_free_ends(&ends);
        if (ends.store != self->store) {
            spooling_release_store(unit->wiring->spooling, ends.store);
        }
        bridge_parts_release(unit->wiring, &parts);
        return err_set(err, "out of memory");
    }
    sink = ends.sink;
    /* One that is not wanted any more stays until the unit goes: it may hold messages. */
    if (self->store == NULL) {
        self->store = ends.store;
    } else if (ends.store != NULL) {
        spooling_set_limit(ends.store, setup->conf->options.buffer_disk);
    }
    if (ends.source != NULL) {
        self->parts.source_config = self->source_config;
        self->source_config = NULL;
        bridge_ends_note_source(self, setup->conf, ends.source, setup->config);
    }
    self->olds[self->old_count++] = self->parts;
    self->parts = parts;
    unit_adopt(unit, setup);
    bridge_ends_log(self, setup->conf, sink, "changed");
    return 0;
}

int bridge_ends_make(struct bridge_unit *self, const struct unit_setup *setup)
{
    struct bridge_setup ends = bridge_ends_setup(self, setup->conf);

    self->parts = bridge_parts_take(setup);
    if (bridge_ends_make_ends(self, setup->conf, &self->parts, true, &ends) == 0) {
        self->bridge = bridge_new(&ends);
    }
    if (self->bridge == NULL) {
        bridge_ends_free_ends(&ends);
        return -1;
    }
    bridge_ends_note_source(self, setup->conf, ends.source, setup->config);
    unit_show_bridge(&self->unit, self->bridge);
    bridge_ends_log(self, setup->conf, ends.sink, "made");
    return 0;
}
