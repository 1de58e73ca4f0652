/* The table of keys: the two ends of a bridge. See conf/keys.c. */
#include "conf/config.h"
#include "conf/endpoint.h"
#include "conf/keys_table.h"

#define SOURCE_CHANNEL (1u << CONF_SOURCE_CHANNEL)
#define SOURCE_PATTERN (1u << CONF_SOURCE_PATTERN)
#define SOURCE_QUEUE (1u << CONF_SOURCE_QUEUE)
#define SOURCE_EXCHANGE (1u << CONF_SOURCE_EXCHANGE)
#define SINK_CHANNEL (1u << CONF_SINK_CHANNEL)
#define SINK_EXCHANGE (1u << CONF_SINK_EXCHANGE)
#define SINK_QUEUE (1u << CONF_SINK_QUEUE)

#define CONNECTION_HELP "Name of the connection; needed where there are several of the kind."
#define CONNECTION_DEFAULT "the one connection of the kind"

static const struct conf_key source_keys[] = {
    {.name = "connection",
     .type = CONF_TYPE_CONNECTION,
     FIELD(struct conf_source, connection),
     .fallback_words = CONNECTION_DEFAULT,
     .help = CONNECTION_HELP},
    {.name = "channel",
     .type = CONF_TYPE_STRINGS,
     FIELD(struct conf_source, names),
     .min = 1,
     .max = CHANNEL_LENGTH,
     .variants = SOURCE_CHANNEL,
     .help = "Redis channel to subscribe to, or a list of channels."},
    {.name = "pattern",
     .type = CONF_TYPE_STRINGS,
     FIELD(struct conf_source, names),
     .min = 1,
     .max = CHANNEL_LENGTH,
     .variants = SOURCE_PATTERN,
     .help = "Redis pattern to subscribe to, or a list of them: `*`, `?`, `[abc]`, `\\` before a "
             "literal."},
    {.name = "queue",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_source, queue),
     .min = 1,
     .max = SHORT_STRING,
     .variants = SOURCE_QUEUE,
     .help = "AMQP queue to consume from."},
    {.name = "exchange",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_source, exchange),
     .min = 1,
     .max = SHORT_STRING,
     .variants = SOURCE_EXCHANGE,
     .help = "AMQP exchange to listen to, by an exclusive, auto-deleted queue bound to it. What is "
             "published while the gateway is away is not for it; use a queue where that matters."},
    {.name = "binding_keys",
     .type = CONF_TYPE_STRINGS,
     FIELD(struct conf_source, binding_keys),
     .min = 0,
     .max = SHORT_STRING,
     .variants = SOURCE_EXCHANGE,
     .fallback = "#",
     .help = "Routing keys to bind with, one or a list."},
    {.name = "binding_arguments",
     .type = CONF_TYPE_TABLE,
     FIELD(struct conf_source, binding_arguments),
     .variants = SOURCE_EXCHANGE,
     .help = "Arguments of the bindings, as for a headers exchange."},
    {.name = "prefetch",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_source, prefetch),
     .min = 1,
     .max = UINT16_MAX,
     .variants = SOURCE_QUEUE | SOURCE_EXCHANGE,
     .fallback = "256",
     .help = "Most messages that the broker sends before the first of them is settled. Quorum "
             "queues allow at most 2000."},
    {.name = "exclusive",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_source, exclusive),
     .variants = SOURCE_QUEUE,
     .fallback = "false",
     .help = "Be the only consumer of the queue."},
    {.name = "consumer_priority",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_source, consumer_priority),
     .at_count = offsetof(struct conf_source, has_consumer_priority),
     .min = INT32_MIN,
     .max = INT32_MAX,
     .variants = SOURCE_QUEUE,
     .fallback_words = "0, as for any consumer",
     .help = "Consumers with a higher one get messages first."},
    {.name = "arguments",
     .type = CONF_TYPE_TABLE,
     FIELD(struct conf_source, arguments),
     .variants = SOURCE_QUEUE,
     .help = "Arguments of the consumer."},
    {.name = "stream", .type = CONF_TYPE_LATER},
    {.name = "list", .type = CONF_TYPE_LATER},
    {.name = "shard_channel", .type = CONF_TYPE_LATER},
};

static const struct conf_variant source_variants[] = {
    {"a Redis channel", SOURCE_CHANNEL, "{\"required\": [\"channel\"]}"},
    {"a Redis pattern", SOURCE_PATTERN, "{\"required\": [\"pattern\"]}"},
    {"an AMQP queue", SOURCE_QUEUE, "{\"required\": [\"queue\"]}"},
    {"an AMQP exchange", SOURCE_EXCHANGE, "{\"required\": [\"exchange\"]}"},
    {NULL, 0, NULL},
};

const struct conf_kind conf_kind_source = {
    .id = "source",
    .name = "a source",
    .title = "Sources (from)",
    .help = "One of `channel`, `pattern`, `queue` and `exchange` says what it is.",
    KEYS(source_keys),
    .variants = source_variants,
    .one_of = true,
    .variant_of_node = conf_source_variant_of_node,
    .variant_of_struct = conf_source_variant_of_struct,
    .finish = conf_source_finish,
};

