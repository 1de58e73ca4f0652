/* Bridges with "rpc". For: what the ends of calls must be, and the options that such a bridge has
 * without being asked. Not for: one end alone (conf/endpoint.c), calls as they run (core/rpc.c). */
#include "conf/rpc.h"

#include "base/clock.h"
#include "conf/keys.h"

#define RPC_RETRY_MIN_US (100 * CLOCK_US_PER_MS)
#define RPC_RETRY_MAX_US (10 * CLOCK_US_PER_S)

void conf_rpc_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;

    (void)node;
    loader->envelope = true; /* a request from Redis */
    bridge->kind = CONF_BRIDGE_RPC;
    bridge->options.ack_mode = ACK_ON_CONFIRM;
    bridge->options.retry_min_us = RPC_RETRY_MIN_US;
    bridge->options.retry_max_us = RPC_RETRY_MAX_US;
    bridge->options.on_unroutable = UNROUTABLE_DEAD_LETTER;
    bridge->options.min_subscribers = 1;
}

/* The broker keeps what is over the limit, instead of having it refused one by one. */
static void conf_rpc_set_prefetch(const struct json_node *from, struct conf_bridge *bridge)
{
    struct conf_source *source = &bridge->source;

    if (json_member(from, "prefetch") == NULL || source->prefetch > bridge->rpc_max_calls) {
        source->prefetch = bridge->rpc_max_calls;
    }
}

/* The bridge puts its own in their place, to find the answers. */
static void conf_rpc_check_properties(struct conf_loader *loader, const struct json_node *to)
{
    static const char *const taken[] = {"correlation_id", "reply_to"};
    const struct json_node *properties = json_member(to, "properties");

    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        const struct json_node *member = json_member(properties, taken[i]);

        if (member != NULL) {
            conf_problem_key(loader, member,
                             "\"%s\" is the gateway's own in requests, to find their answers; "
                             "leave it out",
                             taken[i]);
        }
    }
}

void conf_rpc_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;
    const struct conf_connection *from = bridge->source.connection;
    const struct conf_connection *to = bridge->sink.connection;

    bridge->sink.mapping.reads_envelope = from != NULL && from->protocol == CONF_REDIS;
    conf_rpc_set_prefetch(json_member(node, "from"), bridge);
    conf_rpc_check_properties(loader, json_member(node, "to"));
    if (from != NULL && to != NULL && from->protocol == to->protocol) {
        conf_problem(loader, json_member(node, "to"),
                     "both ends speak %s; calls go from AMQP to Redis, or from Redis to AMQP",
                     from->protocol == CONF_REDIS ? "Redis" : "AMQP");
    }
}

/* Nobody waits any more for the answer to a request that was kept. */
void conf_rpc_check_bridge(struct conf_loader *loader, const struct json_node *node,
                           const struct conf_bridge *bridge)
{
    const struct json_node *buffer = json_member(node, "buffer");

    if (bridge->options.buffer_disk > 0) {
        conf_problem(loader, json_member(buffer, "disk"),
                     "calls do not outlive the process, so their requests are not for the disk; "
                     "leave it out");
    }
    if (bridge->options.durability == DURABILITY_DISK) {
        conf_problem(loader, json_member(buffer, "durability"),
                     "calls do not outlive the process: \"memory\" is right");
    }
}
