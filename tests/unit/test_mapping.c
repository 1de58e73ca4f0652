/* Is every message sent where and with what properties the rule says: annotated from Redis, carried
 * over from AMQP, with the rule's own words on top? */
#include "core/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"

enum { RULE_HEADERS_MAX = 8 };

static const struct template_source redis_source = {TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN,
                                                    1};
static const struct template_source amqp_source = {TEMPLATE_SCOPE_AMQP, 0};
static const struct template_context context = {SLICE("gw-1"), SLICE("orders-out"), NULL};

/* A rule and what it makes of a message. */
struct bench {
    const struct template_source *source;
    struct mapping mapping;
    struct mapping_scratch *scratch; /* made by the first apply() */
    struct delivery delivery;
    struct properties properties; /* for the delivery, where a test wants some */
    struct outgoing out;
    struct err err;
};

static struct template *compile(const struct bench *bench, const char *text)
{
    struct err err = {""};
    size_t column;
    struct template *template = template_new(slice_of(text), bench->source, &err, &column);

    if (template == NULL) {
        fail_msg("\"%s\": %s", text, err.text);
    }
    return template;
}

static void init(struct bench *bench, const struct template_source *source)
{
    *bench = (struct bench){.source = source};
    bench->mapping.headers = calloc(RULE_HEADERS_MAX, sizeof(bench->mapping.headers[0]));
    assert_non_null(bench->mapping.headers);
    bench->mapping.priority = -1;
    bench->mapping.persistent = true;
    bench->mapping.to_amqp = true;
    bench->delivery.body = SLICE("bo\0dy");
    bench->delivery.number = 0x2a;
    delivery_set_process(0xabc);
}

static void init_from_redis(struct bench *bench)
{
    init(bench, &redis_source);
    bench->mapping.annotate = true;
    bench->mapping.exchange = compile(bench, "orders");
    bench->mapping.routing_key = compile(bench, "orders.{1}");
    bench->delivery.channel = SLICE("shop:eu");
    bench->delivery.pattern = SLICE("shop:*");
    bench->delivery.wall_us = INT64_C(1769860800999999);
}

static void init_from_amqp(struct bench *bench)
{
    init(bench, &amqp_source);
    bench->mapping.annotate = true;
    bench->mapping.exchange = compile(bench, "copies");
    bench->mapping.routing_key = compile(bench, "{routing_key}");
    bench->delivery.queue = SLICE("audit");
    bench->delivery.exchange = SLICE("logs");
    bench->delivery.routing_key = SLICE("a.b");
    bench->delivery.wall_us = INT64_C(1769860800999999);
    bench->delivery.properties = &bench->properties;
}

static void fini(struct bench *bench)
{
    mapping_scratch_free(bench->scratch);
    mapping_fini(&bench->mapping);
}

static int apply(struct bench *bench)
{
    if (bench->scratch == NULL) {
        bench->scratch = mapping_scratch_new(&bench->mapping);
        assert_non_null(bench->scratch);
    }
    return mapping_apply(&bench->mapping, &context, &bench->delivery, bench->scratch, &bench->out,
                         &bench->err);
}

static void assert_applies(struct bench *bench)
{
    if (apply(bench) != 0) {
        fail_msg("%s", bench->err.text);
    }
}

static void set_text(struct bench *bench, enum property property, const char *text)
{
    bench->mapping.text[property] = compile(bench, text);
}

static void add_header(struct bench *bench, const char *name, const char *text)
{
    struct mapping_header *header = &bench->mapping.headers[bench->mapping.header_count++];

    *header = (struct mapping_header){.name = slice_of(name), .template = compile(bench, text)};
}

static void assert_text(const struct bench *bench, enum property property, const char *wanted)
{
    const struct properties *properties = &bench->out.properties;

    if (wanted == NULL) {
        assert_false(properties_has(properties, property));
        return;
    }
    assert_true(properties_has(properties, property));
    if (!slice_equal_text(properties->text[property], wanted)) {
        fail_msg("%s is \"%.*s\"", property_name(property), (int)properties->text[property].len,
                 properties->text[property].data);
    }
}

