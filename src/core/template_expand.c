/* Filling templates in. For: expanding them for one delivery. Not for: compiling them
 * (core/template_parse.c). */
#include <stdlib.h>

#include "core/body_json.h"
#include "core/glob.h"
#include "core/template_part.h"

/* What one expansion has worked out so far. */
struct expansion {
    const struct template_context *context;
    const struct delivery *delivery;
    struct strbuf *out;
    struct err *err;
    bool has_captures;
    struct slice captures[GLOB_CAPTURES_MAX]; /* data NULL: no such wildcard */
    struct json *json;                        /* the body; NULL: not parsed yet */
    struct body_json *own_body;               /* where the context keeps none; owned */
};

/* The words for a value that is not there: "{header.x}: <why>". */
static int fail_missing(const struct expansion *expansion, const struct template_part *part,
                        const char *why)
{
    return err_set(expansion->err, "{%.*s}: %s", (int)part->name.len, part->name.data, why);
}

static int append_slice(struct expansion *expansion, struct slice value)
{
    strbuf_append_slice(expansion->out, value);
    return 0;
}

static int append_natural(struct expansion *expansion, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    strbuf_append(expansion->out, digits + at, sizeof(digits) - at);
    return 0;
}

static int append_pattern(struct expansion *expansion, const struct template_part *part)
{
    struct slice pattern = expansion->delivery->pattern;

    if (pattern.data == NULL) {
        return fail_missing(expansion, part, "the message did not come by a pattern");
    }
    return append_slice(expansion, pattern);
}

static int append_capture(struct expansion *expansion, const struct template_part *part)
{
    const struct delivery *delivery = expansion->delivery;

    if (!expansion->has_captures && delivery->pattern.data != NULL) {
        glob_match(delivery->pattern, delivery->channel, expansion->captures);
        expansion->has_captures = true;
    }
    if (expansion->captures[part->number].data == NULL) {
        return fail_missing(expansion, part, "the message's pattern has no such wildcard");
    }
    return append_slice(expansion, expansion->captures[part->number]);
}

static int append_routing_word(struct expansion *expansion, const struct template_part *part)
{
    struct slice rest = expansion->delivery->routing_key;
    bool more = rest.len > 0; /* the empty routing key has no word */

    for (unsigned word = 1; more; word++) {
        const char *dot = rest.len > 0 ? memchr(rest.data, '.', rest.len) : NULL;
        size_t len = dot ? (size_t)(dot - rest.data) : rest.len;

        if (word == part->number) {
            return append_slice(expansion, slice_make(rest.data, len));
        }
        more = dot != NULL;
        if (more) {
            rest = slice_make(dot + 1, rest.len - len - 1);
        }
    }
    return fail_missing(expansion, part, "the routing key has fewer words");
}

static int append_header(struct expansion *expansion, const struct template_part *part)
{
    const struct properties *properties = expansion->delivery->properties;
    const struct field *field = NULL;

    if (properties != NULL && properties_has(properties, PROPERTY_HEADERS)) {
        field = field_table_find(&properties->headers, part->argument);
    }
    if (field == NULL) {
        return fail_missing(expansion, part, "the message has no such header");
    }
    if (field_append_text(field, expansion->out) != 0) {
        return fail_missing(expansion, part, "the header is a table, an array or void");
    }
    return 0;
}

static int append_property(struct expansion *expansion, const struct template_part *part)
{
    const struct properties *properties = expansion->delivery->properties;
    enum property property = (enum property)part->number;

    if (properties == NULL || !properties_has(properties, property)) {
        return fail_missing(expansion, part, "the message has no such property");
    }
    switch (property) {
    case PROPERTY_DELIVERY_MODE:
        return append_natural(expansion, properties->delivery_mode);
    case PROPERTY_PRIORITY:
        return append_natural(expansion, properties->priority);
    case PROPERTY_TIMESTAMP:
        return append_natural(expansion, properties->timestamp);
    default:
        return append_slice(expansion, properties->text[property]);
    }
}

