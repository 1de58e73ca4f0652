/* Values that filters compare: those of rules, JSON bodies and AMQP headers alike. For
 * core/filter.c and who compiles filters. */
#ifndef CHUNNELD_CORE_FILTER_VALUE_H
#define CHUNNELD_CORE_FILTER_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "base/slice.h"
#include "core/field.h"

enum filter_type {
    FILTER_NULL,
    FILTER_BOOL,
    FILTER_WHOLE, /* a whole number: `negative` and `magnitude` */
    FILTER_REAL,  /* any other number */
    FILTER_STRING,
    FILTER_OTHER, /* a list, object or table: equal to nothing */
};

struct filter_value {
    enum filter_type type;
    bool boolean;
    bool negative;
    uint64_t magnitude;
    double real;
    struct slice text; /* borrowed */
};

struct filter_value filter_value_of_text(struct slice text);
/* Of a value of `json`; strings stay with it. */
struct filter_value filter_value_of_json(struct json *json, const struct json_node *node);
struct filter_value filter_value_of_field(const struct field *field);

/* Whether both are of one type and the same; numbers of either type are of one. */
bool filter_value_equals(const struct filter_value *a, const struct filter_value *b);
/* The order of two numbers or two strings: true, and below, at or above 0 in *out_order. False:
 * they have none. */
bool filter_value_order(const struct filter_value *a, const struct filter_value *b, int *out_order);

#endif
