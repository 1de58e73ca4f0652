/* Templates before there is a message. For: a glob of all that one may give. Not for: what it gives
 * for a message (core/template_expand.c). */
#include "core/template_outline.h"

#include "core/template_part.h"

static unsigned char outline_map(const struct template_part *part, char c)
{
    return part->map != NULL ? part->map[(unsigned char)c] : (unsigned char)c;
}

static void outline_add_char(char c, struct strbuf *out)
{
    if (strchr("*?[]\\^", c) != NULL) {
        strbuf_append_char(out, '\\');
    }
    strbuf_append_char(out, c);
}

static void outline_add_text(const struct template_part *part, struct slice text,
                             struct strbuf *out)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        outline_add_char((char)outline_map(part, text.data[i]), out);
    }
}

/* The end of the class that begins at `at`, behind its bracket. */
static size_t outline_class_end(struct slice glob, size_t at)
{
    at++;
    while (at < glob.len && glob.data[at] != ']') {
        at += glob.data[at] == '\\' && at + 1 < glob.len ? 2 : 1;
    }
    return at < glob.len ? at + 1 : at;
}

/* Appends a glob with the filters put on its letters; one of a class may become any. */
static void outline_add_glob(const struct template_part *part, struct slice glob,
                             struct strbuf *out)
{
    size_t at = 0;

    while (at < glob.len) {
        char c = glob.data[at];

        if (c == '[' && part->map != NULL) {
            strbuf_append_char(out, '?');
            at = outline_class_end(glob, at);
        } else if (c == '[') {
            size_t end = outline_class_end(glob, at);

            strbuf_append(out, glob.data + at, end - at);
            at = end;
        } else if (c == '*' || c == '?') {
            strbuf_append_char(out, c);
            at++;
        } else {
            at += c == '\\' && at + 1 < glob.len;
            outline_add_char((char)outline_map(part, glob.data[at++]), out);
        }
    }
}

static void outline_add_known(const struct template_part *part, struct slice value, bool is_glob,
                              struct strbuf *out)
{
    if (value.data == NULL) {
        strbuf_append_char(out, '*');
    } else if (is_glob) {
        outline_add_glob(part, value, out);
    } else {
        outline_add_text(part, value, out);
    }
}

void template_outline(const struct template *template, const struct template_context *context,
                      const struct template_known *known, struct strbuf *out)
{
    size_t i;

    for (i = 0; i < template->part_count; i++) {
        const struct template_part *part = &template->parts[i];

        switch (part->kind) {
        case TEMPLATE_LITERAL:
            outline_add_known(part, part->argument, false, out);
            break;
        case TEMPLATE_CHANNEL:
            outline_add_known(part, known->channel, true, out);
            break;
        case TEMPLATE_ROUTING_KEY:
            outline_add_known(part, known->routing_key, true, out);
            break;
        case TEMPLATE_PATTERN:
            outline_add_known(part, known->pattern, false, out);
            break;
        case TEMPLATE_QUEUE:
            outline_add_known(part, known->queue, false, out);
            break;
        case TEMPLATE_EXCHANGE:
            outline_add_known(part, known->exchange, false, out);
            break;
        case TEMPLATE_INSTANCE:
            outline_add_known(part, context->instance, false, out);
            break;
        case TEMPLATE_BRIDGE:
            outline_add_known(part, context->bridge, false, out);
            break;
        default:
            strbuf_append_char(out, '*');
            break;
        }
    }
}

bool template_is_of_names(const struct template *template, const struct template_known *known)
{
    size_t i;

    for (i = 0; i < template->part_count; i++) {
        switch (template->parts[i].kind) {
        case TEMPLATE_HEADER:
        case TEMPLATE_PROPERTY:
        case TEMPLATE_JSON:
        case TEMPLATE_ID:
        case TEMPLATE_TIMESTAMP:
            return false;
        case TEMPLATE_QUEUE:
            if (known->queue.data == NULL) {
                return false;
            }
            break;
        case TEMPLATE_EXCHANGE:
            if (known->exchange.data == NULL) {
                return false;
            }
            break;
        default:
            break;
        }
    }
    return true;
}

void template_outline_text(struct slice text, struct strbuf *out)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        outline_add_char(text.data[i], out);
    }
}
