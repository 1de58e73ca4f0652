/* Do templates give the text that the rules promise, say what is wrong with a rule and where, and
 * tell a missing value from an empty one? */
#include "core/template.h"
#include "core/template_outline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"

static const struct template_source redis_channel = {TEMPLATE_SCOPE_CHANNEL, 0};
static const struct template_source redis_pattern = {
    TEMPLATE_SCOPE_CHANNEL | TEMPLATE_SCOPE_PATTERN, 2};
static const struct template_source amqp = {TEMPLATE_SCOPE_AMQP, 0};
static const struct template_context context = {SLICE("gw-1"), SLICE("orders-out"), NULL};

static struct template *compile(const char *text, const struct template_source *source)
{
    size_t column = 0;
    struct err err = {""};
    struct template *template = template_new(slice_of(text), source, &err, &column);

    if (template == NULL) {
        fail_msg("\"%s\": column %zu: %s", text, column, err.text);
    }
    return template;
}

static void assert_expands(const char *text, const struct template_source *source,
                           const struct delivery *delivery, const char *wanted)
{
    struct template *template = compile(text, source);
    struct strbuf out = STRBUF_INIT;
    struct err err = {""};

    strbuf_append_text(&out, "<");
    if (template_expand(template, &context, delivery, &out, &err) != 0) {
        fail_msg("\"%s\": %s", text, err.text);
    }
    assert_string_equal(strbuf_text(&out) + 1, wanted);
    assert_true(slice_equal_text(template_source_text(template), text));
    strbuf_fini(&out);
    template_free(template);
}

static void assert_missing(const char *text, const struct template_source *source,
                           const struct delivery *delivery, const char *wanted)
{
    struct template *template = compile(text, source);
    struct strbuf out = STRBUF_INIT;
    struct err err = {""};

    strbuf_append_text(&out, "before");
    assert_int_equal(template_expand(template, &context, delivery, &out, &err), -1);
    assert_string_equal(err.text, wanted);
    assert_string_equal(strbuf_text(&out), "before");
    assert_int_equal(template_expand(template, &context, delivery, &out, NULL), -1);
    strbuf_fini(&out);
    template_free(template);
}

