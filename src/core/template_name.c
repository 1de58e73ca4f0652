/* The names in templates. For: what each asks for, which sources have it, and words for the wrong
 * ones. Not for: braces and filters (core/template_parse.c). */
#include "base/json.h"
#include "base/nearest.h"
#include "core/template_part.h"

enum { WORD_MAX = 256 }; /* a routing key has at most 255 octets, so as many words at most */

/* A name, or with a `parse` the beginning of one that takes an argument. */
struct name {
    const char *text;
    const char *usage;
    enum template_kind kind;
    unsigned scope; /* what the source must supply, enum template_scope; 0: nothing */
    int (*parse)(struct template_parser *parser, struct template_part *part);
};

static int parse_word(struct template_parser *parser, struct template_part *part);
static int parse_header(struct template_parser *parser, struct template_part *part);
static int parse_property(struct template_parser *parser, struct template_part *part);
static int parse_pointer(struct template_parser *parser, struct template_part *part);

static const struct name names[] = {
    {"channel", "channel", TEMPLATE_CHANNEL, TEMPLATE_SCOPE_CHANNEL, NULL},
    {"pattern", "pattern", TEMPLATE_PATTERN, TEMPLATE_SCOPE_PATTERN, NULL},
    {"queue", "queue", TEMPLATE_QUEUE, TEMPLATE_SCOPE_ROUTE, NULL},
    {"exchange", "exchange", TEMPLATE_EXCHANGE, TEMPLATE_SCOPE_ROUTE, NULL},
    {"routing_key", "routing_key", TEMPLATE_ROUTING_KEY, TEMPLATE_SCOPE_ROUTE, NULL},
    {"routing_key.", "routing_key.N", TEMPLATE_ROUTING_WORD, TEMPLATE_SCOPE_ROUTE, parse_word},
    {"header.", "header.NAME", TEMPLATE_HEADER, TEMPLATE_SCOPE_PROPERTIES, parse_header},
    {"property.", "property.NAME", TEMPLATE_PROPERTY, TEMPLATE_SCOPE_PROPERTIES, parse_property},
    {"json:", "json:/POINTER", TEMPLATE_JSON, 0, parse_pointer},
    {"id", "id", TEMPLATE_ID, 0, NULL},
    {"instance", "instance", TEMPLATE_INSTANCE, 0, NULL},
    {"bridge", "bridge", TEMPLATE_BRIDGE, 0, NULL},
    {"timestamp", "timestamp", TEMPLATE_TIMESTAMP, 0, NULL},
};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static int parse_word(struct template_parser *parser, struct template_part *part)
{
    unsigned number = 0;

    for (size_t i = 0; i < part->argument.len && number <= WORD_MAX; i++) {
        char c = part->argument.data[i];

        if (c < '0' || c > '9') {
            number = 0;
            break;
        }
        number = number * 10 + (unsigned)(c - '0');
    }
    if (number == 0 || number > WORD_MAX) {
        err_set(parser->err, "the words of a routing key are {routing_key.1} to {routing_key.%d}",
                WORD_MAX);
        return template_fail_at(parser, part->argument.data);
    }
    part->number = number;
    return 0;
}

static int parse_header(struct template_parser *parser, struct template_part *part)
{
    if (part->argument.len == 0) {
        err_set(parser->err, "the name of the header is missing: {header.NAME}");
        return template_fail_at(parser, part->argument.data);
    }
    return 0;
}

static int parse_property(struct template_parser *parser, struct template_part *part)
{
    enum property property = property_find(part->argument);
    const char *known[PROPERTY_COUNT];

    if (property == PROPERTY_HEADERS) {
        err_set(parser->err, "headers are reached one by one: {header.NAME}");
        return template_fail_at(parser, part->argument.data);
    }
    if (property == PROPERTY_COUNT) {
        for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
            known[i] = property_name((enum property)i);
        }
        err_set(parser->err, "unknown property \"%.*s\"; the nearest known one is \"%s\"",
                (int)part->argument.len, part->argument.data,
                nearest_name(part->argument, known, PROPERTY_COUNT));
        return template_fail_at(parser, part->argument.data);
    }
    part->number = property;
    return 0;
}

