/* The typed forms of fields: numbers in their range, decimals, base64. Not for: telling a typed
 * form from a table (core/field_read.c). */
#include "core/field_read_typed.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/base64.h"

int field_read_fail(struct field_reader *reader, const struct json_node *node, const char *words)
{
    reader->on_problem(reader->ctx, node, false, words);
    return -1;
}

static int typed_integer(struct field_reader *reader, const struct json_node *node, int64_t min,
                         int64_t max, int64_t *out)
{
    struct err err;

    if (json_is(node, JSON_NUMBER) && json_integer(reader->json, node, out) == 0 && *out >= min &&
        *out <= max) {
        return 0;
    }
    err_set(&err, "a whole number from %" PRId64 " to %" PRId64 " is wanted", min, max);
    return field_read_fail(reader, node, err.text);
}

/* All 64 bits, so that what came is read back. */
static int typed_timestamp(struct field_reader *reader, const struct json_node *node, uint64_t *out)
{
    struct err err;

    if (json_is(node, JSON_NUMBER) && json_natural(reader->json, node, out) == 0) {
        return 0;
    }
    err_set(&err, "a whole number from 0 to %" PRIu64 " is wanted", UINT64_MAX);
    return field_read_fail(reader, node, err.text);
}

int field_read_real(struct field_reader *reader, const struct json_node *node, double limit,
                    double *out)
{
    struct err err;

    if (!json_is(node, JSON_NUMBER)) {
        err_set(&err, "a number is wanted, this is %s", json_type_name(json_type(node)));
        return field_read_fail(reader, node, err.text);
    }
    *out = json_double(node);
    if (!(fabs(*out) <= limit)) {
        return field_read_fail(reader, node, "the number is too large for its type");
    }
    return 0;
}

/* 12.34 is 1234 with two digits behind the point (AMQP 0-9-1 §4.2.5.5: both unsigned). */
static int typed_decimal(struct field_reader *reader, const struct json_node *node,
                         struct field_decimal *out)
{
    struct slice text = SLICE("");
    uint64_t value = 0;
    size_t scale = 0;
    bool behind = false;
    struct err err;
    size_t i;

    if (json_is(node, JSON_NUMBER)) {
        text = json_number_text(reader->json, node);
    } else if (json_is(node, JSON_STRING)) { /* many digits */
        text = json_string(node);
    }
    for (i = 0; i < text.len && value <= UINT32_MAX; i++) {
        char c = text.data[i];

        if (c >= '0' && c <= '9') {
            value = value * 10 + (uint64_t)(c - '0');
            scale += behind;
        } else if (c == '.') {
            behind = true;
        } else {
            break;
        }
    }
    if (text.len == 0 || i < text.len || value > UINT32_MAX || scale > UINT8_MAX) {
        err_set(&err,
                "a number such as 12.34 is wanted: no sign, no exponent, its digits at most "
                "%" PRIu32,
                UINT32_MAX);
        return field_read_fail(reader, node, err.text);
    }
    *out = (struct field_decimal){(uint8_t)scale, (uint32_t)value};
    return 0;
}

int field_read_bytes(struct field_reader *reader, const struct json_node *node, struct slice *out)
{
    struct slice text = json_is(node, JSON_STRING) ? json_string(node) : slice_make(NULL, 0);
    char *bytes = reader->take(reader->ctx, text.len + 1);
    size_t len;

    if (bytes == NULL) {
        return -1;
    }
    if (text.data == NULL || base64_decode(text, bytes, &len) != 0) {
        return field_read_fail(reader, node, "a string in base64 is wanted, such as \"AAEC\"");
    }
    *out = slice_make(bytes, len);
    return 0;
}

static int typed_table(struct field_reader *reader, const struct json_node *node,
                       struct field_table *out)
{
    struct err err;

    if (json_is(node, JSON_ARRAY)) {
        return field_read_pairs(reader, node, out);
    }
    if (json_is(node, JSON_OBJECT)) {
        return field_read_table(reader, node, out);
    }
    err_set(&err, "an object, or a list of pairs, is wanted, this is %s",
            json_type_name(json_type(node)));
    return field_read_fail(reader, node, err.text);
}

int field_read_typed(struct field_reader *reader, const struct field_typed *form,
                     const struct json_node *node, struct field *out)
{
    int64_t integer = 0;

    out->type = form->type;
    switch (form->type) {
    case FIELD_F32:
        return field_read_real(reader, node, FLT_MAX, &out->value.real);
    case FIELD_F64:
        return field_read_real(reader, node, DBL_MAX, &out->value.real);
    case FIELD_DECIMAL:
        return typed_decimal(reader, node, &out->value.decimal);
    case FIELD_TIMESTAMP:
        return typed_timestamp(reader, node, &out->value.natural);
    case FIELD_STRING:
    case FIELD_BYTES:
        return field_read_bytes(reader, node, &out->value.bytes);
    case FIELD_TABLE:
        return typed_table(reader, node, &out->value.table);
    default:
        break;
    }
    if (typed_integer(reader, node, form->min, form->max, &integer) != 0) {
        return -1;
    }
    if (form->min < 0) {
        out->value.integer = integer;
    } else {
        out->value.natural = (uint64_t)integer;
    }
    return 0;
}
