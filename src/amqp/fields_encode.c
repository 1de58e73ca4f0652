/* Properties and tables from the core's structs to rabbitmq-c's, measured on the way, so that what
 * does not fit is refused before anything is written. Not for: the way here (fields.c). */
#include <stdint.h>
#include <string.h>

#include "amqp/fields.h"
#include "amqp/frame.h"
#include "amqp/scan.h"

enum {
    SHORT_STRING_MAX = 255,
    LENGTH_OCTETS = 4, /* of a long string, table or array */
};

/* How values of a fixed size look on the wire. */
struct field_shape {
    uint8_t kind;  /* type octet; 0: not of a fixed size */
    uint8_t width; /* octets of the value */
};

static const struct field_shape field_shapes[] = {
    [FIELD_VOID] = {AMQP_FIELD_KIND_VOID, 0},
    [FIELD_BOOL] = {AMQP_FIELD_KIND_BOOLEAN, 1},
    [FIELD_I8] = {AMQP_FIELD_KIND_I8, 1},
    [FIELD_U8] = {AMQP_FIELD_KIND_U8, 1},
    [FIELD_I16] = {AMQP_FIELD_KIND_I16, 2},
    [FIELD_U16] = {AMQP_FIELD_KIND_U16, 2},
    [FIELD_I32] = {AMQP_FIELD_KIND_I32, 4},
    [FIELD_U32] = {AMQP_FIELD_KIND_U32, 4},
    [FIELD_I64] = {AMQP_FIELD_KIND_I64, 8},
    [FIELD_U64] = {AMQP_FIELD_KIND_I64, 8},
    [FIELD_F32] = {AMQP_FIELD_KIND_F32, 4},
    [FIELD_F64] = {AMQP_FIELD_KIND_F64, 8},
    [FIELD_DECIMAL] = {AMQP_FIELD_KIND_DECIMAL, 5},
    [FIELD_TIMESTAMP] = {AMQP_FIELD_KIND_TIMESTAMP, 8},
    [FIELD_TABLE] = {0, 0},
};

/* One conversion under way. */
struct encoder {
    struct rmq_codec *codec;
    unsigned depth; /* tables and arrays open */
    size_t size;    /* octets so far */
    struct err *err;
};

static enum rmq_fields_result encode_table(struct encoder *encoder, const struct field_table *table,
                                           amqp_table_t *out);
static enum rmq_fields_result encode_array(struct encoder *encoder, const struct field_array *array,
                                           amqp_array_t *out);

/* Opens a table or array of `count` items; their memory in *out_items (NULL where there are none).
 */
static enum rmq_fields_result encode_open(struct encoder *encoder, size_t count, size_t item_size,
                                          void **out_items)
{
    if (++encoder->depth > RMQ_SCAN_DEPTH_MAX) {
        err_set(encoder->err, "tables and arrays nested over %d deep", RMQ_SCAN_DEPTH_MAX);
        return RMQ_FIELDS_UNSAYABLE;
    }
    encoder->size += LENGTH_OCTETS;
    *out_items = NULL;
    if (count == 0) {
        return RMQ_FIELDS_OK;
    }
    if (count > RMQ_FRAME_MAX_MAX) {
        err_set(encoder->err, "%zu values in one table do not fit one frame", count);
        return RMQ_FIELDS_UNSAYABLE;
    }
    *out_items = rmq_codec_alloc(encoder->codec, count * item_size);
    if (*out_items == NULL) {
        err_set(encoder->err, "out of memory");
        return RMQ_FIELDS_NO_MEMORY;
    }
    return RMQ_FIELDS_OK;
}

static void encode_fixed(struct encoder *encoder, const struct field *field,
                         amqp_field_value_t *out)
{
    struct field_shape shape = field_shapes[field->type];

    out->kind = shape.kind;
    encoder->size += shape.width;
    switch (field->type) {
    case FIELD_VOID:
        break;
    case FIELD_BOOL:
        out->value.boolean = field->value.boolean;
        break;
    case FIELD_F32:
        out->value.f32 = (float)field->value.real;
        break;
    case FIELD_F64:
        out->value.f64 = field->value.real;
        break;
    case FIELD_DECIMAL:
        out->value.decimal.decimals = field->value.decimal.scale;
        out->value.decimal.value = field->value.decimal.value;
        break;
    case FIELD_U64:
        if (field->value.natural > INT64_MAX) {
            out->kind = AMQP_FIELD_KIND_U64;
        }
        out->value.u64 = field->value.natural;
        break;
    default:
        /* Signed and unsigned numbers have the same octets. */
        if (shape.width == 1) {
            out->value.u8 = (uint8_t)field->value.natural;
        } else if (shape.width == 2) {
            out->value.u16 = (uint16_t)field->value.natural;
        } else if (shape.width == 4) {
            out->value.u32 = (uint32_t)field->value.natural;
        } else {
            out->value.u64 = field->value.natural;
        }
        break;
    }
}

static enum rmq_fields_result encode_value(struct encoder *encoder, const struct field *field,
                                           amqp_field_value_t *out)
{
    encoder->size += 1; /* the type octet */
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_BYTES:
        out->kind = field->type == FIELD_STRING ? AMQP_FIELD_KIND_UTF8 : AMQP_FIELD_KIND_BYTES;
        out->value.bytes = rmq_bytes(field->value.bytes);
        encoder->size += LENGTH_OCTETS + field->value.bytes.len;
        return RMQ_FIELDS_OK;
    case FIELD_TABLE:
        out->kind = AMQP_FIELD_KIND_TABLE;
        return encode_table(encoder, &field->value.table, &out->value.table);
    case FIELD_ARRAY:
        out->kind = AMQP_FIELD_KIND_ARRAY;
        return encode_array(encoder, &field->value.array, &out->value.array);
    default:
        encode_fixed(encoder, field, out);
        return RMQ_FIELDS_OK;
    }
}

