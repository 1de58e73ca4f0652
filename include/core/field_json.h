/* AMQP fields as JSON. What JSON can say by itself stands as it is; where the type would be lost,
 * an object with exactly one key, which begins with "!", names it: {"!i8": 1}. A number without
 * fraction stands for 64 bits ('l'), any other for a double ('d'). */
#ifndef CHUNNELD_CORE_FIELD_JSON_H
#define CHUNNELD_CORE_FIELD_JSON_H

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

extern const struct field_typed field_typed_forms[14];

/* Writes a table as an object, or one value, so that they are read as the same again. */
void field_json_write_table(struct json_writer *writer, const struct field_table *table);
void field_json_write(struct json_writer *writer, const struct field *field);

#endif
