/* What a compiled template is made of; for the template files alone. */
#ifndef CHUNNELD_CORE_TEMPLATE_PART_H
#define CHUNNELD_CORE_TEMPLATE_PART_H

#include <stddef.h>
#include <stdint.h>

#include "core/template.h"

enum template_kind {
    TEMPLATE_LITERAL,      /* argument: the text itself */
    TEMPLATE_CHANNEL,      /* {channel} */
    TEMPLATE_PATTERN,      /* {pattern} */
    TEMPLATE_CAPTURE,      /* {1} to {9}; number: from 0 */
    TEMPLATE_QUEUE,        /* {queue} */
    TEMPLATE_EXCHANGE,     /* {exchange} */
    TEMPLATE_ROUTING_KEY,  /* {routing_key} */
    TEMPLATE_ROUTING_WORD, /* {routing_key.N}; number: from 1 */
    TEMPLATE_HEADER,       /* {header.NAME}; argument: NAME */
    TEMPLATE_PROPERTY,     /* {property.NAME}; number: enum property */
    TEMPLATE_JSON,         /* {json:/pointer}; argument: the pointer */
    TEMPLATE_ID,           /* {id} */
    TEMPLATE_INSTANCE,     /* {instance} */
    TEMPLATE_BRIDGE,       /* {bridge} */
    TEMPLATE_TIMESTAMP,    /* {timestamp} */
};

struct template_part {
    enum template_kind kind;
    unsigned number;
    struct slice name;     /* as between the braces, without filters; for errors */
    struct slice argument; /* see the kinds */
    unsigned char *map;    /* all its filters as one table of 256 bytes, owned; NULL: no filter */
};

struct template
{
    char *text; /* owned copy of the source text; names and arguments point into it */
    size_t text_len;
    char *literals;              /* owned; the literal parts, with `{{` made `{`, point into it */
    struct template_part *parts; /* owned; two literals never stand side by side */
    size_t part_count;
    bool needs_properties;
    bool needs_json;
};

/* A text being compiled. */
struct template_parser {
    struct template *template;
    const struct template_source *source;
    struct slice text;   /* all of it */
    size_t at;           /* read up to here */
    size_t literals_len; /* bytes of template->literals in use */
    struct err *err;
    size_t column; /* of the error, from 1 */
};

/* Fills the parts of `template`, whose text is set and whose arrays are large enough. -1, words and
 * the column as template_new(). */
int template_parse(struct template *template, const struct template_source *source, struct err *err,
                   size_t *out_column);

/* Says what part->name asks for: kind, number and argument. -1 and words. */
int template_name_parse(struct template_parser *parser, struct template_part *part);
/* Remembers that the error, whose words are set, is about what begins at `where`. Returns -1. */
int template_fail_at(struct template_parser *parser, const char *where);

#endif
