/* The manual page of the configuration, in mdoc. */
#include "confdoc.h"

#include <ctype.h>
#include <string.h>

enum { MAN_LINE = 78 }; /* bytes of a line, where it can be broken */

/* A character of running text, safe for roff. */
static void man_char(struct strbuf *out, char c)
{
    if (c == '\\') {
        strbuf_append_text(out, "\\e");
    } else if (c == '-') {
        strbuf_append_text(out, "\\-");
    } else {
        strbuf_append_char(out, c);
    }
}

/* A line as it is: no request, whatever it begins with. */
static void man_line(struct strbuf *out, const char *line, size_t len)
{
    size_t i;

    if (len > 0 && (line[0] == '.' || line[0] == '\'')) {
        strbuf_append_text(out, "\\&");
    }
    for (i = 0; i < len; i++) {
        man_char(out, line[i]);
    }
    strbuf_append_char(out, '\n');
}

/* Whether a sentence ends before text[i]. */
static bool man_sentence_ends(const char *text, size_t len, size_t i)
{
    return i > 0 && strchr(".:?", text[i - 1]) != NULL && text[i] == ' ' && i + 1 < len &&
           (isupper((unsigned char)text[i + 1]) || text[i + 1] == '`');
}

/* Running text: every sentence begins a line, and lines are short; `words` come out in bold. */
static void man_words(struct strbuf *out, const char *text, size_t len)
{
    size_t begin = out->len; /* of the line under way */
    size_t space = 0;        /* the last place where it may be broken; 0: none */
    bool bold = false;
    size_t i;

    strbuf_append_text(out, len > 0 && strchr(".'", text[0]) != NULL ? "\\&" : "");
    for (i = 0; i < len; i++) {
        if (text[i] == '`') {
            bold = !bold;
            strbuf_append_text(out, bold ? "\\fB" : "\\fP");
            continue;
        }
        if (!bold && man_sentence_ends(text, len, i)) {
            strbuf_append_char(out, '\n');
            begin = out->len;
            space = 0;
            continue;
        }
        if (text[i] == ' ' && i + 1 < len && strchr(".'", text[i + 1]) == NULL) {
            space = out->len;
        }
        man_char(out, text[i]);
        if (out->len - begin > MAN_LINE && space != 0 && !strbuf_failed(out)) {
            out->data[space] = '\n';
            begin = space + 1;
            space = 0;
        }
    }
    strbuf_append_char(out, '\n');
}

/* A topic's text: paragraphs, and what is indented as it is. */
static void man_text(struct strbuf *out, const char *text)
{
    bool block = false;
    const char *line;
    size_t len;

    for (line = text; *line != '\0'; line += len + (line[len] == '\n')) {
        bool indented = strncmp(line, "    ", 4) == 0;

        len = strcspn(line, "\n");
        if (indented && !block) {
            strbuf_append_text(out, ".Bd -literal -offset 2n\n");
        } else if (!indented && block) {
            strbuf_append_text(out, ".Ed\n");
        }
        block = indented;
        if (indented) {
            man_line(out, line + 4, len - 4);
        } else if (len == 0) {
            bool before_block = strncmp(line + 1, "    ", 4) == 0; /* that makes its own space */

            strbuf_append_text(out, before_block ? "" : ".Pp\n");
        } else {
            man_words(out, line, len);
        }
    }
    strbuf_append_text(out, block ? ".Ed\n" : "");
}

/* A title as mdoc wants section titles. */
static void man_section(struct strbuf *out, const char *title)
{
    strbuf_append_text(out, ".Sh ");
    for (; *title != '\0'; title++) {
        strbuf_append_char(out, (char)toupper((unsigned char)*title));
    }
    strbuf_append_char(out, '\n');
}

static void man_key(struct strbuf *out, const struct conf_kind *kind, const struct conf_key *key)
{
    static const char fixed[] = "A change needs a restart.";
    struct strbuf text = STRBUF_INIT;

    strbuf_append_format(out, ".It Cm %s\n", key->name);
    confdoc_type(key, &text);
    if (key->required) {
        strbuf_append_text(&text, "; needed");
    } else if (key->fallback != NULL || key->fallback_words != NULL) {
        size_t begin = text.len;

        confdoc_default(key, &text);
        if (text.len > begin) {
            struct strbuf fallback = STRBUF_INIT;

            strbuf_append_text(&fallback, text.data + begin);
            strbuf_truncate(&text, begin);
            strbuf_append_format(&text, "; default: %s", strbuf_text(&fallback));
            strbuf_fini(&fallback);
        }
    }
    strbuf_append_text(&text, ".");
    man_words(out, text.data, text.len);
    strbuf_append_text(out, ".br\n");
    man_words(out, key->help, strlen(key->help));
    if (key->fixed) {
        man_words(out, fixed, strlen(fixed));
    }
    if (key->variants != 0) {
        strbuf_reset(&text);
        strbuf_append_text(&text, "For ");
        confdoc_variants(kind, key, &text);
        strbuf_append_text(&text, ".");
        man_words(out, text.data, text.len);
    }
    strbuf_fini(&text);
}

static void man_kind(struct strbuf *out, const struct conf_kind *kind)
{
    size_t i;

    man_section(out, kind->title);
    man_words(out, kind->help, strlen(kind->help));
    strbuf_append_text(out, ".Bl -tag -width Ds\n");
    for (i = 0; i < kind->key_count; i++) {
        if (kind->keys[i].type != CONF_TYPE_LATER) {
            man_key(out, kind, &kind->keys[i]);
        }
    }
    strbuf_append_text(out, ".El\n");
}

void confdoc_man(struct strbuf *out)
{
    const struct confdoc_topic *topic = confdoc_topics;
    size_t i;

    strbuf_append_text(
        out, ".\\\" made by tools/confdoc from the table in src/conf/keys*.c: change it there\n"
             ".Dd November 23, 2026\n"
             ".Dt CHUNNELD.JSON 5\n"
             ".Os\n"
             ".Sh NAME\n"
             ".Nm chunneld.json\n"
             ".Nd configuration of chunneld\n"
             ".Sh DESCRIPTION\n");
    man_text(out, topic->text);
    for (topic++; topic->title != NULL; topic++) {
        man_section(out, topic->title);
        man_text(out, topic->text);
    }
    for (i = 0; conf_kinds[i] != NULL; i++) {
        man_kind(out, conf_kinds[i]);
    }
    strbuf_append_text(out, ".Sh SEE ALSO\n"
                            ".Xr chunneld 8\n");
}
