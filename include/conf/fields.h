/* AMQP field tables in the configuration: arguments, and headers of rules, in the form of
 * core/field_json.h. For conf/ alone. */
#ifndef CHUNNELD_CONF_FIELDS_H
#define CHUNNELD_CONF_FIELDS_H

#include "conf/loader.h"
#include "core/field.h"
#include "core/mapping.h"

/* Reads an object. -1: something is wrong, and said; *out_table is then left alone. */
int conf_fields_read(struct conf_loader *loader, const struct json_node *object,
                     struct field_table *out_table);

/* Reads an object of headers into `mapping`: strings are templates, all else as above. */
void conf_headers_read(struct conf_loader *loader, const struct json_node *object,
                       struct mapping *mapping);

#endif
