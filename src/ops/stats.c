/* The stats as JSON. For: the object and its field names, which people's tools rely on. Not for:
 * keeping the numbers (core/bridge.c, redis/, amqp/) or carrying them (stats_report.c). */
#include "ops/stats.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "config.h"

static void stats_natural(struct json_writer *json, const char *key, uint64_t value)
{
    json_writer_key(json, key);
    json_writer_natural(json, value);
}

static void stats_text(struct json_writer *json, const char *key, const char *value)
{
    json_writer_key(json, key);
    json_writer_text(json, value);
}

/* NULL for 0, which is "never". */
static void stats_time(struct json_writer *json, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(wall_us, text);
    stats_text(json, key, wall_us ? text : NULL);
}

/* Rounded to a thousandth, as nobody can read more. */
static void stats_thousandth(struct json_writer *json, const char *key, uint64_t thousandths)
{
    json_writer_key(json, key);
    json_writer_thousandths(json, thousandths);
}

/* Of Redis connections that have one. */
static void stats_canary(struct json_writer *json, const struct canary_status *canary)
{
    json_writer_key(json, "canary_ms");
    if (canary->is_known) {
        json_writer_begin_object(json);
        stats_thousandth(json, "last", canary->last_us);
        stats_thousandth(json, "max", canary->max_us);
        json_writer_end_object(json);
    } else {
        json_writer_null(json);
    }
    stats_natural(json, "canary_renewals", canary->renewals);
}

static void stats_connection(struct json_writer *json, const struct board_connection *connection)
{
    struct connection_status status;

    board_connection_status(connection, &status);
    json_writer_key(json, connection->name);
    json_writer_begin_object(json);
    stats_text(json, "kind", connection->redis ? "redis" : "amqp");
    stats_text(json, "state", connection_state_name(status.state));
    stats_natural(json, "reconnects", status.reconnects);
    stats_time(json, "since", status.since_us);
    stats_text(json, "last_error", status.last_error[0] ? status.last_error : NULL);
    stats_natural(json, "bytes_in", status.bytes_in);
    stats_natural(json, "bytes_out", status.bytes_out);
    json_writer_key(json, "blocked");
    json_writer_bool(json, status.blocked);
    json_writer_key(json, "subscriber_lag_bytes");
    if (status.knows_lag) {
        json_writer_natural(json, status.subscriber_lag);
    } else {
        json_writer_null(json);
    }
    stats_canary(json, &status.canary);
    json_writer_end_object(json);
}

static void stats_counters(struct json_writer *json, const struct bridge_counters *counters)
{
    stats_natural(json, "received", counters->received);
    stats_natural(json, "delivered", counters->delivered);
    stats_natural(json, "filtered", counters->filtered);
    stats_natural(json, "dropped", counters->dropped);
    stats_natural(json, "dead_lettered", counters->dead_lettered);
    stats_natural(json, "returned", counters->returned);
    stats_natural(json, "pending", bridge_counters_pending(counters));
    stats_natural(json, "retried", counters->retried);
    stats_natural(json, "unroutable", counters->unroutable);
    stats_natural(json, "no_subscribers", counters->no_subscribers);
    stats_natural(json, "buffered", counters->buffered);
    stats_natural(json, "spooled", counters->spooled);
    stats_natural(json, "in_flight", counters->in_flight);
    stats_natural(json, "bytes_in", counters->bytes_in);
    stats_natural(json, "bytes_out", counters->bytes_out);
}

static void stats_unsubscribed(struct json_writer *json, const struct bridge_status *status)
{
    json_writer_key(json, "unsubscribed");
    json_writer_begin_object(json);
    stats_natural(json, "count", status->gap_count);
    stats_thousandth(json, "seconds", status->gap_us / CLOCK_US_PER_MS);
    json_writer_end_object(json);
}

/* What the bridge has on the disk, and for how long. */
static void stats_spool(struct json_writer *json, const struct store_gauge *disk)
{
    uint64_t age = store_gauge_age_us(disk, clock_wall_us());

    json_writer_key(json, "spool");
    json_writer_begin_object(json);
    stats_natural(json, "bytes", disk->bytes);
    stats_thousandth(json, "oldest_s", age / CLOCK_US_PER_MS);
    json_writer_end_object(json);
}

static void stats_latency(struct json_writer *json, const struct histogram *latency)
{
    json_writer_key(json, "latency_ms");
    json_writer_begin_object(json);
    stats_thousandth(json, "p50", latency ? histogram_quantile(latency, 0.5) : 0);
    stats_thousandth(json, "p99", latency ? histogram_quantile(latency, 0.99) : 0);
    stats_thousandth(json, "p999", latency ? histogram_quantile(latency, 0.999) : 0);
    stats_thousandth(json, "max", latency ? latency->max : 0);
    json_writer_end_object(json);
}

