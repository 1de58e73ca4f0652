/* Bridges. For: names, and what both ends and the options must agree on. Not for: one end alone
 * (conf/endpoint.c), running them (core/bridge.c). */
#include "conf/bridge.h"

#include "conf/connection.h"
#include "conf/keys.h"
#include "conf/mirror.h"
#include "conf/rpc.h"
#include "core/glob.h"

unsigned conf_bridge_variant_of_node(struct conf_loader *loader, const struct json_node *node)
{
    const struct json_node *to = json_member(node, "to");
    bool is_redis = json_member(to, "channel") != NULL;
    bool is_amqp = json_member(to, "exchange") != NULL || json_member(to, "queue") != NULL;

    (void)loader;
    if (json_member(node, "mirror") != NULL) {
        return CONF_BRIDGE_BOTH_WAYS;
    }
    if (json_member(node, "rpc") != NULL) {
        return CONF_BRIDGE_OF_CALLS;
    }
    if (is_redis == is_amqp) {
        return 0;
    }
    return is_redis ? CONF_BRIDGE_TO_REDIS : CONF_BRIDGE_TO_AMQP;
}

unsigned conf_bridge_variant_of_struct(const void *base)
{
    const struct conf_bridge *bridge = base;

    if (bridge->kind == CONF_BRIDGE_MIRROR) {
        return CONF_BRIDGE_BOTH_WAYS;
    }
    if (bridge->kind == CONF_BRIDGE_RPC) {
        return CONF_BRIDGE_OF_CALLS;
    }
    return bridge->sink.kind == CONF_SINK_CHANNEL ? CONF_BRIDGE_TO_REDIS : CONF_BRIDGE_TO_AMQP;
}

void conf_bridge_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    const struct json_node *format = json_member(node, "format");
    struct conf_bridge *bridge = base;

    bridge->place = conf_place_of(loader, node);
    loader->envelope = format != NULL && json_is(format, JSON_STRING) &&
                       slice_equal_text(json_string(format), "envelope");
    /* Until the source says what it has, any name in a template may be right. */
    loader->scope.scope = TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN | TEMPLATE_SCOPE_AMQP;
    loader->scope.captures = GLOB_CAPTURES_MAX;
}

/* Whether "disk" and "durability" have something to stand on. */
static void conf_bridge_check_disk(struct conf_loader *loader, const struct json_node *node,
                                   const struct conf_bridge *bridge, bool from_amqp)
{
    const struct json_node *buffer = json_member(node, "buffer");
    bool has_disk = bridge->options.buffer_disk > 0;

    if (has_disk && from_amqp) {
        conf_problem(loader, json_member(buffer, "disk"),
                     "\"disk\" is for Redis sources; an AMQP queue keeps its messages itself until "
                     "they are settled");
    } else if (has_disk && !loader->config->has_spool) {
        conf_problem(loader, json_member(buffer, "disk"),
                     "there is no spool; give the main file a \"spool\" with a \"directory\"");
    } else if (!has_disk && bridge->options.durability == DURABILITY_DISK) {
        conf_problem(loader, json_member(buffer, "durability"),
                     "\"disk\" as durability needs room in the spool; give \"disk\" a size");
    }
}

static void conf_bridge_check_nobody(struct conf_loader *loader, const struct json_node *node,
                                     const struct conf_bridge *bridge, bool from_amqp)
{
    if (!from_amqp && bridge->options.on_no_subscribers == NOBODY_REQUEUE) {
        conf_problem(loader, json_member(node, "on_no_subscribers"),
                     "a Redis source has no queue to go back to; use \"ack\", \"hold\" or "
                     "\"reject\"");
    } else if (bridge->options.on_no_subscribers != NOBODY_ACK &&
               bridge->options.ack_mode != ACK_ON_CONFIRM) {
        conf_problem(loader, json_member(node, "on_no_subscribers"),
                     "only \"ack_mode\" \"on-confirm\" waits to hear that nobody is subscribed; "
                     "leave one of the two out");
    }
}

