/* A mirror as a unit: two bridges, one each way, and what keeps them from feeding each other. For:
 * starting and ending them, and showing the two as one. Not for: their ends (mirror_ends.c), the
 * messages (core/bridge.c), echoes (core/mirror.c). */
#include "app/mirror_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/spooling.h"
#include "base/log.h"

static struct mirror_unit *mirror_unit_of(struct unit *unit)
{
    return (struct mirror_unit *)unit;
}

/* The worse of two states, or the one of the way that still goes. */
static bool mirror_state_is_worse(enum bridge_state a, enum bridge_state b)
{
    static const int badness[] = {
        [BRIDGE_STOPPED] = 0, [BRIDGE_RUNNING] = 1, [BRIDGE_PAUSED] = 2,
        [BRIDGE_WAITING] = 3, [BRIDGE_FAILED] = 4,
    };

    return badness[a] > badness[b];
}

/* The way that says how the mirror is. */
static const struct mirror_way *mirror_unit_worse(const struct mirror_unit *self)
{
    return mirror_state_is_worse(bridge_get_state(self->ways[MIRROR_TO_REDIS].bridge),
                                 bridge_get_state(self->ways[MIRROR_TO_AMQP].bridge))
               ? &self->ways[MIRROR_TO_REDIS]
               : &self->ways[MIRROR_TO_AMQP];
}

static void mirror_way_on_wake(void *ctx)
{
    struct mirror_way *way = ctx;

    bridge_wake(way->bridge);
}

static void mirror_way_wake_in(void *ctx, uint64_t delay_us)
{
    struct mirror_way *way = ctx;

    loop_timer_set(&way->wake, delay_us);
}

static uint64_t mirror_way_now_us(void *ctx)
{
    const struct mirror_way *way = ctx;

    return loop_now_us(way->unit->unit.wiring->loop);
}

static void mirror_way_on_state(void *ctx, struct bridge *bridge, enum bridge_state state,
                                const char *why)
{
    struct mirror_unit *self = ((struct mirror_way *)ctx)->unit;
    const struct mirror_way *worse = mirror_unit_worse(self);

    (void)bridge;
    state = bridge_get_state(worse->bridge);
    why = bridge_get_why(worse->bridge);
    if (state == self->told && strcmp(why, self->told_why) == 0) {
        return;
    }
    self->told = state;
    snprintf(self->told_why, sizeof(self->told_why), "%s", why);
    unit_changed(&self->unit, state, self->told_why);
}

static void mirror_way_on_stopped(void *ctx, struct bridge *bridge)
{
    struct mirror_way *way = ctx;
    struct mirror_unit *self = way->unit;

    (void)bridge;
    loop_timer_cancel(&way->wake);
    way->stopped = true;
    if (self->ways[MIRROR_TO_AMQP].stopped && self->ways[MIRROR_TO_REDIS].stopped) {
        unit_stopped(&self->unit);
    }
}

static void mirror_way_ask_reap(void *ctx)
{
    struct mirror_unit *self = ((struct mirror_way *)ctx)->unit;

    loop_defer(self->unit.wiring->loop, &self->reap);
}

const struct bridge_host mirror_way_host = {
    .reap = mirror_way_ask_reap,
    .wake_in = mirror_way_wake_in,
    .now_us = mirror_way_now_us,
    .on_state = mirror_way_on_state,
    .on_stopped = mirror_way_on_stopped,
};

