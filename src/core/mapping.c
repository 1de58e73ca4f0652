/* From a delivery to what is sent. For: where it goes and its properties, for every message, so
 * with everything that stays the same prepared in the scratch memory. Not for: headers
 * (core/mapping_headers.c), reading rules (conf/). */
#include "core/mapping.h"

#include <stdlib.h>

#include "base/clock.h"
#include "core/envelope.h"
#include "core/mapping_headers.h"
#include "core/text_slot.h"

enum { SHORT_STRING_MAX = 255 }; /* AMQP 0-9-1 §4.2.5.3 */

/* A property of the rule that is made for each message. */
struct property_slot {
    enum property property;
    struct text_slot text;
};

struct mapping_scratch {
    struct text_slot channel;
    struct text_slot exchange;
    struct text_slot routing_key;
    struct properties fixed; /* of the rule, the same for every message; no headers */
    struct property_slot texts[PROPERTY_TEXT_COUNT];
    size_t text_count;
    struct mapping_headers headers;
    struct strbuf envelope; /* of the last message to Redis */
    char id[DELIVERY_ID_SIZE];
};

static int check_short_string(struct slice text, const char *what, struct err *err)
{
    if (text.len > SHORT_STRING_MAX) {
        return err_set(err, "%s has %zu octets; AMQP allows %d", what, text.len, SHORT_STRING_MAX);
    }
    return 0;
}

static int check_expiration(struct slice text, struct err *err)
{
    if (!property_is_expiration(text)) {
        return err_set(err, "expiration is \"%.*s\"; it must be milliseconds, 0 to %u",
                       (int)(text.len < 32 ? text.len : 32), text.data, UINT32_MAX);
    }
    return 0;
}

static int check_property(enum property property, struct slice text, struct err *err)
{
    if (property == PROPERTY_EXPIRATION) {
        return check_expiration(text, err);
    }
    return check_short_string(text, property_name(property), err);
}

/* What is constant and right goes into `fixed`; what is constant and wrong gets a slot, so that
 * every message says so. */
static void init_properties(struct mapping_scratch *scratch, const struct mapping *mapping)
{
    struct slice text;

    for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        const struct template *template = mapping->text[i];
        enum property property = (enum property)i;

        if (template == NULL) {
            continue;
        }
        if (template_is_constant(template, &text) && check_property(property, text, NULL) == 0) {
            properties_set_text(&scratch->fixed, property, text);
        } else {
            struct property_slot *slot = &scratch->texts[scratch->text_count++];

            slot->property = property;
            text_slot_init(&slot->text, template);
        }
    }
    scratch->fixed.present |= 1u << PROPERTY_DELIVERY_MODE;
    scratch->fixed.delivery_mode = mapping->persistent ? 2 : 1;
    if (mapping->priority >= 0) {
        scratch->fixed.present |= 1u << PROPERTY_PRIORITY;
        scratch->fixed.priority = (uint8_t)mapping->priority;
    }
}

struct mapping_scratch *mapping_scratch_new(const struct mapping *mapping)
{
    struct mapping_scratch *scratch = calloc(1, sizeof(*scratch));

    if (scratch == NULL) {
        return NULL;
    }
    if (mapping_headers_init(&scratch->headers, mapping) != 0) {
        mapping_scratch_free(scratch);
        return NULL;
    }
    text_slot_init(&scratch->channel, mapping->channel);
    text_slot_init(&scratch->exchange, mapping->exchange);
    text_slot_init(&scratch->routing_key, mapping->routing_key);
    init_properties(scratch, mapping);
    return scratch;
}

void mapping_scratch_free(struct mapping_scratch *scratch)
{
    if (scratch == NULL) {
        return;
    }
    text_slot_fini(&scratch->channel);
    text_slot_fini(&scratch->exchange);
    text_slot_fini(&scratch->routing_key);
    for (size_t i = 0; i < scratch->text_count; i++) {
        text_slot_fini(&scratch->texts[i].text);
    }
    mapping_headers_fini(&scratch->headers);
    strbuf_fini(&scratch->envelope);
    free(scratch);
}

void mapping_fini(struct mapping *mapping)
{
    template_free(mapping->channel);
    template_free(mapping->exchange);
    template_free(mapping->routing_key);
    for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        template_free(mapping->text[i]);
    }
    for (size_t i = 0; i < mapping->header_count; i++) {
        template_free(mapping->headers[i].template);
    }
    free(mapping->headers);
    memset(mapping, 0, sizeof(*mapping));
}

bool mapping_needs_properties(const struct mapping *mapping)
{
    return mapping->to_amqp || mapping->writes_envelope ||
           (mapping->channel != NULL && template_needs_properties(mapping->channel));
}

/* Those that came, with the rule's fixed ones over them. A `user_id` that is not the user of the
 * connection that publishes stays behind: the broker would close the channel. */
