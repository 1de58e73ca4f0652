/* The tests of filters: what each may be given. Not for: conditions and groups of them
 * (conf/filter.c). */
#include "conf/filter.h"

#define SCALARS (1u << JSON_NULL | 1u << JSON_BOOL | 1u << JSON_NUMBER | 1u << JSON_STRING)
#define ORDERED (1u << JSON_NUMBER | 1u << JSON_STRING)

const struct conf_filter_op conf_filter_ops[] = {
    {"equals", FILTER_EQUALS, SCALARS, false, "a string, a number, true, false or null"},
    {"in", FILTER_IN, SCALARS, true, "a string, a number, true, false or null"},
    {"matches", FILTER_MATCHES, 1u << JSON_STRING, false, "a string, which is a glob,"},
    {"less", FILTER_LESS, ORDERED, false, "a number or a string"},
    {"greater", FILTER_GREATER, ORDERED, false, "a number or a string"},
    {"exists", FILTER_EXISTS, 1u << JSON_BOOL, false, "true or false"},
    {NULL, FILTER_EQUALS, 0, false, NULL},
};

/* Redis takes a glob that breaks off in the middle for something; nobody means that. */
static const char *filter_glob_fault(struct slice glob)
{
    bool open = false;
    size_t i;

    for (i = 0; i < glob.len; i++) {
        if (glob.data[i] == '\\' && ++i == glob.len) {
            return "the glob ends with a backslash; write \\\\ for one";
        }
        if (glob.data[i] == '[' || glob.data[i] == ']') {
            open = glob.data[i] == '[' || (open && glob.data[i] != ']');
        }
    }
    return open ? "a \"[\" without its \"]\"; write \\[ for a literal one" : NULL;
}

/* One value of a test; -1: said. */
static int filter_read_operand(struct conf_loader *loader, const struct conf_filter_op *op,
                               const struct json_node *node, bool is_text, struct filter_value *out)
{
    const char *fault = NULL;
    const char *copy;

    if (is_text && !json_is(node, JSON_STRING)) {
        conf_problem(loader, node, "a string is wanted, as the value is one; this is %s",
                     json_type_name(json_type(node)));
        return -1;
    }
    if ((op->operands & 1u << json_type(node)) == 0) {
        conf_problem(loader, node, "%s is wanted, this is %s", op->wanted,
                     json_type_name(json_type(node)));
        return -1;
    }
    *out = filter_value_of_json(loader->file->json, node);
    if (out->type != FILTER_STRING) {
        return 0;
    }
    if (op->op == FILTER_MATCHES) {
        fault = filter_glob_fault(out->text);
    }
    if (fault != NULL) {
        conf_problem(loader, node, "%s", fault);
        return -1;
    }
    copy = conf_memory_copy(loader->memory, out->text);
    loader->out_of_memory |= copy == NULL;
    out->text.data = copy;
    return copy != NULL ? 0 : -1;
}

static int filter_read_test(struct conf_loader *loader, const struct conf_filter_op *op,
                            const struct json_node *node, bool is_text, struct filter_test *out)
{
    const struct json_node *item = op->is_list ? json_first(node) : node;
    size_t count = op->is_list ? json_count(node) : 1;
    struct filter_value *values;
    int result = 0;
    size_t i;

    if (op->is_list && (!json_is(node, JSON_ARRAY) || count == 0)) {
        conf_problem(loader, node, "a list of at least one value is wanted");
        return -1;
    }
    values = conf_memory_take_array(loader->memory, count, sizeof(*values));
    if (values == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (i = 0; i < count; i++, item = json_next(item)) {
        result |= filter_read_operand(loader, op, item, is_text, &values[i]);
    }
    *out = (struct filter_test){op->op, values, count};
    return result;
}

/* The list of all tests, in words. */
static void filter_no_test(struct conf_loader *loader, const struct json_node *node)
{
    conf_problem(loader, node,
                 "there is no test; \"equals\", \"in\", \"matches\", \"less\", \"greater\" or "
                 "\"exists\" says what the value must be");
}

int conf_filter_read_tests(struct conf_loader *loader, const struct json_node *node, bool is_text,
                           struct filter *out)
{
    size_t most = sizeof(conf_filter_ops) / sizeof(conf_filter_ops[0]) - 1;
    struct filter_test *tests = conf_memory_take_array(loader->memory, most, sizeof(*tests));
    size_t count = 0;
    int result = 0;
    size_t i;

    if (tests == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (i = 0; i < most; i++) {
        const struct conf_filter_op *op = &conf_filter_ops[i];
        const struct json_node *member = json_member(node, op->name);

        if (member != NULL && is_text && op->op == FILTER_EXISTS) {
            conf_problem_key(loader, member, "every message has this value; leave it out");
            result = -1;
        } else if (member != NULL) {
            result |= filter_read_test(loader, op, member, is_text, &tests[count++]);
        }
    }
    if (count == 0 && result == 0) {
        filter_no_test(loader, node);
        return -1;
    }
    out->tests = tests;
    out->count = count;
    return result;
}

int conf_filter_read_glob(struct conf_loader *loader, const struct json_node *node,
                          struct filter *out)
{
    const struct conf_filter_op *op = conf_filter_ops;
    struct filter_test *test = conf_memory_take(loader->memory, sizeof(*test));

    if (test == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    while (op->op != FILTER_MATCHES) {
        op++;
    }
    out->tests = test;
    out->count = 1;
    return filter_read_test(loader, op, node, true, test);
}
