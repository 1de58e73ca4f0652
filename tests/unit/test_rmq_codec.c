/* Does the codec take every method a broker sends and every type of field, both ways, and does it
 * refuse what is cut, nested too deep, contradictory or none of a broker's business? */
#include "amqp/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"
#include "amqp/fields.h"
#include "amqp/frame.h"
#include "amqp/scan.h"
#include "base/strbuf.h"

static void put_u32(struct strbuf *buf, uint32_t number)
{
    uint8_t octets[4];

    rmq_put_u32(octets, number);
    strbuf_append(buf, octets, sizeof(octets));
}

static void put_entry(struct strbuf *buf, const char *name, char type, const void *value,
                      size_t len)
{
    strbuf_append_char(buf, (char)strlen(name));
    strbuf_append_text(buf, name);
    strbuf_append_char(buf, type);
    strbuf_append(buf, value, len);
}

/* Property flags for headers only, and a table around `entries`. */
static void put_headers(struct strbuf *out, struct slice entries)
{
    strbuf_append(out, "\x20\x00", 2);
    put_u32(out, (uint32_t)entries.len);
    strbuf_append_slice(out, entries);
}

static void expect_refused(struct slice raw, const char *words)
{
    struct rmq_codec *codec = rmq_codec_new();
    const amqp_basic_properties_t *properties;
    struct err err = {""};

    assert_non_null(codec);
    assert_int_equal(rmq_codec_decode_properties(codec, raw, &properties, &err), -1);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
    rmq_codec_free(codec);
}

static void expect_headers_refused(struct slice entries, const char *words)
{
    struct strbuf raw = STRBUF_INIT;

    put_headers(&raw, entries);
    expect_refused(strbuf_slice(&raw), words);
    strbuf_fini(&raw);
}

static void refuses_contradictions(void **state)
{
    (void)state;
    expect_refused(SLICE(""), "goes on behind");
    expect_refused(SLICE("\x80"), "goes on behind");
    expect_refused(SLICE("\x80\x00"), "missing");
    expect_refused(SLICE("\x80\x00\x05text"), "goes on behind");
    expect_refused(SLICE("\x80\x00\x04text!"), "1 octets behind");
    expect_refused(SLICE("\x80\x01\x04text\x00\x00"), "flags 0x8001"); /* continuation */
    expect_refused(SLICE("\x00\x02"), "flags 0x0002");
    expect_refused(SLICE("\x20\x00\x00\x00"), "cut off");
    expect_refused(SLICE("\x20\x00\xff\xff\xff\xff"), "a length of 4294967295");
    expect_refused(SLICE("\x20\x00\x00\x00\x00\x01V"), "goes on behind"); /* no name */
    expect_headers_refused(SLICE("\001a"), "a value is missing");
    expect_headers_refused(SLICE("\001aS\x00\x00\x00\x05"
                                 "1234"),
                           "a length of 5");
    expect_headers_refused(SLICE("\001aI\x00\x00\x00"), "goes on behind");
    expect_headers_refused(SLICE("\001aZ"), "unknown type 0x5a");
    expect_headers_refused(SLICE("\001aF\x00\x00\x00\x02\001b"), "a value is missing");
    /* A value inside an array that is longer than the array, but not than the table. */
    expect_headers_refused(SLICE("\001aA\x00\x00\x00\x02I\x00\x00\x00\x00\001bV"),
                           "behind the end");
}

/* An array in an array in an array... */
static void nest(struct strbuf *out, unsigned depth)
{
    size_t start = out->len;
    uint8_t length[4];

    strbuf_append(out, "\001aA\0\0\0\0", 7);
    for (unsigned i = 1; i < depth; i++) {
        strbuf_append(out, "A\0\0\0\0", 5);
    }
    for (unsigned i = 0; i < depth; i++) {
        rmq_put_u32(length, (uint32_t)(5 * (depth - 1 - i)));
        memcpy(out->data + start + 3 + 5 * i, length, 4);
    }
}

static void counts_the_nesting(void **state)
{
    struct strbuf entries = STRBUF_INIT, raw = STRBUF_INIT;
    struct err err = {""};

    (void)state;
    nest(&entries, 26000);
    expect_headers_refused(strbuf_slice(&entries), "nested over 32 deep");
    strbuf_reset(&entries);
    nest(&entries, RMQ_SCAN_DEPTH_MAX);
    expect_headers_refused(strbuf_slice(&entries), "nested over 32 deep");
    strbuf_reset(&entries);
    nest(&entries, RMQ_SCAN_DEPTH_MAX - 1); /* the table itself is one */
    put_headers(&raw, strbuf_slice(&entries));
    assert_int_equal(rmq_scan_properties(strbuf_slice(&raw), &err), 0);
    strbuf_fini(&entries);
    strbuf_fini(&raw);
}

