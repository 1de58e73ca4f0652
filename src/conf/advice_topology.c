/* What is declared beside what is used. For: entries that nobody uses, and routing keys that go
 * nowhere. Not for: declaring (amqp/), or circles (conf/circle.c). */
#include "conf/advice_topology.h"

#include <stdlib.h>
#include <string.h>

#include "conf/feed.h"

/* A name that somebody uses. */
struct conf_use {
    struct slice name;
    UT_hash_handle hh;
};

/* What is used on the connection of one topology. */
struct conf_uses {
    const struct conf_topology *topology;
    struct config_memory *memory; /* of the uses */
    struct conf_use *exchanges;
    struct conf_use *queues;
    bool any_exchange; /* some sink's exchange depends on the message */
    bool any_queue;    /* likewise */
    bool failed;       /* out of memory */
};

static void conf_use_add(struct conf_uses *uses, struct conf_use **table, struct slice name)
{
    struct conf_use *use = NULL;

    if (name.len == 0) {
        return;
    }
    HASH_FIND(hh, *table, name.data, name.len, use);
    if (use != NULL) {
        return;
    }
    use = conf_memory_take(uses->memory, sizeof(*use));
    if (use == NULL) {
        uses->failed = true;
        return;
    }
    use->name = name;
    HASH_ADD_KEYPTR(hh, *table, use->name.data, use->name.len, use);
    uses->failed |= use->hh.tbl == NULL;
}

static void conf_use_text(struct conf_uses *uses, struct conf_use **table, const char *name)
{
    if (name != NULL) {
        conf_use_add(uses, table, slice_of(name));
    }
}

static bool conf_is_used(const struct conf_use *table, const char *name)
{
    const struct conf_use *use = NULL;

    HASH_FIND(hh, table, name, strlen(name), use);
    return use != NULL;
}

static void conf_use_sink(struct conf_uses *uses, const struct conf_sink *sink)
{
    const struct mapping *mapping = &sink->mapping;
    struct slice exchange = SLICE("");
    struct slice key = SLICE("");

    if (sink->connection == NULL ||
        !conf_same_server(sink->connection, uses->topology->connection)) {
        return;
    }
    if (mapping->exchange != NULL && !template_is_constant(mapping->exchange, &exchange)) {
        uses->any_exchange = true;
        uses->any_queue = true; /* it may be the default exchange */
    } else if (exchange.len > 0) {
        conf_use_add(uses, &uses->exchanges, exchange);
    } else if (mapping->routing_key != NULL && !template_is_constant(mapping->routing_key, &key)) {
        uses->any_queue = true;
    } else {
        conf_use_add(uses, &uses->queues, key);
    }
}

static void conf_use_source(struct conf_uses *uses, const struct conf_source *source)
{
    if (source->connection != NULL &&
        conf_same_server(source->connection, uses->topology->connection)) {
        conf_use_text(uses, &uses->exchanges, source->exchange);
        conf_use_text(uses, &uses->queues, source->queue);
    }
}

/* A bridge that is not enabled uses what it will use when it is. */
static void conf_use_bridge(struct conf_uses *uses, const struct conf_bridge *bridge)
{
    struct conf_way ways[CONF_WAYS_MOST];
    size_t count = conf_ways_of(bridge, ways);
    size_t i;

    for (i = 0; i < count; i++) {
        conf_use_source(uses, ways[i].source);
        conf_use_sink(uses, ways[i].sink);
    }
    if (bridge->has_dead_letter) {
        conf_use_sink(uses, &bridge->dead_letter);
    }
}

/* The exchanges that an argument names, and the queue behind the default one. */
static void conf_use_arguments(struct conf_uses *uses, const struct field_table *arguments)
{
    static const char *const names[] = {"alternate-exchange", "x-dead-letter-exchange"};
    const struct field *key = field_table_find(arguments, SLICE("x-dead-letter-routing-key"));
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct field *field = field_table_find(arguments, slice_of(names[i]));

        if (field != NULL && field->type == FIELD_STRING) {
            conf_use_add(uses, &uses->exchanges, field->value.bytes);
        }
    }
    if (key != NULL && key->type == FIELD_STRING) {
        conf_use_add(uses, &uses->queues, key->value.bytes);
    }
}

static void conf_use_topology(struct conf_uses *uses)
{
    const struct conf_topology *topology = uses->topology;
    size_t i;

    for (i = 0; i < topology->binding_count; i++) {
        const struct conf_binding *binding = &topology->bindings[i];

        conf_use_text(uses, &uses->exchanges, binding->source);
        conf_use_text(uses, binding->to_exchange ? &uses->exchanges : &uses->queues,
                      binding->destination);
    }
    for (i = 0; i < topology->exchange_count; i++) {
        conf_use_arguments(uses, &topology->exchanges[i].arguments);
    }
    for (i = 0; i < topology->queue_count; i++) {
        conf_use_arguments(uses, &topology->queues[i].arguments);
    }
}

