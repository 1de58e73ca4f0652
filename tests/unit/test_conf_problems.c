/* What is wrong with a configuration as a whole, or with its connections: is it told with the exact
 * place, and in words that help? */
#include "conf_bad.h"

/* The file as a whole. */
static const struct conf_bad file[] = {
    {"", "1:1: /: empty; a JSON value is wanted"},
    {" ", "1:1: /: empty; a JSON value is wanted"},
    {"[]", "1:1: /: an object is wanted, this is an array"},
    {"'x'", "1:1: /: an object is wanted, this is a string"},
    {"null", "1:1: /: an object is wanted, this is null"},
    {"{", "1:2: /: a key in double quotes is wanted here, this is the end of the text"},
    {"{}", "1:1: /: 'connections' is missing; the configuration needs it"},
    {"{'connections': []}", "1:17: /connections: an object is wanted, this is an array"},
    {"{'connections': null}", "1:17: /connections: an object is wanted, this is null"},
    {"{'connections': {}, 'bridges': {}}",
     "1:32: /bridges: a list of objects is wanted, this is an object"},
    {"{'connections': {}, 'bridges': [1, [], null]}",
     "1:33: /bridges/0: an object is wanted, this is a number\n"
     "1:36: /bridges/1: an object is wanted, this is an array\n"
     "1:40: /bridges/2: an object is wanted, this is null"},
    {"{'connections': {}} x", "1:21: /: 'x' behind the end of the JSON value; remove the rest"},
    {"{'connections': {}, 'connections': {}}",
     "1:21: /connections: this key stood in this object before; remove one of them"},
    {"{'conections': {}, 'connections': {}}",
     "1:2: /conections: unknown key 'conections'; the nearest known key of the configuration is "
     "'connections'"},
    {"{'connections': {}, 'http': {'listen': 'x'}, 'control': 1, 'spool': {}}",
     "1:40: /http/listen: an address and a port are wanted, such as '127.0.0.1:9419' or "
     "'[::1]:9419'\n"
     "1:57: /control: an object is wanted, this is a number\n"
     "1:69: /spool: 'directory' is missing; a spool object needs it"},
    {"{'connections': {}, 'spool': {'directory': '', 'max_size': '1KiB'}}",
     "1:44: /spool/directory: empty; the path of a file is wanted\n"
     "1:60: /spool/max_size: out of range; 1MiB to 1TiB is right"},
    {"{'connections': {}, 'instance': ''}", "1:33: /instance: empty; at least 1 octet is wanted"},
    {"{'connections': {}, 'instance': 5}", "1:33: /instance: a string is wanted, this is a number"},
    {"{'connections': {}, 'limits': {'memory': '2TiB', 'disk': 1}}",
     "1:42: /limits/memory: out of range; 0 to 1TiB is right\n"
     "1:50: /limits/disk: unknown key 'disk'; the nearest known key of a limits object is "
     "'memory', and one of this name belongs in a buffer object"},
    {"{'connections': {}, 'limits': {'memory': -1}}",
     "1:42: /limits/memory: a size such as 65536, '64MiB' or '1GB' is wanted"},
    {"{'connections': {}, 'shutdown_timeout': 10}",
     "1:41: /shutdown_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {"{'connections': {}, 'shutdown_timeout': '10'}",
     "1:41: /shutdown_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {"{'connections': {}, 'shutdown_timeout': '2h'}",
     "1:41: /shutdown_timeout: out of range; 0s to 1h is right"},
    {"{'connections': {}, 'shutdown_timeout': '-1s'}",
     "1:41: /shutdown_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {"{'connections': {}, 'shutdown_timeout': '1.5s'}",
     "1:41: /shutdown_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {"{'connections': {}, 'shutdown_timeout': '99999999999999999999s'}",
     "1:41: /shutdown_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {"{'connections': {}, 'log': {'level': 'loud', 'format': 1, 'file': 'x'}}",
     "1:38: /log/level: unknown word; one of 'error', 'warn', 'info', 'debug' is right, the "
     "nearest is 'warn'\n"
     "1:56: /log/format: a string is wanted, this is a number\n"
     "1:59: /log/file: unknown key 'file'; the nearest known key of a log object is 'level'"},
    {"{'connections': {}, 'log': []}", "1:28: /log: an object is wanted, this is an array"},
    {"{'connections': {}, 'include': {}}",
     "1:32: /include: a string or a list of strings is wanted, this is an object"},
    {"{'connections': {}, 'include': [1, '']}",
     "1:33: /include/0: a string is wanted, this is a number\n"
     "1:36: /include/1: empty; at least 1 octet is wanted"},
    {"{'connections': {}, 'include': []}",
     "1:32: /include: the list is empty; at least one string is wanted"},
    {"{'connections': {}, 'include': ['a', 'a']}",
     "1:38: /include/1: stands twice in this list; remove one of them"},
    {"{'connections': {}, 'stats': {}}",
     "1:30: /stats: 'channel' or 'exchange' is missing; one of them says where to publish"},
    {"{'connections': {}, 'stats': {'channel': 's'}}",
     "1:30: /stats: there is no Redis connection; put one under 'connections'"},
    {"{'connections': {}, 'events': {'exchange': 's'}}",
     "1:31: /events: there is no AMQP connection; put one under 'connections'"},
    {WITH_BOTH(" 'stats': {'channel': 'c', 'routing_key': 'k', 'exchange_connection': 'a'}}"),
     "2:28: /stats/routing_key: 'routing_key' has a meaning with an 'exchange' only\n"
     "2:48: /stats/exchange_connection: 'exchange_connection' has a meaning with an 'exchange' "
     "only"},
    {WITH_BOTH(" 'events': {'exchange': 'x', 'connection': 'r'}}"),
     "2:44: /events/connection: this connection goes to Redis; one to AMQP is wanted here"},
    {WITH_BOTH(" 'events': {'channel': 'c', 'exchange': 'x', 'exchange_connection': 'r'}}"),
     "2:69: /events/exchange_connection: this connection goes to Redis; one to AMQP is wanted "
     "here"},
    {WITH_BOTH(" 'events': {'exchange': 'x', 'routing_key': 'a.{channel}'}}"),
     "2:49: /events/routing_key: only Redis sources have {channel}: this bridge's has not"},
    {WITH_BOTH(" 'stats': {'channel': '', 'interval': '1ms'}}"),
     "2:23: /stats/channel: empty; at least 1 octet is wanted\n"
     "2:39: /stats/interval: out of range; 10ms to 24h is right"},
    {WITH_BOTH(" 'stats': {'channel': 'c', 'connection': 'a'}}"),
     "2:42: /stats/connection: this connection goes to AMQP; one to Redis is wanted here"},
    {WITH_BOTH(" 'stats': {'channel': 'c', 'conection': 'r'}}"),
     "2:28: /stats/conection: unknown key 'conection'; the nearest known key of a stats object is "
     "'connection'"},
    {"{'connections': {}, 'a\\nb/~c': 1}", "1:21: /a\\u000ab~1~0c: unknown key 'a\\u000ab/~c'; the "
                                           "nearest known key of the configuration is 'spool'"},
};

