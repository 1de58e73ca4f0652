/* What is wrong with a topology and with field values: is it told with the exact place, and in
 * words that help? */
#include "conf_bad.h"

/* Topology and field values. */
static const struct conf_bad topology[] = {
    {TOPOLOGY("1"), "3:3: /topology: a list of objects is wanted, this is a number"},
    {TOPOLOGY("[1]"), "3:4: /topology/0: an object is wanted, this is a number"},
    {TOPOLOGY("{'exchange': []}"),
     "3:4: /topology/exchange: unknown key 'exchange'; the nearest known key of a topology object "
     "is 'exchanges', and one of this name belongs in a source"},
    {TOPOLOGY("{'exchanges': {}}"),
     "3:17: /topology/exchanges: a list of objects is wanted, this is an object"},
    {TOPOLOGY("{'exchanges': [{}]}"),
     "3:18: /topology/exchanges/0: 'name' is missing; an exchange needs it"},
    {TOPOLOGY("{'exchanges': [{'name': '', 'type': '', 'durable': 1}]}"),
     "3:27: /topology/exchanges/0/name: empty; at least 1 octet is wanted\n"
     "3:39: /topology/exchanges/0/type: empty; at least 1 octet is wanted\n"
     "3:54: /topology/exchanges/0/durable: true or false is wanted, this is a number"},
    {TOPOLOGY("{'queues': [{'name': 'q', 'vhost': 'other'}]}"),
     "3:38: /topology/queues/0/vhost: the connection's virtual host is '/'; leave this out, or use "
     "a connection to the other one"},
    {TOPOLOGY("{'queues': [{'name': 'q', 'vhost': 1, 'durabel': true}]}"),
     "3:38: /topology/queues/0/vhost: a string is wanted, this is a number\n"
     "3:41: /topology/queues/0/durabel: unknown key 'durabel'; the nearest known key of a queue is "
     "'durable'"},
    {TOPOLOGY("{'queues': [{'name': 'q', 'type': 'quorum'}, {'name': 'p', 'type': 'classic'},\n"
              "{'name': 'o', 'type': 'stream', 'arguments': {'x-queue-type': 'quorum'}}]}"),
     "3:37: /topology/queues/0/type: the arguments declare a queue of type 'classic'; write "
     "'arguments': {'x-queue-type': 'quorum'}\n"
     "4:23: /topology/queues/2/type: the arguments declare a queue of type 'quorum'; write "
     "'arguments': {'x-queue-type': 'stream'}"},
    {TOPOLOGY("{'bindings': [{'source': 'x', 'destination': 'q', 'destination_type': 'topic'}]}"),
     "3:73: /topology/bindings/0/destination_type: unknown word; one of 'queue', 'exchange' is "
     "right, the nearest is 'queue'"},
    {TOPOLOGY("{'bindings': [{}]}"),
     "3:17: /topology/bindings/0: 'source' is missing; a binding needs it\n"
     "3:17: /topology/bindings/0: 'destination' is missing; a binding needs it"},
    {TOPOLOGY("{'bindings': [{'source': '', 'destination': 'q', 'routing_key': 1}]}"),
     "3:28: /topology/bindings/0/source: empty; at least 1 octet is wanted\n"
     "3:67: /topology/bindings/0/routing_key: a string is wanted, this is a number"},
    {TOPOLOGY("{'definitions_file': 1}"),
     "3:24: /topology/definitions_file: a string is wanted, this is a number"},
    {TOPOLOGY("{'definitions_file': ''}"),
     "3:24: /topology/definitions_file: empty; the path of a file is wanted"},
    {TOPOLOGY("{'connection': 'r'}"),
     "3:18: /topology/connection: this connection goes to Redis; one to AMQP is wanted here"},
    {TOPOLOGY("{'connection': 'x', 'queues': [{'name': ''}]}"),
     "3:18: /topology/connection: no connection is called 'x'; the nearest is 'r'\n"
     "3:43: /topology/queues/0/name: empty; at least 1 octet is wanted"},
    {TOPOLOGY("{'queues': [{'name': '" Q256 "'}]}"),
     "3:24: /topology/queues/0/name: 256 octets long; 1 to 255 is right"},
    {"{'connections': {'a': {'url': 'amqp://h'}, 'b': {'url': 'amqp://h'}}, 'topology': {}}",
     "1:83: /topology: 'connection' is missing; there are several AMQP connections, name one"},
    {"{'connections': {}, 'topology': {}}",
     "1:33: /topology: there is no AMQP connection; put one under 'connections'"},
    {ARGUMENTS("1"), "4:2: /topology/queues/0/arguments: an object is wanted, this is a number"},
    {ARGUMENTS("[]"), "4:2: /topology/queues/0/arguments: an object is wanted, this is an array"},
    {ARGUMENTS("{'a': 9223372036854775808}"),
     "4:8: /topology/queues/0/arguments/a: a whole number from -9223372036854775808 to "
     "9223372036854775807 is wanted"},
    {ARGUMENTS("{'a': 1e999}"),
     "4:8: /topology/queues/0/arguments/a: the number is too large for its type"},
    {ARGUMENTS("{'a': {'!i8': 128}}"),
     "4:16: /topology/queues/0/arguments/a/!i8: a whole number from -128 to 127 is wanted"},
    {ARGUMENTS("{'a': {'!u8': -1}}"),
     "4:16: /topology/queues/0/arguments/a/!u8: a whole number from 0 to 255 is wanted"},
    {ARGUMENTS("{'a': {'!i16': 1.0}}"),
     "4:17: /topology/queues/0/arguments/a/!i16: a whole number from -32768 to 32767 is wanted"},
    {ARGUMENTS("{'a': {'!u64': 1}}"),
     "4:9: /topology/queues/0/arguments/a/!u64: unknown type '!u64'; the nearest known one is "
     "'!i64', and a table with such a key stands under '!table'"},
    {ARGUMENTS("{'a': {'!i32': '1'}}"), "4:17: /topology/queues/0/arguments/a/!i32: a whole number "
                                        "from -2147483648 to 2147483647 is wanted"},
    {ARGUMENTS("{'a': {'!timestamp': -1}}"),
     "4:23: /topology/queues/0/arguments/a/!timestamp: a whole number from 0 to "
     "18446744073709551615 is wanted"},
    {ARGUMENTS("{'a': {'!decimal': -1}}"),
     "4:21: /topology/queues/0/arguments/a/!decimal: a number such as 12.34 is wanted: no sign, no "
     "exponent, its digits at most 4294967295"},
    {ARGUMENTS("{'a': {'!decimal': 1e3}}"),
     "4:21: /topology/queues/0/arguments/a/!decimal: a number such as 12.34 is wanted: no sign, no "
     "exponent, its digits at most 4294967295"},
    {ARGUMENTS("{'a': {'!decimal': 4294967296}}"),
     "4:21: /topology/queues/0/arguments/a/!decimal: a number such as 12.34 is wanted: no sign, no "
     "exponent, its digits at most 4294967295"},
    {ARGUMENTS("{'a': {'!decimal': '1e3'}}"),
     "4:21: /topology/queues/0/arguments/a/!decimal: a number such as 12.34 is wanted: no sign, no "
     "exponent, its digits at most 4294967295"},
    {ARGUMENTS("{'a': {'!bytes': 'AAE'}}"),
     "4:19: /topology/queues/0/arguments/a/!bytes: a string in base64 is wanted, such as 'AAEC'"},
    {ARGUMENTS("{'a': {'!bytes': 5}}"),
     "4:19: /topology/queues/0/arguments/a/!bytes: a string in base64 is wanted, such as 'AAEC'"},
    {ARGUMENTS("{'a': {'!table': 'x'}}"), "4:19: /topology/queues/0/arguments/a/!table: an object, "
                                          "or a list of pairs, is wanted, this is "
                                          "a string"},
    {ARGUMENTS("{'a': {'!string': '_'}}"),
     "4:20: /topology/queues/0/arguments/a/!string: a string in base64 is wanted, such as 'AAEC'"},
    {ARGUMENTS("{'a': {'!f32': 1e39}}"),
     "4:17: /topology/queues/0/arguments/a/!f32: the number is too large for its type"},
    {ARGUMENTS("{'a': {'!f64': 'x'}}"),
     "4:17: /topology/queues/0/arguments/a/!f64: a number is wanted, this is a string"},
    {ARGUMENTS("{'a': [{'!': 1}]}"),
     "4:10: /topology/queues/0/arguments/a/0/!: unknown type '!'; the nearest known one is '!i8', "
     "and a table with such a key stands under '!table'"},
    {ARGUMENTS("{'" N256 "': 1}"),
     "4:3: /topology/queues/0/arguments/" N256 ": a name of 256 octets; AMQP allows 255"},
};

