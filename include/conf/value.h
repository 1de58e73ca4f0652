/* Values of the table's keys that are no objects: read from JSON or from a default's text into the
 * struct of their kind. For conf/ alone. */
#ifndef CHUNNELD_CONF_VALUE_H
#define CHUNNELD_CONF_VALUE_H

#include <stdint.h>

#include "conf/keys.h"
#include "conf/loader.h"

/* Reads `node` into its place in `base`, the struct of the key's kind. What is wrong is said, and
 * the place is then left alone. */
void conf_value_read(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base);
/* The same for the key's default. */
void conf_value_default(struct conf_loader *loader, const struct conf_key *key, void *base);

/* Reads a string or a list of strings, for keys that keep none. -1: wrong, and said. */
int conf_value_strings(struct conf_loader *loader, const struct conf_key *key,
                       const struct json_node *node, struct conf_strings *out);

/* A whole number, word or truth value as kept in `base`, whatever its size. */
int64_t conf_value_number(const struct conf_key *key, const void *base);

/* Says that `node` is of a type that the key does not have. */
void conf_value_wrong_type(struct conf_loader *loader, const struct conf_key *key,
                           const struct json_node *node);

/* What a key's value must look like, in words: "a duration such as \"250ms\" ...". */
const char *conf_value_wanted(enum conf_type type);

#endif
