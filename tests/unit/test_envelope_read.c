/* Reading envelopes: does everything of a message come back as it went in, and is what is no valid
 * envelope refused with the place and the reason? */
#include "core/envelope_read.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/envelope.h"

static struct envelope_message *read_text(const char *text)
{
    struct err err = {""};
    struct envelope_message *message = envelope_read(slice_of(text), &err);

    if (message == NULL) {
        fail_msg("%s: %s", text, err.text);
    }
    return message;
}

static void assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.data, text, slice.len);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "no envelope: line 1, column 1: empty; a JSON value is wanted"},
        {"hello", "no envelope: line 1, column 1: "},
        {"\xff", "no envelope: line 1, column 1: "},
        {"{\"body\": \"x\"} ", NULL},
        {"{\"body\": \"x\"} {}", "no envelope: line 1, column 15: "},
        {"[1]", "no envelope: a JSON object is wanted, this is an array"},
        {"\"body\"", "no envelope: a JSON object is wanted, this is a string"},
        {"{\"body\": \"a\", \"body\": \"b\"}",
         "no envelope: line 1, column 15: this key stood in this object before; remove one of "
         "them"},
        {"{\"body\": \"a\\u0000b\"}", "no envelope: line 1, column 12: "},
        {"{}", "\"body\" is missing"},
        {"{\"v\": 1, \"Body\": \"x\"}", "\"body\" is missing"},
        {"{\"body\": null}", "/body: a string (JSON goes in as its text) is wanted, this is null"},
        {"{\"body\": {\"a\": 1}}",
         "/body: a string (JSON goes in as its text) is wanted, this is an object"},
        {"{\"body\": 7}", "/body: a string (JSON goes in as its text) is wanted, this is a number"},
        {"{\"v\": 2, \"body\": \"x\"}", "/v: 1 is the one version that is known"},
        {"{\"v\": \"1\", \"body\": \"x\"}", "/v: 1 is the one version that is known"},
        {"{\"v\": 1.0, \"body\": \"x\"}", "/v: 1 is the one version that is known"},
        {"{\"id\": 7, \"body\": \"x\"}", "/id: a string is wanted, this is a number"},
        {"{\"body\": \"x\", \"body_encoding\": \"hex\"}",
         "/body_encoding: \"utf-8\" or \"base64\" is wanted"},
        {"{\"body\": \"x\", \"body_encoding\": null}",
         "/body_encoding: \"utf-8\" or \"base64\" is wanted, this is null"},
        {"{\"body\": \"eA\", \"body_encoding\": \"base64\"}",
         "/body: no base64 (RFC 4648 §4, with padding)"},
        {"{\"body\": \"e A==\", \"body_encoding\": \"base64\"}",
         "/body: no base64 (RFC 4648 §4, with padding)"},
        {"{\"body\": \"eA==\", \"body_encoding\": \"BASE64\"}",
         "/body_encoding: \"utf-8\" or \"base64\" is wanted"},
        {"{\"body\": \"x\", \"properties\": []}",
         "/properties: an object is wanted, this is an array"},
        {"{\"body\": \"x\", \"properties\": null}",
         "/properties: an object is wanted, this is null"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {""};
        struct envelope_message *message = envelope_read(slice_of(cases[i].text), &err);

        if (cases[i].words == NULL) {
            assert_non_null(message);
        } else if (message != NULL ||
                   strncmp(err.text, cases[i].words, strlen(cases[i].words)) != 0) {
            fail_msg("%s: %s, not %s", cases[i].text, err.text, cases[i].words);
        }
        free(message);
    }
}

/* `properties` in an envelope, JSON with ' for ". */
static struct envelope_message *read_properties(const char *properties, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    struct envelope_message *message;

    strbuf_append_format(&text, "{'body': 'x', 'properties': %s}", properties);
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] = text.data[i] == '\'' ? '"' : text.data[i];
    }
    message = envelope_read(strbuf_slice(&text), err);
    strbuf_fini(&text);
    return message;
}

