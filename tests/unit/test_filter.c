/* Filters, from the rule to the verdict: does each condition hold for the messages that it is meant
 * for, and for no others, whatever their types? */
#include "core/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "conf/load.h"
#include "conf/load_text.h"

static void on_problem(void *ctx, const char *line)
{
    (void)ctx;
    print_message("%s\n", line);
}

/* The configuration of one bridge from AMQP with this filter, ' for ". */
static struct config *load(const char *source, const char *filter)
{
    struct strbuf text = STRBUF_INIT;
    struct config *config;

    strbuf_append_format(&text,
                         "{'connections': {'r': {'url': 'redis://h'}, 'a': {'url': 'amqp://h'}},"
                         " 'bridges': [{'name': 'b', 'from': %s, 'filter': %s, 'to': %s}]}",
                         source, filter,
                         strstr(source, "queue") ? "{'channel': 'c'}" : "{'queue': 'q'}");
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] = text.data[i] == '\'' ? '"' : text.data[i];
    }
    config = config_load_text("test.json", strbuf_slice(&text), on_problem, NULL);
    strbuf_fini(&text);
    assert_non_null(config);
    return config;
}

static bool passes(const char *source, const char *filter, const struct delivery *delivery)
{
    struct config *config = load(source, filter);
    struct body_json body = {.number = 0};
    bool result = filter_passes(config->bridges[0].filter.condition, delivery, &body);

    body_json_forget(&body);
    config_free(config);
    return result;
}

struct check {
    const char *filter;
    const char *body;
    bool passes;
};

static void check_bodies(const struct check *checks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct delivery delivery = {.channel = SLICE("c"), .body = slice_of(checks[i].body)};

        if (passes("{'channel': 'c'}", checks[i].filter, &delivery) != checks[i].passes) {
            fail_msg("%s of %s", checks[i].filter, checks[i].body);
        }
    }
}

static void test_what_a_body_lacks(void **state)
{
    static const struct check checks[] = {
        {"{'json': '/a', 'equals': 1}", "none", false},
        {"{'json': '/a', 'equals': 1}", "", false},
        {"{'json': '/a', 'equals': 1}", "{\"a\": 1} x", false},
        {"{'json': '/a', 'equals': 1}", "{\"a\": 1, \"a\": 1}", false},
        {"{'json': '/a', 'exists': false}", "none", false},
        {"{'json': '/a', 'exists': true}", "none", false},
        {"{'not': {'json': '/a', 'exists': false}}", "none", true},
        {"{'not': {'json': '/a', 'equals': 1}}", "none", true},
        {"{'not': {'json': '/a', 'equals': 1}}", "{}", true},
        {"{'json': '/a', 'exists': true}", "{}", false},
        {"{'json': '/a', 'exists': false}", "{}", true},
        {"{'json': '/a', 'exists': true}", "{\"a\": null}", true},
        {"{'json': '/a', 'exists': false}", "{\"a\": null}", false},
        {"{'json': '', 'exists': true}", "7", true},
        {"{'json': '', 'exists': true}", "seven", false},
        {"{'json': '/a', 'in': [1, null]}", "{}", false},
        {"{'json': '/a', 'less': 5}", "{}", false},
        {"{'json': '/a', 'greater': 5}", "{}", false},
        {"{'json': '/a', 'matches': '*'}", "{}", false},
        {"{'json': '/a/1/b~1c', 'equals': true}", "{\"a\": [0, {\"b/c\": true}]}", true},
        {"{'json': '/a/1', 'exists': true}", "{\"a\": [0]}", false},
    };

    (void)state;
    check_bodies(checks, sizeof(checks) / sizeof(checks[0]));
}

static void test_types(void **state)
{
    static const struct check checks[] = {
        {"{'json': '', 'equals': '7'}", "7", false},
        {"{'json': '', 'equals': 7}", "\"7\"", false},
        {"{'json': '', 'equals': 1}", "true", false},
        {"{'json': '', 'equals': true}", "1", false},
        {"{'json': '', 'equals': true}", "true", true},
        {"{'json': '', 'equals': false}", "true", false},
        {"{'json': '', 'equals': null}", "null", true},
        {"{'json': '', 'equals': null}", "false", false},
        {"{'json': '', 'equals': ''}", "\"\"", true},
        {"{'json': '', 'equals': 'a'}", "\"A\"", false},
        {"{'json': '', 'equals': 'a'}", "[\"a\"]", false},
        {"{'json': '', 'equals': 'a'}", "{}", false},
        {"{'json': '', 'in': [1, 'a', null, true]}", "\"a\"", true},
        {"{'json': '', 'in': [1, 'a', null, true]}", "null", true},
        {"{'json': '', 'in': [1, 'a', null, true]}", "false", false},
        {"{'json': '', 'in': [1, 'a', null, true]}", "[]", false},
        {"{'json': '', 'matches': 'a*c'}", "\"abbc\"", true},
        {"{'json': '', 'matches': 'a*c'}", "\"abb\"", false},
        {"{'json': '', 'matches': '[a-c]\\\\*'}", "\"b*\"", true},
        {"{'json': '', 'matches': '*'}", "7", false},
        {"{'json': '', 'less': 'b'}", "\"a\"", true},
        {"{'json': '', 'less': 'b'}", "\"b\"", false},
        {"{'json': '', 'greater': 'b'}", "\"ba\"", true},
        {"{'json': '', 'less': 'b'}", "1", false},
        {"{'json': '', 'less': 5}", "\"1\"", false},
        {"{'json': '', 'less': 5}", "null", false},
    };

    (void)state;
    check_bodies(checks, sizeof(checks) / sizeof(checks[0]));
}

