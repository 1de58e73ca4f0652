/* The table of keys: what the daemon publishes of itself, statistics and events. */
#include "conf/config.h"
#include "conf/keys_table.h"
#include "conf/report.h"

/* The keys of struct conf_report, which is at `report_` of `type_`. */
#define REPORT_KEYS(type_, report_, channel_help_, exchange_help_, routing_key_)                   \
    {.name = "connection",                                                                         \
     .type = CONF_TYPE_CONNECTION,                                                                 \
     FIELD(type_, report_ connection),                                                             \
     .fallback_words = "the one there is",                                                         \
     .help = "Name of the Redis connection, or of the AMQP one where there is no `channel`; "      \
             "needed where there are several."},                                                   \
        {.name = "channel",                                                                        \
         .type = CONF_TYPE_STRING,                                                                 \
         FIELD(type_, report_ channel),                                                            \
         .min = 1,                                                                                 \
         .max = CHANNEL_LENGTH,                                                                    \
         .help = channel_help_},                                                                   \
        {.name = "exchange_connection",                                                            \
         .type = CONF_TYPE_CONNECTION,                                                             \
         FIELD(type_, report_ sink.connection),                                                    \
         .fallback_words = "the one AMQP connection",                                              \
         .help = "Name of the AMQP connection beside a `channel`; needed where there are "         \
                 "several."},                                                                      \
        {.name = "exchange",                                                                       \
         .type = CONF_TYPE_TEMPLATE,                                                               \
         FIELD(type_, report_ sink.mapping.exchange),                                              \
         .min = 0,                                                                                 \
         .max = SHORT_STRING,                                                                      \
         .help = exchange_help_},                                                                  \
    {                                                                                              \
        .name = "routing_key", .type = CONF_TYPE_TEMPLATE,                                         \
        FIELD(type_, report_ sink.mapping.routing_key), .min = 0, .max = SHORT_STRING,             \
        .fallback_words = "`" routing_key_ "`",                                                    \
        .help = "Routing key for the exchange; a template that may name `{instance}`, "            \
                "`{timestamp}` and what `{json:/...}` finds in the object."                        \
    }

static const char report_schema[] =
    "{\"anyOf\": [{\"required\": [\"channel\"]}, {\"required\": [\"exchange\"]}], "
    "\"dependencies\": {\"routing_key\": [\"exchange\"], \"exchange_connection\": [\"exchange\"]}}";

static const struct conf_key stats_keys[] = {
    REPORT_KEYS(struct conf_stats, report.,
                "Redis channel that the statistics are published on, as JSON.",
                "AMQP exchange that they are published to as well; a template. It must be there, "
                "see `topology`.",
                CONF_STATS_ROUTING_KEY),
    {.name = "interval",
     .type = CONF_TYPE_DURATION,
     FIELD(struct conf_stats, interval_us),
     .min = 10 * MS,
     .max = 24 * H,
     .fallback = "5s",
     .help = "Time between two of them."},
};

const struct conf_kind conf_kind_stats = {
    .id = "stats",
    .name = "a stats object",
    .title = "Statistics",
    .help = "Without this object none are published. `channel`, `exchange` or both say where to.",
    KEYS(stats_keys),
    .schema = report_schema,
    .prepare = conf_report_prepare,
    .finish = conf_stats_finish,
};

static const struct conf_key events_keys[] = {
    REPORT_KEYS(struct conf_report, , "Redis channel that the events are published on, as JSON.",
                "AMQP exchange that they are published to as well; a template. It must be there, "
                "see `topology`.",
                CONF_EVENTS_ROUTING_KEY),
};

const struct conf_kind conf_kind_events = {
    .id = "events",
    .name = "an events object",
    .title = "Events",
    .help = "Without this object none are published. `channel`, `exchange` or both say where to.",
    KEYS(events_keys),
    .schema = report_schema,
    .prepare = conf_report_prepare,
    .finish = conf_events_finish,
};
