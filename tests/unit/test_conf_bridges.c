/* What is wrong with bridges and their two ends: is it told with the exact place, and in words that
 * help? */
#include "conf_bad.h"

/* Bridges and their options. */
static const struct conf_bad bridges[] = {
    {BRIDGES("{}"), "2:14: /bridges/0: 'name' is missing; a bridge needs it\n"
                    "2:14: /bridges/0: 'from' is missing; a bridge needs it\n"
                    "2:14: /bridges/0: 'to' is missing; a bridge needs it"},
    {BRIDGES("{'name': '', 'from': {'channel': 'c'}, 'to': {'queue': 'q'}}"),
     "2:23: /bridges/0/name: not a name; 1 to 64 letters, digits, '.', '_' and '-' are right"},
    {BRIDGES("{'name': 'a b', 'from': {'channel': 'c'}, 'to': {'queue': 'q'}}"),
     "2:23: /bridges/0/name: not a name; 1 to 64 letters, digits, '.', '_' and '-' are right"},
    {BRIDGES("{'name': 1, 'from': 1, 'to': []}"),
     "2:23: /bridges/0/name: a string is wanted, this is a number\n"
     "2:34: /bridges/0/from: an object is wanted, this is a number\n"
     "2:43: /bridges/0/to: an object is wanted, this is an array"},
    {BRIDGES("{'name': 'b', 'from': {'channel': 'c'}, 'to': {'queue': 'q'}},\n"
             "  {'name': 'b', 'from': {'channel': 'c'}, 'to': {'queue': 'q'}}"),
     "3:12: /bridges/1/name: the name 'b' is taken, at f:2:23; choose another"},
    {OPTION("'enabled': 'yes'"),
     "3:14: /bridges/0/enabled: true or false is wanted, this is a string"},
    {OPTION("'enabled': 1"), "3:14: /bridges/0/enabled: true or false is wanted, this is a number"},
    {OPTION("'ack_mode': 'on-confrim'"),
     "3:15: /bridges/0/ack_mode: unknown word; one of 'on-confirm', 'on-publish', 'no-ack' is "
     "right, the nearest is 'on-confirm'"},
    {OPTION("'ack_mode': 1"), "3:15: /bridges/0/ack_mode: a string is wanted, this is a number"},
    {"{'connections': {'r': {'url': 'redis://h'}, 's': {'url': 'redis://h2'}},\n"
     " 'bridges': [{'name': 'b', 'from': {'channel': 'c', 'connection': 'r'},\n"
     "  'to': {'channel': 'c', 'connection': 's'}, 'format': 'envelope'}]}",
     "3:56: /bridges/0/format: an envelope is how the Redis side of a bridge between Redis and "
     "AMQP carries properties; between two servers of one kind, bodies cross as they are: use "
     "'raw'"},
    {OPTION("'format': 'json'"), "3:13: /bridges/0/format: unknown word; one of 'raw', "
                                 "'envelope' is right, the nearest is 'raw'"},
    {OPTION("'on_no_subscribers': 'ack'"),
     "3:3: /bridges/0/on_no_subscribers: 'on_no_subscribers' means nothing for a bridge to AMQP; "
     "it is for a bridge to Redis or a mirror"},
    {OPTION("'min_subscribers': 2"),
     "3:3: /bridges/0/min_subscribers: 'min_subscribers' means "
     "nothing for a bridge to AMQP; it is for a bridge to Redis or a "
     "mirror"},
    {OPTION("'on_unroutable': 'requeue'"),
     "3:20: /bridges/0/on_unroutable: unknown word; one of 'dead-letter', 'drop', 'retry' is "
     "right, the nearest is 'retry'"},
    {OPTION("'on_unroutabel': 'drop'"),
     "3:3: /bridges/0/on_unroutabel: unknown key 'on_unroutabel'; the nearest known key of a "
     "bridge is 'on_unroutable'"},
    {OPTION("'dead_letter': {'queue': ''}"),
     "3:28: /bridges/0/dead_letter/queue: empty; at least 1 octet is wanted"},
    {OPTION("'dead_letter': {'queue': '{queue}'}"),
     "3:30: /bridges/0/dead_letter/queue: only AMQP sources have {queue}: this bridge's has not"},
    {OPTION("'filter': {}"),
     "3:13: /bridges/0/filter: 'json', 'header', 'routing_key', 'channel', 'all', 'any' or 'not' "
     "is "
     "missing; a condition has one of them"},
    {OPTION("'buffer': {'messages': 0, 'memory': 0, 'disk': '1GiB', 'durability': 'disk', "
            "'when_full': 'block'}"),
     "3:26: /bridges/0/buffer/messages: a whole number from 1 to 1000000000 is wanted\n"
     "3:39: /bridges/0/buffer/memory: out of range; 1B to 1TiB is right\n"
     "3:50: /bridges/0/buffer/disk: there is no spool; give the main file a 'spool' with a "
     "'directory'\n"
     "3:93: /bridges/0/buffer/when_full: unknown word; one of 'drop-newest', 'drop-oldest', "
     "'pause' is right, the nearest is 'pause'"},
    {OPTION("'buffer': {'messages': '100', 'memory': 'x', 'disk': 0, 'size': 1}"),
     "3:26: /bridges/0/buffer/messages: a whole number is wanted, this is a string\n"
     "3:43: /bridges/0/buffer/memory: a size such as 65536, '64MiB' or '1GB' is wanted\n"
     "3:59: /bridges/0/buffer/size: unknown key 'size'; the nearest known key of a buffer object "
     "is 'disk'"},
    {OPTION("'buffer': {'disk': 5, 'messages': 1e3}"),
     "3:22: /bridges/0/buffer/disk: there is no spool; give the main file a 'spool' with a "
     "'directory'\n"
     "3:37: /bridges/0/buffer/messages: a whole number from 1 to 1000000000 is wanted"},
    {OPTION("'buffer': {'durability': 'disk'}"),
     "3:28: /bridges/0/buffer/durability: 'disk' as durability needs room in the spool; give "
     "'disk' a size"},
    {OPTION("'retry': {'min': '5s', 'max': '1s', 'attempts': -1}"),
     "3:20: /bridges/0/retry/min: 'min' is above 'max'; lower it, or raise 'max'\n"
     "3:51: /bridges/0/retry/attempts: a whole number from 0 to 4294967295 is wanted"},
    {OPTION("'retry': {'min': '1us'}"),
     "3:20: /bridges/0/retry/min: a duration such as '250ms', '5s' or '2m' is wanted"},
    {OPTION("'buffer': []"), "3:13: /bridges/0/buffer: an object is wanted, this is an array"},
    {OPTION("'prefetch': 5"),
     "3:3: /bridges/0/prefetch: unknown key 'prefetch'; the nearest known key of a bridge is "
     "'retry', and one of this name belongs in a source"},
    {OPTION_REDIS("'annotate': true, 'on_unroutable': 'drop'"),
     "3:3: /bridges/0/annotate: 'annotate' means nothing for a bridge to Redis; it is for a bridge "
     "to AMQP or a bridge with 'rpc'\n"
     "3:21: /bridges/0/on_unroutable: 'on_unroutable' means nothing for a bridge to Redis; it is "
     "for a bridge to AMQP"},
    {OPTION_REDIS("'buffer': {'disk': '1GiB'}"),
     "3:22: /bridges/0/buffer/disk: 'disk' is for Redis sources; an AMQP queue keeps its messages "
     "itself until they are settled"},
    {OPTION_REDIS("'on_no_subscribers': 'nack'"),
     "3:24: /bridges/0/on_no_subscribers: unknown word; one of 'ack', 'hold', 'requeue', 'reject' "
     "is right, the nearest is 'ack'"},
    {OPTION_REDIS("'on_no_subscribers': 'hold', 'ack_mode': 'on-publish'"),
     "3:24: /bridges/0/on_no_subscribers: only 'ack_mode' 'on-confirm' waits to hear that nobody "
     "is "
     "subscribed; leave one of the two out"},
    {OPTION("'on_unroutable': 'retry', 'ack_mode': 'no-ack'"),
     "3:20: /bridges/0/on_unroutable: only 'ack_mode' 'on-confirm' waits to hear that a message is "
     "unroutable; leave one of the two out"},
    {OPTION_REDIS("'min_subscribers': -1"),
     "3:22: /bridges/0/min_subscribers: a whole number from 0 to 4294967295 is wanted"},
    {"{'connections': {'r': {'url': 'redis://h'}}, 'bridges': [{'name': 'b', 'from': {'channel': "
     "'c'}, 'to': {'queue': 'q'}}]}",
     "1:104: /bridges/0/to: there is no AMQP connection; put one under 'connections'"},
    {"{'connections': {'r': {'url': 'redis://h'}, 's': {'url': 'redis://h'}, 'a': {'url': "
     "'amqp://h'}},\n"
     " 'bridges': [{'name': 'b', 'from': {'channel': 'c'}, 'to': {'queue': 'q'}}]}",
     "2:36: /bridges/0/from: 'connection' is missing; there are several Redis connections, name "
     "one"},
    {"{'connections': {'r': {'url': 'redis://h'}, 's': {'url': 'redis://h'}},\n"
     " 'bridges': [{'name': 'b', 'from': {'channel': 'c', 'connection': 'r'}, 'to': {'channel': "
     "'q', 'connection': 'r'}}]}",
     "2:79: /bridges/0/to: both ends are on connection 'r'; within one protocol they must be on "
     "different connections"},
    {BRIDGES("{'name': 'b', 'from': {'channel': 'c'}, 'to': {'channel': 'd'}}"),
     "2:60: /bridges/0/to: both ends are on connection 'r'; within one protocol they must be on "
     "different connections"},
    {BRIDGES("{'name': 'b', 'from': {'queue': 'c'}, 'to': {'queue': 'd'}}"),
     "2:58: /bridges/0/to: both ends are on connection 'a'; within one protocol they must be on "
     "different connections"},
};