/* The headers as "name=value name=value". */
static void assert_headers(const struct bench *bench, const char *wanted)
{
    const struct properties *properties = &bench->out.properties;
    struct strbuf text = STRBUF_INIT;

    assert_int_equal(properties_has(properties, PROPERTY_HEADERS), wanted[0] != '\0');
    for (size_t i = 0; i < properties->headers.count; i++) {
        const struct field_entry *entry = &properties->headers.entries[i];

        strbuf_append_text(&text, i > 0 ? " " : "");
        strbuf_append_slice(&text, entry->name);
        strbuf_append_char(&text, '=');
        assert_int_equal(field_append_text(&entry->value, &text), 0);
    }
    assert_string_equal(strbuf_text(&text), wanted);
    strbuf_fini(&text);
}

static void test_a_missing_value_is_an_error(void **state)
{
    static const struct {
        enum property property; /* PROPERTY_COUNT: the routing key */
        const char *text;
        const char *words;
    } cases[] = {
        {PROPERTY_COUNT, "{header.a}", "{header.a}: the message has no such header"},
        {PROPERTY_TYPE, "{property.type}", "{property.type}: the message has no such property"},
        {PROPERTY_HEADERS, "{json:/a}", "{json:/a}: the body has no such value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench bench;

        init_from_amqp(&bench);
        bench.delivery.body = SLICE("{}");
        if (cases[i].property == PROPERTY_COUNT) {
            template_free(bench.mapping.routing_key);
            bench.mapping.routing_key = compile(&bench, cases[i].text);
        } else if (cases[i].property == PROPERTY_HEADERS) {
            add_header(&bench, "x", cases[i].text);
        } else {
            set_text(&bench, cases[i].property, cases[i].text);
        }
        assert_int_equal(apply(&bench), -1);
        assert_string_equal(bench.err.text, cases[i].words);
        fini(&bench);
    }
}

static void test_short_strings_are_short(void **state)
{
    char longest[256];
    struct bench bench;

    (void)state;
    memset(longest, 'a', sizeof(longest));
    for (int what = 0; what < 3; what++) {
        init_from_redis(&bench);
        template_free(bench.mapping.exchange);
        template_free(bench.mapping.routing_key);
        bench.mapping.exchange = compile(&bench, what == 0 ? "{channel}" : "e");
        bench.mapping.routing_key = compile(&bench, what == 1 ? "{channel}" : "k");
        if (what == 2) {
            set_text(&bench, PROPERTY_CORRELATION_ID, "{channel}");
        }
        bench.delivery.channel = slice_make(longest, 255);
        assert_applies(&bench);
        bench.delivery.channel = slice_make(longest, 256);
        assert_int_equal(apply(&bench), -1);
        assert_non_null(strstr(bench.err.text, " has 256 octets; AMQP allows 255"));
        fini(&bench);
    }
}

static void test_constants_are_checked_too(void **state)
{
    char longest[257];
    struct bench bench;

    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[256] = '\0';
    init_from_redis(&bench);
    set_text(&bench, PROPERTY_TYPE, longest);
    assert_int_equal(apply(&bench), -1);
    assert_string_equal(bench.err.text, "type has 256 octets; AMQP allows 255");
    fini(&bench);
}

static void test_expirations_are_milliseconds(void **state)
{
    static const struct {
        const char *text;
        bool allowed;
    } cases[] = {
        {"0", true},     {"60000", true}, {"4294967295", true}, {"4294967296", false},
        {"", false},     {"-1", false},   {"1.5", false},       {"99999999999999999999", false},
        {"soon", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int constant = 0; constant < 2; constant++) {
            struct bench bench;

            init_from_redis(&bench);
            set_text(&bench, PROPERTY_EXPIRATION, constant ? cases[i].text : "{channel}");
            bench.delivery.channel = slice_of(cases[i].text);
            bench.delivery.pattern = slice_of("*");
            template_free(bench.mapping.routing_key);
            bench.mapping.routing_key = NULL;
            assert_int_equal(apply(&bench), cases[i].allowed ? 0 : -1);
            if (!cases[i].allowed) {
                assert_non_null(strstr(bench.err.text, "must be milliseconds, 0 to 4294967295"));
            }
            fini(&bench);
        }
    }
}

static void test_redis_channel_must_not_be_empty(void **state)
{
    struct bench bench;

    (void)state;
    init(&bench, &amqp_source);
    bench.mapping.to_amqp = false;
    bench.mapping.channel = compile(&bench, "{routing_key}");
    assert_false(mapping_needs_properties(&bench.mapping));
    assert_int_equal(apply(&bench), -1);
    assert_string_equal(bench.err.text, "the channel is empty for this message");
    bench.delivery.routing_key = SLICE("a.b");
    assert_applies(&bench);
    assert_true(slice_equal_text(bench.out.channel, "a.b"));
    assert_true(slice_equal(bench.out.body, SLICE("bo\0dy")));
    assert_int_equal(bench.out.properties.present, 0);
    fini(&bench);
}

static void test_a_redis_channel_may_need_properties(void **state)
{
    struct bench bench;

    (void)state;
    init(&bench, &amqp_source);
    bench.mapping.to_amqp = false;
    bench.mapping.channel = compile(&bench, "{header.a}");
    assert_true(mapping_needs_properties(&bench.mapping));
    fini(&bench);
}

static void test_annotations_from_a_pattern(void **state)
{
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    assert_true(mapping_needs_properties(&bench.mapping));
    assert_applies(&bench);
    assert_true(slice_equal_text(bench.out.exchange, "orders"));
    assert_true(slice_equal_text(bench.out.routing_key, "orders.eu"));
    assert_true(slice_equal(bench.out.body, SLICE("bo\0dy")));
    assert_int_equal(bench.out.channel.len, 0);
    assert_text(&bench, PROPERTY_MESSAGE_ID, "0000000000000abc-000000000000002a");
    assert_text(&bench, PROPERTY_APP_ID, "chunneld");
    assert_true(properties_has(&bench.out.properties, PROPERTY_TIMESTAMP));
    assert_int_equal(bench.out.properties.timestamp, 1769860800);
    assert_int_equal(bench.out.properties.delivery_mode, 2);
    assert_true(properties_has(&bench.out.properties, PROPERTY_DELIVERY_MODE));
    assert_false(properties_has(&bench.out.properties, PROPERTY_PRIORITY));
    assert_text(&bench, PROPERTY_CONTENT_TYPE, NULL);
    assert_headers(&bench, "x-chunnel-origin=gw-1 x-chunnel-bridge=orders-out "
                           "x-chunnel-channel=shop:eu x-chunnel-pattern=shop:*");
    fini(&bench);
}

static void test_message_after_message(void **state)
{
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    template_free(bench.mapping.routing_key);
    bench.mapping.routing_key = compile(&bench, "{channel}");
    assert_applies(&bench);
    bench.delivery.channel = SLICE("x");
    bench.delivery.pattern = slice_make(NULL, 0);
    bench.delivery.number = 0x2b;
    assert_applies(&bench);
    assert_true(slice_equal_text(bench.out.routing_key, "x"));
    assert_text(&bench, PROPERTY_MESSAGE_ID, "0000000000000abc-000000000000002b");
    assert_headers(&bench, "x-chunnel-origin=gw-1 x-chunnel-bridge=orders-out x-chunnel-channel=x");
    bench.delivery.pattern = SLICE("?");
    assert_applies(&bench);
    assert_headers(&bench, "x-chunnel-origin=gw-1 x-chunnel-bridge=orders-out x-chunnel-channel=x "
                           "x-chunnel-pattern=?");
    fini(&bench);
}

static void test_the_same_id_on_every_retry(void **state)
{
    char first[DELIVERY_ID_SIZE];
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    assert_applies(&bench);
    memcpy(first, bench.out.properties.text[PROPERTY_MESSAGE_ID].data, DELIVERY_ID_SIZE);
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_MESSAGE_ID, first);
    fini(&bench);
}

