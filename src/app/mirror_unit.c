/* A mirror as a unit: two bridges, one each way, and what keeps them from feeding each other. For:
 * making the parts, ending them, and showing the two as one. Not for: the messages (core/bridge.c),
 * echoes (core/mirror.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/spooling.h"
#include "app/unit.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/rand.h"
#include "core/mirror.h"
#include "core/origin.h"

enum { MIRROR_UNIT_WHY_SIZE = 320, MIRROR_UNIT_HUBS = 6 };

struct mirror_unit;

/* One of the two bridges. */
struct mirror_way {
    struct mirror_unit *unit;
    struct bridge *bridge;
    struct loop_timer wake; /* what bridge_host's wake_in asks for */
    bool stopped;           /* on_stopped came */
};

struct mirror_unit {
    struct unit unit;        /* first */
    struct conf_bridge back; /* the way back as a rule; what it points to is the conf's */
    struct mirror *mirror;
    struct origin origin;
    struct mirror_way to_amqp;
    struct mirror_way to_redis;
    const struct source *redis_source;        /* inside the mirror */
    struct wired_hub *hubs[MIRROR_UNIT_HUBS]; /* in use, one entry an end */
    size_t hub_count;
    struct store *store;       /* of to_amqp; the spooling's; NULL: it keeps to memory */
    struct histogram *latency; /* of both together; made anew when somebody looks */
    enum bridge_state told;    /* the last state */
    char told_why[MIRROR_UNIT_WHY_SIZE];
};

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
    return mirror_state_is_worse(bridge_get_state(self->to_redis.bridge),
                                 bridge_get_state(self->to_amqp.bridge))
               ? &self->to_redis
               : &self->to_amqp;
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
    if (self->to_amqp.stopped && self->to_redis.stopped) {
        unit_stopped(&self->unit);
    }
}

static const struct bridge_host mirror_way_host = {
    .wake_in = mirror_way_wake_in,
    .now_us = mirror_way_now_us,
    .on_state = mirror_way_on_state,
    .on_stopped = mirror_way_on_stopped,
};

static void mirror_unit_start(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_start(self->to_amqp.bridge);
    bridge_start(self->to_redis.bridge);
}

static void mirror_unit_stop(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_stop(self->to_amqp.bridge);
    bridge_stop(self->to_redis.bridge);
}

static void mirror_unit_stop_now(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_stop_now(self->to_amqp.bridge);
    bridge_stop_now(self->to_redis.bridge);
}

static void mirror_unit_pause(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_pause(self->to_amqp.bridge);
    bridge_pause(self->to_redis.bridge);
}

static void mirror_unit_resume(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    bridge_resume(self->to_amqp.bridge);
    bridge_resume(self->to_redis.bridge);
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
    const struct subscription_gap *gap = redis_source_gap(self->redis_source);
    const struct mirror_way *worse = mirror_unit_worse(self);
    const struct mirror_way *other = worse == &self->to_amqp ? &self->to_redis : &self->to_amqp;
    enum bridge_trouble trouble = bridge_get_trouble(worse->bridge);
    const char *error = bridge_get_last_error(worse->bridge);

    histogram_reset(self->latency);
    histogram_add(self->latency, bridge_get_latency(self->to_amqp.bridge));
    histogram_add(self->latency, bridge_get_latency(self->to_redis.bridge));
    *out_status = (struct bridge_status){
        .state = bridge_get_state(worse->bridge),
        .why = bridge_get_why(worse->bridge),
        .counters = *bridge_get_counters(self->to_amqp.bridge),
        .trouble = trouble != TROUBLE_NONE ? trouble : bridge_get_trouble(other->bridge),
        .last_error = error ? error : bridge_get_last_error(other->bridge),
        .latency = self->latency,
        .gap_count = gap->count,
        .gap_us = subscription_gap_us(gap, now_us),
        .parts = {mirror_way_part(&self->to_amqp, "to_amqp"),
                  mirror_way_part(&self->to_redis, "to_redis")},
        .part_count = 2,
    };
    bridge_counters_add(&out_status->counters, bridge_get_counters(self->to_redis.bridge));
}

static void mirror_unit_free(struct unit *unit)
{
    struct mirror_unit *self = mirror_unit_of(unit);

    loop_timer_fini(&self->to_amqp.wake);
    loop_timer_fini(&self->to_redis.wake);
    bridge_free(self->to_amqp.bridge);
    bridge_free(self->to_redis.bridge);
    mirror_free(self->mirror);
    spooling_release_store(unit->wiring->spooling, self->store);
    while (self->hub_count > 0) {
        wiring_leave_hub(unit->wiring, self->hubs[--self->hub_count]);
    }
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
    .get_status = mirror_unit_get_status,
    .free = mirror_unit_free,
};

/* The ends of one way, as its bridge gets them; those of Redis are then wrapped. */
struct mirror_ends {
    struct source *source;
    struct sink *sink;
    struct sink *dead_sink;
};

static void mirror_ends_free(struct mirror_ends *ends)
{
    endpoint_free_source(ends->source);
    endpoint_free_sink(ends->sink);
    endpoint_free_sink(ends->dead_sink);
}

static struct wired_hub *mirror_use_hub(struct mirror_unit *self,
                                        const struct conf_connection *connection)
{
    return self->hubs[self->hub_count++] =
               wiring_use_hub(wiring_find_hub(self->unit.wiring, connection->name));
}

