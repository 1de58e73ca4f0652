/* The ends of a bridge in words. For: the board. Not for: the configuration as it is written
 * (conf/print.c). */
#include "app/describe.h"

#include "base/strbuf.h"

/* "channel a", "channels a, b" */
static void describe_names(const char *what, const struct conf_strings *names, struct strbuf *out)
{
    size_t i;

    strbuf_append_format(out, "%s%s", what, names->count > 1 ? "s" : "");
    for (i = 0; i < names->count; i++) {
        strbuf_append_format(out, "%s %s", i > 0 ? "," : "", names->items[i]);
    }
}

char *describe_source(const struct conf_source *source)
{
    struct strbuf out = STRBUF_INIT;

    if (source->queue != NULL) {
        strbuf_append_format(&out, "queue %s", source->queue);
    } else if (source->exchange != NULL) {
        strbuf_append_format(&out, "exchange %s", source->exchange);
    } else {
        describe_names(source->kind == CONF_SOURCE_PATTERN ? "pattern" : "channel", &source->names,
                       &out);
    }
    return strbuf_detach(&out);
}

static void describe_template(const char *what, const struct template *template, struct strbuf *out)
{
    if (template != NULL) {
        strbuf_append_text(out, what);
        strbuf_append_slice(out, template_source_text(template));
    }
}

char *describe_sink(const struct conf_sink *sink)
{
    const struct mapping *mapping = &sink->mapping;
    struct strbuf out = STRBUF_INIT;

    if (sink->kind == CONF_SINK_QUEUE) {
        describe_template("queue ", mapping->routing_key, &out);
    } else if (sink->kind == CONF_SINK_EXCHANGE) {
        describe_template("exchange ", mapping->exchange, &out);
        describe_template(" key ", mapping->routing_key, &out);
    } else {
        describe_template("channel ", mapping->channel, &out);
    }
    return strbuf_detach(&out);
}
