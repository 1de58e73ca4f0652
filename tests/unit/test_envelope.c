/* The envelope: does it say all that belongs to a message, so that it can be read as the same
 * again, whatever bytes the message is made of? */
#include "core/envelope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct template_context context = {SLICE("gw-1"), SLICE("audit-in"), NULL};

/* 2026-01-31T12:00:00.123456Z */
static const int64_t wall_us = INT64_C(1769860800123456);

static struct delivery amqp(const char *body)
{
    return (struct delivery){
        .queue = SLICE("audit"),
        .exchange = SLICE("logs"),
        .routing_key = SLICE("a.b"),
        .body = slice_of(body),
        .number = 7,
        .process = UINT64_C(0x0123456789abcdef),
        .wall_us = wall_us,
    };
}

static void expect(const struct delivery *delivery, const char *wanted)
{
    struct strbuf out = STRBUF_INIT;

    envelope_write(delivery, &context, &out);
    assert_false(strbuf_failed(&out));
    assert_string_equal(strbuf_text(&out), wanted);
    strbuf_fini(&out);
}

/* The same, but from "properties" on. */
static void expect_properties(const struct properties *properties, const char *wanted)
{
    struct delivery delivery = amqp("");
    struct strbuf out = STRBUF_INIT;
    const char *at;

    delivery.properties = properties;
    envelope_write(&delivery, &context, &out);
    at = strstr(strbuf_text(&out), "\"properties\":");
    assert_non_null(at);
    assert_string_equal(at, wanted);
    strbuf_fini(&out);
}

static void expect_body(struct slice body, const char *wanted)
{
    struct delivery delivery = amqp("");
    struct strbuf out = STRBUF_INIT;
    const char *at;

    delivery.body = body;
    envelope_write(&delivery, &context, &out);
    at = strstr(strbuf_text(&out), "\"body\":");
    assert_non_null(at);
    assert_string_equal(at, wanted);
    strbuf_fini(&out);
}

static void test_from_a_queue(void **state)
{
    struct delivery delivery = amqp("hello");

    (void)state;
    expect(&delivery,
           "{\"v\":1,\"id\":\"0123456789abcdef-0000000000000007\","
           "\"time\":\"2026-01-31T12:00:00.123Z\",\"bridge\":\"audit-in\","
           "\"source\":{\"queue\":\"audit\",\"exchange\":\"logs\",\"routing_key\":\"a.b\","
           "\"redelivered\":false},"
           "\"properties\":{},\"body\":\"hello\",\"body_encoding\":\"utf-8\"}");
    delivery.redelivered = true;
    delivery.exchange = SLICE("");
    expect(&delivery, "{\"v\":1,\"id\":\"0123456789abcdef-0000000000000007\","
                      "\"time\":\"2026-01-31T12:00:00.123Z\",\"bridge\":\"audit-in\","
                      "\"source\":{\"queue\":\"audit\",\"exchange\":\"\",\"routing_key\":\"a.b\","
                      "\"redelivered\":true},"
                      "\"properties\":{},\"body\":\"hello\",\"body_encoding\":\"utf-8\"}");
}

static void test_from_a_channel(void **state)
{
    struct delivery delivery = {
        .channel = SLICE("news.eu"),
        .body = SLICE("hello"),
        .number = 255,
        .process = 1,
        .wall_us = 0,
    };

    (void)state;
    expect(&delivery, "{\"v\":1,\"id\":\"0000000000000001-00000000000000ff\","
                      "\"time\":\"1970-01-01T00:00:00.000Z\",\"bridge\":\"audit-in\","
                      "\"source\":{\"channel\":\"news.eu\"},"
                      "\"properties\":{},\"body\":\"hello\",\"body_encoding\":\"utf-8\"}");
    delivery.pattern = SLICE("news.*");
    expect(&delivery, "{\"v\":1,\"id\":\"0000000000000001-00000000000000ff\","
                      "\"time\":\"1970-01-01T00:00:00.000Z\",\"bridge\":\"audit-in\","
                      "\"source\":{\"channel\":\"news.eu\",\"pattern\":\"news.*\"},"
                      "\"properties\":{},\"body\":\"hello\",\"body_encoding\":\"utf-8\"}");
}

