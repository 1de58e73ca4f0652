/* The configuration as a JSON Schema (draft 07, which editors know best). */
#include "confdoc.h"

#include "base/json_write.h"
#include "conf/fields_typed.h"

#define NAME_PATTERN "[A-Za-z0-9._-]{1,64}"
#define URL_SCHEMA                                                                                 \
    "{\"type\": \"string\", \"pattern\": \"^(rediss?|redis[+]unix|amqps?)://|[$][{]\"}"

static void schema_text(struct json_writer *writer, const char *key, const char *value)
{
    json_writer_key(writer, key);
    json_writer_text(writer, value);
}

static void schema_raw(struct json_writer *writer, const char *key, const char *json)
{
    json_writer_key(writer, key);
    json_writer_raw(writer, slice_of(json));
}

static void schema_ref(struct json_writer *writer, const char *name)
{
    struct strbuf path = STRBUF_INIT;

    strbuf_append_format(&path, "#/definitions/%s", name);
    schema_text(writer, "$ref", strbuf_text(&path));
    strbuf_fini(&path);
}

static void schema_ref_object(struct json_writer *writer, const char *name)
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
static void schema_type(struct json_writer *writer, const struct conf_key *key)
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

/* Whether a string that is no such value may become one: by a variable of the environment. */
static bool schema_may_expand(const struct conf_kind *kind, const struct conf_key *key)
{
    return kind->environment && (key->type == CONF_TYPE_DURATION || key->type == CONF_TYPE_SIZE ||
                                 key->type == CONF_TYPE_WORD);
}

static void schema_default(struct json_writer *writer, const struct conf_key *key)
{
    if (key->fallback == NULL) {
        return;
    }
    json_writer_key(writer, "default");
    if (key->type == CONF_TYPE_BOOL || key->type == CONF_TYPE_INTEGER ||
        key->type == CONF_TYPE_OBJECT) {
        json_writer_raw(writer, slice_of(key->fallback));
    } else {
        json_writer_text(writer, key->fallback);
    }
}

static void schema_key(struct json_writer *writer, const struct conf_kind *kind,
                       const struct conf_key *key)
{
    json_writer_key(writer, key->name);
    json_writer_begin_object(writer);
    schema_text(writer, "description", key->help);
    schema_default(writer, key);
    json_writer_key(writer, "anyOf"); /* beside a $ref nothing else would count */
    json_writer_begin_array(writer);
    json_writer_begin_object(writer);
    schema_type(writer, key);
    json_writer_end_object(writer);
    if (schema_may_expand(kind, key)) {
        schema_ref_object(writer, "environment");
    }
    json_writer_end_array(writer);
    json_writer_end_object(writer);
}

/* Whether a key means nothing for a variant. */
static bool schema_is_foreign(const struct conf_key *key, const struct conf_variant *variant)
{
    return key->variants != 0 && (key->variants & variant->bit) == 0;
}

/* For one variant: the keys that mean nothing for it. */
static void schema_variant(struct json_writer *writer, const struct conf_kind *kind,
                           const struct conf_variant *variant)
{
    bool any = false;
    size_t i;

    for (i = 0; i < kind->key_count; i++) {
        any |= schema_is_foreign(&kind->keys[i], variant);
    }
    if (!any) {
        return;
    }
    json_writer_begin_object(writer);
    schema_raw(writer, "if", variant->schema);
    json_writer_key(writer, "then");
    json_writer_begin_object(writer);
    json_writer_key(writer, "properties");
    json_writer_begin_object(writer);
    for (i = 0; i < kind->key_count; i++) {
        if (schema_is_foreign(&kind->keys[i], variant)) {
            schema_raw(writer, kind->keys[i].name, "false");
        }
    }
    json_writer_end_object(writer);
    json_writer_end_object(writer);
    json_writer_end_object(writer);
}

/* What the variants of a kind may and must have. */
static void schema_variants(struct json_writer *writer, const struct conf_kind *kind)
{
    const struct conf_variant *variant;

    if (kind->variants == NULL) {
        return;
    }
    json_writer_key(writer, "allOf");
    json_writer_begin_array(writer);
    if (kind->schema != NULL) {
        json_writer_raw(writer, slice_of(kind->schema));
    }
    for (variant = kind->variants; variant->name != NULL; variant++) {
        schema_variant(writer, kind, variant);
    }
    json_writer_end_array(writer);
    if (kind->one_of) {
        json_writer_key(writer, "oneOf");
        json_writer_begin_array(writer);
        for (variant = kind->variants; variant->name != NULL; variant++) {
            json_writer_raw(writer, slice_of(variant->schema));
        }
        json_writer_end_array(writer);
    }
}

