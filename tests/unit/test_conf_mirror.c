/* Mirrors: is what cannot be one refused, with words that help, and do the few keys become the two
 * ways that they stand for? */
#include <stdlib.h>
#include <string.h>

#include "conf/load_text.h"
#include "conf_bad.h"

#define MIRROR(text) BRIDGES("{'name': 'm', 'mirror':\n  {" text "}}")
#define MIRROR_AND(text, more) BRIDGES("{'name': 'm', " more ", 'mirror':\n  {" text "}}")
#define GOOD "'channel': 'c', 'exchange': 'e', 'routing_key': 'k'"

static const struct conf_bad bad[] = {
    {BRIDGES("{'name': 'm', 'mirror': 1}"),
     "2:38: /bridges/0/mirror: an object is wanted, this is a number"},
    {MIRROR(""), "3:3: /bridges/0/mirror: 'channel' is missing; a mirror needs it\n"
                 "3:3: /bridges/0/mirror: 'exchange' is missing; a mirror needs it"},
    {MIRROR("'channel': '', 'exchange': ''"),
     "3:15: /bridges/0/mirror/channel: empty; at least 1 octet is wanted\n"
     "3:31: /bridges/0/mirror/exchange: empty; at least 1 octet is wanted"},
    {MIRROR(GOOD ", 'max_hops': 0, 'prefetch': 0"),
     "3:69: /bridges/0/mirror/max_hops: a whole number from 1 to 255 is wanted\n"
     "3:84: /bridges/0/mirror/prefetch: a whole number from 1 to 65535 is wanted"},
    {MIRROR(GOOD ", 'form': 1"),
     "3:57: /bridges/0/mirror/form: unknown key 'form'; the nearest known key of a mirror is "
     "'queue'"},
    {MIRROR_AND(GOOD, "'from': {'channel': 'c'}, 'to': {'queue': 'q'}"),
     "2:28: /bridges/0/from: 'from' means nothing for a mirror; it is for a bridge to Redis or a "
     "bridge to AMQP\n"
     "2:54: /bridges/0/to: 'to' means nothing for a mirror; it is for a bridge to Redis or a "
     "bridge to AMQP"},
    {MIRROR_AND(GOOD, "'annotate': false, 'ack_mode': 'no-ack', 'format': 'raw'"),
     "2:28: /bridges/0/annotate: 'annotate' means nothing for a mirror; it is for a bridge to "
     "AMQP or a bridge with 'rpc'\n"
     "2:47: /bridges/0/ack_mode: 'ack_mode' means nothing for a mirror; it is for a bridge to "
     "Redis or a bridge to AMQP\n"
     "2:69: /bridges/0/format: 'format' means nothing for a mirror; it is for a bridge to Redis "
     "or a bridge to AMQP"},
    {MIRROR("'channel': '{routing_key}', 'exchange': 'e'"),
     "3:15: /bridges/0/mirror/channel: the channel differs from message to message; give the "
     "'pattern' of the channels too, or one channel"},
    {MIRROR("'channel': '{chanel}', 'exchange': 'e'"),
     "3:17: /bridges/0/mirror/channel: unknown name 'chanel'; the nearest known one is {channel}"},
    {MIRROR("'channel': 'c', 'exchange': '{channel}'"),
     "3:32: /bridges/0/mirror/exchange: a mirror has one exchange; give a name without braces"},
    {MIRROR("'channel': 'c', 'exchange': 'e', 'routing_key': '{header.a}'"),
     "3:54: /bridges/0/mirror/routing_key: only AMQP sources and envelopes have {header.NAME}: "
     "this bridge's has not"},
    {MIRROR(GOOD ", 'properties': {'headers': {'x-chunnel-origin': 'me'}}"),
     "3:84: /bridges/0/mirror/properties/headers/x-chunnel-origin: a mirror knows its own messages "
     "by the headers 'x-chunnel-...'; choose another name"},
    {MIRROR_AND(GOOD, "'dead_letter': {'queue': '{channel}'}"),
     "2:55: /bridges/0/dead_letter/queue: only Redis sources have {channel}: this bridge's has "
     "not"},
    {MIRROR("'pattern': 'o:*', 'channel': '{routing_key|colons}', 'exchange': 'e'"),
     "3:3: /bridges/0/mirror: 'routing_key' is missing; with a pattern it says the routing key of "
     "each channel, such as '{channel|dots}'"},
    /* No way back. */
    {MIRROR("'pattern': 'o.*', 'exchange': 'e', 'routing_key': '{channel|dots}',\n"
            "   'channel': '{routing_key|colons}'"),
     "4:15: /bridges/0/mirror/channel: 'routing_key' and 'channel' must lead there and back: "
     "channel 'o.aB1' becomes routing key 'o.aB1', and that becomes channel 'o:aB1'"},
    {MIRROR("'pattern': 'o:*', 'exchange': 'e', 'routing_key': '{channel|lower}',\n"
            "   'channel': '{routing_key}'"),
     "4:15: /bridges/0/mirror/channel: 'routing_key' and 'channel' must lead there and back: "
     "channel 'o:aB1' becomes routing key 'o:ab1', and that becomes channel 'o:ab1'"},
    {MIRROR("'pattern': 'o:*', 'exchange': 'e', 'routing_key': 'k',\n"
            "   'channel': 'o:{routing_key}'"),
     "4:15: /bridges/0/mirror/channel: 'routing_key' and 'channel' must lead there and back: "
     "channel 'o:aB1' becomes routing key 'k', and that becomes channel 'o:k'"},
    {MIRROR("'pattern': 'o:?[xyz]\\\\*', 'exchange': 'e', 'routing_key': '{channel|upper}',\n"
            "   'channel': '{routing_key}'"),
     "4:15: /bridges/0/mirror/channel: 'routing_key' and 'channel' must lead there and back: "
     "channel 'o:ax*' becomes routing key 'O:AX*', and that becomes channel 'O:AX*'"},
    {MIRROR("'pattern': 'o:*', 'exchange': 'e', 'routing_key': '{json:/k}',\n"
            "   'channel': '{routing_key}'"),
     "4:15: /bridges/0/mirror/channel: channel 'o:aB1' has no routing key: {json:/k}: the body is "
     "no JSON: line 1, column 1: empty; a JSON value is wanted; only the channel can be asked"},
    {MIRROR("'pattern': 'o:*', 'exchange': 'e', 'routing_key': '{channel|dots}',\n"
            "   'channel': '{header.channel}'"),
     "4:15: /bridges/0/mirror/channel: routing key 'o.aB1', of channel 'o:aB1', has no channel: "
     "{header.channel}: the message has no such header; only the routing key can be asked"},
    {"{'connections': {'r': {'url': 'redis://h'}, 's': {'url': 'redis://h2'}},\n"
     " 'bridges': [{'name': 'm', 'mirror': {" GOOD "}}]}",
     "2:38: /bridges/0/mirror: 'redis_connection' is missing; there are several Redis "
     "connections, name one\n"
     "2:38: /bridges/0/mirror: there is no AMQP connection; put one under 'connections'"},
};

