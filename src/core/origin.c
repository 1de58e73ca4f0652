/* Where an AMQP message comes from, as far as gateways have written it into its headers. For: the
 * way back of mirrors. Not for: writing it (core/mapping_headers.c, and the rule's own headers). */
#include "core/origin.h"

static bool origin_header_is(const struct field_table *headers, struct slice name, const char *text)
{
    const struct field *field = field_table_find(headers, name);

    return field != NULL && field->type == FIELD_STRING &&
           slice_equal_text(field->value.bytes, text);
}

/* What anybody wrote there: what is no number of hops says nothing. */
static uint64_t origin_hops(const struct field_table *headers)
{
    const struct field *field = field_table_find(headers, SLICE(ORIGIN_HOPS_HEADER));

    if (field == NULL) {
        return 0;
    }
    switch (field->type) {
    case FIELD_I8:
    case FIELD_I16:
    case FIELD_I32:
    case FIELD_I64:
        return field->value.integer > 0 ? (uint64_t)field->value.integer : 0;
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
        return field->value.natural;
    default:
        return 0;
    }
}

bool origin_passes(void *origin, const struct delivery *delivery)
{
    const struct origin *own = origin;
    const struct properties *properties = delivery->properties;
    const struct field_table *headers;

    if (properties == NULL || !properties_has(properties, PROPERTY_HEADERS)) {
        return true;
    }
    headers = &properties->headers;
    return origin_hops(headers) < own->hops &&
           !(origin_header_is(headers, SLICE("x-chunnel-origin"), own->instance) &&
             origin_header_is(headers, SLICE("x-chunnel-bridge"), own->bridge));
}