static void test_properties_that_are_refused(void **state)
{
    static const struct {
        const char *properties;
        const char *words;
    } cases[] = {
        {"{'content-type': 'x'}",
         "/properties/content-type: no property of this name; the nearest one is "
         "\"content_type\""},
        {"{'reply_to': null}", "/properties/reply_to: a string is wanted, this is null"},
        {"{'reply_to': 7}", "/properties/reply_to: a string is wanted, this is a number"},
        {"{'reply_to': {'!bytes': ''}}",
         "/properties/reply_to: a string is wanted, this is an object"},
        {"{'reply_to': {'!string': '_'}}",
         "/properties/reply_to/!string: a string in base64 is wanted, such as \"AAEC\""},
        {"{'expiration': 60000}", "/properties/expiration: a string is wanted, this is a number"},
        {"{'expiration': ''}",
         "/properties/expiration: milliseconds are wanted, \"0\" to \"4294967295\""},
        {"{'expiration': '4294967296'}", "/properties/expiration: milliseconds are wanted"},
        {"{'expiration': '5s'}", "/properties/expiration: milliseconds are wanted"},
        {"{'expiration': '-1'}", "/properties/expiration: milliseconds are wanted"},
        {"{'delivery_mode': 0}", "/properties/delivery_mode: a whole number from 1 to 2 is wanted"},
        {"{'delivery_mode': 3}", "/properties/delivery_mode: a whole number from 1 to 2 is wanted"},
        {"{'delivery_mode': '2'}",
         "/properties/delivery_mode: a whole number from 1 to 2 is wanted"},
        {"{'priority': 256}", "/properties/priority: a whole number from 0 to 255 is wanted"},
        {"{'priority': -1}", "/properties/priority: a whole number from 0 to 255 is wanted"},
        {"{'priority': 1.5}", "/properties/priority: a whole number from 0 to 255 is wanted"},
        {"{'timestamp': -1}",
         "/properties/timestamp: a whole number from 0 to 18446744073709551615 is wanted"},
        {"{'timestamp': 18446744073709551616}",
         "/properties/timestamp: a whole number from 0 to 18446744073709551615 is wanted"},
        {"{'timestamp': '2026-01-31'}", "/properties/timestamp: a whole number from 0 to "},
        {"{'headers': []}", "/properties/headers: an object is wanted, this is an array"},
        {"{'headers': {'!i8': 1}}",
         "/properties/headers: a table is wanted; one with a name that begins with \"!\" stands "
         "under \"!table\""},
        {"{'headers': {'x': {'!i9': 1}}}",
         "/properties/headers/x/!i9: unknown type \"!i9\"; the nearest known one is \"!i8\", and "
         "a table with such a key stands under \"!table\""},
        {"{'headers': {'x': {'!i8': 128}}}",
         "/properties/headers/x/!i8: a whole number from -128 to 127 is wanted"},
        {"{'headers': {'x': {'!u32': -1}}}",
         "/properties/headers/x/!u32: a whole number from 0 to 4294967295 is wanted"},
        {"{'headers': {'x': 9223372036854775808}}",
         "/properties/headers/x: a whole number from -9223372036854775808 to 9223372036854775807 "
         "is wanted"},
        {"{'headers': {'x': 1e999}}",
         "/properties/headers/x: the number is too large for its type"},
        {"{'headers': {'x': {'!f32': 1e39}}}",
         "/properties/headers/x/!f32: the number is too large for its type"},
        {"{'headers': {'x': {'!f64': 'NaN'}}}",
         "/properties/headers/x/!f64: a number is wanted, this is a string"},
        {"{'reply_to': 'amq.rabbitmq.reply-to'}",
         "/properties/reply_to: answers to amq.rabbitmq.reply-to come to its own channel only"},
        {"{'headers': {'x': {'!decimal': -1.5}}}",
         "/properties/headers/x/!decimal: a number such as 12.34 is wanted"},
        {"{'headers': {'x': {'!timestamp': '0'}}}",
         "/properties/headers/x/!timestamp: a whole number from 0 to 18446744073709551615 is "
         "wanted"},
        {"{'headers': {'x': [1, {'!bytes': 7}]}}",
         "/properties/headers/x/1/!bytes: a string in base64 is wanted"},
        {"{'headers': {'x': {'!table': 1}}}",
         "/properties/headers/x/!table: an object, or a list of pairs, is wanted, this is a "
         "number"},
        {"{'headers': {'x': {'!table': [1]}}}",
         "/properties/headers/x/!table/0: a list of a name and a value is wanted"},
        {"{'headers': {'x': {'!table': [['a']]}}}",
         "/properties/headers/x/!table/0: a list of a name and a value is wanted"},
        {"{'headers': {'x': {'!table': [['a', 1, 2]]}}}",
         "/properties/headers/x/!table/0: a list of a name and a value is wanted"},
        {"{'headers': {'x': {'!table': [[7, 1]]}}}",
         "/properties/headers/x/!table/0/0: a string is wanted, this is a number"},
        {"{'headers': {'CC': 'a'}}",
         "/properties/headers: the header CC is a list of routing keys"},
        {"{'headers': {'BCC': 1}}",
         "/properties/headers: the header BCC is a list of routing keys"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {""};
        struct envelope_message *message = read_properties(cases[i].properties, &err);

        if (message != NULL || strncmp(err.text, cases[i].words, strlen(cases[i].words)) != 0) {
            free(message);
            fail_msg("%s: %s, not %s", cases[i].properties, err.text, cases[i].words);
        }
    }
}

static void test_names_and_texts_that_are_too_long(void **state)
{
    static const struct {
        const char *before;
        const char *behind;
    } forms[] = {
        {"{'type': '", "'}"},
        {"{'headers': {'", "': 1}}"},
        {"{'headers': {'!table': [['", "', 1]]}}"},
    };
    char name[300];

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct strbuf text = STRBUF_INIT;
        struct err err = {""};
        struct envelope_message *message;

        memset(name, 'n', 255);
        name[255] = '\0';
        strbuf_append_format(&text, "%s%s%s", forms[i].before, name, forms[i].behind);
        message = read_properties(strbuf_text(&text), &err);
        assert_non_null(message);
        free(message);
        strbuf_reset(&text);
        strcat(name, "n");
        strbuf_append_format(&text, "%s%s%s", forms[i].before, name, forms[i].behind);
        assert_null(read_properties(strbuf_text(&text), &err));
        assert_non_null(strstr(err.text, "AMQP allows 255"));
        strbuf_fini(&text);
    }
}

