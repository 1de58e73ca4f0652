/* A bridge as a unit: one source, one mapping, one sink, with a timer, and a store where it has
 * one. For: making the parts and ending them. Not for: the messages (core/bridge.c). */
#include <stdlib.h>

#include "app/calls.h"
#include "app/spooling.h"
#include "app/unit.h"
#include "app/wiring.h"
#include "base/log.h"

struct bridge_unit {
    struct unit unit; /* first */
    struct bridge *bridge;
    const struct source *redis_source; /* the bridge's own, where that is Redis; NULL otherwise */
    struct calls *calls;               /* what its sink is made of, with "rpc"; NULL otherwise */
    struct store *store;               /* the spooling's; NULL: it keeps to memory */
    struct loop_timer wake;            /* what bridge_host's wake_in asks for */
};

static struct bridge_unit *bridge_unit_of(struct unit *unit)
{
    return (struct bridge_unit *)unit;
}

static void bridge_unit_on_wake(void *ctx)
{
    struct bridge_unit *self = ctx;

    bridge_wake(self->bridge);
}

static void bridge_unit_wake_in(void *ctx, uint64_t delay_us)
{
    struct bridge_unit *self = ctx;

    loop_timer_set(&self->wake, delay_us);
}

static uint64_t bridge_unit_now_us(void *ctx)
{
    const struct bridge_unit *self = ctx;

    return loop_now_us(self->unit.wiring->loop);
}

static void bridge_unit_on_state(void *ctx, struct bridge *bridge, enum bridge_state state,
                                 const char *why)
{
    struct bridge_unit *self = ctx;

    (void)bridge;
    unit_changed(&self->unit, state, why);
}

static void bridge_unit_on_stopped(void *ctx, struct bridge *bridge)
{
    struct bridge_unit *self = ctx;

    (void)bridge;
    loop_timer_cancel(&self->wake);
    unit_stopped(&self->unit);
}

static const struct bridge_host bridge_unit_host = {
    .wake_in = bridge_unit_wake_in,
    .now_us = bridge_unit_now_us,
    .on_state = bridge_unit_on_state,
    .on_stopped = bridge_unit_on_stopped,
};

static void bridge_unit_start(struct unit *unit)
{
    bridge_start(bridge_unit_of(unit)->bridge);
}

static void bridge_unit_stop(struct unit *unit)
{
    bridge_stop(bridge_unit_of(unit)->bridge);
}

static void bridge_unit_stop_now(struct unit *unit)
{
    bridge_stop_now(bridge_unit_of(unit)->bridge);
}

static void bridge_unit_pause(struct unit *unit)
{
    bridge_pause(bridge_unit_of(unit)->bridge);
}

static void bridge_unit_resume(struct unit *unit)
{
    bridge_resume(bridge_unit_of(unit)->bridge);
}

static void bridge_unit_get_status(const struct unit *unit, uint64_t now_us,
                                   struct bridge_status *out_status)
{
    const struct bridge_unit *self = (const struct bridge_unit *)unit;
    const struct subscription_gap *gap =
        self->redis_source ? redis_source_gap(self->redis_source) : NULL;

    *out_status = (struct bridge_status){
        .state = bridge_get_state(self->bridge),
        .why = bridge_get_why(self->bridge),
        .counters = *bridge_get_counters(self->bridge),
        .last_error = bridge_get_last_error(self->bridge),
        .latency = bridge_get_latency(self->bridge),
        .gap_count = gap ? gap->count : 0,
        .gap_us = gap ? subscription_gap_us(gap, now_us) : 0,
        .has_rpc = self->calls != NULL,
    };
    bridge_get_disk(self->bridge, &out_status->disk);
    if (self->calls != NULL) {
        out_status->rpc = *calls_counters(self->calls);
    }
}

static void bridge_unit_free(struct unit *unit)
{
    struct bridge_unit *self = bridge_unit_of(unit);

    loop_timer_fini(&self->wake);
    bridge_free(self->bridge);
    calls_free(self->calls);
    spooling_release_store(unit->wiring->spooling, self->store);
    unit_fini(unit);
    free(self);
}

