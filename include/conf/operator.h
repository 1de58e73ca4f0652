/* What the operator reaches the daemon by: HTTP and the control socket, as far as the table does
 * not say it. For conf/ alone. */
#ifndef CHUNNELD_CONF_OPERATOR_H
#define CHUNNELD_CONF_OPERATOR_H

#include "conf/loader.h"

/* For the table: struct conf_http, struct conf_control. */
void conf_http_finish(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_control_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