static void test_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        const struct template_source *source;
        size_t column;
        const char *words; /* part of them */
    } cases[] = {
        {"a{channel", &redis_channel, 2, "\"{\" without its \"}\"; a literal brace is written {{"},
        {"abc{", &redis_channel, 4, "\"{\" without its \"}\""},
        {"a}b", &redis_channel, 2, "\"}\" without its \"{\"; a literal brace is written }}"},
        {"{channel}}", &redis_channel, 10, "\"}\" without its \"{\""},
        {"{{channel}", &redis_channel, 10, "\"}\" without its \"{\""},
        {"a.{}", &redis_channel, 4, "no name between the braces"},
        {"{|lower}", &redis_channel, 2, "no name between the braces"},
        {"{chanel}", &redis_channel, 2,
         "unknown name \"chanel\"; the nearest known one is {channel}"},
        {"x{headers.a}", &amqp, 3, "the nearest known one is {header.NAME}"},
        {"{jsn:/a}", &amqp, 2, "the nearest known one is {json:/POINTER}"},
        {"{routingkey.1}", &amqp, 2, "the nearest known one is {routing_key.N}"},
        {"{ channel}", &redis_channel, 2, "unknown name \" channel\""},
        {"{Channel}", &redis_channel, 2, "unknown name \"Channel\""},
        {"{channel|uper}", &redis_channel, 10,
         "unknown filter \"uper\"; the nearest known one is \"upper\""},
        {"{channel|}", &redis_channel, 10, "unknown filter \"\""},
        {"{channel|lower|}", &redis_channel, 16, "unknown filter \"\""},
        {"{channel||lower}", &redis_channel, 10, "unknown filter \"\""},
        {"a{queue}", &redis_channel, 3, "only AMQP sources have {queue}"},
        {"{header.a}", &redis_pattern, 2, "only AMQP sources and envelopes have {header.NAME}"},
        {"{channel}", &amqp, 2, "only Redis sources have {channel}"},
        {"{pattern}", &redis_channel, 2, "only sources with a pattern have {pattern}"},
        {"{1}", &redis_channel, 2, "this bridge's source has no pattern"},
        {"{1}", &amqp, 2, "this bridge's source has no pattern"},
        {"{1}.{3}", &redis_pattern, 6, "there is no wildcard {3}"},
        {"{0}", &redis_pattern, 2, "{1} to {9}"},
        {"{10}", &redis_pattern, 2, "{1} to {9}"},
        {"{routing_key.0}", &amqp, 14, "{routing_key.1} to {routing_key.256}"},
        {"{routing_key.}", &amqp, 14, "{routing_key.1} to"},
        {"{routing_key.257}", &amqp, 14, "{routing_key.1} to"},
        {"{routing_key.99999999999999999999}", &amqp, 14, "{routing_key.1} to"},
        {"{routing_key.1x}", &amqp, 14, "{routing_key.1} to"},
        {"{routing_key.-1}", &amqp, 14, "{routing_key.1} to"},
        {"{header.}", &amqp, 9, "the name of the header is missing"},
        {"{property.}", &amqp, 11, "unknown property \"\""},
        {"{property.corelation_id}", &amqp, 11, "the nearest known one is \"correlation_id\""},
        {"{property.headers}", &amqp, 11, "headers are reached one by one: {header.NAME}"},
        {"{json:}", &amqp, 7, "no JSON pointer"},
        {"{json:a}", &amqp, 7, "no JSON pointer"},
        {"{json:/a~2}", &amqp, 7, "no JSON pointer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {""};
        size_t column = 0;

        assert_null(template_new(slice_of(cases[i].text), cases[i].source, &err, &column));
        if (strstr(err.text, cases[i].words) == NULL || column != cases[i].column) {
            fail_msg("\"%s\": column %zu: %s", cases[i].text, column, err.text);
        }
        assert_null(template_new(slice_of(cases[i].text), cases[i].source, NULL, &column));
    }
}

