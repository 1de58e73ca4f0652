/* JSON documents: the one place that calls cJSON. The text is scanned strictly first
 * (base/json_scan.c), so that cJSON only ever sees what it reads right; it then makes the tree and
 * the values. Not for: writing (base/json_write.c). */
#include "base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_duplicates.h"
#include "base/json_index.h"
#include "base/json_lex.h"
#include "base/json_scan.h"

struct json {
    struct slice text; /* borrowed */
    cJSON *root;
    struct json_index *index; /* NULL until a position or a number's text is wanted */
    unsigned depth;           /* limit it was read with */
};

static const cJSON *json_cjson(const struct json_node *node)
{
    return (const cJSON *)(const void *)node;
}

static const struct json_node *json_node(const cJSON *item)
{
    return (const struct json_node *)(const void *)item;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "an array",      "an object"};
    return names[type];
}

/* Notes a problem of the whole document; returns -1. */
static int json_fail(struct json_problem *problem, const char *text)
{
    if (problem != NULL) {
        *problem = (struct json_problem){.at = {0, 1, 1}};
        snprintf(problem->text, sizeof(problem->text), "%s", text);
    }
    return -1;
}

/* Makes the index, unless it is there, and numbers the nodes in the order of the text: valueint,
 * which cJSON keeps for callers of old and nobody here reads, holds a node's entry. */
static int json_need_index(struct json *json)
{
    cJSON *item = json->root;
    size_t count;
    size_t i;

    if (json->index != NULL) {
        return 0;
    }
    json->index = json_index_new(json->text, json->depth);
    if (json->index == NULL) {
        return -1;
    }
    count = json_index_count(json->index);
    for (i = 0; i < count; i++) {
        json_index_get(json->index, i)->node = item;
        item->valueint = (int)i;
        if (item->child != NULL) {
            item = item->child;
            continue;
        }
        while (item->next == NULL && item != json->root) { /* up, to where there is a next one */
            uint32_t parent = json_index_get(json->index, (size_t)item->valueint)->parent;

            item = (cJSON *)json_index_get(json->index, parent)->node;
        }
        item = item->next;
    }
    return 0;
}

static const struct json_entry *json_entry(const struct json *json, const struct json_node *node)
{
    return json_index_get(json->index, (size_t)json_cjson(node)->valueint);
}

/* What json_each_duplicate found first. */
struct json_first_duplicate {
    const struct json_node *member;
};

static void json_on_duplicate(void *ctx, const struct json_node *member)
{
    struct json_first_duplicate *first = ctx;

    if (first->member == NULL) {
        first->member = member;
    }
}

static int json_refuse_duplicates(struct json *json, struct json_problem *problem)
{
    struct json_first_duplicate first = {NULL};
    struct strbuf pointer = STRBUF_INIT;

    json_each_duplicate(json, json_on_duplicate, &first);
    if (first.member == NULL) {
        return 0;
    }
    if (problem == NULL || json_need_index(json) != 0) {
        return json_fail(problem, "a key stands twice in an object");
    }
    json_fail(problem, "this key stood in this object before; remove one of them");
    problem->at = json_key_position(json, first.member);
    json_append_pointer(json, first.member, &pointer);
    snprintf(problem->pointer, sizeof(problem->pointer), "%s", strbuf_text(&pointer));
    strbuf_fini(&pointer);
    return -1;
}

struct json *json_parse(struct slice text, const struct json_limits *limits,
                        struct json_problem *out_problem)
{
    struct json *json;

    assert(limits->depth > 0 && limits->depth <= JSON_DEPTH_MAX);
    if (json_scan(text, limits, NULL, out_problem) != 0) {
        return NULL;
    }
    json = calloc(1, sizeof(*json));
    if (json == NULL) {
        json_fail(out_problem, "out of memory");
        return NULL;
    }
    json->text = text;
    json->depth = limits->depth;
    json->root = cJSON_ParseWithLength(text.data, text.len);
    if (json->root == NULL ||
        ((limits->flags & JSON_POSITIONS) != 0 && json_need_index(json) != 0)) {
        json_fail(out_problem, "out of memory");
        goto fail;
    }
    if ((limits->flags & JSON_ALLOW_DUPLICATES) == 0 &&
        json_refuse_duplicates(json, out_problem) != 0) {
        goto fail;
    }
    return json;

fail:
    json_free(json);
    return NULL;
}

void json_free(struct json *json)
{
    if (json == NULL) {
        return;
    }
    json_index_free(json->index);
    cJSON_Delete(json->root);
    free(json);
}

const struct json_node *json_root(const struct json *json)
{
    return json_node(json->root);
}