static void conf_advise_unused(struct conf_loader *loader, const struct conf_uses *uses)
{
    const struct conf_topology *topology = uses->topology;
    size_t i;

    for (i = 0; !uses->any_exchange && i < topology->exchange_count; i++) {
        const struct conf_exchange *exchange = &topology->exchanges[i];

        if (!exchange->imported && !conf_is_used(uses->exchanges, exchange->name)) {
            conf_warning(loader, &exchange->place,
                         "no bridge and no binding uses the exchange \"%s\"; take it out, or "
                         "correct its name",
                         exchange->name);
        }
    }
    for (i = 0; !uses->any_queue && i < topology->queue_count; i++) {
        const struct conf_queue *queue = &topology->queues[i];

        if (!queue->imported && !conf_is_used(uses->queues, queue->name)) {
            conf_warning(loader, &queue->place,
                         "no bridge and no binding uses the queue \"%s\"; bind it, take it out, "
                         "or correct its name",
                         queue->name);
        }
    }
}

static void conf_advise_one(struct conf_loader *loader, const struct conf_topology *topology)
{
    const struct config *config = loader->config;
    struct conf_uses uses = {.topology = topology, .memory = loader->memory};
    size_t i;

    for (i = 0; i < config->bridge_count; i++) {
        conf_use_bridge(&uses, &config->bridges[i]);
    }
    conf_use_sink(&uses, &config->stats.report.sink);
    conf_use_sink(&uses, &config->events.sink);
    conf_use_topology(&uses);
    if (!uses.failed) {
        conf_advise_unused(loader, &uses);
    }
    loader->out_of_memory |= uses.failed;
    HASH_CLEAR(hh, uses.exchanges);
    HASH_CLEAR(hh, uses.queues);
}

/* The exchange as it is declared; NULL: it is not, or only looked for. */
static const struct conf_exchange *conf_declared(const struct conf_topology *topology,
                                                 struct slice name)
{
    size_t i;

    for (i = 0; topology != NULL && i < topology->exchange_count; i++) {
        const struct conf_exchange *exchange = &topology->exchanges[i];

        if (slice_equal_text(name, exchange->name)) {
            return exchange->passive ? NULL : exchange;
        }
    }
    return NULL;
}

/* Whether some bridge binds a queue of its own to the exchange. */
static bool conf_is_bound_by_bridge(const struct config *config, struct slice exchange)
{
    struct conf_way ways[CONF_WAYS_MOST];
    size_t i;
    size_t j;

    for (i = 0; i < config->bridge_count; i++) {
        size_t count = conf_ways_of(&config->bridges[i], ways);

        for (j = 0; j < count; j++) {
            if (ways[j].source->exchange != NULL &&
                slice_equal_text(exchange, ways[j].source->exchange)) {
                return true;
            }
        }
    }
    return false;
}

/* A routing key that goes nowhere, as far as the bindings of the exchange that are known tell. */
static void conf_advise_key(struct conf_loader *loader, const struct conf_bridge *bridge,
                            const struct conf_sink *sink)
{
    const struct conf_topology *topology = conf_topology_of(loader->config, sink->connection);
    const struct conf_exchange *declared;
    struct slice exchange;
    struct slice key;
    size_t bindings = 0;
    size_t i;

    if (topology == NULL || !conf_sink_route(sink, &exchange, &key)) {
        return;
    }
    declared = conf_declared(topology, exchange);
    if (declared == NULL ||
        (strcmp(declared->type, "direct") != 0 && strcmp(declared->type, "topic") != 0) ||
        field_table_find(&declared->arguments, SLICE("alternate-exchange")) != NULL) {
        return;
    }
    for (i = 0; i < topology->binding_count; i++) {
        const struct conf_binding *binding = &topology->bindings[i];

        if (slice_equal_text(exchange, binding->source)) {
            bindings++;
            if (conf_binding_passes(declared->type, binding->routing_key, key)) {
                return;
            }
        }
    }
    if (bindings > 0 && !conf_is_bound_by_bridge(loader->config, exchange)) {
        conf_warning(loader, &bridge->place,
                     "none of the bindings of the exchange \"%s\" matches the routing key "
                     "\"%.*s\": its messages go nowhere; correct it, or bind a queue with it",
                     declared->name, (int)key.len, key.data != NULL ? key.data : "");
    }
}

void conf_advise_topology(struct conf_loader *loader)
{
    const struct config *config = loader->config;
    struct conf_way ways[CONF_WAYS_MOST];
    size_t i;
    size_t j;

    for (i = 0; i < config->topology_count; i++) {
        conf_advise_one(loader, &config->topologies[i]);
    }
    for (i = 0; i < config->bridge_count; i++) {
        const struct conf_bridge *bridge = &config->bridges[i];
        size_t count = bridge->enabled ? conf_ways_of(bridge, ways) : 0;

        for (j = 0; j < count; j++) {
            conf_advise_key(loader, bridge, ways[j].sink);
        }
        if (bridge->enabled && bridge->has_dead_letter) {
            conf_advise_key(loader, bridge, &bridge->dead_letter);
        }
    }
}