static void test_constants(void **state)
{
    static const struct {
        const char *text;
        const char *constant; /* NULL: is none */
    } cases[] = {
        {"", ""},       {"orders", "orders"}, {"{{a}}", "{a}"},     {"}}{{", "}{"},
        {"{{{{", "{{"}, {"{instance}", NULL}, {"a{channel}", NULL}, {"{{{channel}}}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *template = compile(cases[i].text, &redis_channel);
        struct slice text = SLICE("untouched");

        if (cases[i].constant != NULL) {
            assert_true(template_is_constant(template, &text));
            assert_true(slice_equal_text(text, cases[i].constant));
        } else {
            assert_false(template_is_constant(template, &text));
            assert_true(slice_equal_text(text, "untouched"));
        }
        template_free(template);
    }
    template_free(NULL);
}

static void test_names_of_redis(void **state)
{
    struct delivery delivery = {
        .channel = SLICE("shop:EU/Orders.4711"),
        .pattern = SLICE("shop:*.*"),
        .wall_us = INT64_C(1769860800123999),
        .number = 255,
    };

    (void)state;
    delivery_set_process(1);
    assert_expands("", &redis_pattern, &delivery, "");
    assert_expands("{channel}", &redis_pattern, &delivery, "shop:EU/Orders.4711");
    assert_expands("a.{pattern}.b", &redis_pattern, &delivery, "a.shop:*.*.b");
    assert_expands("{2}-{1}", &redis_pattern, &delivery, "4711-EU/Orders");
    assert_expands("{{{1}}}", &redis_pattern, &delivery, "{EU/Orders}");
    assert_expands("{{{{1}}}}", &redis_pattern, &delivery, "{{1}}");
    assert_expands("{channel|dots}", &redis_pattern, &delivery, "shop.EU.Orders.4711");
    assert_expands("{channel|dots|colons|upper}", &redis_pattern, &delivery, "SHOP:EU:ORDERS:4711");
    assert_expands("{channel|colons|dots|lower}", &redis_pattern, &delivery, "shop.eu.orders.4711");
    assert_expands("{channel|lower}{channel}", &redis_pattern, &delivery,
                   "shop:eu/orders.4711shop:EU/Orders.4711");
    assert_expands("{instance}/{bridge}", &redis_pattern, &delivery, "gw-1/orders-out");
    assert_expands("{timestamp}", &redis_pattern, &delivery, "1769860800123");
    assert_expands("{id}", &redis_pattern, &delivery, "0000000000000001-00000000000000ff");
}

static void test_filters_are_ascii_only(void **state)
{
    struct delivery delivery = {.channel = SLICE("\xc3\x9cZ[@\xc3\xbc`az{")};

    (void)state;
    assert_expands("{channel|lower}", &redis_channel, &delivery, "\xc3\x9cz[@\xc3\xbc`az{");
    assert_expands("{channel|upper}", &redis_channel, &delivery, "\xc3\x9cZ[@\xc3\xbc`AZ{");
}

static void test_captures_at_run_time(void **state)
{
    struct delivery delivery = {.channel = SLICE("a.b"), .pattern = SLICE("a*.*")};

    (void)state;
    assert_expands("<{1}>", &redis_pattern, &delivery, "<>"); /* matched nothing: not missing */
    delivery.pattern = SLICE("a.?");
    assert_missing("{1}{2}", &redis_pattern, &delivery,
                   "{2}: the message's pattern has no such wildcard");
    delivery.pattern = slice_make(NULL, 0);
    assert_missing("{1}", &redis_pattern, &delivery,
                   "{1}: the message's pattern has no such wildcard");
    assert_missing("{pattern}", &redis_pattern, &delivery,
                   "{pattern}: the message did not come by a pattern");
}

static void test_names_of_amqp(void **state)
{
    struct delivery delivery = {
        .queue = SLICE("audit"),
        .exchange = SLICE("logs"),
        .routing_key = SLICE("eu..order.4711"),
    };

    (void)state;
    assert_expands("{queue}:{exchange}:{routing_key}", &amqp, &delivery,
                   "audit:logs:eu..order.4711");
    assert_expands("{routing_key|colons|upper}", &amqp, &delivery, "EU::ORDER:4711");
    assert_expands("{routing_key.1}-{routing_key.2}-{routing_key.3}-{routing_key.4}", &amqp,
                   &delivery, "eu--order-4711");
    assert_missing("{routing_key.5}", &amqp, &delivery,
                   "{routing_key.5}: the routing key has fewer words");
    delivery.routing_key = SLICE("a.");
    assert_missing("{routing_key.1|lower}x{routing_key.3|lower}", &amqp, &delivery,
                   "{routing_key.3}: the routing key has fewer words");
    delivery.routing_key = slice_make(NULL, 0);
    assert_expands("<{routing_key}>", &amqp, &delivery, "<>");
    assert_missing("{routing_key.1}", &amqp, &delivery,
                   "{routing_key.1}: the routing key has fewer words");
}

static void test_a_word_at_the_end_may_be_empty(void **state)
{
    struct delivery delivery = {.routing_key = SLICE("a.")};

    (void)state;
    assert_expands("<{routing_key.2}>", &amqp, &delivery, "<>");
}

static void test_headers(void **state)
{
    struct field_entry entries[] = {
        {SLICE("tenant"), {.type = FIELD_STRING, .value.bytes = SLICE("Acme")}},
        {SLICE("a b.c{d:/e"), {.type = FIELD_I32, .value.integer = -7}},
        {SLICE("flags"), {.type = FIELD_TABLE}},
        {SLICE("none"), {.type = FIELD_VOID}},
    };
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 4}};
    struct delivery delivery = {.properties = &properties};

    (void)state;
    assert_expands("{header.tenant|lower}", &amqp, &delivery, "acme");
    assert_expands("{header.a b.c{d:/e}", &amqp, &delivery, "-7");
    assert_missing("x{header.flags}", &amqp, &delivery,
                   "{header.flags}: the header is a table, an array or void");
    assert_missing("x{header.none}", &amqp, &delivery,
                   "{header.none}: the header is a table, an array or void");
    assert_missing("{header.Tenant|upper}", &amqp, &delivery,
                   "{header.Tenant}: the message has no such header");
    properties.present = 0;
    assert_missing("{header.tenant}", &amqp, &delivery,
                   "{header.tenant}: the message has no such header");
    delivery.properties = NULL;
    assert_missing("{header.tenant}", &amqp, &delivery,
                   "{header.tenant}: the message has no such header");
}

