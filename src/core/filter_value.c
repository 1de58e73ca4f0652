/* Values that filters compare. For: one idea of numbers, strings and the rest, wherever they come
 * from, exact to the last digit of 64 bits. Not for: conditions (core/filter.c). */
#include "core/filter_value.h"

#include <math.h>

#define FILTER_TWO_53 9007199254740992.0     /* up to here a double has every whole number */
#define FILTER_TWO_64 18446744073709551616.0 /* from here on no 64 bits hold it */

struct filter_value filter_value_of_text(struct slice text)
{
    return (struct filter_value){.type = FILTER_STRING, .text = text};
}

static struct filter_value value_of_natural(uint64_t natural)
{
    return (struct filter_value){.type = FILTER_WHOLE, .magnitude = natural};
}

static struct filter_value value_of_integer(int64_t integer)
{
    if (integer >= 0) {
        return value_of_natural((uint64_t)integer);
    }
    return (struct filter_value){
        .type = FILTER_WHOLE, .negative = true, .magnitude = 0 - (uint64_t)integer};
}

static struct filter_value value_of_real(double real)
{
    double magnitude = fabs(real);

    if (magnitude < FILTER_TWO_64 && trunc(real) >= real && trunc(real) <= real) {
        return (struct filter_value){
            .type = FILTER_WHOLE, .negative = real < 0, .magnitude = (uint64_t)magnitude};
    }
    return (struct filter_value){.type = FILTER_REAL, .real = real};
}

/* The parser keeps doubles; where those have gaps, the text has the digits. */
static struct filter_value value_of_json_number(struct json *json, const struct json_node *node)
{
    double real = json_double(node);
    int64_t integer;
    uint64_t natural;

    if (fabs(real) >= FILTER_TWO_53) {
        if (json_natural(json, node, &natural) == 0) {
            return value_of_natural(natural);
        }
        if (json_integer(json, node, &integer) == 0) {
            return value_of_integer(integer);
        }
    }
    return value_of_real(real);
}

struct filter_value filter_value_of_json(struct json *json, const struct json_node *node)
{
    switch (json_type(node)) {
    case JSON_NULL:
        return (struct filter_value){.type = FILTER_NULL};
    case JSON_BOOL:
        return (struct filter_value){.type = FILTER_BOOL, .boolean = json_bool(node)};
    case JSON_NUMBER:
        return value_of_json_number(json, node);
    case JSON_STRING:
        return filter_value_of_text(json_string(node));
    default:
        return (struct filter_value){.type = FILTER_OTHER};
    }
}

struct filter_value filter_value_of_field(const struct field *field)
{
    switch (field->type) {
    case FIELD_VOID:
        return (struct filter_value){.type = FILTER_NULL};
    case FIELD_BOOL:
        return (struct filter_value){.type = FILTER_BOOL, .boolean = field->value.boolean};
    case FIELD_I8:
    case FIELD_I16:
    case FIELD_I32:
    case FIELD_I64:
        return value_of_integer(field->value.integer);
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_TIMESTAMP:
        return value_of_natural(field->value.natural);
    case FIELD_F32:
    case FIELD_F64:
        return value_of_real(field->value.real);
    case FIELD_DECIMAL:
        return value_of_real((double)field->value.decimal.value /
                             pow(10, field->value.decimal.scale));
    case FIELD_STRING:
    case FIELD_BYTES:
        return filter_value_of_text(field->value.bytes);
    default:
        return (struct filter_value){.type = FILTER_OTHER};
    }
}

static int order_wholes(const struct filter_value *a, const struct filter_value *b)
{
    int order = a->magnitude < b->magnitude ? -1 : a->magnitude > b->magnitude;

    if (a->negative != b->negative) {
        return a->magnitude == 0 && b->magnitude == 0 ? 0 : a->negative ? -1 : 1;
    }
    return a->negative ? -order : order;
}

static double value_as_real(const struct filter_value *value)
{
    if (value->type == FILTER_REAL) {
        return value->real;
    }
    return value->negative ? -(double)value->magnitude : (double)value->magnitude;
}

static bool is_number(const struct filter_value *value)
{
    return value->type == FILTER_WHOLE || value->type == FILTER_REAL;
}

/* A real that is no whole number of 64 bits lies between two of them, or beyond all: rounding the
 * other one to a double cannot take it to the wrong side. */
static bool order_numbers(const struct filter_value *a, const struct filter_value *b,
                          int *out_order)
{
    double one = value_as_real(a);
    double two = value_as_real(b);

    if (a->type == FILTER_WHOLE && b->type == FILTER_WHOLE) {
        *out_order = order_wholes(a, b);
        return true;
    }
    if (isnan(one) || isnan(two)) {
        return false;
    }
    *out_order = one < two ? -1 : one > two;
    if (*out_order == 0 && a->type != b->type) { /* 2^64 and what is rounded up to it */
        bool real_above = (a->type == FILTER_REAL ? one : two) > 0;

        *out_order = (b->type == FILTER_REAL) == real_above ? -1 : 1;
    }
    return true;
}

bool filter_value_order(const struct filter_value *a, const struct filter_value *b, int *out_order)
{
    if (is_number(a) && is_number(b)) {
        return order_numbers(a, b, out_order);
    }
    if (a->type == FILTER_STRING && b->type == FILTER_STRING) {
        *out_order = slice_compare(a->text, b->text);
        return true;
    }
    return false;
}

bool filter_value_equals(const struct filter_value *a, const struct filter_value *b)
{
    int order;

    if (filter_value_order(a, b, &order)) {
        return order == 0;
    }
    if (a->type != b->type) {
        return false;
    }
    return a->type == FILTER_NULL || (a->type == FILTER_BOOL && a->boolean == b->boolean);
}