static void test_without_annotations(void **state)
{
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    bench.mapping.annotate = false;
    bench.mapping.persistent = false;
    assert_applies(&bench);
    assert_int_equal(bench.out.properties.present, 1u << PROPERTY_DELIVERY_MODE);
    assert_int_equal(bench.out.properties.delivery_mode, 1);
    assert_headers(&bench, "");
    fini(&bench);
}

static void test_the_rule_wins_over_annotations(void **state)
{
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    bench.mapping.priority = 9;
    set_text(&bench, PROPERTY_APP_ID, "shop");
    set_text(&bench, PROPERTY_MESSAGE_ID, "{channel}#1");
    set_text(&bench, PROPERTY_CONTENT_TYPE, "application/json");
    set_text(&bench, PROPERTY_CORRELATION_ID, "{channel|upper}");
    add_header(&bench, "x-chunnel-bridge", "mine");
    add_header(&bench, "area", "{1}");
    bench.mapping.headers[2] = (struct mapping_header){
        .name = SLICE("level"), .value = {.type = FIELD_I64, .value.integer = -3}};
    bench.mapping.header_count = 3;
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_APP_ID, "shop");
    assert_text(&bench, PROPERTY_MESSAGE_ID, "shop:eu#1");
    assert_text(&bench, PROPERTY_CONTENT_TYPE, "application/json");
    assert_text(&bench, PROPERTY_CORRELATION_ID, "SHOP:EU");
    assert_int_equal(bench.out.properties.priority, 9);
    assert_true(properties_has(&bench.out.properties, PROPERTY_PRIORITY));
    assert_headers(&bench, "x-chunnel-bridge=mine area=eu level=-3 x-chunnel-origin=gw-1 "
                           "x-chunnel-channel=shop:eu x-chunnel-pattern=shop:*");
    fini(&bench);
}