static void test_properties(void **state)
{
    struct properties properties = {
        .present =
            1u << PROPERTY_PRIORITY | 1u << PROPERTY_DELIVERY_MODE | 1u << PROPERTY_TIMESTAMP,
        .priority = 0,
        .delivery_mode = 2,
        .timestamp = UINT64_MAX,
    };
    struct delivery delivery = {.properties = &properties, .number = 1};

    (void)state;
    delivery_set_process(0);
    properties_set_text(&properties, PROPERTY_CORRELATION_ID, SLICE("c-1"));
    assert_expands("{property.correlation_id}.{property.priority}.{property.delivery_mode}", &amqp,
                   &delivery, "c-1.0.2");
    assert_expands("{property.timestamp}", &amqp, &delivery, "18446744073709551615");
    assert_missing("{property.reply_to}", &amqp, &delivery,
                   "{property.reply_to}: the message has no such property");
    assert_expands("{id}", &amqp, &delivery, "0000000000000000-0000000000000001");
    properties_set_text(&properties, PROPERTY_MESSAGE_ID, SLICE("theirs"));
    assert_expands("{id}", &amqp, &delivery, "theirs");
    delivery.properties = NULL;
    assert_missing("{property.correlation_id}", &amqp, &delivery,
                   "{property.correlation_id}: the message has no such property");
}

static void test_json(void **state)
{
    struct delivery delivery = {
        .body =
            SLICE("{\"id\": 9007199254740993, \"price\": 1.50, \"name\": \"J\\u00e4n\", \"ok\": "
                  "true, \"a/b\": [10, {\"c\": false}], \"none\": null, \"\": \"empty\"}")};

    (void)state;
    assert_expands("{json:/id}/{json:/price}", &redis_channel, &delivery, "9007199254740993/1.50");
    assert_expands("{json:/name|upper}", &redis_channel, &delivery, "J\xc3\xa4N");
    assert_expands("{json:/ok}{json:/a~1b/1/c}", &redis_channel, &delivery, "truefalse");
    assert_expands("{json:/a~1b/0}", &redis_channel, &delivery, "10");
    assert_expands("{json:/}", &redis_channel, &delivery, "empty");
    assert_missing("{json:/missing}", &redis_channel, &delivery,
                   "{json:/missing}: the body has no such value");
    assert_missing("{json:/ID}", &redis_channel, &delivery,
                   "{json:/ID}: the body has no such value");
    assert_missing("{json:/none}", &redis_channel, &delivery,
                   "{json:/none}: the value is an object, an array or null");
    assert_missing("{json:/a~1b}", &redis_channel, &delivery,
                   "{json:/a~1b}: the value is an object, an array or null");
}

static void test_bodies_that_are_no_json(void **state)
{
    static const char *const bodies[] = {"", "{", "{\"a\": 1} x", "\xff", "[1,]", "nul"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct template *template = compile("a{json:/a}", &redis_channel);
        struct delivery delivery = {.body = slice_of(bodies[i])};
        struct strbuf out = STRBUF_INIT;
        struct err err = {""};

        assert_int_equal(template_expand(template, &context, &delivery, &out, &err), -1);
        assert_non_null(strstr(err.text, "{json:/a}: the body is no JSON: line 1, column "));
        assert_int_equal(out.len, 0);
        strbuf_fini(&out);
        template_free(template);
    }
}

