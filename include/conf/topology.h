/* The topology: what the table does not say of it. For conf/ alone. */
#ifndef CHUNNELD_CONF_TOPOLOGY_H
#define CHUNNELD_CONF_TOPOLOGY_H

#include "conf/loader.h"

/* For the table: struct conf_topology, one a connection, added up over all that name it. */
void *conf_topology_item(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_topology_finish(struct conf_loader *loader, const struct json_node *node, void *base);

/* For the table: its parts. */
void conf_exchange_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_queue_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_binding_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
