/* Bridges with "rpc": what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_RPC_H
#define CHUNNELD_CONF_RPC_H

#include "conf/loader.h"

/* For the table: struct conf_bridge. */
void conf_rpc_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_rpc_finish(struct conf_loader *loader, const struct json_node *node, void *base);
/* What the bridge around it must not have. */
void conf_rpc_check_bridge(struct conf_loader *loader, const struct json_node *node,
                           const struct conf_bridge *bridge);

#endif
