/* The table of keys: bridges and their options. See conf/keys.c; for "from" and "to"
 * conf/keys_endpoint.c. */
#include "conf/bridge.h"
#include "conf/config.h"
#include "conf/keys_table.h"
#include "conf/rpc.h"

static const struct conf_word ack_mode_words[] = {{"on-confirm", ACK_ON_CONFIRM},
                                                  {"on-publish", ACK_ON_PUBLISH},
                                                  {"no-ack", ACK_NO_ACK},
                                                  {NULL, 0}};
static const struct conf_word body_format_words[] = {{"raw", false}, {"envelope", true}, {NULL, 0}};
static const struct conf_word durability_words[] = {
    {"memory", DURABILITY_MEMORY}, {"disk", DURABILITY_DISK}, {NULL, 0}};
static const struct conf_word when_full_words[] = {{"drop-newest", FULL_DROP_NEWEST},
                                                   {"drop-oldest", FULL_DROP_OLDEST},
                                                   {"pause", FULL_PAUSE},
                                                   {NULL, 0}};
static const struct conf_word on_unroutable_words[] = {{"dead-letter", UNROUTABLE_DEAD_LETTER},
                                                       {"drop", UNROUTABLE_DROP},
                                                       {"retry", UNROUTABLE_RETRY},
                                                       {NULL, 0}};
static const struct conf_word on_no_subscribers_words[] = {{"ack", NOBODY_ACK},
                                                           {"hold", NOBODY_HOLD},
                                                           {"requeue", NOBODY_REQUEUE},
                                                           {"reject", NOBODY_REJECT},
                                                           {NULL, 0}};

static const struct conf_key buffer_keys[] = {
    {.name = "messages",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, options.buffer_messages),
     .min = 1,
     .max = INT64_C(1000000000),
     .fallback = "100000",
     .help = "Most messages that wait in memory for the sink. What the sink has sent and waits to "
             "have confirmed does not count."},
    {.name = "memory",
     .type = CONF_TYPE_SIZE,
     FIELD(struct conf_bridge, options.buffer_memory),
     .min = 1,
     .max = 1024 * GIB,
     .fallback = "64MiB",
     .help = "Most memory that they may take, with those that wait to be confirmed."},
    {.name = "disk",
     .type = CONF_TYPE_SIZE,
     FIELD(struct conf_bridge, options.buffer_disk),
     .min = 0,
     .max = 1024 * GIB,
     .fallback = "0",
     .help = "Most bytes in the spool. What finds no room in memory goes there, in order, and "
             "comes back in order; so does what waits when the daemon stops. 0: memory only. For "
             "Redis sources; an AMQP queue keeps its messages itself."},
    {.name = "durability",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, options.durability),
     .words = durability_words,
     .fallback = "memory",
     .help = "`disk`: every message is in the spool, synced, before it is sent, and leaves it once "
             "it is confirmed; a crash loses what came within the last few milliseconds. It needs "
             "`disk`."},
    {.name = "when_full",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, options.when_full),
     .words = when_full_words,
     .fallback_words = "`\"pause\"` for AMQP sources, `\"drop-newest\"` for Redis sources",
     .help = "What happens to a message that finds the buffer full: it is dropped, the one that "
             "has waited longest is dropped, or the source is not read until there is room. What "
             "is dropped is counted. Redis cuts off a subscriber that does not read for long, so "
             "`pause` suits AMQP sources. With `disk` this is asked when the spool is full too, "
             "and of the two that drop, both drop the newest then."},
};

const struct conf_kind conf_kind_buffer = {
    .id = "buffer",
    .name = "a buffer object",
    .title = "Buffer",
    .help = "What waits for the sink.",
    KEYS(buffer_keys),
};

static const struct conf_key retry_keys[] = {
    {.name = "min",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_bridge, options.retry_min_us),
     .min = MS,
     .max = H,
     .fallback = "100ms",
     .help = "Wait before the first try again."},
    {.name = "max",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_bridge, options.retry_max_us),
     .min = MS,
     .max = H,
     .fallback = "10s",
     .help = "Longest wait: it doubles from `min` up to here. Of `min` and `max` the one that is "
             "left out is never on the wrong side of the other."},
    {.name = "attempts",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, options.retry_attempts),
     .min = 0,
     .max = UINT32_MAX,
     .fallback = "0",
     .help = "Tries after which a message is given up: it goes to `dead_letter`. 0: never."},
};

