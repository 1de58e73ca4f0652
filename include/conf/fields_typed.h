/* The typed forms of field values, {"!i8": 1} and so on: shared by conf/fields.c, which reads
 * them, conf/fields_write.c, and the documents. */
#ifndef CHUNNELD_CONF_FIELDS_TYPED_H
#define CHUNNELD_CONF_FIELDS_TYPED_H

#include <stdint.h>

#include "core/field.h"

/* A form; the list ends with a NULL name. */
struct conf_typed {
    const char *name; /* its key, "!i8" */
    enum field_type type;
    int64_t min; /* of whole numbers; 0 in both: it is none */
    int64_t max;
};

extern const struct conf_typed conf_typed_forms[14];

#endif
