/* What texts a template may give, as far as is known before there is any message. For whoever
 * thinks about rules, not for messages. */
#ifndef CHUNNELD_CORE_TEMPLATE_OUTLINE_H
#define CHUNNELD_CORE_TEMPLATE_OUTLINE_H

#include <stdbool.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "core/template.h"

/* What is known of the messages. Globs are those of core/glob.h; data NULL: nothing is known. */
struct template_known {
    struct slice channel;     /* glob */
    struct slice pattern;     /* the pattern that they come by, itself */
    struct slice queue;       /* text */
    struct slice exchange;    /* text */
    struct slice routing_key; /* glob */
};

/* Appends a glob that every text matches which the template gives for such messages. */
void template_outline(const struct template *template, const struct template_context *context,
                      const struct template_known *known, struct strbuf *out);
/* Whether its text depends on names alone, and those that are no globs are known. */
bool template_is_of_names(const struct template *template, const struct template_known *known);

/* Appends a glob that matches `text` alone. */
void template_outline_text(struct slice text, struct strbuf *out);

#endif