static void mirror_unit_start(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_start(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_start(self->ways[MIRROR_TO_REDIS].bridge);
}

static void mirror_unit_stop(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_stop(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_stop(self->ways[MIRROR_TO_REDIS].bridge);
}

static void mirror_unit_stop_now(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_stop_now(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_stop_now(self->ways[MIRROR_TO_REDIS].bridge);
}

static void mirror_unit_pause(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_pause(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_pause(self->ways[MIRROR_TO_REDIS].bridge);
}

static void mirror_unit_resume(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_resume(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_resume(self->ways[MIRROR_TO_REDIS].bridge);
}

static struct bridge_part mirror_way_part(const struct mirror_way *way, const char *name)
{
    return (struct bridge_part){
        .name = name,
        .state = bridge_get_state(way->bridge),
        .counters = *bridge_get_counters(way->bridge),
        .last_error = bridge_get_last_error(way->bridge),
        .latency = bridge_get_latency(way->bridge),
    };
}

static void mirror_unit_get_status(const struct unit *unit, uint64_t now_us,
                                   struct bridge_status *out_status)
{
    const struct mirror_unit *self = (const struct mirror_unit *)unit;
    const struct subscription_gap *gap = redis_source_gap(self->ways[MIRROR_TO_AMQP].source);
    const struct mirror_way *worse = mirror_unit_worse(self);
    const struct mirror_way *other = worse == &self->ways[MIRROR_TO_AMQP]
                                         ? &self->ways[MIRROR_TO_REDIS]
                                         : &self->ways[MIRROR_TO_AMQP];
    enum bridge_trouble trouble = bridge_get_trouble(worse->bridge);
    const char *error = bridge_get_last_error(worse->bridge);

    histogram_reset(self->latency);
    histogram_add(self->latency, bridge_get_latency(self->ways[MIRROR_TO_AMQP].bridge));
    histogram_add(self->latency, bridge_get_latency(self->ways[MIRROR_TO_REDIS].bridge));
    *out_status = (struct bridge_status){
        .state = bridge_get_state(worse->bridge),
        .why = bridge_get_why(worse->bridge),
        .counters = *bridge_get_counters(self->ways[MIRROR_TO_AMQP].bridge),
        .trouble = trouble != TROUBLE_NONE ? trouble : bridge_get_trouble(other->bridge),
        .last_error = error ? error : bridge_get_last_error(other->bridge),
        .latency = self->latency,
        .gap_count = gap->count,
        .gap_us = subscription_gap_us(gap, now_us),
        .parts = {mirror_way_part(&self->ways[MIRROR_TO_AMQP], "to_amqp"),
                  mirror_way_part(&self->ways[MIRROR_TO_REDIS], "to_redis")},
        .part_count = 2,
    };
    bridge_counters_add(&out_status->counters,
                        bridge_get_counters(self->ways[MIRROR_TO_REDIS].bridge));
}

static void mirror_unit_on_reap(void *ctx)
{
    struct mirror_unit *self = ctx;
    bool to_amqp = bridge_reap(self->ways[MIRROR_TO_AMQP].bridge);
    bool to_redis = bridge_reap(self->ways[MIRROR_TO_REDIS].bridge);

    if (to_amqp && to_redis) {
        mirror_ends_release_old(self);
    }
}

static void mirror_unit_hurry_change(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_change_hurry(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_change_hurry(self->ways[MIRROR_TO_REDIS].bridge);
}

static void mirror_unit_free(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    loop_task_cancel(unit->wiring->loop, &self->reap);
    loop_timer_fini(&self->ways[MIRROR_TO_AMQP].wake);
    loop_timer_fini(&self->ways[MIRROR_TO_REDIS].wake);
    bridge_free(self->ways[MIRROR_TO_AMQP].bridge);
    bridge_free(self->ways[MIRROR_TO_REDIS].bridge);
    mirror_free(self->mirror);
    spooling_release_store(unit->wiring->spooling, self->store);
    mirror_ends_release_old(self);
    mirror_ends_release(self);
    free(self->latency);
    unit_fini(unit);
    free(self);
}

static const struct unit_ops mirror_unit_ops = {
    .start = mirror_unit_start,
    .stop = mirror_unit_stop,
    .stop_now = mirror_unit_stop_now,
    .pause = mirror_unit_pause,
    .resume = mirror_unit_resume,
    .change = mirror_ends_change,
    .hurry_change = mirror_unit_hurry_change,
    .get_status = mirror_unit_get_status,
    .free = mirror_unit_free,
};

struct unit *mirror_unit_new(const struct unit_setup *setup, struct err *err)
{
    struct mirror_unit *self = calloc(1, sizeof(*self));
    const struct conf_bridge *conf = setup->conf;
    int result;
    int way;

    if (self == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    loop_task_init(&self->reap, mirror_unit_on_reap, self);
    result = unit_init(&self->unit, &mirror_unit_ops, setup, err);
    for (way = 0; way < MIRROR_WAYS && result == 0; way++) {
        self->ways[way].unit = self;
        if (loop_timer_init(&self->ways[way].wake, setup->wiring->loop, mirror_way_on_wake,
                            &self->ways[way]) != 0) {
            result = err_set(err, "out of memory");
        }
    }
    self->origin = (struct origin){
        .instance = setup->wiring->board.instance,
        .bridge = self->unit.name,
        .hops = conf->mirror.max_hops,
    };
    self->latency = calloc(1, sizeof(*self->latency));
    if (self->latency == NULL) {
        err_set(err, "out of memory");
    } else if (result == 0 &&
               spooling_open_store(setup->wiring->spooling, conf, &self->store, err) == 0 &&
               mirror_ends_make(self, setup, err) == 0) {
        return &self->unit;
    }
    mirror_unit_free(&self->unit);
    return NULL;
}