static void test_the_id_is_the_message_id(void **state)
{
    struct properties properties = {.present = 0};
    struct delivery delivery = amqp("");
    struct strbuf out = STRBUF_INIT;

    (void)state;
    properties_set_text(&properties, PROPERTY_MESSAGE_ID, SLICE("m-1"));
    delivery.properties = &properties;
    envelope_write(&delivery, &context, &out);
    assert_non_null(strstr(strbuf_text(&out), "\"id\":\"m-1\","));
    assert_non_null(strstr(strbuf_text(&out), "\"properties\":{\"message_id\":\"m-1\"}"));
    strbuf_fini(&out);
}

static void test_why_it_is_a_dead_letter(void **state)
{
    char error[] = "313 \"NO_CONSUMERS\"";
    struct delivery delivery = amqp("hello");
    struct strbuf out = STRBUF_INIT;

    (void)state;
    delivery.reason = "refused";
    envelope_write(&delivery, &context, &out);
    assert_non_null(strstr(strbuf_text(&out),
                           "\"body_encoding\":\"utf-8\",\"reason\":\"refused\",\"error\":\"\"}"));
    strbuf_reset(&out);
    delivery.error = error;
    envelope_write(&delivery, &context, &out);
    assert_non_null(strstr(strbuf_text(&out),
                           "\"reason\":\"refused\",\"error\":\"313 \\\"NO_CONSUMERS\\\"\"}"));
    strbuf_fini(&out);
}