static int parse_body(struct expansion *expansion, const struct template_part *part)
{
    struct body_json *body = expansion->context->body;
    const struct json_problem *problem;

    if (body == NULL && expansion->own_body == NULL) {
        expansion->own_body = calloc(1, sizeof(*body));
    }
    body = body != NULL ? body : expansion->own_body;
    if (body == NULL) {
        return fail_missing(expansion, part, "out of memory");
    }
    expansion->json = body_json_get(body, expansion->delivery, &problem);
    if (expansion->json == NULL) {
        return err_set(expansion->err, "{%.*s}: the body is no JSON: line %u, column %u: %s",
                       (int)part->name.len, part->name.data, problem->at.line, problem->at.column,
                       problem->text);
    }
    return 0;
}

static int append_json(struct expansion *expansion, const struct template_part *part)
{
    const struct json_node *node;
    struct slice number;

    if (parse_body(expansion, part) != 0) {
        return -1;
    }
    node = json_pointer_get(json_root(expansion->json), part->argument);
    if (node == NULL) {
        return fail_missing(expansion, part, "the body has no such value");
    }
    switch (json_type(node)) {
    case JSON_STRING:
        return append_slice(expansion, json_string(node));
    case JSON_BOOL:
        return append_slice(expansion, slice_of(json_bool(node) ? "true" : "false"));
    case JSON_NUMBER:
        number = json_number_text(expansion->json, node);
        return number.len > 0 ? append_slice(expansion, number)
                              : fail_missing(expansion, part, "out of memory");
    default:
        return fail_missing(expansion, part, "the value is an object, an array or null");
    }
}

static int append_id(struct expansion *expansion)
{
    char id[DELIVERY_ID_SIZE];

    return append_slice(expansion, delivery_get_id(expansion->delivery, id));
}

static int append_value(struct expansion *expansion, const struct template_part *part)
{
    const struct delivery *delivery = expansion->delivery;

    switch (part->kind) {
    case TEMPLATE_LITERAL:
        return append_slice(expansion, part->argument);
    case TEMPLATE_CHANNEL:
        return append_slice(expansion, delivery->channel);
    case TEMPLATE_PATTERN:
        return append_pattern(expansion, part);
    case TEMPLATE_CAPTURE:
        return append_capture(expansion, part);
    case TEMPLATE_QUEUE:
        return append_slice(expansion, delivery->queue);
    case TEMPLATE_EXCHANGE:
        return append_slice(expansion, delivery->exchange);
    case TEMPLATE_ROUTING_KEY:
        return append_slice(expansion, delivery->routing_key);
    case TEMPLATE_ROUTING_WORD:
        return append_routing_word(expansion, part);
    case TEMPLATE_HEADER:
        return append_header(expansion, part);
    case TEMPLATE_PROPERTY:
        return append_property(expansion, part);
    case TEMPLATE_JSON:
        return append_json(expansion, part);
    case TEMPLATE_ID:
        return append_id(expansion);
    case TEMPLATE_INSTANCE:
        return append_slice(expansion, expansion->context->instance);
    case TEMPLATE_BRIDGE:
        return append_slice(expansion, expansion->context->bridge);
    case TEMPLATE_TIMESTAMP:
        return append_natural(expansion, (uint64_t)(delivery->wall_us / 1000));
    }
    return -1;
}

static int append_part(struct expansion *expansion, const struct template_part *part)
{
    struct strbuf *out = expansion->out;
    size_t start = out->len;
    int result = append_value(expansion, part);

    if (result == 0 && part->map != NULL) {
        for (size_t i = start; i < out->len; i++) {
            out->data[i] = (char)part->map[(unsigned char)out->data[i]];
        }
    }
    return result;
}

int template_expand(const struct template *template, const struct template_context *context,
                    const struct delivery *delivery, struct strbuf *out, struct err *err)
{
    struct expansion expansion = {
        .context = context,
        .delivery = delivery,
        .out = out,
        .err = err,
    };
    size_t before = out->len;
    int result = 0;

    for (size_t i = 0; result == 0 && i < template->part_count; i++) {
        result = append_part(&expansion, &template->parts[i]);
    }
    if (expansion.own_body != NULL) {
        body_json_forget(expansion.own_body);
        free(expansion.own_body);
    }
    if (result == 0 && strbuf_failed(out)) {
        result = err_set(err, "out of memory");
    }
    if (result != 0) {
        strbuf_truncate(out, before);
    }
    return result;
}