static void test_numbers(void **state)
{
    static const struct check checks[] = {
        {"{'json': '', 'equals': 1}", "1.0", true},
        {"{'json': '', 'equals': 1.5}", "15e-1", true},
        {"{'json': '', 'equals': 0}", "-0", true},
        {"{'json': '', 'equals': 100}", "1e2", true},
        {"{'json': '', 'equals': 9007199254740993}", "9007199254740992", false},
        {"{'json': '', 'equals': 9007199254740993}", "9007199254740993", true},
        {"{'json': '', 'less': 9007199254740993}", "9007199254740992", true},
        {"{'json': '', 'greater': -9007199254740993}", "-9007199254740992", true},
        {"{'json': '', 'equals': -9223372036854775808}", "-9223372036854775808", true},
        {"{'json': '', 'greater': -9223372036854775808}", "-9223372036854775807", true},
        {"{'json': '', 'equals': 18446744073709551615}", "18446744073709551615", true},
        {"{'json': '', 'equals': 18446744073709551615}", "18446744073709551614", false},
        {"{'json': '', 'greater': 18446744073709551615}", "18446744073709551616", true},
        {"{'json': '', 'less': 18446744073709551616}", "18446744073709551615", true},
        {"{'json': '', 'equals': 18446744073709551616}", "18446744073709551615", false},
        {"{'json': '', 'less': 1e300}", "18446744073709551615", true},
        {"{'json': '', 'greater': -1e300}", "-9223372036854775808", true},
        {"{'json': '', 'less': 0.5}", "0", true},
        {"{'json': '', 'greater': 0.5}", "1", true},
        {"{'json': '', 'less': -0.5}", "-1", true},
        {"{'json': '', 'less': 0}", "-1", true},
        {"{'json': '', 'greater': 5, 'less': 10}", "7", true},
        {"{'json': '', 'greater': 5, 'less': 10}", "5", false},
        {"{'json': '', 'greater': 5, 'less': 10}", "10", false},
    };

    (void)state;
    check_bodies(checks, sizeof(checks) / sizeof(checks[0]));
}

static void test_groups(void **state)
{
    static const struct check checks[] = {
        {"{'all': [{'json': '/a', 'equals': 1}, {'json': '/b', 'equals': 2}]}",
         "{\"a\": 1, \"b\": 2}", true},
        {"{'all': [{'json': '/a', 'equals': 1}, {'json': '/b', 'equals': 2}]}", "{\"a\": 1}",
         false},
        {"{'any': [{'json': '/a', 'equals': 1}, {'json': '/b', 'equals': 2}]}", "{\"b\": 2}", true},
        {"{'any': [{'json': '/a', 'equals': 1}, {'json': '/b', 'equals': 2}]}", "{\"b\": 3}",
         false},
        {"{'not': {'any': [{'json': '/a', 'exists': true}, {'channel': 'd'}]}}", "{}", true},
        {"{'not': {'any': [{'json': '/a', 'exists': true}, {'channel': 'c'}]}}", "{}", false},
        {"{'not': {'not': {'channel': {'equals': 'c'}}}}", "", true},
        {"{'channel': '[a-c]'}", "", true},
        {"{'channel': {'in': ['a', 'b']}}", "", false},
        {"{'channel': {'greater': 'b', 'less': 'd'}}", "", true},
        {"{'description': 'all', 'channel': {'description': 'of it', 'matches': '?'}}", "", true},
    };

    (void)state;
    check_bodies(checks, sizeof(checks) / sizeof(checks[0]));
}