/* `depth` lists inside each other as the one header. */
static struct envelope_message *read_nested(unsigned depth, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    struct envelope_message *message;

    strbuf_append_text(&text, "{'headers': {'x': ");
    for (unsigned i = 0; i < depth; i++) {
        strbuf_append_char(&text, '[');
    }
    for (unsigned i = 0; i < depth; i++) {
        strbuf_append_char(&text, ']');
    }
    strbuf_append_text(&text, "}}");
    message = read_properties(strbuf_text(&text), err);
    strbuf_fini(&text);
    return message;
}

static void test_headers_nested_too_deep(void **state)
{
    struct err err = {""};
    struct envelope_message *message = read_nested(FIELD_DEPTH_MAX - 1, &err);

    (void)state;
    assert_non_null(message);
    free(message);
    assert_null(read_nested(FIELD_DEPTH_MAX, &err));
    assert_non_null(strstr(err.text, ": tables and lists nested over 32 deep"));
    assert_null(read_nested(100000, &err));
    assert_non_null(strstr(err.text, "nested deeper than 128 levels"));
}

static void test_a_body_is_enough(void **state)
{
    struct envelope_message *message = read_text("{\"body\": \"gr\\u00fc\\u00df\"}");

    (void)state;
    assert_slice(message->body, "grüß");
    assert_int_equal(message->properties.present, 0);
    assert_null(message->id.data);
    free(message);
    message = read_text("{\"body\": \"\"}");
    assert_int_equal(message->body.len, 0);
    assert_non_null(message->body.data);
    free(message);
    message = read_text("{\"body\": \"AP8=\", \"body_encoding\": \"base64\", \"v\": 1}");
    assert_int_equal(message->body.len, 2);
    assert_memory_equal(message->body.data, "\0\xff", 2);
    free(message);
}

/* What is for the Redis side, and what a later version may add, does no harm here. */
static void test_other_keys_are_left_out(void **state)
{
    struct envelope_message *message =
        read_text("{\"id\": \"m-1\", \"time\": 7, \"bridge\": null, \"source\": [], \"reason\": 1,"
                  " \"more\": {\"deep\": [1]}, \"body\": \"x\", \"body_encoding\": \"utf-8\"}");

    (void)state;
    assert_slice(message->body, "x");
    assert_slice(message->id, "m-1");
    assert_int_equal(message->properties.present, 0);
    free(message);
}

