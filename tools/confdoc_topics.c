/* What the manual page and the reference of the configuration say beside the table of keys. */
#include "confdoc.h"

const struct confdoc_topic confdoc_topics[] = {
    {"Overview",
     "The configuration is one JSON object: the connections, what is declared in RabbitMQ, and the "
     "bridges, each with one source and one sink.\n"
     "\n"
     "    {\n"
     "      \"connections\": {\n"
     "        \"redis\":  { \"url\": \"redis://127.0.0.1:6379\" },\n"
     "        \"rabbit\": { \"url\": \"amqp://guest:guest@127.0.0.1:5672/%2F\" }\n"
     "      },\n"
     "      \"topology\": { \"exchanges\": [{ \"name\": \"orders\", \"type\": \"topic\" }] },\n"
     "      \"bridges\": [\n"
     "        { \"name\": \"orders-out\",\n"
     "          \"from\": { \"pattern\": \"orders.*\" },\n"
     "          \"to\": { \"exchange\": \"orders\", \"routing_key\": \"order.{1}\" } }\n"
     "      ]\n"
     "    }\n"
     "\n"
     "JSON has no comments; any object may hold `\"description\"` for the reader and `\"$schema\"` "
     "for the editor. Any other key that is not known, or that means nothing where it stands, is "
     "an "
     "error. `chunneld --check` reports every problem in one run, as "
     "`FILE:LINE:COLUMN: /json/pointer: what is wrong, and what would be right`. "
     "`chunneld --print-config` shows the configuration with all defaults filled in and passwords "
     "as `***`.\n"
     "\n"
     "A JSON Schema, `chunneld.schema.json`, is installed with the program, so that editors can "
     "complete and check. A file is UTF-8, at most 8 MiB, nested at most 48 levels deep."},

    {"Durations and sizes",
     "A duration is a string with a whole number and its unit: `\"250ms\"`, `\"5s\"`, `\"2m\"`, "
     "`\"1h\"`. A size is a number of bytes or a string with a unit: `4096`, `\"64KiB\"`, "
     "`\"64MiB\"`, `\"1GB\"`; `kB`, `MB`, `GB` and `TB` count by 1000, `KiB`, `MiB`, `GiB` and "
     "`TiB` by 1024."},

    {"Environment",
     "In strings under `connections`, `${NAME}` is the value of a variable of the environment, and "
     "`${NAME:-default}` has a default for when it is not set or empty. A variable that is not set "
     "and has no default is an error."},

    {"URLs",
     "    redis://[user[:password]@]host[:port][/database]        port 6379\n"
     "    rediss://...                                            the same with TLS\n"
     "    redis+unix://[user[:password]@]/path[?db=number]        a unix socket\n"
     "    amqp://[user[:password]@]host[:port][/vhost]            port 5672\n"
     "    amqps://...                                             with TLS, port 5671\n"
     "\n"
     "IPv6 addresses stand in brackets. What has a meaning of its own is percent-encoded: `/` is "
     "`%2F`, `@` is `%40`, `:` is `%3A`. The virtual host is the part behind the slash, `%2F` "
     "being "
     "`/`; where it is left out or empty, it is `/`. Without user and password AMQP logs in as "
     "`guest`. A user needs a password, here or in `password_file`."},

    {"Templates",
     "Templates stand in `channel`, `exchange`, `routing_key` and `queue` of a sink, in the "
     "strings "
     "of `properties` and in the headers that are strings. Names in braces are filled in for each "
     "message; `{{` and `}}` are literal braces.\n"
     "\n"
     "    {channel}           Redis channel that the message came from\n"
     "    {pattern}           Redis pattern that matched\n"
     "    {1} to {9}          what the wildcards of the pattern matched\n"
     "    {queue}             AMQP queue that it came from\n"
     "    {exchange}          AMQP exchange that it was published to\n"
     "    {routing_key}       its routing key\n"
     "    {routing_key.1}     a word of the routing key, from 1\n"
     "    {header.NAME}       a header\n"
     "    {property.NAME}     a property, as in {property.correlation_id}\n"
     "    {json:/pointer}     a value of a JSON body (RFC 6901)\n"
     "    {id}                identifier of the message\n"
     "    {instance}          name of this gateway\n"
     "    {bridge}            name of the bridge\n"
     "    {timestamp}         time of receipt, milliseconds since 1970\n"
     "\n"
     "Filters follow behind a bar, as in `{channel|dots|lower}`: `dots` makes `.` of `:` and `/`, "
     "`colons` makes `:` of `.`, `lower` and `upper` change ASCII letters.\n"
     "\n"
     "A name that the source cannot supply is an error. A message that lacks a value, such as a "
     "header that it does not have, is undeliverable."},

    {"Field values",
     "Arguments and headers have types in AMQP. JSON says most of them: true and false, strings, "
     "null (void), lists, objects (tables), whole numbers (64 bit), other numbers (double). A type "
     "that JSON cannot say stands in an object with exactly one key, which begins with `!`:\n"
     "\n"
     "    {\"!i8\": 1}  {\"!u8\": 1}  {\"!i16\": 1}  {\"!u16\": 1}  {\"!i32\": 1}  {\"!u32\": 1}\n"
     "    {\"!i64\": 1}  {\"!f32\": 1.5}  {\"!f64\": 2}\n"
     "    {\"!timestamp\": 1700000000}    seconds since 1970\n"
     "    {\"!decimal\": 12.34}\n"
     "    {\"!bytes\": \"AAEC\"}            base64\n"
     "    {\"!table\": {\"!x\": 1}}         a table, whatever its keys\n"
     "\n"
     "RabbitMQ takes whole numbers of any type for its own arguments, such as `x-max-length`."},

    {NULL, NULL},
};
