/* What messages are like on the ways of bridges. For: the search for circles (conf/circle.c,
 * circle_graph.c). Not for: where they go then (conf/routes.c). */
#include <stdlib.h>

#include "base/strbuf.h"
#include "conf/circle_graph.h"
#include "conf/inverse.h"
#include "core/template_outline.h"

static bool web_is_redis(const struct conf_source *source)
{
    return source->kind == CONF_SOURCE_CHANNEL || source->kind == CONF_SOURCE_PATTERN;
}

size_t conf_web_count(const struct conf_web *web, size_t way)
{
    const struct conf_source *source = web->ways[way].source;

    return web_is_redis(source) ? source->names.count : 1;
}

/* A copy that lives as long as the search; data NULL: out of memory. */
static struct slice web_keep(const struct conf_web *web, struct strbuf *text)
{
    struct slice copy = slice_make(NULL, 0);

    if (!strbuf_failed(text)) {
        copy.data = conf_memory_copy(web->memory, strbuf_slice(text));
        copy.len = copy.data != NULL ? text->len : 0;
    }
    if (copy.data == NULL) {
        conf_routes_note_failure(web->routes);
    }
    strbuf_fini(text);
    return copy;
}

void conf_web_begin(const struct conf_web *web, size_t way, size_t number,
                    struct conf_message *out_message)
{
    const struct conf_source *source = web->ways[way].source;
    struct strbuf text = STRBUF_INIT;
    struct slice name;

    if (!web_is_redis(source)) {
        *out_message = (struct conf_message){.glob = SLICE("*"), .exchange = SLICE("*")};
        out_message->example = conf_routes_example(web->routes, source);
        return;
    }
    name = slice_of(source->names.items[number]);
    if (source->kind == CONF_SOURCE_PATTERN) {
        conf_inverse_sample(name, "aB1", &text);
        *out_message = (struct conf_message){.glob = name, .pattern = name};
        out_message->example = web_keep(web, &text);
    } else {
        template_outline_text(name, &text);
        *out_message = (struct conf_message){.glob = web_keep(web, &text), .example = name};
    }
}

const struct conf_sink *conf_web_sink(const struct conf_web *web, size_t way,
                                      enum conf_outlet outlet)
{
    const struct conf_way *from = &web->ways[way];

    if (outlet == CONF_OUT) {
        return from->sink;
    }
    return from->bridge->has_dead_letter ? &from->bridge->dead_letter : NULL;
}

/* One expansion under way. */
struct web_send {
    const struct conf_web *web;
    struct template_context context;
    struct template_known known;
    struct delivery example;
    bool has_example;
    bool failed; /* out of memory */
};

/* A name at the sink; `template` NULL: it is empty. */
static void web_fill(struct web_send *send, const struct template *template, struct slice *out_glob,
                     struct slice *out_example)
{
    struct strbuf glob = STRBUF_INIT;
    struct strbuf example = STRBUF_INIT;
    struct slice text;

    *out_example = slice_make(NULL, 0);
    if (template == NULL) {
        *out_glob = SLICE("");
        *out_example = SLICE("");
        return;
    }
    template_outline(template, &send->context, &send->known, &glob);
    if (template_is_constant(template, &text)) {
        *out_example = text;
    } else if (send->has_example && template_is_of_names(template, &send->known) &&
               template_expand(template, &send->context, &send->example, &example, NULL) == 0) {
        *out_example = web_keep(send->web, &example);
    }
    *out_glob = web_keep(send->web, &glob);
    if (strbuf_failed(&example)) {
        conf_routes_note_failure(send->web->routes);
    }
    strbuf_fini(&example);
    send->failed |= out_glob->data == NULL;
}

int conf_web_send(const struct conf_web *web, size_t way, const struct conf_sink *sink,
                  const struct conf_message *message, struct conf_message *out_message)
{
    const struct conf_way *from = &web->ways[way];
    bool redis = web_is_redis(from->source);
    struct slice none = slice_make(NULL, 0);
    struct web_send send = {
        .web = web,
        .context = {slice_of(web->config->instance), slice_of(from->bridge->name), NULL},
        .known = {.channel = redis ? message->glob : none,
                  .pattern = message->pattern,
                  .queue = slice_of(from->source->queue),
                  .exchange = redis ? none : message->exchange_example,
                  .routing_key = redis ? none : message->glob},
        .example = {.channel = redis ? message->example : none,
                    .pattern = message->pattern,
                    .queue = slice_of(from->source->queue),
                    .exchange = message->exchange_example,
                    .routing_key = redis ? none : message->example,
                    .body = SLICE("")},
        .has_example = message->example.data != NULL,
    };

    *out_message = (struct conf_message){.exchange_example = SLICE("")};
    if (sink->kind == CONF_SINK_CHANNEL) {
        web_fill(&send, sink->mapping.channel, &out_message->glob, &out_message->example);
    } else {
        web_fill(&send, sink->mapping.routing_key, &out_message->glob, &out_message->example);
        web_fill(&send, sink->mapping.exchange, &out_message->exchange,
                 &out_message->exchange_example);
    }
    if (out_message->exchange_example.data == NULL) {
        out_message->example = none;
    }
    return send.failed ? -1 : 0;
}