/* As a person writes them. */
static void test_plain_headers(void **state)
{
    static const struct {
        const char *json;
        enum field_type type;
        int64_t integer;
    } cases[] = {
        {"7", FIELD_I32, 7},
        {"-2147483648", FIELD_I32, INT32_MIN},
        {"2147483647", FIELD_I32, INT32_MAX},
        {"2147483648", FIELD_I64, INT64_C(2147483648)},
        {"-9223372036854775808", FIELD_I64, INT64_MIN},
        {"9223372036854775807", FIELD_I64, INT64_MAX},
        {"{'!i64': 7}", FIELD_I64, 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct strbuf text = STRBUF_INIT;
        struct err err = {""};
        struct envelope_message *message;
        const struct field *field;

        strbuf_append_format(&text, "{'headers': {'x': %s}}", cases[i].json);
        message = read_properties(strbuf_text(&text), &err);
        assert_non_null(message);
        field = field_table_find(&message->properties.headers, SLICE("x"));
        assert_int_equal(field->type, cases[i].type);
        assert_true(field->value.integer == cases[i].integer);
        free(message);
        strbuf_fini(&text);
    }
}

static void assert_same_table(const struct field_table *a, const struct field_table *b);

static void assert_same_field(const struct field *a, const struct field *b)
{
    assert_int_equal(a->type, b->type);
    switch (a->type) {
    case FIELD_VOID:
        break;
    case FIELD_BOOL:
        assert_int_equal(a->value.boolean, b->value.boolean);
        break;
    case FIELD_F32:
        assert_true((float)a->value.real == (float)b->value.real);
        break;
    case FIELD_F64:
        assert_true(a->value.real == b->value.real);
        break;
    case FIELD_DECIMAL:
        assert_int_equal(a->value.decimal.scale, b->value.decimal.scale);
        assert_int_equal(a->value.decimal.value, b->value.decimal.value);
        break;
    case FIELD_STRING:
    case FIELD_BYTES:
        assert_true(slice_equal(a->value.bytes, b->value.bytes));
        break;
    case FIELD_ARRAY:
        assert_int_equal(a->value.array.count, b->value.array.count);
        for (size_t i = 0; i < a->value.array.count; i++) {
            assert_same_field(&a->value.array.items[i], &b->value.array.items[i]);
        }
        break;
    case FIELD_TABLE:
        assert_same_table(&a->value.table, &b->value.table);
        break;
    default:
        assert_true(a->value.natural == b->value.natural);
        break;
    }
}

static void assert_same_table(const struct field_table *a, const struct field_table *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(slice_equal(a->entries[i].name, b->entries[i].name));
        assert_same_field(&a->entries[i].value, &b->entries[i].value);
    }
}

static void assert_same_properties(const struct properties *a, const struct properties *b)
{
    assert_int_equal(a->present, b->present);
    for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        if (properties_has(a, (enum property)i)) {
            assert_true(slice_equal(a->text[i], b->text[i]));
        }
    }
    if (properties_has(a, PROPERTY_DELIVERY_MODE)) {
        assert_int_equal(a->delivery_mode, b->delivery_mode);
    }
    if (properties_has(a, PROPERTY_PRIORITY)) {
        assert_int_equal(a->priority, b->priority);
    }
    if (properties_has(a, PROPERTY_TIMESTAMP)) {
        assert_true(a->timestamp == b->timestamp);
    }
    if (properties_has(a, PROPERTY_HEADERS)) {
        assert_same_table(&a->headers, &b->headers);
    }
}

static void assert_round_trip(const struct properties *properties, struct slice body)
{
    static const struct template_context context = {SLICE("gw-1"), SLICE("b"), NULL};
    struct delivery delivery = {.queue = SLICE("q"), .body = body, .properties = properties};
    struct strbuf text = STRBUF_INIT;
    struct envelope_message *message;

    envelope_write(&delivery, &context, &text);
    message = read_text(strbuf_text(&text));
    assert_true(slice_equal(message->body, body));
    assert_same_properties(properties, &message->properties);
    free(message);
    strbuf_fini(&text);
}

