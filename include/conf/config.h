/* The configuration as typed structs: what conf/ makes of the JSON files and everybody else reads.
 * Immutable once loaded; everything it points to is owned by the struct config and lives until its
 * last owner calls config_free(). Times are microseconds, sizes bytes. */
#ifndef CHUNNELD_CONF_CONFIG_H
#define CHUNNELD_CONF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "core/bridge.h"
#include "core/field.h"
#include "core/mapping.h"

/* Where something stands in the files, for messages to people. */
struct conf_place {
    const char *file;    /* as given on the command line or made from "include" */
    unsigned line;       /* from 1 */
    unsigned column;     /* from 1, in bytes */
    const char *pointer; /* RFC 6901 */
};

enum conf_protocol { CONF_REDIS, CONF_AMQP };
enum conf_transport { CONF_TCP, CONF_TLS, CONF_UNIX };
enum conf_sasl { CONF_SASL_PLAIN, CONF_SASL_EXTERNAL };

/* One address of a server. Strings are NUL-terminated and never NULL unless said. */
struct conf_url {
    enum conf_transport transport;
    const char *host;     /* name or address, no brackets; "" for unix */
    uint16_t port;        /* 0 for unix */
    const char *path;     /* unix socket; "" otherwise */
    const char *user;     /* NULL: none given (AMQP then: "guest") */
    const char *password; /* NULL: none given (AMQP then: "guest"); password_file already applied */
    const char *vhost;    /* AMQP */
    unsigned database;    /* Redis */
};

struct conf_tls {
    const char *ca_file;     /* NULL: the system's */
    const char *cert_file;   /* NULL: none */
    const char *key_file;    /* NULL: in cert_file */
    const char *server_name; /* NULL: the URL's host */
    bool verify;
};

struct conf_connection {
    const char *name;
    enum conf_protocol protocol;
    struct conf_url *urls; /* at least one; tried in turn */
    size_t url_count;
    const char *password_file; /* NULL: none; its content is already in the URLs */
    struct conf_tls tls;
    uint64_t connect_timeout_us;
    uint64_t reconnect_min_us;
    uint64_t reconnect_max_us;
    uint64_t max_message_size;
    uint64_t canary_us;          /* Redis; 0: none */
    uint64_t heartbeat_us;       /* AMQP; 0: off */
    uint64_t confirm_timeout_us; /* AMQP */
    enum conf_sasl sasl;         /* AMQP */
    struct conf_place place;
};

enum conf_source_kind {
    CONF_SOURCE_CHANNEL,  /* Redis SUBSCRIBE */
    CONF_SOURCE_PATTERN,  /* Redis PSUBSCRIBE */
    CONF_SOURCE_QUEUE,    /* AMQP queue */
    CONF_SOURCE_EXCHANGE, /* AMQP exchange, by a server-named queue */
};

struct conf_strings {
    const char **items;
    size_t count;
};

struct conf_source {
    enum conf_source_kind kind;
    const struct conf_connection *connection;
    struct conf_strings names;            /* channels or patterns */
    const char *queue;                    /* QUEUE */
    const char *exchange;                 /* EXCHANGE; QUEUE that declares */
    struct conf_strings binding_keys;     /* likewise; at least one */
    struct field_table binding_arguments; /* EXCHANGE */
    struct field_table arguments;         /* of basic.consume */
    unsigned prefetch;                    /* 1 to 65535 */
    bool declares; /* QUEUE: it is declared, durable, and bound to `exchange` */
    struct field_table queue_arguments; /* with declares */
    bool exclusive;
    int consumer_priority; /* sent as x-priority where has_consumer_priority */
    bool has_consumer_priority;
};

enum conf_sink_kind {
    CONF_SINK_CHANNEL,  /* Redis PUBLISH */
    CONF_SINK_EXCHANGE, /* AMQP exchange */
    CONF_SINK_QUEUE,    /* AMQP default exchange */
};

struct conf_sink {
    enum conf_sink_kind kind;
    const struct conf_connection *connection;
    struct mapping mapping; /* templates, properties, annotate */
    bool is_dead_letter;    /* it is the "dead_letter" of its bridge */
    bool mandatory;
    bool transactional; /* tx.select instead of confirms */
};

/* What an entry of "bridges" is. */
enum conf_bridge_kind {
    CONF_BRIDGE_PLAIN,  /* "from" and "to" */
    CONF_BRIDGE_RPC,    /* "rpc": calls one way, answers the other */
    CONF_BRIDGE_MIRROR, /* "mirror": the two ends of the bridge are its way to AMQP */
};

