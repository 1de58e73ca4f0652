/* Values of keys, one reader a type. For: conf/read.c, which walks over the objects. Not for: field
 * tables and headers (conf/fields.c). */
#include "conf/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/nearest.h"
#include "conf/fields.h"
#include "conf/filter.h"
#include "conf/units.h"
#include "conf/value_text.h"

enum { CONF_WORDS_MAX = 16 }; /* words that a key can have */

static void *conf_value_place(const struct conf_key *key, void *base)
{
    return (char *)base + key->at;
}

static void conf_value_store(const struct conf_key *key, void *base, int64_t value)
{
    void *place = conf_value_place(key, base);
    int32_t narrow = (int32_t)value;
    bool truth = value != 0;

    if (key->size == sizeof(value)) {
        memcpy(place, &value, sizeof(value));
    } else if (key->size == sizeof(narrow)) {
        memcpy(place, &narrow, sizeof(narrow));
    } else if (key->size == sizeof(truth)) {
        memcpy(place, &truth, sizeof(truth));
    }
}

int64_t conf_value_number(const struct conf_key *key, const void *base)
{
    const void *place = (const char *)base + key->at;
    int64_t value = 0;
    int32_t narrow;
    bool truth;

    if (key->size == sizeof(value)) {
        memcpy(&value, place, sizeof(value));
    } else if (key->size == sizeof(narrow)) {
        memcpy(&narrow, place, sizeof(narrow));
        value = narrow;
    } else if (key->size == sizeof(truth)) {
        memcpy(&truth, place, sizeof(truth));
        value = truth;
    }
    return value;
}

const char *conf_value_wanted(enum conf_type type)
{
    switch (type) {
    case CONF_TYPE_BOOL:
        return "true or false";
    case CONF_TYPE_INTEGER:
        return "a whole number";
    case CONF_TYPE_DURATION:
        return "a duration such as \"250ms\", \"5s\" or \"2m\"";
    case CONF_TYPE_SIZE:
        return "a size such as 65536, \"64MiB\" or \"1GB\"";
    case CONF_TYPE_STRINGS:
        return "a string or a list of strings";
    case CONF_TYPE_URLS:
        return "a list of strings";
    case CONF_TYPE_TABLE:
    case CONF_TYPE_HEADERS:
    case CONF_TYPE_OBJECT:
    case CONF_TYPE_MAP:
        return "an object";
    case CONF_TYPE_LIST:
        return "a list of objects";
    default:
        return "a string";
    }
}

void conf_value_wrong_type(struct conf_loader *loader, const struct conf_key *key,
                           const struct json_node *node)
{
    conf_problem(loader, node, "%s is wanted, this is %s", conf_value_wanted(key->type),
                 json_type_name(json_type(node)));
}

/* Says that a value is known, but has no meaning before a later version. */
static void conf_value_later(struct conf_loader *loader, const struct conf_key *key,
                             const struct json_node *node)
{
    struct strbuf shown = STRBUF_INIT;

    if (json_is(node, JSON_STRING)) {
        json_write_string(&shown, json_string(node));
    } else if (json_is(node, JSON_BOOL)) {
        strbuf_append_text(&shown, json_bool(node) ? "true" : "false");
    } else {
        strbuf_append_slice(&shown, json_number_text(loader->file->json, node));
    }
    conf_problem(loader, node, "\"%s\": %s is not supported by this version; leave it out",
                 key->name, strbuf_text(&shown));
    strbuf_fini(&shown);
}

static void conf_value_bool(struct conf_loader *loader, const struct conf_key *key,
                            const struct json_node *node, void *base)
{
    if (!json_is(node, JSON_BOOL)) {
        conf_value_wrong_type(loader, key, node);
    } else if (key->size == 0 && json_bool(node)) {
        conf_value_later(loader, key, node);
    } else {
        conf_value_store(key, base, json_bool(node));
    }
}

