/* Compiling templates. For: cutting the text of a rule into parts, and the filters. Not for: what
 * the names mean (core/template_name.c), filling them in (core/template_expand.c). */
#include <limits.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "core/template_part.h"

static unsigned char filter_dots(unsigned char c)
{
    return c == ':' || c == '/' ? '.' : c;
}

static unsigned char filter_colons(unsigned char c)
{
    return c == '.' ? ':' : c;
}

static unsigned char filter_lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

static unsigned char filter_upper(unsigned char c)
{
    return c >= 'a' && c <= 'z' ? (unsigned char)(c - 'a' + 'A') : c;
}

static const char *const filter_names[] = {"dots", "colons", "lower", "upper"};
static unsigned char (*const filters[])(unsigned char) = {filter_dots, filter_colons, filter_lower,
                                                          filter_upper};

enum { FILTER_COUNT = sizeof(filters) / sizeof(filters[0]) };

int template_fail_at(struct template_parser *parser, const char *where)
{
    parser->column = (size_t)(where - parser->text.data) + 1;
    return -1;
}

static int parse_filter(struct template_parser *parser, struct template_part *part,
                        struct slice text)
{
    unsigned filter = 0;

    while (filter < FILTER_COUNT && !slice_equal_text(text, filter_names[filter])) {
        filter++;
    }
    if (filter == FILTER_COUNT) {
        err_set(parser->err, "unknown filter \"%.*s\"; the nearest known one is \"%s\"",
                (int)text.len, text.data, nearest_name(text, filter_names, FILTER_COUNT));
        return template_fail_at(parser, text.data);
    }
    if (part->map == NULL) {
        part->map = malloc(UCHAR_MAX + 1);
        if (part->map == NULL) {
            err_set(parser->err, "out of memory");
            return template_fail_at(parser, text.data);
        }
        for (unsigned c = 0; c <= UCHAR_MAX; c++) {
            part->map[c] = (unsigned char)c;
        }
    }
    for (unsigned c = 0; c <= UCHAR_MAX; c++) {
        part->map[c] = filters[filter](part->map[c]);
    }
    return 0;
}

/* Up to the next `|` or the end. */
static struct slice take_item(struct slice *rest)
{
    const char *bar = memchr(rest->data, '|', rest->len);
    struct slice item = *rest;

    if (bar != NULL) {
        item.len = (size_t)(bar - rest->data);
    }
    *rest = slice_make(rest->data + item.len, rest->len - item.len);
    return item;
}

static int parse_placeholder(struct template_parser *parser)
{
    const char *open = parser->text.data + parser->at;
    const char *close = memchr(open, '}', parser->text.len - parser->at);
    struct template_part *part = &parser->template->parts[parser->template->part_count++];
    struct slice rest;

    if (close == NULL) {
        err_set(parser->err, "\"{\" without its \"}\"; a literal brace is written {{");
        return template_fail_at(parser, open);
    }
    rest = slice_make(open + 1, (size_t)(close - open) - 1);
    part->name = take_item(&rest);
    if (template_name_parse(parser, part) != 0) {
        return -1;
    }
    while (rest.len > 0) {
        rest = slice_make(rest.data + 1, rest.len - 1);
        if (parse_filter(parser, part, take_item(&rest)) != 0) {
            return -1;
        }
    }
    parser->at = (size_t)(close - parser->text.data) + 1;
    return 0;
}

/* Whether the byte at `at` stands there twice. */
static bool is_doubled(struct slice text, size_t at)
{
    return at + 1 < text.len && text.data[at + 1] == text.data[at];
}

static int parse_literal(struct template_parser *parser)
{
    struct template *template = parser->template;
    struct template_part *part = &template->parts[template->part_count++];
    const char *start = template->literals + parser->literals_len;

    part->kind = TEMPLATE_LITERAL;
    while (parser->at < parser->text.len) {
        char c = parser->text.data[parser->at];

        if (c == '{' || c == '}') {
            if (!is_doubled(parser->text, parser->at)) {
                break;
            }
            parser->at++;
        }
        template->literals[parser->literals_len++] = c;
        parser->at++;
    }
    part->argument = slice_make(start, (size_t)(template->literals + parser->literals_len - start));
    return 0;
}

static int parse_part(struct template_parser *parser)
{
    char c = parser->text.data[parser->at];

    if ((c != '{' && c != '}') || is_doubled(parser->text, parser->at)) {
        return parse_literal(parser);
    }
    if (c == '{') {
        return parse_placeholder(parser);
    }
    err_set(parser->err, "\"}\" without its \"{\"; a literal brace is written }}");
    return template_fail_at(parser, parser->text.data + parser->at);
}

int template_parse(struct template *template, const struct template_source *source, struct err *err,
                   size_t *out_column)
{
    struct template_parser parser = {
        .template = template,
        .source = source,
        .text = slice_make(template->text, template->text_len),
        .err = err,
        .column = 1,
    };
    bool from_amqp = (source->scope & TEMPLATE_SCOPE_AMQP) != 0;

    while (parser.at < parser.text.len) {
        if (parse_part(&parser) != 0) {
            *out_column = parser.column;
            return -1;
        }
    }
    for (size_t i = 0; i < template->part_count; i++) {
        enum template_kind kind = template->parts[i].kind;

        template->needs_properties |= kind == TEMPLATE_HEADER || kind == TEMPLATE_PROPERTY ||
                                      (kind == TEMPLATE_ID && from_amqp);
        template->needs_json |= kind == TEMPLATE_JSON;
    }
    return 0;
}