static const struct unit_ops bridge_unit_ops = {
    .start = bridge_unit_start,
    .stop = bridge_unit_stop,
    .stop_now = bridge_unit_stop_now,
    .pause = bridge_unit_pause,
    .resume = bridge_unit_resume,
    .get_status = bridge_unit_get_status,
    .free = bridge_unit_free,
};

static struct sink *bridge_unit_new_sink(const struct unit *unit, const struct conf_sink *conf)
{
    return wired_hub_new_sink(wiring_find_hub(unit->wiring, conf->connection->name), unit->conf,
                              conf);
}

static void bridge_unit_free_ends(struct bridge_setup *ends)
{
    if (ends->source != NULL) {
        ends->source->ops->free(ends->source);
    }
    if (ends->sink != NULL) {
        ends->sink->ops->free(ends->sink);
    }
    if (ends->dead_sink != NULL) {
        ends->dead_sink->ops->free(ends->dead_sink);
    }
}

/* What the bridge sends to, and by which mapping. */
static void bridge_unit_make_sink(struct bridge_unit *self, struct bridge_setup *ends)
{
    const struct conf_bridge *conf = self->unit.conf;

    if (conf->kind != CONF_BRIDGE_RPC) {
        ends->sink = bridge_unit_new_sink(&self->unit, &conf->sink);
        return;
    }
    self->calls = calls_new(&self->unit, &ends->sink);
    if (self->calls != NULL) {
        ends->mapping = calls_mapping(self->calls);
    }
}

/* Makes the ends of the bridge; -1: out of memory, with what was made in `ends`. */
static int bridge_unit_make_ends(struct bridge_unit *self, struct bridge_setup *ends)
{
    const struct unit *unit = &self->unit;
    const struct conf_bridge *conf = unit->conf;

    ends->source =
        wired_hub_new_source(wiring_find_hub(unit->wiring, conf->source.connection->name), conf);
    bridge_unit_make_sink(self, ends);
    if (ends->source == NULL || ends->sink == NULL) {
        return -1;
    }
    if (!conf->has_dead_letter) {
        return 0;
    }
    ends->dead_sink = bridge_unit_new_sink(unit, &conf->dead_letter);
    ends->dead_mapping = &conf->dead_letter.mapping;
    return ends->dead_sink != NULL ? 0 : -1;
}

/* Makes the bridge with all that belongs to it; -1: out of memory. */
static int bridge_unit_fill(struct bridge_unit *self)
{
    const struct conf_bridge *conf = self->unit.conf;
    struct bridge_setup setup = {
        .name = conf->name,
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

    if (loop_timer_init(&self->wake, self->unit.wiring->loop, bridge_unit_on_wake, self) != 0) {
        return -1;
    }
    if (bridge_unit_make_ends(self, &setup) == 0) {
        self->bridge = bridge_new(&setup);
    }
    if (self->bridge == NULL) {
        bridge_unit_free_ends(&setup);
        return -1;
    }
    if (conf->source.connection->protocol == CONF_REDIS) {
        self->redis_source = setup.source;
    }
    log_info("bridge", conf->name, "made",
             log_text("from", conf_protocol_name(conf->source.connection->protocol)),
             log_text("to", conf_protocol_name(conf->sink.connection->protocol)),
             log_text("guarantee", bridge_guarantee(setup.source->can, setup.sink->can,
                                                    conf->options.ack_mode)));
    return 0;
}

struct unit *bridge_unit_new(const struct unit_setup *setup, struct err *err)
{
    struct bridge_unit *self = calloc(1, sizeof(*self));
    int result;

    if (self == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    unit_init(&self->unit, &bridge_unit_ops, setup);
    result = spooling_open_store(setup->wiring->spooling, setup->conf, &self->store, err);
    if (result == 0 && bridge_unit_fill(self) != 0) {
        result = err_set(err, "out of memory");
    }
    if (result != 0) {
        bridge_unit_free(&self->unit);
        return NULL;
    }
    return &self->unit;
}
