/* AMQP fields from JSON: which type a value has, tables and lists. Not for: what stands under the
 * typed forms (core/field_read_typed.c), writing (core/field_json.c). */
#include "core/field_read.h"

#include <float.h>
#include <inttypes.h>

#include "base/nearest.h"
#include "core/field_json.h"
#include "core/field_read_typed.h"

static int read_copy(struct field_reader *reader, struct slice text, struct slice *out)
{
    char *copy = reader->take(reader->ctx, text.len + 1);

    if (copy == NULL) {
        return -1;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *out = slice_make(copy, text.len);
    return 0;
}

int field_read_name(struct field_reader *reader, const struct json_node *member, struct slice *out)
{
    struct slice name = json_key(member);
    struct err err;

    if (name.len > FIELD_NAME_MAX) {
        err_set(&err, "a name of %zu octets; AMQP allows %d", name.len, FIELD_NAME_MAX);
        reader->on_problem(reader->ctx, member, true, err.text);
        return -1;
    }
    return read_copy(reader, name, out);
}

/* Enters a table or list; what is deeper than the wire allows is refused. */
static int read_enter(struct field_reader *reader, const struct json_node *node)
{
    struct err err;

    if (reader->depth >= FIELD_DEPTH_MAX) {
        err_set(&err, "tables and lists nested over %d deep", FIELD_DEPTH_MAX);
        reader->on_problem(reader->ctx, node, false, err.text);
        return -1;
    }
    reader->depth++;
    return 0;
}

int field_read_table(struct field_reader *reader, const struct json_node *object,
                     struct field_table *out)
{
    size_t count = json_count(object);
    struct field_entry *entries = reader->take(reader->ctx, count * sizeof(*entries) + 1);
    const struct json_node *member = json_first(object);
    int result = 0;
    size_t i;

    if (entries == NULL || read_enter(reader, object) != 0) {
        return -1;
    }
    for (i = 0; i < count; i++, member = json_next(member)) {
        result |= field_read_name(reader, member, &entries[i].name);
        result |= field_read(reader, member, &entries[i].value);
    }
    reader->depth--;
    *out = (struct field_table){entries, count};
    return result;
}

static int read_pair(struct field_reader *reader, const struct json_node *pair,
                     struct field_entry *out)
{
    const struct json_node *name = json_is(pair, JSON_ARRAY) ? json_first(pair) : NULL;
    const struct json_node *value = name != NULL ? json_next(name) : NULL;
    struct err err;

    if (value == NULL || json_next(value) != NULL) {
        return field_read_fail(reader, pair, "a list of a name and a value is wanted");
    }
    if (field_read_string(reader, name, &out->name) != 0) {
        return -1;
    }
    if (out->name.len > FIELD_NAME_MAX) {
        err_set(&err, "a name of %zu octets; AMQP allows %d", out->name.len, FIELD_NAME_MAX);
        return field_read_fail(reader, name, err.text);
    }
    return field_read(reader, value, &out->value);
}

int field_read_pairs(struct field_reader *reader, const struct json_node *list,
                     struct field_table *out)
{
    size_t count = json_count(list);
    struct field_entry *entries = reader->take(reader->ctx, count * sizeof(*entries) + 1);
    const struct json_node *pair = json_first(list);
    int result = 0;
    size_t i;

    if (entries == NULL || read_enter(reader, list) != 0) {
        return -1;
    }
    for (i = 0; i < count; i++, pair = json_next(pair)) {
        result |= read_pair(reader, pair, &entries[i]);
    }
    reader->depth--;
    *out = (struct field_table){entries, count};
    return result;
}

static int read_array(struct field_reader *reader, const struct json_node *list,
                      struct field_array *out)
{
    size_t count = json_count(list);
    struct field *items = reader->take(reader->ctx, count * sizeof(*items) + 1);
    const struct json_node *item = json_first(list);
    int result = 0;
    size_t i;

    if (items == NULL || read_enter(reader, list) != 0) {
        return -1;
    }
    for (i = 0; i < count; i++, item = json_next(item)) {
        result |= field_read(reader, item, &items[i]);
    }
    reader->depth--;
    *out = (struct field_array){items, count};
    return result;
}

/* The member of an object that is a typed form; NULL: it is a table. */
static const struct json_node *read_form(const struct json_node *object)
{
    const struct json_node *only = json_first(object);

    return only != NULL && json_next(only) == NULL && json_key(only).data[0] == '!' ? only : NULL;
}

/* The form that an object is; NULL: there is none of that name, which is said. */
static const struct field_typed *read_find_form(struct field_reader *reader,
                                                const struct json_node *only)
{
    const char *names[sizeof(field_typed_forms) / sizeof(field_typed_forms[0])];
    struct slice key = json_key(only);
    struct err err;
    size_t i;

    for (i = 0; field_typed_forms[i].name != NULL; i++) {
        names[i] = field_typed_forms[i].name;
        if (slice_equal_text(key, names[i])) {
            return &field_typed_forms[i];
        }
    }
    err_set(&err,
            "unknown type \"%.*s\"; the nearest known one is \"%s\", and a table with such a key "
            "stands under \"!table\"",
            (int)(key.len < 100 ? key.len : 100), key.data, nearest_name(key, names, i));
    reader->on_problem(reader->ctx, only, true, err.text);
    return NULL;
}

static int read_object(struct field_reader *reader, const struct json_node *node, struct field *out)
{
    const struct json_node *only = read_form(node);
    const struct field_typed *form;

    if (only == NULL) {
        out->type = FIELD_TABLE;
        return field_read_table(reader, node, &out->value.table);
    }
    form = read_find_form(reader, only);
    return form != NULL ? field_read_typed(reader, form, only, out) : -1;
}

static int read_number(struct field_reader *reader, const struct json_node *node, struct field *out)
{
    struct slice text = json_number_text(reader->json, node);
    struct err err;

    if (text.len == 0) {
        return field_read_fail(reader, node, "out of memory");
    }
    if (memchr(text.data, '.', text.len) != NULL || memchr(text.data, 'e', text.len) != NULL ||
        memchr(text.data, 'E', text.len) != NULL) {
        out->type = FIELD_F64;
        return field_read_real(reader, node, DBL_MAX, &out->value.real);
    }
    if (json_integer(reader->json, node, &out->value.integer) == 0) {
        bool fits = out->value.integer >= INT32_MIN && out->value.integer <= INT32_MAX;

        out->type = fits ? FIELD_I32 : FIELD_I64;
        return 0;
    }
    err_set(&err, "a whole number from %" PRId64 " to %" PRId64 " is wanted", INT64_MIN, INT64_MAX);
    return field_read_fail(reader, node, err.text);
}

int field_read(struct field_reader *reader, const struct json_node *node, struct field *out)
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
        return read_number(reader, node, out);
    case JSON_STRING:
        out->type = FIELD_STRING;
        return read_copy(reader, json_string(node), &out->value.bytes);
    case JSON_ARRAY:
        out->type = FIELD_ARRAY;
        return read_array(reader, node, &out->value.array);
    case JSON_OBJECT:
        break;
    }
    return read_object(reader, node, out);
}

int field_read_string(struct field_reader *reader, const struct json_node *node, struct slice *out)
{
    const struct json_node *form = json_is(node, JSON_OBJECT) ? read_form(node) : NULL;
    struct err err;

    if (json_is(node, JSON_STRING)) {
        return read_copy(reader, json_string(node), out);
    }
    if (form != NULL && slice_equal_text(json_key(form), "!string")) {
        return field_read_bytes(reader, form, out);
    }
    err_set(&err, "a string is wanted, this is %s", json_type_name(json_type(node)));
    return field_read_fail(reader, node, err.text);
}
