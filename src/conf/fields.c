/* AMQP field tables from JSON. For: arguments, and headers of rules. Writing them back is in
 * core/field_json.c. Not for: their form on the wire (amqp/). */
#include "conf/fields.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/nearest.h"
#include "core/field_json.h"

enum {
    CONF_FIELD_NAME_MAX = 255,   /* octets, AMQP 0-9-1 §4.2.5.5 */
    CONF_DECIMAL_SCALE_MAX = 19, /* digits behind the point */
};

static int conf_field_read(struct conf_loader *loader, const struct json_node *node,
                           struct field *out);

/* Text in the configuration's memory; -1: out of memory, and noted. */
static int conf_field_copy(struct conf_loader *loader, struct slice text, struct slice *out)
{
    const char *copy = conf_memory_copy(loader->memory, text);

    loader->out_of_memory |= copy == NULL;
    *out = slice_make(copy, text.len);
    return copy == NULL ? -1 : 0;
}

static int conf_field_integer(struct conf_loader *loader, const struct json_node *node, int64_t min,
                              int64_t max, int64_t *out)
{
    if (!json_is(node, JSON_NUMBER) || json_integer(loader->file->json, node, out) != 0 ||
        *out < min || *out > max) {
        conf_problem(loader, node, "a whole number from %" PRId64 " to %" PRId64 " is wanted", min,
                     max);
        return -1;
    }
    return 0;
}

static int conf_field_real(struct conf_loader *loader, const struct json_node *node, double limit,
                           double *out)
{
    if (!json_is(node, JSON_NUMBER)) {
        conf_problem(loader, node, "a number is wanted, this is %s",
                     json_type_name(json_type(node)));
        return -1;
    }
    *out = json_double(node);
    if (!(fabs(*out) <= limit)) {
        conf_problem(loader, node, "the number is too large for its type");
        return -1;
    }
    return 0;
}

/* 12.34 is 1234 with two digits behind the point (AMQP 0-9-1 §4.2.5.5: both unsigned). */
static int conf_field_decimal(struct conf_loader *loader, const struct json_node *node,
                              struct field_decimal *out)
{
    struct slice text = SLICE("");
    uint64_t value = 0;
    size_t scale = 0;
    bool behind = false;
    size_t i;

    if (json_is(node, JSON_NUMBER)) {
        text = json_number_text(loader->file->json, node);
    }
    for (i = 0; i < text.len && value <= UINT32_MAX; i++) {
        char c = text.data[i];

        if (c >= '0' && c <= '9') {
            value = value * 10 + (uint64_t)(c - '0');
            scale += behind;
        } else if (c == '.') {
            behind = true;
        } else {
            break;
        }
    }
    if (text.len == 0 || i < text.len || value > UINT32_MAX || scale > CONF_DECIMAL_SCALE_MAX) {
        conf_problem(loader, node,
                     "a number such as 12.34 is wanted: no sign, no exponent, its digits at most "
                     "%" PRIu32,
                     UINT32_MAX);
        return -1;
    }
    *out = (struct field_decimal){(uint8_t)scale, (uint32_t)value};
    return 0;
}

static int conf_field_bytes(struct conf_loader *loader, const struct json_node *node,
                            struct slice *out)
{
    struct slice text = json_is(node, JSON_STRING) ? json_string(node) : slice_make(NULL, 0);
    char *bytes = conf_memory_take(loader->memory, text.len + 1);
    size_t len;

    if (bytes == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    if (text.data == NULL || base64_decode(text, bytes, &len) != 0) {
        conf_problem(loader, node, "a string in base64 is wanted, such as \"AAEC\"");
        return -1;
    }
    *out = slice_make(bytes, len);
    return 0;
}

/* The value of a typed form. */
static int conf_field_typed(struct conf_loader *loader, const struct field_typed *form,
                            const struct json_node *node, struct field *out)
{
    int64_t integer = 0;

    out->type = form->type;
    switch (form->type) {
    case FIELD_F32:
        return conf_field_real(loader, node, FLT_MAX, &out->value.real);
    case FIELD_F64:
        return conf_field_real(loader, node, DBL_MAX, &out->value.real);
    case FIELD_DECIMAL:
        return conf_field_decimal(loader, node, &out->value.decimal);
    case FIELD_BYTES:
        return conf_field_bytes(loader, node, &out->value.bytes);
    case FIELD_TABLE:
        if (!json_is(node, JSON_OBJECT)) {
            conf_problem(loader, node, "an object is wanted, this is %s",
                         json_type_name(json_type(node)));
            return -1;
        }
        return conf_fields_read(loader, node, &out->value.table);
    default:
        if (conf_field_integer(loader, node, form->min, form->max, &integer) != 0) {
            return -1;
        }
        if (form->min < 0) {
            out->value.integer = integer;
        } else {
            out->value.natural = (uint64_t)integer;
        }
        return 0;
    }
}

/* An object: a table, or a typed form. */
static int conf_field_object(struct conf_loader *loader, const struct json_node *node,
                             struct field *out)
{
    const struct json_node *only = json_first(node);
    const char *names[sizeof(field_typed_forms) / sizeof(field_typed_forms[0])];
    size_t i;

