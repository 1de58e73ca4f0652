/* AMQP fields to JSON, as conf/fields.c reads them. For: the effective configuration and envelopes.
 */
#include "core/field_json.h"

#include <inttypes.h>

#include "base/base64.h"

const struct field_typed field_typed_forms[] = {
    {"!i8", FIELD_I8, INT8_MIN, INT8_MAX},
    {"!u8", FIELD_U8, 0, UINT8_MAX},
    {"!i16", FIELD_I16, INT16_MIN, INT16_MAX},
    {"!u16", FIELD_U16, 0, UINT16_MAX},
    {"!i32", FIELD_I32, INT32_MIN, INT32_MAX},
    {"!u32", FIELD_U32, 0, UINT32_MAX},
    {"!i64", FIELD_I64, INT64_MIN, INT64_MAX},
    {"!timestamp", FIELD_TIMESTAMP, 0, INT64_MAX},
    {"!f32", FIELD_F32, 0, 0},
    {"!f64", FIELD_F64, 0, 0},
    {"!decimal", FIELD_DECIMAL, 0, 0},
    {"!bytes", FIELD_BYTES, 0, 0},
    {"!table", FIELD_TABLE, 0, 0},
    {NULL, FIELD_VOID, 0, 0},
};

/* A decimal as the number that it is. */
static void field_write_decimal(struct json_writer *writer, struct field_decimal decimal)
{
    struct strbuf text = STRBUF_INIT;
    size_t at;

    strbuf_append_format(&text, "%0*" PRIu32, decimal.scale + 1, decimal.value);
    if (decimal.scale > 0 && !strbuf_failed(&text)) {
        at = text.len - decimal.scale;
        strbuf_append_char(&text, '\0');
        if (!strbuf_failed(&text)) {
            memmove(text.data + at + 1, text.data + at, decimal.scale);
            text.data[at] = '.';
        }
    }
    writer->out->failed |= strbuf_failed(&text);
    json_writer_raw(writer, strbuf_slice(&text));
    strbuf_fini(&text);
}

/* What stands under the key of a typed form, or alone. */
static void field_write_value(struct json_writer *writer, const struct field *field)
{
    struct strbuf text = STRBUF_INIT;
    size_t i;

    switch (field->type) {
    case FIELD_VOID:
        json_writer_null(writer);
        break;
    case FIELD_BOOL:
        json_writer_bool(writer, field->value.boolean);
        break;
    case FIELD_I8:
    case FIELD_I16:
    case FIELD_I32:
    case FIELD_I64:
        json_writer_integer(writer, field->value.integer);
        break;
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_TIMESTAMP:
        json_writer_natural(writer, field->value.natural);
        break;
    case FIELD_F32:
    case FIELD_F64:
        json_writer_double(writer, field->value.real);
        break;
    case FIELD_DECIMAL:
        field_write_decimal(writer, field->value.decimal);
        break;
    case FIELD_STRING:
        json_writer_string(writer, field->value.bytes);
        break;
    case FIELD_BYTES:
        base64_encode(field->value.bytes, &text);
        writer->out->failed |= strbuf_failed(&text);
        json_writer_string(writer, strbuf_slice(&text));
        strbuf_fini(&text);
        break;
    case FIELD_ARRAY:
        json_writer_begin_array(writer);
        for (i = 0; i < field->value.array.count; i++) {
            field_json_write(writer, &field->value.array.items[i]);
        }
        json_writer_end_array(writer);
        break;
    case FIELD_TABLE:
        field_json_write_table(writer, &field->value.table);
        break;
    }
}

/* The key of the typed form that a field needs; NULL: it needs none. */
static const char *field_typed_form(const struct field *field)
{
    const struct field_table *table = &field->value.table;
    const struct field_typed *form = field_typed_forms;

    if (field->type == FIELD_I64 || field->type == FIELD_F64) {
        return NULL;
    }
    if (field->type == FIELD_TABLE && (table->count != 1 || table->entries[0].name.len == 0 ||
                                       table->entries[0].name.data[0] != '!')) {
        return NULL;
    }
    while (form->name != NULL && form->type != field->type) {
        form++;
    }
    return form->name;
}

void field_json_write(struct json_writer *writer, const struct field *field)
{
    const char *form = field_typed_form(field);

    if (form == NULL) {
        field_write_value(writer, field);
        return;
    }
    json_writer_begin_object(writer);
    json_writer_key(writer, form);
    field_write_value(writer, field);
    json_writer_end_object(writer);
}

void field_json_write_table(struct json_writer *writer, const struct field_table *table)
{
    size_t i;

    json_writer_begin_object(writer);
    for (i = 0; i < table->count; i++) {
        json_writer_key_slice(writer, table->entries[i].name);
        field_json_write(writer, &table->entries[i].value);
    }
    json_writer_end_object(writer);
}
