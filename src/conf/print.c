/* The effective configuration as JSON. For: --print-config. It walks over the table of keys, so
 * what is printed is what can be read; passwords are "***". Not for: documents (tools/). */
#include "conf/print.h"

#include <string.h>

#include "base/json_write.h"
#include "conf/keys.h"
#include "conf/load.h"
#include "conf/units.h"
#include "conf/url.h"
#include "conf/value.h"
#include "core/field_json.h"

static void conf_print_object(struct json_writer *writer, const struct conf_kind *kind,
                              const void *base);

/* The place of a key's value, as the type that it has. */
#define PLACE(type_, key_, base_)                                                                  \
    ((const type_ *)(const void *)((const char *)(base_) + (key_)->at))

/* The pointer that a key keeps, whatever to. */
static const void *conf_print_pointer(const struct conf_key *key, const void *base)
{
    const void *pointer;

    memcpy(&pointer, (const char *)base + key->at, sizeof(pointer));
    return pointer;
}

/* How much a list or map holds. */
static size_t conf_print_count(const struct conf_key *key, const void *base)
{
    size_t count;

    memcpy(&count, (const char *)base + key->at_count, sizeof(count));
    return count;
}

static bool conf_print_is_set(const struct conf_kind *kind, const void *base);

/* The name of a connection, which is also the key of its object. */
static struct slice conf_print_name(const void *item)
{
    return slice_of(((const struct conf_connection *)item)->name);
}

/* Whether a key has a value to be shown. What has but one legal value is not kept, and shown if
 * that is its default. */
static bool conf_print_has(const struct conf_key *key, const void *base)
{
    bool given = true;

    switch (key->type) {
    case CONF_TYPE_LATER:
        return false;
    case CONF_TYPE_URL:
        return ((const struct conf_connection *)base)->url_count > 0;
    case CONF_TYPE_URLS:
        return ((const struct conf_connection *)base)->url_count > 1;
    case CONF_TYPE_OBJECT:
        if (key->at_count != 0) {
            memcpy(&given, (const char *)base + key->at_count, sizeof(given));
        }
        return given && conf_print_is_set(key->kind, (const char *)base + key->at);
    default:
        break;
    }
    if (key->size == 0) {
        return key->fallback != NULL;
    }
    switch (key->type) {
    case CONF_TYPE_STRINGS:
        return PLACE(struct conf_strings, key, base)->count > 0;
    case CONF_TYPE_TABLE:
        return PLACE(struct field_table, key, base)->count > 0;
    case CONF_TYPE_HEADERS:
    case CONF_TYPE_LIST:
    case CONF_TYPE_MAP:
        return key->required || conf_print_count(key, base) > 0;
    case CONF_TYPE_INTEGER:
        if (key->at_count != 0) {
            memcpy(&given, (const char *)base + key->at_count, sizeof(given));
        }
        return given && conf_value_number(key, base) >= key->min;
    case CONF_TYPE_DURATION:
        return conf_value_number(key, base) >= key->min;
    case CONF_TYPE_STRING:
    case CONF_TYPE_NAME:
    case CONF_TYPE_PATH:
    case CONF_TYPE_TEMPLATE:
    case CONF_TYPE_CONNECTION:
    case CONF_TYPE_FILTER:
        return conf_print_pointer(key, base) != NULL;
    default:
        return true;
    }
}

/* Whether an object has anything to show. */
static bool conf_print_is_set(const struct conf_kind *kind, const void *base)
{
    size_t i;

    for (i = 0; i < kind->key_count; i++) {
        if (conf_print_has(&kind->keys[i], base)) {
            return true;
        }
    }
    return false;
}

static void conf_print_url(struct json_writer *writer, const struct conf_connection *connection,
                           size_t number)
{
    struct strbuf text = STRBUF_INIT;

    conf_url_print(&connection->urls[number], connection->protocol, &text);
    json_writer_string(writer, strbuf_slice(&text));
    strbuf_fini(&text);
}

static void conf_print_amount(struct json_writer *writer, const struct conf_key *key,
                              uint64_t amount)
{
    struct strbuf text = STRBUF_INIT;

    if (key->type == CONF_TYPE_DURATION) {
        conf_duration_print(amount, &text);
    } else {
        conf_size_print(amount, &text);
    }
    json_writer_string(writer, strbuf_slice(&text));
    strbuf_fini(&text);
}

static void conf_print_word(struct json_writer *writer, const struct conf_key *key, int64_t value)
{
    const struct conf_word *word = key->words;

    while (word->name != NULL && word->value != value) {
        word++;
    }
    json_writer_text(writer, word->name);
}

static void conf_print_strings(struct json_writer *writer, const struct conf_strings *strings)
{
    size_t i;

    json_writer_begin_array(writer);
    for (i = 0; i < strings->count; i++) {
        json_writer_text(writer, strings->items[i]);
    }
    json_writer_end_array(writer);
}

