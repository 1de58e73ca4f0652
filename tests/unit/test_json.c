/* base/json and base/json_write: what is refused, with its place and its words; what comes out of
 * what is taken; and that what is written can be read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_write.h"
#include "base/utf8.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static const struct json_limits limits = {.bytes = 4096, .depth = 6};

/* A text, and the problem that it must give. */
struct bad {
    struct slice text;
    unsigned line, column;
    const char *pointer;
    const char *words;
};

static const struct bad bad_texts[] = {
    {TEXT(""), 1, 1, "", "empty; a JSON value is wanted"},
    {TEXT(" \n\t "), 1, 1, "", "empty; a JSON value is wanted"},
    {TEXT("nope"), 1, 1, "", "a value is wanted here, this is 'n'"},
    {TEXT("tru"), 1, 1, "", "a value is wanted here, this is 't'"},
    {TEXT("\0"), 1, 1, "", "a value is wanted here, this is the byte 0x00"},
    {TEXT("1 2"), 1, 3, "", "'2' behind the end of the JSON value; remove the rest"},
    {TEXT("{}\n}"), 2, 1, "", "'}' behind the end of the JSON value; remove the rest"},
    {TEXT("{} \0"), 1, 4, "", "the byte 0x00 behind the end of the JSON value; remove the rest"},
    {TEXT("\xEF\xBB\xBF{}"), 1, 1, "",
     "no JSON value; if this is a byte order mark, save without it"},
    {TEXT("// hello\n{}"), 1, 1, "",
     "JSON has no comments; put the words under a \"description\" key"},
    {TEXT("{\"a\": 'x'}"), 1, 7, "/a", "strings stand in double quotes"},
    {TEXT("[1,]"), 1, 3, "/0", "a comma before ']'; leave it out"},
    {TEXT("{\"a\":1,}"), 1, 7, "/a", "a comma before '}'; leave it out"},
    {TEXT("[1 2]"), 1, 4, "/0", "',' or ']' is wanted here, this is '2'"},
    {TEXT("[1}"), 1, 3, "/0", "',' or ']' is wanted here, this is '}'"},
    {TEXT("{\"a\":1]"), 1, 7, "/a", "',' or '}' is wanted here, this is ']'"},
    {TEXT("[1"), 1, 3, "/0", "',' or ']' is wanted here, this is the end of the text"},
    {TEXT("["), 1, 2, "/0", "a value is wanted here, this is the end of the text"},
    {TEXT("{"), 1, 2, "", "a key in double quotes is wanted here, this is the end of the text"},
    {TEXT("{a: 1}"), 1, 2, "", "a key in double quotes is wanted here, this is 'a'"},
    {TEXT("{\"a\" 1}"), 1, 6, "/a", "':' is wanted behind the key, this is '1'"},
    {TEXT("{\"a\":1, b}"), 1, 9, "", "a key in double quotes is wanted here, this is 'b'"},
    {TEXT("{\"a/b\": {\"c~d\": [0, {}, x]}}"), 1, 25, "/a~1b/c~0d/2",
     "a value is wanted here, this is 'x'"},
    {TEXT("\"abc"), 1, 1, "", "this string has no end; close it with '\"'"},
    {TEXT("\"a\nb\""), 1, 3, "",
     "a control character (0x0A) in a string; write it as \\u000a, or close the string before it"},
    {TEXT("\"\x01\""), 1, 2, "", "a control character (0x01) in a string; write it as \\u0001"},
    {TEXT("\"\\x\""), 1, 2, "", "unknown escape; a backslash itself is written \\\\"},
    {TEXT("\"\\"), 1, 2, "", "unknown escape; a backslash itself is written \\\\"},
    {TEXT("\"\\u00g0\""), 1, 6, "", "\\u wants four hexadecimal digits"},
    {TEXT("[\"x\\u0000\"]"), 1, 4, "/0", "\\u0000 is not allowed in a string; leave it out"},
    {TEXT("\"\\ud800\""), 1, 2, "",
     "half of a surrogate pair; write both halves, or the character"},
    {TEXT("\"\\ud800\\u0041\""), 1, 2, "",
     "half of a surrogate pair; write both halves, or the character"},
    {TEXT("\"\\udc00\""), 1, 2, "",
     "half of a surrogate pair; write both halves, or the character"},
    {TEXT("\"\xFF\""), 1, 2, "", "invalid UTF-8 (byte 0xFF); save the text as UTF-8"},
    {TEXT("\"a\xC0\x80\""), 1, 3, "", "invalid UTF-8 (byte 0xC0); save the text as UTF-8"},
    {TEXT("\"\xED\xA0\x80\""), 1, 2, "", "invalid UTF-8 (byte 0xED); save the text as UTF-8"},
    {TEXT("\"\xF4\x90\x80\x80\""), 1, 2, "", "invalid UTF-8 (byte 0xF4); save the text as UTF-8"},
    {TEXT("\"\xE2\x82"), 1, 2, "", "invalid UTF-8 (byte 0xE2); save the text as UTF-8"},
    {TEXT("01"), 1, 1, "", "a number with a leading zero; leave the zero out"},
    {TEXT("-"), 1, 1, "", "not a number: digits are missing"},
    {TEXT("1."), 1, 1, "", "not a number: digits are missing"},
    {TEXT("[2e]"), 1, 2, "/0", "not a number: digits are missing"},
    {TEXT(".5"), 1, 1, "", "a value is wanted here, this is '.'"},
    {TEXT("+1"), 1, 1, "", "a value is wanted here, this is '+'"},
    {TEXT("1111111111222222222233333333334444444444555555555566666666667777"), 1, 1, "",
     "a number of more than 63 characters; shorten it"},
    {TEXT("[[[[[[[1]]]]]]]"), 1, 7, "/0/0/0/0/0/0", "nested deeper than 6 levels; flatten it"},
    {TEXT("{\"a\":1,\n \"b\":2,\n \"a\":3}"), 3, 2, "/a",
     "this key stood in this object before; remove one of them"},
    {TEXT("{\"\\u0061\":1,\"a\":3}"), 1, 13, "/a",
     "this key stood in this object before; remove one of them"},
};