/* Connections. */
static const struct conf_bad connections[] = {
    {CONNECTION("{}"), "2:2: /connections/r: 'url' is missing; a connection needs it"},
    {CONNECTION("1"), "2:2: /connections/r: an object is wanted, this is a number"},
    {CONNECTION("{'url': 5}"), "2:10: /connections/r/url: a string is wanted, this is a number"},
    {CONNECTION("{'urls': []}"), "2:2: /connections/r: 'url' is missing; a connection needs it"},
    {CONNECTION("{'urls': [5]}"),
     "2:12: /connections/r/urls/0: a string is wanted, this is a number"},
    {CONNECTION("{'urls': 'x'}"),
     "2:11: /connections/r/urls: a list of strings is wanted, this is a string"},
    {CONNECTION("{'url': ''}"), "2:10: /connections/r/url: no scheme; redis://, rediss://, "
                                "redis+unix://, amqp:// or amqps:// is right"},
    {CONNECTION("{'url': 'localhost'}"), "2:10: /connections/r/url: no scheme; redis://, "
                                         "rediss://, redis+unix://, amqp:// or amqps:// is right"},
    {CONNECTION("{'url': 'http://h'}"),
     "2:10: /connections/r/url: unknown scheme 'http'; redis://, rediss://, redis+unix://, amqp:// "
     "or amqps:// is right"},
    {CONNECTION("{'url': 'amqp'}"), "2:10: /connections/r/url: no scheme; redis://, rediss://, "
                                    "redis+unix://, amqp:// or amqps:// is right"},
    {CONNECTION("{'url': 's3cret://h'}"),
     "2:10: /connections/r/url: unknown scheme 's3cret'; redis://, rediss://, redis+unix://, "
     "amqp:// or amqps:// is right"},
    {CONNECTION("{'url': 'redis://h/x'}"),
     "2:10: /connections/r/url: the database is no number; write redis://HOST/0"},
    {CONNECTION("{'url': 'redis://h', 'urls': ['redis://h']}"),
     "2:23: /connections/r/urls: 'urls' means nothing for a redis:// connection; it is for an "
     "amqp:// connection or an amqps:// connection"},
    {CONNECTION("{'url': 'amqp://h', 'urls': ['redis://h']}"),
     "2:31: /connections/r/urls/0: the URLs of a connection are of one kind, all to Redis or all "
     "to AMQP"},
    {CONNECTION("{'urls': ['amqp://h/a', 'amqp://h/b']}"),
     "2:26: /connections/r/urls/1: the URLs of a connection name one virtual host; this one names "
     "another than the first"},
    {CONNECTION("{'url': 'redis://user@h'}"),
     "2:2: /connections/r: a user without a password; write user:password@ or, without a user, "
     ":password@ into the URL, or give 'password_file'"},
    {CONNECTION("{'url': 'redis://h', 'heartbeat': '5s', 'sasl': 'plain', 'confirm_timeout': '1s', "
                "'tls': {}}"),
     "2:23: /connections/r/heartbeat: 'heartbeat' means nothing for a redis:// connection; it is "
     "for an amqp:// connection or an amqps:// connection\n"
     "2:42: /connections/r/sasl: 'sasl' means nothing for a redis:// connection; it is for an "
     "amqp:// connection or an amqps:// connection\n"
     "2:59: /connections/r/confirm_timeout: 'confirm_timeout' means nothing for a redis:// "
     "connection; it is for an amqp:// connection or an amqps:// connection\n"
     "2:84: /connections/r/tls: 'tls' means nothing for a redis:// connection; it is for a "
     "rediss:// connection or an amqps:// connection"},
    {CONNECTION("{'url': 'amqp://h', 'canary': '5s'}"),
     "2:22: /connections/r/canary: 'canary' means nothing for an amqp:// connection; it is for a "
     "redis:// connection or a rediss:// connection"},
    {CONNECTION("{'url': 'amqp://h', 'tls': {}}"),
     "2:22: /connections/r/tls: 'tls' means nothing for an amqp:// connection; it is for a "
     "rediss:// connection or an amqps:// connection"},
    {CONNECTION("{'url': 'amqp://h', 'sasl': 'external'}"),
     "2:30: /connections/r/sasl: 'external' logs in with a client certificate; it needs amqps:// "
     "and 'tls': {'cert_file': ...}"},
    {CONNECTION("{'url': 'amqps://h', 'sasl': 'external'}"),
     "2:31: /connections/r/sasl: 'external' logs in with a client certificate; it needs amqps:// "
     "and 'tls': {'cert_file': ...}"},
    {CONNECTION("{'url': 'amqps://h', 'sasl': 'kerberos'}"),
     "2:31: /connections/r/sasl: unknown word; one of 'plain', 'external' is right, the nearest is "
     "'external'"},
    {CONNECTION("{'url': 'amqp://h', 'heartbeat': '1500ms'}"),
     "2:35: /connections/r/heartbeat: AMQP counts heartbeats in whole seconds; write '0s', '1s' or "
     "more"},
    {CONNECTION("{'url': 'amqp://h', 'heartbeat': '70000s'}"),
     "2:35: /connections/r/heartbeat: out of range; 0s to 65535s is right"},
    {CONNECTION("{'url': 'redis://h', 'connect_timeout': '0s'}"),
     "2:42: /connections/r/connect_timeout: out of range; 1ms to 1h is right"},
    {CONNECTION("{'url': 'redis://h', 'reconnect': {'min': '5s', 'max': '1s'}}"),
     "2:44: /connections/r/reconnect/min: 'min' is above 'max'; lower it, or raise 'max'"},
    {CONNECTION("{'url': 'redis://h', 'max_message_size': 0}"),
     "2:43: /connections/r/max_message_size: out of range; 1B to 512MiB is right"},
    {CONNECTION("{'url': 'redis://h', 'max_message_size': '1GiB'}"),
     "2:43: /connections/r/max_message_size: out of range; 1B to 512MiB is right"},
    {CONNECTION("{'url': 'redis://h', 'max_message_size': 1.5}"),
     "2:43: /connections/r/max_message_size: a size such as 65536, '64MiB' or '1GB' is wanted"},
    {CONNECTION("{'url': 'redis://h', 'max_message_size': true}"),
     "2:43: /connections/r/max_message_size: a size such as 65536, '64MiB' or '1GB' is wanted"},
    {CONNECTION("{'url': 'redis://h', 'max_message_size': '16Mib'}"),
     "2:43: /connections/r/max_message_size: a size such as 65536, '64MiB' or '1GB' is wanted"},
    {CONNECTION("{'url': 'rediss://h', 'tls': {'verify': 'no', 'key_file': 'k', 'server_name': '', "
                "'ca_file': ''}}"),
     "2:42: /connections/r/tls/verify: true or false is wanted, this is a string\n"
     "2:48: /connections/r/tls/key_file: a key without a certificate; give 'cert_file' too\n"
     "2:80: /connections/r/tls/server_name: empty; at least 1 octet is wanted\n"
     "2:95: /connections/r/tls/ca_file: empty; the path of a file is wanted"},
    {CONNECTION("{'url': '${NOT_SET_ANYWHERE}'}"),
     "2:11: /connections/r/url: the environment has no NOT_SET_ANYWHERE; set it, or give a "
     "default: ${NOT_SET_ANYWHERE:-default}"},
    {CONNECTION("{'url': 'redis://${'}"),
     "2:19: /connections/r/url: '${' has no end; close it with '}'"},
    {CONNECTION("{'url': 'redis://${1A}'}"),
     "2:19: /connections/r/url: not a variable; write ${NAME} or ${NAME:-default}, the name of "
     "letters, digits and _"},
    {CONNECTION("{'url': 'redis://${A-b}'}"),
     "2:19: /connections/r/url: not a variable; write ${NAME} or ${NAME:-default}, the name of "
     "letters, digits and _"},
    {CONNECTION("{'url': 'redis://h', 'connect_timeout': '${NOT_SET_ANYWHERE:-5}'}"),
     "2:42: /connections/r/connect_timeout: a duration such as '250ms', '5s' or '2m' is wanted"},
    {CONNECTION("{'url': 'redis://h', 'pasword_file': 'x'}"),
     "2:23: /connections/r/pasword_file: unknown key 'pasword_file'; the nearest known key of a "
     "connection is 'password_file'"},
    {CONNECTION("{'url': 'redis://h', 'password': 'hunter2'}"),
     "2:23: /connections/r/password: unknown key 'password'; the nearest known key of a connection "
     "is 'password_file'"},
    {"{'connections': {'': {'url': 'redis://h'}, 'a b': {'url': 'redis://h'},\n"
     " '" X65 "': {'url': 'redis://h'}}}",
     "1:18: /connections/: not a name; 1 to 64 letters, digits, '.', '_' and '-' are right\n"
     "1:44: /connections/a b: not a name; 1 to 64 letters, digits, '.', '_' and '-' are right\n"
     "2:2: /connections/" X65 ": not a name; 1 to 64 letters, digits, '.', '_' and '-' are right"},
    {"{'connections': {'r': {'url': 'redis://h'}, 'r': {'url': 'redis://i'}}}",
     "1:45: /connections/r: this key stood in this object before; remove one of them"},
};

static void problems_of_the_file(void **state)
{
    (void)state;
    conf_bad_check(file, sizeof(file) / sizeof(file[0]));
}

static void problems_of_connections(void **state)
{
    (void)state;
    conf_bad_check(connections, sizeof(connections) / sizeof(connections[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_of_the_file),
        cmocka_unit_test(problems_of_connections),
    };
    return cmocka_run_group_tests_name("conf_problems", tests, NULL, NULL);
}