/* The way back of a mirror. */
struct conf_mirror {
    const char *channel;           /* as written: the channel, or the template of it */
    const char *pattern;           /* NULL: one channel */
    unsigned max_hops;             /* 1 to 255 */
    struct conf_source source;     /* its own queue */
    struct conf_sink sink;         /* the channel */
    struct bridge_options options; /* those of the bridge, as they are for this way */
};

struct filter;

/* Which messages a bridge carries. */
struct conf_filter {
    const struct filter *condition; /* NULL: all */
    const char *text;               /* as JSON, with `condition` */
};

struct conf_bridge {
    const char *name;
    enum conf_bridge_kind kind;
    bool enabled;
    struct conf_source source;
    struct conf_sink sink;
    struct conf_filter filter;
    bool envelope; /* the format of the Redis side: envelopes; else raw bodies */
    bool has_dead_letter;
    struct conf_sink dead_letter;  /* where refused messages go, with has_dead_letter */
    uint64_t rpc_timeout_us;       /* RPC: from a request to its error answer */
    unsigned rpc_max_calls;        /* RPC: most at once, 1 to 65535 */
    struct bridge_options options; /* ack mode, buffer, retry, policies: core/bridge.h */
    struct conf_mirror mirror;     /* with CONF_BRIDGE_MIRROR */
    struct conf_place place;
};

struct conf_exchange {
    const char *name;
    const char *type;
    bool durable, auto_delete, internal, passive;
    bool imported; /* from a file of definitions */
    struct field_table arguments;
    struct conf_place place;
};

struct conf_queue {
    const char *name;
    bool durable, exclusive, auto_delete, passive;
    bool imported; /* from a file of definitions */
    struct field_table arguments;
    struct conf_place place;
};

struct conf_binding {
    const char *source;      /* exchange */
    const char *destination; /* queue or exchange */
    bool to_exchange;
    const char *routing_key;
    struct field_table arguments;
    struct conf_place place;
};

/* What is declared on one AMQP connection: all topology objects that name it, added up. */
struct conf_topology {
    const struct conf_connection *connection;
    struct conf_exchange *exchanges;
    size_t exchange_count;
    struct conf_queue *queues;
    size_t queue_count;
    struct conf_binding *bindings;
    size_t binding_count;
};

/* Where something of the daemon's own is published: a channel, an exchange, or both; neither where
 * it is not wanted. */
struct conf_report {
    const struct conf_connection *connection; /* Redis, with `channel` */
    const char *channel;                      /* NULL: none */
    struct conf_sink sink;                    /* AMQP; its mapping.exchange is NULL: none */
};

struct conf_stats {
    struct conf_report report;
    uint64_t interval_us;
};

/* Where the operator reads. */
struct conf_http {
    const char *listen; /* as written; NULL: no HTTP */
    const char *host;   /* its address, without brackets */
    bool ip6;
    uint16_t port;                   /* 0: any */
    struct conf_strings allow_hosts; /* more names that a request may give as its host */
    const char *token_file;          /* NULL: none wanted */
    const char *token;               /* its content */
};

/* Where the operator steers. */
struct conf_control {
    const char *socket;     /* NULL: no control socket */
    const char *group;      /* NULL: the process's */
    const char *state_file; /* NULL: in the spool's directory, or none */
};

/* The disk behind the buffers. */
struct conf_spool {
    const char *directory;
    uint64_t max_size; /* bytes of all bridges together */
};

/* What holds for all bridges together. */
struct conf_limits {
    uint64_t memory; /* bytes; 0: none */
};

struct config {
    const char *file; /* the main file */
    const char *instance;
    struct conf_connection *connections;
    size_t connection_count;
    struct conf_topology *topologies;
    size_t topology_count;
    struct conf_bridge *bridges; /* in the order of the files, the disabled ones too */
    size_t bridge_count;
    struct conf_stats stats;
    struct conf_http http;
    struct conf_control control;
    struct conf_report events;
    bool has_spool;
    struct conf_spool spool; /* with has_spool */
    struct conf_limits limits;
    enum log_level log_level;
    enum log_format log_format;
    uint64_t shutdown_timeout_us;
    struct conf_strings warnings; /* lines as in conf/load.h, in the order of the files */
    struct config_memory *memory; /* conf/'s own: what all of the above lives in */
    unsigned refs;                /* conf/'s own: owners beside the first */
};

/* One owner more, who gives it up with config_free(); returns it. */
struct config *config_ref(struct config *config);
/* Gives it up; the last owner frees the configuration and all in it. NULL is legal. */
void config_free(struct config *config);

/* "redis" or "amqp". */
const char *conf_protocol_name(enum conf_protocol protocol);

#endif
