/* The index of what is read where. For: conf/routes.c. Not for: asking it. */
#include <string.h>

#include "base/strbuf.h"
#include "conf/inverse.h"
#include "conf/routes_private.h"
#include "core/glob.h"

struct route_server *routes_server(struct conf_routes *routes,
                                   const struct conf_connection *connection)
{
    size_t i = 0;

    while (!conf_same_server(&routes->config->connections[i], connection)) {
        i++;
    }
    return &routes->servers[i];
}

static void *routes_take(struct conf_routes *routes, size_t size)
{
    void *memory = conf_memory_take(routes->memory, size);

    routes->failed |= memory == NULL;
    return memory;
}

static void routes_index(struct conf_routes *routes, struct conf_prefixes *prefixes,
                         struct slice prefix, void *item)
{
    routes->failed |= conf_prefixes_add(prefixes, prefix, item) != 0;
}

/* The place of that name; NULL: out of memory. */
static struct route_place *routes_place(struct conf_routes *routes, struct route_place **table,
                                        struct conf_prefixes *by_name, struct slice name)
{
    struct route_place *place = NULL;

    HASH_FIND(hh, *table, name.data, name.len, place);
    if (place != NULL) {
        return place;
    }
    place = routes_take(routes, sizeof(*place));
    if (place == NULL) {
        return NULL;
    }
    place->name = name;
    HASH_ADD_KEYPTR(hh, *table, place->name.data, place->name.len, place);
    routes->failed |= place->hh.tbl == NULL;
    if (place->hh.tbl == NULL) {
        return NULL;
    }
    routes_index(routes, by_name, place->name, place);
    return place;
}

static void routes_read(struct conf_routes *routes, struct route_place *place, size_t way)
{
    struct route_reader *reader = routes_take(routes, sizeof(*reader));

    if (reader != NULL) {
        *reader = (struct route_reader){.way = way, .next = place->readers};
        place->readers = reader;
    }
}

static void routes_read_pattern(struct conf_routes *routes, struct route_server *server, size_t way,
                                struct slice pattern)
{
    struct route_reader *reader = routes_take(routes, sizeof(*reader));

    if (reader != NULL) {
        *reader = (struct route_reader){.way = way, .pattern = pattern};
        routes_index(routes, &server->patterns, conf_glob_prefix(pattern), reader);
    }
}

static enum route_type routes_type(const char *type)
{
    static const char *const names[] = {
        [ROUTE_UNKNOWN] = "",        [ROUTE_DIRECT] = "direct", [ROUTE_FANOUT] = "fanout",
        [ROUTE_HEADERS] = "headers", [ROUTE_TOPIC] = "topic",
    };
    size_t i = sizeof(names) / sizeof(names[0]);

    while (--i > ROUTE_UNKNOWN && strcmp(names[i], type) != 0) {
    }
    return (enum route_type)i;
}

static enum route_type routes_builtin_type(struct slice name)
{
    static const char *const builtin[][2] = {{"amq.direct", "direct"},
                                             {"amq.fanout", "fanout"},
                                             {"amq.topic", "topic"},
                                             {"amq.headers", "headers"},
                                             {"amq.match", "headers"}};
    size_t i;

    for (i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        if (slice_equal_text(name, builtin[i][0])) {
            return routes_type(builtin[i][1]);
        }
    }
    return ROUTE_UNKNOWN;
}

static struct route_exchange *routes_exchange(struct conf_routes *routes,
                                              struct route_server *server, struct slice name)
{
    struct route_exchange *exchange = NULL;

    HASH_FIND(hh, server->exchanges, name.data, name.len, exchange);
    if (exchange != NULL) {
        return exchange;
    }
    exchange = routes_take(routes, sizeof(*exchange));
    if (exchange == NULL) {
        return NULL;
    }
    exchange->name = name;
    exchange->type = routes_builtin_type(name);
    HASH_ADD_KEYPTR(hh, server->exchanges, exchange->name.data, exchange->name.len, exchange);
    routes->failed |= exchange->hh.tbl == NULL;
    return exchange->hh.tbl != NULL ? exchange : NULL;
}

/* A binding key of a topic as a glob; where # may be no word at all, its dots go with it. */
static struct slice routes_topic_glob(struct conf_routes *routes, struct slice key)
{
    struct strbuf glob = STRBUF_INIT;
    struct slice copy;
    size_t at = 0;

    while (at < key.len) {
        char c = key.data[at];
        bool before_hash = c == '.' && at + 1 < key.len && key.data[at + 1] == '#';

        if (c == '#' || before_hash) {
            at += before_hash ? 2 : 1;
            at += at < key.len && key.data[at] == '.';
            strbuf_append_char(&glob, '*');
        } else {
            if (strchr("?[]\\^", c) != NULL) {
                strbuf_append_char(&glob, '\\');
            }
            strbuf_append_char(&glob, c);
            at++;
        }
    }
    copy = slice_of(conf_memory_copy(routes->memory, strbuf_slice(&glob)));
    routes->failed |= copy.data == NULL || strbuf_failed(&glob);
    strbuf_fini(&glob);
    return copy;
}

static void routes_file(struct conf_routes *routes, struct route_exchange *exchange,
                        struct route_link *link)
{
    struct slice prefix = link->key;

    if (memchr(link->key.data, '*', link->key.len) != NULL ||
        memchr(link->key.data, '#', link->key.len) != NULL) {
        link->glob = routes_topic_glob(routes, link->key);
        prefix = conf_glob_prefix(link->glob);
    }
    routes_index(routes, &exchange->by_key, prefix, link);
}

