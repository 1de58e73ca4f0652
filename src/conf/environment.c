/* Variables of the environment in strings. For: what is under "connections". Not for: commands,
 * nesting or any other art of the shell. */
#include "conf/environment.h"

#include <stdbool.h>
#include <stdlib.h>

enum { CONF_VARIABLE_MAX = 255 }; /* longest name */

static bool conf_variable_char(char c, bool first)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (!first && c >= '0' && c <= '9');
}

static bool conf_variable_begins_in(struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '$' && text.data[i + 1] == '{') {
            return true;
        }
    }
    return false;
}

/* Appends the value of what stands between the braces. */
static int conf_variable_expand(struct slice inner, struct strbuf *out, struct err *err)
{
    char name[CONF_VARIABLE_MAX + 1];
    struct slice rest;
    const char *value;
    size_t len = 0;

    while (len < inner.len && len < CONF_VARIABLE_MAX &&
           conf_variable_char(inner.data[len], len == 0)) {
        name[len] = inner.data[len];
        len++;
    }
    name[len] = '\0';
    rest = slice_make(inner.data + len, inner.len - len);
    if (len == 0 || (rest.len > 0 && (rest.len < 2 || memcmp(rest.data, ":-", 2) != 0))) {
        return err_set(err,
                       "not a variable; write ${NAME} or ${NAME:-default}, the name of letters, "
                       "digits and _");
    }
    if (conf_variable_begins_in(rest)) {
        return err_set(err, "a default is plain text; a variable in it means nothing");
    }
    value = getenv(name);
    if (rest.len > 0 && (value == NULL || value[0] == '\0')) {
        strbuf_append(out, rest.data + 2, rest.len - 2);
        return 0;
    }
    if (value == NULL) {
        return err_set(err, "the environment has no %s; set it, or give a default: ${%s:-default}",
                       name, name);
    }
    strbuf_append_text(out, value);
    return 0;
}

int conf_environment_expand(struct slice text, struct strbuf *out, struct err *err,
                            size_t *out_index)
{
    size_t at = 0;

    while (at < text.len) {
        const char *end;
        struct slice inner;

        if (text.data[at] != '$' || at + 1 >= text.len || text.data[at + 1] != '{') {
            strbuf_append_char(out, text.data[at++]);
            continue;
        }
        *out_index = at;
        end = memchr(text.data + at, '}', text.len - at);
        if (end == NULL) {
            return err_set(err, "\"${\" has no end; close it with \"}\"");
        }
        inner = slice_make(text.data + at + 2, (size_t)(end - text.data) - at - 2);
        if (conf_variable_expand(inner, out, err) != 0) {
            return -1;
        }
        at += inner.len + 3;
    }
    return 0;
}
