/* The two ends of a bridge: what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_ENDPOINT_H
#define CHUNNELD_CONF_ENDPOINT_H

#include "conf/loader.h"

/* For the table: struct conf_source. */
unsigned conf_source_variant_of_node(struct conf_loader *loader, const struct json_node *node);
unsigned conf_source_variant_of_struct(const void *base);
void conf_source_finish(struct conf_loader *loader, const struct json_node *node, void *base);

/* For the table: struct conf_sink. */
unsigned conf_sink_variant_of_node(struct conf_loader *loader, const struct json_node *node);
unsigned conf_sink_variant_of_struct(const void *base);
void conf_sink_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_sink_finish(struct conf_loader *loader, const struct json_node *node, void *base);

/* For the table: properties, which are part of struct mapping. */
void conf_properties_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