static void counts_the_values(void **state)
{
    struct strbuf entries = STRBUF_INIT;
    int i;

    (void)state;
    strbuf_append(&entries, "\001aA", 3);
    put_u32(&entries, RMQ_SCAN_VALUES_MAX);
    for (i = 0; i < RMQ_SCAN_VALUES_MAX; i++) {
        strbuf_append_char(&entries, 'V');
    }
    expect_headers_refused(strbuf_slice(&entries), "over 10000 values");
    strbuf_fini(&entries);
}

/* All types, as a broker sends them. */
static void put_all_types(struct strbuf *out)
{
    put_entry(out, "void", 'V', "", 0);
    put_entry(out, "bool", 't', "\x01", 1);
    put_entry(out, "i8", 'b', "\xfe", 1);
    put_entry(out, "u8", 'B', "\xfe", 1);
    put_entry(out, "i16", 's', "\xff\xfe", 2);
    put_entry(out, "u16", 'u', "\xff\xfe", 2);
    put_entry(out, "i32", 'I', "\xff\xff\xff\xfe", 4);
    put_entry(out, "u32", 'i', "\xff\xff\xff\xfe", 4);
    put_entry(out, "i64", 'l', "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    put_entry(out, "f32", 'f', "\x3f\xc0\x00\x00", 4);
    put_entry(out, "f64", 'd', "\x3f\xf8\x00\x00\x00\x00\x00\x00", 8);
    put_entry(out, "decimal", 'D', "\x02\x00\x00\x01\x00", 5);
    put_entry(out, "string", 'S',
              "\x00\x00\x00\x03"
              "a\0b",
              7);
    put_entry(out, "bytes", 'x', "\x00\x00\x00\x02\xff\x00", 6);
    put_entry(out, "array", 'A',
              "\x00\x00\x00\x03"
              "t\x01V",
              7);
    put_entry(out, "time", 'T', "\x00\x00\x00\x00\x00\x00\x00\x07", 8);
    put_entry(out, "table", 'F',
              "\x00\x00\x00\x03\x01"
              "aV",
              7);
}

static const struct field *find(const struct properties *properties, const char *name)
{
    const struct field *field = field_table_find(&properties->headers, slice_of(name));

    if (field == NULL) {
        fail_msg("no header %s", name);
    }
    return field;
}

static void expect_all_types(const struct properties *properties)
{
    assert_int_equal(find(properties, "void")->type, FIELD_VOID);
    assert_true(find(properties, "bool")->value.boolean);
    assert_int_equal(find(properties, "i8")->value.integer, -2);
    assert_int_equal(find(properties, "u8")->value.natural, 254);
    assert_int_equal(find(properties, "i16")->value.integer, -2);
    assert_int_equal(find(properties, "u16")->value.natural, 65534);
    assert_int_equal(find(properties, "i32")->value.integer, -2);
    assert_int_equal(find(properties, "u32")->value.natural, 4294967294u);
    assert_int_equal(find(properties, "i64")->value.integer, -2);
    assert_true(find(properties, "f32")->value.real == 1.5);
    assert_true(find(properties, "f64")->value.real == 1.5);
    assert_int_equal(find(properties, "decimal")->value.decimal.scale, 2);
    assert_int_equal(find(properties, "decimal")->value.decimal.value, 256);
    assert_true(slice_equal(find(properties, "string")->value.bytes, SLICE("a\0b")));
    assert_true(slice_equal(find(properties, "bytes")->value.bytes, SLICE("\xff\x00")));
    assert_int_equal(find(properties, "array")->value.array.count, 2);
    assert_int_equal(find(properties, "array")->value.array.items[1].type, FIELD_VOID);
    assert_int_equal(find(properties, "time")->value.natural, 7);
    assert_int_equal(find(properties, "table")->value.table.count, 1);
}

/* Decodes raw properties into memory of their own, as content.c does. */
static const struct properties *decode(struct rmq_codec *codec, struct slice raw, char **out_memory)
{
    const amqp_basic_properties_t *decoded;
    struct rmq_fields_target target;
    const struct properties *properties;
    struct err err = {""};
    size_t size;

    assert_int_equal(rmq_codec_decode_properties(codec, raw, &decoded, &err), 0);
    size = rmq_fields_measure(decoded);
    *out_memory = malloc(size + raw.len);
    assert_non_null(*out_memory);
    memcpy(*out_memory + size, raw.data, raw.len);
    target = (struct rmq_fields_target){*out_memory, raw.data, *out_memory + size};
    properties = rmq_fields_from_properties(decoded, &target);
    assert_ptr_equal(target.structs, *out_memory + size); /* as measured */
    return properties;
}

static size_t encode(struct rmq_codec *codec, const struct properties *properties, uint8_t *out,
                     size_t room)
{
    amqp_basic_properties_t encoded;
    struct err err = {""};
    size_t size;

    rmq_codec_recycle(codec);
    assert_int_equal(rmq_fields_to_properties(codec, properties, &encoded, &size, &err),
                     RMQ_FIELDS_OK);
    assert_true(size <= room);
    assert_int_equal(rmq_codec_encode_properties(&encoded, out, size), size); /* as measured */
    assert_int_equal(rmq_codec_encode_properties(&encoded, out, size - 1), -1);
    assert_int_equal(rmq_codec_encode_properties(&encoded, out, size), size);
    return size;
}

static void carries_every_type_of_field(void **state)
{
    struct rmq_codec *codec = rmq_codec_new();
    struct strbuf entries = STRBUF_INIT, raw = STRBUF_INIT;
    uint8_t again[1024];
    char *memory;
    const struct properties *properties;
    size_t size;

    (void)state;
    put_all_types(&entries);
    put_headers(&raw, strbuf_slice(&entries));
    properties = decode(codec, strbuf_slice(&raw), &memory);
    assert_int_equal(properties->present, 1u << PROPERTY_HEADERS);
    expect_all_types(properties);
    size = encode(codec, properties, again, sizeof(again));
    assert_int_equal(size, raw.len);
    assert_memory_equal(again, raw.data, size);
    free(memory);
    strbuf_fini(&entries);
    strbuf_fini(&raw);
    rmq_codec_free(codec);
}

/* Unsigned numbers of 64 bits: as signed ones where that is no lie. */
static void carries_large_numbers(void **state)
{
    static const uint64_t numbers[] = {0, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX};
    struct rmq_codec *codec = rmq_codec_new();

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct field_entry entry = {SLICE("n"), {FIELD_U64, {.natural = numbers[i]}}};
        struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {&entry, 1}};
        const struct properties *back;
        uint8_t raw[64];
        char *memory;
        size_t size = encode(codec, &properties, raw, sizeof(raw));

        back = decode(codec, slice_make(raw, size), &memory);
        assert_int_equal(find(back, "n")->value.natural, numbers[i]);
        assert_int_equal(find(back, "n")->type, numbers[i] > INT64_MAX ? FIELD_U64 : FIELD_I64);
        free(memory);
    }
    rmq_codec_free(codec);
}