#define PROPERTY(property_name_, property_, help_)                                                 \
    {                                                                                              \
        .name = (property_name_), .type = CONF_TYPE_TEMPLATE,                                      \
        FIELD(struct mapping, text[property_]), .min = 0, .max = SHORT_STRING, .help = (help_)     \
    }

static const struct conf_key properties_keys[] = {
    PROPERTY("content_type", PROPERTY_CONTENT_TYPE, "MIME type of the body."),
    PROPERTY("content_encoding", PROPERTY_CONTENT_ENCODING, "MIME encoding of the body."),
    {.name = "priority",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct mapping, priority),
     .min = 0,
     .max = UINT8_MAX,
     .fallback_words = "none",
     .help = "For queues with `x-max-priority`."},
    PROPERTY("expiration", PROPERTY_EXPIRATION,
             "Milliseconds after which the message leaves its queue; a string, as in AMQP."),
    PROPERTY("type", PROPERTY_TYPE, "Name of the message's type."),
    PROPERTY("app_id", PROPERTY_APP_ID, "Who sends it; `chunneld` with annotations."),
    PROPERTY("correlation_id", PROPERTY_CORRELATION_ID, "What it answers or belongs to."),
    PROPERTY("reply_to", PROPERTY_REPLY_TO, "Queue for answers."),
    {.name = "headers",
     .type = CONF_TYPE_HEADERS,
     FIELD(struct mapping, headers),
     .at_count = offsetof(struct mapping, header_count),
     .help = "Headers: a name and a value for each. A string is a template; other values are sent "
             "as they are, see Field values."},
};

const struct conf_kind conf_kind_properties = {
    .id = "properties",
    .name = "a properties object",
    .title = "Properties",
    .help = "Properties of the messages as AMQP names them. Strings are templates.",
    KEYS(properties_keys),
    .finish = conf_properties_finish,
};

static const struct conf_key sink_keys[] = {
    {.name = "connection",
     .type = CONF_TYPE_CONNECTION,
     FIELD(struct conf_sink, connection),
     .fallback_words = CONNECTION_DEFAULT,
     .help = CONNECTION_HELP},
    {.name = "channel",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_sink, mapping.channel),
     .min = 1,
     .max = CHANNEL_LENGTH,
     .variants = SINK_CHANNEL,
     .help = "Redis channel to publish on; a template."},
    {.name = "exchange",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_sink, mapping.exchange),
     .min = 0,
     .max = SHORT_STRING,
     .variants = SINK_EXCHANGE,
     .help = "AMQP exchange to publish to; a template."},
    {.name = "routing_key",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_sink, mapping.routing_key),
     .min = 0,
     .max = SHORT_STRING,
     .variants = SINK_EXCHANGE,
     .fallback = "",
     .help = "Routing key to publish with; a template."},
    {.name = "queue",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_sink, mapping.routing_key),
     .min = 1,
     .max = SHORT_STRING,
     .variants = SINK_QUEUE,
     .help = "AMQP queue to publish to, by way of the default exchange; a template."},
    {.name = "mandatory",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_sink, mandatory),
     .variants = SINK_EXCHANGE | SINK_QUEUE,
     .fallback = "true",
     .help = "Have messages returned that no queue is bound for, see `on_unroutable`. Without it "
             "RabbitMQ confirms and forgets them."},
    {.name = "persistent",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_sink, mapping.persistent),
     .variants = SINK_EXCHANGE | SINK_QUEUE,
     .fallback = "true",
     .help = "Durable queues keep the messages over a restart of the broker (delivery mode 2)."},
    {.name = "properties",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_sink, mapping),
     .kind = &conf_kind_properties,
     .variants = SINK_EXCHANGE | SINK_QUEUE,
     .help = "Properties and headers of the messages."},
    {.name = "transactional",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_sink, transactional),
     .variants = SINK_EXCHANGE | SINK_QUEUE,
     .fallback = "false",
     .help = "Publish in transactions (`tx.select`, `tx.commit`) of up to 300 messages, instead "
             "of with publisher confirms; with `ack_mode` `on-confirm` alone. No faster than "
             "confirms; for brokers without them."},
    {.name = "stream", .type = CONF_TYPE_LATER},
    {.name = "list", .type = CONF_TYPE_LATER},
    {.name = "shard_channel", .type = CONF_TYPE_LATER},
};

static const struct conf_variant sink_variants[] = {
    {"a Redis channel", SINK_CHANNEL, "{\"required\": [\"channel\"]}"},
    {"an AMQP exchange", SINK_EXCHANGE, "{\"required\": [\"exchange\"]}"},
    {"an AMQP queue", SINK_QUEUE, "{\"required\": [\"queue\"]}"},
    {NULL, 0, NULL},
};

const struct conf_kind conf_kind_sink = {
    .id = "sink",
    .name = "a sink",
    .title = "Sinks (to)",
    .help = "One of `channel`, `exchange` and `queue` says what it is.",
    KEYS(sink_keys),
    .variants = sink_variants,
    .one_of = true,
    .variant_of_node = conf_sink_variant_of_node,
    .variant_of_struct = conf_sink_variant_of_struct,
    .prepare = conf_sink_prepare,
    .finish = conf_sink_finish,
};
