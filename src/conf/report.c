/* Statistics and events in the configuration. For: where they go, and what must fit together. Not
 * for: single keys (conf/keys_report.c). */
#include "conf/report.h"

#include "conf/connection.h"

void conf_report_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    (void)node;
    (void)base;
    /* No message of a server: templates have what is always there. */
    loader->scope = (struct template_source){0};
}

static struct template *conf_report_template(struct conf_loader *loader, const char *text)
{
    struct err err;
    size_t column;
    struct template *template = template_new(slice_of(text), &loader->scope, &err, &column);

    loader->out_of_memory |= template == NULL;
    return template;
}

static void conf_report_exchange(struct conf_loader *loader, const struct json_node *node,
                                 struct conf_report *report, const char *routing_key)
{
    bool alone =
        json_member(node, "channel") == NULL && json_member(node, "exchange_connection") == NULL;
    struct conf_sink *sink = &report->sink;

    sink->kind = CONF_SINK_EXCHANGE;
    sink->connection = conf_connection_pick_by(
        loader, node, alone ? "connection" : "exchange_connection", CONF_AMQP);
    sink->mapping.to_amqp = true;
    sink->mapping.priority = -1;
    if (sink->mapping.routing_key == NULL) {
        sink->mapping.routing_key = conf_report_template(loader, routing_key);
    }
    sink->mapping.text[PROPERTY_CONTENT_TYPE] = conf_report_template(loader, "application/json");
}

static void conf_report_finish(struct conf_loader *loader, const struct json_node *node,
                               struct conf_report *report, const char *routing_key)
{
    static const char *const exchange_only[] = {"routing_key", "exchange_connection"};
    bool has_channel = json_member(node, "channel") != NULL;
    bool has_exchange = json_member(node, "exchange") != NULL;
    size_t i;

    if (!has_channel && !has_exchange) {
        conf_problem(loader, node,
                     "\"channel\" or \"exchange\" is missing; one of them says where "
                     "to publish");
        return;
    }
    for (i = 0; i < sizeof(exchange_only) / sizeof(exchange_only[0]) && !has_exchange; i++) {
        if (json_member(node, exchange_only[i]) != NULL) {
            conf_problem_key(loader, json_member(node, exchange_only[i]),
                             "\"%s\" has a meaning with an \"exchange\" only", exchange_only[i]);
        }
    }
    if (has_channel) {
        report->connection = conf_connection_pick(loader, node, CONF_REDIS);
    }
    if (report->sink.mapping.exchange != NULL) {
        conf_report_exchange(loader, node, report, routing_key);
    }
}

void conf_stats_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_stats *stats = base;

    conf_report_finish(loader, node, &stats->report, CONF_STATS_ROUTING_KEY);
}

void conf_events_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    conf_report_finish(loader, node, base, CONF_EVENTS_ROUTING_KEY);
}
