/* Bridges with "mirror". For: making the two ways of a mirror out of its few keys, and what must
 * fit together. Not for: trying the templates (conf/inverse.c), mirrors as they run
 * (core/mirror.c). */
#include "conf/mirror.h"

#include <string.h>

#include "conf/connection.h"
#include "conf/inverse.h"
#include "conf/keys.h"
#include "conf/keys_table.h"
#include "core/glob.h"
#include "core/origin.h"

#define MIRROR_QUEUE_PREFIX "chunnel."

/* The text of a member that is a string; "" where it is none, which is said elsewhere. */
static struct slice mirror_member_text(const struct json_node *node, const char *name)
{
    const struct json_node *member = json_member(node, name);

    return member != NULL && json_is(member, JSON_STRING) ? json_string(member) : SLICE("");
}

void conf_mirror_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;
    struct slice pattern = mirror_member_text(node, "pattern");

    bridge->kind = CONF_BRIDGE_MIRROR;
    bridge->sink.kind = CONF_SINK_EXCHANGE;
    bridge->sink.mapping.to_amqp = true;
    bridge->sink.mapping.annotate = true;
    bridge->sink.mapping.hops = 1;
    bridge->sink.mapping.priority = -1;
    bridge->options.on_unroutable = UNROUTABLE_DROP;
    bridge->mirror.source.kind = CONF_SOURCE_QUEUE;
    bridge->mirror.source.declares = true;
    bridge->mirror.sink.kind = CONF_SINK_CHANNEL;
    bridge->mirror.sink.mapping.priority = -1;
    /* For the templates towards AMQP, which the table has read when this is finished. */
    loader->scope.scope = TEMPLATE_SCOPE_CHANNEL;
    loader->scope.captures = 0;
    if (pattern.len > 0) {
        loader->scope.scope |= TEMPLATE_SCOPE_PATTERN;
        loader->scope.captures = glob_count_wildcards(pattern);
    }
}

/* Makes a list of one text; false: out of memory. */
static bool mirror_make_list(struct conf_loader *loader, const char *text,
                             struct conf_strings *out_list)
{
    const char **items = conf_memory_take_array(loader->memory, 2, sizeof(*items));

    loader->out_of_memory |= items == NULL || text == NULL;
    if (items == NULL || text == NULL) {
        return false;
    }
    items[0] = text;
    *out_list = (struct conf_strings){items, 1};
    return true;
}

/* The template from a routing key to a channel; it asks AMQP messages, which the table's templates
 * do not. */
static void mirror_make_channel(struct conf_loader *loader, const struct json_node *node,
                                struct conf_bridge *bridge)
{
    static const struct template_source source = {.scope = TEMPLATE_SCOPE_AMQP};
    struct err err;
    size_t column = 1;

    if (bridge->mirror.channel == NULL) {
        return;
    }
    bridge->mirror.sink.mapping.channel =
        template_new(slice_of(bridge->mirror.channel), &source, &err, &column);
    if (bridge->mirror.sink.mapping.channel == NULL) {
        conf_problem_byte(loader, json_member(node, "channel"), column - 1, "%s", err.text);
    }
}

/* The exchange is one and the same for all messages: a queue is bound to it. */
static void mirror_make_exchange(struct conf_loader *loader, const struct json_node *node,
                                 struct conf_bridge *bridge)
{
    const struct template *exchange = bridge->sink.mapping.exchange;
    struct slice text;

    if (exchange == NULL) {
        return;
    }
    if (!template_is_constant(exchange, &text)) {
        conf_problem(loader, json_member(node, "exchange"),
                     "a mirror has one exchange; give a name without braces");
        return;
    }
    bridge->mirror.source.exchange = conf_memory_copy(loader->memory, text);
    loader->out_of_memory |= bridge->mirror.source.exchange == NULL;
}

/* One channel: what is bound by default is the whole of a topic, fanout or headers exchange, and of
 * a direct one the routing key that the mirror itself publishes with. */
static void mirror_finish_channel(struct conf_loader *loader, const struct json_node *node,
                                  struct conf_bridge *bridge)
{
    const struct template *routing_key = bridge->sink.mapping.routing_key;
    struct conf_source *source = &bridge->mirror.source;
    struct slice text;

    if (!template_is_constant(bridge->mirror.sink.mapping.channel, &text)) {
        conf_problem(loader, json_member(node, "channel"),
                     "the channel differs from message to message; give the \"pattern\" of the "
                     "channels too, or one channel");
        return;
    }
    bridge->source.kind = CONF_SOURCE_CHANNEL;
    if (!mirror_make_list(loader, conf_memory_copy(loader->memory, text), &bridge->source.names) ||
        source->binding_keys.count > 0 || !mirror_make_list(loader, "#", &source->binding_keys)) {
        return;
    }
    if (routing_key != NULL && template_is_constant(routing_key, &text) &&
        !slice_equal_text(text, "#")) {
        source->binding_keys.items[1] = conf_memory_copy(loader->memory, text);
        loader->out_of_memory |= source->binding_keys.items[1] == NULL;
        source->binding_keys.count = 2;
    }
}

