/* Bridges with "mirror": what the table does not say of them. For conf/ alone. */
#ifndef CHUNNELD_CONF_MIRROR_H
#define CHUNNELD_CONF_MIRROR_H

#include "conf/loader.h"

/* For the table: struct conf_bridge, of which "mirror" fills the two ends of both ways. */
void conf_mirror_prepare(struct conf_loader *loader, const struct json_node *node, void *base);
void conf_mirror_finish(struct conf_loader *loader, const struct json_node *node, void *base);

/* Once the whole bridge was read: what the way back has of its name and options. */
void conf_mirror_complete(struct conf_loader *loader, struct conf_bridge *bridge);

#endif
