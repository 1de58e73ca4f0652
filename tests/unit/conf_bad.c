/* Loading texts that are no good, and comparing what is said. For: the tests of conf/. */
#include "conf_bad.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "conf/load_text.h"

/* A copy of `text` with every `from` as `to`. */
static char *replaced(const char *text, char from, char to)
{
    char *copy = strdup(text);
    char *c;

    assert_non_null(copy);
    for (c = copy; *c != '\0'; c++) {
        *c = *c == from ? to : *c;
    }
    return copy;
}

static void note(void *ctx, const char *line)
{
    struct strbuf *said = ctx;

    assert_memory_equal(line, "f:", 2);
    strbuf_append_format(said, "%s%s", said->len ? "\n" : "", line + 2);
}

void conf_bad_check(const struct conf_bad *cases, size_t count)
{
    struct strbuf said = STRBUF_INIT;
    size_t i;

    for (i = 0; i < count; i++) {
        char *text = replaced(cases[i].text, '\'', '"');
        struct config *config = config_load_text("f", slice_of(text), note, &said);
        char *shown = replaced(strbuf_text(&said), '"', '\'');

        if (config != NULL || strcmp(shown, cases[i].problems) != 0) {
            print_error("of %s\n", text);
        }
        assert_null(config);
        assert_string_equal(shown, cases[i].problems);
        free(shown);
        free(text);
        strbuf_reset(&said);
    }
    strbuf_fini(&said);
}

static void show(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

void conf_warned_check(const struct conf_bad *cases, size_t count)
{
    struct strbuf said = STRBUF_INIT;
    size_t i;
    size_t j;

    for (i = 0; i < count; i++) {
        char *text = replaced(cases[i].text, '\'', '"');
        struct config *config = config_load_text("f", slice_of(text), show, NULL);
        char *shown;

        assert_non_null(config);
        for (j = 0; j < config->warnings.count; j++) {
            note(&said, config->warnings.items[j]);
        }
        shown = replaced(strbuf_text(&said), '"', '\'');
        assert_string_equal(shown, cases[i].problems);
        free(shown);
        config_free(config);
        free(text);
        strbuf_reset(&said);
    }
    strbuf_fini(&said);
}
