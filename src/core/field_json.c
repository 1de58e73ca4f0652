/* AMQP fields to JSON. For: the effective configuration and envelopes. Not for: reading them
 * (core/field_read.c). */
#include "core/field_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/utf8.h"

/* Names up to which each is compared with each; beyond, they are sorted. */
enum { FIELD_NAMES_FEW = 16 };

/* Digits of a number up to which any reader of JSON takes it. */
enum { FIELD_DECIMAL_NUMBER_MAX = 32 };

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
    {"!string", FIELD_STRING, 0, 0},
    {"!bytes", FIELD_BYTES, 0, 0},
    {"!table", FIELD_TABLE, 0, 0},
    {NULL, FIELD_VOID, 0, 0},
};

bool field_json_is_text(struct slice text)
{
    return text.len == 0 || (memchr(text.data, 0, text.len) == NULL && utf8_is_valid(text, NULL));
}

/* A decimal as the number that it is, or, where it is a very long one, as a string. */
static void field_write_decimal(struct json_writer *writer, const struct field *field)
{
    struct strbuf text = STRBUF_INIT;

    field_append_text(field, &text);
    writer->out->failed |= strbuf_failed(&text);
    if (text.len <= FIELD_DECIMAL_NUMBER_MAX) {
        json_writer_raw(writer, strbuf_slice(&text));
    } else {
        json_writer_string(writer, strbuf_slice(&text));
    }
    strbuf_fini(&text);
}

/* JSON has no word for what is no finite number. */
static void field_write_real(struct json_writer *writer, double real)
{
    if (isnan(real)) {
        json_writer_text(writer, "NaN");
    } else if (isinf(real)) {
        json_writer_text(writer, real > 0 ? "Infinity" : "-Infinity");
    } else {
        json_writer_double(writer, real);
    }
}

static void field_write_base64(struct json_writer *writer, struct slice bytes)
{
    struct strbuf text = STRBUF_INIT;

    base64_encode(bytes, &text);
    writer->out->failed |= strbuf_failed(&text);
    json_writer_string(writer, strbuf_slice(&text));
    strbuf_fini(&text);
}

void field_json_write_string(struct json_writer *writer, struct slice text)
{
    if (field_json_is_text(text)) {
        json_writer_string(writer, text);
        return;
    }
    json_writer_begin_object(writer);
    json_writer_key(writer, "!string");
    field_write_base64(writer, text);
    json_writer_end_object(writer);
}

static int field_compare_names(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Whether a name stands twice. Without memory to sort many: yes, which only costs the plain form.
 */
static bool field_names_repeat(const struct field_table *table)
{
    struct slice *names;
    bool repeat = false;
    size_t i;
    size_t j;

    if (table->count <= FIELD_NAMES_FEW) {
        for (i = 1; i < table->count; i++) {
            for (j = 0; j < i; j++) {
                repeat |= slice_equal(table->entries[i].name, table->entries[j].name);
            }
        }
        return repeat;
    }
    names = calloc(table->count, sizeof(*names));
    if (names == NULL) {
        return true;
    }
    for (i = 0; i < table->count; i++) {
        names[i] = table->entries[i].name;
    }
    qsort(names, table->count, sizeof(*names), field_compare_names);
    for (i = 1; i < table->count; i++) {
        repeat |= slice_equal(names[i - 1], names[i]);
    }
    free(names);
    return repeat;
}

/* Whether the names of a table can be keys of one object. */
static bool field_names_are_keys(const struct field_table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++) {
        if (!field_json_is_text(table->entries[i].name)) {
            return false;
        }
    }
    return !field_names_repeat(table);
}

static void field_write_pairs(struct json_writer *writer, const struct field_table *table)
{
    size_t i;

    json_writer_begin_array(writer);
    for (i = 0; i < table->count; i++) {
        json_writer_begin_array(writer);
        field_json_write_string(writer, table->entries[i].name);
        field_json_write(writer, &table->entries[i].value);
        json_writer_end_array(writer);
    }
    json_writer_end_array(writer);
}

static void field_write_number(struct json_writer *writer, const struct field *field)
{
    switch (field->type) {
    case FIELD_I8:
    case FIELD_I16:
    case FIELD_I32:
    case FIELD_I64:
        json_writer_integer(writer, field->value.integer);
        break;
    case FIELD_F32:
    case FIELD_F64:
        field_write_real(writer, field->value.real);
        break;
    case FIELD_DECIMAL:
        field_write_decimal(writer, field);
        break;
    default:
        json_writer_natural(writer, field->value.natural);
        break;
    }
}

/* What stands alone where the type is plain. */
static void field_write_value(struct json_writer *writer, const struct field *field)
{
    size_t i;

    switch (field->type) {
    case FIELD_VOID:
        json_writer_null(writer);
        break;
    case FIELD_BOOL:
        json_writer_bool(writer, field->value.boolean);
        break;
    case FIELD_STRING:
        json_writer_string(writer, field->value.bytes);
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
    default:
        field_write_number(writer, field);
        break;
    }
}

/* What stands under the key of a typed form. */
static void field_write_typed(struct json_writer *writer, const struct field *field)
{
    bool is_string = field->type == FIELD_STRING || field->type == FIELD_BYTES;

    if (is_string) {
        field_write_base64(writer, field->value.bytes);
    } else if (field->type == FIELD_TABLE && !field_names_are_keys(&field->value.table)) {
        field_write_pairs(writer, &field->value.table);
    } else {
        field_write_value(writer, field);
    }
}

/* A table that would be taken for a typed form, or is no object. */
static bool field_table_needs_form(const struct field_table *table)
{
    struct slice first = table->count > 0 ? table->entries[0].name : SLICE("");

    return (table->count == 1 && first.len > 0 && first.data[0] == '!') ||
           !field_names_are_keys(table);
}

/* Whether JSON alone would lose the type. */
static bool field_needs_form(const struct field *field)
{
    switch (field->type) {
    case FIELD_VOID:
    case FIELD_BOOL:
    case FIELD_ARRAY:
    case FIELD_I32:
        return false;
    case FIELD_I64:
        return field->value.integer >= INT32_MIN && field->value.integer <= INT32_MAX;
    case FIELD_U64:
        return field->value.natural <= INT32_MAX;
    case FIELD_F64:
        return !isfinite(field->value.real);
    case FIELD_STRING:
        return !field_json_is_text(field->value.bytes);
    case FIELD_TABLE:
        return field_table_needs_form(&field->value.table);
    default:
        return true;
    }
}

void field_json_write(struct json_writer *writer, const struct field *field)
{
    if (field_needs_form(field)) {
        field_json_write_typed(writer, field);
    } else {
        field_write_value(writer, field);
    }
}

void field_json_write_typed(struct json_writer *writer, const struct field *field)
{
    /* What fits 64 signed bits is sent so. */
    enum field_type type = field->type == FIELD_U64 ? FIELD_I64 : field->type;
    const struct field_typed *form = field_typed_forms;

    while (form->type != type) {
        form++;
    }
    json_writer_begin_object(writer);
    json_writer_key(writer, form->name);
    field_write_typed(writer, field);
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