static void bad_text_gives_place_and_words(void **state)
{
    struct json_problem problem;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
        const struct bad *bad = &bad_texts[i];

        print_message("bad text %zu: %.*s\n", i, (int)bad->text.len, bad->text.data);
        assert_null(json_parse(bad->text, &limits, &problem));
        assert_string_equal(problem.text, bad->words);
        assert_string_equal(problem.pointer, bad->pointer);
        assert_int_equal(problem.at.line, bad->line);
        assert_int_equal(problem.at.column, bad->column);
        assert_null(json_parse(bad->text, &limits, NULL));
    }
}

static void every_beginning_of_a_text_is_refused(void **state)
{
    static const char text[] =
        "{\"a\": [1, -2.5e+3, \"\\u00e9\\\\\xC3\xA9\", true, false, null, {}], \"b\": {}}";
    struct json_problem problem;
    size_t len;

    (void)state;
    for (len = 0; len < sizeof(text) - 1; len++) {
        char *copy = malloc(len + 1); /* exactly so long, for the sanitizer */

        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_null(json_parse(slice_make(copy, len), &limits, &problem));
        assert_true(problem.text[0] != '\0');
        free(copy);
    }
}

static void limits_of_bytes_values_and_depth_hold(void **state)
{
    struct json_limits deep = {.bytes = 8192, .depth = JSON_DEPTH_MAX};
    struct json_limits few = {.bytes = 8, .values = 3, .depth = 1};
    struct json_problem problem;
    struct strbuf text = STRBUF_INIT;
    struct json *json;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        strbuf_append_char(&text, '[');
    }
    for (i = 0; i < 1000; i++) {
        strbuf_append_char(&text, ']');
    }
    json = json_parse(strbuf_slice(&text), &deep, &problem);
    assert_non_null(json);
    json_free(json);
    strbuf_append_char(&text, ']');
    memmove(text.data + 1, text.data, text.len - 1);
    text.data[0] = '[';
    assert_null(json_parse(strbuf_slice(&text), &deep, &problem));
    assert_string_equal(problem.text, "nested deeper than 1000 levels; flatten it");
    assert_int_equal(problem.at.column, 1001);
    strbuf_fini(&text);

    json = json_parse(SLICE("[1,2]"), &few, &problem);
    assert_non_null(json);
    json_free(json);
    assert_null(json_parse(SLICE("[1,2,3]"), &few, &problem));
    assert_string_equal(problem.text, "more than 3 values; split it up");
    assert_null(json_parse(SLICE("[1,    2]"), &few, &problem));
    assert_string_equal(problem.text, "longer than 8 bytes; split it up");
}

