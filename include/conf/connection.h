/* Connections: what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_CONNECTION_H
#define CHUNNELD_CONF_CONNECTION_H

#include "conf/config.h"
#include "conf/loader.h"

/* For the table: struct conf_connection. */
unsigned conf_connection_variant_of_node(struct conf_loader *loader, const struct json_node *node);
unsigned conf_connection_variant_of_struct(const void *base);
void conf_connection_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_connection_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_reconnect_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_tls_finish(struct conf_loader *loader, const struct json_node *node, void *base);

/* The connection that the object `node` names, or, where it names none, the only one of
 * `protocol`. NULL: it is missing or of the other protocol, and that is said. */
const struct conf_connection *conf_connection_pick(struct conf_loader *loader,
                                                   const struct json_node *node,
                                                   enum conf_protocol protocol);
/* Likewise, named by another key than "connection". */
const struct conf_connection *conf_connection_pick_by(struct conf_loader *loader,
                                                      const struct json_node *node, const char *key,
                                                      enum conf_protocol protocol);

/* Sees to it that "min" is not above "max" in `node`: a default gives way to what is given there,
 * and two that are given so are a problem. */
void conf_put_in_order(struct conf_loader *loader, const struct json_node *node, uint64_t *min_us,
                       uint64_t *max_us);

#endif
