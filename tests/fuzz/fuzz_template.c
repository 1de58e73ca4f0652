/* Any template on any message: compiling must say where it fails, expanding must leave the buffer
 * alone when it does, and a constant template must expand to its constant. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/glob.h"
#include "core/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes up to the next NUL; *rest moves behind it. */
static struct slice take_text(struct slice *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;
    struct slice text = *rest;

    if (end == NULL) {
        *rest = slice_make(rest->data, 0);
        return text;
    }
    text.len = (size_t)(end - rest->data);
    *rest = slice_make(end + 1, rest->len - text.len - 1);
    return text;
}

static void expand(const struct template *template, const struct delivery *delivery)
{
    static const struct template_context context = {SLICE("gw-1"), SLICE("b"), NULL};
    struct strbuf out = STRBUF_INIT;
    struct err err = {""};
    struct slice constant;

    strbuf_append_text(&out, "before");
    if (template_expand(template, &context, delivery, &out, &err) != 0) {
        assert(slice_equal_text(strbuf_slice(&out), "before"));
        assert(err.text[0] != '\0');
        assert(!template_is_constant(template, &constant));
    } else if (template_is_constant(template, &constant)) {
        assert(slice_equal(slice_make(out.data + 6, out.len - 6), constant));
    }
    assert(memcmp(out.data, "before", 6) == 0);
    strbuf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    struct slice text = take_text(&rest);
    struct slice second = take_text(&rest);
    struct slice third = take_text(&rest);
    struct field_entry entry = {second, {.type = FIELD_STRING, .value.bytes = third}};
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {&entry, 1}};
    struct delivery delivery = {.channel = second, .pattern = third, .body = rest};
    struct delivery from_amqp = {
        .queue = second, .routing_key = third, .body = rest, .properties = &properties};
    const struct template_source sources[] = {
        {TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN, glob_count_wildcards(third)},
        {TEMPLATE_SCOPE_AMQP, 0},
    };

    for (unsigned i = 0; i < 2; i++) {
        size_t column = 0;
        struct err err = {""};
        struct template *template = template_new(text, &sources[i], &err, &column);

        if (template == NULL) {
            assert(err.text[0] != '\0');
            assert(column >= 1 && column <= text.len + 1);
            continue;
        }
        expand(template, i == 0 ? &delivery : &from_amqp);
        template_free(template);
    }
    return 0;
}
