/* What is wrong with bridges that carry calls is told, and what is right is read as it should be.
 */
#include <string.h>

#include "base/strbuf.h"
#include "conf/load_text.h"
#include "conf_bad.h"

#define RPC(text) BRIDGES("{'name': 'b', 'rpc': " text "}")
#define RPC_OPTION(text)                                                                           \
    BRIDGES("{'name': 'b', 'rpc': {'from': {'channel': 'c'}, 'to': {'queue': 'q'}},\n  " text "}")

static const struct conf_bad rpc[] = {
    {RPC("{}"), "2:35: /bridges/0/rpc: 'from' is missing; an rpc object needs it\n"
                "2:35: /bridges/0/rpc: 'to' is missing; an rpc object needs it"},
    {RPC("[]"), "2:35: /bridges/0/rpc: an object is wanted, this is an array"},
    {RPC("{'from': {'queue': 'q'}, 'to': {}}"),
     "2:66: /bridges/0/rpc/to: 'channel', 'exchange' or 'queue' is missing; a sink has one of "
     "them"},
    {RPC("{'from': {'queue': 'q'}, 'to': {'queue': 'r'}}"),
     "2:66: /bridges/0/rpc/to: both ends speak AMQP; calls go from AMQP to Redis, or from Redis to "
     "AMQP"},
    {RPC("{'from': {'channel': 'q'}, 'to': {'channel': 'r'}}"),
     "2:68: /bridges/0/rpc/to: both ends speak Redis; calls go from AMQP to Redis, or from Redis "
     "to AMQP"},
    {RPC("{'from': {'queue': 'q'}, 'to': {'channel': 'c'},\n 'timeout': '0ms', 'max_calls': 0}"),
     "3:13: /bridges/0/rpc/timeout: out of range; 1ms to 1h is right\n"
     "3:33: /bridges/0/rpc/max_calls: a whole number from 1 to 65535 is wanted"},
    {RPC("{'from': {'queue': 'q'}, 'to': {'channel': 'c'},\n 'timeout': 5, 'max_calls': '9'}"),
     "3:13: /bridges/0/rpc/timeout: a duration such as '250ms', '5s' or '2m' is wanted\n"
     "3:29: /bridges/0/rpc/max_calls: a whole number is wanted, this is a string"},
    {RPC("{'from': {'queue': 'q'}, 'to': {'channel': 'c'},\n 'timeuot': '5s'}"),
     "3:2: /bridges/0/rpc/timeuot: unknown key 'timeuot'; the nearest known key of an rpc object "
     "is 'timeout'"},
    {RPC("{'from': {'channel': 'c'}, 'to': {'queue': 'q',\n"
         " 'properties': {'correlation_id': 'x', 'reply_to': 'y'}}}"),
     "3:17: /bridges/0/rpc/to/properties/correlation_id: 'correlation_id' is the gateway's own in "
     "requests, to find their answers; leave it out\n"
     "3:40: /bridges/0/rpc/to/properties/reply_to: 'reply_to' is the gateway's own in requests, to "
     "find their answers; leave it out"},
    {RPC("{'from': {'channel': 'c'}, 'to': {'queue': '{routing_key}'}}"),
     "2:80: /bridges/0/rpc/to/queue: only AMQP sources have {routing_key}: this bridge's has not"},
    {RPC_OPTION("'from': {'channel': 'c'}"),
     "3:3: /bridges/0/from: 'from' means nothing for a bridge with 'rpc'; it is for a bridge to "
     "Redis or a bridge to AMQP"},
    {RPC_OPTION("'to': {}"),
     "3:3: /bridges/0/to: 'to' means nothing for a bridge with 'rpc'; it is for a bridge to Redis "
     "or a bridge to AMQP"},
    {RPC_OPTION("'ack_mode': 'no-ack', 'format': 'raw', 'retry': {}"),
     "3:3: /bridges/0/ack_mode: 'ack_mode' means nothing for a bridge with 'rpc'; it is for a "
     "bridge to Redis or a bridge to AMQP\n"
     "3:25: /bridges/0/format: 'format' means nothing for a bridge with 'rpc'; it is for a bridge "
     "to Redis or a bridge to AMQP\n"
     "3:42: /bridges/0/retry: 'retry' means nothing for a bridge with 'rpc'; it is for a bridge to "
     "Redis or a bridge to AMQP or a mirror"},
    {RPC_OPTION("'on_unroutable': 'drop', 'on_no_subscribers': 'hold', 'min_subscribers': 2"),
     "3:3: /bridges/0/on_unroutable: 'on_unroutable' means nothing for a bridge with 'rpc'; it is "
     "for a bridge to AMQP\n"
     "3:28: /bridges/0/on_no_subscribers: 'on_no_subscribers' means nothing for a bridge with "
     "'rpc'; it is for a bridge to Redis or a mirror\n"
     "3:57: /bridges/0/min_subscribers: 'min_subscribers' means nothing for a bridge with 'rpc'; "
     "it is for a bridge to Redis or a mirror"},
    {RPC_OPTION("'buffer': {'disk': '1MiB', 'durability': 'disk'}"),
     "3:22: /bridges/0/buffer/disk: calls do not outlive the process, so their requests are not "
     "for the disk; leave it out\n"
     "3:44: /bridges/0/buffer/durability: calls do not outlive the process: 'memory' is right"},
};