static void takes_no_raw_prefix_for_whole(void **state)
{
    struct rmq_codec *codec = rmq_codec_new();
    struct strbuf entries = STRBUF_INIT, raw = STRBUF_INIT;
    const amqp_basic_properties_t *properties;
    size_t len;

    (void)state;
    put_all_types(&entries);
    put_headers(&raw, strbuf_slice(&entries));
    for (len = 0; len < raw.len; len++) {
        char *copy = malloc(len + 1);
        struct err err;

        assert_non_null(copy);
        memcpy(copy, raw.data, len);
        copy[len] = '\x7f';
        assert_int_equal(
            rmq_codec_decode_properties(codec, slice_make(copy, len), &properties, &err), -1);
        free(copy);
    }
    strbuf_fini(&entries);
    strbuf_fini(&raw);
    rmq_codec_free(codec);
}

static void carries_every_property(void **state)
{
    struct rmq_codec *codec = rmq_codec_new();
    struct properties properties = {.present = 0};
    const struct properties *back;
    uint8_t raw[1024];
    char *memory, texts[PROPERTY_TEXT_COUNT][16];
    size_t size;
    int i;

    (void)state;
    for (i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "text %d", i);
        properties_set_text(&properties, (enum property)i, slice_of(texts[i]));
    }
    properties.present |= 1u << PROPERTY_DELIVERY_MODE | 1u << PROPERTY_PRIORITY |
                          1u << PROPERTY_TIMESTAMP | 1u << PROPERTY_HEADERS;
    properties.delivery_mode = 2;
    properties.priority = 255;
    properties.timestamp = UINT64_C(0x8000000000000001);
    size = encode(codec, &properties, raw, sizeof(raw));
    back = decode(codec, slice_make(raw, size), &memory);
    assert_int_equal(back->present, properties.present);
    for (i = 0; i < PROPERTY_TEXT_COUNT; i++) {
        assert_true(slice_equal_text(back->text[i], texts[i]));
    }
    assert_int_equal(back->delivery_mode, 2);
    assert_int_equal(back->priority, 255);
    assert_int_equal(back->timestamp, UINT64_C(0x8000000000000001));
    assert_int_equal(back->headers.count, 0);
    free(memory);

    properties.present = 0;
    assert_int_equal(encode(codec, &properties, raw, sizeof(raw)), 2);
    back = decode(codec, slice_make(raw, 2), &memory);
    assert_int_equal(back->present, 0);
    free(memory);
    rmq_codec_free(codec);
}