static void test_bodies(void **state)
{
    (void)state;
    expect_body(SLICE(""), "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
    expect_body(slice_make(NULL, 0), "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
    expect_body(SLICE("{\"a\":1}\n"), "\"body\":\"{\\\"a\\\":1}\\n\",\"body_encoding\":\"utf-8\"}");
    expect_body(SLICE("gr\xc3\xbc\xc3\x9f"),
                "\"body\":\"gr\xc3\xbc\xc3\x9f\",\"body_encoding\":\"utf-8\"}");
    expect_body(slice_make("a\0b", 3), "\"body\":\"YQBi\",\"body_encoding\":\"base64\"}");
    expect_body(slice_make("\0", 1), "\"body\":\"AA==\",\"body_encoding\":\"base64\"}");
    expect_body(SLICE("\xff\xfe"), "\"body\":\"//4=\",\"body_encoding\":\"base64\"}");
    expect_body(SLICE("gr\xc3"), "\"body\":\"Z3LD\",\"body_encoding\":\"base64\"}");
    expect_body(SLICE("\xed\xa0\x80"), "\"body\":\"7aCA\",\"body_encoding\":\"base64\"}");
}

static void test_every_property(void **state)
{
    struct properties properties = {
        .present = (1u << PROPERTY_COUNT) - 1,
        .delivery_mode = 2,
        .priority = 0,
        .timestamp = UINT64_MAX,
        .text = {SLICE("text/plain"), SLICE("gzip"), SLICE("c-1"), SLICE("replies"), SLICE("60000"),
                 SLICE("m-1"), SLICE("event"), SLICE("guest"), SLICE("shop"), SLICE("")},
    };

    (void)state;
    expect_properties(&properties,
                      "\"properties\":{\"content_type\":\"text/plain\","
                      "\"content_encoding\":\"gzip\",\"correlation_id\":\"c-1\","
                      "\"reply_to\":\"replies\",\"expiration\":\"60000\",\"message_id\":\"m-1\","
                      "\"type\":\"event\",\"user_id\":\"guest\",\"app_id\":\"shop\","
                      "\"cluster_id\":\"\",\"delivery_mode\":2,\"priority\":0,"
                      "\"timestamp\":18446744073709551615,\"headers\":{}},"
                      "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
}

/* What JSON says by itself stands as it is, what it would lose has its type. */
static void test_headers_of_every_type(void **state)
{
    struct field items[] = {{FIELD_I64, {.integer = 1}}, {FIELD_STRING, {.bytes = SLICE("two")}}};
    struct field_entry inner[] = {{SLICE("x"), {FIELD_BOOL, {.boolean = false}}},
                                  {SLICE("y"), {FIELD_VOID, {.natural = 0}}}};
    struct field_entry forged[] = {{SLICE("!i8"), {FIELD_I64, {.integer = 1}}}};
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
        {SLICE("short"), {FIELD_I64, {.integer = 7}}},
        {SLICE("u64"), {FIELD_U64, {.natural = UINT64_MAX}}},
        {SLICE("f32"), {FIELD_F32, {.real = 0.5}}},
        {SLICE("f64"), {FIELD_F64, {.real = 1.5}}},
        {SLICE("decimal"), {FIELD_DECIMAL, {.decimal = {2, 5}}}},
        {SLICE("whole"), {FIELD_DECIMAL, {.decimal = {0, 42}}}},
        {SLICE("string"), {FIELD_STRING, {.bytes = SLICE("a\"b")}}},
        {SLICE("bytes"), {FIELD_BYTES, {.bytes = SLICE("\xff")}}},
        {SLICE("array"), {FIELD_ARRAY, {.array = {items, 2}}}},
        {SLICE("timestamp"), {FIELD_TIMESTAMP, {.natural = 7}}},
        {SLICE("table"), {FIELD_TABLE, {.table = {inner, 2}}}},
        {SLICE("forged"), {FIELD_TABLE, {.table = {forged, 1}}}},
    };
    struct properties properties = {
        .present = 1u << PROPERTY_HEADERS,
        .headers = {entries, sizeof(entries) / sizeof(entries[0])},
    };

    (void)state;
    expect_properties(&properties,
                      "\"properties\":{\"headers\":{\"void\":null,\"bool\":true,"
                      "\"i8\":{\"!i8\":-128},\"u8\":{\"!u8\":255},\"i16\":{\"!i16\":-32768},"
                      "\"u16\":{\"!u16\":65535},\"i32\":-2147483648,"
                      "\"u32\":{\"!u32\":4294967295},\"i64\":-9223372036854775808,"
                      "\"short\":{\"!i64\":7},\"u64\":18446744073709551615,"
                      "\"f32\":{\"!f32\":0.5},\"f64\":1.5,\"decimal\":{\"!decimal\":0.05},"
                      "\"whole\":{\"!decimal\":42},\"string\":\"a\\\"b\","
                      "\"bytes\":{\"!bytes\":\"/w==\"},\"array\":[{\"!i64\":1},\"two\"],"
                      "\"timestamp\":{\"!timestamp\":7},\"table\":{\"x\":false,\"y\":null},"
                      "\"forged\":{\"!table\":{\"!i8\":{\"!i64\":1}}}}},"
                      "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
}

/* A double that is whole is no 64-bit number; what no JSON number is, is void. */
static void test_doubles_stay_doubles(void **state)
{
    struct field_entry entries[] = {
        {SLICE("one"), {FIELD_F64, {.real = 1.0}}},
        {SLICE("large"), {FIELD_F64, {.real = 1e300}}},
        {SLICE("whole"), {FIELD_F64, {.real = 1e15}}},
        {SLICE("minus"), {FIELD_F64, {.real = -2.0}}},
    };
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 4}};

    (void)state;
    expect_properties(&properties, "\"properties\":{\"headers\":{\"one\":1.0,\"large\":1e+300,"
                                   "\"whole\":1e+15,\"minus\":-2.0}},"
                                   "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
}

/* As deep as AMQP tables come, each in need of a typed form, which takes two levels. */
static void test_headers_deep_inside_each_other(void **state)
{
    enum { DEEP = 32 };
    struct field_entry entries[DEEP];
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 1}};
    struct delivery delivery = amqp("");
    struct strbuf out = STRBUF_INIT;
    const char *at;
    unsigned count = 0;

    (void)state;
    for (size_t i = 0; i < DEEP; i++) {
        entries[i].name = SLICE("!a");
        entries[i].value = (struct field){FIELD_BOOL, {.boolean = true}};
        if (i + 1 < DEEP) {
            entries[i].value =
                (struct field){FIELD_TABLE, {.table = {.entries = &entries[i + 1], .count = 1}}};
        }
    }
    delivery.properties = &properties;
    envelope_write(&delivery, &context, &out);
    for (at = strbuf_text(&out); (at = strstr(at, "{\"!table\":{\"!a\":")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, DEEP);
    assert_non_null(strstr(strbuf_text(&out), "{\"!a\":true}}"));
    strbuf_fini(&out);
}

/* What JSON has no number for. */
static void test_doubles_that_are_no_number(void **state)
{
    struct field_entry entries[] = {
        {SLICE("nan"), {FIELD_F64, {.real = NAN}}},
        {SLICE("plus"), {FIELD_F32, {.real = INFINITY}}},
        {SLICE("minus"), {FIELD_F64, {.real = -INFINITY}}},
    };
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 3}};

    (void)state;
    expect_properties(&properties, "\"properties\":{\"headers\":{\"nan\":{\"!f64\":\"NaN\"},"
                                   "\"plus\":{\"!f32\":\"Infinity\"},"
                                   "\"minus\":{\"!f64\":\"-Infinity\"}}},"
                                   "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
}