static void test_a_queue_sink_uses_the_default_exchange(void **state)
{
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    template_free(bench.mapping.exchange);
    bench.mapping.exchange = NULL;
    assert_applies(&bench);
    assert_int_equal(bench.out.exchange.len, 0);
    assert_true(slice_equal_text(bench.out.routing_key, "orders.eu"));
    fini(&bench);
}

static void test_properties_are_carried_over(void **state)
{
    struct field_entry entries[] = {
        {SLICE("tenant"), {.type = FIELD_STRING, .value.bytes = SLICE("acme")}},
        {SLICE("x-chunnel-origin"), {.type = FIELD_STRING, .value.bytes = SLICE("gw-0")}},
        {SLICE("x-chunnel-channel"), {.type = FIELD_STRING, .value.bytes = SLICE("first")}},
        {SLICE("n"), {.type = FIELD_U8, .value.natural = 3}},
    };
    struct bench bench;

    (void)state;
    init_from_amqp(&bench);
    bench.properties = (struct properties){
        .present = 1u << PROPERTY_HEADERS | 1u << PROPERTY_DELIVERY_MODE | 1u << PROPERTY_PRIORITY |
                   1u << PROPERTY_TIMESTAMP,
        .delivery_mode = 1,
        .priority = 4,
        .timestamp = 17,
        .headers = {entries, 4},
    };
    properties_set_text(&bench.properties, PROPERTY_MESSAGE_ID, SLICE("theirs"));
    properties_set_text(&bench.properties, PROPERTY_APP_ID, SLICE("their app"));
    properties_set_text(&bench.properties, PROPERTY_REPLY_TO, SLICE("replies"));
    properties_set_text(&bench.properties, PROPERTY_USER_ID, SLICE("somebody"));
    set_text(&bench, PROPERTY_TYPE, "copy");
    set_text(&bench, PROPERTY_REPLY_TO, "{queue}");
    add_header(&bench, "n", "{header.n}0");
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_MESSAGE_ID, "theirs");
    assert_text(&bench, PROPERTY_APP_ID, "their app");
    assert_text(&bench, PROPERTY_TYPE, "copy");
    assert_text(&bench, PROPERTY_REPLY_TO, "audit");
    assert_text(&bench, PROPERTY_USER_ID, NULL);
    assert_int_equal(bench.out.properties.delivery_mode, 2);
    assert_int_equal(bench.out.properties.priority, 4);
    assert_int_equal(bench.out.properties.timestamp, 17);
    assert_headers(&bench, "tenant=acme x-chunnel-channel=first n=30 x-chunnel-origin=gw-1 "
                           "x-chunnel-bridge=orders-out");
    fini(&bench);
}

static void test_a_bare_amqp_message(void **state)
{
    struct bench bench;

    (void)state;
    for (int has_properties = 0; has_properties < 2; has_properties++) {
        init_from_amqp(&bench);
        bench.delivery.properties = has_properties ? &bench.properties : NULL;
        bench.mapping.priority = 0;
        assert_applies(&bench);
        assert_text(&bench, PROPERTY_MESSAGE_ID, "0000000000000abc-000000000000002a");
        assert_text(&bench, PROPERTY_APP_ID, NULL);
        assert_false(properties_has(&bench.out.properties, PROPERTY_TIMESTAMP));
        assert_true(properties_has(&bench.out.properties, PROPERTY_PRIORITY));
        assert_headers(&bench, "x-chunnel-origin=gw-1 x-chunnel-bridge=orders-out");
        fini(&bench);
    }
}

