/* The metrics as text. For: a snapshot of all numbers, and writing it out piece by piece, as a
 * thousand bridges have some megabytes of it. Not for: which metrics there are (metrics_table.c).
 */
#include "ops/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config.h"

enum {
    METRICS_LINE_MAX = 512, /* bytes of a line: names have at most 64 */
    METRICS_DIGITS = 20,
    METRICS_FRACTION = 6, /* digits of µs in a second */
};

/* A snapshot, and how far it is written. */
struct metrics {
    struct strbuf text; /* labels: the daemon's at 0, NUL-terminated, the others unfinished */
    struct metrics_daemon daemon;
    struct metrics_connection *connections;
    size_t connection_count;
    struct metrics_bridge *bridges;
    size_t bridge_count;
    size_t metric; /* the next to be written */
    size_t item;   /* of its scope */
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

/* The label that a connection or a bridge has in each of its lines, as {bridge="a" without an end,
 * as more may follow. Names need no escapes. */
static struct metrics_label metrics_keep_label(struct metrics *metrics, const char *label,
                                               const char *name)
{
    size_t at = metrics->text.len;

    strbuf_append_text(&metrics->text, label);
    strbuf_append_text(&metrics->text, name);
    strbuf_append_char(&metrics->text, '"');
    return (struct metrics_label){at, metrics->text.len - at};
}

static void metrics_take_daemon(struct metrics *metrics, const struct board *board, uint64_t now_us)
{
    strbuf_append_text(&metrics->text, "version=\"" PACKAGE_VERSION "\",instance=\"");
    metrics_escape(&metrics->text, board->instance);
    strbuf_append(&metrics->text, "\"", 2);
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
        .label = metrics_keep_label(metrics, "{connection=\"", connection->name),
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
    taken->label = metrics_keep_label(metrics, "{bridge=\"", bridge->name);
    bridge->get_status(bridge, now_us, &taken->status);
    taken->running = taken->status.state == BRIDGE_RUNNING;
    taken->paused = taken->status.state == BRIDGE_PAUSED;
    taken->pending = bridge_counters_pending(&taken->status.counters);
    taken->spool_age_us = store_gauge_age_us(&taken->status.disk, clock_wall_us());
    if (taken->status.latency != NULL && taken->status.latency->count > 0) {
        taken->latency_count = taken->status.latency->count;
        taken->latency_sum_us = taken->status.latency->sum;
        histogram_count_each_below(taken->status.latency, metric_bounds_us, METRIC_BOUNDS,
                                   taken->below);
    }
    taken->status.latency = NULL; /* the bridge may go before the answer has */
    taken->status.last_error = NULL;
}

static void metrics_free(void *ctx)
{
    struct metrics *metrics = ctx;

    if (metrics != NULL) {
        strbuf_fini(&metrics->text);
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
    if (strbuf_failed(&metrics->text)) {
        metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

static char *metrics_put(char *to, const char *text)
{
    size_t len = strlen(text);

    memcpy(to, text, len);
    return to + len;
}

static char *metrics_put_number(char *to, uint64_t number)
{
    char digits[METRICS_DIGITS];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    memcpy(to, digits + at, sizeof(digits) - at);
    return to + (sizeof(digits) - at);
}

static char *metrics_put_seconds(char *to, uint64_t us)
{
    uint64_t fraction = us % 1000000;
    size_t i;

    to = metrics_put_number(to, us / 1000000);
    if (fraction == 0) {
        return to;
    }
    *to = '.';
    for (i = METRICS_FRACTION; i > 0; i--) {
        to[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return to + METRICS_FRACTION + 1;
}

static char *metrics_put_value(char *to, enum metric_kind kind, const void *place)
{
    uint64_t number = 1;

    if (kind == METRIC_FLAG) {
        number = *(const bool *)place;
    } else if (kind != METRIC_ONE) {
        memcpy(&number, place, sizeof(number));
    }
    to = kind == METRIC_SECONDS ? metrics_put_seconds(to, number) : metrics_put_number(to, number);
    *to++ = '\n';
    return to;
}

/* The metric's name with `suffix`, and the label in front of the line's own; empty: none. */
static char *metrics_put_head(char *to, const struct metric *metric, const char *suffix,
                              struct slice label)
{
    to = metrics_put(to, metric->name);
    to = metrics_put(to, suffix);
    memcpy(to, label.data, label.len);
    return to + label.len;
}

/* Ends the labels with `own`; `label` as in metrics_put_head(). */
static char *metrics_put_own(char *to, struct slice label, const char *own)
{
    if (own[0] != '\0') {
        *to++ = label.len > 0 ? ',' : '{';
        to = metrics_put(to, own);
    }
    if (label.len > 0 || own[0] != '\0') {
        *to++ = '}';
    }
    *to++ = ' ';
    return to;
}

static void metrics_write_lines(const struct metric *metric, struct slice label, const void *item,
                                struct strbuf *out)
{
    char *start = strbuf_reserve(out, metric->line_count * METRICS_LINE_MAX);
    char *to = start;
    size_t head; /* of each of the lines */
    size_t i;

    if (start == NULL) {
        return;
    }
    head = (size_t)(metrics_put_head(start, metric, "", label) - start);
    for (i = 0; i < metric->line_count; i++) {
        if (i > 0) {
            memcpy(to, start, head);
        }
        to = metrics_put_own(to + head, label, metric->lines[i].label);
        to = metrics_put_value(to, metric->kind, (const char *)item + metric->lines[i].at);
    }
    strbuf_commit(out, (size_t)(to - start));
}

static void metrics_write_histogram(const struct metric *metric, struct slice label,
                                    const struct metrics_bridge *bridge, struct strbuf *out)
{
    char *start = strbuf_reserve(out, (METRIC_BOUNDS + 3) * METRICS_LINE_MAX);
    char head[METRICS_LINE_MAX]; /* of all its buckets */
    char *to = start;
    size_t len;
    size_t i;

    if (start == NULL) {
        return;
    }
    len = (size_t)(metrics_put(metrics_put_head(head, metric, "_bucket", label), ",le=\"") - head);
    for (i = 0; i <= METRIC_BOUNDS; i++) {
        bool last = i == METRIC_BOUNDS;

        memcpy(to, head, len);
        to = metrics_put(to + len, last ? "+Inf" : metric_bounds_text[i]);
        to = metrics_put(to, "\"} ");
        to =
            metrics_put_value(to, METRIC_NUMBER, last ? &bridge->latency_count : &bridge->below[i]);
    }
    to = metrics_put_own(metrics_put_head(to, metric, "_sum", label), label, "");
    to = metrics_put_value(to, METRIC_SECONDS, &bridge->latency_sum_us);
    to = metrics_put_own(metrics_put_head(to, metric, "_count", label), label, "");
    to = metrics_put_value(to, METRIC_NUMBER, &bridge->latency_count);
    strbuf_commit(out, (size_t)(to - start));
}

/* How many of its scope a metric has. */
static size_t metrics_items(const struct metrics *metrics, const struct metric *metric)
{
    if (metric->scope == METRIC_OF_DAEMON) {
        return 1;
    }
    return metric_is_of_connections(metric) ? metrics->connection_count : metrics->bridge_count;
}

static void metrics_write_daemon(const struct metrics *metrics, const struct metric *metric,
                                 struct strbuf *out)
{
    if (metric->kind == METRIC_ONE) { /* the labels are its content; the instance may be long */
        strbuf_append_format(out, "%s{%s} 1\n", metric->name, metrics->text.data);
        return;
    }
    metrics_write_lines(metric, slice_make("", 0), &metrics->daemon, out);
}

static struct slice metrics_label_of(const struct metrics *metrics, struct metrics_label label)
{
    return slice_make(metrics->text.data + label.at, label.len);
}

static void metrics_write_item(const struct metrics *metrics, const struct metric *metric,
                               size_t item, struct strbuf *out)
{
    if (item == 0) {
        strbuf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                             metric->name, metric_type_name(metric->type));
    }
    if (metric->scope == METRIC_OF_DAEMON) {
        metrics_write_daemon(metrics, metric, out);
    } else if (metric_is_of_connections(metric)) {
        const struct metrics_connection *connection = &metrics->connections[item];

        if (metric_is_of(metric, connection)) {
            metrics_write_lines(metric, metrics_label_of(metrics, connection->label), connection,
                                out);
        }
    } else {
        const struct metrics_bridge *bridge = &metrics->bridges[item];

        if (metric->type == METRIC_HISTOGRAM) {
            metrics_write_histogram(metric, metrics_label_of(metrics, bridge->label), bridge, out);
        } else if (metric->scope == METRIC_OF_BRIDGE || bridge->status.has_rpc) {
            metrics_write_lines(metric, metrics_label_of(metrics, bridge->label), bridge, out);
        }
    }
}

static enum http_more metrics_next(void *ctx, struct strbuf *out)
{
    struct metrics *metrics = ctx;

    while (metrics->metric < metrics_count) {
        const struct metric *metric = &metrics_table[metrics->metric];

        if (metrics->item == metrics_items(metrics, metric)) {
            metrics->metric++;
            metrics->item = 0;
            continue;
        }
        if (out->len >= HTTP_PIECE) {
            return HTTP_MORE;
        }
        metrics_write_item(metrics, metric, metrics->item++, out);
    }
    return HTTP_END;
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
