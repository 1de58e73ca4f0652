/* The configuration as a JSON Schema: what holds for a value of each type. */
#include "confdoc_schema.h"

#define NAME_PATTERN "[A-Za-z0-9._-]{1,64}"
#define URL_SCHEMA                                                                                 \
    "{\"type\": \"string\", \"pattern\": \"^(rediss?|redis[+]unix|amqps?)://|[$][{]\"}"

void schema_text(struct json_writer *writer, const char *key, const char *value)
{
    json_writer_key(writer, key);
    json_writer_text(writer, value);
}

void schema_raw(struct json_writer *writer, const char *key, const char *json)
{
    json_writer_key(writer, key);
    json_writer_raw(writer, slice_of(json));
}

void schema_ref(struct json_writer *writer, const char *name)
{
    struct strbuf path = STRBUF_INIT;

    strbuf_append_format(&path, "#/definitions/%s", name);
    schema_text(writer, "$ref", strbuf_text(&path));
    strbuf_fini(&path);
}

void schema_ref_object(struct json_writer *writer, const char *name)
{
    json_writer_begin_object(writer);
    schema_ref(writer, name);
    json_writer_end_object(writer);
}

static void schema_string(struct json_writer *writer, const struct conf_key *key)
{
    schema_text(writer, "type", "string");
    if (key->type == CONF_TYPE_NAME) {
        schema_text(writer, "pattern", "^" NAME_PATTERN "$");
        return;
    }
    if (key->min > 0 || key->type == CONF_TYPE_PATH) {
        json_writer_key(writer, "minLength");
        json_writer_integer(writer, key->type == CONF_TYPE_PATH ? 1 : key->min);
    }
    if (key->max > 0 && key->type != CONF_TYPE_TEMPLATE) {
        json_writer_key(writer, "maxLength");
        json_writer_integer(writer, key->max);
    }
}

static void schema_strings(struct json_writer *writer, const struct conf_key *key)
{
    json_writer_key(writer, "anyOf");
    json_writer_begin_array(writer);
    json_writer_begin_object(writer);
    schema_string(writer, key);
    json_writer_end_object(writer);
    json_writer_begin_object(writer);
    schema_text(writer, "type", "array");
    schema_raw(writer, "minItems", "1");
    schema_raw(writer, "uniqueItems", "true");
    json_writer_key(writer, "items");
    json_writer_begin_object(writer);
    schema_string(writer, key);
    json_writer_end_object(writer);
    json_writer_end_object(writer);
    json_writer_end_array(writer);
}

static void schema_words(struct json_writer *writer, const struct conf_key *key)
{
    const struct conf_word *word;

    json_writer_key(writer, "enum");
    json_writer_begin_array(writer);
    for (word = key->words; word->name != NULL; word++) {
        if (word->value != CONF_WORD_LATER) {
            json_writer_text(writer, word->name);
        }
    }
    json_writer_end_array(writer);
}

static void schema_list(struct json_writer *writer, const struct conf_key *key)
{
    if (key->single) {
        json_writer_key(writer, "anyOf");
        json_writer_begin_array(writer);
        schema_ref_object(writer, key->kind->id);
        json_writer_begin_object(writer);
    }
    schema_text(writer, "type", "array");
    json_writer_key(writer, "items");
    schema_ref_object(writer, key->kind->id);
    if (key->single) {
        json_writer_end_object(writer);
        json_writer_end_array(writer);
    }
}

static void schema_map(struct json_writer *writer, const struct conf_key *key)
{
    schema_text(writer, "type", "object");
    schema_raw(writer, "properties", "{\"description\": {}, \"$schema\": {}}");
    json_writer_key(writer, "patternProperties");
    json_writer_begin_object(writer);
    json_writer_key(writer, "^(?!description$)" NAME_PATTERN "$");
    schema_ref_object(writer, key->kind->id);
    json_writer_end_object(writer);
    schema_raw(writer, "additionalProperties", "false");
}

/* What holds for a value of a key's type. */
void schema_type(struct json_writer *writer, const struct conf_key *key)
{
    switch (key->type) {
    case CONF_TYPE_BOOL:
        if (key->size == 0) {
            schema_raw(writer, "const", key->fallback);
        } else {
            schema_text(writer, "type", "boolean");
        }
        break;
    case CONF_TYPE_INTEGER:
        schema_text(writer, "type", "integer");
        json_writer_key(writer, "minimum");
        json_writer_integer(writer, key->min);
        json_writer_key(writer, "maximum");
        json_writer_integer(writer, key->max);
        break;
    case CONF_TYPE_DURATION:
        schema_ref(writer, "duration");
        break;
    case CONF_TYPE_SIZE:
        if (key->size == 0) {
            schema_raw(writer, "enum", "[\"0\", 0]");
        } else {
            schema_ref(writer, "size");
        }
        break;
    case CONF_TYPE_STRINGS:
        schema_strings(writer, key);
        break;
    case CONF_TYPE_WORD:
        schema_words(writer, key);
        break;
    case CONF_TYPE_TABLE:
        schema_ref(writer, "table");
        break;
    case CONF_TYPE_HEADERS:
        schema_ref(writer, "headers");
        break;
    case CONF_TYPE_FILTER:
        schema_ref(writer, "condition");
        break;
    case CONF_TYPE_URLS:
        schema_raw(writer, "type", "\"array\"");
        schema_raw(writer, "minItems", "1");
        schema_raw(writer, "items", URL_SCHEMA);
        break;
    case CONF_TYPE_URL:
        schema_raw(writer, "allOf", "[" URL_SCHEMA "]");
        break;
    case CONF_TYPE_OBJECT:
        schema_ref(writer, key->kind->id);
        break;
    case CONF_TYPE_LIST:
        schema_list(writer, key);
        break;
    case CONF_TYPE_MAP:
        schema_map(writer, key);
        break;
    default:
        schema_string(writer, key);
        break;
    }
}
