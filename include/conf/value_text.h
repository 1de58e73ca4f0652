/* The strings among the values. For conf/value.c. */
#ifndef CHUNNELD_CONF_VALUE_TEXT_H
#define CHUNNELD_CONF_VALUE_TEXT_H

#include "conf/keys.h"
#include "conf/loader.h"

/* Each reads `node` as conf_value_read() does: a string or name; a path; strings; a template. */
void conf_value_string(struct conf_loader *loader, const struct conf_key *key,
                       const struct json_node *node, void *base);
void conf_value_path(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base);
void conf_value_list(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base);
void conf_value_template(struct conf_loader *loader, const struct conf_key *key,
                         const struct json_node *node, void *base);

/* The default of such a key. */
void conf_value_text_default(struct conf_loader *loader, const struct conf_key *key, void *base);

#endif
