/* The table of keys: connections. See conf/keys.c. */
#include "conf/config.h"
#include "conf/connection.h"
#include "conf/keys_table.h"

static const struct conf_key reconnect_keys[] = {
    {.name = "min",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, reconnect_min_us),
     .min = MS,
     .max = H,
     .fallback = "100ms",
     .help = "Wait before the first try, and after a connection that was good for a while."},
    {.name = "max",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, reconnect_max_us),
     .min = MS,
     .max = H,
     .fallback = "10s",
     .help = "Longest wait: it doubles from `min` up to here. Of `min` and `max` the one that is "
             "left out is never on the wrong side of the other."},
};

const struct conf_kind conf_kind_reconnect = {
    .id = "reconnect",
    .name = "a reconnect object",
    .title = "Reconnecting",
    .help = "How long to wait before connecting again: exponential, with jitter, so that many "
            "clients do not come back at once.",
    KEYS(reconnect_keys),
    .environment = true,
    .finish = conf_reconnect_finish,
};

static const struct conf_key tls_keys[] = {
    {.name = "ca_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_connection, tls.ca_file),
     .fallback_words = "the system's certificates",
     .help = "PEM file of the authorities that may sign the server's certificate."},
    {.name = "cert_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_connection, tls.cert_file),
     .fallback_words = "no client certificate",
     .help = "PEM file of the client certificate and its chain."},
    {.name = "key_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_connection, tls.key_file),
     .fallback_words = "the key in `cert_file`",
     .help = "PEM file of the client certificate's key."},
    {.name = "server_name",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_connection, tls.server_name),
     .min = 1,
     .max = 253,
     .fallback_words = "the host of the URL",
     .help = "Name that the server's certificate must bear."},
    {.name = "verify",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_connection, tls.verify),
     .fallback = "true",
     .help = "Whether the server's certificate is checked. Without it anybody can stand in for the "
             "server."},
};

const struct conf_kind conf_kind_tls = {
    .id = "tls",
    .name = "a tls object",
    .title = "TLS",
    .help = "For `rediss://` and `amqps://`. TLS 1.2 is the least that is spoken.",
    KEYS(tls_keys),
    .environment = true,
    .finish = conf_tls_finish,
};

static const struct conf_word sasl_words[] = {
    {"plain", CONF_SASL_PLAIN}, {"external", CONF_SASL_EXTERNAL}, {NULL, 0}};

#define ANY_AMQP (CONF_CONNECTION_AMQP | CONF_CONNECTION_AMQPS)

static const struct conf_key connection_keys[] = {
    {.name = "url",
     .type = CONF_TYPE_URL,
     .help = "Where the server is; the scheme says what it is. User, password, virtual host and "
             "database number stand in it, see URLs."},
    {.name = "urls",
     .type = CONF_TYPE_URLS,
     .variants = ANY_AMQP,
     .help = "Several addresses of one cluster, tried in turn; after `url`, if that is given too."},
    {.name = "password_file",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_connection, password_file),
     .help = "File that holds the password, so that it need not stand here. Wins over the URL; a "
             "newline at the end does not count."},
    {.name = "connect_timeout",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, connect_timeout_us),
     .min = MS,
     .max = H,
     .fallback = "5s",
     .help = "For all of a try: resolving the name, connecting, TLS and login."},
    {.name = "reconnect",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_reconnect,
     .fallback = "{}",
     .help = "How long to wait before connecting again."},
    {.name = "tls",
     .type = CONF_TYPE_OBJECT,
     .kind = &conf_kind_tls,
     .variants = CONF_CONNECTION_REDISS | CONF_CONNECTION_AMQPS,
     .fallback = "{}",
     .help = "Certificates and what is checked."},
    {.name = "max_message_size",
     .type = CONF_TYPE_SIZE,
     FIELD(struct conf_connection, max_message_size),
     .min = 1,
     .max = 512 * MIB,
     .fallback = "16MiB",
     .help = "A larger message is refused before it is sent on this connection."},
    {.name = "canary",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, canary_us),
     .min = 100 * MS,
     .max = H,
     .variants = CONF_CONNECTION_REDIS | CONF_CONNECTION_REDISS,
     .help = "So often a numbered message is published on a channel of its own, "
             "`chunnel.canary.INSTANCE.NUMBER`, and expected on every subscription of the "
             "connection; one that hears neither it nor anything else within this time is "
             "renewed. Needs a master to publish on. Without it a subscription is known to live "
             "by its replies to PING."},
    {.name = "heartbeat",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, heartbeat_us),
     .min = 0,
     .max = 65535 * S,
     .variants = ANY_AMQP,
     .fallback = "10s",
     .help = "Offered to the broker, in whole seconds; the link is dead after two silent "
             "intervals. `\"0s\"` turns it off."},
    {.name = "sasl",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_connection, sasl),
     .words = sasl_words,
     .variants = ANY_AMQP,
     .fallback = "plain",
     .help = "How to log in: with user and password, or with the client certificate."},
    {.name = "confirm_timeout",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_connection, confirm_timeout_us),
     .min = MS,
     .max = 24 * H,
     .variants = ANY_AMQP,
     .fallback = "30s",
     .help = "A publisher confirm that does not come within this time ends the connection, and "
             "what was not confirmed is sent again."},
};

static const struct conf_variant connection_variants[] = {
    {"a redis:// connection", CONF_CONNECTION_REDIS,
     "{\"required\": [\"url\"], \"properties\": {\"url\": {\"pattern\": "
     "\"^redis([+]unix)?:\"}}}"},
    {"a rediss:// connection", CONF_CONNECTION_REDISS,
     "{\"required\": [\"url\"], \"properties\": {\"url\": {\"pattern\": \"^rediss:\"}}}"},
    {"an amqp:// connection", CONF_CONNECTION_AMQP,
     "{\"required\": [\"url\"], \"not\": {\"required\": [\"urls\"]}, \"properties\": {\"url\": "
     "{\"pattern\": \"^amqp:\"}}}"},
    {"an amqps:// connection", CONF_CONNECTION_AMQPS,
     "{\"required\": [\"url\"], \"properties\": {\"url\": {\"pattern\": \"^amqps:\"}}}"},
    {NULL, 0, NULL},
};

const struct conf_kind conf_kind_connection = {
    .id = "connection",
    .name = "a connection",
    .title = "Connections",
    .help = "The members of `connections`: a name of your choice (letters, digits, `.`, `_` and "
            "`-`) and how to reach the server. In strings here `${NAME}` and `${NAME:-default}` "
            "come from the environment. Where there is one connection to Redis, or one to "
            "RabbitMQ, the endpoints use it; where there are more, each endpoint names its own.",
    KEYS(connection_keys),
    .variants = connection_variants,
    .schema = "{\"anyOf\": [{\"required\": [\"url\"]}, {\"required\": [\"urls\"]}]}",
    .environment = true,
    .size = sizeof(struct conf_connection),
    .variant_of_node = conf_connection_variant_of_node,
    .variant_of_struct = conf_connection_variant_of_struct,
    .prepare = conf_connection_prepare,
    .finish = conf_connection_finish,
};
