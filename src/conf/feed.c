/* What bridges say of servers, exchanges and keys. For: who compares bridges (circle.c, advice.c).
 * Not for: following messages (conf/routes.c). */
#include "conf/feed.h"

#include <string.h>

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

/* Whether what the keys begin with, up to a wildcard, tells them apart. */
static bool conf_topic_differs(struct slice key, struct slice text)
{
    size_t i;

    for (i = 0; i < key.len && i < text.len; i++) {
        if (key.data[i] == '*' || key.data[i] == '#') {
            return false;
        }
        if (key.data[i] != text.data[i]) {
            return true;
        }
    }
    return false;
}

bool conf_topic_match(struct slice binding_key, struct slice routing_key)
{
    struct slice key = binding_key.len ? binding_key : slice_make(NULL, 0);
    struct slice text = routing_key.len ? routing_key : slice_make(NULL, 0);
    struct slice after_hash = {NULL, 0}; /* what follows the last # */
    struct slice held = {NULL, 0};       /* what that # has not taken yet */
    bool hash = false;

    if (conf_topic_differs(key, text)) {
        return false;
    }
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

bool conf_way_is_covered(const struct conf_way *from, const struct conf_way *to)
{
    bool mirrors =
        from->bridge->kind == CONF_BRIDGE_MIRROR && to->bridge->kind == CONF_BRIDGE_MIRROR;

    return mirrors && (from->bridge == to->bridge ||
                       (from->sink->mapping.to_amqp && to->bridge->mirror.max_hops == 1));
}