static void test_everything_comes_back(void **state)
{
    struct field items[] = {{FIELD_I64, {.integer = 1}},
                            {FIELD_ARRAY, {.array = {NULL, 0}}},
                            {FIELD_TABLE, {.table = {NULL, 0}}},
                            {FIELD_I32, {.integer = -1}}};
    struct field_entry twice[] = {{SLICE("x"), {FIELD_BOOL, {.boolean = false}}},
                                  {SLICE("x"), {FIELD_VOID, {.natural = 0}}}};
    struct field_entry odd[] = {{SLICE("!i8"), {FIELD_I64, {.integer = 1}}}};
    struct field_entry bytes[] = {{slice_make("\0", 1), {FIELD_TABLE, {.table = {odd, 1}}}},
                                  {SLICE("\xff"), {FIELD_STRING, {.bytes = SLICE("\xfe")}}}};
    struct field_entry entries[] = {
        {SLICE("void"), {FIELD_VOID, {.natural = 0}}},
        {SLICE("bool"), {FIELD_BOOL, {.boolean = true}}},
        {SLICE("i8"), {FIELD_I8, {.integer = -128}}},
        {SLICE("u8"), {FIELD_U8, {.natural = 255}}},
        {SLICE("i16"), {FIELD_I16, {.integer = -32768}}},
        {SLICE("u16"), {FIELD_U16, {.natural = 65535}}},
        {SLICE("i32"), {FIELD_I32, {.integer = INT32_MIN}}},
        {SLICE("u32"), {FIELD_U32, {.natural = UINT32_MAX}}},
        {SLICE("i64"), {FIELD_I64, {.integer = INT64_MIN}}},
        {SLICE("i64s"), {FIELD_I64, {.integer = INT32_MAX}}},
        {SLICE("i64l"), {FIELD_I64, {.integer = (int64_t)INT32_MAX + 1}}},
        {SLICE("f32"), {FIELD_F32, {.real = 0.1f}}},
        {SLICE("f64"), {FIELD_F64, {.real = 0.1}}},
        {SLICE("f64w"), {FIELD_F64, {.real = -2.0}}},
        {SLICE("f64t"), {FIELD_F64, {.real = 5e-324}}},
        {SLICE("decimal"), {FIELD_DECIMAL, {.decimal = {2, 5}}}},
        {SLICE("tiny"), {FIELD_DECIMAL, {.decimal = {255, UINT32_MAX}}}},
        {SLICE("string"), {FIELD_STRING, {.bytes = SLICE("a\"b\\\n")}}},
        {SLICE("empty"), {FIELD_STRING, {.bytes = SLICE("")}}},
        {SLICE("nul"), {FIELD_STRING, {.bytes = slice_make("a\0b", 3)}}},
        {SLICE("latin"), {FIELD_STRING, {.bytes = SLICE("\xe9")}}},
        {SLICE("bytes"), {FIELD_BYTES, {.bytes = SLICE("\xff")}}},
        {SLICE("array"), {FIELD_ARRAY, {.array = {items, 4}}}},
        {SLICE("timestamp"), {FIELD_TIMESTAMP, {.natural = UINT64_MAX}}},
        {SLICE("twice"), {FIELD_TABLE, {.table = {twice, 2}}}},
        {SLICE("odd"), {FIELD_TABLE, {.table = {odd, 1}}}},
        {SLICE("bytes"), {FIELD_TABLE, {.table = {bytes, 2}}}},
        {SLICE(""), {FIELD_TABLE, {.table = {NULL, 0}}}},
    };
    struct properties properties = {
        .present = (1u << PROPERTY_COUNT) - 1,
        .delivery_mode = 1,
        .priority = 255,
        .timestamp = UINT64_MAX,
        .text = {SLICE("text/plain"), SLICE(""), slice_make("\0\xff", 2), SLICE("replies"),
                 SLICE("4294967295"), SLICE("m-1"), SLICE("grüß"), SLICE("guest"), SLICE("shop"),
                 SLICE("c")},
        .headers = {entries, sizeof(entries) / sizeof(entries[0])},
    };

    (void)state;
    assert_round_trip(&properties, SLICE("hello"));
    assert_round_trip(&properties, slice_make("\0\xff", 2));
    properties.headers = (struct field_table){odd, 1};
    assert_round_trip(&properties, SLICE(""));
    properties.headers = (struct field_table){NULL, 0};
    assert_round_trip(&properties, SLICE("{\"a\": 1}"));
}

/* Tables as deep as the wire has them, in the form that takes most levels of JSON. */
static void test_the_deepest_headers_come_back(void **state)
{
    struct field_entry entries[FIELD_DEPTH_MAX];
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 1}};

    (void)state;
    for (size_t i = 0; i < FIELD_DEPTH_MAX; i++) {
        entries[i].name = SLICE("\xff");
        entries[i].value = (struct field){FIELD_STRING, {.bytes = SLICE("\xff")}};
        if (i + 1 < FIELD_DEPTH_MAX) {
            entries[i].value =
                (struct field){FIELD_TABLE, {.table = {.entries = &entries[i + 1], .count = 1}}};
        }
    }
    assert_round_trip(&properties, SLICE("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_properties_that_are_refused),
        cmocka_unit_test(test_names_and_texts_that_are_too_long),
        cmocka_unit_test(test_headers_nested_too_deep),
        cmocka_unit_test(test_a_body_is_enough),
        cmocka_unit_test(test_other_keys_are_left_out),
        cmocka_unit_test(test_plain_headers),
        cmocka_unit_test(test_everything_comes_back),
        cmocka_unit_test(test_the_deepest_headers_come_back),
    };

    return cmocka_run_group_tests_name("envelope_read", tests, NULL, NULL);
}
