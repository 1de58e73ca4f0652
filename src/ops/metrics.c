/* The metrics as text. For: a snapshot of all numbers, and writing it out piece by piece, as a
 * thousand bridges have some megabytes of it. Not for: which metrics there are (metrics_table.c).
 */
#include "ops/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config.h"
#include "ops/metrics_text.h"

/* A snapshot, and how far it is written. */
struct metrics {
    struct strbuf names; /* the daemon's labels at 0, NUL-terminated; then the names */
    struct metrics_daemon daemon;
    struct metrics_connection *connections;
    size_t connection_count;
    struct metrics_bridge *bridges;
    size_t bridge_count;
    size_t metric;            /* the next to be written */
    struct metrics_text text; /* of that one, once it has begun */
    size_t bridge;            /* the next of it */
};

/* A label's value: backslash, quote and newline are escaped. */
static void metrics_escape(struct strbuf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            strbuf_append_text(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"') {
            strbuf_append_char(out, '\\');
        }
        strbuf_append_char(out, *value);
    }
}

/* Names need no escapes. */
static struct metrics_name metrics_keep_name(struct metrics *metrics, const char *name)
{
    size_t at = metrics->names.len;

    strbuf_append_text(&metrics->names, name);
    return (struct metrics_name){at, metrics->names.len - at};
}

static void metrics_take_daemon(struct metrics *metrics, const struct board *board, uint64_t now_us)
{
    strbuf_append_text(&metrics->names, "version=\"" PACKAGE_VERSION "\",instance=\"");
    metrics_escape(&metrics->names, board->instance);
    strbuf_append(&metrics->names, "\"", 2);
    metrics->daemon = (struct metrics_daemon){
        .start_us = (uint64_t)board->start_wall_us,
        .lag_us = lag_recent_us(board->lag, now_us),
        .lag_max_us = board->lag->max_us,
        .memory_held = board->budget->used,
        .memory_limit = board->budget->ceiling,
    };
}

static void metrics_take_connection(struct metrics *metrics, struct metrics_connection *taken,
                                    const struct board_connection *connection)
{
    struct connection_status status;

    board_connection_status(connection, &status);
    *taken = (struct metrics_connection){
        .name = metrics_keep_name(metrics, connection->name),
        .up = status.state == CONNECTION_UP,
        .blocked = status.blocked,
        .knows_lag = status.knows_lag,
        .subscriber_lag = status.subscriber_lag,
        .reconnects = status.reconnects,
        .bytes_in = status.bytes_in,
        .bytes_out = status.bytes_out,
        .canary = status.canary,
    };
}

static void metrics_take_bridge(struct metrics *metrics, struct metrics_bridge *taken,
                                const struct board_bridge *bridge, uint64_t now_us)
{
    struct bridge_status status;

    bridge->get_status(bridge, now_us, &status);
    taken->name = metrics_keep_name(metrics, bridge->name);
    taken->counters = status.counters;
    taken->running = status.state == BRIDGE_RUNNING;
    taken->paused = status.state == BRIDGE_PAUSED;
    taken->pending = bridge_counters_pending(&status.counters);
    taken->gap_count = status.gap_count;
    taken->gap_us = status.gap_us;
    taken->spool_bytes = status.disk.bytes;
    taken->spool_age_us = store_gauge_age_us(&status.disk, clock_wall_us());
    taken->has_rpc = status.has_rpc;
    taken->rpc = status.rpc;
    if (status.latency != NULL && status.latency->count > 0) {
        taken->latency_count = status.latency->count;
        taken->latency_sum_us = status.latency->sum;
        histogram_count_each_below(status.latency, metric_bounds_us, METRIC_BOUNDS, taken->below);
    }
}

static void metrics_free(void *ctx)
{
    struct metrics *metrics = ctx;

    if (metrics != NULL) {
        strbuf_fini(&metrics->names);
        free(metrics->connections);
        free(metrics->bridges);
        free(metrics);
    }
}