static void test_headers_pass_untouched_without_ours(void **state)
{
    struct field_entry entries[] = {
        {SLICE("a"), {.type = FIELD_STRING, .value.bytes = SLICE("1")}},
        {SLICE("a"), {.type = FIELD_STRING, .value.bytes = SLICE("2")}},
    };
    struct bench bench;

    (void)state;
    init_from_amqp(&bench);
    bench.mapping.annotate = false;
    bench.properties =
        (struct properties){.present = 1u << PROPERTY_HEADERS, .headers = {entries, 2}};
    assert_applies(&bench);
    assert_ptr_equal(bench.out.properties.headers.entries, entries);
    assert_headers(&bench, "a=1 a=2");
    assert_text(&bench, PROPERTY_MESSAGE_ID, NULL);
    fini(&bench);
}

static void test_without_memory(void **state)
{
    struct field_entry entries[] = {
        {SLICE("a"), {.type = FIELD_STRING, .value.bytes = SLICE("1")}},
    };
    bool failed = true;

    (void)state;
    for (unsigned n = 0; failed; n++) {
        struct bench bench;
        int result = -1;

        init_from_amqp(&bench);
        bench.properties =
            (struct properties){.present = 1u << PROPERTY_HEADERS, .headers = {entries, 1}};
        set_text(&bench, PROPERTY_TYPE, "{queue}");
        add_header(&bench, "b", "{queue}");
        alloc_fail_after(n);
        bench.scratch = mapping_scratch_new(&bench.mapping);
        if (bench.scratch != NULL) {
            result = apply(&bench);
        }
        failed = alloc_fail_stop();
        assert_int_equal(result, failed ? -1 : 0);
        if (bench.scratch != NULL) {
            assert_string_equal(bench.err.text, failed ? "out of memory" : "");
            assert_applies(&bench); /* memory is there again */
        }
        fini(&bench);
        assert_true(n < 100);
    }
}

static void test_fini_leaves_nothing(void **state)
{
    static const struct mapping zero;
    struct bench bench;

    (void)state;
    init_from_redis(&bench);
    add_header(&bench, "a", "{channel}");
    fini(&bench);
    assert_memory_equal(&bench.mapping, &zero, sizeof(zero));
    mapping_fini(&bench.mapping);
    mapping_scratch_free(NULL);
}

/* A message that was read from its envelope. */
static void init_from_envelope(struct bench *bench)
{
    init_from_redis(bench);
    bench->mapping.reads_envelope = true;
    bench->delivery.properties = &bench->properties;
    bench->delivery.id = SLICE("e-1");
}

static void test_an_envelope_wins_over_annotations(void **state)
{
    struct field_entry entries[] = {
        {SLICE("x-chunnel-origin"), {FIELD_STRING, {.bytes = SLICE("forged")}}},
        {SLICE("kind"), {FIELD_STRING, {.bytes = SLICE("cat")}}}};
    struct bench bench;

    (void)state;
    init_from_envelope(&bench);
    bench.properties = (struct properties){
        .present = 1u << PROPERTY_HEADERS | 1u << PROPERTY_TIMESTAMP | 1u << PROPERTY_DELIVERY_MODE,
        .timestamp = 7,
        .delivery_mode = 1,
        .headers = {entries, 2},
    };
    properties_set_text(&bench.properties, PROPERTY_APP_ID, SLICE("shop"));
    properties_set_text(&bench.properties, PROPERTY_MESSAGE_ID, SLICE("m-1"));
    assert_applies(&bench);
    assert_int_equal(bench.out.properties.timestamp, 7);
    assert_int_equal(bench.out.properties.delivery_mode, 1);
    assert_text(&bench, PROPERTY_APP_ID, "shop");
    assert_text(&bench, PROPERTY_MESSAGE_ID, "m-1");
    assert_headers(&bench, "kind=cat x-chunnel-origin=gw-1 x-chunnel-bridge=orders-out "
                           "x-chunnel-channel=shop:eu x-chunnel-pattern=shop:*");
    fini(&bench);
}

static void test_an_envelope_without_properties(void **state)
{
    struct bench bench;

    (void)state;
    init_from_envelope(&bench);
    assert_applies(&bench);
    assert_int_equal(bench.out.properties.timestamp, 1769860800);
    assert_int_equal(bench.out.properties.delivery_mode, 2);
    assert_text(&bench, PROPERTY_APP_ID, "chunneld");
    assert_text(&bench, PROPERTY_MESSAGE_ID, "e-1");
    fini(&bench);
}

