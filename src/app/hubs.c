/* One configured connection as it runs. For: making its hub, and endpoints on it, whatever the
 * protocol. Not for: when it is started or closed (wiring.c). */
#include "app/hubs.h"

#include <stdlib.h>

#include "core/filter.h"

static const struct conf_topology *hub_topology(const struct config *config,
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

struct wired_hub *wired_hub_new(const struct hub_setup *setup, struct config *config,
                                const struct conf_connection *conf, struct err *err)
{
    struct wired_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (conf->protocol == CONF_REDIS) {
        hub->redis = redis_hub_new(setup->loop, conf, setup->instance, setup->rand, err);
    } else {
        hub->rmq = rmq_hub_new(setup->loop, conf, hub_topology(config, conf), setup->instance,
                               setup->rand, err);
    }
    if (hub->redis == NULL && hub->rmq == NULL) {
        free(hub);
        return NULL;
    }
    hub->config = config_ref(config);
    hub->conf = conf;
    hub->shown =
        (struct board_connection){.name = conf->name, .redis = hub->redis, .rmq = hub->rmq};
    return hub;
}

void wired_hub_free(struct wired_hub *hub)
{
    if (hub != NULL) {
        redis_hub_free(hub->redis);
        rmq_hub_free(hub->rmq);
        config_free(hub->config);
        free(hub);
    }
}

void wired_hub_start(struct wired_hub *hub)
{
    if (hub->redis != NULL) {
        redis_hub_start(hub->redis);
    } else {
        rmq_hub_start(hub->rmq);
    }
}

struct source *wired_hub_new_source(struct wired_hub *hub, const struct conf_bridge *bridge)
{
    bool dedicated = bridge->options.when_full == FULL_PAUSE;

    if (hub->redis != NULL) {
        return redis_source_new(hub->redis, &bridge->source, bridge->name, dedicated);
    }
    return rmq_source_new(
        hub->rmq, &bridge->source, &bridge->options,
        bridge->has_dead_letter || bridge->kind != CONF_BRIDGE_PLAIN ||
            mapping_needs_properties(&bridge->sink.mapping) ||
            (bridge->filter.condition != NULL && filter_needs_properties(bridge->filter.condition)),
        bridge->name);
}

struct sink *wired_hub_new_sink(struct wired_hub *hub, const struct conf_bridge *bridge,
                                const struct conf_sink *conf)
{
    if (hub->redis != NULL) {
        return redis_sink_new(hub->redis, conf, &bridge->options);
    }
    return rmq_sink_new(hub->rmq, conf, &bridge->options, bridge->name);
}
