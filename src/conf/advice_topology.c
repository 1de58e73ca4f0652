/* What is declared beside what is used. For: entries that nobody uses, and routing keys that go
 * nowhere. Not for: declaring (amqp/), or circles (conf/circle.c). */
#include "conf/advice_topology.h"

#include <stdlib.h>
#include <string.h>

#include "conf/feed.h"
#include "conf/prefixes.h"

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

/* An exchange whose messages go by their routing key, as it is declared. */
struct conf_declared {
    struct slice name;
    const char *type;
    struct conf_prefixes bindings; /* of struct conf_binding */
    bool bound_by_bridge;          /* some bridge binds a queue of its own to it */
    UT_hash_handle hh;
};

struct conf_declared_table {
    struct config_memory *memory; /* of the items */
    struct conf_declared *items;
    bool failed; /* out of memory */
};

static struct conf_declared *conf_declared_find(const struct conf_declared_table *table,
                                                struct slice name)
{
    struct conf_declared *declared = NULL;

    if (name.len > 0) {
        HASH_FIND(hh, table->items, name.data, name.len, declared);
    }
    return declared;
}

static void conf_declared_add(struct conf_declared_table *table,
                              const struct conf_exchange *exchange)
{
    struct slice name = slice_of(exchange->name);
    struct conf_declared *declared;

    if (exchange->passive || conf_declared_find(table, name) != NULL ||
        (strcmp(exchange->type, "direct") != 0 && strcmp(exchange->type, "topic") != 0) ||
        field_table_find(&exchange->arguments, SLICE("alternate-exchange")) != NULL) {
        return;
    }
    declared = conf_memory_take(table->memory, sizeof(*declared));
    if (declared == NULL) {
        table->failed = true;
        return;
    }
    declared->name = name;
    declared->type = exchange->type;
    HASH_ADD_KEYPTR(hh, table->items, declared->name.data, declared->name.len, declared);
    table->failed |= declared->hh.tbl == NULL;
}

/* What a binding key begins with before the first word that may differ. */
static struct slice conf_binding_prefix(struct slice key)
{
    size_t len = 0;

    while (len < key.len && key.data[len] != '*' && key.data[len] != '#') {
        len++;
    }
    len -= len < key.len && len > 0; /* where # is no word, the dot before it is not there either */
    return slice_make(key.data, len);
}

/* What is known of the exchanges of a topology. */
static void conf_declared_fill(struct conf_declared_table *table, const struct config *config,
                               const struct conf_topology *topology)
{
    struct conf_way ways[CONF_WAYS_MOST];
    struct conf_declared *declared;
    size_t i;
    size_t j;

    for (i = 0; i < topology->exchange_count; i++) {
        conf_declared_add(table, &topology->exchanges[i]);
    }
    for (i = 0; i < topology->binding_count; i++) {
        struct conf_binding *binding = &topology->bindings[i];

        declared = conf_declared_find(table, slice_of(binding->source));
        if (declared != NULL) {
            table->failed |= conf_prefixes_add(&declared->bindings,
                                               conf_binding_prefix(slice_of(binding->routing_key)),
                                               binding) != 0;
        }
    }
    for (i = 0; i < config->bridge_count; i++) {
        size_t count = conf_ways_of(&config->bridges[i], ways);

        for (j = 0; j < count; j++) {
            declared = conf_declared_find(table, slice_of(ways[j].source->exchange));
            if (declared != NULL) {
                declared->bound_by_bridge = true;
            }
        }
    }
}

static void conf_declared_fini(struct conf_declared_table *table)
{
    struct conf_declared *declared, *next;

    HASH_ITER(hh, table->items, declared, next) {
        conf_prefixes_fini(&declared->bindings);
    }
    HASH_CLEAR(hh, table->items);
}

/* Whether some binding passes a key. */
struct conf_key_question {
    const struct conf_declared *declared;
    struct slice key;
    bool passes;
};

static void conf_key_on_binding(void *ctx, void *item)
{
    struct conf_key_question *question = ctx;
    const struct conf_binding *binding = item;

    question->passes = question->passes || conf_binding_passes(question->declared->type,
                                                               binding->routing_key, question->key);
}

/* A routing key that goes nowhere, as far as the bindings of the exchange that are known tell. */
static void conf_advise_key(struct conf_loader *loader, const struct conf_declared_table *table,
                            const struct conf_bridge *bridge, const struct conf_sink *sink)
{
    struct conf_key_question question = {.passes = false};
    struct conf_declared *declared;
    struct slice exchange;

    if (!conf_sink_route(sink, &exchange, &question.key)) {
        return;
    }
    declared = conf_declared_find(table, exchange);
    if (declared == NULL || declared->bindings.count == 0 || declared->bound_by_bridge) {
        return;
    }
    question.declared = declared;
    conf_prefixes_each(&declared->bindings, question.key, conf_key_on_binding, &question);
    if (!question.passes) {
        conf_warning(loader, &bridge->place,
                     "none of the bindings of the exchange \"%s\" matches the routing key "
                     "\"%.*s\": its messages go nowhere; correct it, or bind a queue with it",
                     declared->name.data, (int)question.key.len,
                     question.key.data != NULL ? question.key.data : "");
    }
}

static void conf_advise_keys(struct conf_loader *loader, const struct conf_topology *topology)
{
    const struct config *config = loader->config;
    struct conf_declared_table table = {.memory = loader->memory};
    struct conf_way ways[CONF_WAYS_MOST];
    size_t i;
    size_t j;

    conf_declared_fill(&table, config, topology);
    for (i = 0; !table.failed && i < config->bridge_count; i++) {
        const struct conf_bridge *bridge = &config->bridges[i];
        size_t count = bridge->enabled ? conf_ways_of(bridge, ways) : 0;

        for (j = 0; j < count; j++) {
            if (conf_topology_of(config, ways[j].sink->connection) == topology) {
                conf_advise_key(loader, &table, bridge, ways[j].sink);
            }
        }
        if (bridge->enabled && bridge->has_dead_letter &&
            conf_topology_of(config, bridge->dead_letter.connection) == topology) {
            conf_advise_key(loader, &table, bridge, &bridge->dead_letter);
        }
    }
    loader->out_of_memory |= table.failed;
    conf_declared_fini(&table);
}

void conf_advise_topology(struct conf_loader *loader)
{
    const struct config *config = loader->config;
    size_t i;

    for (i = 0; i < config->topology_count; i++) {
        conf_advise_one(loader, &config->topologies[i]);
        conf_advise_keys(loader, &config->topologies[i]);
    }
}