/* One of each type. */
static struct field_entry entries[] = {
    {SLICE("void"), {FIELD_VOID, {.natural = 0}}},
    {SLICE("yes"), {FIELD_BOOL, {.boolean = true}}},
    {SLICE("i8"), {FIELD_I8, {.integer = -5}}},
    {SLICE("u32"), {FIELD_U32, {.natural = 5}}},
    {SLICE("i64"), {FIELD_I64, {.integer = INT64_MIN}}},
    {SLICE("time"), {FIELD_TIMESTAMP, {.natural = 1700000000}}},
    {SLICE("f32"), {FIELD_F32, {.real = 0.5}}},
    {SLICE("f64"), {FIELD_F64, {.real = 2.0}}},
    {SLICE("decimal"), {FIELD_DECIMAL, {.decimal = {1, 15}}}},
    {SLICE("text"), {FIELD_STRING, {.bytes = SLICE("acme")}}},
    {SLICE("bytes"), {FIELD_BYTES, {.bytes = SLICE("acme")}}},
    {SLICE("list"), {FIELD_ARRAY, {.array = {NULL, 0}}}},
};

static void test_headers(void **state)
{
    static const struct properties properties = {
        .present = 1u << PROPERTY_HEADERS,
        .headers = {entries, sizeof(entries) / sizeof(entries[0])},
    };
    static const struct check checks[] = {
        {"{'header': 'void', 'equals': null}", NULL, true},
        {"{'header': 'void', 'exists': true}", NULL, true},
        {"{'header': 'yes', 'equals': true}", NULL, true},
        {"{'header': 'i8', 'equals': -5}", NULL, true},
        {"{'header': 'u32', 'equals': 5.0}", NULL, true},
        {"{'header': 'i64', 'less': -9223372036854775807}", NULL, true},
        {"{'header': 'time', 'greater': 1699999999, 'less': 1700000001}", NULL, true},
        {"{'header': 'f32', 'equals': 0.5}", NULL, true},
        {"{'header': 'f64', 'equals': 2}", NULL, true},
        {"{'header': 'decimal', 'equals': 1.5}", NULL, true},
        {"{'header': 'text', 'equals': 'acme'}", NULL, true},
        {"{'header': 'text', 'matches': 'a[a-d]?e'}", NULL, true},
        {"{'header': 'bytes', 'in': ['other', 'acme']}", NULL, true},
        {"{'header': 'list', 'exists': true}", NULL, true},
        {"{'header': 'list', 'equals': null}", NULL, false},
        {"{'header': 'Text', 'exists': true}", NULL, false},
        {"{'header': 'Text', 'exists': false}", NULL, true},
        {"{'header': 'Text', 'equals': null}", NULL, false},
        {"{'routing_key': 'a.*'}", NULL, true},
        {"{'routing_key': {'equals': 'a.*'}}", NULL, false},
        {"{'all': [{'routing_key': 'a.b'}, {'header': 'u32', 'greater': 4}]}", NULL, true},
    };
    struct delivery delivery = {
        .queue = SLICE("q"), .routing_key = SLICE("a.b"), .properties = &properties};

    (void)state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (passes("{'queue': 'q'}", checks[i].filter, &delivery) != checks[i].passes) {
            fail_msg("%s", checks[i].filter);
        }
    }
    delivery.properties = NULL;
    assert_false(passes("{'queue': 'q'}", "{'header': 'text', 'exists': true}", &delivery));
    assert_true(passes("{'queue': 'q'}", "{'header': 'text', 'exists': false}", &delivery));
}

static void test_who_needs_properties(void **state)
{
    static const struct {
        const char *filter;
        bool needs;
    } cases[] = {
        {"{'header': 'a', 'exists': true}", true},
        {"{'not': {'any': [{'routing_key': 'a'}, {'header': 'a', 'exists': true}]}}", true},
        {"{'all': [{'routing_key': 'a'}, {'json': '/a', 'exists': true}]}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = load("{'queue': 'q'}", cases[i].filter);

        assert_int_equal(filter_needs_properties(config->bridges[0].filter.condition),
                         cases[i].needs);
        config_free(config);
    }
}

/* The same memory with another message in it is another message. */
static void test_each_body_is_parsed_once(void **state)
{
    char text[] = "[1]";
    struct delivery delivery = {.body = slice_make(text, 3), .number = 1};
    struct body_json body = {.number = 0};
    const struct json_problem *problem;
    struct json *json = body_json_get(&body, &delivery, NULL);

    (void)state;
    assert_non_null(json);
    assert_ptr_equal(body_json_get(&body, &delivery, NULL), json);
    text[0] = 'x';
    delivery.number = 2;
    assert_null(body_json_get(&body, &delivery, &problem));
    assert_true(problem->text[0] != '\0');
    assert_null(body_json_get(&body, &delivery, &problem));
    body_json_forget(&body);
    body_json_forget(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_body_lacks),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_who_needs_properties),
        cmocka_unit_test(test_each_body_is_parsed_once),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