static void test_what_a_template_needs(void **state)
{
    static const struct {
        const char *text;
        const struct template_source *source;
        bool properties;
        bool json;
    } cases[] = {
        {"{channel}", &redis_channel, false, false},
        {"{id}", &redis_channel, false, false},
        {"{id}", &amqp, true, false}, /* the message's own, where it has one */
        {"{routing_key}", &amqp, false, false},
        {"a{header.b}", &amqp, true, false},
        {"a{property.type}", &amqp, true, false},
        {"a{json:/b}", &redis_channel, false, true},
        {"{{json:/b}}", &redis_channel, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *template = compile(cases[i].text, cases[i].source);

        assert_int_equal(template_needs_properties(template), cases[i].properties);
        assert_int_equal(template_needs_json(template), cases[i].json);
        template_free(template);
    }
}

static void test_compiling_without_memory(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned n = 0; failed; n++) {
        struct template *template;
        struct err err = {""};
        size_t column = 0;

        alloc_fail_after(n);
        template =
            template_new(SLICE("a{channel|dots|lower}{1|upper}"), &redis_pattern, &err, &column);
        failed = alloc_fail_stop();
        assert_int_equal(template == NULL, failed);
        if (failed) {
            assert_string_equal(err.text, "out of memory");
            assert_true(column >= 1);
        }
        template_free(template);
        assert_true(n < 100);
    }
}

static void test_expanding_without_memory(void **state)
{
    struct delivery delivery = {
        .channel = SLICE("a.b"), .pattern = SLICE("a.?"), .body = SLICE("{\"a\": [1, \"x\"]}")};
    struct template *template = compile("{channel}{1}{json:/a/1}{timestamp}", &redis_pattern);
    bool failed = true;

    (void)state;
    for (unsigned n = 0; failed; n++) {
        struct strbuf out = STRBUF_INIT;
        struct err err = {""};
        int result;

        alloc_fail_after(n);
        result = template_expand(template, &context, &delivery, &out, &err);
        failed = alloc_fail_stop();
        assert_int_equal(result, failed ? -1 : 0);
        assert_string_equal(strbuf_text(&out), failed ? "" : "a.bbx0");
        assert_int_equal(failed, err.text[0] != '\0');
        strbuf_fini(&out);
        assert_true(n < 100);
    }
    template_free(template);
}

static void test_outlines_match_all_that_is_given(void **state)
{
    static const struct {
        const char *text;
        const char *outline;
        bool of_names;
    } cases[] = {
        {"plain", "plain", true},
        {"a*[b]?", "a\\*\\[b\\]\\?", true},
        {"to.{channel}", "to.or:[ab]:*", true},
        {"{channel|dots}", "or.?.*", true},
        {"{1}.{2}", "*.*", true},
        {"{pattern}", "or:\\[ab\\]:\\*", true},
        {"{instance}/{bridge|upper}", "gw/NEWS", true},
        {"{json:/to}.{id}", "*.*", false},
    };
    static const struct template_known known = {.channel = {"or:[ab]:*", 9},
                                                .pattern = {"or:[ab]:*", 9}};
    static const struct template_context names = {.instance = {"gw", 2}, .bridge = {"news", 4}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct template *template = compile(cases[i].text, &redis_pattern);
        struct strbuf out = STRBUF_INIT;

        template_outline(template, &names, &known, &out);
        assert_string_equal(strbuf_text(&out), cases[i].outline);
        assert_int_equal(template_is_of_names(template, &known), cases[i].of_names);
        strbuf_fini(&out);
        template_free(template);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outlines_match_all_that_is_given),
        cmocka_unit_test(test_what_is_wrong_and_where),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_names_of_redis),
        cmocka_unit_test(test_filters_are_ascii_only),
        cmocka_unit_test(test_captures_at_run_time),
        cmocka_unit_test(test_names_of_amqp),
        cmocka_unit_test(test_a_word_at_the_end_may_be_empty),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bodies_that_are_no_json),
        cmocka_unit_test(test_what_a_template_needs),
        cmocka_unit_test(test_compiling_without_memory),
        cmocka_unit_test(test_expanding_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