/* What is returned has counted as delivered already where nobody waits for confirms. */
static void conf_bridge_check_unroutable(struct conf_loader *loader, const struct json_node *node,
                                         const struct conf_bridge *bridge)
{
    if (bridge->options.on_unroutable == UNROUTABLE_RETRY &&
        bridge->options.ack_mode != ACK_ON_CONFIRM) {
        conf_problem(loader, json_member(node, "on_unroutable"),
                     "only \"ack_mode\" \"on-confirm\" waits to hear that a message is "
                     "unroutable; leave one of the two out");
    }
}

/* Says who reads and who writes the envelopes. */
static void conf_bridge_set_envelope(struct conf_loader *loader, const struct json_node *node,
                                     struct conf_bridge *bridge, bool from_amqp)
{
    struct mapping *mapping = &bridge->sink.mapping;

    if (!bridge->envelope || bridge->source.connection == NULL || bridge->sink.connection == NULL) {
        return;
    }
    if (from_amqp == mapping->to_amqp) {
        conf_problem(loader, json_member(node, "format"),
                     "an envelope is how the Redis side of a bridge between Redis and AMQP carries "
                     "properties; between two servers of one kind, bodies cross as they are: use "
                     "\"raw\"");
        return;
    }
    mapping->reads_envelope = !from_amqp;
    mapping->writes_envelope = from_amqp;
}

static void conf_bridge_check_ends(struct conf_loader *loader, const struct json_node *node,
                                   const struct conf_bridge *bridge)
{
    const struct conf_connection *connection = bridge->source.connection;

    if (connection != NULL && connection == bridge->sink.connection) {
        conf_problem(loader, json_member(node, "to"),
                     "both ends are on connection \"%s\"; within one protocol they must be on "
                     "different connections",
                     connection->name);
    }
}

/* A transaction is settled by its commit-ok, which only one of the modes waits for. */
static void conf_bridge_check_transactions(struct conf_loader *loader, const struct json_node *node,
                                           const struct conf_bridge *bridge)
{
    const struct {
        const char *name;
        const struct conf_sink *sink;
    } ends[] = {{"to", &bridge->sink}, {"dead_letter", &bridge->dead_letter}};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends[i].sink->transactional && bridge->options.ack_mode != ACK_ON_CONFIRM) {
            conf_problem(loader, json_member(json_member(node, ends[i].name), "transactional"),
                         "a transaction counts once the broker has committed it, which only "
                         "\"ack_mode\" \"on-confirm\" waits for; leave one of the two out");
        }
    }
}

void conf_bridge_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;
    const struct conf_source *source = &bridge->source;
    const struct json_node *when_full = json_member(json_member(node, "buffer"), "when_full");
    bool from_amqp = source->kind == CONF_SOURCE_QUEUE || source->kind == CONF_SOURCE_EXCHANGE;

    if (bridge->name != NULL) {
        conf_name_take(loader, &loader->bridges, bridge->name,
                       (size_t)(bridge - loader->config->bridges), json_member(node, "name"));
    }
    if (when_full == NULL) {
        bridge->options.when_full = from_amqp ? FULL_PAUSE : FULL_DROP_NEWEST;
    }
    bridge->dead_letter.is_dead_letter = true;
    bridge->dead_letter.mapping.annotate =
        bridge->sink.kind == CONF_SINK_CHANNEL || bridge->sink.mapping.annotate;
    if (bridge->kind == CONF_BRIDGE_RPC) {
        conf_rpc_check_bridge(loader, node, bridge);
    } else if (bridge->kind == CONF_BRIDGE_MIRROR) {
        conf_bridge_check_disk(loader, node, bridge, from_amqp);
        conf_mirror_complete(loader, bridge);
    } else {
        conf_bridge_set_envelope(loader, node, bridge, from_amqp);
        conf_bridge_check_disk(loader, node, bridge, from_amqp);
        conf_bridge_check_nobody(loader, node, bridge, from_amqp);
        conf_bridge_check_unroutable(loader, node, bridge);
        conf_bridge_check_ends(loader, node, bridge);
        conf_bridge_check_transactions(loader, node, bridge);
    }
}

void conf_retry_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;

    conf_put_in_order(loader, node, &bridge->options.retry_min_us, &bridge->options.retry_max_us);
}