/* A binding to `to`, or to `place` where that is NULL. */
static void routes_bind(struct conf_routes *routes, struct route_exchange *exchange,
                        const char *key, const struct field_table *arguments,
                        struct route_exchange *to, struct route_place *place)
{
    struct route_link *link = routes_take(routes, sizeof(*link));

    if (link == NULL || exchange == NULL || (to == NULL && place == NULL)) {
        return;
    }
    *link = (struct route_link){.key = slice_of(key),
                                .arguments = arguments,
                                .exchange = to,
                                .place = place,
                                .next = exchange->links};
    exchange->links = link;
    routes_file(routes, exchange, link);
    if (place != NULL && place->binding_key == NULL) {
        place->binding_key = key;
    }
}

static void routes_add_source(struct conf_routes *routes, const struct conf_source *source,
                              size_t way)
{
    struct route_server *server = routes_server(routes, source->connection);
    struct route_place *place = NULL;
    size_t i;

    for (i = 0; i < source->names.count; i++) {
        struct slice name = slice_of(source->names.items[i]);

        if (source->kind == CONF_SOURCE_PATTERN) {
            routes_read_pattern(routes, server, way, name);
        } else {
            place = routes_place(routes, &server->channels, &server->channels_by_name, name);
            if (place != NULL) {
                routes_read(routes, place, way);
            }
        }
    }
    if (source->kind == CONF_SOURCE_QUEUE && source->queue != NULL) {
        place =
            routes_place(routes, &server->queues, &server->queues_by_name, slice_of(source->queue));
    } else if (source->kind == CONF_SOURCE_EXCHANGE) {
        place = routes_take(routes, sizeof(*place)); /* its own queue, which nobody else knows */
    }
    if (place == NULL || source->names.count > 0) {
        return;
    }
    routes_read(routes, place, way);
    for (i = 0; source->exchange != NULL && i < source->binding_keys.count; i++) {
        routes_bind(routes, routes_exchange(routes, server, slice_of(source->exchange)),
                    source->binding_keys.items[i], &source->binding_arguments, NULL, place);
    }
}

static void routes_add_topology(struct conf_routes *routes, const struct conf_topology *topology)
{
    struct route_server *server = routes_server(routes, topology->connection);
    size_t i;

    for (i = 0; i < topology->exchange_count; i++) {
        const struct conf_exchange *conf = &topology->exchanges[i];
        struct route_exchange *exchange = routes_exchange(routes, server, slice_of(conf->name));

        if (exchange != NULL && !conf->passive) {
            exchange->type = routes_type(conf->type);
        }
    }
    for (i = 0; i < topology->binding_count; i++) {
        const struct conf_binding *binding = &topology->bindings[i];
        struct slice to = slice_of(binding->destination);

        routes_bind(routes, routes_exchange(routes, server, slice_of(binding->source)),
                    binding->routing_key, &binding->arguments,
                    binding->to_exchange ? routes_exchange(routes, server, to) : NULL,
                    binding->to_exchange
                        ? NULL
                        : routes_place(routes, &server->queues, &server->queues_by_name, to));
    }
}

struct conf_routes *conf_routes_new(const struct config *config, const struct conf_way *ways,
                                    size_t way_count, struct config_memory *memory)
{
    struct conf_routes *routes = conf_memory_take(memory, sizeof(*routes));
    size_t i;

    if (routes == NULL) {
        return NULL;
    }
    routes->config = config;
    routes->memory = memory;
    routes->servers =
        conf_memory_take_array(memory, config->connection_count + 1, sizeof(*routes->servers));
    if (routes->servers == NULL) {
        return NULL;
    }
    for (i = 0; i < config->topology_count; i++) {
        if (config->topologies[i].connection != NULL) {
            routes_add_topology(routes, &config->topologies[i]);
        }
    }
    for (i = 0; i < way_count; i++) {
        routes_add_source(routes, ways[i].source, i);
    }
    if (routes->failed) {
        conf_routes_free(routes);
        return NULL;
    }
    return routes;
}

void conf_routes_free(struct conf_routes *routes)
{
    size_t i;

    for (i = 0; routes != NULL && i < routes->config->connection_count; i++) {
        struct route_server *server = &routes->servers[i];
        struct route_exchange *exchange, *next;

        HASH_ITER(hh, server->exchanges, exchange, next) {
            conf_prefixes_fini(&exchange->by_key);
        }
        HASH_CLEAR(hh, server->exchanges);
        HASH_CLEAR(hh, server->queues);
        HASH_CLEAR(hh, server->channels);
        conf_prefixes_fini(&server->channels_by_name);
        conf_prefixes_fini(&server->queues_by_name);
        conf_prefixes_fini(&server->patterns);
    }
}

struct slice conf_routes_example(struct conf_routes *routes, const struct conf_source *source)
{
    struct route_server *server = routes_server(routes, source->connection);
    struct slice queue = slice_of(source->queue);
    struct slice key = queue;
    struct route_place *place = NULL;
    struct strbuf text = STRBUF_INIT;

    if (queue.data != NULL) {
        HASH_FIND(hh, server->queues, queue.data, queue.len, place);
    }
    if (place != NULL && place->binding_key != NULL) {
        key = slice_of(place->binding_key);
    } else if (source->binding_keys.count > 0) {
        key = slice_of(source->binding_keys.items[0]);
    }
    for (size_t i = 0; i < key.len; i++) { /* a word for each wildcard of a topic */
        if (key.data[i] == '*' || key.data[i] == '#') {
            strbuf_append_text(&text, "aB1");
        } else {
            strbuf_append_char(&text, key.data[i]);
        }
    }
    key = slice_of(conf_memory_copy(routes->memory, strbuf_slice(&text)));
    routes->failed |= key.data == NULL || strbuf_failed(&text);
    strbuf_fini(&text);
    return key;
}
