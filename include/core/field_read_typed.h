/* What stands under the key of a typed form, {"!i8": 1}. For core/field_read.c alone. */
#ifndef CHUNNELD_CORE_FIELD_READ_TYPED_H
#define CHUNNELD_CORE_FIELD_READ_TYPED_H

#include "base/err.h"
#include "core/field_json.h"
#include "core/field_read.h"

/* Each returns -1 where something is wrong, and said. */
int field_read_typed(struct field_reader *reader, const struct field_typed *form,
                     const struct json_node *node, struct field *out);
/* A number that is at most `limit`, up or down. */
int field_read_real(struct field_reader *reader, const struct json_node *node, double limit,
                    double *out);
/* Base64. */
int field_read_bytes(struct field_reader *reader, const struct json_node *node, struct slice *out);
/* A table as a list of pairs; in core/field_read.c. */
int field_read_pairs(struct field_reader *reader, const struct json_node *list,
                     struct field_table *out);
/* Says what is wrong with a value; returns -1. */
int field_read_fail(struct field_reader *reader, const struct json_node *node, const char *words);

#endif