/* -1: out of memory, with what was made in `ends`. */
static int mirror_ends_make(struct mirror_unit *self, const struct conf_bridge *conf,
                            struct mirror_ends *ends)
{
    *ends = (struct mirror_ends){
        .source = wired_hub_new_source(mirror_use_hub(self, conf->source.connection),
                                       self->unit.name, conf),
        .sink = wired_hub_new_sink(mirror_use_hub(self, conf->sink.connection), self->unit.name,
                                   conf, &conf->sink),
    };
    if (conf->has_dead_letter) {
        ends->dead_sink = wired_hub_new_sink(mirror_use_hub(self, conf->dead_letter.connection),
                                             self->unit.name, conf, &conf->dead_letter);
    }
    return ends->source == NULL || ends->sink == NULL ||
                   (conf->has_dead_letter && ends->dead_sink == NULL)
               ? -1
               : 0;
}

/* Puts the mirror around the Redis ends of both ways. */
static int mirror_unit_wrap(struct mirror_unit *self, struct mirror_ends *out,
                            struct mirror_ends *back, struct err *err)
{
    struct mirror_setup setup = {
        .name = self->back.name,
        .pattern = self->back.mirror.pattern,
        .source = out->source,
        .sink = back->sink,
        .ping = redis_source_ping,
    };

    if (rand_secret(setup.key, sizeof(setup.key)) != 0) {
        return err_set(err, "the kernel gives no random numbers");
    }
    self->mirror = mirror_new(&setup);
    if (self->mirror == NULL) {
        return err_set(err, "out of memory");
    }
    self->redis_source = out->source;
    out->source = mirror_source(self->mirror);
    back->sink = mirror_sink(self->mirror);
    return 0;
}

/* Makes one of the two bridges, which then owns the ends; -1: out of memory. */
static int mirror_way_make(struct mirror_way *way, const struct conf_bridge *conf,
                           struct mirror_ends *ends, struct store *store,
                           bool (*screen)(void *, const struct delivery *), void *screen_ctx)
{
    struct wiring *wiring = way->unit->unit.wiring;
    struct bridge_setup setup = {
        .name = conf->name,
        .instance = wiring->board.instance,
        .source = ends->source,
        .sink = ends->sink,
        .mapping = &conf->sink.mapping,
        .dead_sink = ends->dead_sink,
        .dead_mapping = ends->dead_sink ? &conf->dead_letter.mapping : NULL,
        .store = store,
        .screen = screen,
        .screen_ctx = screen_ctx,
        .options = &conf->options,
        .host = &mirror_way_host,
        .host_ctx = way,
        .rand = &wiring->rand,
        .budget = &wiring->budget,
    };

    if (loop_timer_init(&way->wake, wiring->loop, mirror_way_on_wake, way) == 0) {
        way->bridge = bridge_new(&setup);
    }
    if (way->bridge == NULL) {
        return -1;
    }
    *ends = (struct mirror_ends){NULL, NULL, NULL};
    unit_show_bridge(&way->unit->unit, way->bridge);
    return 0;
}

static int mirror_unit_fill(struct mirror_unit *self, struct err *err)
{
    const struct conf_bridge *conf = self->unit.conf;
    struct mirror_ends out = {NULL, NULL, NULL};
    struct mirror_ends back = {NULL, NULL, NULL};
    int result = -1;

    err_set(err, "out of memory");
    if (mirror_ends_make(self, conf, &out) == 0 &&
        mirror_ends_make(self, &self->back, &back) == 0 &&
        mirror_unit_wrap(self, &out, &back, err) == 0) {
        log_info("bridge", conf->name, "made", log_text("from", "redis"), log_text("to", "amqp"),
                 log_text("guarantee",
                          bridge_guarantee(out.source->can, out.sink->can, conf->options.ack_mode)),
                 log_text("back", bridge_guarantee(back.source->can, back.sink->can,
                                                   self->back.options.ack_mode)));
        result =
            mirror_way_make(&self->to_amqp, conf, &out, self->store, mirror_passes, self->mirror);
    }
    if (result == 0) {
        result = mirror_way_make(&self->to_redis, &self->back, &back, NULL, origin_passes,
                                 &self->origin);
    }
    mirror_ends_free(&out);
    mirror_ends_free(&back);
    return result;
}

struct unit *mirror_unit_new(const struct unit_setup *setup, struct err *err)
{
    struct mirror_unit *self = calloc(1, sizeof(*self));
    const struct conf_bridge *conf = setup->conf;
    int result;

    if (self == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    result = unit_init(&self->unit, &mirror_unit_ops, setup, err);
    self->to_amqp.unit = self;
    self->to_redis.unit = self;
    self->back = *conf;
    self->back.source = conf->mirror.source;
    self->back.sink = conf->mirror.sink;
    self->back.options = conf->mirror.options;
    self->origin = (struct origin){
        .instance = setup->wiring->board.instance,
        .bridge = conf->name,
        .hops = conf->mirror.max_hops,
    };
    self->latency = calloc(1, sizeof(*self->latency));
    if (self->latency == NULL) {
        err_set(err, "out of memory");
    } else if (result == 0 &&
               spooling_open_store(setup->wiring->spooling, conf, &self->store, err) == 0 &&
               mirror_unit_fill(self, err) == 0) {
        return &self->unit;
    }
    mirror_unit_free(&self->unit);
    return NULL;
}
