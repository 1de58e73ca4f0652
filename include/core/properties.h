/* The properties of an AMQP message (basic class, AMQP 0-9-1 §1.8.3.1...), in a form that no
 * protocol library owns. */
#ifndef CHUNNELD_CORE_PROPERTIES_H
#define CHUNNELD_CORE_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/field.h"

/* In the order of the wire. Those up to PROPERTY_TEXT_COUNT are short strings. */
enum property {
    PROPERTY_CONTENT_TYPE,
    PROPERTY_CONTENT_ENCODING,
    PROPERTY_CORRELATION_ID,
    PROPERTY_REPLY_TO,
    PROPERTY_EXPIRATION,
    PROPERTY_MESSAGE_ID,
    PROPERTY_TYPE,
    PROPERTY_USER_ID,
    PROPERTY_APP_ID,
    PROPERTY_CLUSTER_ID,
    PROPERTY_TEXT_COUNT,
    PROPERTY_HEADERS = PROPERTY_TEXT_COUNT,
    PROPERTY_DELIVERY_MODE,
    PROPERTY_PRIORITY,
    PROPERTY_TIMESTAMP,
    PROPERTY_COUNT
};

struct properties {
    uint32_t present;                       /* bit 1u << PROPERTY_x: the value below is set */
    uint8_t delivery_mode;                  /* 1 transient, 2 persistent */
    uint8_t priority;                       /* 0 to 255 */
    uint64_t timestamp;                     /* seconds since 1970 */
    struct slice text[PROPERTY_TEXT_COUNT]; /* at most 255 octets each */
    struct field_table headers;
};

static inline bool properties_has(const struct properties *properties, enum property property)
{
    return (properties->present & (1u << property)) != 0;
}

static inline void properties_set_text(struct properties *properties, enum property property,
                                       struct slice text)
{
    properties->present |= 1u << property;
    properties->text[property] = text;
}

/* The property's name as in the rules ("content_type"), never NULL. */
const char *property_name(enum property property);
/* The property called `name`, or PROPERTY_COUNT. */
enum property property_find(struct slice name);
/* Whether `text` is an expiration: milliseconds from 0 to 2^32 - 1. RabbitMQ closes the channel
 * over any other. */
bool property_is_expiration(struct slice text);

#endif
