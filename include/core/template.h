/* Templates of the rules: text with {names} that each message fills in.
 *
 *     orders.{1|dots}.{json:/customer/id|lower}
 *
 * `{{` and `}}` are literal braces. Names: channel, pattern, 1..9, queue, exchange, routing_key,
 * routing_key.N (dot-separated words, from 1), header.NAME, property.NAME, json:/pointer
 * (RFC 6901), id, instance, bridge, timestamp (ms). Filters, applied in order: dots (`:` and `/`
 * become `.`), colons (`.` becomes `:`), lower, upper (ASCII only). A header's NAME and a pointer
 * may hold any character but `|` and `}`. id is the message's own message_id where it came with
 * one. */
#ifndef CHUNNELD_CORE_TEMPLATE_H
#define CHUNNELD_CORE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "core/delivery.h"

/* What the source of a bridge can supply. id, instance, bridge, timestamp and json are always
 * there. */
enum template_scope {
    TEMPLATE_SCOPE_CHANNEL = 1u << 0,    /* channel */
    TEMPLATE_SCOPE_PATTERN = 1u << 1,    /* pattern, and 1..captures */
    TEMPLATE_SCOPE_PROPERTIES = 1u << 2, /* header.*, property.* */
    TEMPLATE_SCOPE_ROUTE = 1u << 3,      /* queue, exchange, routing_key */
    TEMPLATE_SCOPE_AMQP = TEMPLATE_SCOPE_PROPERTIES | TEMPLATE_SCOPE_ROUTE,
};

struct template_source {
    unsigned scope;    /* enum template_scope */
    unsigned captures; /* wildcards in the pattern with the fewest; 0 to 9 */
};

struct template;
struct body_json;

/* What a template may ask beside the delivery itself. */
struct template_context {
    struct slice instance;
    struct slice bridge;
    struct body_json *body; /* keeps the JSON of bodies; NULL: each expansion parses anew */
};

/* Compiles `text`. NULL and words in `err` (with the column in `text`, from 1, in *out_column):
 * unknown name (naming the nearest), a name that the source cannot supply, unknown filter, a brace
 * without its partner, empty name, out of memory. The caller frees it. */
struct template *template_new(struct slice text, const struct template_source *source,
                              struct err *err, size_t *out_column);
void template_free(struct template *template);

/* True: the same text for every message; *out_text has it, for the template's life. */
bool template_is_constant(const struct template *template, struct slice *out_text);
/* True: some name in it needs delivery->properties. */
bool template_needs_properties(const struct template *template);
/* True: some name in it is {json:...}. */
bool template_needs_json(const struct template *template);
/* The text that it was compiled from, for the template's life. */
struct slice template_source_text(const struct template *template);

/* Appends the expansion for `delivery` to `out`. -1 and words in `err` when a value is missing (no
 * such header, no such word of the routing key, a body that is no JSON or lacks the pointer, a
 * value that is an object, array or null); `out` is then as before. */
int template_expand(const struct template *template, const struct template_context *context,
                    const struct delivery *delivery, struct strbuf *out, struct err *err);

#endif