static void conf_value_integer(struct conf_loader *loader, const struct conf_key *key,
                               const struct json_node *node, void *base)
{
    bool given = true;
    int64_t value;

    if (!json_is(node, JSON_NUMBER)) {
        conf_value_wrong_type(loader, key, node);
        return;
    }
    if (json_integer(loader->file->json, node, &value) != 0 || value < key->min ||
        value > key->max) {
        conf_problem(loader, node, "a whole number from %" PRId64 " to %" PRId64 " is wanted",
                     key->min, key->max);
        return;
    }
    conf_value_store(key, base, value);
    if (key->at_count != 0) {
        memcpy((char *)base + key->at_count, &given, sizeof(given));
    }
}

/* Says that a duration or size is out of its range. */
static void conf_value_range(struct conf_loader *loader, const struct conf_key *key,
                             const struct json_node *node)
{
    void (*print)(uint64_t, struct strbuf *) =
        key->type == CONF_TYPE_DURATION ? conf_duration_print : conf_size_print;
    struct strbuf range = STRBUF_INIT;

    print((uint64_t)key->min, &range);
    strbuf_append_text(&range, " to ");
    print((uint64_t)key->max, &range);
    conf_problem(loader, node, "out of range; %s is right", strbuf_text(&range));
    strbuf_fini(&range);
}

static void conf_value_amount(struct conf_loader *loader, const struct conf_key *key,
                              const struct json_node *node, void *base)
{
    bool is_size = key->type == CONF_TYPE_SIZE;
    uint64_t value = 0;
    bool good = false;

    if (json_is(node, JSON_STRING)) {
        const char *text = conf_string(loader, node);

        if (text == NULL) {
            return;
        }
        good = (is_size ? conf_size_parse : conf_duration_parse)(slice_of(text), &value) == 0;
    } else if (json_is(node, JSON_NUMBER)) {
        good = is_size && json_natural(loader->file->json, node, &value) == 0;
    }
    if (!good) {
        conf_problem(loader, node, "%s is wanted", conf_value_wanted(key->type));
    } else if (key->size == 0 && value != 0) {
        conf_value_later(loader, key, node);
    } else if (key->size != 0 && (value < (uint64_t)key->min || value > (uint64_t)key->max)) {
        conf_value_range(loader, key, node);
    } else {
        conf_value_store(key, base, (int64_t)value);
    }
}

static const struct conf_word *conf_word_find(const struct conf_key *key, const char *text)
{
    const struct conf_word *word = key->words;

    while (word->name != NULL && strcmp(word->name, text) != 0) {
        word++;
    }
    return word->name != NULL ? word : NULL;
}

/* Says which words there are. */
static void conf_word_unknown(struct conf_loader *loader, const struct conf_key *key,
                              const struct json_node *node)
{
    const char *names[CONF_WORDS_MAX];
    struct strbuf all = STRBUF_INIT;
    size_t count = 0;
    const struct conf_word *word;

    for (word = key->words; word->name != NULL; word++) {
        if (word->value != CONF_WORD_LATER) {
            strbuf_append_format(&all, "%s\"%s\"", count ? ", " : "", word->name);
            names[count++] = word->name;
        }
    }
    if (count == 1) {
        conf_problem(loader, node, "unknown word; %s is right", strbuf_text(&all));
    } else {
        conf_problem(loader, node, "unknown word; one of %s is right, the nearest is \"%s\"",
                     strbuf_text(&all), nearest_name(json_string(node), names, count));
    }
    strbuf_fini(&all);
}

static void conf_value_word(struct conf_loader *loader, const struct conf_key *key,
                            const struct json_node *node, void *base)
{
    const char *text = conf_string(loader, node);
    const struct conf_word *word = text ? conf_word_find(key, text) : NULL;

    if (text == NULL) {
        return;
    }
    if (word == NULL) {
        conf_word_unknown(loader, key, node);
    } else if (word->value == CONF_WORD_LATER) {
        conf_value_later(loader, key, node);
    } else {
        conf_value_store(key, base, word->value);
    }
}