static void carry_properties(const struct mapping *mapping, const struct mapping_scratch *scratch,
                             const struct properties *carried, struct properties *out)
{
    const struct properties *fixed = &scratch->fixed;
    bool keeps_mode = mapping->reads_envelope && !mapping->persistent_given &&
                      properties_has(carried, PROPERTY_DELIVERY_MODE);

    *out = *carried;
    if (mapping->user.len == 0 || !slice_equal(out->text[PROPERTY_USER_ID], mapping->user)) {
        out->present &= ~(1u << PROPERTY_USER_ID);
    }
    out->present |= fixed->present;
    if (!keeps_mode) {
        out->delivery_mode = fixed->delivery_mode;
    }
    if (properties_has(fixed, PROPERTY_PRIORITY)) {
        out->priority = fixed->priority;
    }
    for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        if (properties_has(fixed, (enum property)i)) {
            out->text[i] = fixed->text[i];
        }
    }
}

static void annotate(struct mapping_scratch *scratch, const struct delivery *delivery,
                     struct properties *out)
{
    bool from_redis = delivery->channel.data != NULL;

    if (from_redis) {
        if (!properties_has(out, PROPERTY_TIMESTAMP)) {
            out->present |= 1u << PROPERTY_TIMESTAMP;
            out->timestamp = (uint64_t)delivery->wall_us / CLOCK_US_PER_S;
        }
        if (!properties_has(out, PROPERTY_APP_ID)) {
            properties_set_text(out, PROPERTY_APP_ID, SLICE("chunneld"));
        }
    }
    if (!properties_has(out, PROPERTY_MESSAGE_ID)) {
        properties_set_text(out, PROPERTY_MESSAGE_ID, delivery_get_id(delivery, scratch->id));
    }
}

static int apply_properties(const struct mapping *mapping, const struct template_context *context,
                            const struct delivery *delivery, struct mapping_scratch *scratch,
                            struct properties *out, struct err *err)
{
    if (delivery->properties != NULL) {
        carry_properties(mapping, scratch, delivery->properties, out);
    } else {
        *out = scratch->fixed;
    }
    if (mapping->annotate) {
        annotate(scratch, delivery, out);
    }
    for (size_t i = 0; i < scratch->text_count; i++) {
        struct property_slot *slot = &scratch->texts[i];
        struct slice text;

        if (text_slot_fill(&slot->text, context, delivery, &text, err) != 0 ||
            check_property(slot->property, text, err) != 0) {
            return -1;
        }
        properties_set_text(out, slot->property, text);
    }
    if (mapping_headers_apply(&scratch->headers, context, delivery, &out->headers, err) != 0) {
        return -1;
    }
    out->present &= ~(1u << PROPERTY_HEADERS);
    if (out->headers.count > 0) {
        out->present |= 1u << PROPERTY_HEADERS;
    }
    return 0;
}

static int apply_to_redis(const struct mapping *mapping, const struct template_context *context,
                          const struct delivery *delivery, struct mapping_scratch *scratch,
                          struct outgoing *out, struct err *err)
{
    out->exchange = slice_make(NULL, 0);
    out->routing_key = slice_make(NULL, 0);
    out->properties.present = 0; /* the rest of them is read by nobody then */
    if (text_slot_fill(&scratch->channel, context, delivery, &out->channel, err) != 0) {
        return -1;
    }
    if (out->channel.len == 0) {
        return err_set(err, "the channel is empty for this message");
    }
    if (mapping->writes_envelope) {
        strbuf_reset(&scratch->envelope);
        envelope_write(delivery, context, &scratch->envelope);
        out->body = strbuf_slice(&scratch->envelope);
        return strbuf_failed(&scratch->envelope) ? err_set(err, "out of memory") : 0;
    }
    return 0;
}

int mapping_apply(const struct mapping *mapping, const struct template_context *context,
                  const struct delivery *delivery, struct mapping_scratch *scratch,
                  struct outgoing *out, struct err *err)
{
    if (mapping->none) {
        *out = (struct outgoing){.body = delivery->body};
        return 0;
    }
    out->body = delivery->body;
    out->unwatched = false;
    if (!mapping->to_amqp) {
        return apply_to_redis(mapping, context, delivery, scratch, out, err);
    }
    out->channel = slice_make(NULL, 0);
    if (text_slot_fill(&scratch->exchange, context, delivery, &out->exchange, err) != 0 ||
        check_short_string(out->exchange, "the exchange", err) != 0 ||
        text_slot_fill(&scratch->routing_key, context, delivery, &out->routing_key, err) != 0 ||
        check_short_string(out->routing_key, "the routing key", err) != 0) {
        return -1;
    }
    return apply_properties(mapping, context, delivery, scratch, &out->properties, err);
}
