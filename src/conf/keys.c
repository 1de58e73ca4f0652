/* The table of keys: the file as a whole, spool and log. For: all that follows the table.
 * Connections are in conf/keys_connection.c, bridges in conf/keys_bridge.c and
 * conf/keys_endpoint.c, the topology in conf/keys_topology.c, statistics and events in
 * conf/keys_report.c, HTTP and the control socket in conf/keys_operator.c. */
#include "conf/keys.h"

#include <string.h>

#include "conf/config.h"
#include "conf/keys_table.h"
#include "conf/main_file.h"

static const struct conf_key spool_keys[] = {
    {.name = "directory",
     .type = CONF_TYPE_PATH,
     FIELD(struct conf_spool, directory),
     .min = 1,
     .max = 4000,
     .required = true,
     .fixed = true,
     .help = "Directory for the spool's files, made if it is not there. One daemon at a time."},
    {.name = "max_size",
     .type = CONF_TYPE_SIZE,
     FIELD(struct conf_spool, max_size),
     .min = 1 * MIB,
     .max = 1024 * GIB,
     .fallback = "1GiB",
     .fixed = true,
     .help = "Most bytes of all bridges together."},
};

static const struct conf_kind spool_kind = {
    .id = "spool",
    .name = "a spool object",
    .title = "Spool",
    .help = "Where messages go that memory cannot hold, and those that must survive a crash. Which "
            "bridges use it is said by their `buffer.disk`.",
    KEYS(spool_keys),
};

static const struct conf_key limits_keys[] = {
    {.name = "memory",
     .type = CONF_TYPE_SIZE,
     FIELD(struct conf_limits, memory),
     .max = 1024 * GIB,
     .fallback = "0",
     .help = "Most bytes of memory for the messages of all bridges together, beside each one's "
             "`buffer.memory`; 0: no such limit. As it is neared, those are full first that hold "
             "more than their share."},
};

static const struct conf_kind limits_kind = {
    .id = "limits",
    .name = "a limits object",
    .title = "Limits",
    .help = "What holds for all bridges together.",
    KEYS(limits_keys),
};

static const struct conf_word level_words[] = {{"error", LOG_LEVEL_ERROR},
                                               {"warn", LOG_LEVEL_WARN},
                                               {"info", LOG_LEVEL_INFO},
                                               {"debug", LOG_LEVEL_DEBUG},
                                               {NULL, 0}};
static const struct conf_word format_words[] = {
    {"text", LOG_FORMAT_TEXT}, {"json", LOG_FORMAT_JSON}, {NULL, 0}};

static const struct conf_key log_keys[] = {
    {.name = "level",
     .type = CONF_TYPE_WORD,
     FIELD(struct config, log_level),
     .words = level_words,
     .fallback = "info",
     .help = "The least that is logged. The command line's `--log-level` wins."},
    {.name = "format",
     .type = CONF_TYPE_WORD,
     FIELD(struct config, log_format),
     .words = format_words,
     .fallback = "text",
     .help = "logfmt, or one JSON object a line."},
};

static const struct conf_kind log_kind = {
    .id = "log",
    .name = "a log object",
    .title = "Log",
    .help = "The log goes to the standard error output.",
    KEYS(log_keys),
};

