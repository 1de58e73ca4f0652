/* Headers of messages to AMQP. For: putting the rule's and the annotations over those that came.
 * What does not change from message to message is set up once. */
#include "core/mapping_headers.h"

#include <stdlib.h>

#include "core/origin.h"

static const struct slice annotation_names[ANNOTATION_COUNT] = {
    [ANNOTATION_HOPS] = SLICE(ORIGIN_HOPS_HEADER),
    [ANNOTATION_ORIGIN] = SLICE("x-chunnel-origin"),
    [ANNOTATION_BRIDGE] = SLICE("x-chunnel-bridge"),
    [ANNOTATION_CHANNEL] = SLICE("x-chunnel-channel"),
    [ANNOTATION_PATTERN] = SLICE("x-chunnel-pattern"),
};

static struct field string_field(struct slice text)
{
    return (struct field){.type = FIELD_STRING, .value.bytes = text};
}

static void init_rule(struct mapping_headers *headers, const struct mapping *mapping)
{
    for (size_t i = 0; i < mapping->header_count; i++) {
        const struct mapping_header *rule = &mapping->headers[i];
        struct field_entry *entry = &headers->own[i];
        struct mapping_header_slot *slot;
        struct slice text;

        entry->name = rule->name;
        if (rule->template == NULL) {
            entry->value = rule->value;
        } else if (template_is_constant(rule->template, &text)) {
            entry->value = string_field(text);
        } else {
            entry->value = string_field(SLICE(""));
            slot = &headers->slots[headers->slot_count++];
            slot->entry = entry;
            text_slot_init(&slot->text, rule->template);
        }
    }
    headers->rule_count = mapping->header_count;
}

static bool is_among(const struct field_entry *entries, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(entries[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void init_annotations(struct mapping_headers *headers, unsigned hops)
{
    size_t count = headers->rule_count;

    if (hops > 0) {
        headers->own[count] = (struct field_entry){annotation_names[ANNOTATION_HOPS],
                                                   {.type = FIELD_I32, .value.integer = hops}};
        headers->annotations[ANNOTATION_HOPS] = &headers->own[count++];
    }
    for (unsigned i = ANNOTATION_HOPS + 1; i < ANNOTATION_COUNT; i++) {
        if (!is_among(headers->own, headers->rule_count, annotation_names[i])) {
            headers->own[count] =
                (struct field_entry){annotation_names[i], string_field(SLICE(""))};
            headers->annotations[i] = &headers->own[count++];
        }
    }
}

int mapping_headers_init(struct mapping_headers *headers, const struct mapping *mapping)
{
    *headers = (struct mapping_headers){0};
    headers->own = calloc(mapping->header_count + ANNOTATION_COUNT, sizeof(headers->own[0]));
    headers->slots = calloc(mapping->header_count + 1, sizeof(headers->slots[0]));
    if (headers->own == NULL || headers->slots == NULL) {
        return -1;
    }
    init_rule(headers, mapping);
    if (mapping->annotate) {
        init_annotations(headers, mapping->hops);
    }
    return 0;
}

void mapping_headers_fini(struct mapping_headers *headers)
{
    for (size_t i = 0; i < headers->slot_count; i++) {
        text_slot_fini(&headers->slots[i].text);
    }
    free(headers->slots);
    free(headers->own);
    free(headers->merged);
    *headers = (struct mapping_headers){0};
}

/* Sets an annotation and counts it, unless it is not put on. */
static void annotate(struct mapping_headers *headers, enum annotation annotation,
                     struct slice value, size_t *count)
{
    struct field_entry *entry = headers->annotations[annotation];

    if (entry != NULL) {
        entry->value.value.bytes = value;
        (*count)++;
    }
}

/* The headers of the message that none of ours replaces, and behind them ours. */
static int merge(struct mapping_headers *headers, const struct field_table *carried,
                 size_t own_count, struct field_table *out_table, struct err *err)
{
    size_t wanted = carried->count + own_count;
    size_t count = 0;

    if (wanted > headers->merged_size) {
        struct field_entry *merged = realloc(headers->merged, wanted * sizeof(merged[0]));

        if (merged == NULL) {
            return err_set(err, "out of memory");
        }
        headers->merged = merged;
        headers->merged_size = wanted;
    }
    for (size_t i = 0; i < carried->count; i++) {
        if (!is_among(headers->own, own_count, carried->entries[i].name)) {
            headers->merged[count++] = carried->entries[i];
        }
    }
    memcpy(headers->merged + count, headers->own, own_count * sizeof(headers->own[0]));
    *out_table = (struct field_table){headers->merged, count + own_count};
    return 0;
}

int mapping_headers_apply(struct mapping_headers *headers, const struct template_context *context,
                          const struct delivery *delivery, struct field_table *out_table,
                          struct err *err)
{
    const struct properties *carried = delivery->properties;
    size_t count = headers->rule_count;

    for (size_t i = 0; i < headers->slot_count; i++) {
        struct mapping_header_slot *slot = &headers->slots[i];

        if (text_slot_fill(&slot->text, context, delivery, &slot->entry->value.value.bytes, err) !=
            0) {
            return -1;
        }
    }
    count += headers->annotations[ANNOTATION_HOPS] != NULL;
    annotate(headers, ANNOTATION_ORIGIN, context->instance, &count);
    annotate(headers, ANNOTATION_BRIDGE, context->bridge, &count);
    if (delivery->channel.data != NULL) {
        annotate(headers, ANNOTATION_CHANNEL, delivery->channel, &count);
    }
    if (delivery->pattern.data != NULL) {
        annotate(headers, ANNOTATION_PATTERN, delivery->pattern, &count);
    }
    if (carried == NULL || !properties_has(carried, PROPERTY_HEADERS)) {
        *out_table = (struct field_table){headers->own, count};
        return 0;
    }
    if (count == 0) {
        *out_table = carried->headers;
        return 0;
    }
    return merge(headers, &carried->headers, count, out_table, err);
}
