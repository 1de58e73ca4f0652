/* Values of AMQP field tables, as JSON can say them:
 *
 *     true, false -> t      null -> V       "text" -> S      [...] -> A      {...} -> F
 *     a number without fraction or exponent -> l (64 bit, as RabbitMQ itself reads JSON)
 *     any other number -> d
 *
 * What JSON cannot say stands in an object with exactly one key, which begins with "!":
 *
 *     {"!i8": 1} {"!u8": 1} {"!i16": 1} {"!u16": 1} {"!i32": 1} {"!u32": 1} {"!i64": 1}
 *     {"!f32": 1.5} {"!f64": 2} {"!timestamp": 1700000000} {"!decimal": 12.34}
 *     {"!bytes": "AAEC"} (base64)     {"!table": {...}} (a table, whatever its keys)
 *
 * For conf/ alone. */
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