static struct json *parse(struct slice text, unsigned flags)
{
    struct json_limits all = {.bytes = 65536, .depth = 60, .flags = flags};
    struct json_problem problem;
    struct json *json = json_parse(text, &all, &problem);

    if (json == NULL) {
        print_message("%u:%u: %s\n", problem.at.line, problem.at.column, problem.text);
    }
    assert_non_null(json);
    return json;
}

static void values_are_read_as_they_stand(void **state)
{
    struct json *json = parse(SLICE("{\"s\": \"\\u00e9\\ud83d\\ude00\\n\\/\", \"t\": true, \"f\": "
                                    "false, \"n\": null, \"a\": [1, [], {}], \"d\": -2.50e1}"),
                              0);
    const struct json_node *root = json_root(json);
    const struct json_node *list = json_member(root, "a");

    (void)state;
    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 6);
    assert_string_equal(json_string(json_member(root, "s")).data, "\xC3\xA9\xF0\x9F\x98\x80\n/");
    assert_true(json_bool(json_member(root, "t")));
    assert_false(json_bool(json_member(root, "f")));
    assert_int_equal(json_type(json_member(root, "f")), JSON_BOOL);
    assert_int_equal(json_type(json_member(root, "n")), JSON_NULL);
    assert_int_equal(json_count(list), 3);
    assert_int_equal(json_type(json_next(json_first(list))), JSON_ARRAY);
    assert_true(json_is(json_next(json_next(json_first(list))), JSON_OBJECT));
    assert_null(json_next(json_next(json_next(json_first(list)))));
    assert_true(json_double(json_member(root, "d")) < -24.9);
    assert_true(slice_equal_text(json_number_text(json, json_member(root, "d")), "-2.50e1"));
    assert_true(slice_equal_text(json_key(json_first(root)), "s"));
    assert_null(json_key(json_first(list)).data);
    assert_null(json_member(root, "S"));
    assert_null(json_member(list, "0"));
    assert_null(json_member(NULL, "a"));
    json_free(json);
}

static void integers_keep_all_their_digits(void **state)
{
    struct json *json = parse(SLICE("[9223372036854775807, -9223372036854775808,\n"
                                    "18446744073709551615, 9223372036854775808, 1.0, 1e2, -1]"),
                              0);
    const struct json_node *node = json_first(json_root(json));
    int64_t integer = 7;
    uint64_t natural = 7;

    (void)state;
    assert_int_equal(json_integer(json, node, &integer), 0);
    assert_true(integer == INT64_MAX);
    node = json_next(node);
    assert_int_equal(json_integer(json, node, &integer), 0);
    assert_true(integer == INT64_MIN);
    assert_int_equal(json_natural(json, node, &natural), -1);
    node = json_next(node);
    assert_int_equal(json_integer(json, node, &integer), -1);
    assert_int_equal(json_natural(json, node, &natural), 0);
    assert_true(natural == UINT64_MAX);
    node = json_next(node);
    assert_int_equal(json_integer(json, node, &integer), -1);
    node = json_next(node);
    assert_int_equal(json_integer(json, node, &integer), -1);
    node = json_next(node);
    assert_int_equal(json_natural(json, node, &natural), -1);
    node = json_next(node);
    assert_int_equal(json_natural(json, node, &natural), -1);
    assert_true(integer == INT64_MIN && natural == UINT64_MAX);
    json_free(json);
}

