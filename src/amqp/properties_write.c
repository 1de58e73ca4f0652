/* Properties straight from the core's struct to octets. For: texts, numbers and headers that are
 * strings, as the annotations are, since every message has them. Not for: headers of other types
 * and words for what cannot be sent (fields_encode.c); the octets must be the same either way. */
#include "amqp/properties_write.h"

#include <string.h>

#include "amqp/framing.h"
#include "amqp/octets.h"

enum {
    SHORT_STRING_MAX = 255,
    LENGTH_OCTETS = 4, /* of a long string or table */
};

static const uint16_t property_flags[PROPERTY_COUNT] = {
#define FLAG(PROPERTY) [PROPERTY_##PROPERTY] = AMQP_BASIC_##PROPERTY##_FLAG
    FLAG(CONTENT_TYPE), FLAG(CONTENT_ENCODING), FLAG(CORRELATION_ID), FLAG(REPLY_TO),
    FLAG(EXPIRATION),   FLAG(MESSAGE_ID),       FLAG(TYPE),           FLAG(USER_ID),
    FLAG(APP_ID),       FLAG(CLUSTER_ID),       FLAG(HEADERS),        FLAG(DELIVERY_MODE),
    FLAG(PRIORITY),     FLAG(TIMESTAMP),
#undef FLAG
};

/* The bits of the texts from `first` to `last`. */
static uint32_t texts_between(enum property first, enum property last)
{
    return (2u << last) - (1u << first);
}

/* 0: not all are strings with names that fit. */
static size_t measure_headers(const struct field_table *headers)
{
    size_t size = LENGTH_OCTETS;

    for (size_t i = 0; i < headers->count; i++) {
        const struct field_entry *entry = &headers->entries[i];

        if (entry->value.type != FIELD_STRING || entry->name.len > SHORT_STRING_MAX) {
            return 0;
        }
        size += 1 + entry->name.len + 1 + LENGTH_OCTETS + entry->value.value.bytes.len;
    }
    return size;
}

size_t rmq_properties_measure(const struct properties *properties)
{
    uint32_t left = properties->present & texts_between(0, PROPERTY_TEXT_COUNT - 1);
    size_t size = sizeof(uint16_t), headers;

    for (; left != 0; left &= left - 1) {
        size_t len = properties->text[__builtin_ctz(left)].len;

        if (len > SHORT_STRING_MAX) {
            return 0;
        }
        size += 1 + len;
    }
    if (properties_has(properties, PROPERTY_HEADERS)) {
        headers = measure_headers(&properties->headers);
        if (headers == 0) {
            return 0;
        }
        size += headers;
    }
    size += properties_has(properties, PROPERTY_DELIVERY_MODE) ? sizeof(uint8_t) : 0;
    size += properties_has(properties, PROPERTY_PRIORITY) ? sizeof(uint8_t) : 0;
    size += properties_has(properties, PROPERTY_TIMESTAMP) ? sizeof(uint64_t) : 0;
    return size;
}

static uint8_t *put_octets(uint8_t *at, struct slice octets)
{
    if (octets.len > 0) {
        memcpy(at, octets.data, octets.len);
    }
    return at + octets.len;
}

static uint8_t *put_short_string(uint8_t *at, struct slice text)
{
    *at = (uint8_t)text.len;
    return put_octets(at + 1, text);
}

/* Those from `first` to `last` that are set: the enum has the order of the wire. */
static uint8_t *put_texts(uint8_t *at, const struct properties *properties, enum property first,
                          enum property last)
{
    uint32_t left = properties->present & texts_between(first, last);

    for (; left != 0; left &= left - 1) {
        at = put_short_string(at, properties->text[__builtin_ctz(left)]);
    }
    return at;
}

static uint8_t *put_headers(uint8_t *at, const struct field_table *headers)
{
    uint8_t *length = at;

    at += LENGTH_OCTETS;
    for (size_t i = 0; i < headers->count; i++) {
        struct slice text = headers->entries[i].value.value.bytes;

        at = put_short_string(at, headers->entries[i].name);
        *at++ = AMQP_FIELD_KIND_UTF8;
        rmq_put_u32(at, (uint32_t)text.len);
        at = put_octets(at + LENGTH_OCTETS, text);
    }
    rmq_put_u32(length, (uint32_t)(at - length) - LENGTH_OCTETS);
    return at;
}

static uint16_t flags_of(uint32_t present)
{
    unsigned flags = 0;

    for (; present != 0; present &= present - 1) {
        flags |= property_flags[__builtin_ctz(present)];
    }
    return (uint16_t)flags;
}

uint8_t *rmq_properties_write(const struct properties *properties, uint8_t *out)
{
    uint8_t *at = out + sizeof(uint16_t);

    rmq_put_u16(out, flags_of(properties->present));
    at = put_texts(at, properties, PROPERTY_CONTENT_TYPE, PROPERTY_CONTENT_ENCODING);
    if (properties_has(properties, PROPERTY_HEADERS)) {
        at = put_headers(at, &properties->headers);
    }
    if (properties_has(properties, PROPERTY_DELIVERY_MODE)) {
        *at++ = properties->delivery_mode;
    }
    if (properties_has(properties, PROPERTY_PRIORITY)) {
        *at++ = properties->priority;
    }
    at = put_texts(at, properties, PROPERTY_CORRELATION_ID, PROPERTY_MESSAGE_ID);
    if (properties_has(properties, PROPERTY_TIMESTAMP)) {
        rmq_put_u64(at, properties->timestamp);
        at += sizeof(uint64_t);
    }
    return put_texts(at, properties, PROPERTY_TYPE, PROPERTY_CLUSTER_ID);
}
