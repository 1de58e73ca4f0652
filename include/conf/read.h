/* Objects of the configuration, read as the table of keys says. For conf/ alone. */
#ifndef CHUNNELD_CONF_READ_H
#define CHUNNELD_CONF_READ_H

#include "conf/keys.h"
#include "conf/loader.h"

/* Reads `node` into `base`, the struct of `kind`, defaults filled in for what it leaves out. All
 * that is wrong is said. */
void conf_read_object(struct conf_loader *loader, const struct conf_kind *kind,
                      const struct json_node *node, void *base);

/* Reads a list or map of objects, appending to what is there. */
void conf_read_items(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *list, void *base);

#endif
