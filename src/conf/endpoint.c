/* Sources and sinks. For: telling what an endpoint is, finding its connection, what its templates
 * may ask for, and what must fit together. Not for: single keys (conf/keys_endpoint.c). */
#include "conf/endpoint.h"

#include "conf/connection.h"
#include "conf/keys.h"
#include "core/glob.h"

/* A key that says what an endpoint is. */
struct conf_mark {
    const char *name;
    int kind; /* enum conf_source_kind or enum conf_sink_kind */
};

static const struct conf_mark conf_source_marks[] = {{"channel", CONF_SOURCE_CHANNEL},
                                                     {"pattern", CONF_SOURCE_PATTERN},
                                                     {"queue", CONF_SOURCE_QUEUE},
                                                     {"exchange", CONF_SOURCE_EXCHANGE},
                                                     {NULL, 0}};
static const struct conf_mark conf_sink_marks[] = {{"channel", CONF_SINK_CHANNEL},
                                                   {"exchange", CONF_SINK_EXCHANGE},
                                                   {"queue", CONF_SINK_QUEUE},
                                                   {NULL, 0}};

/* The bit of the one mark that an endpoint bears; 0: none, or several. */
static unsigned conf_mark_of(const struct conf_mark *marks, const struct json_node *node)
{
    unsigned bits = 0;

    for (; marks->name != NULL; marks++) {
        if (json_member(node, marks->name) != NULL) {
            bits |= 1u << marks->kind;
        }
    }
    return (bits & (bits - 1)) == 0 ? bits : 0;
}

/* Says which marks an endpoint may bear. */
static void conf_mark_missing(struct conf_loader *loader, const struct conf_kind *kind,
                              const struct conf_mark *marks, const struct json_node *node)
{
    struct strbuf names = STRBUF_INIT;
    const struct conf_mark *mark;

    for (mark = marks; mark->name != NULL; mark++) {
        bool is_last = mark[1].name == NULL;

        strbuf_append_format(&names, "%s\"%s\"",
                             mark == marks ? ""
                             : is_last     ? " or "
                                           : ", ",
                             mark->name);
    }
    conf_problem(loader, node, "%s is missing; %s has one of them", strbuf_text(&names),
                 kind->name);
    strbuf_fini(&names);
}

/* Whether an endpoint is of a kind that a later version has; that it is refused was said. */
static bool conf_mark_is_later(const struct conf_kind *kind, const struct json_node *node)
{
    const struct json_node *member;

    for (member = json_first(node); member != NULL; member = json_next(member)) {
        const struct conf_key *key = conf_key_find(kind, json_key(member).data);

        if (key != NULL && key->type == CONF_TYPE_LATER) {
            return true;
        }
    }
    return false;
}

/* The kind that an endpoint is; -1: it cannot be told, and that is said. */
static int conf_mark_kind(struct conf_loader *loader, const struct conf_kind *kind,
                          const struct conf_mark *marks, const struct json_node *node)
{
    const struct conf_mark *first = NULL;
    const struct conf_mark *mark;
    bool several = false;

    if (conf_mark_is_later(kind, node)) {
        return -1;
    }
    for (mark = marks; mark->name != NULL; mark++) {
        const struct json_node *member = json_member(node, mark->name);

        if (member != NULL && first != NULL) {
            conf_problem_key(loader, member, "\"%s\" stands here too; %s is one or the other",
                             first->name, kind->name);
            several = true;
        } else if (member != NULL) {
            first = mark;
        }
    }
    if (first == NULL) {
        conf_mark_missing(loader, kind, marks, node);
    }
    return first == NULL || several ? -1 : first->kind;
}

unsigned conf_source_variant_of_node(struct conf_loader *loader, const struct json_node *node)
{
    (void)loader;
    return conf_mark_of(conf_source_marks, node);
}

unsigned conf_source_variant_of_struct(const void *base)
{
    return 1u << ((const struct conf_source *)base)->kind;
}