/* What is declared twice, in a topology on line 3 and on; what one differs in from the other. */
#define TWICE(place, what, name, first, differs)                                                   \
    place ": " what " '" name "' is declared at f:" first " too, with another " differs            \
          "; RabbitMQ refuses the second of the two; write them alike, or take one out"
#define TWO_CONNECTIONS(url)                                                                       \
    "{'connections': {'a': {'url': 'amqp://h'}, 'b': {'url': '" url "'}},\n'topology': [\n"
static const struct conf_bad twice[] = {
    {TOPOLOGY("{'queues': [{'name': 'q'}, {'name': 'q', 'durable': false}]}"),
     TWICE("3:30: /topology/queues/1", "queue", "q", "3:15", "'durable'")},
    {TOPOLOGY("{'queues': [{'name': 'q', 'exclusive': true, 'auto_delete': true},\n"
              "{'name': 'p'}, {'name': 'q', 'arguments': {'x-max-length': 5}}]}"),
     TWICE("4:16: /topology/queues/2", "queue", "q", "3:15",
           "'exclusive', 'auto_delete', 'x-max-length'")},
    {TOPOLOGY("{'queues': [{'name': 'q', 'arguments': {'x-max-length': 5, 'x-expires': 1}},\n"
              "{'name': 'q', 'arguments': {'x-max-length': 6, 'x-queue-mode': 'lazy'}}]}"),
     TWICE("4:1: /topology/queues/1", "queue", "q", "3:15",
           "'x-max-length', 'x-expires', 'x-queue-mode'")},
    {TOPOLOGY("{'queues': [{'name': 'q', 'arguments': {'x-expires': 5}},\n"
              "{'name': 'q', 'arguments': {'x-expires': '5'}}]}"),
     TWICE("4:1: /topology/queues/1", "queue", "q", "3:15", "'x-expires'")},
    {TOPOLOGY("{'queues': [{'name': 'q'},\n"
              "{'name': 'q', 'arguments': {'x-queue-type': 'quorum'}}]}"),
     TWICE("4:1: /topology/queues/1", "queue", "q", "3:15", "'x-queue-type'")},
    {TOPOLOGY("{'exchanges': [{'name': 'x'}, {'name': 'x', 'type': 'topic'},\n"
              "{'name': 'x', 'internal': true, 'arguments': {'alternate-exchange': 'y'}}]}"),
     TWICE("3:33: /topology/exchanges/1", "exchange", "x", "3:18",
           "'type'") "\n" TWICE("4:1: /topology/exchanges/2", "exchange", "x", "3:18",
                                "'internal', 'alternate-exchange'")},
    {TWO_CONNECTIONS(
         "amqp://h") "{'connection': 'a', 'queues': [{'name': 'q'}]},\n"
                     "{'connection': 'b', 'queues': [{'name': 'q', 'durable': false}]}]}",
     TWICE("4:32: /topology/1/queues/0", "queue", "q", "3:32", "'durable'")},
    {WITH_BOTH("'topology': {'exchanges': [{'name': 'x', 'type': 'fanout'}],\n"
               "'queues': [{'name': 'chunnel.m', 'arguments': {'x-expires': 60000}}]},\n"
               "'bridges': [{'name': 'm', 'mirror': {'channel': 'c', 'exchange': 'x'}}]}"),
     TWICE("4:13: /bridges/0", "queue", "chunnel.m", "3:12", "'x-expires'")},
};