    if (only == NULL || json_next(only) != NULL || json_key(only).data[0] != '!') {
        out->type = FIELD_TABLE;
        return conf_fields_read(loader, node, &out->value.table);
    }
    for (i = 0; field_typed_forms[i].name != NULL; i++) {
        names[i] = field_typed_forms[i].name;
        if (slice_equal_text(json_key(only), names[i])) {
            return conf_field_typed(loader, &field_typed_forms[i], only, out);
        }
    }
    conf_problem_key(
        loader, only,
        "unknown type \"%s\"; the nearest known one is \"%s\", and a table with such a "
        "key stands under \"!table\"",
        json_key(only).data, nearest_name(json_key(only), names, i));
    return -1;
}

static int conf_field_array(struct conf_loader *loader, const struct json_node *node,
                            struct field_array *out)
{
    size_t count = json_count(node);
    struct field *items = conf_memory_take_array(loader->memory, count, sizeof(*items));
    const struct json_node *item = json_first(node);
    int result = 0;
    size_t i;

    if (items == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (i = 0; i < count; i++, item = json_next(item)) {
        result |= conf_field_read(loader, item, &items[i]);
    }
    *out = (struct field_array){items, count};
    return result;
}

static int conf_field_number(struct conf_loader *loader, const struct json_node *node,
                             struct field *out)
{
    struct slice text = json_number_text(loader->file->json, node);

    if (memchr(text.data, '.', text.len) != NULL || memchr(text.data, 'e', text.len) != NULL ||
        memchr(text.data, 'E', text.len) != NULL) {
        out->type = FIELD_F64;
        return conf_field_real(loader, node, DBL_MAX, &out->value.real);
    }
    out->type = FIELD_I64;
    return conf_field_integer(loader, node, INT64_MIN, INT64_MAX, &out->value.integer);
}

static int conf_field_read(struct conf_loader *loader, const struct json_node *node,
                           struct field *out)
{
    switch (json_type(node)) {
    case JSON_NULL:
        out->type = FIELD_VOID;
        return 0;
    case JSON_BOOL:
        out->type = FIELD_BOOL;
        out->value.boolean = json_bool(node);
        return 0;
    case JSON_NUMBER:
        return conf_field_number(loader, node, out);
    case JSON_STRING:
        out->type = FIELD_STRING;
        return conf_field_copy(loader, json_string(node), &out->value.bytes);
    case JSON_ARRAY:
        out->type = FIELD_ARRAY;
        return conf_field_array(loader, node, &out->value.array);
    default:
        return conf_field_object(loader, node, out);
    }
}

/* The name of a member, which is one of a field. */
static int conf_field_name(struct conf_loader *loader, const struct json_node *member,
                           struct slice *out)
{
    struct slice name = json_key(member);

    if (name.len > CONF_FIELD_NAME_MAX) {
        conf_problem_key(loader, member, "a name of %zu octets; AMQP allows %d", name.len,
                         CONF_FIELD_NAME_MAX);
        return -1;
    }
    return conf_field_copy(loader, name, out);
}

int conf_fields_read(struct conf_loader *loader, const struct json_node *object,
                     struct field_table *out_table)
{
    size_t count = json_count(object);
    struct field_entry *entries = conf_memory_take_array(loader->memory, count, sizeof(*entries));
    const struct json_node *member = json_first(object);
    int result = 0;
    size_t i;

    if (entries == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (i = 0; i < count; i++, member = json_next(member)) {
        result |= conf_field_name(loader, member, &entries[i].name);
        result |= conf_field_read(loader, member, &entries[i].value);
    }
    if (result == 0) {
        *out_table = (struct field_table){entries, count};
    }
    return result;
}

static void conf_header_read(struct conf_loader *loader, const struct json_node *member,
                             struct mapping_header *header)
{
    struct err err;
    size_t column = 1;

    if (conf_field_name(loader, member, &header->name) != 0) {
        return;
    }
    if (!json_is(member, JSON_STRING)) {
        conf_field_read(loader, member, &header->value);
        return;
    }
    header->template = template_new(json_string(member), &loader->scope, &err, &column);
    if (header->template == NULL) {
        conf_problem_byte(loader, member, column - 1, "%s", err.text);
    }
}

void conf_headers_read(struct conf_loader *loader, const struct json_node *object,
                       struct mapping *mapping)
{
    size_t count = json_count(object);
    const struct json_node *member = json_first(object);

    if (count == 0) {
        return;
    }
    mapping->headers = calloc(count, sizeof(*mapping->headers));
    if (mapping->headers == NULL) {
        loader->out_of_memory = true;
        return;
    }
    for (; member != NULL; member = json_next(member)) {
        conf_header_read(loader, member, &mapping->headers[mapping->header_count++]);
    }
}
