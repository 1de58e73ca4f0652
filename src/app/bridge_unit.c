/* A bridge as a unit: one source, one mapping, one sink, with a timer, and a store where it has
 * one. For: its life. Not for: the ends (bridge_ends.c) or the messages (core/bridge.c). */
#include "app/bridge_unit.h"

#include <stdlib.h>

#include "app/calls.h"
#include "app/spooling.h"

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

static void bridge_unit_ask_reap(void *ctx)
{
    struct bridge_unit *self = ctx;

    loop_defer(self->unit.wiring->loop, &self->reap);
}

const struct bridge_host bridge_unit_host = {
    .reap = bridge_unit_ask_reap,
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
        self->is_redis_source ? redis_source_gap(self->source) : NULL;

    *out_status = (struct bridge_status){
        .state = bridge_get_state(self->bridge),
        .why = bridge_get_why(self->bridge),
        .counters = *bridge_get_counters(self->bridge),
        .trouble = bridge_get_trouble(self->bridge),
        .last_error = bridge_get_last_error(self->bridge),
        .latency = bridge_get_latency(self->bridge),
        .gap_count = gap ? gap->count : 0,
        .gap_us = gap ? subscription_gap_us(gap, now_us) : 0,
        .has_rpc = self->parts.calls != NULL,
    };
    bridge_get_disk(self->bridge, &out_status->disk);
    if (out_status->has_rpc) {
        out_status->rpc = rpc_get_counters(&self->family);
    }
}

static void bridge_unit_on_reap(void *ctx)
{
    struct bridge_unit *self = ctx;

    if (bridge_reap(self->bridge)) {
        bridge_ends_release_old(self);
    }
}

static void bridge_unit_free(struct unit *unit)
{
    struct bridge_unit *self = bridge_unit_of(unit);

    loop_task_cancel(unit->wiring->loop, &self->reap);
    loop_timer_fini(&self->wake);
    bridge_free(self->bridge);
    spooling_release_store(unit->wiring->spooling, self->store);
    bridge_ends_release_old(self);
    bridge_ends_release(self);
    unit_fini(unit);
    free(self);
}

static void bridge_unit_hurry_change(struct unit *unit)
{
    bridge_change_hurry(bridge_unit_of(unit)->bridge);
}

static const struct unit_ops bridge_unit_ops = {
    .start = bridge_unit_start,
    .stop = bridge_unit_stop,
    .stop_now = bridge_unit_stop_now,
    .pause = bridge_unit_pause,
    .resume = bridge_unit_resume,
    .change = bridge_ends_change,
    .hurry_change = bridge_unit_hurry_change,
    .get_status = bridge_unit_get_status,
    .free = bridge_unit_free,
};

struct unit *bridge_unit_new(const struct unit_setup *setup, struct err *err)
{
    struct bridge_unit *self = calloc(1, sizeof(*self));
    int result;

    if (self == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    loop_task_init(&self->reap, bridge_unit_on_reap, self);
    result = unit_init(&self->unit, &bridge_unit_ops, setup, err);
    if (result == 0) {
        result = spooling_open_store(setup->wiring->spooling, setup->conf, &self->store, err);
    }
    if (result == 0 &&
        (loop_timer_init(&self->wake, setup->wiring->loop, bridge_unit_on_wake, self) != 0 ||
         bridge_ends_make(self, setup) != 0)) {
        result = err_set(err, "out of memory");
    }
    if (result != 0) {
        bridge_unit_free(&self->unit);
        return NULL;
    }
    return &self->unit;
}