static enum rmq_fields_result encode_array(struct encoder *encoder, const struct field_array *array,
                                           amqp_array_t *out)
{
    void *items;

    enum rmq_fields_result result =
        encode_open(encoder, array->count, sizeof(amqp_field_value_t), &items);

    if (result != RMQ_FIELDS_OK) {
        return result;
    }
    out->num_entries = (int)array->count;
    out->entries = items;
    for (size_t i = 0; i < array->count && result == RMQ_FIELDS_OK; i++) {
        result = encode_value(encoder, &array->items[i], &out->entries[i]);
    }
    encoder->depth--;
    return result;
}

static enum rmq_fields_result encode_table(struct encoder *encoder, const struct field_table *table,
                                           amqp_table_t *out)
{
    void *items;

    enum rmq_fields_result result =
        encode_open(encoder, table->count, sizeof(amqp_table_entry_t), &items);

    if (result != RMQ_FIELDS_OK) {
        return result;
    }
    out->num_entries = (int)table->count;
    out->entries = items;
    for (size_t i = 0; i < table->count && result == RMQ_FIELDS_OK; i++) {
        struct slice name = table->entries[i].name;

        if (name.len > SHORT_STRING_MAX) {
            err_set(encoder->err, "the name \"%.40s...\" is over 255 octets", name.data);
            return RMQ_FIELDS_UNSAYABLE;
        }
        encoder->size += 1 + name.len;
        out->entries[i].key = rmq_bytes(name);
        result = encode_value(encoder, &table->entries[i].value, &out->entries[i].value);
    }
    encoder->depth--;
    return result;
}

enum rmq_fields_result rmq_fields_to_table(struct rmq_codec *codec, const struct field_table *table,
                                           amqp_table_t *out_table, size_t *out_size,
                                           struct err *err)
{
    struct encoder encoder = {.codec = codec, .err = err};
    enum rmq_fields_result result = encode_table(&encoder, table, out_table);

    *out_size = encoder.size;
    return result;
}

/* Where rabbitmq-c keeps each text property, and its flag. */
static const struct {
    amqp_flags_t flag;
    size_t offset;
} text_places[PROPERTY_TEXT_COUNT] = {
#define TEXT(PROPERTY, name)                                                                       \
    [PROPERTY_##PROPERTY] = {AMQP_BASIC_##PROPERTY##_FLAG, offsetof(amqp_basic_properties_t, name)}
    TEXT(CONTENT_TYPE, content_type),
    TEXT(CONTENT_ENCODING, content_encoding),
    TEXT(CORRELATION_ID, correlation_id),
    TEXT(REPLY_TO, reply_to),
    TEXT(EXPIRATION, expiration),
    TEXT(MESSAGE_ID, message_id),
    TEXT(TYPE, type),
    TEXT(USER_ID, user_id),
    TEXT(APP_ID, app_id),
    TEXT(CLUSTER_ID, cluster_id),
#undef TEXT
};

static enum rmq_fields_result encode_texts(struct encoder *encoder,
                                           const struct properties *properties,
                                           amqp_basic_properties_t *out)
{
    uint32_t left = properties->present & ((1u << PROPERTY_TEXT_COUNT) - 1);

    while (left != 0) {
        int i = __builtin_ctz(left);
        struct slice text = properties->text[i];
        amqp_bytes_t bytes = rmq_bytes(text);

        if (text.len > SHORT_STRING_MAX) {
            err_set(encoder->err, "the property %s is over 255 octets",
                    property_name((enum property)i));
            return RMQ_FIELDS_UNSAYABLE;
        }
        memcpy((char *)out + text_places[i].offset, &bytes, sizeof(bytes));
        out->_flags |= text_places[i].flag;
        encoder->size += 1 + text.len;
        left &= left - 1;
    }
    return RMQ_FIELDS_OK;
}

enum rmq_fields_result rmq_fields_to_properties(struct rmq_codec *codec,
                                                const struct properties *properties,
                                                amqp_basic_properties_t *out, size_t *out_size,
                                                struct err *err)
{
    struct encoder encoder = {.codec = codec, .size = sizeof(uint16_t), .err = err};

    enum rmq_fields_result result;

    out->_flags = 0;
    result = encode_texts(&encoder, properties, out);
    if (result == RMQ_FIELDS_OK && properties_has(properties, PROPERTY_HEADERS)) {
        out->_flags |= AMQP_BASIC_HEADERS_FLAG;
        result = encode_table(&encoder, &properties->headers, &out->headers);
    }
    if (properties_has(properties, PROPERTY_DELIVERY_MODE)) {
        out->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
        out->delivery_mode = properties->delivery_mode;
        encoder.size += 1;
    }
    if (properties_has(properties, PROPERTY_PRIORITY)) {
        out->_flags |= AMQP_BASIC_PRIORITY_FLAG;
        out->priority = properties->priority;
        encoder.size += 1;
    }
    if (properties_has(properties, PROPERTY_TIMESTAMP)) {
        out->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        out->timestamp = properties->timestamp;
        encoder.size += 8;
    }
    *out_size = encoder.size;
    return result;
}
