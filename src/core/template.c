/* Templates as objects: made, asked about, freed. Not for: reading their text
 * (core/template_parse.c), filling them in (core/template_expand.c). */
#include "core/template.h"

#include <stdlib.h>

#include "core/template_part.h"

/* At most two parts begin at a brace: the placeholder and the literal behind it. */
static size_t count_parts_max(struct slice text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++) {
        count += text.data[i] == '{' ? 2 : 0;
    }
    return count;
}

struct template *template_new(struct slice text, const struct template_source *source,
                              struct err *err, size_t *out_column)
{
    struct template *template = calloc(1, sizeof(*template));

    if (template == NULL) {
        goto out_of_memory;
    }
    template->text = malloc(text.len + 1);
    template->literals = malloc(text.len + 1);
    template->parts = calloc(count_parts_max(text), sizeof(template->parts[0]));
    if (template->text == NULL || template->literals == NULL || template->parts == NULL) {
        goto out_of_memory;
    }
    if (text.len > 0) {
        memcpy(template->text, text.data, text.len);
    }
    template->text_len = text.len;
    if (template_parse(template, source, err, out_column) != 0) {
        template_free(template);
        return NULL;
    }
    return template;

out_of_memory:
    template_free(template);
    err_set(err, "out of memory");
    *out_column = 1;
    return NULL;
}

void template_free(struct template *template)
{
    if (template == NULL) {
        return;
    }
    for (size_t i = 0; i < template->part_count; i++) {
        free(template->parts[i].map);
    }
    free(template->parts);
    free(template->literals);
    free(template->text);
    free(template);
}

bool template_is_constant(const struct template *template, struct slice *out_text)
{
    if (template->part_count == 0) {
        *out_text = slice_make(template->literals, 0);
        return true;
    }
    if (template->part_count == 1 && template->parts[0].kind == TEMPLATE_LITERAL) {
        *out_text = template->parts[0].argument;
        return true;
    }
    return false;
}

bool template_needs_properties(const struct template *template)
{
    return template->needs_properties;
}

bool template_needs_json(const struct template *template)
{
    return template->needs_json;
}

struct slice template_source_text(const struct template *template)
{
    return slice_make(template->text, template->text_len);
}