static void schema_required(struct json_writer *writer, const struct conf_kind *kind)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < kind->key_count; i++) {
        if (!kind->keys[i].required || kind->keys[i].variants != 0) {
            continue; /* what only some variants need, their own schema says */
        }
        if (count++ == 0) {
            json_writer_key(writer, "required");
            json_writer_begin_array(writer);
        }
        json_writer_text(writer, kind->keys[i].name);
    }
    if (count > 0) {
        json_writer_end_array(writer);
    }
}

static void schema_kind(struct json_writer *writer, const struct conf_kind *kind)
{
    size_t i;

    json_writer_key(writer, kind->id);
    json_writer_begin_object(writer);
    schema_text(writer, "title", kind->title);
    schema_text(writer, "description", kind->help);
    schema_text(writer, "type", "object");
    json_writer_key(writer, "properties");
    json_writer_begin_object(writer);
    schema_raw(writer, "description", "{}");
    schema_raw(writer, "$schema", "{}");
    for (i = 0; i < kind->key_count; i++) {
        if (kind->keys[i].type != CONF_TYPE_LATER) {
            schema_key(writer, kind, &kind->keys[i]);
        }
    }
    json_writer_end_object(writer);
    schema_required(writer, kind);
    schema_raw(writer, "additionalProperties", "false");
    schema_variants(writer, kind);
    json_writer_end_object(writer);
}

/* A typed form of a field value: {"!i8": 1}. */
static void schema_typed(struct json_writer *writer, const struct conf_typed *form)
{
    json_writer_key(writer, form->name);
    json_writer_begin_object(writer);
    if (form->type == FIELD_BYTES) {
        schema_text(writer, "type", "string");
    } else if (form->type == FIELD_TABLE) {
        schema_ref(writer, "table");
    } else if (form->min == 0 && form->max == 0) {
        schema_text(writer, "type", "number");
    } else {
        schema_text(writer, "type", "integer");
        json_writer_key(writer, "minimum");
        json_writer_integer(writer, form->min);
        json_writer_key(writer, "maximum");
        json_writer_integer(writer, form->max);
    }
    json_writer_end_object(writer);
}

/* Values of AMQP field tables. */
static void schema_fields(struct json_writer *writer)
{
    const struct conf_typed *form;

    schema_raw(writer, "table",
               "{\"type\": \"object\", \"propertyNames\": {\"maxLength\": 255}, "
               "\"additionalProperties\": {\"$ref\": \"#/definitions/field\"}}");
    schema_raw(writer, "headers",
               "{\"type\": \"object\", \"propertyNames\": {\"maxLength\": 255}, "
               "\"additionalProperties\": {\"$ref\": \"#/definitions/field\"}}");
    json_writer_key(writer, "field");
    json_writer_begin_object(writer);
    schema_raw(writer, "if",
               "{\"type\": \"object\", \"minProperties\": 1, \"maxProperties\": 1, "
               "\"propertyNames\": {\"pattern\": \"^!\"}}");
    json_writer_key(writer, "then");
    json_writer_begin_object(writer);
    json_writer_key(writer, "properties");
    json_writer_begin_object(writer);
    for (form = conf_typed_forms; form->name != NULL; form++) {
        schema_typed(writer, form);
    }
    json_writer_end_object(writer);
    schema_raw(writer, "additionalProperties", "false");
    json_writer_end_object(writer);
    schema_raw(writer, "else",
               "{\"anyOf\": [{\"type\": [\"null\", \"boolean\", \"number\", \"string\"]}, "
               "{\"type\": \"array\", \"items\": {\"$ref\": \"#/definitions/field\"}}, "
               "{\"$ref\": \"#/definitions/table\"}]}");
    json_writer_end_object(writer);
}

void confdoc_schema(struct strbuf *out)
{
    struct json_writer writer;
    size_t i;

    json_writer_init(&writer, out, 1);
    json_writer_begin_object(&writer);
    schema_text(&writer, "$schema", "http://json-schema.org/draft-07/schema#");
    schema_text(&writer, "title", "The configuration of chunneld");
    schema_raw(&writer, "allOf", "[{\"$ref\": \"#/definitions/main\"}]");
    json_writer_key(&writer, "definitions");
    json_writer_begin_object(&writer);
    for (i = 0; conf_kinds[i] != NULL; i++) {
        schema_kind(&writer, conf_kinds[i]);
    }
    schema_raw(&writer, "duration", "{\"type\": \"string\", \"pattern\": \"^[0-9]+(ms|s|m|h)$\"}");
    schema_raw(&writer, "size",
               "{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 0}, {\"type\": \"string\", "
               "\"pattern\": \"^[0-9]+([kK]B|[MGT]B|[KMGT]iB|B)?$\"}]}");
    schema_raw(&writer, "environment", "{\"type\": \"string\", \"pattern\": \"[$][{]\"}");
    schema_fields(&writer);
    json_writer_end_object(&writer);
    json_writer_end_object(&writer);
    strbuf_append_char(out, '\n');
}
