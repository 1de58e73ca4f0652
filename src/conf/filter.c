/* Filters: conditions, groups of them, and whether the source has what they look at. Not for: tests
 * (conf/filter_tests.c), evaluating them (core/filter.c). */
#include "conf/filter.h"

#include "base/json_write.h"
#include "base/nearest.h"
#include "conf/keys.h"

/* A key that says what a condition is. */
struct conf_filter_mark {
    const char *name;
    enum filter_kind kind;
    unsigned scope;    /* what the source must supply, enum template_scope; 0: nothing */
    const char *whose; /* who supplies it */
};

static const struct conf_filter_mark marks[] = {
    {"all", FILTER_ALL, 0, NULL},
    {"any", FILTER_ANY, 0, NULL},
    {"not", FILTER_NOT, 0, NULL},
    {"json", FILTER_JSON, 0, NULL},
    {"header", FILTER_HEADER, TEMPLATE_SCOPE_PROPERTIES, "AMQP sources and envelopes have headers"},
    {"routing_key", FILTER_ROUTING_KEY, TEMPLATE_SCOPE_ROUTE, "AMQP sources have a routing key"},
    {"channel", FILTER_CHANNEL, TEMPLATE_SCOPE_CHANNEL, "Redis sources have a channel"},
};

enum {
    MARK_COUNT = sizeof(marks) / sizeof(marks[0]),
    OP_COUNT = sizeof(conf_filter_ops) / sizeof(conf_filter_ops[0]) - 1,
};

static int filter_read(struct conf_loader *loader, const struct json_node *node,
                       struct filter *out);

static const struct conf_filter_mark *filter_find_mark(struct slice name)
{
    size_t i;

    for (i = 0; i < MARK_COUNT; i++) {
        if (slice_equal_text(name, marks[i].name)) {
            return &marks[i];
        }
    }
    return NULL;
}

static bool filter_is_test(struct slice name)
{
    size_t i;

    for (i = 0; i < OP_COUNT; i++) {
        if (slice_equal_text(name, conf_filter_ops[i].name)) {
            return true;
        }
    }
    return false;
}

static void filter_unknown(struct conf_loader *loader, const struct json_node *member)
{
    const char *names[MARK_COUNT + OP_COUNT];
    size_t i;

    for (i = 0; i < MARK_COUNT; i++) {
        names[i] = marks[i].name;
    }
    for (i = 0; i < OP_COUNT; i++) {
        names[MARK_COUNT + i] = conf_filter_ops[i].name;
    }
    conf_problem_key(
        loader, member, "unknown key \"%s\"; the nearest known key of a condition is \"%s\"",
        json_key(member).data, nearest_name(json_key(member), names, MARK_COUNT + OP_COUNT));
}

/* Says what has no place beside the mark; true: nothing. */
static bool filter_check_members(struct conf_loader *loader, const struct json_node *node,
                                 const struct json_node *marked, bool takes_tests)
{
    const struct json_node *member;
    bool good = true;

    for (member = json_first(node); member != NULL; member = json_next(member)) {
        struct slice name = json_key(member);

        if (member == marked || conf_key_is_common(name.data)) {
            continue;
        }
        if (filter_find_mark(name) != NULL) {
            conf_problem_key(loader, member,
                             "\"%s\" stands here too; a condition is one or the other, and "
                             "\"all\" or \"any\" holds several",
                             json_key(marked).data);
            good = false;
        } else if (!filter_is_test(name)) {
            filter_unknown(loader, member);
            good = false;
        } else if (!takes_tests) {
            conf_problem_key(loader, member, "\"%s\" means nothing beside \"%s\"; it goes inside",
                             name.data, json_key(marked).data);
            good = false;
        }
    }
    return good;
}

static int filter_read_parts(struct conf_loader *loader, const struct json_node *list,
                             struct filter *out)
{
    size_t count = json_count(list);
    const struct json_node *item = json_first(list);
    struct filter *parts;
    int result = 0;
    size_t i;

    if (!json_is(list, JSON_ARRAY) || count == 0) {
        conf_problem(loader, list, "a list of at least one condition is wanted");
        return -1;
    }
    parts = conf_memory_take_array(loader->memory, count, sizeof(*parts));
    if (parts == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (i = 0; i < count; i++, item = json_next(item)) {
        result |= filter_read(loader, item, &parts[i]);
    }
    out->parts = parts;
    out->count = count;
    return result;
}

static int filter_read_not(struct conf_loader *loader, const struct json_node *node,
                           struct filter *out)
{
    struct filter *part = conf_memory_take(loader->memory, sizeof(*part));

