/* Fuzzing of the configuration: any text must be refused in words, or become a configuration that
 * prints as one that is taken again and prints the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problem(void *ctx, const char *line)
{
    size_t *count = ctx;

    if (strncmp(line, "f:", 2) != 0 || strchr(line, '\n') != NULL) {
        abort();
    }
    ++*count;
}

/* Loads the text, which must end in a configuration or in problems, and not in both. */
static struct config *load(struct slice text, size_t *out_problems)
{
    struct config *config;

    *out_problems = 0;
    config = config_load_text("f", text, check_problem, out_problems);
    if ((config == NULL) != (*out_problems > 0)) {
        abort();
    }
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf first = STRBUF_INIT;
    struct strbuf second = STRBUF_INIT;
    size_t problems;
    struct config *config = load(slice_make(data, size), &problems);
    struct config *again;

    if (config == NULL) {
        return 0;
    }
    config_print(config, &first);
    again = load(strbuf_slice(&first), &problems);
    if (again == NULL) {
        abort();
    }
    config_print(again, &second);
    if (strcmp(strbuf_text(&first), strbuf_text(&second)) != 0) {
        abort();
    }
    strbuf_fini(&first);
    strbuf_fini(&second);
    config_free(config);
    config_free(again);
    return 0;
}
