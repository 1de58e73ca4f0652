/* The table of keys: what is declared in RabbitMQ. See conf/keys.c. */
#include "conf/config.h"
#include "conf/keys_table.h"
#include "conf/topology.h"

#define ARGUMENTS(type_)                                                                           \
    {                                                                                              \
        .name = "arguments", .type = CONF_TYPE_TABLE, FIELD(type_, arguments),                     \
        .help = "Arguments, such as `x-queue-type`; see Field values."                             \
    }
#define PASSIVE(type_)                                                                             \
    {                                                                                              \
        .name = "passive", .type = CONF_TYPE_BOOL, FIELD(type_, passive), .fallback = "false",     \
        .help = "Only look whether it is there; the other keys then do not matter."                \
    }
#define VHOST                                                                                      \
    {                                                                                              \
        .name = "vhost", .type = CONF_TYPE_STRING, .min = 0, .max = SHORT_STRING,                  \
        .help = "As RabbitMQ exports it; must be the virtual host of the connection."              \
    }

static const struct conf_key exchange_keys[] = {
    {.name = "name",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_exchange, name),
     .min = 1,
     .max = SHORT_STRING,
     .required = true,
     .help = "Its name."},
    {.name = "type",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_exchange, type),
     .min = 1,
     .max = SHORT_STRING,
     .fallback = "direct",
     .help = "`direct`, `fanout`, `topic`, `headers` or what a plugin brings."},
    {.name = "durable",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_exchange, durable),
     .fallback = "true",
     .help = "It outlives a restart of the broker."},
    {.name = "auto_delete",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_exchange, auto_delete),
     .fallback = "false",
     .help = "It goes with its last binding."},
    {.name = "internal",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_exchange, internal),
     .fallback = "false",
     .help = "Only other exchanges can publish to it."},
    PASSIVE(struct conf_exchange),
    ARGUMENTS(struct conf_exchange),
    VHOST,
};

const struct conf_kind conf_kind_exchange = {
    .id = "exchange",
    .name = "an exchange",
    .title = "Exchanges to declare",
    .help = "As in RabbitMQ's definitions.",
    KEYS(exchange_keys),
    .size = sizeof(struct conf_exchange),
    .finish = conf_exchange_finish,
};

static const struct conf_key queue_keys[] = {
    {.name = "name",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_queue, name),
     .min = 1,
     .max = SHORT_STRING,
     .required = true,
     .help = "Its name."},
    {.name = "type",
     .type = CONF_TYPE_STRING,
     .min = 1,
     .max = SHORT_STRING,
     .help = "As RabbitMQ exports it; what counts is the argument `x-queue-type`, which must say "
             "the same unless this is `classic`."},
    {.name = "durable",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_queue, durable),
     .fallback = "true",
     .help = "It outlives a restart of the broker."},
    {.name = "exclusive",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_queue, exclusive),
     .fallback = "false",
     .help = "Only this connection may use it, and it goes with the connection."},
    {.name = "auto_delete",
     .type = CONF_TYPE_BOOL,
     FIELD(struct conf_queue, auto_delete),
     .fallback = "false",
     .help = "It goes with its last consumer."},
    PASSIVE(struct conf_queue),
    ARGUMENTS(struct conf_queue),
    VHOST,
};

const struct conf_kind conf_kind_queue = {
    .id = "queue",
    .name = "a queue",
    .title = "Queues to declare",
    .help = "As in RabbitMQ's definitions.",
    KEYS(queue_keys),
    .size = sizeof(struct conf_queue),
    .finish = conf_queue_finish,
};

static const struct conf_word destination_words[] = {{"queue", 0}, {"exchange", 1}, {NULL, 0}};

static const struct conf_key binding_keys[] = {
    {.name = "source",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_binding, source),
     .min = 1,
     .max = SHORT_STRING,
     .required = true,
     .help = "The exchange that messages come from."},
    {.name = "destination",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_binding, destination),
     .min = 1,
     .max = SHORT_STRING,
     .required = true,
     .help = "The queue or exchange that they go to."},
    {.name = "destination_type",
     .type = CONF_TYPE_WORD,
     FIELD(struct conf_binding, to_exchange),
     .words = destination_words,
     .fallback = "queue",
     .help = "What `destination` is."},
    {.name = "routing_key",
     .type = CONF_TYPE_STRING,
     FIELD(struct conf_binding, routing_key),
     .min = 0,
     .max = SHORT_STRING,
     .fallback = "",
     .help = "What the exchange compares with the routing keys of messages."},
    ARGUMENTS(struct conf_binding),
    VHOST,
};

const struct conf_kind conf_kind_binding = {
    .id = "binding",
    .name = "a binding",
    .title = "Bindings to declare",
    .help = "As in RabbitMQ's definitions.",
    KEYS(binding_keys),
    .size = sizeof(struct conf_binding),
    .finish = conf_binding_finish,
};

static const struct conf_key topology_keys[] = {
    {.name = "connection",
     .type = CONF_TYPE_CONNECTION,
     FIELD(struct conf_topology, connection),
     .fallback_words = "the one AMQP connection",
     .help = "Name of an AMQP connection; needed where there are several."},
    {.name = "definitions_file",
     .type = CONF_TYPE_PATH,
     .help = "A file that RabbitMQ exported (`rabbitmqctl export_definitions`). Its exchanges, "
             "queues and bindings of the connection's virtual host are declared; users, policies "
             "and the rest are skipped."},
    {.name = "exchanges",
     .type = CONF_TYPE_LIST,
     FIELD(struct conf_topology, exchanges),
     .at_count = offsetof(struct conf_topology, exchange_count),
     .kind = &conf_kind_exchange,
     .help = "Exchanges."},
    {.name = "queues",
     .type = CONF_TYPE_LIST,
     FIELD(struct conf_topology, queues),
     .at_count = offsetof(struct conf_topology, queue_count),
     .kind = &conf_kind_queue,
     .help = "Queues."},
    {.name = "bindings",
     .type = CONF_TYPE_LIST,
     FIELD(struct conf_topology, bindings),
     .at_count = offsetof(struct conf_topology, binding_count),
     .kind = &conf_kind_binding,
     .help = "Bindings."},
};

const struct conf_kind conf_kind_topology = {
    .id = "topology",
    .name = "a topology object",
    .title = "Topology",
    .help = "Declared each time the connection comes up, before any bridge starts. The objects are "
            "those of RabbitMQ's definitions, so that they can be pasted from there. The topology "
            "of all files is added up.",
    KEYS(topology_keys),
    .size = sizeof(struct conf_topology),
    .item = conf_topology_item,
    .finish = conf_topology_finish,
};