static int parse_pointer(struct template_parser *parser, struct template_part *part)
{
    if (part->argument.len == 0 || !json_pointer_is_valid(part->argument)) {
        err_set(parser->err,
                "\"%.*s\" is no JSON pointer: parts begin with / as in "
                "{json:/customer/id}, and ~ stands only in ~0 and ~1",
                (int)part->argument.len, part->argument.data);
        return template_fail_at(parser, part->argument.data);
    }
    return 0;
}

static bool is_named(const struct name *name, struct slice text)
{
    size_t len = strlen(name->text);

    if (name->parse == NULL) {
        return slice_equal_text(text, name->text);
    }
    return text.len >= len && memcmp(text.data, name->text, len) == 0;
}

static int fail_unknown(struct template_parser *parser, struct slice text)
{
    const char *known[NAME_COUNT];
    const char *nearest;
    size_t head = 0;
    unsigned i;

    while (head < text.len && text.data[head] != '.' && text.data[head] != ':') {
        head++;
    }
    if (head < text.len) {
        head++; /* what takes an argument is compared with its dot or colon, but without that */
    }
    for (i = 0; i < NAME_COUNT; i++) {
        known[i] = names[i].text;
    }
    nearest = nearest_name(slice_make(text.data, head), known, NAME_COUNT);
    for (i = 0; known[i] != nearest; i++) {
    }
    err_set(parser->err, "unknown name \"%.*s\"; the nearest known one is {%s}", (int)text.len,
            text.data, names[i].usage);
    return template_fail_at(parser, text.data);
}

static int check_scope(struct template_parser *parser, const struct name *name, struct slice text)
{
    const char *whose = "sources with a pattern";

    if ((name->scope & ~parser->source->scope) == 0) {
        return 0;
    }
    if (name->scope == TEMPLATE_SCOPE_ROUTE) {
        whose = "AMQP sources";
    } else if (name->scope == TEMPLATE_SCOPE_PROPERTIES) {
        whose = "AMQP sources and envelopes";
    } else if (name->scope == TEMPLATE_SCOPE_CHANNEL) {
        whose = "Redis sources";
    }
    err_set(parser->err, "only %s have {%s}: this bridge's has not", whose, name->usage);
    return template_fail_at(parser, text.data);
}

static int parse_capture(struct template_parser *parser, struct template_part *part)
{
    char digit = part->name.data[0];

    if (part->name.len > 1 || digit == '0') {
        err_set(parser->err, "what wildcards matched is {1} to {9}");
        return template_fail_at(parser, part->name.data);
    }
    part->kind = TEMPLATE_CAPTURE;
    part->number = (unsigned)(digit - '1');
    if ((parser->source->scope & TEMPLATE_SCOPE_PATTERN) == 0) {
        err_set(parser->err,
                "{%c} is what a pattern's wildcard matched, but this bridge's source "
                "has no pattern",
                digit);
        return template_fail_at(parser, part->name.data);
    }
    if (part->number >= parser->source->captures) {
        err_set(parser->err,
                "there is no wildcard {%c}: the source's pattern (the one with the "
                "fewest) has %u",
                digit, parser->source->captures);
        return template_fail_at(parser, part->name.data);
    }
    return 0;
}

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

int template_name_parse(struct template_parser *parser, struct template_part *part)
{
    const struct name *name = names;
    size_t skip;

    if (part->name.len == 0) {
        err_set(parser->err, "there is no name between the braces; literal braces are {{ and }}");
        return template_fail_at(parser, part->name.data);
    }
    if (is_digits(part->name)) {
        return parse_capture(parser, part);
    }
    while (name < names + NAME_COUNT && !is_named(name, part->name)) {
        name++;
    }
    if (name == names + NAME_COUNT) {
        return fail_unknown(parser, part->name);
    }
    if (check_scope(parser, name, part->name) != 0) {
        return -1;
    }
    skip = strlen(name->text);
    part->kind = name->kind;
    part->argument = slice_make(part->name.data + skip, part->name.len - skip);
    return name->parse ? name->parse(parser, part) : 0;
}