const struct conf_kind conf_kind_retry = {
    .id = "retry",
    .name = "a retry object",
    .title = "Retry",
    .help = "For messages that the sink refuses, as RabbitMQ does when a queue is full.",
    KEYS(retry_keys),
    .finish = conf_retry_finish,
};

static const struct conf_key rpc_keys[] = {
    {.name = "from",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, source),
     .kind = &conf_kind_source,
     .required = true,
     .help = "Where requests come from: from Redis as envelopes with a `reply_to`, a channel, and "
             "from AMQP as messages with a `reply_to`, a queue."},
    {.name = "to",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, sink),
     .kind = &conf_kind_sink,
     .required = true,
     .help = "Where the workers are, on the other protocol."},
    {.name = "timeout",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_bridge, rpc_timeout_us),
     .min = MS,
     .max = H,
     .fallback = "5s",
     .help = "Time for an answer, from the receipt of the request. After it the asker gets an "
             "error."},
    {.name = "max_calls",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, rpc_max_calls),
     .min = 1,
     .max = UINT16_MAX,
     .fallback = "10000",
     .help = "Most calls at once. From AMQP it bounds `prefetch`, and is its default here: the "
             "broker keeps the rest. From Redis the rest is answered with an error at once."},
};

const struct conf_kind conf_kind_rpc = {
    .id = "rpc",
    .name = "an rpc object",
    .title = "Calls (rpc)",
    .help = "Requests from one side to workers on the other, and their answers back.",
    KEYS(rpc_keys),
    .prepare = conf_rpc_prepare,
    .finish = conf_rpc_finish,
};

#define PLAIN (CONF_BRIDGE_TO_REDIS | CONF_BRIDGE_TO_AMQP)

static const struct conf_key bridge_keys[] = {
    {.name = "name",
     .type = CONF_TYPE_NAME,
     FIELD(struct conf_bridge, name),
     .required = true,
     .help = "Its name in logs and statistics, unique over all files."},
    {.name = "enabled",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_bridge, enabled),
     .fallback = "true",
     .help = "A disabled bridge is checked, but does not run."},
    {.name = "from",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, source),
     .kind = &conf_kind_source,
     .variants = PLAIN,
     .required = true,
     .help = "Where messages come from."},
    {.name = "to",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, sink),
     .kind = &conf_kind_sink,
     .variants = PLAIN,
     .required = true,
     .help = "Where they go."},
    {.name = "mirror",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_mirror,
     .variants = CONF_BRIDGE_BOTH_WAYS,
     .help = "Instead of `from` and `to`: both ways between a channel and an exchange."},
    {.name = "ack_mode",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, options.ack_mode),
     .words = ack_mode_words,
     .variants = PLAIN,
     .fallback = "on-confirm",
     .help = "When the source's message is settled: once the sink has confirmed it (publisher "
             "confirm, reply to PUBLISH), once it was written to the sink, or never: then sources "
             "consume with automatic acknowledgement and sinks ask for no confirm."},
    {.name = "format",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, envelope),
     .words = body_format_words,
     .variants = PLAIN,
     .fallback = "raw",
     .help = "`raw`: the body crosses byte for byte. `envelope`: the Redis side carries a JSON "
             "object with the body and all properties and headers, see Envelopes; for bridges "
             "between Redis and AMQP."},
    {.name = "annotate",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_bridge, sink.mapping.annotate),
     .variants = CONF_BRIDGE_TO_AMQP | CONF_BRIDGE_OF_CALLS,
     .fallback = "true",
     .help = "Add `message_id`, `timestamp`, `app_id` and the headers `x-chunnel-origin`, "
             "`x-chunnel-bridge`, `x-chunnel-channel` and `x-chunnel-pattern`. Properties that the "
             "rule gives win."},
    {.name = "buffer",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_buffer,
     .fallback = "{}",
     .help = "What may wait for the sink."},
    {.name = "retry",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_retry,
     .variants = PLAIN | CONF_BRIDGE_BOTH_WAYS,
     .fallback = "{}",
     .help = "How messages that the sink refuses are tried again."},
    {.name = "on_unroutable",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, options.on_unroutable),
     .words = on_unroutable_words,
     .variants = CONF_BRIDGE_TO_AMQP,
     .fallback = "dead-letter",
     .help = "For a mandatory message that came back because no queue is bound. `dead-letter`: "
             "to `dead_letter`; without one it is dropped, counted and logged. Where `ack_mode` is "
             "not `on-confirm` it has counted as delivered by then: that it came back is counted "
             "and told."},
    {.name = "on_no_subscribers",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_bridge, options.on_no_subscribers),
     .words = on_no_subscribers_words,
     .variants = CONF_BRIDGE_TO_REDIS | CONF_BRIDGE_BOTH_WAYS,
     .fallback = "ack",
     .help = "For a message that PUBLISH reached nobody with. `ack`: it was published, and counts "
             "as delivered. `hold`: it is kept, and what follows with it, in order, and published "
             "again every half second until somebody subscribes. `requeue`: it goes back to its "
             "queue after the back-off of `retry`. `reject`: it is rejected, and the dead-letter "
             "exchange of its queue gets it; from a Redis source it goes to `dead_letter`. All but "
             "`ack` need the `ack_mode` `on-confirm`."},
    {.name = "min_subscribers",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, options.min_subscribers),
     .min = 0,
     .max = UINT32_MAX,
     .variants = CONF_BRIDGE_TO_REDIS | CONF_BRIDGE_BOTH_WAYS,
     .fallback = "1",
     .help = "Where PUBLISH reaches fewer subscribers, it counts as nobody. With `hold` those that "
             "it did reach get it again with every try, at the longest back-off of `retry`."},
    {.name = "dead_letter",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, dead_letter),
     .at_count = offsetof(struct conf_bridge, has_dead_letter),
     .kind = &conf_kind_sink,
     .help = "A sink for messages that are refused. Towards AMQP they carry the headers "
             "`x-chunnel-reason` (`unroutable`, `too-large`, `no-subscribers`, `retries`, "
             "`template`, `envelope`, `refused`) and `x-chunnel-error`; towards Redis they are "
             "envelopes, with "
             "`reason` and `error`. Without one they are dropped, counted and logged."},
    {.name = "filter",
     .type = CONF_TYPE_FILTER,
     FIELD(struct conf_bridge, filter),
     .variants = PLAIN,
     .help = "A condition, see Filters. A message that does not meet it is settled and counted as "
             "`filtered`."},
    {.name = "rpc",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_rpc,
     .variants = CONF_BRIDGE_OF_CALLS,
     .help = "In the place of `from` and `to`: calls one way, and their answers the other."},
};

