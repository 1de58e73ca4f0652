/* Looking into field tables and printing their scalars. Not for: the wire (amqp/codec.c) or JSON.
 */
#include "core/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"

const struct field *field_table_find(const struct field_table *table, struct slice name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (slice_equal(table->entries[i].name, name)) {
            return &table->entries[i].value;
        }
    }
    return NULL;
}

/* The fewest digits that read back as the same number. */
static void append_f64(double number, struct strbuf *out)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    strbuf_append_text(out, text);
}

static void append_f32(float number, struct strbuf *out)
{
    char text[40];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)number);
        if (strtof(text, NULL) == number) {
            break;
        }
    }
    strbuf_append_text(out, text);
}

static void append_decimal(struct field_decimal decimal, struct strbuf *out)
{
    char digits[UINT8_MAX + 2]; /* one before the point, up to `scale` behind it */
    int len = snprintf(digits, sizeof(digits), "%0*" PRIu32, decimal.scale + 1, decimal.value);
    size_t whole = (size_t)len - decimal.scale;

    strbuf_append(out, digits, whole);
    if (decimal.scale > 0) {
        strbuf_append_char(out, '.');
        strbuf_append(out, digits + whole, decimal.scale);
    }
}

int field_append_text(const struct field *field, struct strbuf *out)
{
    switch (field->type) {
    case FIELD_VOID:
    case FIELD_ARRAY:
    case FIELD_TABLE:
        return -1;
    case FIELD_BOOL:
        strbuf_append_text(out, field->value.boolean ? "true" : "false");
        return 0;
    case FIELD_I8:
    case FIELD_I16:
    case FIELD_I32:
    case FIELD_I64:
        strbuf_append_format(out, "%" PRId64, field->value.integer);
        return 0;
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_TIMESTAMP:
        strbuf_append_format(out, "%" PRIu64, field->value.natural);
        return 0;
    case FIELD_F32:
        append_f32((float)field->value.real, out);
        return 0;
    case FIELD_F64:
        append_f64(field->value.real, out);
        return 0;
    case FIELD_DECIMAL:
        append_decimal(field->value.decimal, out);
        return 0;
    case FIELD_STRING:
    case FIELD_BYTES:
        strbuf_append_slice(out, field->value.bytes);
        return 0;
    }
    return -1;
}
