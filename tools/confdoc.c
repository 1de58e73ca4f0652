/* Prints a document of the configuration, made from the table of keys (conf/keys.c):
 *
 *     confdoc schema | man | reference
 *
 * For: conf/chunneld.schema.json, man/chunneld.json.5 and doc/reference.md, which are kept in the
 * repository; tests/checks/generated.py fails when one of them is stale. */
#include "confdoc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/units.h"

/* "1ms to 1h", for keys with a range. */
static void confdoc_range(const struct conf_key *key, struct strbuf *out)
{
    if (key->size == 0) {
        return;
    }
    if (key->type == CONF_TYPE_INTEGER) {
        strbuf_append_format(out, ", %" PRId64 " to %" PRId64, key->min, key->max);
    } else if (key->type == CONF_TYPE_DURATION || key->type == CONF_TYPE_SIZE) {
        void (*print)(uint64_t, struct strbuf *) =
            key->type == CONF_TYPE_DURATION ? conf_duration_print : conf_size_print;

        strbuf_append_text(out, ", ");
        print((uint64_t)key->min, out);
        strbuf_append_text(out, " to ");
        print((uint64_t)key->max, out);
    }
}

static void confdoc_words(const struct conf_key *key, struct strbuf *out)
{
    const struct conf_word *word;
    size_t count = 0;

    for (word = key->words; word->name != NULL; word++) {
        if (word->value != CONF_WORD_LATER) {
            strbuf_append_format(out, "%s`\"%s\"`", count++ ? ", " : "", word->name);
        }
    }
}

void confdoc_type(const struct conf_key *key, struct strbuf *out)
{
    static const char *const names[] = {
        [CONF_TYPE_BOOL] = "true or false",
        [CONF_TYPE_INTEGER] = "whole number",
        [CONF_TYPE_DURATION] = "duration",
        [CONF_TYPE_SIZE] = "size",
        [CONF_TYPE_STRING] = "string",
        [CONF_TYPE_NAME] = "name",
        [CONF_TYPE_PATH] = "path of a file",
        [CONF_TYPE_STRINGS] = "string or list of strings",
        [CONF_TYPE_WORD] = "",
        [CONF_TYPE_TEMPLATE] = "template",
        [CONF_TYPE_TABLE] = "object of field values",
        [CONF_TYPE_HEADERS] = "object of templates and field values",
        [CONF_TYPE_FILTER] = "condition",
        [CONF_TYPE_URL] = "URL",
        [CONF_TYPE_URLS] = "list of URLs",
        [CONF_TYPE_CONNECTION] = "name of a connection",
        [CONF_TYPE_OBJECT] = "object",
        [CONF_TYPE_LIST] = "list of objects",
        [CONF_TYPE_MAP] = "object of objects",
    };

    if (key->size == 0 && key->fallback != NULL && key->type != CONF_TYPE_OBJECT) {
        confdoc_default(key, out); /* the only value that it may have */
        return;
    }
    strbuf_append_text(out, names[key->type]);
    if (key->kind != NULL) {
        strbuf_append_format(out, ", see %s", key->kind->title);
    }
    if (key->type == CONF_TYPE_WORD) {
        confdoc_words(key, out);
    } else if (key->single) {
        strbuf_append_text(out, ", or one of them");
    }
    confdoc_range(key, out);
}

void confdoc_default(const struct conf_key *key, struct strbuf *out)
{
    if (key->fallback_words != NULL) {
        strbuf_append_text(out, key->fallback_words);
    } else if (key->fallback == NULL || key->type == CONF_TYPE_OBJECT) {
        return;
    } else if (key->type == CONF_TYPE_BOOL || key->type == CONF_TYPE_INTEGER) {
        strbuf_append_format(out, "`%s`", key->fallback);
    } else {
        strbuf_append_format(out, "`\"%s\"`", key->fallback);
    }
}

void confdoc_variants(const struct conf_kind *kind, const struct conf_key *key, struct strbuf *out)
{
    const struct conf_variant *variant;
    size_t begin = out->len;

    if (key->variants == 0) {
        return;
    }
    for (variant = kind->variants; variant->name != NULL; variant++) {
        if ((key->variants & variant->bit) != 0) {
            strbuf_append_format(out, "%s%s", out->len > begin ? " or " : "", variant->name);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(struct strbuf *out);
    } documents[] = {
        {"schema", confdoc_schema}, {"man", confdoc_man}, {"reference", confdoc_reference}};
    struct strbuf out = STRBUF_INIT;
    size_t i;

    for (i = 0; argc == 2 && i < sizeof(documents) / sizeof(documents[0]); i++) {
        if (strcmp(argv[1], documents[i].name) == 0) {
            documents[i].print(&out);
        }
    }
    if (out.len == 0 || strbuf_failed(&out)) {
        fprintf(stderr, "usage: confdoc schema | man | reference\n");
        strbuf_fini(&out);
        return 64;
    }
    fputs(strbuf_text(&out), stdout);
    strbuf_fini(&out);
    return fflush(stdout) == 0 ? 0 : 74;
}