static void mirror_bind_pattern(struct conf_loader *loader, const struct json_node *node,
                                const struct conf_inverse *inverse, struct conf_source *source)
{
    struct strbuf key = STRBUF_INIT;

    if (conf_inverse_binding_key(inverse, &key) != 0) {
        loader->out_of_memory = true;
    } else if (key.len > SHORT_STRING) {
        conf_problem(loader, node,
                     "the routing keys of this pattern are over %d octets; AMQP allows no more",
                     SHORT_STRING);
    } else {
        mirror_make_list(loader, conf_memory_copy(loader->memory, strbuf_slice(&key)),
                         &source->binding_keys);
    }
    strbuf_fini(&key);
}

/* Channels that a pattern matches, each with a routing key of its own. */
static void mirror_finish_pattern(struct conf_loader *loader, const struct json_node *node,
                                  struct conf_bridge *bridge)
{
    struct conf_source *source = &bridge->mirror.source;
    struct conf_inverse inverse = {
        .pattern = bridge->mirror.pattern,
        .exchange = source->exchange,
        .queue = source->queue,
        .routing_key = bridge->sink.mapping.routing_key,
        .channel = bridge->mirror.sink.mapping.channel,
        .context = {.bridge = slice_of(bridge->name)},
    };
    struct err err;

    bridge->source.kind = CONF_SOURCE_PATTERN;
    if (json_member(node, "routing_key") == NULL) {
        conf_problem(loader, node,
                     "\"routing_key\" is missing; with a pattern it says the routing key of each "
                     "channel, such as \"{channel|dots}\"");
        return;
    }
    if (inverse.routing_key == NULL ||
        !mirror_make_list(loader, bridge->mirror.pattern, &bridge->source.names)) {
        return;
    }
    if (conf_inverse_check(&inverse, &err) != 0) {
        conf_problem(loader, json_member(node, "channel"), "%s", err.text);
    } else if (source->binding_keys.count == 0) {
        mirror_bind_pattern(loader, node, &inverse, source);
    }
}

/* The headers that mirrors go by are theirs alone. */
static void mirror_check_headers(struct conf_loader *loader, const struct json_node *node)
{
    static const char prefix[] = "x-chunnel-";
    const struct json_node *headers = json_member(json_member(node, "properties"), "headers");
    const struct json_node *member;

    if (headers == NULL || !json_is(headers, JSON_OBJECT)) {
        return;
    }
    for (member = json_first(headers); member != NULL; member = json_next(member)) {
        if (strncmp(json_key(member).data, prefix, sizeof(prefix) - 1) == 0) {
            conf_problem_key(loader, member,
                             "a mirror knows its own messages by the headers \"x-chunnel-...\"; "
                             "choose another name");
        }
    }
}

void conf_mirror_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_bridge *bridge = base;

    bridge->source.connection =
        conf_connection_pick_by(loader, node, "redis_connection", CONF_REDIS);
    bridge->sink.connection = conf_connection_pick_by(loader, node, "amqp_connection", CONF_AMQP);
    bridge->mirror.source.connection = bridge->sink.connection;
    bridge->mirror.sink.connection = bridge->source.connection;
    mirror_check_headers(loader, node);
    mirror_make_exchange(loader, node, bridge);
    mirror_make_channel(loader, node, bridge);
    if (bridge->mirror.sink.mapping.channel != NULL && bridge->mirror.pattern != NULL) {
        mirror_finish_pattern(loader, node, bridge);
    } else if (bridge->mirror.sink.mapping.channel != NULL) {
        mirror_finish_channel(loader, node, bridge);
    }
    /* Dead letters come from both sides: what either supplies alone cannot be asked. */
    loader->scope.scope = 0;
    loader->scope.captures = 0;
}

static void mirror_name_queue(struct conf_loader *loader, struct conf_bridge *bridge)
{
    struct strbuf name = STRBUF_INIT;

    strbuf_append_format(&name, MIRROR_QUEUE_PREFIX "%s", bridge->name);
    bridge->mirror.source.queue = conf_memory_copy(loader->memory, strbuf_slice(&name));
    loader->out_of_memory |= strbuf_failed(&name) || bridge->mirror.source.queue == NULL;
    strbuf_fini(&name);
}

void conf_mirror_complete(struct conf_loader *loader, struct conf_bridge *bridge)
{
    struct bridge_options *options = &bridge->mirror.options;

    if (bridge->mirror.source.queue == NULL && bridge->name != NULL) {
        mirror_name_queue(loader, bridge);
    }
    *options = bridge->options;
    /* The queue keeps what waits, and the mirror itself is one more subscriber. */
    options->when_full = FULL_PAUSE;
    options->buffer_disk = 0;
    options->durability = DURABILITY_MEMORY;
    options->min_subscribers++;
}