static void problems_of_calls(void **state)
{
    (void)state;
    conf_bad_check(rpc, sizeof(rpc) / sizeof(rpc[0]));
}

static void fail_with(void *ctx, const char *problem)
{
    (void)ctx;
    fail_msg("%s", problem);
}

/* Loads a configuration that has ' for ". */
static struct config *load(const char *text)
{
    struct strbuf json = STRBUF_INIT;
    struct config *config;

    for (; *text != '\0'; text++) {
        strbuf_append_char(&json, *text == '\'' ? '"' : *text);
    }
    config = config_load_text("f", strbuf_slice(&json), fail_with, NULL);
    strbuf_fini(&json);
    assert_non_null(config);
    return config;
}

static void calls_are_read(void **state)
{
    struct config *config = load(BRIDGES(
        "{'name': 'a', 'rpc': {'from': {'queue': 'q'}, 'to': {'channel': 'c'}}},"
        "{'name': 'b', 'rpc': {'from': {'queue': 'q', 'prefetch': 5}, 'to': {'channel': 'c'},"
        "  'timeout': '250ms', 'max_calls': 7}},"
        "{'name': 'c', 'rpc': {'from': {'queue': 'q', 'prefetch': 99}, 'to': {'channel': 'c'},"
        "  'max_calls': 7}, 'annotate': false, 'dead_letter': {'queue': 'd'}},"
        "{'name': 'd', 'rpc': {'from': {'channel': 'e'}, 'to': {'queue': '{property.type}'}}},"
        "{'name': 'e', 'from': {'channel': 'f'}, 'to': {'queue': 'g'}}"));
    const struct conf_bridge *bridges = config->bridges;

    (void)state;
    assert_int_equal(config->bridge_count, 5);
    assert_int_equal(bridges[0].kind, CONF_BRIDGE_RPC);
    assert_int_equal(bridges[0].rpc_timeout_us, 5000000);
    assert_int_equal(bridges[0].rpc_max_calls, 10000);
    assert_int_equal(bridges[0].source.prefetch, 10000);
    assert_int_equal(bridges[0].options.when_full, FULL_PAUSE);
    assert_int_equal(bridges[0].options.min_subscribers, 1);
    assert_true(bridges[0].sink.mapping.annotate);
    assert_int_equal(bridges[1].rpc_timeout_us, 250000);
    assert_int_equal(bridges[1].source.prefetch, 5);
    assert_int_equal(bridges[2].source.prefetch, 7);
    assert_false(bridges[2].sink.mapping.annotate);
    assert_true(bridges[2].has_dead_letter);
    assert_int_equal(bridges[3].kind, CONF_BRIDGE_RPC);
    assert_true(bridges[3].sink.mapping.reads_envelope);
    assert_int_equal(bridges[3].options.when_full, FULL_DROP_NEWEST);
    assert_int_equal(bridges[4].kind, CONF_BRIDGE_PLAIN);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_of_calls),
        cmocka_unit_test(calls_are_read),
    };

    return cmocka_run_group_tests_name("conf_rpc", tests, NULL, NULL);
}
