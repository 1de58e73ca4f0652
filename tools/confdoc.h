/* The documents of the configuration, made from the table of keys. */
#ifndef CHUNNELD_TOOLS_CONFDOC_H
#define CHUNNELD_TOOLS_CONFDOC_H

#include "base/strbuf.h"
#include "conf/keys.h"

/* A part of the documents that no table can say. Its text is paragraphs with an empty line between;
 * lines that begin with four spaces are shown as they are, `words` are set off. */
struct confdoc_topic {
    const char *title;
    const char *text;
};

/* Ends with a NULL title. */
extern const struct confdoc_topic confdoc_topics[];

/* What both documents say of a key, in words: its type with range or words ("a duration, 1ms to
 * 1h"); its default (empty where there is none); what it is for ("AMQP queues only", empty: all).
 */
void confdoc_type(const struct conf_key *key, struct strbuf *out);
void confdoc_default(const struct conf_key *key, struct strbuf *out);
void confdoc_variants(const struct conf_kind *kind, const struct conf_key *key, struct strbuf *out);

/* The documents. */
void confdoc_schema(struct strbuf *out);
void confdoc_man(struct strbuf *out);
void confdoc_reference(struct strbuf *out);

#endif
