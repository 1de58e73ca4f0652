/* From a sink to the sources that it feeds. For: conf/circle.c. Not for: what depends on the
 * message; of that nothing is claimed. */
#include "conf/feed.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "core/glob.h"

bool conf_same_server(const struct conf_connection *a, const struct conf_connection *b)
{
    const struct conf_url *one;
    const struct conf_url *two;

    if (a == b) {
        return true;
    }
    if (a == NULL || b == NULL || a->url_count == 0 || b->url_count == 0) {
        return false;
    }
    one = &a->urls[0];
    two = &b->urls[0];
    return a->protocol == b->protocol && one->port == two->port &&
           strcmp(one->host, two->host) == 0 && strcmp(one->path, two->path) == 0 &&
           strcmp(one->vhost, two->vhost) == 0;
}

/* The first word of a dotted text; *rest is what follows the dot, its data NULL after the last. */
static struct slice conf_topic_word(struct slice text, struct slice *rest)
{
    const char *dot = text.len ? memchr(text.data, '.', text.len) : NULL;
    size_t len = dot ? (size_t)(dot - text.data) : text.len;

    *rest = dot ? slice_make(dot + 1, text.len - len - 1) : slice_make(NULL, 0);
    return slice_make(text.data, len);
}

bool conf_topic_match(struct slice binding_key, struct slice routing_key)
{
    struct slice key = binding_key.len ? binding_key : slice_make(NULL, 0);
    struct slice text = routing_key.len ? routing_key : slice_make(NULL, 0);
    struct slice after_hash = {NULL, 0}; /* what follows the last # */
    struct slice held = {NULL, 0};       /* what that # has not taken yet */
    bool hash = false;

    while (key.data != NULL || text.data != NULL) {
        struct slice rest = {NULL, 0};
        struct slice word = key.data ? conf_topic_word(key, &rest) : SLICE("");
        struct slice text_rest = {NULL, 0};
        struct slice text_word = text.data ? conf_topic_word(text, &text_rest) : SLICE("");

        if (slice_equal_text(word, "#")) {
            hash = true;
            after_hash = rest;
            held = text;
            key = rest;
        } else if (key.data != NULL && text.data != NULL &&
                   (slice_equal_text(word, "*") || slice_equal(word, text_word))) {
            key = rest;
            text = text_rest;
        } else if (hash && held.data != NULL) { /* the # takes one word more */
            conf_topic_word(held, &held);
            key = after_hash;
            text = held;
        } else {
            return false;
        }
    }
    return true;
}

bool conf_binding_passes(const char *type, const char *binding_key, struct slice key)
{
    if (strcmp(type, "fanout") == 0) {
        return true;
    }
    if (strcmp(type, "direct") == 0) {
        return slice_equal_text(key, binding_key);
    }
    return strcmp(type, "topic") == 0 && conf_topic_match(slice_of(binding_key), key);
}

const struct conf_topology *conf_topology_of(const struct config *config,
                                             const struct conf_connection *connection)
{
    size_t i;

    for (i = 0; i < config->topology_count; i++) {
        if (config->topologies[i].connection == connection) {
            return &config->topologies[i];
        }
    }
    return NULL;
}

const char *conf_exchange_type(const struct conf_topology *topology, struct slice name)
{
    size_t i;

    for (i = 0; topology != NULL && i < topology->exchange_count; i++) {
        if (slice_equal_text(name, topology->exchanges[i].name) &&
            !topology->exchanges[i].passive) {
            return topology->exchanges[i].type;
        }
    }
    return "";
}

bool conf_sink_route(const struct conf_sink *sink, struct slice *out_exchange,
                     struct slice *out_key)
{
    const struct mapping *mapping = &sink->mapping;

    *out_exchange = SLICE("");
    return mapping->to_amqp && mapping->routing_key != NULL &&
           template_is_constant(mapping->routing_key, out_key) &&
           (mapping->exchange == NULL || template_is_constant(mapping->exchange, out_exchange));
}

size_t conf_ways_of(const struct conf_bridge *bridge, struct conf_way out_ways[CONF_WAYS_MOST])
{
    out_ways[0] = (struct conf_way){bridge, &bridge->source, &bridge->sink};
    if (bridge->kind != CONF_BRIDGE_MIRROR) {
        return 1;
    }
    out_ways[1] = (struct conf_way){bridge, &bridge->mirror.source, &bridge->mirror.sink};
    return 2;
}

/* Adds a name to a list, once; -1: out of memory. */
static int conf_feed_add(struct slice **names, size_t *count, struct slice name)
{
    struct slice *place;
    size_t i;

    for (i = 0; i < *count; i++) {
        if (slice_equal((*names)[i], name)) {
            return 0;
        }
    }
    place = conf_list_append(names, count, sizeof(*place));
    if (place == NULL) {
        return -1;
    }
    *place = name;
    return 0;
}

/* Follows the bindings of one exchange that messages come to; -1: out of memory. */
static int conf_feed_follow(struct conf_feed *feed, const struct conf_topology *topology,
                            struct slice exchange)
{
    const char *type = conf_exchange_type(topology, exchange);
    size_t i;

