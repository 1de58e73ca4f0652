/* Filters. For: whether a message passes, once for each. Not for: reading them from the rules
 * (conf/filter.c), comparing values (core/filter_value.c). */
#include "core/filter.h"

#include "core/glob.h"

/* What a condition looks at. */
struct filter_subject {
    bool known;  /* it could be looked for: the body is JSON */
    bool exists; /* and is there: `value` */
    struct filter_value value;
};

static struct filter_subject subject_of_json(const struct filter *filter,
                                             const struct delivery *delivery,
                                             struct body_json *body)
{
    struct json *json = body_json_get(body, delivery, NULL);
    const struct json_node *node;

    if (json == NULL) {
        return (struct filter_subject){.known = false};
    }
    node = json_pointer_get(json_root(json), filter->name);
    if (node == NULL) {
        return (struct filter_subject){.known = true};
    }
    return (struct filter_subject){true, true, filter_value_of_json(json, node)};
}

static struct filter_subject subject_of_header(const struct filter *filter,
                                               const struct delivery *delivery)
{
    const struct properties *properties = delivery->properties;
    const struct field *field = NULL;

    if (properties != NULL && properties_has(properties, PROPERTY_HEADERS)) {
        field = field_table_find(&properties->headers, filter->name);
    }
    if (field == NULL) {
        return (struct filter_subject){.known = true};
    }
    return (struct filter_subject){true, true, filter_value_of_field(field)};
}

static struct filter_subject subject_of(const struct filter *filter,
                                        const struct delivery *delivery, struct body_json *body)
{
    switch (filter->kind) {
    case FILTER_JSON:
        return subject_of_json(filter, delivery, body);
    case FILTER_HEADER:
        return subject_of_header(filter, delivery);
    case FILTER_ROUTING_KEY:
        return (struct filter_subject){true, true, filter_value_of_text(delivery->routing_key)};
    default:
        return (struct filter_subject){true, true, filter_value_of_text(delivery->channel)};
    }
}

static bool test_in(const struct filter_test *test, const struct filter_value *value)
{
    size_t i;

    for (i = 0; i < test->count; i++) {
        if (filter_value_equals(value, &test->values[i])) {
            return true;
        }
    }
    return false;
}

static bool test_holds(const struct filter_test *test, const struct filter_subject *subject)
{
    const struct filter_value *value = &subject->value;
    int order;

    if (test->op == FILTER_EXISTS) {
        return subject->known && subject->exists == test->values[0].boolean;
    }
    if (!subject->exists) {
        return false;
    }
    switch (test->op) {
    case FILTER_MATCHES:
        return value->type == FILTER_STRING && glob_match(test->values[0].text, value->text, NULL);
    case FILTER_LESS:
        return filter_value_order(value, &test->values[0], &order) && order < 0;
    case FILTER_GREATER:
        return filter_value_order(value, &test->values[0], &order) && order > 0;
    default:
        return test_in(test, value);
    }
}

static bool condition_holds(const struct filter *filter, const struct delivery *delivery,
                            struct body_json *body)
{
    struct filter_subject subject = subject_of(filter, delivery, body);
    size_t i;

    for (i = 0; i < filter->count; i++) {
        if (!test_holds(&filter->tests[i], &subject)) {
            return false;
        }
    }
    return true;
}

bool filter_passes(const struct filter *filter, const struct delivery *delivery,
                   struct body_json *body)
{
    bool any = filter->kind == FILTER_ANY;
    size_t i;

    if (filter->kind == FILTER_NOT) {
        return !filter_passes(filter->parts, delivery, body);
    }
    if (filter->kind != FILTER_ALL && !any) {
        return condition_holds(filter, delivery, body);
    }
    for (i = 0; i < filter->count; i++) {
        if (filter_passes(&filter->parts[i], delivery, body) == any) {
            return any;
        }
    }
    return !any;
}

bool filter_needs_properties(const struct filter *filter)
{
    bool is_group = filter->kind <= FILTER_NOT;
    size_t i;

    for (i = 0; is_group && i < filter->count; i++) {
        if (filter_needs_properties(&filter->parts[i])) {
            return true;
        }
    }
    return filter->kind == FILTER_HEADER;
}