enum json_type json_type(const struct json_node *node)
{
    switch (json_cjson(node)->type & 0xFF) {
    case cJSON_Object:
        return JSON_OBJECT;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_NULL:
        return JSON_NULL;
    default:
        return JSON_BOOL;
    }
}

bool json_is(const struct json_node *node, enum json_type type)
{
    return json_type(node) == type;
}

const struct json_node *json_first(const struct json_node *node)
{
    return json_node(json_cjson(node)->child);
}

const struct json_node *json_next(const struct json_node *node)
{
    return json_node(json_cjson(node)->next);
}

size_t json_count(const struct json_node *node)
{
    const struct json_node *child;
    size_t count = 0;

    for (child = json_first(node); child != NULL; child = json_next(child)) {
        count++;
    }
    return count;
}

struct slice json_key(const struct json_node *member)
{
    return slice_of(json_cjson(member)->string);
}

const struct json_node *json_member(const struct json_node *object, const char *name)
{
    const struct json_node *member;

    if (object == NULL || !json_is(object, JSON_OBJECT)) {
        return NULL;
    }
    for (member = json_first(object); member != NULL; member = json_next(member)) {
        if (strcmp(json_cjson(member)->string, name) == 0) {
            return member;
        }
    }
    return NULL;
}

bool json_bool(const struct json_node *node)
{
    return (json_cjson(node)->type & 0xFF) == cJSON_True;
}

struct slice json_string(const struct json_node *node)
{
    return slice_of(json_cjson(node)->valuestring);
}

double json_double(const struct json_node *node)
{
    return json_cjson(node)->valuedouble;
}

struct slice json_number_text(struct json *json, const struct json_node *node)
{
    size_t offset;

    if (json_need_index(json) != 0) {
        return slice_make(NULL, 0);
    }
    offset = json_entry(json, node)->offset;
    return slice_make(json->text.data + offset, json_lex_number_length(json->text, offset));
}

/* The number's text as a C string; -1 where it is no integer, or memory is out. */
static int json_integer_text(struct json *json, const struct json_node *node, char out[64])
{
    struct slice text = json_number_text(json, node);

    if (text.len == 0 || text.len > 63) {
        return -1;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return strpbrk(out, ".eE") == NULL ? 0 : -1;
}

int json_integer(struct json *json, const struct json_node *node, int64_t *out_value)
{
    char text[64];
    intmax_t value;

    if (json_integer_text(json, node, text) != 0) {
        return -1;
    }
    errno = 0;
    value = strtoimax(text, NULL, 10);
    if (errno != 0) {
        return -1;
    }
    *out_value = value;
    return 0;
}

int json_natural(struct json *json, const struct json_node *node, uint64_t *out_value)
{
    char text[64];
    uintmax_t value;

    if (json_integer_text(json, node, text) != 0) {
        return -1;
    }
    errno = 0;
    value = strtoumax(text, NULL, 10);
    if (errno != 0 || (text[0] == '-' && value != 0)) {
        return -1;
    }
    *out_value = value;
    return 0;
}

struct json_position json_position(struct json *json, const struct json_node *node)
{
    if (json_need_index(json) != 0) {
        return (struct json_position){0, 1, 1};
    }
    return json_index_position(json->index, json_entry(json, node)->offset);
}

struct json_position json_key_position(struct json *json, const struct json_node *node)
{
    if (json_need_index(json) != 0) {
        return (struct json_position){0, 1, 1};
    }
    return json_index_position(json->index, json_entry(json, node)->key);
}

struct json_position json_string_position(struct json *json, const struct json_node *node,
                                          size_t index)
{
    struct json_position at = json_position(json, node);
    size_t offset = json_lex_string_locate(json->text, at.offset, index);

    at.column += (unsigned)(offset - at.offset);
    at.offset = offset;
    return at;
}

void json_append_pointer(struct json *json, const struct json_node *node, struct strbuf *out)
{
    uint32_t path[JSON_DEPTH_MAX];
    size_t depth;

    if (json_need_index(json) != 0) {
        return;
    }
    depth = json_index_path(json->index, (size_t)json_cjson(node)->valueint, path);
    while (depth > 0) {
        const struct json_entry *entry = json_index_get(json->index, path[--depth]);
        const char *key = json_key(entry->node).data;

        strbuf_append_char(out, '/');
        if (key == NULL) {
            strbuf_append_format(out, "%u", (unsigned)entry->ordinal);
            continue;
        }
        for (; *key != '\0'; key++) {
            strbuf_append_text(out, *key == '~' ? "~0" : *key == '/' ? "~1" : (char[]){*key, '\0'});
        }
    }
}

void json_each_duplicate(const struct json *json,
                         void (*on_duplicate)(void *ctx, const struct json_node *member), void *ctx)
{
    json_duplicates_find(json_root(json), on_duplicate, ctx);
}
