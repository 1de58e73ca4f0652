/* Properties and tables from rabbitmq-c's structs to the core's: everything of a message in memory
 * that was measured before. Not for: the way back (fields_encode.c). */
#include "amqp/fields.h"

#include <string.h>

static size_t fields_measure_table(const amqp_table_t *table);

static size_t fields_measure_array(const amqp_array_t *array);

static size_t fields_measure_value(const amqp_field_value_t *value)
{
    switch (value->kind) {
    case AMQP_FIELD_KIND_TABLE:
        return fields_measure_table(&value->value.table);
    case AMQP_FIELD_KIND_ARRAY:
        return fields_measure_array(&value->value.array);
    default:
        return 0;
    }
}

static size_t fields_measure_array(const amqp_array_t *array)
{
    size_t size = (size_t)array->num_entries * sizeof(struct field);

    for (int i = 0; i < array->num_entries; i++) {
        size += fields_measure_value(&array->entries[i]);
    }
    return size;
}

static size_t fields_measure_table(const amqp_table_t *table)
{
    size_t size = (size_t)table->num_entries * sizeof(struct field_entry);

    for (int i = 0; i < table->num_entries; i++) {
        size += fields_measure_value(&table->entries[i].value);
    }
    return size;
}

size_t rmq_fields_measure(const amqp_basic_properties_t *properties)
{
    size_t size = sizeof(struct properties);

    if ((properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
        size += fields_measure_table(&properties->headers);
    }
    return size;
}

static void *target_take(struct rmq_fields_target *target, size_t size)
{
    void *taken = target->structs;

    target->structs += size;
    return taken;
}

/* The same octets in the copy. */
static struct slice target_rebase(const struct rmq_fields_target *target, amqp_bytes_t bytes)
{
    if (bytes.len == 0) {
        return slice_make(target->copy, 0);
    }
    return slice_make(target->copy + ((const char *)bytes.bytes - target->raw), bytes.len);
}

static void fields_from_table(const amqp_table_t *table, struct rmq_fields_target *target,
                              struct field_table *out_table);
static void fields_from_array(const amqp_array_t *array, struct rmq_fields_target *target,
                              struct field_array *out_array);

/* Numbers. */
static struct field fields_from_number(const amqp_field_value_t *from)
{
    switch (from->kind) {
    case AMQP_FIELD_KIND_BOOLEAN:
        return (struct field){FIELD_BOOL, {.boolean = from->value.boolean != 0}};
    case AMQP_FIELD_KIND_I8:
        return (struct field){FIELD_I8, {.integer = from->value.i8}};
    case AMQP_FIELD_KIND_U8:
        return (struct field){FIELD_U8, {.natural = from->value.u8}};
    case AMQP_FIELD_KIND_I16:
        return (struct field){FIELD_I16, {.integer = from->value.i16}};
    case AMQP_FIELD_KIND_U16:
        return (struct field){FIELD_U16, {.natural = from->value.u16}};
    case AMQP_FIELD_KIND_I32:
        return (struct field){FIELD_I32, {.integer = from->value.i32}};
    case AMQP_FIELD_KIND_U32:
        return (struct field){FIELD_U32, {.natural = from->value.u32}};
    case AMQP_FIELD_KIND_I64:
        return (struct field){FIELD_I64, {.integer = from->value.i64}};
    case AMQP_FIELD_KIND_U64:
        return (struct field){FIELD_U64, {.natural = from->value.u64}};
    case AMQP_FIELD_KIND_TIMESTAMP:
        return (struct field){FIELD_TIMESTAMP, {.natural = from->value.u64}};
    case AMQP_FIELD_KIND_F32:
        return (struct field){FIELD_F32, {.real = from->value.f32}};
    case AMQP_FIELD_KIND_F64:
        return (struct field){FIELD_F64, {.real = from->value.f64}};
    default:
        return (struct field){FIELD_VOID, {.natural = 0}};
    }
}

static void fields_from_value(const amqp_field_value_t *from, struct rmq_fields_target *target,
                              struct field *out)
{
    switch (from->kind) {
    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        out->type = from->kind == AMQP_FIELD_KIND_UTF8 ? FIELD_STRING : FIELD_BYTES;
        out->value.bytes = target_rebase(target, from->value.bytes);
        break;
    case AMQP_FIELD_KIND_DECIMAL:
        out->type = FIELD_DECIMAL;
        out->value.decimal.scale = from->value.decimal.decimals;
        out->value.decimal.value = from->value.decimal.value;
        break;
    case AMQP_FIELD_KIND_TABLE:
        out->type = FIELD_TABLE;
        fields_from_table(&from->value.table, target, &out->value.table);
        break;
    case AMQP_FIELD_KIND_ARRAY:
        out->type = FIELD_ARRAY;
        fields_from_array(&from->value.array, target, &out->value.array);
        break;
    default:
        *out = fields_from_number(from);
        break;
    }
}

static void fields_from_array(const amqp_array_t *array, struct rmq_fields_target *target,
                              struct field_array *out_array)
{
    size_t count = (size_t)array->num_entries;

    out_array->count = count;
    out_array->items = target_take(target, count * sizeof(struct field));
    for (size_t i = 0; i < count; i++) {
        fields_from_value(&array->entries[i], target, &out_array->items[i]);
    }
}

static void fields_from_table(const amqp_table_t *table, struct rmq_fields_target *target,
                              struct field_table *out_table)
{
    size_t count = (size_t)table->num_entries;

    out_table->count = count;
    out_table->entries = target_take(target, count * sizeof(struct field_entry));
    for (size_t i = 0; i < count; i++) {
        out_table->entries[i].name = target_rebase(target, table->entries[i].key);
        fields_from_value(&table->entries[i].value, target, &out_table->entries[i].value);
    }
}

static void fields_set_text(struct properties *out, enum property property, amqp_flags_t flag,
                            amqp_bytes_t text, const amqp_basic_properties_t *from,
                            const struct rmq_fields_target *target)
{
    if ((from->_flags & flag) != 0) {
        properties_set_text(out, property, target_rebase(target, text));
    }
}

const struct properties *rmq_fields_from_properties(const amqp_basic_properties_t *from,
                                                    struct rmq_fields_target *target)
{
    struct properties *out = target_take(target, sizeof(*out));

    memset(out, 0, sizeof(*out));
#define TEXT(PROPERTY, name)                                                                       \
    fields_set_text(out, PROPERTY_##PROPERTY, AMQP_BASIC_##PROPERTY##_FLAG, from->name, from,      \
                    target)
    TEXT(CONTENT_TYPE, content_type);
    TEXT(CONTENT_ENCODING, content_encoding);
    TEXT(CORRELATION_ID, correlation_id);
    TEXT(REPLY_TO, reply_to);
    TEXT(EXPIRATION, expiration);
    TEXT(MESSAGE_ID, message_id);
    TEXT(TYPE, type);
    TEXT(USER_ID, user_id);
    TEXT(APP_ID, app_id);
    TEXT(CLUSTER_ID, cluster_id);
#undef TEXT
    if ((from->_flags & AMQP_BASIC_HEADERS_FLAG) != 0) {
        out->present |= 1u << PROPERTY_HEADERS;
        fields_from_table(&from->headers, target, &out->headers);
    }
    if ((from->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0) {
        out->present |= 1u << PROPERTY_DELIVERY_MODE;
        out->delivery_mode = from->delivery_mode;
    }
    if ((from->_flags & AMQP_BASIC_PRIORITY_FLAG) != 0) {
        out->present |= 1u << PROPERTY_PRIORITY;
        out->priority = from->priority;
    }
    if ((from->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0) {
        out->present |= 1u << PROPERTY_TIMESTAMP;
        out->timestamp = from->timestamp;
    }
    return out;
}