static void expect_unsayable(const struct field_table *headers, const char *words)
{
    struct rmq_codec *codec = rmq_codec_new();
    struct err err = {""};
    amqp_table_t table;
    size_t size;

    assert_int_equal(rmq_fields_to_table(codec, headers, &table, &size, &err),
                     RMQ_FIELDS_UNSAYABLE);
    assert_non_null(strstr(err.text, words));
    rmq_codec_free(codec);
}

static void says_what_cannot_be_said(void **state)
{
    static const char long_name[256] = "n";
    struct field_entry tables[RMQ_SCAN_DEPTH_MAX + 1];
    struct field_entry entry = {.value = {.type = FIELD_VOID}};
    struct field_table headers = {&entry, 1};
    struct rmq_codec *codec = rmq_codec_new();
    struct properties properties = {.present = 0};
    amqp_basic_properties_t encoded;
    struct err err = {""};
    size_t size, i;

    (void)state;
    entry.name = slice_make(long_name, 256);
    expect_unsayable(&headers, "over 255 octets");
    for (i = 0; i <= RMQ_SCAN_DEPTH_MAX; i++) {
        tables[i] = (struct field_entry){SLICE("n"), {FIELD_TABLE, {.table = {NULL, 0}}}};
        if (i < RMQ_SCAN_DEPTH_MAX) {
            tables[i].value.value.table = (struct field_table){&tables[i + 1], 1};
        }
    }
    headers = (struct field_table){tables, 1};
    expect_unsayable(&headers, "nested over 32 deep");
    properties_set_text(&properties, PROPERTY_REPLY_TO, slice_make(long_name, 256));
    assert_int_equal(rmq_fields_to_properties(codec, &properties, &encoded, &size, &err),
                     RMQ_FIELDS_UNSAYABLE);
    assert_string_equal(err.text, "the property reply_to is over 255 octets");
    rmq_codec_free(codec);
}

/* All methods that a server sends, with something in every field. */
static size_t encode_from_server(amqp_method_number_t id, uint8_t *out, size_t room)
{
    static amqp_table_entry_t entry = {.value = {.kind = AMQP_FIELD_KIND_VOID}};
    static union {
        amqp_connection_start_t start;
        amqp_connection_tune_t tune;
        amqp_connection_close_t close;
        amqp_basic_deliver_t deliver;
        amqp_basic_return_t returned;
        amqp_basic_nack_t nack;
        amqp_queue_declare_ok_t declare_ok;
        char all[512];
    } method;
    amqp_bytes_t text = rmq_bytes_of("some text");
    int len;

    memset(&method, 0, sizeof(method));
    if (id == AMQP_CONNECTION_START_METHOD) {
        entry.key = rmq_bytes_of("product");
        method.start = (amqp_connection_start_t){0, 9, {1, &entry}, text, text};
    } else if (id == AMQP_BASIC_DELIVER_METHOD) {
        method.deliver = (amqp_basic_deliver_t){text, 7, 1, text, text};
    } else if (id == AMQP_BASIC_RETURN_METHOD) {
        method.returned = (amqp_basic_return_t){312, text, text, text};
    } else if (id == AMQP_CONNECTION_CLOSE_METHOD || id == AMQP_CHANNEL_CLOSE_METHOD) {
        method.close = (amqp_connection_close_t){404, text, 60, 40};
    } else if (id == AMQP_QUEUE_DECLARE_OK_METHOD) {
        method.declare_ok = (amqp_queue_declare_ok_t){text, 1, 2};
    }
    rmq_put_u32(out, id);
    len = amqp_encode_method(id, &method, (amqp_bytes_t){room - 4, out + 4});
    assert_true(len >= 0);
    return (size_t)len + 4;
}