static void nodes_and_keys_know_their_places(void **state)
{
    struct json *json =
        parse(SLICE("{\n  \"a\": [10,\n    {\"b/~\" :  \"x\"}],\n \"c\": {}}"), JSON_POSITIONS);
    const struct json_node *inner =
        json_first(json_next(json_first(json_member(json_root(json), "a"))));
    struct strbuf pointer = STRBUF_INIT;
    struct json_position at = json_position(json, inner);

    (void)state;
    assert_int_equal(at.line, 3);
    assert_int_equal(at.column, 15);
    assert_int_equal(at.offset, 28);
    at = json_key_position(json, inner);
    assert_int_equal(at.line, 3);
    assert_int_equal(at.column, 6);
    json_append_pointer(json, inner, &pointer);
    assert_string_equal(strbuf_text(&pointer), "/a/1/b~1~0");
    strbuf_reset(&pointer);
    json_append_pointer(json, json_root(json), &pointer);
    assert_string_equal(strbuf_text(&pointer), "");
    at = json_position(json, json_root(json));
    assert_int_equal(at.line, 1);
    assert_int_equal(at.column, 1);
    at = json_position(json, json_member(json_root(json), "c"));
    assert_int_equal(at.line, 4);
    assert_int_equal(at.column, 7);
    strbuf_fini(&pointer);
    json_free(json);
}

static void bytes_of_strings_know_their_places(void **state)
{
    struct json *json = parse(SLICE("\"a\\n\\u00e9\\ud83d\\ude00z\""), JSON_POSITIONS);
    size_t i;

    (void)state;
    assert_int_equal(json_string(json_root(json)).len, 9);
    assert_int_equal(json_string_position(json, json_root(json), 0).column, 2);
    assert_int_equal(json_string_position(json, json_root(json), 1).column, 3);
    assert_int_equal(json_string_position(json, json_root(json), 2).column, 5);
    assert_int_equal(json_string_position(json, json_root(json), 3).column, 5);
    assert_int_equal(json_string_position(json, json_root(json), 4).column, 11);
    assert_int_equal(json_string_position(json, json_root(json), 8).column, 23);
    for (i = 9; i < 100; i++) {
        assert_int_equal(json_string_position(json, json_root(json), i).column, 24);
    }
    json_free(json);
}

static void pointers_find_what_they_name(void **state)
{
    /* RFC 6901 §5 */
    struct json *json = parse(
        SLICE(
            "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, "
            "\"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8, \"01\": {\"x\": 9}}"),
        0);
    const struct json_node *root = json_root(json);
    static const struct {
        const char *pointer;
        int value;
    } numbers[] = {{"/", 0},     {"/a~1b", 1}, {"/c%d", 2}, {"/e^f", 3},  {"/g|h", 4},
                   {"/i\\j", 5}, {"/k\"l", 6}, {"/ ", 7},   {"/m~0n", 8}, {"/01/x", 9}};
    static const char *const nothing[] = {"foo",      "/foo/2", "/foo/00", "/foo/-", "/foo/bar",
                                          "/foo/",    "/a/b",   "/m~n",    "/m~",    "/m~2n",
                                          "/foo/0/0", "//",     "/FOO"};
    size_t i;

    (void)state;
    assert_ptr_equal(json_pointer_get(root, SLICE("")), root);
    assert_string_equal(json_string(json_pointer_get(root, SLICE("/foo/1"))).data, "baz");
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct json_node *node = json_pointer_get(root, slice_of(numbers[i].pointer));
        int64_t value = -1;

        assert_non_null(node);
        assert_int_equal(json_integer(json, node, &value), 0);
        assert_int_equal(value, numbers[i].value);
    }
    for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        assert_null(json_pointer_get(root, slice_of(nothing[i])));
    }
    assert_true(json_pointer_is_valid(SLICE("/a~0~1")));
    assert_false(json_pointer_is_valid(SLICE("a")));
    json_free(json);
}

