/* Are the octets that we write for a message's properties those of rabbitmq-c, for every set of
 * properties; and is everything else left to rabbitmq-c? */
#include "amqp/properties_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/codec.h"
#include "amqp/fields.h"

enum { ROOM = 4096 };

static char long_text[300];

static struct field_entry string_entry(const char *name, struct slice value)
{
    return (struct field_entry){slice_of(name), {FIELD_STRING, {.bytes = value}}};
}

/* Ours, measured and written into a block of just that size, against the library's. */
static void expect_same(struct rmq_codec *codec, const struct properties *properties)
{
    size_t size = rmq_properties_measure(properties);
    uint8_t *ours = malloc(size), theirs[ROOM];
    amqp_basic_properties_t converted;
    size_t their_size;
    struct err err;

    assert_int_not_equal(size, 0);
    assert_non_null(ours);
    assert_ptr_equal(rmq_properties_write(properties, ours), ours + size);
    rmq_codec_recycle(codec);
    assert_int_equal(rmq_fields_to_properties(codec, properties, &converted, &their_size, &err),
                     RMQ_FIELDS_OK);
    assert_int_equal(rmq_codec_encode_properties(&converted, theirs, sizeof(theirs)), size);
    assert_memory_equal(ours, theirs, size);
    free(ours);
}

static void expect_left(const struct properties *properties)
{
    assert_int_equal(rmq_properties_measure(properties), 0);
}

/* Every set of properties there is, with texts of many lengths. */
static void writes_every_set_as_the_library_does(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 254, 255};
    struct field_entry entries[] = {
        string_entry("x-chunnel-origin", SLICE("gw-1")),
        string_entry("", SLICE("")),
        string_entry("x-chunnel-channel", SLICE("a\0b\xff\r\n")),
        {slice_make(long_text, 255), {FIELD_STRING, {.bytes = {long_text, sizeof(long_text)}}}},
    };
    struct rmq_codec *codec = rmq_codec_new();

    (void)state;
    assert_non_null(codec);
    for (uint32_t present = 0; present < 1u << PROPERTY_COUNT; present++) {
        struct properties properties = {
            .present = present,
            .delivery_mode = (uint8_t)(present % 3),
            .priority = (uint8_t)(present >> 3),
            .timestamp = UINT64_C(0x0123456789abcdef) * present,
            .headers = {entries, present % 5},
        };

        for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
            size_t len = lengths[(present + i * 7) % (sizeof(lengths) / sizeof(lengths[0]))];

            properties.text[i] = slice_make(len > 0 ? long_text + i : NULL, len);
        }
        expect_same(codec, &properties);
    }
    rmq_codec_free(codec);
}

static void leaves_what_is_not_simple_to_the_library(void **state)
{
    struct field_entry entries[] = {string_entry("a", SLICE("b")), string_entry("c", SLICE("d"))};
    struct properties simple = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 2}};
    struct properties properties = simple;

    (void)state;
    assert_int_not_equal(rmq_properties_measure(&simple), 0);
    for (int type = FIELD_VOID; type <= FIELD_TABLE; type++) {
        if (type != FIELD_STRING) {
            entries[1].value = (struct field){.type = (enum field_type)type};
            expect_left(&properties);
        }
    }
    entries[1] = string_entry("c", SLICE("d"));
    assert_int_not_equal(rmq_properties_measure(&properties), 0);
    entries[1].name = slice_make(long_text, 256);
    expect_left(&properties);
    properties.present = 0; /* headers that are not set do not count */
    assert_int_equal(rmq_properties_measure(&properties), 2);
    for (unsigned i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        properties = (struct properties){0};
        properties_set_text(&properties, (enum property)i, slice_make(long_text, 255));
        assert_int_equal(rmq_properties_measure(&properties), 2 + 1 + 255);
        properties.text[i].len++;
        expect_left(&properties);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_set_as_the_library_does),
        cmocka_unit_test(leaves_what_is_not_simple_to_the_library),
    };

    for (size_t i = 0; i < sizeof(long_text); i++) {
        long_text[i] = (char)(i * 7 + 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