/* The fewest wildcards of the patterns: what every message has. */
static unsigned conf_source_captures(const struct conf_source *source)
{
    unsigned fewest = GLOB_CAPTURES_MAX;
    size_t i;

    for (i = 0; i < source->names.count; i++) {
        unsigned count = glob_count_wildcards(slice_of(source->names.items[i]));

        fewest = count < fewest ? count : fewest;
    }
    return fewest;
}

void conf_source_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_source *source = base;
    int kind = conf_mark_kind(loader, &conf_kind_source, conf_source_marks, node);
    bool is_amqp = kind == CONF_SOURCE_QUEUE || kind == CONF_SOURCE_EXCHANGE;

    if (kind < 0) {
        return;
    }
    source->kind = (enum conf_source_kind)kind;
    source->connection = conf_connection_pick(loader, node, is_amqp ? CONF_AMQP : CONF_REDIS);
    loader->scope.captures = 0;
    if (is_amqp) {
        loader->scope.scope = TEMPLATE_SCOPE_AMQP;
    } else if (kind == CONF_SOURCE_CHANNEL) {
        loader->scope.scope = TEMPLATE_SCOPE_CHANNEL;
    } else {
        loader->scope.scope = TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN;
        loader->scope.captures = conf_source_captures(source);
    }
    if (!is_amqp && loader->envelope) {
        loader->scope.scope |= TEMPLATE_SCOPE_PROPERTIES;
    }
}

unsigned conf_sink_variant_of_node(struct conf_loader *loader, const struct json_node *node)
{
    (void)loader;
    return conf_mark_of(conf_sink_marks, node);
}

unsigned conf_sink_variant_of_struct(const void *base)
{
    return 1u << ((const struct conf_sink *)base)->kind;
}

void conf_sink_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_sink *sink = base;

    (void)loader;
    (void)node;
    sink->mapping.priority = -1;
}

/* The default exchange sends to the queue that the routing key names: it must name one. */
static void conf_sink_default_exchange(struct conf_loader *loader, const struct json_node *node,
                                       const struct conf_sink *sink)
{
    const struct mapping *mapping = &sink->mapping;
    struct slice exchange;
    struct slice key;

    if (mapping->exchange != NULL && mapping->routing_key != NULL &&
        template_is_constant(mapping->exchange, &exchange) && exchange.len == 0 &&
        template_is_constant(mapping->routing_key, &key) && key.len == 0) {
        conf_problem(loader, json_member(node, "exchange"),
                     "the default exchange sends to the queue that \"routing_key\" names; name "
                     "one, or write \"queue\" instead");
    }
}

/* Who publishes there, as far as that can be known. */
static struct slice conf_sink_user(const struct conf_connection *connection)
{
    struct slice user = SLICE("");
    size_t i;

    if (connection == NULL || connection->protocol != CONF_AMQP ||
        connection->sasl != CONF_SASL_PLAIN) {
        return user;
    }
    for (i = 0; i < connection->url_count; i++) {
        const char *name = connection->urls[i].user ? connection->urls[i].user : "guest";

        if (i > 0 && !slice_equal_text(user, name)) {
            return SLICE("");
        }
        user = slice_of(name);
    }
    return user;
}

void conf_sink_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_sink *sink = base;
    int kind = conf_mark_kind(loader, &conf_kind_sink, conf_sink_marks, node);

    if (kind < 0) {
        return;
    }
    sink->kind = (enum conf_sink_kind)kind;
    sink->mapping.to_amqp = kind != CONF_SINK_CHANNEL;
    sink->connection =
        conf_connection_pick(loader, node, sink->mapping.to_amqp ? CONF_AMQP : CONF_REDIS);
    sink->mapping.persistent_given = json_member(node, "persistent") != NULL;
    sink->mapping.user = conf_sink_user(sink->connection);
    conf_sink_default_exchange(loader, node, sink);
}

void conf_properties_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    const struct mapping *mapping = base;
    const struct template *expiration = mapping->text[PROPERTY_EXPIRATION];
    struct slice text;

    if (expiration != NULL && template_is_constant(expiration, &text) &&
        !property_is_expiration(text)) {
        conf_problem(loader, json_member(node, "expiration"),
                     "not a number of milliseconds; RabbitMQ takes \"0\" to \"%u\"", UINT32_MAX);
    }
}