static void count_duplicate(void *ctx, const struct json_node *member)
{
    *(size_t *)ctx += (size_t)strtoul(json_key(member).data + 1, NULL, 10);
}

static void every_duplicate_is_found(void **state)
{
    struct strbuf text = STRBUF_INIT;
    struct json *json;
    size_t sum = 0;
    int i;

    (void)state;
    json = parse(SLICE("{\"k1\":0,\"k2\":{\"k4\":1,\"k4\":2},\"k1\":[{\"k8\":0,\"k8\":0}],"
                       "\"k1\":0}"),
                 JSON_ALLOW_DUPLICATES);
    json_each_duplicate(json, count_duplicate, &sum);
    assert_int_equal(sum, 1 + 4 + 8 + 1);
    json_free(json);

    strbuf_append_char(&text, '{');
    for (i = 0; i < 1000; i++) {
        strbuf_append_format(&text, "\"k%d\": %d,", i, i);
    }
    strbuf_append_text(&text, "\"k500\": true, \"k7\": null}");
    json = parse(strbuf_slice(&text), JSON_ALLOW_DUPLICATES | JSON_POSITIONS);
    sum = 0;
    json_each_duplicate(json, count_duplicate, &sum);
    assert_int_equal(sum, 507);
    json_free(json);
    strbuf_fini(&text);
}

static void what_is_written_can_be_read(void **state)
{
    struct strbuf out = STRBUF_INIT;
    struct json_writer writer;

    (void)state;
    json_writer_init(&writer, &out, 0);
    json_writer_begin_object(&writer);
    json_writer_key(&writer, "a\"");
    json_writer_begin_array(&writer);
    json_writer_integer(&writer, INT64_MIN);
    json_writer_natural(&writer, UINT64_MAX);
    json_writer_double(&writer, 0.1);
    json_writer_double(&writer, 3);
    json_writer_double(&writer, 1e300 * 1e300);
    json_writer_bool(&writer, true);
    json_writer_text(&writer, NULL);
    json_writer_begin_array(&writer);
    json_writer_end_array(&writer);
    json_writer_end_array(&writer);
    json_writer_key(&writer, "b");
    json_writer_begin_object(&writer);
    json_writer_end_object(&writer);
    json_writer_end_object(&writer);
    assert_string_equal(strbuf_text(&out), "{\"a\\\"\":[-9223372036854775808,18446744073709551615,"
                                           "0.1,3.0,null,true,null,[]],\"b\":{}}");
    json_free(parse(strbuf_slice(&out), 0));
    strbuf_reset(&out);

    json_writer_init(&writer, &out, 2);
    json_writer_begin_array(&writer);
    json_writer_begin_object(&writer);
    json_writer_key(&writer, "x");
    json_writer_raw(&writer, SLICE("{}"));
    json_writer_key(&writer, "y");
    json_writer_bool(&writer, false);
    json_writer_end_object(&writer);
    json_writer_end_array(&writer);
    assert_string_equal(strbuf_text(&out), "[\n  {\n    \"x\": {},\n    \"y\": false\n  }\n]");
    strbuf_fini(&out);
}