static void conf_print_headers(struct json_writer *writer, const struct mapping *mapping)
{
    size_t i;

    json_writer_begin_object(writer);
    for (i = 0; i < mapping->header_count; i++) {
        const struct mapping_header *header = &mapping->headers[i];

        json_writer_key_slice(writer, header->name);
        if (header->template != NULL) {
            json_writer_string(writer, template_source_text(header->template));
        } else if (header->value.type == FIELD_STRING) { /* bare, it would be a template */
            field_json_write_typed(writer, &header->value);
        } else {
            field_json_write(writer, &header->value);
        }
    }
    json_writer_end_object(writer);
}

static void conf_print_items(struct json_writer *writer, const struct conf_key *key,
                             const void *base)
{
    size_t count = conf_print_count(key, base);
    const char *item = conf_print_pointer(key, base);
    bool is_map = key->type == CONF_TYPE_MAP;

    if (is_map) {
        json_writer_begin_object(writer);
    } else {
        json_writer_begin_array(writer);
    }
    for (; count > 0; count--, item += key->kind->size) {
        if (is_map) {
            json_writer_key_slice(writer, conf_print_name(item));
        }
        conf_print_object(writer, key->kind, item);
    }
    if (is_map) {
        json_writer_end_object(writer);
    } else {
        json_writer_end_array(writer);
    }
}

/* The only value that a key may have. */
static void conf_print_fallback(struct json_writer *writer, const struct conf_key *key)
{
    if (key->type == CONF_TYPE_BOOL) {
        json_writer_bool(writer, strcmp(key->fallback, "true") == 0);
    } else {
        json_writer_text(writer, key->fallback);
    }
}

static void conf_print_urls(struct json_writer *writer, const struct conf_connection *connection)
{
    size_t i;

    json_writer_begin_array(writer);
    for (i = 1; i < connection->url_count; i++) { /* the first is "url" */
        conf_print_url(writer, connection, i);
    }
    json_writer_end_array(writer);
}

/* A value that is kept. */
static void conf_print_kept(struct json_writer *writer, const struct conf_key *key,
                            const void *base)
{
    switch (key->type) {
    case CONF_TYPE_BOOL:
        json_writer_bool(writer, conf_value_number(key, base) != 0);
        break;
    case CONF_TYPE_INTEGER:
        json_writer_integer(writer, conf_value_number(key, base));
        break;
    case CONF_TYPE_DURATION:
    case CONF_TYPE_SIZE:
        conf_print_amount(writer, key, (uint64_t)conf_value_number(key, base));
        break;
    case CONF_TYPE_WORD:
        conf_print_word(writer, key, conf_value_number(key, base));
        break;
    case CONF_TYPE_STRINGS:
        conf_print_strings(writer, PLACE(struct conf_strings, key, base));
        break;
    case CONF_TYPE_TEMPLATE:
        json_writer_string(writer, template_source_text(conf_print_pointer(key, base)));
        break;
    case CONF_TYPE_TABLE:
        field_json_write_table(writer, PLACE(struct field_table, key, base));
        break;
    case CONF_TYPE_HEADERS:
        conf_print_headers(writer, base);
        break;
    case CONF_TYPE_FILTER:
        json_writer_raw(writer, slice_of(PLACE(struct conf_filter, key, base)->text));
        break;
    case CONF_TYPE_CONNECTION:
        json_writer_string(writer, conf_print_name(conf_print_pointer(key, base)));
        break;
    case CONF_TYPE_LIST:
    case CONF_TYPE_MAP:
        conf_print_items(writer, key, base);
        break;
    default:
        json_writer_text(writer, conf_print_pointer(key, base));
        break;
    }
}

static void conf_print_value(struct json_writer *writer, const struct conf_key *key,
                             const void *base)
{
    switch (key->type) {
    case CONF_TYPE_URL:
        conf_print_url(writer, base, 0);
        break;
    case CONF_TYPE_URLS:
        conf_print_urls(writer, base);
        break;
    case CONF_TYPE_OBJECT:
        conf_print_object(writer, key->kind, (const char *)base + key->at);
        break;
    default:
        if (key->size == 0) {
            conf_print_fallback(writer, key);
        } else {
            conf_print_kept(writer, key, base);
        }
        break;
    }
}

static void conf_print_object(struct json_writer *writer, const struct conf_kind *kind,
                              const void *base)
{
    unsigned variant = kind->variant_of_struct ? kind->variant_of_struct(base) : 0;
    size_t i;

    json_writer_begin_object(writer);
    for (i = 0; i < kind->key_count; i++) {
        const struct conf_key *key = &kind->keys[i];

        if ((key->variants == 0 || (key->variants & variant) != 0) && conf_print_has(key, base)) {
            json_writer_key(writer, key->name);
            conf_print_value(writer, key, base);
        }
    }
    json_writer_end_object(writer);
}

void conf_print_part(const struct conf_kind *kind, const void *base, struct strbuf *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out, 0);
    conf_print_object(&writer, kind, base);
}

void conf_print_key(const struct conf_key *key, const void *base, struct strbuf *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out, 0);
    if (conf_print_has(key, base)) {
        conf_print_value(&writer, key, base);
    }
}

void config_print(const struct config *config, struct strbuf *out)
{
    struct json_writer writer;

    json_writer_init(&writer, out, 2);
    conf_print_object(&writer, &conf_kind_main, config);
    strbuf_append_char(out, '\n');
}