/* Of a bridge that carries calls; others have no such object. */
static void stats_rpc(struct json_writer *json, const struct rpc_counters *rpc)
{
    json_writer_key(json, "rpc");
    json_writer_begin_object(json);
    stats_natural(json, "calls", rpc->calls);
    stats_natural(json, "answers", rpc->answers);
    stats_natural(json, "errors", rpc->errors);
    stats_natural(json, "timeouts", rpc->timeouts);
    stats_natural(json, "nobody", rpc->nobody);
    stats_natural(json, "overload", rpc->overload);
    stats_natural(json, "lost", rpc->lost);
    stats_natural(json, "gone", rpc->gone);
    stats_natural(json, "unanswerable", rpc->unanswerable);
    stats_natural(json, "late", rpc->late);
    stats_natural(json, "duplicate", rpc->duplicate);
    stats_natural(json, "unknown", rpc->unknown);
    json_writer_end_object(json);
}

/* One way of a bridge that has two. */
static void stats_part(struct json_writer *json, const struct bridge_part *part)
{
    json_writer_key(json, part->name);
    json_writer_begin_object(json);
    stats_text(json, "state", bridge_state_name(part->state));
    stats_counters(json, &part->counters);
    stats_text(json, "last_error", part->last_error);
    stats_latency(json, part->latency);
    json_writer_end_object(json);
}

static void stats_bridge(struct json_writer *json, const struct board_bridge *bridge,
                         uint64_t now_us)
{
    struct bridge_status status;

    bridge->get_status(bridge, now_us, &status);
    json_writer_key(json, bridge->name);
    json_writer_begin_object(json);
    stats_text(json, "state", bridge_state_name(status.state));
    stats_counters(json, &status.counters);
    stats_text(json, "last_error", status.last_error);
    stats_unsubscribed(json, &status);
    stats_spool(json, &status.disk);
    stats_latency(json, status.latency);
    if (status.has_rpc) {
        stats_rpc(json, &status.rpc);
    }
    for (size_t i = 0; i < status.part_count; i++) {
        stats_part(json, &status.parts[i]);
    }
    json_writer_end_object(json);
}

/* How long turns of the loop took: of late, and ever. */
static void stats_lag(struct json_writer *json, const struct lag *lag, uint64_t now_us)
{
    json_writer_key(json, "loop_lag_ms");
    json_writer_begin_object(json);
    stats_thousandth(json, "last", lag_recent_us(lag, now_us));
    stats_thousandth(json, "max", lag->max_us);
    json_writer_end_object(json);
}

/* What the bridges hold in memory together. */
static void stats_memory(struct json_writer *json, const struct budget *budget)
{
    json_writer_key(json, "memory");
    json_writer_begin_object(json);
    stats_natural(json, "held", budget->used);
    stats_natural(json, "limit", budget->ceiling);
    json_writer_end_object(json);
}

/* null before the first one. */
static void stats_reload(struct json_writer *json, const struct board_reload *reload)
{
    if (reload->wall_us == 0) {
        json_writer_null(json);
        return;
    }
    json_writer_begin_object(json);
    stats_time(json, "time", reload->wall_us);
    json_writer_key(json, "ok");
    json_writer_bool(json, reload->ok);
    stats_text(json, "error", reload->ok ? NULL : reload->error.text);
    stats_natural(json, "kept", reload->kept);
    stats_natural(json, "added", reload->added);
    stats_natural(json, "changed", reload->changed);
    stats_natural(json, "removed", reload->removed);
    json_writer_end_object(json);
}

static void stats_reloads(struct json_writer *json, const struct board_reloads *reloads)
{
    json_writer_key(json, "reloads");
    json_writer_begin_object(json);
    stats_natural(json, "count", reloads->count);
    stats_natural(json, "failed", reloads->failed);
    json_writer_key(json, "last");
    stats_reload(json, &reloads->last);
    json_writer_end_object(json);
}

void stats_write(const struct board *board, uint64_t now_us, struct strbuf *out)
{
    const struct board_connection *connection;
    const struct board_bridge *bridge;
    struct json_writer json;

    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    stats_natural(&json, "v", 1);
    stats_text(&json, "instance", board->instance);
    stats_text(&json, "version", PACKAGE_VERSION);
    stats_time(&json, "time", clock_wall_us());
    stats_thousandth(&json, "uptime_s", (now_us - board->start_us) / CLOCK_US_PER_MS);
    stats_natural(&json, "pid", (uint64_t)getpid());
    stats_lag(&json, board->lag, now_us);
    stats_memory(&json, board->budget);
    stats_reloads(&json, &board->reloads);
    json_writer_key(&json, "connections");
    json_writer_begin_object(&json);
    TAILQ_FOREACH(connection, &board->connections, link) {
        stats_connection(&json, connection);
    }
    json_writer_end_object(&json);
    json_writer_key(&json, "bridges");
    json_writer_begin_object(&json);
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        stats_bridge(&json, bridge, now_us);
    }
    json_writer_end_object(&json);
    json_writer_end_object(&json);
}