    if (part == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    out->parts = part;
    out->count = 1;
    return filter_read(loader, node, part);
}

/* A value that has a name: a header, or a place in the body. */
static int filter_read_named(struct conf_loader *loader, const struct json_node *node,
                             const struct json_node *name, struct filter *out)
{
    const char *text;

    if (!json_is(name, JSON_STRING)) {
        conf_problem(loader, name, "a string is wanted, this is %s",
                     json_type_name(json_type(name)));
        return -1;
    }
    if (out->kind == FILTER_JSON && !json_pointer_is_valid(json_string(name))) {
        conf_problem(loader, name,
                     "not a JSON pointer: parts begin with / as in \"/customer/id\", and ~ stands "
                     "only in ~0 and ~1");
        return -1;
    }
    if (out->kind == FILTER_HEADER && json_string(name).len == 0) {
        conf_problem(loader, name, "empty; the name of a header is wanted");
        return -1;
    }
    text = conf_memory_copy(loader->memory, json_string(name));
    loader->out_of_memory |= text == NULL;
    out->name = slice_make(text, json_string(name).len);
    return text != NULL ? conf_filter_read_tests(loader, node, false, out) : -1;
}

/* A value that there is only one of: its tests stand inside, or a glob alone. */
static int filter_read_text(struct conf_loader *loader, const struct json_node *node,
                            struct filter *out)
{
    const struct json_node *member;
    bool good = true;

    if (json_is(node, JSON_STRING)) {
        return conf_filter_read_glob(loader, node, out);
    }
    if (!json_is(node, JSON_OBJECT)) {
        conf_problem(loader, node, "a glob, or an object with tests, is wanted, this is %s",
                     json_type_name(json_type(node)));
        return -1;
    }
    for (member = json_first(node); member != NULL; member = json_next(member)) {
        if (!conf_key_is_common(json_key(member).data) && !filter_is_test(json_key(member))) {
            filter_unknown(loader, member);
            good = false;
        }
    }
    return good ? conf_filter_read_tests(loader, node, true, out) : -1;
}

static int filter_read_marked(struct conf_loader *loader, const struct json_node *node,
                              const struct json_node *marked, struct filter *out)
{
    const struct conf_filter_mark *mark = filter_find_mark(json_key(marked));
    bool is_named = mark->kind == FILTER_JSON || mark->kind == FILTER_HEADER;

    out->kind = mark->kind;
    if (!filter_check_members(loader, node, marked, is_named)) {
        return -1;
    }
    if ((mark->scope & ~loader->scope.scope) != 0) {
        conf_problem_key(loader, marked, "only %s: this bridge's has not", mark->whose);
        return -1;
    }
    if (is_named) {
        return filter_read_named(loader, node, marked, out);
    }
    switch (mark->kind) {
    case FILTER_ALL:
    case FILTER_ANY:
        return filter_read_parts(loader, marked, out);
    case FILTER_NOT:
        return filter_read_not(loader, marked, out);
    default:
        return filter_read_text(loader, marked, out);
    }
}

static int filter_read(struct conf_loader *loader, const struct json_node *node, struct filter *out)
{
    const struct json_node *member;

    if (!json_is(node, JSON_OBJECT)) {
        conf_problem(loader, node, "a condition is an object, this is %s",
                     json_type_name(json_type(node)));
        return -1;
    }
    for (member = json_first(node); member != NULL; member = json_next(member)) {
        if (filter_find_mark(json_key(member)) != NULL) {
            return filter_read_marked(loader, node, member, out);
        }
    }
    for (member = json_first(node); member != NULL; member = json_next(member)) {
        if (!conf_key_is_common(json_key(member).data) && !filter_is_test(json_key(member))) {
            filter_unknown(loader, member);
        }
    }
    conf_problem(
        loader, node,
        "\"json\", \"header\", \"routing_key\", \"channel\", \"all\", \"any\" or \"not\" is "
        "missing; a condition has one of them");
    return -1;
}

/* The condition as it stood in the file, for whoever prints it. */
static void filter_write(struct json_writer *writer, struct json *json,
                         const struct json_node *node)
{
    bool is_object = json_is(node, JSON_OBJECT);
    const struct json_node *child;

    if (json_is(node, JSON_STRING)) {
        json_writer_string(writer, json_string(node));
    } else if (json_is(node, JSON_NUMBER)) {
        json_writer_raw(writer, json_number_text(json, node));
    } else if (json_is(node, JSON_NULL)) {
        json_writer_null(writer);
    } else if (json_is(node, JSON_BOOL)) {
        json_writer_bool(writer, json_bool(node));
    } else {
        is_object ? json_writer_begin_object(writer) : json_writer_begin_array(writer);
        for (child = json_first(node); child != NULL; child = json_next(child)) {
            if (is_object) {
                json_writer_key_slice(writer, json_key(child));
            }
            filter_write(writer, json, child);
        }
        is_object ? json_writer_end_object(writer) : json_writer_end_array(writer);
    }
}

void conf_filter_read(struct conf_loader *loader, const struct json_node *node,
                      struct conf_filter *out_filter)
{
    struct filter *condition = conf_memory_take(loader->memory, sizeof(*condition));
    struct strbuf text = STRBUF_INIT;
    struct json_writer writer;

    if (condition == NULL || filter_read(loader, node, condition) != 0) {
        loader->out_of_memory |= condition == NULL;
        return;
    }
    json_writer_init(&writer, &text, 0);
    filter_write(&writer, loader->file->json, node);
    out_filter->condition = condition;
    out_filter->text = conf_memory_copy(loader->memory, strbuf_slice(&text));
    loader->out_of_memory |= strbuf_failed(&text) || out_filter->text == NULL;
    strbuf_fini(&text);
}
