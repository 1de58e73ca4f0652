/* The configuration as a JSON Schema (draft 07, which editors know best): its objects. */
#include "confdoc_schema.h"

#include "confdoc.h"
#include "core/field_json.h"

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
static void schema_typed(struct json_writer *writer, const struct field_typed *form)
{
    json_writer_key(writer, form->name);
    json_writer_begin_object(writer);
    if (form->type == FIELD_BYTES || form->type == FIELD_STRING) {
        schema_text(writer, "type", "string");
    } else if (form->type == FIELD_TABLE) {
        schema_raw(writer, "anyOf",
                   "[{\"$ref\": \"#/definitions/table\"}, {\"type\": \"array\", \"items\": "
                   "{\"type\": \"array\", \"minItems\": 2, \"maxItems\": 2, \"items\": "
                   "{\"$ref\": \"#/definitions/field\"}}}]");
    } else if (form->min == 0 && form->max == 0) {
        schema_raw(writer, "type",
                   form->type == FIELD_DECIMAL ? "[\"number\", \"string\"]" : "\"number\"");
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
    const struct field_typed *form;

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
    for (form = field_typed_forms; form->name != NULL; form++) {
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

/* Conditions of filters. */
static void schema_condition(struct json_writer *writer)
{
    static const char scalar[] = "{\"type\": [\"null\", \"boolean\", \"number\", \"string\"]}";
    static const char tests[] =
        "{\"equals\": {\"$ref\": \"#/definitions/scalar\"}, \"in\": {\"type\": \"array\", "
        "\"minItems\": 1, \"items\": {\"$ref\": \"#/definitions/scalar\"}}, \"matches\": "
        "{\"type\": "
        "\"string\"}, \"less\": {\"type\": [\"number\", \"string\"]}, \"greater\": {\"type\": "
        "[\"number\", \"string\"]}, \"exists\": {\"type\": \"boolean\"}}";

    schema_raw(writer, "scalar", scalar);
    json_writer_key(writer, "test");
    json_writer_begin_object(writer);
    schema_text(writer, "type", "object");
    schema_raw(writer, "properties", tests);
    json_writer_end_object(writer);
    schema_raw(writer, "conditions",
               "{\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\": "
               "\"#/definitions/condition\"}}");
    schema_raw(writer, "text_condition",
               "{\"anyOf\": [{\"type\": \"string\"}, {\"allOf\": [{\"$ref\": "
               "\"#/definitions/test\"}], \"properties\": {\"exists\": false}, \"minProperties\": "
               "1}]}");
    json_writer_key(writer, "condition");
    json_writer_begin_object(writer);
    schema_raw(writer, "allOf", "[{\"$ref\": \"#/definitions/test\"}]");
    schema_raw(writer, "properties",
               "{\"all\": {\"$ref\": \"#/definitions/conditions\"}, \"any\": {\"$ref\": "
               "\"#/definitions/conditions\"}, \"not\": {\"$ref\": \"#/definitions/condition\"}, "
               "\"json\": {\"type\": \"string\"}, \"header\": {\"type\": \"string\", "
               "\"minLength\": 1}, \"routing_key\": {\"$ref\": \"#/definitions/text_condition\"}, "
               "\"channel\": {\"$ref\": \"#/definitions/text_condition\"}}");
    schema_raw(writer, "propertyNames",
               "{\"enum\": [\"all\", \"any\", \"not\", \"json\", \"header\", \"routing_key\", "
               "\"channel\", \"equals\", \"in\", \"matches\", \"less\", \"greater\", \"exists\", "
               "\"description\", \"$schema\"]}");
    schema_raw(writer, "oneOf",
               "[{\"required\": [\"all\"]}, {\"required\": [\"any\"]}, {\"required\": [\"not\"]}, "
               "{\"required\": [\"json\"]}, {\"required\": [\"header\"]}, {\"required\": "
               "[\"routing_key\"]}, {\"required\": [\"channel\"]}]");
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
    schema_condition(&writer);
    json_writer_end_object(&writer);
    json_writer_end_object(&writer);
    strbuf_append_char(out, '\n');
}
