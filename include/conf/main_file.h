/* The configuration as a whole: what the table does not say of it. For conf/ alone. */
#ifndef CHUNNELD_CONF_MAIN_FILE_H
#define CHUNNELD_CONF_MAIN_FILE_H

#include "conf/loader.h"

/* For the table: struct config. */
unsigned conf_main_variant_of_node(struct conf_loader *loader, const struct json_node *node);
unsigned conf_main_variant_of_struct(const void *base);
void conf_main_finish(struct conf_loader *loader, const struct json_node *node, void *base);

#endif
