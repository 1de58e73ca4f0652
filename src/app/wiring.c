/* From the configuration to running objects. For: making, starting, stopping and freeing them in
 * the right order. Not for: when that happens (app.c) or what they report (ops/). */
#include "app/wiring.h"

#include <stdlib.h>

#include "app/spooling.h"
#include "base/log.h"

static const struct conf_topology *wiring_topology(const struct config *config,
                                                   const struct conf_connection *conf)
{
    size_t i;

    for (i = 0; i < config->topology_count; i++) {
        if (config->topologies[i].connection == conf) {
            return &config->topologies[i];
        }
    }
    return NULL;
}

static int wiring_add_connection(struct wiring *wiring, const struct conf_connection *conf,
                                 struct err *err)
{
    struct wired_connection *connection = &wiring->connections[wiring->connection_count++];
    const char *instance = wiring->config->instance;

    connection->conf = conf;
    if (conf->protocol == CONF_REDIS) {
        connection->redis = redis_hub_new(wiring->loop, conf, instance, &wiring->rand, err);
    } else {
        connection->rmq = rmq_hub_new(wiring->loop, conf, wiring_topology(wiring->config, conf),
                                      instance, &wiring->rand, err);
    }
    return connection->redis != NULL || connection->rmq != NULL ? 0 : -1;
}

struct wired_connection *wiring_find(struct wiring *wiring, const struct conf_connection *conf)
{
    return &wiring->connections[conf - wiring->config->connections];
}

static void wired_on_wake(void *ctx)
{
    struct wired_bridge *wired = ctx;

    bridge_wake(wired->bridge);
}

static void wired_wake_in(void *ctx, uint64_t delay_us)
{
    struct wired_bridge *wired = ctx;

    loop_timer_set(&wired->wake, delay_us);
}

static uint64_t wired_now_us(void *ctx)
{
    const struct wired_bridge *wired = ctx;

    return loop_now_us(wired->wiring->loop);
}

static void wired_on_state(void *ctx, struct bridge *bridge, enum bridge_state state,
                           const char *why)
{
    struct wired_bridge *wired = ctx;

    if (state == BRIDGE_RUNNING) {
        wired->had_chance = true;
    }
    if (why[0] != '\0') {
        log_info("bridge", bridge_name(bridge), bridge_state_name(state), log_text("why", why));
    } else {
        log_info("bridge", bridge_name(bridge), bridge_state_name(state));
    }
    wired->wiring->events->on_change(wired->wiring->ctx);
}

static void wired_on_stopped(void *ctx, struct bridge *bridge)
{
    struct wired_bridge *wired = ctx;
    struct wiring *wiring = wired->wiring;
    const struct bridge_counters *counters = bridge_get_counters(bridge);

    log_info("bridge", bridge_name(bridge), "books closed",
             log_number("received", counters->received),
             log_number("delivered", counters->delivered),
             log_number("filtered", counters->filtered), log_number("dropped", counters->dropped),
             log_number("dead_lettered", counters->dead_lettered),
             log_number("returned", counters->returned), log_number("spooled", counters->spooled));
    wired->stopped = true;
    loop_timer_cancel(&wired->wake);
    if (--wiring->running == 0) {
        loop_defer(wiring->loop, &wiring->told);
    }
}

static const struct bridge_host wired_host = {
    .wake_in = wired_wake_in,
    .now_us = wired_now_us,
    .on_state = wired_on_state,
    .on_stopped = wired_on_stopped,
};

static struct source *wiring_make_source(struct wiring *wiring, const struct conf_bridge *conf)
{
    struct wired_connection *connection = wiring_find(wiring, conf->source.connection);
    bool dedicated = conf->options.when_full == FULL_PAUSE;

    if (connection->redis != NULL) {
        return redis_source_new(connection->redis, &conf->source, conf->name, dedicated);
    }
    return rmq_source_new(connection->rmq, &conf->source, &conf->options,
                          conf->has_dead_letter || mapping_needs_properties(&conf->sink.mapping),
                          conf->name);
}

static struct sink *wiring_make_sink(struct wiring *wiring, const struct conf_bridge *conf,
                                     const struct conf_sink *sink)
{
    struct wired_connection *connection = wiring_find(wiring, sink->connection);

    if (connection->redis != NULL) {
        return redis_sink_new(connection->redis, sink, &conf->options);
    }
    return rmq_sink_new(connection->rmq, sink, &conf->options, conf->name);
}

static const char *wiring_protocol_name(const struct conf_connection *conf)
{
    return conf->protocol == CONF_REDIS ? "redis" : "amqp";
}

static void wiring_free_ends(struct bridge_setup *setup)
{
    if (setup->source != NULL) {
        setup->source->ops->free(setup->source);
    }
    if (setup->sink != NULL) {
        setup->sink->ops->free(setup->sink);
    }
    if (setup->dead_sink != NULL) {
        setup->dead_sink->ops->free(setup->dead_sink);
    }
}

/* Makes the ends of a bridge; -1: out of memory, with what was made in `setup`. */
static int wiring_make_ends(struct wiring *wiring, const struct conf_bridge *conf,
                            struct bridge_setup *setup)
{
    setup->source = wiring_make_source(wiring, conf);
    setup->sink = wiring_make_sink(wiring, conf, &conf->sink);
    if (setup->source == NULL || setup->sink == NULL) {
        return -1;
    }
    if (!conf->has_dead_letter) {
        return 0;
    }
    setup->dead_sink = wiring_make_sink(wiring, conf, &conf->dead_letter);
    setup->dead_mapping = &conf->dead_letter.mapping;
    return setup->dead_sink != NULL ? 0 : -1;
}

