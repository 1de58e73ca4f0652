/* The reference of the configuration in Markdown. */
#include "confdoc.h"

#include <string.h>

/* A topic's text: what is indented becomes a block. */
static void reference_text(struct strbuf *out, const char *text)
{
    bool block = false;
    const char *line;
    size_t len;

    for (line = text; *line != '\0'; line += len + (line[len] == '\n')) {
        bool indented = strncmp(line, "    ", 4) == 0;

        len = strcspn(line, "\n");
        if (indented != block) {
            strbuf_append_text(out, "```\n");
            block = indented;
        }
        strbuf_append(out, line + (indented ? 4 : 0), len - (indented ? 4 : 0));
        strbuf_append_char(out, '\n');
    }
    strbuf_append_text(out, block ? "```\n\n" : "\n");
}

/* Text in a cell of a table. */
static void reference_cell(struct strbuf *out, struct strbuf *text)
{
    size_t i;

    strbuf_append_char(out, ' ');
    for (i = 0; i < text->len; i++) {
        if (text->data[i] == '|') {
            strbuf_append_char(out, '\\');
        }
        strbuf_append_char(out, text->data[i]);
    }
    strbuf_append_text(out, " |");
    strbuf_reset(text);
}

static void reference_key(struct strbuf *out, const struct conf_kind *kind,
                          const struct conf_key *key)
{
    struct strbuf cell = STRBUF_INIT;

    strbuf_append_char(out, '|');
    strbuf_append_format(&cell, "`%s`", key->name);
    reference_cell(out, &cell);
    confdoc_type(key, &cell);
    reference_cell(out, &cell);
    if (key->required) {
        strbuf_append_text(&cell, "*needed*");
    }
    confdoc_default(key, &cell);
    reference_cell(out, &cell);
    strbuf_append_text(&cell, key->help);
    if (key->fixed) {
        strbuf_append_text(&cell, " *A change needs a restart.*");
    }
    if (key->variants != 0) {
        strbuf_append_text(&cell, " *For ");
        confdoc_variants(kind, key, &cell);
        strbuf_append_text(&cell, ".*");
    }
    reference_cell(out, &cell);
    strbuf_append_char(out, '\n');
    strbuf_fini(&cell);
}

static void reference_kind(struct strbuf *out, const struct conf_kind *kind)
{
    size_t i;

    strbuf_append_format(out, "## %s\n\n%s\n\n", kind->title, kind->help);
    strbuf_append_text(out, "| key | value | default | |\n| --- | --- | --- | --- |\n");
    for (i = 0; i < kind->key_count; i++) {
        if (kind->keys[i].type != CONF_TYPE_LATER) {
            reference_key(out, kind, &kind->keys[i]);
        }
    }
    strbuf_append_char(out, '\n');
}

void confdoc_reference(struct strbuf *out)
{
    const struct confdoc_topic *topic;
    size_t i;

    strbuf_append_text(out, "# The configuration of chunneld\n\n"
                            "<!-- made by tools/confdoc from the table in src/conf/keys*.c: change "
                            "it there -->\n\n");
    for (topic = confdoc_topics; topic->title != NULL; topic++) {
        strbuf_append_format(out, "## %s\n\n", topic->title);
        reference_text(out, topic->text);
    }
    for (i = 0; conf_kinds[i] != NULL; i++) {
        reference_kind(out, conf_kinds[i]);
    }
    strbuf_truncate(out, out->len - 1); /* one newline at the end */
}
