/* Values of keys that are strings. For: conf/value.c, which has the other types. */
#include "conf/value_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

/* Whether a string is as long as it may be; if not, that is said. */
static bool conf_value_length(struct conf_loader *loader, const struct conf_key *key,
                              const struct json_node *node, size_t len)
{
    if (len >= (size_t)key->min && (key->max == 0 || len <= (size_t)key->max)) {
        return true;
    }
    if (len == 0) {
        conf_problem(loader, node, "empty; at least %" PRId64 " octet is wanted", key->min);
    } else {
        conf_problem(loader, node, "%zu octets long; %" PRId64 " to %" PRId64 " is right", len,
                     key->min, key->max);
    }
    return false;
}

void conf_value_string(struct conf_loader *loader, const struct conf_key *key,
                       const struct json_node *node, void *base)
{
    const char *text = conf_string(loader, node);

    if (text == NULL) {
        return;
    }
    if (key->type == CONF_TYPE_NAME && !conf_name_is_valid(text)) {
        conf_problem(loader, node,
                     "not a name; 1 to 64 letters, digits, \".\", \"_\" and \"-\" are right");
    } else if (conf_value_length(loader, key, node, strlen(text)) && key->size != 0) {
        memcpy((char *)base + key->at, &text, sizeof(text));
    }
}

void conf_value_path(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base)
{
    const char *text = conf_string(loader, node);
    const char *path;

    if (text == NULL) {
        return;
    }
    if (text[0] == '\0') {
        conf_problem(loader, node, "empty; the path of a file is wanted");
        return;
    }
    path = conf_path(loader, text);
    if (path != NULL && key->size != 0) {
        memcpy((char *)base + key->at, &path, sizeof(path));
    }
}

/* A string of a list, and its place there. */
struct conf_value_item {
    const char *text;
    const struct json_node *node;
    size_t ordinal;
};

static int conf_value_compare(const void *a, const void *b)
{
    const struct conf_value_item *one = a;
    const struct conf_value_item *two = b;
    int order = strcmp(one->text, two->text);

    if (order != 0) {
        return order;
    }
    return one->ordinal < two->ordinal ? -1 : one->ordinal > two->ordinal;
}

/* Says which strings of a list stood in it before. */
static void conf_value_twice(struct conf_loader *loader, const struct json_node *list,
                             const struct conf_strings *strings)
{
    struct conf_value_item *items = calloc(strings->count, sizeof(*items));
    const struct json_node *node = json_first(list);
    size_t i;

    if (items == NULL) {
        loader->out_of_memory = true;
        return;
    }
    for (i = 0; i < strings->count; i++, node = json_next(node)) {
        items[i] = (struct conf_value_item){strings->items[i], node, i};
    }
    qsort(items, strings->count, sizeof(*items), conf_value_compare);
    for (i = 1; i < strings->count; i++) {
        if (strcmp(items[i - 1].text, items[i].text) == 0) {
            conf_problem(loader, items[i].node, "stands twice in this list; remove one of them");
        }
    }
    free(items);
}

int conf_value_strings(struct conf_loader *loader, const struct conf_key *key,
                       const struct json_node *node, struct conf_strings *out)
{
    bool is_list = json_is(node, JSON_ARRAY);
    const struct json_node *item = is_list ? json_first(node) : node;
    size_t count = is_list ? json_count(node) : 1;
    struct conf_strings strings = {NULL, 0};
    bool good = true;

    if (!is_list && !json_is(node, JSON_STRING)) {
        conf_value_wrong_type(loader, key, node);
        return -1;
    }
    if (count == 0) {
        conf_problem(loader, node, "the list is empty; at least one string is wanted");
        return -1;
    }
    strings.items = conf_memory_take_array(loader->memory, count, sizeof(*strings.items));
    if (strings.items == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (; strings.count < count; item = json_next(item)) {
        const char *text = conf_string(loader, item);

        good &= text != NULL && conf_value_length(loader, key, item, strlen(text));
        strings.items[strings.count++] = text;
    }
    if (!good) {
        return -1;
    }
    if (count > 1) {
        conf_value_twice(loader, node, &strings);
    }
    *out = strings;
    return 0;
}

void conf_value_list(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base)
{
    struct conf_strings strings;

    if (conf_value_strings(loader, key, node, &strings) == 0 && key->size != 0) {
        memcpy((char *)base + key->at, &strings, sizeof(strings));
    }
}

void conf_value_template(struct conf_loader *loader, const struct conf_key *key,
                         const struct json_node *node, void *base)
{
    const char *text = conf_string(loader, node);
    struct template *template;
    struct slice constant;
    struct err err;
    size_t column = 1;

    if (text == NULL) {
        return;
    }
    template = template_new(slice_of(text), &loader->scope, &err, &column);
    if (template == NULL) {
        conf_problem_byte(loader, node, column - 1, "%s", err.text);
        return;
    }
    if (template_is_constant(template, &constant)) {
        conf_value_length(loader, key, node, constant.len);
    }
    memcpy((char *)base + key->at, &template, sizeof(template));
}

void conf_value_text_default(struct conf_loader *loader, const struct conf_key *key, void *base)
{
    void *place = (char *)base + key->at;
    struct conf_strings strings = {NULL, 1};
    struct template *template;

    switch (key->type) {
    case CONF_TYPE_STRING:
        memcpy(place, &key->fallback, sizeof(key->fallback));
        break;
    case CONF_TYPE_STRINGS:
        strings.items = conf_memory_take_array(loader->memory, 1, sizeof(*strings.items));
        if (strings.items == NULL) {
            loader->out_of_memory = true;
            return;
        }
        strings.items[0] = key->fallback;
        memcpy(place, &strings, sizeof(strings));
        break;
    case CONF_TYPE_TEMPLATE:
        template = template_new(slice_of(key->fallback), &loader->scope, NULL, NULL);
        loader->out_of_memory |= template == NULL;
        memcpy(place, &template, sizeof(template));
        break;
    default:
        break;
    }
}
