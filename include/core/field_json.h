/* AMQP fields as JSON. What JSON can say by itself stands as it is; where the type would be lost,
 * an object with exactly one key, which begins with "!", names it: {"!i8": 1}. A number without
 * fraction stands for 32 bits ('I') where they hold it, as clients send their integers, else for 64
 * ('l'); any other for a double ('d').
 *
 * Every field that RabbitMQ takes reads back as the same (it closes the connection over a number
 * that is none, {"!f64": "NaN"}, and over one that only 'L' holds, so these are refused): a string
 * that is no text (no UTF-8, or with a NUL) stands in base64 ({"!string": "/w=="}), and a table
 * with a name that is no text, or a name twice, as a list of pairs ({"!table": [["name", 1],
 * [{"!string": "/w=="}, 2]]}). */
#ifndef CHUNNELD_CORE_FIELD_JSON_H
#define CHUNNELD_CORE_FIELD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_write.h"
#include "core/field.h"

/* A typed form; the list ends with a NULL name. */
struct field_typed {
    const char *name; /* its key, "!i8" */
    enum field_type type;
    int64_t min; /* of whole numbers; 0 in both: it is none */
    int64_t max;
};

extern const struct field_typed field_typed_forms[15];

/* Whether JSON can hold it as a string: UTF-8 without a NUL, which strict readers refuse. */
bool field_json_is_text(struct slice text);

/* Writes a table as an object, or one value, so that they are read as the same again. */
void field_json_write_table(struct json_writer *writer, const struct field_table *table);
void field_json_write(struct json_writer *writer, const struct field *field);
/* Writes a value in its typed form, which its type must have. */
void field_json_write_typed(struct json_writer *writer, const struct field *field);
/* Writes a string as such, or in its typed form. */
void field_json_write_string(struct json_writer *writer, struct slice text);

#endif