static const struct conf_key main_keys[] = {
    {.name = "instance",
     .type = CONF_TYPE_STRING,
     FIELD(struct config, instance),
     .min = 1,
     .max = 255,
     .variants = CONF_MAIN_FILE,
     .fallback_words = "the host name",
     .fixed = true,
     .help = "Name of this gateway, in the annotations and statistics."},
    {.name = "connections",
     .type = CONF_TYPE_MAP,
     FIELD(struct config, connections),
     .at_count = offsetof(struct config, connection_count),
     .kind = &conf_kind_connection,
     .variants = CONF_MAIN_FILE,
     .required = true,
     .help = "The servers: a name for each, and how to reach it."},
    {.name = "include",
     .type = CONF_TYPE_STRINGS,
     .min = 1,
     .max = 4095,
     .variants = CONF_MAIN_FILE,
     .help = "More files, each with `bridges` and `topology`. Patterns with `*`, `?` and `[...]` "
             "are relative to this file; what they match is read in sorted order."},
    {.name = "spool", /* before the bridges, which ask whether there is one */
     .type = CONF_TYPE_OBJECT,
     PART(struct config, spool),
     .at_count = offsetof(struct config, has_spool),
     .kind = &spool_kind,
     .variants = CONF_MAIN_FILE,
     .fixed = true,
     .help = "The disk behind the buffers of the bridges."},
    {.name = "topology",
     .type = CONF_TYPE_LIST,
     FIELD(struct config, topologies),
     .at_count = offsetof(struct config, topology_count),
     .kind = &conf_kind_topology,
     .single = true,
     .help = "Exchanges, queues and bindings to be declared in RabbitMQ. One object, or a list "
             "of one for each connection."},
    {.name = "bridges",
     .type = CONF_TYPE_LIST,
     FIELD(struct config, bridges),
     .at_count = offsetof(struct config, bridge_count),
     .kind = &conf_kind_bridge,
     .help = "What is carried from where to where."},
    {.name = "stats",
     .type = CONF_TYPE_OBJECT,
     FIELD(struct config, stats),
     .kind = &conf_kind_stats,
     .variants = CONF_MAIN_FILE,
     .help = "Statistics published on a Redis channel, an AMQP exchange or both."},
    {.name = "http",
     .type = CONF_TYPE_OBJECT,
     FIELD(struct config, http),
     .kind = &conf_kind_http,
     .variants = CONF_MAIN_FILE,
     .fixed = true,
     .help = "Status page, metrics and health over HTTP."},
    {.name = "control",
     .type = CONF_TYPE_OBJECT,
     FIELD(struct config, control),
     .kind = &conf_kind_control,
     .variants = CONF_MAIN_FILE,
     .fixed = true,
     .help = "The socket that `chunnelctl` uses."},
    {.name = "limits",
     .type = CONF_TYPE_OBJECT,
     PART(struct config, limits),
     .kind = &limits_kind,
     .variants = CONF_MAIN_FILE,
     .fallback = "{}",
     .help = "What holds for all bridges together."},
    {.name = "events",
     .type = CONF_TYPE_OBJECT,
     FIELD(struct config, events),
     .kind = &conf_kind_events,
     .variants = CONF_MAIN_FILE,
     .help = "Events published likewise, one a message, as they happen."},
    {.name = "log",
     .type = CONF_TYPE_OBJECT,
     .kind = &log_kind,
     .variants = CONF_MAIN_FILE,
     .fallback = "{}",
     .help = "What is logged, and how."},
    {.name = "shutdown_timeout",
     .type = CONF_TYPE_DURATION,
     FIELD(struct config, shutdown_timeout_us),
     .min = 0,
     .max = H,
     .variants = CONF_MAIN_FILE,
     .fallback = "10s",
     .help = "Longest time that a stop may take to finish what was taken in."},
};

static const struct conf_variant main_variants[] = {
    {"the main file", CONF_MAIN_FILE, "{\"required\": [\"connections\"]}"},
    {"an included file", CONF_INCLUDED_FILE, "{\"not\": {\"required\": [\"connections\"]}}"},
    {NULL, 0, NULL},
};

const struct conf_kind conf_kind_main = {
    .id = "main",
    .name = "the configuration",
    .title = "The file",
    .help = "One JSON object. Files that it includes hold `bridges`, `topology` or both, and "
            "nothing else.",
    KEYS(main_keys),
    .variants = main_variants,
    .variant_of_node = conf_main_variant_of_node,
    .variant_of_struct = conf_main_variant_of_struct,
    .finish = conf_main_finish,
};

const struct conf_kind *const conf_kinds[] = {
    &conf_kind_main,
    &conf_kind_connection,
    &conf_kind_reconnect,
    &conf_kind_tls,
    &conf_kind_bridge,
    &conf_kind_source,
    &conf_kind_sink,
    &conf_kind_rpc,
    &conf_kind_mirror,
    &conf_kind_properties,
    &conf_kind_buffer,
    &conf_kind_retry,
    &conf_kind_topology,
    &conf_kind_exchange,
    &conf_kind_queue,
    &conf_kind_binding,
    &conf_kind_http,
    &conf_kind_control,
    &conf_kind_stats,
    &conf_kind_events,
    &spool_kind,
    &limits_kind,
    &log_kind,
    NULL,
};

const struct conf_key *conf_key_find(const struct conf_kind *kind, const char *name)
{
    size_t i;

    for (i = 0; i < kind->key_count; i++) {
        if (strcmp(kind->keys[i].name, name) == 0) {
            return &kind->keys[i];
        }
    }
    return NULL;
}

const struct conf_variant *conf_variant_find(const struct conf_kind *kind, unsigned bit)
{
    const struct conf_variant *variant = kind->variants;

    while (variant != NULL && variant->name != NULL) {
        if (variant->bit == bit) {
            return variant;
        }
        variant++;
    }
    return NULL;
}

bool conf_key_is_common(const char *name)
{
    return strcmp(name, "description") == 0 || strcmp(name, "$schema") == 0;
}
