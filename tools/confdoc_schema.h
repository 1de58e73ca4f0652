/* The JSON Schema in two parts: objects (confdoc_schema.c) and values (confdoc_schema_type.c). */
#ifndef CHUNNELD_TOOLS_CONFDOC_SCHEMA_H
#define CHUNNELD_TOOLS_CONFDOC_SCHEMA_H

#include "base/json_write.h"
#include "conf/keys.h"

/* A member that is a string; one that is JSON already; a $ref to a definition; an object with
 * nothing but that. */
void schema_text(struct json_writer *writer, const char *key, const char *value);
void schema_raw(struct json_writer *writer, const char *key, const char *json);
void schema_ref(struct json_writer *writer, const char *name);
void schema_ref_object(struct json_writer *writer, const char *name);

/* The members that say what holds for a value of a key's type. */
void schema_type(struct json_writer *writer, const struct conf_key *key);

#endif