static void problems_of_what_is_declared_twice(void **state)
{
    (void)state;
    conf_bad_check(twice, sizeof(twice) / sizeof(twice[0]));
}

/* What RabbitMQ takes: declarations alike, and those that only look. */
static const struct conf_bad alike[] = {
    {TOPOLOGY("{'queues': [{'name': 'a'}, {'name': 'a', 'durable': true, 'vhost': '/'},\n"
              "{'name': 'a', 'passive': true, 'durable': false},\n"
              "{'name': 'a', 'type': 'classic', 'arguments': {'x-queue-type': 'classic'}}],\n"
              "'exchanges': [{'name': 'a', 'passive': true}, {'name': 'a', 'type': 'topic'}],\n"
              "'bindings': [{'source': 'a', 'destination': 'a', 'routing_key': 'k'},\n"
              "{'source': 'a', 'destination': 'a', 'routing_key': 'k'}]}"),
     ""},
    {TOPOLOGY("{'queues': [{'name': 'q', 'arguments': {'x-expires': 5, 'x-max-length': 1}},\n"
              "{'name': 'q', 'arguments': {'x-max-length': {'!i16': 1}, 'x-expires': {'!u8': 5},\n"
              "'note': 1}}], 'exchanges': [{'name': 'a'}, {'name': 'a', 'arguments': {'n': 1}}],\n"
              "'bindings': [{'source': 'a', 'destination': 'q'}]}"),
     ""},
    {TWO_CONNECTIONS(
         "amqp://other") "{'connection': 'a', 'queues': [{'name': 'q'}],\n"
                         "'bindings': [{'source': 'a', 'destination': 'q'}]},\n"
                         "{'connection': 'b', 'queues': [{'name': 'q', 'durable': false}],\n"
                         "'bindings': [{'source': 'a', 'destination': 'q'}]}]}",
     ""},
};

static void the_same_may_be_declared_twice(void **state)
{
    (void)state;
    conf_warned_check(alike, sizeof(alike) / sizeof(alike[0]));
}

static void problems_of_the_topology(void **state)
{
    (void)state;
    conf_bad_check(topology, sizeof(topology) / sizeof(topology[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_of_the_topology),
        cmocka_unit_test(problems_of_what_is_declared_twice),
        cmocka_unit_test(the_same_may_be_declared_twice),
    };
    return cmocka_run_group_tests_name("conf_topology", tests, NULL, NULL);
}