static void conf_value_table(struct conf_loader *loader, const struct conf_key *key,
                             const struct json_node *node, void *base)
{
    struct field_table table;

    if (!json_is(node, JSON_OBJECT)) {
        conf_value_wrong_type(loader, key, node);
    } else if (conf_fields_read(loader, node, &table) == 0) {
        memcpy(conf_value_place(key, base), &table, sizeof(table));
    }
}

static void conf_value_headers(struct conf_loader *loader, const struct conf_key *key,
                               const struct json_node *node, void *base)
{
    if (!json_is(node, JSON_OBJECT)) {
        conf_value_wrong_type(loader, key, node);
        return;
    }
    conf_headers_read(loader, node, base);
}

static void conf_value_filter(struct conf_loader *loader, const struct conf_key *key,
                              const struct json_node *node, void *base)
{
    struct conf_filter filter = {NULL, NULL};

    conf_filter_read(loader, node, &filter);
    memcpy(conf_value_place(key, base), &filter, sizeof(filter));
}

/* For what the kind reads itself: only whether it is a string, or a list. A URL is not looked at
 * here at all: those of a list are not either. */
static void conf_value_elsewhere(struct conf_loader *loader, const struct conf_key *key,
                                 const struct json_node *node, void *base)
{
    enum json_type type = key->type == CONF_TYPE_URLS ? JSON_ARRAY : JSON_STRING;

    (void)base;
    if (key->type != CONF_TYPE_URL && !json_is(node, type)) {
        conf_value_wrong_type(loader, key, node);
    }
}

/* The reader of each type. */
static void (*const conf_value_readers[])(struct conf_loader *, const struct conf_key *,
                                          const struct json_node *, void *) = {
    [CONF_TYPE_BOOL] = conf_value_bool,       [CONF_TYPE_INTEGER] = conf_value_integer,
    [CONF_TYPE_DURATION] = conf_value_amount, [CONF_TYPE_SIZE] = conf_value_amount,
    [CONF_TYPE_STRING] = conf_value_string,   [CONF_TYPE_NAME] = conf_value_string,
    [CONF_TYPE_PATH] = conf_value_path,       [CONF_TYPE_STRINGS] = conf_value_list,
    [CONF_TYPE_WORD] = conf_value_word,       [CONF_TYPE_TEMPLATE] = conf_value_template,
    [CONF_TYPE_TABLE] = conf_value_table,     [CONF_TYPE_HEADERS] = conf_value_headers,
    [CONF_TYPE_FILTER] = conf_value_filter,   [CONF_TYPE_URL] = conf_value_elsewhere,
    [CONF_TYPE_URLS] = conf_value_elsewhere,  [CONF_TYPE_CONNECTION] = conf_value_elsewhere,
};

void conf_value_read(struct conf_loader *loader, const struct conf_key *key,
                     const struct json_node *node, void *base)
{
    assert(key->type < sizeof(conf_value_readers) / sizeof(conf_value_readers[0]));
    conf_value_readers[key->type](loader, key, node, base);
}

void conf_value_default(struct conf_loader *loader, const struct conf_key *key, void *base)
{
    uint64_t amount = 0;

    if (key->size == 0 || key->fallback == NULL) {
        return;
    }
    switch (key->type) {
    case CONF_TYPE_BOOL:
        conf_value_store(key, base, strcmp(key->fallback, "true") == 0);
        break;
    case CONF_TYPE_INTEGER:
        conf_value_store(key, base, strtoll(key->fallback, NULL, 10));
        break;
    case CONF_TYPE_DURATION:
        conf_duration_parse(slice_of(key->fallback), &amount);
        conf_value_store(key, base, (int64_t)amount);
        break;
    case CONF_TYPE_SIZE:
        conf_size_parse(slice_of(key->fallback), &amount);
        conf_value_store(key, base, (int64_t)amount);
        break;
    case CONF_TYPE_WORD:
        conf_value_store(key, base, conf_word_find(key, key->fallback)->value);
        break;
    default:
        conf_value_text_default(loader, key, base);
        break;
    }
}
