/* What a good configuration becomes: values, defaults, field values, and the same again after it
 * was printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/load_text.h"

#define BOTH "\"connections\": {\"r\": {\"url\": \"redis://h\"}, \"a\": {\"url\": \"amqp://h\"}}"

static void show(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

static struct config *load(const char *text)
{
    struct config *config = config_load_text("f", slice_of(text), show, NULL);

    assert_non_null(config);
    return config;
}

static void assert_slice(struct slice slice, const char *text)
{
    assert_true(slice_equal_text(slice, text));
}

static void defaults(void **state)
{
    struct config *config = load("{" BOTH ", \"bridges\": ["
                                 "{\"name\": \"out\", \"from\": {\"channel\": \"c\"}, "
                                 "\"to\": {\"exchange\": \"x\"}},"
                                 "{\"name\": \"in\", \"from\": {\"exchange\": \"x\"}, "
                                 "\"to\": {\"channel\": \"c\"}}]}");
    const struct conf_connection *redis = &config->connections[0];
    const struct conf_connection *amqp = &config->connections[1];
    const struct conf_bridge *out = &config->bridges[0];
    const struct conf_bridge *in = &config->bridges[1];
    struct slice text;

    (void)state;
    assert_string_equal(config->file, "f");
    assert_true(config->instance[0] != '\0');
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->shutdown_timeout_us, 10000000);
    assert_int_equal(config->limits.memory, 0);
    assert_null(config->stats.report.channel);
    assert_null(config->stats.report.sink.mapping.exchange);
    assert_null(config->events.channel);
    assert_int_equal(config->topology_count, 0);

    assert_int_equal(config->connection_count, 2);
    assert_string_equal(redis->name, "r");
    assert_int_equal(redis->protocol, CONF_REDIS);
    assert_int_equal(redis->connect_timeout_us, 5000000);
    assert_int_equal(redis->reconnect_min_us, 100000);
    assert_int_equal(redis->reconnect_max_us, 10000000);
    assert_int_equal(redis->max_message_size, 16777216);
    assert_null(redis->password_file);
    assert_int_equal(redis->canary_us, 0);
    assert_int_equal(amqp->protocol, CONF_AMQP);
    assert_int_equal(amqp->url_count, 1);
    assert_int_equal(amqp->heartbeat_us, 10000000);
    assert_int_equal(amqp->confirm_timeout_us, 30000000);
    assert_int_equal(amqp->sasl, CONF_SASL_PLAIN);
    assert_string_equal(amqp->place.pointer, "/connections/a");

    assert_int_equal(config->bridge_count, 2);
    assert_true(out->enabled);
    assert_ptr_equal(out->source.connection, redis);
    assert_ptr_equal(out->sink.connection, amqp);
    assert_int_equal(out->source.kind, CONF_SOURCE_CHANNEL);
    assert_int_equal(out->sink.kind, CONF_SINK_EXCHANGE);
    assert_true(out->sink.mandatory && out->sink.mapping.persistent);
    assert_true(out->sink.mapping.annotate && out->sink.mapping.to_amqp);
    assert_int_equal(out->sink.mapping.priority, -1);
    assert_true(template_is_constant(out->sink.mapping.routing_key, &text));
    assert_int_equal(text.len, 0);
    assert_int_equal(out->options.ack_mode, ACK_ON_CONFIRM);
    assert_int_equal(out->options.buffer_messages, 100000);
    assert_int_equal(out->options.buffer_memory, 67108864);
    assert_int_equal(out->options.when_full, FULL_DROP_NEWEST);
    assert_int_equal(out->options.retry_min_us, 100000);
    assert_int_equal(out->options.retry_max_us, 10000000);
    assert_int_equal(out->options.retry_attempts, 0);
    assert_int_equal(out->options.on_unroutable, UNROUTABLE_DEAD_LETTER);

    assert_int_equal(in->source.kind, CONF_SOURCE_EXCHANGE);
    assert_int_equal(in->source.prefetch, 256);
    assert_int_equal(in->source.binding_keys.count, 1);
    assert_string_equal(in->source.binding_keys.items[0], "#");
    assert_false(in->sink.mapping.to_amqp);
    assert_int_equal(in->options.when_full, FULL_PAUSE);
    assert_int_equal(in->options.min_subscribers, 1);
    assert_string_equal(in->place.pointer, "/bridges/1");
    config_free(config);
}

static const char everything[] =
    "{\"$schema\": \"x\", \"description\": [1], \"instance\": \"gw-1\",\n"
    "\"connections\": {\"description\": \"servers\",\n"
    "  \"r\": {\"url\": \"redis+unix://u:pw@/run/r.sock?db=2\", \"connect_timeout\": \"1s\",\n"
    "        \"reconnect\": {\"min\": \"1s\", \"max\": \"1m\"}, \"max_message_size\": \"1MB\"},\n"
    "  \"r2\": {\"url\": \"rediss://:pw@h\", \"tls\": {\"verify\": false, \"server_name\": "
    "\"n\"}},\n"
    "  \"a\": {\"urls\": [\"amqp://u:pw@h1/v\", \"amqps://u:pw@h2/v\"], \"heartbeat\": \"0s\",\n"
    "        \"confirm_timeout\": \"1h\", \"description\": \"x\"},\n"
    "  \"a2\": {\"url\": \"amqp://h3\", \"urls\": [\"amqp://h4\"]}},\n"
    "\"topology\": [{\"connection\": \"a\",\n"
    "   \"exchanges\": [{\"name\": \"e\", \"type\": \"topic\", \"durable\": false, "
    "\"auto_delete\": true,\n"
    "                  \"internal\": true, \"vhost\": \"v\", \"arguments\": "
    "{\"alternate-exchange\": "
    "\"x\"}}],\n"
    "   \"queues\": [{\"name\": \"q\", \"exclusive\": true, \"durable\": false, \"auto_delete\": "
    "true,\n"
    "               \"arguments\": {\"x-max-length\": 5}}, {\"name\": \"p\", \"passive\": true}],\n"
    "   \"bindings\": [{\"source\": \"e\", \"destination\": \"q\", \"routing_key\": \"#\"},\n"
    "                {\"source\": \"e\", \"destination\": \"f\", \"destination_type\": "
    "\"exchange\"}]},\n"
    "  {\"connection\": \"a2\", \"queues\": [{\"name\": \"z\"}]},\n"
    "  {\"connection\": \"a\", \"queues\": [{\"name\": \"q2\"}]}],\n"
    "\"bridges\": [\n"
    "  {\"name\": \"one\", \"enabled\": false, \"ack_mode\": \"no-ack\", \"format\": \"raw\", "
    "\"annotate\": false,\n"
    "   \"from\": {\"pattern\": [\"a.*\", \"b.*.*\"], \"connection\": \"r\"},\n"
    "   \"to\": {\"exchange\": \"{1}\", \"routing_key\": \"{channel|dots}\", \"connection\": "
    "\"a\",\n"
    "          \"mandatory\": false, \"persistent\": false, \"transactional\": false,\n"
    "          \"properties\": {\"content_type\": \"t\", \"priority\": 9, \"reply_to\": \"{id}\",\n"
    "            \"headers\": {\"text\": \"{pattern}\", \"description\": 7, \"t\": "
    "{\"!timestamp\": 5}}}},\n"
    "   \"buffer\": {\"messages\": 1, \"memory\": 1, \"disk\": \"0\", \"durability\": \"memory\",\n"
    "              \"when_full\": \"pause\"},\n"
    "   \"retry\": {\"min\": \"2s\", \"max\": \"2s\", \"attempts\": 3}, \"on_unroutable\": "
    "\"drop\"},\n"
    "  {\"name\": \"two\", \"from\": {\"queue\": \"q\", \"prefetch\": 65535, \"exclusive\": true,\n"
    "     \"consumer_priority\": -5, \"arguments\": {\"x-stream-offset\": \"first\"}, "
    "\"connection\": \"a2\"},\n"
    "   \"to\": {\"channel\": \"{routing_key|colons}\", \"connection\": \"r\"},\n"
    "   \"on_no_subscribers\": \"ack\", \"min_subscribers\": 0, \"buffer\": {\"when_full\": "
    "\"drop-oldest\"}},\n"
    "  {\"name\": \"three\", \"from\": {\"exchange\": \"e\", \"binding_keys\": [\"a\", \"\"],\n"
    "     \"binding_arguments\": {\"x-match\": \"any\"}, \"connection\": \"a\"},\n"
    "   \"to\": {\"queue\": \"{header.to}\", \"connection\": \"a2\", \"transactional\": true}, "
    "\"on_unroutable\": "
    "\"drop\"},\n"
    "  {\"name\": \"four\", \"from\": {\"channel\": \"x\", \"connection\": \"r\"},\n"
    "   \"to\": {\"channel\": \"y\", \"connection\": \"r2\"}, \"ack_mode\": \"on-publish\"}],\n"
    "\"stats\": {\"connection\": \"r2\", \"channel\": \"s\", \"interval\": \"100ms\"},\n"
    "\"limits\": {\"memory\": \"256MiB\"},\n"
    "\"log\": {\"level\": \"debug\", \"format\": \"json\"}, \"shutdown_timeout\": \"0s\"}";

static void check_connections(const struct config *config)
{
    const struct conf_connection *connections = config->connections;

    assert_int_equal(config->connection_count, 4);
    assert_int_equal(connections[0].urls[0].transport, CONF_UNIX);
    assert_string_equal(connections[0].urls[0].path, "/run/r.sock");
    assert_int_equal(connections[0].urls[0].database, 2);
    assert_int_equal(connections[0].connect_timeout_us, 1000000);
    assert_int_equal(connections[0].reconnect_max_us, 60000000);
    assert_int_equal(connections[0].max_message_size, 1000000);
    assert_false(connections[1].tls.verify);
    assert_string_equal(connections[1].tls.server_name, "n");
    assert_int_equal(connections[2].url_count, 2);
    assert_string_equal(connections[2].urls[1].host, "h2");
    assert_string_equal(connections[2].urls[1].vhost, "v");
    assert_int_equal(connections[2].heartbeat_us, 0);
    assert_true(connections[2].tls.verify);
    assert_int_equal(connections[3].url_count, 2);
    assert_string_equal(connections[3].urls[0].host, "h3");
    assert_string_equal(connections[3].urls[1].host, "h4");
}

static void check_topology(const struct config *config)
{
    const struct conf_topology *first = &config->topologies[0];

    assert_int_equal(config->topology_count, 2);
    assert_ptr_equal(first->connection, &config->connections[2]);
    assert_int_equal(first->exchange_count, 1);
    assert_string_equal(first->exchanges[0].type, "topic");
    assert_true(!first->exchanges[0].durable && first->exchanges[0].auto_delete);
    assert_true(first->exchanges[0].internal && !first->exchanges[0].passive);
    assert_slice(first->exchanges[0].arguments.entries[0].name, "alternate-exchange");
    assert_int_equal(first->queue_count, 3);
    assert_true(first->queues[0].exclusive && !first->queues[0].durable);
    assert_int_equal(first->queues[0].arguments.entries[0].value.type, FIELD_I32);
    assert_true(first->queues[1].passive && first->queues[1].durable);
    assert_string_equal(first->queues[2].name, "q2");
    assert_int_equal(first->binding_count, 2);
    assert_false(first->bindings[0].to_exchange);
    assert_string_equal(first->bindings[0].routing_key, "#");
    assert_true(first->bindings[1].to_exchange);
    assert_string_equal(first->bindings[1].routing_key, "");
    assert_ptr_equal(config->topologies[1].connection, &config->connections[3]);
    assert_string_equal(config->topologies[1].queues[0].name, "z");
}

static void check_first_bridge(const struct conf_bridge *bridge)
{
    const struct mapping *mapping = &bridge->sink.mapping;

    assert_false(bridge->enabled);
    assert_int_equal(bridge->options.ack_mode, ACK_NO_ACK);
    assert_int_equal(bridge->source.names.count, 2);
    assert_string_equal(bridge->source.names.items[1], "b.*.*");
    assert_slice(template_source_text(mapping->exchange), "{1}");
    assert_slice(template_source_text(mapping->routing_key), "{channel|dots}");
    assert_slice(template_source_text(mapping->text[PROPERTY_REPLY_TO]), "{id}");
    assert_int_equal(mapping->priority, 9);
    assert_true(!bridge->sink.mandatory && !mapping->persistent && !mapping->annotate);
    assert_int_equal(mapping->header_count, 3);
    assert_slice(template_source_text(mapping->headers[0].template), "{pattern}");
    assert_slice(mapping->headers[1].name, "description");
    assert_int_equal(mapping->headers[1].value.value.integer, 7);
    assert_int_equal(mapping->headers[2].value.type, FIELD_TIMESTAMP);
    assert_int_equal(bridge->options.buffer_messages, 1);
    assert_int_equal(bridge->options.when_full, FULL_PAUSE);
    assert_int_equal(bridge->options.retry_attempts, 3);
    assert_int_equal(bridge->options.on_unroutable, UNROUTABLE_DROP);
}

static void check_everything(const struct config *config)
{
    const struct conf_bridge *bridges = config->bridges;

    assert_string_equal(config->instance, "gw-1");
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->log_format, LOG_FORMAT_JSON);
    assert_int_equal(config->shutdown_timeout_us, 0);
    assert_int_equal(config->limits.memory, 256 << 20);
    assert_ptr_equal(config->stats.report.connection, &config->connections[1]);
    assert_string_equal(config->stats.report.channel, "s");
    assert_int_equal(config->stats.interval_us, 100000);
    check_connections(config);
    check_topology(config);
    assert_int_equal(config->bridge_count, 4);
    check_first_bridge(&bridges[0]);
    assert_int_equal(bridges[1].source.kind, CONF_SOURCE_QUEUE);
    assert_int_equal(bridges[1].source.prefetch, 65535);
    assert_true(bridges[1].source.exclusive && bridges[1].source.has_consumer_priority);
    assert_int_equal(bridges[1].source.consumer_priority, -5);
    assert_int_equal(bridges[1].source.arguments.count, 1);
    assert_int_equal(bridges[1].options.min_subscribers, 0);
    assert_int_equal(bridges[1].options.when_full, FULL_DROP_OLDEST);
    assert_int_equal(bridges[2].source.binding_keys.count, 2);
    assert_string_equal(bridges[2].source.binding_keys.items[1], "");
    assert_int_equal(bridges[2].source.binding_arguments.count, 1);
    assert_int_equal(bridges[2].sink.kind, CONF_SINK_QUEUE);
    assert_null(bridges[2].sink.mapping.exchange);
    assert_true(bridges[2].sink.transactional && !bridges[0].sink.transactional);
    assert_slice(template_source_text(bridges[2].sink.mapping.routing_key), "{header.to}");
    assert_false(bridges[2].source.has_consumer_priority);
    assert_int_equal(bridges[3].options.ack_mode, ACK_ON_PUBLISH);
}

static void everything_is_read_and_printed_without_secrets(void **state)
{
    struct config *config = load(everything);
    struct config *again;
    struct strbuf first = STRBUF_INIT;
    struct strbuf second = STRBUF_INIT;

    (void)state;
    check_everything(config);
    config_print(config, &first);
    assert_false(strbuf_failed(&first));
    assert_null(strstr(strbuf_text(&first), "pw"));
    assert_non_null(strstr(strbuf_text(&first), "redis+unix://u:***@/run/r.sock?db=2"));
    again = load(strbuf_text(&first));
    check_everything(again);
    config_print(again, &second);
    assert_string_equal(strbuf_text(&first), strbuf_text(&second));
    strbuf_fini(&first);
    strbuf_fini(&second);
    config_free(config);
    config_free(again);
}

static const char fields_text[] =
    "{\"connections\": {\"a\": {\"url\": \"amqp://h\"}}, \"topology\": {\"queues\": [{\"name\": "
    "\"q\",\n"
    "\"arguments\": {\"void\": null, \"bool\": true, \"small\": 1, \"large\": "
    "-9223372036854775808,\n"
    "\"real\": 1.5, \"exponent\": 1e3, \"text\": \"\\u00e9\", \"list\": [1, [\"x\"], {}],\n"
    "\"table\": {\"a\": {\"b\": false}, \"!c\": 1}, \"i8\": {\"!i8\": -128}, \"u8\": {\"!u8\": "
    "255},\n"
    "\"i16\": {\"!i16\": -32768}, \"u16\": {\"!u16\": 65535}, \"i32\": {\"!i32\": -2147483648},\n"
    "\"u32\": {\"!u32\": 4294967295}, \"i64\": {\"!i64\": 5}, \"f32\": {\"!f32\": 0.5},\n"
    "\"f64\": {\"!f64\": 2}, \"time\": {\"!timestamp\": 1700000000}, \"decimal\": {\"!decimal\": "
    "12.034},\n"
    "\"whole\": {\"!decimal\": 7}, \"bytes\": {\"!bytes\": \"AAEC\"}, \"odd\": {\"!table\": "
    "{\"!i8\": 1}}}"
    "}]}}";

static const struct field *field(const struct config *config, const char *name)
{
    const struct field *found =
        field_table_find(&config->topologies[0].queues[0].arguments, slice_of(name));

    assert_non_null(found);
    return found;
}

static void assert_integer(const struct config *config, const char *name, enum field_type type,
                           int64_t value)
{
    assert_int_equal(field(config, name)->type, type);
    assert_true(field(config, name)->value.integer == value);
}

static void check_fields(const struct config *config)
{
    const struct field *list = field(config, "list");
    const struct field *odd = field(config, "odd");

    assert_int_equal(field(config, "void")->type, FIELD_VOID);
    assert_true(field(config, "bool")->type == FIELD_BOOL && field(config, "bool")->value.boolean);
    assert_integer(config, "small", FIELD_I32, 1);
    assert_integer(config, "large", FIELD_I64, INT64_MIN);
    assert_int_equal(field(config, "real")->type, FIELD_F64);
    assert_int_equal(field(config, "exponent")->type, FIELD_F64);
    assert_true(field(config, "exponent")->value.real > 999.9);
    assert_int_equal(field(config, "text")->type, FIELD_STRING);
    assert_slice(field(config, "text")->value.bytes, "\xC3\xA9");
    assert_int_equal(list->value.array.count, 3);
    assert_int_equal(list->value.array.items[1].value.array.items[0].type, FIELD_STRING);
    assert_int_equal(list->value.array.items[2].value.table.count, 0);
    assert_int_equal(field(config, "table")->value.table.count, 2);
    assert_integer(config, "i8", FIELD_I8, -128);
    assert_integer(config, "u8", FIELD_U8, 255);
    assert_integer(config, "i16", FIELD_I16, -32768);
    assert_integer(config, "u16", FIELD_U16, 65535);
    assert_integer(config, "i32", FIELD_I32, INT32_MIN);
    assert_integer(config, "u32", FIELD_U32, UINT32_MAX);
    assert_integer(config, "i64", FIELD_I64, 5);
    assert_int_equal(field(config, "f32")->type, FIELD_F32);
    assert_int_equal(field(config, "f64")->type, FIELD_F64);
    assert_integer(config, "time", FIELD_TIMESTAMP, 1700000000);
    assert_int_equal(field(config, "decimal")->value.decimal.scale, 3);
    assert_int_equal(field(config, "decimal")->value.decimal.value, 12034);
    assert_int_equal(field(config, "whole")->value.decimal.scale, 0);
    assert_int_equal(field(config, "bytes")->type, FIELD_BYTES);
    assert_int_equal(field(config, "bytes")->value.bytes.len, 3);
    assert_int_equal(odd->type, FIELD_TABLE);
    assert_int_equal(odd->value.table.entries[0].value.type, FIELD_I32);
}

static void field_values_have_their_types(void **state)
{
    struct config *config = load(fields_text);
    struct strbuf printed = STRBUF_INIT;
    struct config *again;

    (void)state;
    check_fields(config);
    config_print(config, &printed);
    again = load(strbuf_text(&printed));
    check_fields(again);
    strbuf_fini(&printed);
    config_free(config);
    config_free(again);
}

static void places_and_order_of_many_bridges(void **state)
{
    struct strbuf text = STRBUF_INIT;
    struct config *config;
    unsigned i;

    (void)state;
    strbuf_append_text(&text, "{" BOTH ",\n\"bridges\": [\n");
    for (i = 0; i < 1000; i++) {
        strbuf_append_format(&text,
                             "%s {\"name\": \"bridge-%u\", \"from\": {\"channel\": \"c%u\"}, "
                             "\"to\": {\"queue\": \"q%u\"}}\n",
                             i ? "," : "", i, i, i);
    }
    strbuf_append_text(&text, "]}");
    config = load(strbuf_text(&text));
    assert_int_equal(config->bridge_count, 1000);
    for (i = 0; i < 1000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "bridge-%u", i);
        assert_string_equal(config->bridges[i].name, name);
        assert_int_equal(config->bridges[i].place.line, i + 3);
    }
    config_free(config);
    strbuf_fini(&text);
}

/* A default gives way to what is given beside it. */
static void bounds_given_alone(void **state)
{
    struct config *config =
        load("{\"connections\": {\"r\": {\"url\": \"redis://h\", \"reconnect\": {\"max\": "
             "\"50ms\"}}, \"a\": {\"url\": \"amqp://h\", \"reconnect\": {\"min\": \"1m\"}}}, "
             "\"bridges\": [{\"name\": \"b\", \"from\": {\"channel\": \"c\"}, \"to\": "
             "{\"queue\": \"q\"}, \"retry\": {\"max\": \"7ms\"}}]}");

    (void)state;
    assert_int_equal(config->connections[0].reconnect_min_us, 50000);
    assert_int_equal(config->connections[0].reconnect_max_us, 50000);
    assert_int_equal(config->connections[1].reconnect_min_us, 60000000);
    assert_int_equal(config->connections[1].reconnect_max_us, 60000000);
    assert_int_equal(config->bridges[0].options.retry_min_us, 7000);
    config_free(config);
}

static void environment_only_under_connections(void **state)
{
    struct config *config;

    (void)state;
    setenv("CONF_TEST_URL", "redis://from-environment:1234", 1);
    config = load("{\"instance\": \"${CONF_TEST_URL}\", \"connections\": {\"r\": {\"url\": "
                  "\"${CONF_TEST_URL}/3\", \"connect_timeout\": \"${CONF_TEST_NONE:-7s}\"}}}");
    assert_string_equal(config->connections[0].urls[0].host, "from-environment");
    assert_int_equal(config->connections[0].urls[0].database, 3);
    assert_int_equal(config->connections[0].connect_timeout_us, 7000000);
    assert_string_equal(config->instance, "${CONF_TEST_URL}");
    config_free(config);
    config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(everything_is_read_and_printed_without_secrets),
        cmocka_unit_test(field_values_have_their_types),
        cmocka_unit_test(places_and_order_of_many_bridges),
        cmocka_unit_test(bounds_given_alone),
        cmocka_unit_test(environment_only_under_connections),
    };
    return cmocka_run_group_tests_name("conf_load", tests, NULL, NULL);
}