/* NULL: out of memory. */
static struct metrics *metrics_new(const struct board *board, uint64_t now_us)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    const struct board_connection *connection;
    const struct board_bridge *bridge;
    size_t connections = 1, bridges = 1;

    if (metrics == NULL) {
        return NULL;
    }
    TAILQ_FOREACH(connection, &board->connections, link) {
        connections++;
    }
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        bridges++;
    }
    metrics->connections = calloc(connections, sizeof(*metrics->connections));
    metrics->bridges = calloc(bridges, sizeof(*metrics->bridges));
    if (metrics->connections == NULL || metrics->bridges == NULL) {
        metrics_free(metrics);
        return NULL;
    }
    metrics_take_daemon(metrics, board, now_us);
    TAILQ_FOREACH(connection, &board->connections, link) {
        metrics_take_connection(metrics, &metrics->connections[metrics->connection_count++],
                                connection);
    }
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        metrics_take_bridge(metrics, &metrics->bridges[metrics->bridge_count++], bridge, now_us);
    }
    if (strbuf_failed(&metrics->names)) {
        metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

static struct slice metrics_name_of(const struct metrics *metrics, struct metrics_name name)
{
    return slice_make(metrics->names.data + name.at, name.len);
}

static void metrics_write_daemon(const struct metrics *metrics, struct strbuf *out)
{
    const struct metric *metric = metrics->text.metric;

    if (metric->kind == METRIC_ONE) { /* the labels are its content; the instance may be long */
        strbuf_append_format(out, "%s{%s} 1\n", metric->name, metrics->names.data);
        return;
    }
    metrics_text_write(&metrics->text, SLICE(""), &metrics->daemon, out);
}

static void metrics_write_connections(const struct metrics *metrics, struct strbuf *out)
{
    size_t i;

    for (i = 0; i < metrics->connection_count; i++) {
        const struct metrics_connection *connection = &metrics->connections[i];

        if (metric_is_of(metrics->text.metric, connection)) {
            metrics_text_write(&metrics->text, metrics_name_of(metrics, connection->name),
                               connection, out);
        }
    }
}

/* Bridges until the piece is full; whether that was all of them. */
static bool metrics_write_bridges(struct metrics *metrics, struct strbuf *out)
{
    bool all = metrics->text.metric->scope == METRIC_OF_BRIDGE;

    while (metrics->bridge < metrics->bridge_count && out->len < HTTP_PIECE) {
        const struct metrics_bridge *bridge = &metrics->bridges[metrics->bridge++];

        if (all || bridge->has_rpc) {
            metrics_text_write(&metrics->text, metrics_name_of(metrics, bridge->name), bridge, out);
        }
    }
    return metrics->bridge == metrics->bridge_count;
}

/* Whether there is anything of the metric's scope. */
static bool metrics_has(const struct metrics *metrics, const struct metric *metric)
{
    if (metric->scope == METRIC_OF_DAEMON) {
        return true;
    }
    return (metric_is_of_connections(metric) ? metrics->connection_count : metrics->bridge_count) >
           0;
}

/* Goes on with a metric; whether it is finished. */
static bool metrics_write_metric(struct metrics *metrics, const struct metric *metric,
                                 struct strbuf *out)
{
    if (!metrics_has(metrics, metric)) {
        return true;
    }
    if (metrics->text.metric != metric) {
        metrics_text_begin(&metrics->text, metric, out);
        metrics->bridge = 0;
    }
    if (metric->scope == METRIC_OF_DAEMON) {
        metrics_write_daemon(metrics, out);
        return true;
    }
    if (metric_is_of_connections(metric)) {
        metrics_write_connections(metrics, out);
        return true;
    }
    return metrics_write_bridges(metrics, out);
}

static enum http_more metrics_next(void *ctx, struct strbuf *out)
{
    struct metrics *metrics = ctx;

    strbuf_reserve(out, HTTP_PIECE); /* at once, as to grow is to copy */
    while (metrics->metric < metrics_count && out->len < HTTP_PIECE) {
        if (metrics_write_metric(metrics, &metrics_table[metrics->metric], out)) {
            metrics->metric++;
        }
    }
    return metrics->metric < metrics_count ? HTTP_MORE : HTTP_END;
}

static const struct http_source metrics_source = {.next = metrics_next, .free = metrics_free};

int metrics_answer(const struct board *board, uint64_t now_us, struct http_answer *answer)
{
    struct metrics *metrics = metrics_new(board, now_us);

    if (metrics == NULL) {
        return -1;
    }
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    answer->source = &metrics_source;
    answer->source_ctx = metrics;
    return 0;
}

void metrics_write(const struct board *board, uint64_t now_us, struct strbuf *out)
{
    struct metrics *metrics = metrics_new(board, now_us);
    enum http_more more = HTTP_MORE;

    while (metrics != NULL && more == HTTP_MORE) {
        struct strbuf piece = STRBUF_INIT;

        more = metrics_next(metrics, &piece);
        strbuf_append_slice(out, strbuf_slice(&piece));
        strbuf_fini(&piece);
    }
    metrics_free(metrics);
}
