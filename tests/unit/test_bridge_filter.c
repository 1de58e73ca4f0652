/* A bridge with a filter: is what does not pass settled at once and counted, whatever else is going
 * on, and does the rest go its way as if the others had never been? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"
#include "core/filter.h"

static const struct filter_value seven = {.type = FILTER_WHOLE, .magnitude = 7};
static const struct filter_value cat = {.type = FILTER_STRING, .text = SLICE("cat")};
static const struct filter_test below_seven = {FILTER_LESS, &seven, 1};
static const struct filter_test is_cat = {FILTER_EQUALS, &cat, 1};
/* The bodies of the rig are numbers. */
static const struct filter small = {.kind = FILTER_JSON, .tests = &below_seven, .count = 1};
static const struct filter_value yes = {.type = FILTER_BOOL, .boolean = true};
static const struct filter_test exists = {FILTER_EXISTS, &yes, 1};
static const struct filter has_a = {
    .kind = FILTER_JSON, .name = SLICE("/a"), .tests = &exists, .count = 1};
static const struct filter of_cats = {
    .kind = FILTER_HEADER, .name = SLICE("kind"), .tests = &is_cat, .count = 1};

static void init(struct rig *rig, unsigned source_can, const struct filter *filter)
{
    rig_init(rig);
    rig->source_can = source_can;
    rig->filter = filter;
}

static void give(struct rig *rig, const char *body, const struct properties *properties)
{
    fake_source_give(rig->source, body, properties);
    fake_pump_run(&rig->pump);
    rig_check_books(rig);
}

static void test_counted_and_acked(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP, &small);
    rig_run(&rig);
    rig_give(&rig, 5, 8);
    rig_expect_sent(&rig, "5 6 ");
    rig_expect_settled(&rig, "7:ack 8:ack ");
    assert_int_equal(rig_books(&rig)->filtered, 2);
    assert_int_equal(rig_books(&rig)->bytes_in, 4);
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

/* It takes no room from those that wait. */
static void test_while_the_buffer_is_full(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS, &small);
    rig.options.buffer_messages = 2;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 2);
    rig_give(&rig, 7, 9);
    assert_int_equal(rig_books(&rig)->filtered, 3);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 ");
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

static void test_templates_ask_the_same_json(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS, &has_a);
    rig_set_routing_key(&rig, "{json:/a}.{json:/b}");
    rig_run(&rig);
    give(&rig, "{\"a\": 1, \"b\": \"x\"}", NULL);
    assert_string_equal(rig.sink->last_routing_key, "1.x");
    give(&rig, "{\"a\": 2, \"b\": \"y\"}", NULL);
    assert_string_equal(rig.sink->last_routing_key, "2.y");
    give(&rig, "no json", NULL);
    give(&rig, "{\"b\": \"z\"}", NULL);
    assert_int_equal(rig_books(&rig)->filtered, 2);
    give(&rig, "{\"a\": 3}", NULL);
    assert_int_equal(rig_books(&rig)->dropped, 1);
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

static void test_headers(void **state)
{
    static struct field_entry entry = {SLICE("kind"), {FIELD_STRING, {.bytes = SLICE("cat")}}};
    static const struct properties properties = {.present = 1u << PROPERTY_HEADERS,
                                                 .headers = {&entry, 1}};
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP, &of_cats);
    rig_run(&rig);
    give(&rig, "1", &properties);
    give(&rig, "2", NULL);
    rig_expect_sent(&rig, "1 ");
    rig_expect_settled(&rig, "2:ack ");
    rig_fini(&rig);
}

/* The headers are those inside; what is no envelope is refused, not filtered. */
static void test_of_envelopes(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS, &of_cats);
    rig.mapping.reads_envelope = true;
    rig_run(&rig);
    rig_sink_down(&rig);
    give(&rig, "{\"body\": \"1\", \"properties\": {\"headers\": {\"kind\": \"cat\"}}}", NULL);
    give(&rig, "{\"body\": \"2\", \"properties\": {\"headers\": {\"kind\": \"dog\"}}}", NULL);
    give(&rig, "none", NULL);
    assert_int_equal(rig_books(&rig)->filtered, 1);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 ");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

/* What passed goes to the disk, what did not leaves no gap there. */
static void test_with_a_store(void **state)
{
    struct fake_store *store;
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS, &small);
    store = fake_store_new(&rig.pump);
    rig.store = store;
    rig.options.buffer_messages = 2;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 9);
    assert_int_equal(rig_books(&rig)->filtered, 3);
    assert_int_equal(rig_books(&rig)->buffered, 2);
    assert_int_equal(rig_books(&rig)->spooled, 4);
    assert_string_equal(fake_store_text(store), "3 4 5 6 ");
    rig_sink_up(&rig);
    rig_deliver_all(&rig);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 6 ");
    rig_fini(&rig);
    fake_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_and_acked),
        cmocka_unit_test(test_while_the_buffer_is_full),
        cmocka_unit_test(test_templates_ask_the_same_json),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_of_envelopes),
        cmocka_unit_test(test_with_a_store),
    };

    return cmocka_run_group_tests_name("bridge_filter", tests, NULL, NULL);
}