/* JSON Schema of what has its own "from" and "to". */
#define BOTH_ENDS "\"not\": {\"anyOf\": [{\"required\": [\"rpc\"]}, {\"required\": [\"mirror\"]}]}"

static const struct conf_variant bridge_variants[] = {
    {"a bridge to Redis", CONF_BRIDGE_TO_REDIS,
     "{\"required\": [\"to\"], \"properties\": {\"to\": {\"required\": [\"channel\"]}}, " BOTH_ENDS
     "}"},
    {"a bridge to AMQP", CONF_BRIDGE_TO_AMQP,
     "{\"required\": [\"to\"], \"properties\": {\"to\": {\"not\": {\"required\": "
     "[\"channel\"]}}}, " BOTH_ENDS "}"},
    {"a mirror", CONF_BRIDGE_BOTH_WAYS, "{\"required\": [\"mirror\"]}"},
    {"a bridge with \"rpc\"", CONF_BRIDGE_OF_CALLS, "{\"required\": [\"rpc\"]}"},
    {NULL, 0, NULL},
};

const struct conf_kind conf_kind_bridge = {
    .id = "bridge",
    .name = "a bridge",
    .title = "Bridges",
    .help =
        "One source, one sink, and what happens in between. Bridges that would surely feed each "
        "other for ever are refused.",
    KEYS(bridge_keys),
    .variants = bridge_variants,
    .schema = "{\"anyOf\": [{\"required\": [\"from\", \"to\"]}, {\"required\": [\"rpc\"]}, "
              "{\"required\": [\"mirror\"]}]}",
    .size = sizeof(struct conf_bridge),
    .variant_of_node = conf_bridge_variant_of_node,
    .variant_of_struct = conf_bridge_variant_of_struct,
    .prepare = conf_bridge_prepare,
    .finish = conf_bridge_finish,
};
