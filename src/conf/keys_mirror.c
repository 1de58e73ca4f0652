/* The table of keys: mirrors. See conf/keys.c. */
#include "conf/config.h"
#include "conf/keys_table.h"
#include "conf/mirror.h"

static const struct conf_key mirror_keys[] = {
    {.name = "redis_connection",
     .type = CONF_TYPE_CONNECTION,
     FIELD(struct conf_bridge, source.connection),
     .fallback_words = "the one Redis connection",
     .help = "Name of the Redis connection; needed where there are several."},
    {.name = "amqp_connection",
     .type = CONF_TYPE_CONNECTION,
     FIELD(struct conf_bridge, sink.connection),
     .fallback_words = "the one AMQP connection",
     .help = "Name of the AMQP connection; needed where there are several."},
    {.name = "channel",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_bridge, mirror.channel),
     .min = 1,
     .max = CHANNEL_LENGTH,
     .required = true,
     .help = "The Redis channel. With `pattern`: a template that says the channel of each message "
             "from AMQP, such as `{routing_key|colons}`."},
    {.name = "pattern",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_bridge, mirror.pattern),
     .min = 1,
     .max = CHANNEL_LENGTH,
     .help = "Redis pattern of the channels, where there are many. `routing_key` and `channel` "
             "must then lead there and back."},
    {.name = "exchange",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_bridge, sink.mapping.exchange),
     .min = 1,
     .max = SHORT_STRING,
     .required = true,
     .help = "The AMQP exchange, one for all messages."},
    {.name = "routing_key",
     .type = CONF_TYPE_TEMPLATE,
     FIELD(struct conf_bridge, sink.mapping.routing_key),
     .min = 0,
     .max = SHORT_STRING,
     .fallback = "",
     .help = "Routing key of the messages from Redis; a template. With `pattern` it is needed, and "
             "says the routing key of each channel, such as `{channel|dots}`."},
    {.name = "queue",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_bridge, mirror.source.queue),
     .min = 1,
     .max = SHORT_STRING,
     .fallback_words = "`chunnel.` and the name of the bridge",
     .help = "The mirror's own queue for messages from AMQP. It is declared, durable, and bound to "
             "the exchange."},
    {.name = "queue_arguments",
     .type = CONF_TYPE_TABLE,
     FIELD(struct conf_bridge, mirror.source.queue_arguments),
     .help = "Arguments that the queue is declared with."},
    {.name = "binding_keys",
     .type = CONF_TYPE_STRINGS,
     FIELD(struct conf_bridge, mirror.source.binding_keys),
     .min = 0,
     .max = SHORT_STRING,
     .fallback_words = "`#`, and `routing_key` where that is always the same; with `pattern` the "
                       "words that all its routing keys begin with, and `#`",
     .help = "Routing keys that the queue is bound with, one or a list: which messages of the "
             "exchange go to Redis. A direct exchange with a `pattern` needs them."},
    {.name = "persistent",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_bridge, sink.mapping.persistent),
     .fallback = "true",
     .help = "Durable queues keep the messages from Redis over a restart of the broker (delivery "
             "mode 2)."},
    {.name = "properties",
     .type = CONF_TYPE_OBJECT,
     PART(struct conf_bridge, sink.mapping),
     .kind = &conf_kind_properties,
     .help = "Properties and headers of the messages from Redis."},
    {.name = "prefetch",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, mirror.source.prefetch),
     .min = 1,
     .max = UINT16_MAX,
     .fallback = "256",
     .help = "Most messages that the broker sends before the first of them is settled. Quorum "
             "queues allow at most 2000."},
    {.name = "max_hops",
     .type = CONF_TYPE_INTEGER,
     FIELD(struct conf_bridge, mirror.max_hops),
     .min = 1,
     .max = UINT8_MAX,
     .fallback = "1",
     .help = "Mirrors that a message may cross: what carries as many in its header "
             "`x-chunnel-hops` is not taken to Redis. Above 1 only where mirrors form a chain that "
             "nowhere closes, as messages in Redis carry no header."},
};

const struct conf_kind conf_kind_mirror = {
    .id = "mirror",
    .name = "a mirror",
    .title = "Mirrors",
    .help = "A Redis channel and an AMQP exchange become one: what is published on either side is "
            "seen once by every subscriber on both.",
    KEYS(mirror_keys),
    .prepare = conf_mirror_prepare,
    .finish = conf_mirror_finish,
};