/* Naturals as printf writes them, and thousandths as doubles are written. */
static void numbers_are_those_of_printf(void **state)
{
    static const uint64_t steps[] = {0, 1, 7, 89, 990, 1000, 98765};
    struct strbuf out = STRBUF_INIT;
    struct strbuf wanted = STRBUF_INIT;
    struct json_writer fast, slow;

    (void)state;
    json_writer_init(&fast, &out, 0);
    json_writer_init(&slow, &wanted, 0);
    json_writer_begin_array(&fast);
    json_writer_begin_array(&slow);
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        for (size_t i = 0; i < 2 * sizeof(steps) / sizeof(steps[0]); i++) {
            uint64_t number = i % 2 ? power + steps[i / 2] : power - steps[i / 2];
            char text[32];

            json_writer_natural(&fast, number);
            snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
            json_writer_raw(&slow, slice_of(text));
            json_writer_thousandths(&fast, number);
            json_writer_double(&slow, (double)number / 1000.0);
        }
    }
    assert_string_equal(strbuf_text(&out), strbuf_text(&wanted));
    strbuf_fini(&out);
    strbuf_fini(&wanted);
}

static void strings_are_escaped(void **state)
{
    static const struct {
        struct slice text;
        const char *json;
    } cases[] = {
        {TEXT(""), "\"\""},
        {TEXT("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
        {TEXT("\0\x01\x1F\b\f\n\r\t\x7F"), "\"\\u0000\\u0001\\u001f\\b\\f\\n\\r\\t\\u007f\""},
        {TEXT("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\""},
        {TEXT("a\xFFz"), "\"a\xEF\xBF\xBDz\""},
        {TEXT("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {TEXT("\xE2\x82"), "\"\xEF\xBF\xBD\""},
        {TEXT("\xE2\x82z\xF0\x9F\x98"), "\"\xEF\xBF\xBDz\xEF\xBF\xBD\""},
        {TEXT("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    struct strbuf out = STRBUF_INIT;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_write_string(&out, cases[i].text);
        assert_string_equal(strbuf_text(&out), cases[i].json);
        strbuf_reset(&out);
    }
    strbuf_fini(&out);
}

/* What a byte becomes does not depend on where it stands. */
static void escapes_are_found_anywhere(void **state)
{
    enum { LEN = 19 };
    struct strbuf alone = STRBUF_INIT;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    for (size_t i = 0; i < 256 * LEN; i++) {
        size_t at = i % LEN;
        char text[LEN];

        memset(text, 'x', sizeof(text));
        text[at] = (char)(i / LEN);
        strbuf_reset(&alone);
        strbuf_reset(&out);
        json_write_string(&alone, slice_make(text + at, 1));
        json_write_string(&out, slice_make(text, LEN));
        assert_int_equal(out.len, LEN - 1 + alone.len);
        assert_memory_equal(out.data + 1 + at, alone.data + 1, alone.len - 2);
        assert_int_equal(strspn(out.data + 1, "x"), text[at] == 'x' ? LEN : at);
    }
    strbuf_fini(&alone);
    strbuf_fini(&out);
}

static void utf8_is_told_from_other_bytes(void **state)
{
    size_t at = 99;

    (void)state;
    assert_true(utf8_is_valid(SLICE("a\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF"), &at));
    assert_int_equal(at, 99);
    assert_false(utf8_is_valid(SLICE("abc\xF5zz"), &at));
    assert_int_equal(at, 3);
    assert_false(utf8_is_valid(SLICE("\xE0\x9F\x80"), NULL));
    assert_true(utf8_is_valid(slice_make(NULL, 0), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_text_gives_place_and_words),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(limits_of_bytes_values_and_depth_hold),
        cmocka_unit_test(values_are_read_as_they_stand),
        cmocka_unit_test(integers_keep_all_their_digits),
        cmocka_unit_test(nodes_and_keys_know_their_places),
        cmocka_unit_test(bytes_of_strings_know_their_places),
        cmocka_unit_test(pointers_find_what_they_name),
        cmocka_unit_test(every_duplicate_is_found),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(numbers_are_those_of_printf),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(escapes_are_found_anywhere),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
