/* Do fields print as the text that templates need, and are tables and properties found by name? */
#include "core/field.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "core/properties.h"

static void assert_text(struct field field, const char *wanted)
{
    struct strbuf out = STRBUF_INIT;

    strbuf_append_text(&out, "<");
    assert_int_equal(field_append_text(&field, &out), 0);
    assert_false(strbuf_failed(&out));
    assert_string_equal(strbuf_text(&out) + 1, wanted);
    strbuf_fini(&out);
}

static struct field integer(enum field_type type, int64_t value)
{
    return (struct field){.type = type, .value.integer = value};
}

static struct field natural(enum field_type type, uint64_t value)
{
    return (struct field){.type = type, .value.natural = value};
}

static struct field real(enum field_type type, double value)
{
    return (struct field){.type = type, .value.real = value};
}

static struct field decimal(uint8_t scale, uint32_t value)
{
    return (struct field){.type = FIELD_DECIMAL, .value.decimal = {scale, value}};
}

static void test_nothing_is_appended_for_what_is_no_scalar(void **state)
{
    static const enum field_type types[] = {FIELD_VOID, FIELD_ARRAY, FIELD_TABLE};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct strbuf out = STRBUF_INIT;
        struct field field = {.type = types[i]};

        strbuf_append_text(&out, "before");
        assert_int_equal(field_append_text(&field, &out), -1);
        assert_string_equal(strbuf_text(&out), "before");
        strbuf_fini(&out);
    }
}

static void test_whole_numbers(void **state)
{
    (void)state;
    assert_text(integer(FIELD_I8, -128), "-128");
    assert_text(integer(FIELD_I16, -32768), "-32768");
    assert_text(integer(FIELD_I32, 0), "0");
    assert_text(integer(FIELD_I64, INT64_MIN), "-9223372036854775808");
    assert_text(natural(FIELD_U8, 255), "255");
    assert_text(natural(FIELD_U16, 65535), "65535");
    assert_text(natural(FIELD_U32, UINT32_MAX), "4294967295");
    assert_text(natural(FIELD_U64, UINT64_MAX), "18446744073709551615");
    assert_text(natural(FIELD_TIMESTAMP, 1769860800), "1769860800");
}

static void test_real_numbers_read_back(void **state)
{
    (void)state;
    assert_text(real(FIELD_F64, 0.1), "0.1");
    assert_text(real(FIELD_F64, -2), "-2");
    assert_text(real(FIELD_F64, 1e300), "1e+300");
    assert_text(real(FIELD_F64, 1.0 / 3), "0.3333333333333333");
    assert_text(real(FIELD_F64, DBL_MAX), "1.7976931348623157e+308");
    assert_text(real(FIELD_F32, (double)0.1f), "0.1");
    assert_text(real(FIELD_F32, (double)(1.0f / 3)), "0.33333334");
    assert_text(real(FIELD_F64, (double)INFINITY), "inf");
    assert_text(real(FIELD_F64, (double)NAN), "nan");
}

static void test_decimals(void **state)
{
    struct strbuf out = STRBUF_INIT;
    struct field smallest = decimal(255, 1);

    (void)state;
    assert_text(decimal(0, 42), "42");
    assert_text(decimal(2, 12345), "123.45");
    assert_text(decimal(2, 5), "0.05");
    assert_text(decimal(2, 0), "0.00");
    assert_text(decimal(9, UINT32_MAX), "4.294967295");
    assert_int_equal(field_append_text(&smallest, &out), 0);
    assert_int_equal(out.len, 257);
    assert_memory_equal(out.data, "0.000", 5);
    assert_int_equal(out.data[256], '1');
    strbuf_fini(&out);
}

static void test_texts_and_booleans(void **state)
{
    struct field field = {.type = FIELD_BOOL, .value.boolean = true};

    (void)state;
    assert_text(field, "true");
    field.value.boolean = false;
    assert_text(field, "false");
    field = (struct field){.type = FIELD_STRING, .value.bytes = SLICE("gr\xc3\xbc\xc3\x9f")};
    assert_text(field, "gr\xc3\xbc\xc3\x9f");
    field = (struct field){.type = FIELD_BYTES, .value.bytes = {NULL, 0}};
    assert_text(field, "");
}

static void test_the_first_of_a_name_counts(void **state)
{
    struct field_entry entries[] = {
        {SLICE("a"), integer(FIELD_I8, 1)},
        {SLICE("b"), integer(FIELD_I8, 2)},
        {SLICE("a"), integer(FIELD_I8, 3)},
        {SLICE(""), integer(FIELD_I8, 4)},
    };
    struct field_table table = {entries, 4};
    struct field_table none = {NULL, 0};

    (void)state;
    assert_ptr_equal(field_table_find(&table, SLICE("a")), &entries[0].value);
    assert_ptr_equal(field_table_find(&table, SLICE("b")), &entries[1].value);
    assert_ptr_equal(field_table_find(&table, SLICE("")), &entries[3].value);
    assert_null(field_table_find(&table, SLICE("A")));
    assert_null(field_table_find(&table, SLICE("a\0")));
    assert_null(field_table_find(&none, SLICE("a")));
}

static void test_property_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
        const char *name = property_name((enum property)i);

        assert_non_null(name);
        assert_int_equal(property_find(slice_of(name)), i);
    }
    assert_int_equal(property_find(SLICE("content_type")), PROPERTY_CONTENT_TYPE);
    assert_int_equal(property_find(SLICE("cluster_id")), PROPERTY_TEXT_COUNT - 1);
    assert_int_equal(property_find(SLICE("Content_Type")), PROPERTY_COUNT);
    assert_int_equal(property_find(SLICE("")), PROPERTY_COUNT);
    assert_non_null(property_name(PROPERTY_COUNT));
}

static void test_properties_are_set(void **state)
{
    struct properties properties = {0};

    (void)state;
    assert_false(properties_has(&properties, PROPERTY_REPLY_TO));
    properties_set_text(&properties, PROPERTY_REPLY_TO, SLICE("q"));
    assert_true(properties_has(&properties, PROPERTY_REPLY_TO));
    assert_true(slice_equal_text(properties.text[PROPERTY_REPLY_TO], "q"));
    assert_false(properties_has(&properties, PROPERTY_CORRELATION_ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_appended_for_what_is_no_scalar),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_real_numbers_read_back),
        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_texts_and_booleans),
        cmocka_unit_test(test_the_first_of_a_name_counts),
        cmocka_unit_test(test_property_names),
        cmocka_unit_test(test_properties_are_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