static void test_the_rule_wins_over_an_envelope(void **state)
{
    struct bench bench;

    (void)state;
    init_from_envelope(&bench);
    bench.mapping.persistent_given = true;
    bench.mapping.priority = 3;
    set_text(&bench, PROPERTY_TYPE, "order");
    set_text(&bench, PROPERTY_APP_ID, "{channel}");
    bench.properties = (struct properties){
        .present = 1u << PROPERTY_PRIORITY | 1u << PROPERTY_DELIVERY_MODE,
        .priority = 9,
        .delivery_mode = 1,
    };
    properties_set_text(&bench.properties, PROPERTY_TYPE, SLICE("event"));
    properties_set_text(&bench.properties, PROPERTY_APP_ID, SLICE("shop"));
    assert_applies(&bench);
    assert_int_equal(bench.out.properties.delivery_mode, 2);
    assert_int_equal(bench.out.properties.priority, 3);
    assert_text(&bench, PROPERTY_TYPE, "order");
    assert_text(&bench, PROPERTY_APP_ID, "shop:eu");
    fini(&bench);
}

/* The broker closes the channel over any other. */
static void test_only_our_own_user_id_goes_on(void **state)
{
    struct bench bench;

    (void)state;
    init_from_envelope(&bench);
    properties_set_text(&bench.properties, PROPERTY_USER_ID, SLICE("guest"));
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_USER_ID, NULL);
    bench.mapping.user = SLICE("guests");
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_USER_ID, NULL);
    bench.mapping.user = SLICE("guest");
    assert_applies(&bench);
    assert_text(&bench, PROPERTY_USER_ID, "guest");
    fini(&bench);
}

static void test_an_envelope_is_written(void **state)
{
    static const char wanted[] = "\"source\":{\"queue\":\"audit\",\"exchange\":\"logs\","
                                 "\"routing_key\":\"a.b\",\"redelivered\":false},"
                                 "\"properties\":{\"type\":\"event\"},\"body\":\"hello\","
                                 "\"body_encoding\":\"utf-8\"}";
    struct bench bench;

    (void)state;
    init(&bench, &amqp_source);
    bench.mapping.to_amqp = false;
    bench.mapping.writes_envelope = true;
    bench.mapping.channel = compile(&bench, "events");
    assert_true(mapping_needs_properties(&bench.mapping));
    bench.delivery.queue = SLICE("audit");
    bench.delivery.exchange = SLICE("logs");
    bench.delivery.routing_key = SLICE("a.b");
    bench.delivery.body = SLICE("hello");
    bench.delivery.properties = &bench.properties;
    properties_set_text(&bench.properties, PROPERTY_TYPE, SLICE("event"));
    for (int i = 0; i < 2; i++) {
        assert_applies(&bench);
        assert_true(bench.out.body.len > sizeof(wanted));
        assert_memory_equal(bench.out.body.data, "{\"v\":1,\"id\":\"", 13);
        assert_string_equal(bench.out.body.data + bench.out.body.len + 1 - sizeof(wanted), wanted);
    }
    fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_value_is_an_error),
        cmocka_unit_test(test_short_strings_are_short),
        cmocka_unit_test(test_constants_are_checked_too),
        cmocka_unit_test(test_expirations_are_milliseconds),
        cmocka_unit_test(test_redis_channel_must_not_be_empty),
        cmocka_unit_test(test_a_redis_channel_may_need_properties),
        cmocka_unit_test(test_annotations_from_a_pattern),
        cmocka_unit_test(test_message_after_message),
        cmocka_unit_test(test_the_same_id_on_every_retry),
        cmocka_unit_test(test_without_annotations),
        cmocka_unit_test(test_the_rule_wins_over_annotations),
        cmocka_unit_test(test_a_queue_sink_uses_the_default_exchange),
        cmocka_unit_test(test_properties_are_carried_over),
        cmocka_unit_test(test_a_bare_amqp_message),
        cmocka_unit_test(test_headers_pass_untouched_without_ours),
        cmocka_unit_test(test_an_envelope_wins_over_annotations),
        cmocka_unit_test(test_an_envelope_without_properties),
        cmocka_unit_test(test_the_rule_wins_over_an_envelope),
        cmocka_unit_test(test_only_our_own_user_id_goes_on),
        cmocka_unit_test(test_an_envelope_is_written),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_fini_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
