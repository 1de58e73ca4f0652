/* Names of the message properties, as the rules and the envelope spell them, and what a value may
 * be. */
#include "core/properties.h"

static const char *const property_names[PROPERTY_COUNT] = {
    [PROPERTY_CONTENT_TYPE] = "content_type",
    [PROPERTY_CONTENT_ENCODING] = "content_encoding",
    [PROPERTY_CORRELATION_ID] = "correlation_id",
    [PROPERTY_REPLY_TO] = "reply_to",
    [PROPERTY_EXPIRATION] = "expiration",
    [PROPERTY_MESSAGE_ID] = "message_id",
    [PROPERTY_TYPE] = "type",
    [PROPERTY_USER_ID] = "user_id",
    [PROPERTY_APP_ID] = "app_id",
    [PROPERTY_CLUSTER_ID] = "cluster_id",
    [PROPERTY_HEADERS] = "headers",
    [PROPERTY_DELIVERY_MODE] = "delivery_mode",
    [PROPERTY_PRIORITY] = "priority",
    [PROPERTY_TIMESTAMP] = "timestamp",
};

const char *property_name(enum property property)
{
    return property < PROPERTY_COUNT ? property_names[property] : "unknown";
}

enum property property_find(struct slice name)
{
    for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
        if (slice_equal_text(name, property_names[i])) {
            return (enum property)i;
        }
    }
    return PROPERTY_COUNT;
}

bool property_is_expiration(struct slice text)
{
    uint64_t milliseconds = 0;

    for (size_t i = 0; i < text.len && milliseconds <= UINT32_MAX; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        milliseconds = milliseconds * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0 && milliseconds <= UINT32_MAX;
}
