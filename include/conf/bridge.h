/* Bridges: what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_BRIDGE_H
#define CHUNNELD_CONF_BRIDGE_H

#include "conf/loader.h"

/* For the table: struct conf_bridge. */
unsigned conf_bridge_variant_of_node(struct conf_loader *loader, const struct json_node *node);
unsigned conf_bridge_variant_of_struct(const void *base);
void conf_bridge_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_bridge_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_retry_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
