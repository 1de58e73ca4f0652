/* Statistics and events: what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_REPORT_H
#define CHUNNELD_CONF_REPORT_H

#include "conf/loader.h"

#define CONF_STATS_ROUTING_KEY "stats.{instance}"
#define CONF_EVENTS_ROUTING_KEY "events.{json:/kind}"

/* For the table: struct conf_stats and struct conf_report. */
void conf_report_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_stats_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_events_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
