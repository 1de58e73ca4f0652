/* The two templates of a mirror with a pattern: from a channel to a routing key, and back. For
 * conf/mirror.c. */
#ifndef CHUNNELD_CONF_INVERSE_H
#define CHUNNELD_CONF_INVERSE_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "core/template.h"

/* What a mirror makes of names. All is borrowed. */
struct conf_inverse {
    const char *pattern;                /* that the channels match */
    const char *exchange;               /* for {exchange} */
    const char *queue;                  /* for {queue} */
    const struct template *routing_key; /* from a channel */
    const struct template *channel;     /* from a routing key */
    struct template_context context;
};

/* Whether each channel comes back as itself, tried with channels whose wildcards are words of
 * letters and digits. -1 and words in `err`, with an example of one that does not. */
int conf_inverse_check(const struct conf_inverse *inverse, struct err *err);

/* Appends a binding key of a topic exchange that takes all routing keys of such channels: the words
 * that are the same for all of them, and "#". -1: out of memory, or they have none. */
int conf_inverse_binding_key(const struct conf_inverse *inverse, struct strbuf *out);

/* Appends a text that the glob matches, with `word` for its wildcards. */
void conf_inverse_sample(struct slice pattern, const char *word, struct strbuf *out);

#endif