static int wiring_add_bridge(struct wiring *wiring, const struct conf_bridge *conf, struct err *err)
{
    struct wired_bridge *wired = &wiring->bridges[wiring->bridge_count];
    struct bridge_setup setup = {
        .name = conf->name,
        .instance = wiring->config->instance,
        .mapping = &conf->sink.mapping,
        .store = spooling_store(wiring->spooling, conf),
        .options = &conf->options,
        .host = &wired_host,
        .host_ctx = wired,
        .rand = &wiring->rand,
    };

    if (wiring_make_ends(wiring, conf, &setup) != 0) {
        wiring_free_ends(&setup);
        return err_set(err, "out of memory");
    }
    *wired = (struct wired_bridge){.wiring = wiring, .conf = conf, .source = setup.source};
    if (loop_timer_init(&wired->wake, wiring->loop, wired_on_wake, wired) == 0) {
        wired->bridge = bridge_new(&setup);
    }
    if (wired->bridge == NULL) {
        loop_timer_fini(&wired->wake);
        wiring_free_ends(&setup);
        return err_set(err, "out of memory");
    }
    log_info("bridge", conf->name, "made",
             log_text("from", wiring_protocol_name(conf->source.connection)),
             log_text("to", wiring_protocol_name(conf->sink.connection)),
             log_text("guarantee", bridge_guarantee(setup.source->can, setup.sink->can,
                                                    conf->options.ack_mode)));
    wiring->bridge_count++;
    return 0;
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
    const struct config *config = wiring->config;
    size_t i;

    wiring->connections = calloc(config->connection_count + 1, sizeof(*wiring->connections));
    wiring->bridges = calloc(config->bridge_count + 1, sizeof(*wiring->bridges));
    if (wiring->connections == NULL || wiring->bridges == NULL) {
        return err_set(err, "out of memory");
    }
    for (i = 0; i < config->connection_count; i++) {
        if (wiring_add_connection(wiring, &config->connections[i], err) != 0) {
            return -1;
        }
    }
    for (i = 0; i < config->bridge_count; i++) {
        if (config->bridges[i].enabled &&
            wiring_add_bridge(wiring, &config->bridges[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

struct wiring *wiring_new(struct loop *loop, const struct config *config, struct spooling *spooling,
                          const struct wiring_events *events, void *ctx, struct err *err)
{
    struct wiring *wiring = calloc(1, sizeof(*wiring));

    if (wiring == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    wiring->loop = loop;
    wiring->config = config;
    wiring->spooling = spooling;
    wiring->events = events;
    wiring->ctx = ctx;
    rand_init(&wiring->rand);
    loop_task_init(&wiring->told, wiring_on_told, wiring);
    if (wiring_fill(wiring, err) != 0) {
        wiring_free(wiring);
        return NULL;
    }
    return wiring;
}

void wiring_free(struct wiring *wiring)
{
    size_t i;

    if (wiring == NULL) {
        return;
    }
    loop_task_cancel(wiring->loop, &wiring->told);
    for (i = 0; i < wiring->bridge_count; i++) {
        loop_timer_fini(&wiring->bridges[i].wake);
        bridge_free(wiring->bridges[i].bridge);
    }
    for (i = 0; i < wiring->connection_count; i++) {
        redis_hub_free(wiring->connections[i].redis);
        rmq_hub_free(wiring->connections[i].rmq);
    }
    free(wiring->bridges);
    free(wiring->connections);
    free(wiring);
}

void wiring_start(struct wiring *wiring)
{
    size_t i;

    wiring->running = wiring->bridge_count;
    for (i = 0; i < wiring->bridge_count; i++) {
        bridge_start(wiring->bridges[i].bridge);
    }
    for (i = 0; i < wiring->connection_count; i++) {
        if (wiring->connections[i].redis != NULL) {
            redis_hub_start(wiring->connections[i].redis);
        } else {
            rmq_hub_start(wiring->connections[i].rmq);
        }
    }
}

void wiring_stop(struct wiring *wiring)
{
    size_t i;

    wiring->stopping = true;
    for (i = 0; i < wiring->bridge_count; i++) {
        bridge_stop(wiring->bridges[i].bridge);
    }
    if (wiring->running == 0) {
        loop_defer(wiring->loop, &wiring->told);
    }
}

void wiring_stop_now(struct wiring *wiring)
{
    size_t i;

    for (i = 0; i < wiring->bridge_count; i++) {
        if (!wiring->bridges[i].stopped) {
            bridge_stop_now(wiring->bridges[i].bridge);
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
    size_t i;

    wiring->closing = true;
    /* One more than the hubs, so that the last of them to answer at once ends nothing early. */
    wiring->open = 1;
    for (i = 0; i < wiring->connection_count; i++) {
        if (wiring->connections[i].rmq != NULL) {
            wiring->open++;
            rmq_hub_stop(wiring->connections[i].rmq, wiring_on_hub_closed, wiring);
        }
    }
    wiring_on_hub_closed(wiring);
}