/* Strings of AMQP may be any bytes. */
static void test_strings_that_are_no_utf8(void **state)
{
    struct field_entry entries[] = {{SLICE("k\xff"), {FIELD_STRING, {.bytes = SLICE("\xff")}}}};
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 1}};

    (void)state;
    expect_properties(&properties, "\"properties\":{\"headers\":{\"!table\":[[{\"!string\":"
                                   "\"a/8=\"},{\"!string\":\"/w==\"}]]}},"
                                   "\"body\":\"\",\"body_encoding\":\"utf-8\"}");
}

/* Few names are compared with each other, many are sorted. */
static void test_names_that_stand_twice(void **state)
{
    enum { MANY = 40 };
    struct field_entry entries[MANY];
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, MANY}};
    struct delivery delivery = amqp("");
    struct strbuf out = STRBUF_INIT;
    char names[MANY][4];

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        entries[i] = (struct field_entry){slice_of(names[i]), {FIELD_VOID, {.natural = 0}}};
    }
    delivery.properties = &properties;
    envelope_write(&delivery, &context, &out);
    assert_non_null(strstr(strbuf_text(&out), "\"headers\":{\"0\":null,\"1\":null,"));
    strbuf_reset(&out);
    entries[MANY - 1].name = SLICE("0");
    envelope_write(&delivery, &context, &out);
    assert_non_null(strstr(strbuf_text(&out), "\"headers\":{\"!table\":[[\"0\",null],[\"1\""));
    assert_non_null(strstr(strbuf_text(&out), ",[\"0\",null]]}"));
    strbuf_reset(&out);
    properties.headers.count = 2;
    entries[1].name = SLICE("0");
    envelope_write(&delivery, &context, &out);
    assert_non_null(
        strstr(strbuf_text(&out), "\"headers\":{\"!table\":[[\"0\",null],[\"0\",null]]}"));
    strbuf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_a_queue),
        cmocka_unit_test(test_from_a_channel),
        cmocka_unit_test(test_the_id_is_the_message_id),
        cmocka_unit_test(test_why_it_is_a_dead_letter),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_every_property),
        cmocka_unit_test(test_headers_of_every_type),
        cmocka_unit_test(test_doubles_stay_doubles),
        cmocka_unit_test(test_doubles_that_are_no_number),
        cmocka_unit_test(test_names_that_stand_twice),
        cmocka_unit_test(test_headers_deep_inside_each_other),
        cmocka_unit_test(test_strings_that_are_no_utf8),
    };

    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