/* Sources, sinks, templates and properties. */
static const struct conf_bad endpoints[] = {
    {FROM("{}"), "2:36: /bridges/0/from: 'channel', 'pattern', 'queue' or 'exchange' is missing; a "
                 "source has one of them"},
    {FROM("{'channel': 'c', 'pattern': 'p'}"),
     "2:53: /bridges/0/from/pattern: 'channel' stands here too; a source is one or the other"},
    {FROM("{'channel': 'c', 'queue': 'q', 'exchange': 'e'}"),
     "2:53: /bridges/0/from/queue: 'channel' stands here too; a source is one or the other\n"
     "2:67: /bridges/0/from/exchange: 'channel' stands here too; a source is one or the other"},
    {FROM("{'stream': 's'}"),
     "2:37: /bridges/0/from/stream: 'stream' is not supported by this version; leave it out"},
    {FROM("{'list': 's', 'batch': 1}"),
     "2:37: /bridges/0/from/list: 'list' is not supported by this version; leave it out\n"
     "2:50: /bridges/0/from/batch: unknown key 'batch'; the nearest known key of a source is "
     "'pattern'"},
    {FROM("{'shard_channel': 's'}"), "2:37: /bridges/0/from/shard_channel: 'shard_channel' is not "
                                     "supported by this version; leave it out"},
    {FROM("{'chanel': 'c'}"), "2:36: /bridges/0/from: 'channel', 'pattern', 'queue' or 'exchange' "
                              "is missing; a source has one of them\n"
                              "2:37: /bridges/0/from/chanel: unknown key 'chanel'; the nearest "
                              "known key of a source is 'channel'"},
    {FROM("{'channel': ''}"), "2:48: /bridges/0/from/channel: empty; at least 1 octet is wanted"},
    {FROM("{'channel': []}"),
     "2:48: /bridges/0/from/channel: the list is empty; at least one string is wanted"},
    {FROM("{'channel': ['a', 1, '']}"),
     "2:54: /bridges/0/from/channel/1: a string is wanted, this is a number\n"
     "2:57: /bridges/0/from/channel/2: empty; at least 1 octet is wanted"},
    {FROM("{'channel': ['a', 'b', 'a']}"),
     "2:59: /bridges/0/from/channel/2: stands twice in this list; remove one of them"},
    {FROM("{'channel': {}}"),
     "2:48: /bridges/0/from/channel: a string or a list of strings is wanted, this is an object"},
    {FROM("{'channel': 'c', 'prefetch': 1}"),
     "2:53: /bridges/0/from/prefetch: 'prefetch' means nothing for a Redis channel; it is for an "
     "AMQP queue or an AMQP exchange"},
    {FROM("{'pattern': 'c', 'exclusive': true, 'arguments': {}}"),
     "2:53: /bridges/0/from/exclusive: 'exclusive' means nothing for a Redis pattern; it is for an "
     "AMQP queue\n"
     "2:72: /bridges/0/from/arguments: 'arguments' means nothing for a Redis pattern; it is for an "
     "AMQP queue"},
    {FROM("{'channel': 'c', 'connection': 'q'}"),
     "2:67: /bridges/0/from/connection: no connection is called 'q'; the nearest is 'r'"},
    {FROM("{'channel': 'c', 'connection': 'a'}"),
     "2:67: /bridges/0/from/connection: this connection goes to AMQP; one to Redis is wanted here"},
    {FROM("{'channel': 'c', 'connection': 1}"),
     "2:67: /bridges/0/from/connection: a string is wanted, this is a number"},
    {FROM("{'channel': 'c', 'routing_key': 'x'}"),
     "2:53: /bridges/0/from/routing_key: unknown key 'routing_key'; the nearest known key of a "
     "source is 'channel', and one of this name belongs in a sink"},
    {FROM_REDIS("{'queue': ''}"), "2:46: /bridges/0/from/queue: empty; at least 1 octet is wanted"},
    {FROM_REDIS("{'queue': 5}"),
     "2:46: /bridges/0/from/queue: a string is wanted, this is a number"},
    {FROM_REDIS("{'queue': '" Q256 "'}"),
     "2:46: /bridges/0/from/queue: 256 octets long; 1 to 255 is right"},
    {FROM_REDIS("{'queue': 'q', 'prefetch': 0}"),
     "2:63: /bridges/0/from/prefetch: a whole number from 1 to 65535 is wanted"},
    {FROM_REDIS("{'queue': 'q', 'prefetch': 65536}"),
     "2:63: /bridges/0/from/prefetch: a whole number from 1 to 65535 is wanted"},
    {FROM_REDIS("{'queue': 'q', 'prefetch': '10'}"),
     "2:63: /bridges/0/from/prefetch: a whole number is wanted, this is a string"},
    {FROM_REDIS("{'queue': 'q', 'prefetch': 1.5}"),
     "2:63: /bridges/0/from/prefetch: a whole number from 1 to 65535 is wanted"},
    {FROM_REDIS("{'queue': 'q', 'binding_keys': '#'}"),
     "2:51: /bridges/0/from/binding_keys: 'binding_keys' means nothing for an AMQP queue; it is "
     "for an AMQP exchange"},
    {FROM_REDIS("{'queue': 'q', 'consumer_priority': 3000000000}"),
     "2:72: /bridges/0/from/consumer_priority: a whole number from -2147483648 to 2147483647 is "
     "wanted"},
    {FROM_REDIS("{'exchange': '', 'binding_keys': []}"),
     "2:49: /bridges/0/from/exchange: empty; at least 1 octet is wanted\n"
     "2:69: /bridges/0/from/binding_keys: the list is empty; at least one string is wanted"},
    {FROM_REDIS("{'exchange': 'e', 'binding_keys': ['" Q256 "'], 'exclusive': true}"),
     "2:71: /bridges/0/from/binding_keys/0: 256 octets long; 0 to 255 is right\n"
     "2:332: /bridges/0/from/exclusive: 'exclusive' means nothing for an AMQP exchange; it is for "
     "an AMQP queue"},
    {FROM_REDIS("{'exchange': 'e', 'consumer_priority': 1, 'arguments': {}}"),
     "2:54: /bridges/0/from/consumer_priority: 'consumer_priority' means nothing for an AMQP "
     "exchange; it is for an AMQP queue\n"
     "2:78: /bridges/0/from/arguments: 'arguments' means nothing for an AMQP exchange; it is for "
     "an AMQP queue"},
    {FROM_REDIS("{'queue': 'q', 'exclusiv': true}"),
     "2:51: /bridges/0/from/exclusiv: unknown key 'exclusiv'; the nearest known key of a source is "
     "'exclusive'"},
    {TO("{}"),
     "3:9: /bridges/0/to: 'channel', 'exchange' or 'queue' is missing; a sink has one of them"},
    {TO("{'exchange': 'e', 'queue': 'q'}"),
     "3:27: /bridges/0/to/queue: 'exchange' stands here too; a sink is one or the other"},
    {TO("{'list': 'l'}"),
     "3:10: /bridges/0/to/list: 'list' is not supported by this version; leave it out"},
    {TO("{'routing_key': 'k'}"),
     "3:9: /bridges/0/to: 'channel', 'exchange' or 'queue' is missing; a sink has one of them"},
    {TO("{'exchange': ''}"), "3:22: /bridges/0/to/exchange: the default exchange sends to the "
                             "queue that 'routing_key' names; name one, or write 'queue' instead"},
    {TO("{'exchange': '', 'routing_key': ''}"),
     "3:22: /bridges/0/to/exchange: the default exchange sends to the queue that 'routing_key' "
     "names; name one, or write 'queue' instead"},
    {TO("{'queue': ''}"), "3:19: /bridges/0/to/queue: empty; at least 1 octet is wanted"},
    {TO("{'queue': 'q', 'routing_key': 'k'}"),
     "3:24: /bridges/0/to/routing_key: 'routing_key' means nothing for an AMQP queue; it is for an "
     "AMQP exchange"},
    {TO("{'exchange': '" Q256 "'}"),
     "3:22: /bridges/0/to/exchange: 256 octets long; 0 to 255 is right"},
    {TO("{'exchange': 'x', 'routing_key': '" Q256 "'}"),
     "3:42: /bridges/0/to/routing_key: 256 octets long; 0 to 255 is right"},
    {TO("{'channel': 'd', 'connection': 'r'}"),
     "3:9: /bridges/0/to: both ends are on connection 'r'; within one protocol they must be on "
     "different connections"},
    {TO("{'channel': 'd', 'transactional': true}"),
     "3:9: /bridges/0/to: both ends are on connection 'r'; within one protocol they must be on "
     "different connections\n"
     "3:26: /bridges/0/to/transactional: 'transactional' means nothing for a Redis channel; it is "
     "for an AMQP exchange or an AMQP queue"},
    {TO("{'exchange': 'x', 'transactional': true}, 'ack_mode': 'on-publish'"),
     "3:44: /bridges/0/to/transactional: a transaction counts once the broker has committed it, "
     "which only 'ack_mode' 'on-confirm' waits for; leave one of the two out"},
    {TO("{'queue': 'q', 'transactional': true}, 'ack_mode': 'no-ack'"),
     "3:41: /bridges/0/to/transactional: a transaction counts once the broker has committed it, "
     "which only 'ack_mode' 'on-confirm' waits for; leave one of the two out"},
    {TO("{'queue': 'q'}, 'ack_mode': 'no-ack', 'dead_letter': {'queue': 'd', 'transactional': "
        "true}"),
     "3:94: /bridges/0/dead_letter/transactional: a transaction counts once the broker has "
     "committed it, which only 'ack_mode' 'on-confirm' waits for; leave one of the two out"},
    {TO("{'exchange': 'x', 'transactional': 1}"),
     "3:44: /bridges/0/to/transactional: true or false is wanted, this is a number"},
    {TO("{'exchange': 'x', 'mandatory': 1, 'persistent': 'yes'}"),
     "3:40: /bridges/0/to/mandatory: true or false is wanted, this is a number\n"
     "3:57: /bridges/0/to/persistent: true or false is wanted, this is a string"},
    {TO("{'exchange': 'x', 'connection': 'r'}"),
     "3:41: /bridges/0/to/connection: this connection goes to Redis; one to AMQP is wanted here"},
    {TO("{'exchange': 'x', 'routing_key': '{pattern}'}"),
     "3:44: /bridges/0/to/routing_key: only sources with a pattern have {pattern}: this bridge's "
     "has not"},
    {TO("{'exchange': 'x', 'routing_key': '{1}'}"),
     "3:44: /bridges/0/to/routing_key: {1} is what a pattern's wildcard matched, but this bridge's "
     "source has no pattern"},
    {TO("{'exchange': 'x', 'routing_key': '{queue}'}"),
     "3:44: /bridges/0/to/routing_key: only AMQP sources have {queue}: this bridge's has not"},
    {TO("{'exchange': 'x', 'routing_key': '\\u00e9\\n{chanel}'}"),
     "3:52: /bridges/0/to/routing_key: unknown name 'chanel'; the nearest known one is {channel}"},
    {TO("{'exchange': 'x', 'routing_key': '{channel|dot}'}"),
     "3:52: /bridges/0/to/routing_key: unknown filter 'dot'; the nearest known one is 'dots'"},
    {TO("{'exchange': 'x', 'routing_key': 'a{'}"),
     "3:44: /bridges/0/to/routing_key: '{' without its '}'; a literal brace is written {{"},
    {TO("{'exchange': 'x', 'routing_key': 'a}'}"),
     "3:44: /bridges/0/to/routing_key: '}' without its '{'; a literal brace is written }}"},
    {TO("{'exchange': 'x', 'routing_key': 5}"),
     "3:42: /bridges/0/to/routing_key: a string is wanted, this is a number"},
    {TO("{'exchange': 'x', 'properties': {'priority': 256, 'expiration': '1s', 'type': 1, "
        "'contenttype': 'x'}}"),
     "3:54: /bridges/0/to/properties/priority: a whole number from 0 to 255 is wanted\n"
     "3:73: /bridges/0/to/properties/expiration: not a number of milliseconds; RabbitMQ takes '0' "
     "to '4294967295'\n"
     "3:87: /bridges/0/to/properties/type: a string is wanted, this is a number\n"
     "3:90: /bridges/0/to/properties/contenttype: unknown key 'contenttype'; the nearest known key "
     "of a properties object is 'content_type'"},
    {TO("{'exchange': 'x', 'properties': {'expiration': 1000, 'message_id': 'x'}}"),
     "3:56: /bridges/0/to/properties/expiration: a string is wanted, this is a number\n"
     "3:62: /bridges/0/to/properties/message_id: unknown key 'message_id'; the nearest known key "
     "of a properties object is 'app_id'"},
    {TO("{'exchange': 'x', 'properties': {'priority': -1, 'expiration': '4294967296'}}"),
     "3:54: /bridges/0/to/properties/priority: a whole number from 0 to 255 is wanted\n"
     "3:72: /bridges/0/to/properties/expiration: not a number of milliseconds; RabbitMQ takes '0' "
     "to '4294967295'"},
    {TO("{'exchange': 'x', 'properties': []}"),
     "3:41: /bridges/0/to/properties: an object is wanted, this is an array"},
    {TO("{'exchange': 'x', 'properties': {'headers': []}}"),
     "3:53: /bridges/0/to/properties/headers: an object is wanted, this is an array"},
    {TO("{'exchange': 'x', 'properties': {'headers': {'a': '{nope}', 'b': {'!i8': 300}, '" H256
        "': 1}}}"),
     "3:61: /bridges/0/to/properties/headers/a: unknown name 'nope'; the nearest known one is "
     "{queue}\n"
     "3:82: /bridges/0/to/properties/headers/b/!i8: a whole number from -128 to 127 is wanted\n"
     "3:88: /bridges/0/to/properties/headers/" H256 ": a name of 256 octets; AMQP allows 255"},
    {TO("{'exchange': 'x', 'properties': {'content_type': '" T256 "'}}"),
     "3:58: /bridges/0/to/properties/content_type: 256 octets long; 0 to 255 is right"},
    {TO_PATTERN("{'exchange': 'x', 'routing_key': '{2}'}"),
     "3:44: /bridges/0/to/routing_key: there is no wildcard {2}: the source's pattern (the one "
     "with the fewest) has 1"},
    {TO_PATTERN("{'exchange': 'x', 'routing_key': '{header.x}'}"),
     "3:44: /bridges/0/to/routing_key: only AMQP sources and envelopes have {header.NAME}: "
     "this bridge's has not"},
    {"{'connections': {'r': {'url': 'redis://h'}, 'r2': {'url': 'redis://h'}, 'a': {'url': "
     "'amqp://h'}},\n"
     " 'bridges': [{'name': 'b', 'from': {'channel': 'c', 'connection': 'r'}, 'to': {'channel': "
     "'', 'connection': 'r2'}}]}",
     "2:91: /bridges/0/to/channel: empty; at least 1 octet is wanted"},
    {"{'connections': {'r': {'url': 'redis://h'}, 'r2': {'url': 'redis://h'}, 'a': {'url': "
     "'amqp://h'}},\n"
     " 'bridges': [{'name': 'b', 'from': {'channel': 'c', 'connection': 'r'}, 'to': {'channel': "
     "'d', 'connection': 'r2', 'mandatory': true, 'properties': {}}}]}",
     "2:116: /bridges/0/to/mandatory: 'mandatory' means nothing for a Redis channel; it is for an "
     "AMQP exchange or an AMQP queue\n"
     "2:135: /bridges/0/to/properties: 'properties' means nothing for a Redis channel; it is for "
     "an AMQP exchange or an AMQP queue"},
};

static void problems_of_bridges(void **state)
{
    (void)state;
    conf_bad_check(bridges, sizeof(bridges) / sizeof(bridges[0]));
}

static void problems_of_endpoints(void **state)
{
    (void)state;
    conf_bad_check(endpoints, sizeof(endpoints) / sizeof(endpoints[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_of_bridges),
        cmocka_unit_test(problems_of_endpoints),
    };
    return cmocka_run_group_tests_name("conf_bridges", tests, NULL, NULL);
}