static const amqp_method_number_t from_server[] = {
    AMQP_CONNECTION_START_METHOD,    AMQP_CONNECTION_SECURE_METHOD,
    AMQP_CONNECTION_TUNE_METHOD,     AMQP_CONNECTION_OPEN_OK_METHOD,
    AMQP_CONNECTION_CLOSE_METHOD,    AMQP_CONNECTION_CLOSE_OK_METHOD,
    AMQP_CONNECTION_BLOCKED_METHOD,  AMQP_CONNECTION_UNBLOCKED_METHOD,
    AMQP_CHANNEL_OPEN_OK_METHOD,     AMQP_CHANNEL_FLOW_METHOD,
    AMQP_CHANNEL_CLOSE_METHOD,       AMQP_CHANNEL_CLOSE_OK_METHOD,
    AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_EXCHANGE_BIND_OK_METHOD,
    AMQP_QUEUE_DECLARE_OK_METHOD,    AMQP_QUEUE_BIND_OK_METHOD,
    AMQP_BASIC_QOS_OK_METHOD,        AMQP_BASIC_CONSUME_OK_METHOD,
    AMQP_BASIC_CANCEL_METHOD,        AMQP_BASIC_CANCEL_OK_METHOD,
    AMQP_BASIC_RETURN_METHOD,        AMQP_BASIC_DELIVER_METHOD,
    AMQP_BASIC_ACK_METHOD,           AMQP_BASIC_NACK_METHOD,
    AMQP_CONFIRM_SELECT_OK_METHOD,
};

/* Whole they are taken; cut anywhere none reads behind its end, and only those whose last fields
 * are flags may pass. */
static void decodes_all_methods_of_a_server(void **state)
{
    struct rmq_codec *codec = rmq_codec_new();
    uint8_t whole[1024];
    amqp_method_t method;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(from_server) / sizeof(from_server[0]); i++) {
        size_t len = encode_from_server(from_server[i], whole, sizeof(whole));

        assert_int_equal(rmq_codec_decode_method(codec, slice_make(whole, len), &method, &err), 0);
        assert_int_equal(method.id, from_server[i]);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *copy = malloc(cut + 1);

            assert_non_null(copy);
            memcpy(copy, whole, cut);
            assert_int_equal(rmq_codec_decode_method(codec, slice_make(copy, cut), &method, &err),
                             -1);
            free(copy);
        }
    }
    rmq_codec_free(codec);
}

static void refuses_methods_of_a_client(void **state)
{
    static const amqp_method_number_t wrong[] = {
        AMQP_CONNECTION_START_OK_METHOD,
        AMQP_EXCHANGE_DECLARE_METHOD,
        AMQP_QUEUE_DECLARE_METHOD,
        AMQP_QUEUE_BIND_METHOD,
        AMQP_BASIC_CONSUME_METHOD,
        AMQP_BASIC_PUBLISH_METHOD,
        AMQP_BASIC_GET_OK_METHOD,
        AMQP_TX_ROLLBACK_OK_METHOD,
        0,
        0xFFFFFFFF,
    };
    struct rmq_codec *codec = rmq_codec_new();
    uint8_t raw[64] = {0};
    amqp_method_t method;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        rmq_put_u32(raw, wrong[i]);
        assert_int_equal(
            rmq_codec_decode_method(codec, slice_make(raw, sizeof(raw)), &method, &err), -1);
        assert_non_null(strstr(err.text, "which no server sends"));
    }
    rmq_codec_free(codec);
}

static void names_methods(void **state)
{
    char name[RMQ_METHOD_NAME_SIZE];

    (void)state;
    assert_string_equal(rmq_codec_method_name(AMQP_BASIC_CONSUME_OK_METHOD, name),
                        "basic.consume-ok");
    assert_string_equal(rmq_codec_method_name(AMQP_BASIC_RECOVER_ASYNC_METHOD, name),
                        "basic.recover-async");
    assert_string_equal(rmq_codec_method_name(0x003C0001, name), "method 60.1");
}

static void fails_when_memory_is_out(void **state)
{
    unsigned successes;

    (void)state;
    alloc_fail_after(0);
    assert_null(rmq_codec_new());
    assert_true(alloc_fail_stop());
    for (successes = 0; successes < 2; successes++) {
        struct rmq_codec *codec;

        alloc_fail_after(successes);
        codec = rmq_codec_new();
        alloc_fail_stop();
        rmq_codec_free(codec);
    }
    rmq_codec_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_contradictions),
        cmocka_unit_test(counts_the_nesting),
        cmocka_unit_test(counts_the_values),
        cmocka_unit_test(takes_no_raw_prefix_for_whole),
        cmocka_unit_test(refuses_methods_of_a_client),
        cmocka_unit_test(decodes_all_methods_of_a_server),
        cmocka_unit_test(says_what_cannot_be_said),
        cmocka_unit_test(carries_every_type_of_field),
        cmocka_unit_test(carries_large_numbers),
        cmocka_unit_test(carries_every_property),
        cmocka_unit_test(names_methods),
        cmocka_unit_test(fails_when_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
