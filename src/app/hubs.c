/* One configured connection as it runs. For: making its hub, and endpoints on it, whatever the
 * protocol. Not for: when it is started or closed (wiring.c). */
#include "app/hubs.h"

#include <stdlib.h>

#include "base/log.h"
#include "conf/compare.h"
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
    hub->topology_config = config_ref(config);
    hub->topology_conf = conf;
    hub->shown =
        (struct board_connection){.name = conf->name, .redis = hub->redis, .rmq = hub->rmq};
    return hub;
}

void wired_hub_free(struct wired_hub *hub)
{
    if (hub != NULL) {
        redis_hub_free(hub->redis);
        rmq_hub_free(hub->rmq);
        config_free(hub->topology_config);
        config_free(hub->config);
        free(hub);
    }
}

int wired_hub_change_topology(struct wired_hub *hub, struct config *config,
                              const struct conf_connection *conf)
{
    const struct conf_topology *old = hub_topology(hub->topology_config, hub->topology_conf);
    const struct conf_topology *new = hub_topology(config, conf);

    if (hub->rmq == NULL || conf_topology_is_equal(old, new)) {
        return 0;
    }
    log_info("connection", hub->shown.name, "topology changed, declaring it");
    if (rmq_hub_change_topology(hub->rmq, new) != 0) {
        return -1;
    }
    config_ref(config);
    config_free(hub->topology_config);
    hub->topology_config = config;
    hub->topology_conf = conf;
    return 0;
}

void wired_hub_start(struct wired_hub *hub)
{
    if (hub->redis != NULL) {
        redis_hub_start(hub->redis);
    } else {
        rmq_hub_start(hub->rmq);
    }
}

static bool hub_is_dedicated(const struct conf_bridge *bridge)
{
    return bridge->options.when_full == FULL_PAUSE;
}

static bool hub_needs_properties(const struct conf_bridge *bridge)
{
    return bridge->has_dead_letter || bridge->kind != CONF_BRIDGE_PLAIN ||
           mapping_needs_properties(&bridge->sink.mapping) ||
           (bridge->filter.condition != NULL && filter_needs_properties(bridge->filter.condition));
}

struct source *wired_hub_new_source(struct wired_hub *hub, const char *name,
                                    const struct conf_bridge *bridge)
{
    if (hub->redis != NULL) {
        return redis_source_new(hub->redis, &bridge->source, name, hub_is_dedicated(bridge));
    }
    return rmq_source_new(hub->rmq, &bridge->source, &bridge->options, hub_needs_properties(bridge),
                          name);
}

struct sink *wired_hub_new_sink(struct wired_hub *hub, const char *name,
                                const struct conf_bridge *bridge, const struct conf_sink *conf)
{
    if (hub->redis != NULL) {
        return redis_sink_new(hub->redis, conf, &bridge->options);
    }
    return rmq_sink_new(hub->rmq, conf, &bridge->options, name);
}

/* The prefetch that a source asks for: never more than the bridge has room for. */
static uint64_t hub_prefetch(const struct conf_bridge *bridge)
{
    return bridge->source.prefetch < bridge->options.buffer_messages
               ? bridge->source.prefetch
               : bridge->options.buffer_messages;
}

bool wired_hub_keeps_source(const struct conf_bridge *old, const struct conf_bridge *new)
{
    if (!conf_source_is_equal(&old->source, &new->source)) {
        return false;
    }
    if (new->source.connection->protocol == CONF_REDIS) {
        return hub_is_dedicated(old) == hub_is_dedicated(new);
    }
    return (old->options.ack_mode == ACK_NO_ACK) == (new->options.ack_mode == ACK_NO_ACK) &&
           hub_prefetch(old) == hub_prefetch(new) &&
           hub_needs_properties(old) == hub_needs_properties(new);
}

enum succession wired_hub_succession(const struct conf_bridge *old)
{
    bool has_order = old->kind != CONF_BRIDGE_RPC;

    /* A queue keeps what nobody consumes, and two consumers would break its order. */
    return old->source.kind == CONF_SOURCE_QUEUE && (has_order || old->source.exclusive)
               ? SUCCEED_AFTER
               : SUCCEED_WHEN_READY;
}