    for (i = 0; topology != NULL && i < topology->binding_count; i++) {
        const struct conf_binding *binding = &topology->bindings[i];
        struct slice destination = slice_of(binding->destination);
        int result = 0;

        if (!slice_equal_text(exchange, binding->source) ||
            !conf_binding_passes(type, binding->routing_key, feed->key)) {
            continue;
        }
        result = binding->to_exchange
                     ? conf_feed_add(&feed->exchanges, &feed->exchange_count, destination)
                     : conf_feed_add(&feed->queues, &feed->queue_count, destination);
        if (result != 0) {
            return -1;
        }
    }
    return 0;
}

int conf_feed_init(struct conf_feed *feed, const struct config *config, const struct conf_way *way)
{
    const struct conf_topology *topology = conf_topology_of(config, way->sink->connection);
    struct slice exchange;
    size_t i;

    *feed = (struct conf_feed){.config = config, .way = *way};
    if (!conf_sink_route(way->sink, &exchange, &feed->key)) {
        return 0;
    }
    if (exchange.len == 0) { /* the key is the name of a queue */
        return conf_feed_add(&feed->queues, &feed->queue_count, feed->key);
    }
    if (conf_feed_add(&feed->exchanges, &feed->exchange_count, exchange) != 0) {
        return -1;
    }
    for (i = 0; i < feed->exchange_count; i++) { /* it grows on the way */
        if (conf_feed_follow(feed, topology, feed->exchanges[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

void conf_feed_fini(struct conf_feed *feed)
{
    free(feed->queues);
    free(feed->exchanges);
}

/* Whether a text is one of a source's channels, or matches one of its patterns. */
static bool conf_source_hears(const struct conf_source *source, struct slice channel)
{
    size_t i;

    for (i = 0; i < source->names.count; i++) {
        struct slice name = slice_of(source->names.items[i]);

        if (source->kind == CONF_SOURCE_PATTERN ? glob_match(name, channel, NULL)
                                                : slice_equal(name, channel)) {
            return true;
        }
    }
    return false;
}

/* A sink on Redis: a channel that is always the same, or that of the source itself. */
static bool conf_feed_hears(const struct conf_way *way, const struct conf_source *reader)
{
    const struct template *channel = way->sink->mapping.channel;
    const struct conf_strings *names = &way->source->names;
    struct slice text;
    size_t i;

    if (channel == NULL) {
        return false;
    }
    if (template_is_constant(channel, &text)) {
        return conf_source_hears(reader, text);
    }
    if (!slice_equal_text(template_source_text(channel), "{channel}")) {
        return false;
    }
    for (i = 0; i < names->count; i++) { /* a pattern matches its own text, and stands for some */
        if (conf_source_hears(reader, slice_of(names->items[i]))) {
            return true;
        }
    }
    return false;
}

static bool conf_feed_queue(const struct conf_feed *feed, const char *queue)
{
    size_t i;

    for (i = 0; i < feed->queue_count; i++) {
        if (slice_equal_text(feed->queues[i], queue)) {
            return true;
        }
    }
    return false;
}

/* Whether messages come to an exchange, and pass it on to a key that the reader binds. */
static bool conf_feed_exchange(const struct conf_feed *feed, const struct conf_source *reader)
{
    const struct conf_topology *topology = conf_topology_of(feed->config, reader->connection);
    bool comes = false;
    size_t i;

    for (i = 0; reader->exchange != NULL && i < feed->exchange_count && !comes; i++) {
        comes = slice_equal_text(feed->exchanges[i], reader->exchange);
    }
    for (i = 0; comes && i < reader->binding_keys.count; i++) {
        if (conf_binding_passes(conf_exchange_type(topology, slice_of(reader->exchange)),
                                reader->binding_keys.items[i], feed->key)) {
            return true;
        }
    }
    return false;
}

/* What the origin in the headers, or the echo, keeps from crossing. */
static bool conf_feed_is_covered(const struct conf_feed *feed, const struct conf_way *reader)
{
    const struct conf_bridge *from = feed->way.bridge;
    const struct conf_bridge *to = reader->bridge;
    bool hops = from->kind == CONF_BRIDGE_MIRROR && to->kind == CONF_BRIDGE_MIRROR &&
                feed->way.sink->mapping.to_amqp && to->mirror.max_hops == 1;

    return hops || (from == to && to->kind == CONF_BRIDGE_MIRROR);
}

bool conf_feed_reaches(const struct conf_feed *feed, const struct conf_way *reader)
{
    const struct conf_source *source = reader->source;

    if (conf_feed_is_covered(feed, reader) ||
        !conf_same_server(feed->way.sink->connection, source->connection)) {
        return false;
    }
    switch (source->kind) {
    case CONF_SOURCE_QUEUE:
        return (source->queue != NULL && conf_feed_queue(feed, source->queue)) ||
               (source->declares && conf_feed_exchange(feed, source));
    case CONF_SOURCE_EXCHANGE:
        return source->exchange != NULL && conf_feed_exchange(feed, source);
    default:
        return conf_feed_hears(&feed->way, source);
    }
}