static void what_is_no_mirror_is_refused(void **state)
{
    (void)state;
    conf_bad_check(bad, sizeof(bad) / sizeof(bad[0]));
}

static void show(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

static struct config *load(const char *text)
{
    struct config *config;
    char *copy = strdup(text);
    char *c;

    assert_non_null(copy);
    for (c = copy; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    config = config_load_text("f", slice_of(copy), show, NULL);
    free(copy);
    assert_non_null(config);
    return config;
}

/* The binding keys of a mirror, with a blank behind each. */
static void expect_bindings(const char *text, const char *wanted)
{
    struct config *config = load(text);
    const struct conf_strings *keys = &config->bridges[0].mirror.source.binding_keys;
    struct strbuf all = STRBUF_INIT;

    for (size_t i = 0; i < keys->count; i++) {
        strbuf_append_format(&all, "%s ", keys->items[i]);
    }
    assert_string_equal(strbuf_text(&all), wanted);
    strbuf_fini(&all);
    config_free(config);
}

static void few_keys_become_two_ways(void **state)
{
    struct config *config = load(MIRROR_AND(GOOD, "'buffer': {'messages': 7, 'when_full': "
                                                  "'drop-oldest'}, 'min_subscribers': 2"));
    const struct conf_bridge *bridge = &config->bridges[0];
    const struct conf_mirror *mirror = &bridge->mirror;
    struct slice text;

    (void)state;
    assert_int_equal(bridge->kind, CONF_BRIDGE_MIRROR);
    assert_int_equal(bridge->source.kind, CONF_SOURCE_CHANNEL);
    assert_string_equal(bridge->source.names.items[0], "c");
    assert_ptr_equal(bridge->source.connection, &config->connections[0]);
    assert_int_equal(bridge->sink.kind, CONF_SINK_EXCHANGE);
    assert_ptr_equal(bridge->sink.connection, &config->connections[1]);
    assert_true(bridge->sink.mapping.annotate);
    assert_true(bridge->sink.mapping.persistent);
    assert_int_equal(bridge->sink.mapping.hops, 1);
    assert_false(bridge->sink.mandatory);
    assert_int_equal(bridge->options.when_full, FULL_DROP_OLDEST);

    assert_int_equal(mirror->max_hops, 1);
    assert_int_equal(mirror->source.kind, CONF_SOURCE_QUEUE);
    assert_true(mirror->source.declares);
    assert_string_equal(mirror->source.queue, "chunnel.m");
    assert_string_equal(mirror->source.exchange, "e");
    assert_ptr_equal(mirror->source.connection, &config->connections[1]);
    assert_int_equal(mirror->sink.kind, CONF_SINK_CHANNEL);
    assert_ptr_equal(mirror->sink.connection, &config->connections[0]);
    assert_true(template_is_constant(mirror->sink.mapping.channel, &text));
    assert_true(slice_equal_text(text, "c"));
    /* The queue keeps what waits, and the mirror's own subscription is not counted. */
    assert_int_equal(mirror->options.when_full, FULL_PAUSE);
    assert_int_equal(mirror->options.buffer_messages, 7);
    assert_int_equal(mirror->options.retry_min_us, 100000);
    assert_int_equal(mirror->options.retry_max_us, 10000000);
    assert_int_equal(mirror->options.min_subscribers, 3);
    config_free(config);
}

static void bindings_are_derived(void **state)
{
    (void)state;
    expect_bindings(MIRROR(GOOD), "# k ");
    expect_bindings(MIRROR("'channel': 'c', 'exchange': 'e'"), "#  ");
    expect_bindings(MIRROR("'channel': 'c', 'exchange': 'e', 'routing_key': '{json:/k}'"), "# ");
    expect_bindings(MIRROR(GOOD ", 'binding_keys': ['a', 'b']"), "a b ");
    expect_bindings(MIRROR("'pattern': 'shop:orders:*', 'exchange': 'e', "
                           "'routing_key': '{channel|dots}', 'channel': '{routing_key|colons}'"),
                    "shop.orders.# ");
    expect_bindings(MIRROR("'pattern': 'shop*', 'exchange': 'e', 'routing_key': "
                           "'all.x.{channel|dots}', 'channel': '{routing_key.3|colons}'"),
                    "all.x.# ");
    expect_bindings(MIRROR("'pattern': '*', 'exchange': 'e', 'routing_key': '{channel}', "
                           "'channel': '{routing_key}'"),
                    "# ");
    expect_bindings(MIRROR("'pattern': 'one', 'exchange': 'e', 'routing_key': '{channel}', "
                           "'channel': '{routing_key}'"),
                    "one ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_mirror_is_refused),
        cmocka_unit_test(few_keys_become_two_ways),
        cmocka_unit_test(bindings_are_derived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
