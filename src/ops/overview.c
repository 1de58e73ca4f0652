/* The overview as JSON. For: what people look at, in the order of the configuration, with causes
 * and remedies. Not for: the stats, whose fields are fixed (stats.c). */
#include "ops/overview.h"

#include <unistd.h>

#include "base/clock.h"
#include "config.h"
#include "ops/advice.h"

static void overview_text(struct json_writer *json, const char *key, const char *value)
{
    json_writer_key(json, key);
    json_writer_text(json, value != NULL && value[0] != '\0' ? value : NULL);
}

static void overview_natural(struct json_writer *json, const char *key, uint64_t value)
{
    json_writer_key(json, key);
    json_writer_natural(json, value);
}

static void overview_ms(struct json_writer *json, const char *key, uint64_t us)
{
    json_writer_key(json, key);
    json_writer_thousandths(json, us);
}

static void overview_time(struct json_writer *json, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(wall_us, text);
    overview_text(json, key, wall_us != 0 ? text : NULL);
}

static void overview_connection(struct json_writer *json, const struct board_connection *connection)
{
    struct connection_status status;

    board_connection_status(connection, &status);
    json_writer_begin_object(json);
    overview_text(json, "name", connection->name);
    overview_text(json, "kind", connection->redis != NULL ? "redis" : "amqp");
    overview_text(json, "state", connection_state_name(status.state));
    overview_time(json, "since", status.since_us);
    json_writer_key(json, "blocked");
    json_writer_bool(json, status.blocked);
    overview_natural(json, "reconnects", status.reconnects);
    overview_natural(json, "bytes_in", status.bytes_in);
    overview_natural(json, "bytes_out", status.bytes_out);
    if (status.knows_lag) {
        overview_natural(json, "subscriber_lag_bytes", status.subscriber_lag);
    }
    overview_text(json, "last_error", status.last_error);
    json_writer_end_object(json);
}

void overview_write_head(const struct board *board, uint64_t now_us, struct json_writer *json)
{
    const struct board_connection *connection;

    overview_text(json, "instance", board->instance);
    overview_text(json, "version", PACKAGE_VERSION);
    overview_time(json, "time", clock_wall_us());
    overview_ms(json, "uptime_ms", now_us - board->start_us);
    overview_natural(json, "pid", (uint64_t)getpid());
    overview_ms(json, "loop_lag_ms", lag_recent_us(board->lag, now_us));
    json_writer_key(json, "connections");
    json_writer_begin_array(json);
    TAILQ_FOREACH(connection, &board->connections, link) {
        overview_connection(json, connection);
    }
    json_writer_end_array(json);
}

static void overview_counters(struct json_writer *json, const struct bridge_counters *counters)
{
    overview_natural(json, "received", counters->received);
    overview_natural(json, "delivered", counters->delivered);
    overview_natural(json, "filtered", counters->filtered);
    overview_natural(json, "dropped", counters->dropped);
    overview_natural(json, "dead_lettered", counters->dead_lettered);
    overview_natural(json, "returned", counters->returned);
    overview_natural(json, "retried", counters->retried);
    overview_natural(json, "unroutable", counters->unroutable);
    overview_natural(json, "no_subscribers", counters->no_subscribers);
    overview_natural(json, "pending", bridge_counters_pending(counters));
    overview_natural(json, "buffered", counters->buffered);
    overview_natural(json, "spooled", counters->spooled);
    overview_natural(json, "in_flight", counters->in_flight);
    overview_natural(json, "bytes_in", counters->bytes_in);
    overview_natural(json, "bytes_out", counters->bytes_out);
}

void overview_write_members(const struct board_bridge *bridge, const struct bridge_status *status,
                            const struct health_trouble *trouble, const struct control *control,
                            struct json_writer *json)
{
    const struct bridge_counters *counters = &status->counters;
    const struct histogram *latency = status->latency;
    const struct advice *advice = advice_for(trouble->cause ? trouble->cause : status->last_error);

    overview_text(json, "name", bridge->name);
    json_writer_key(json, "enabled");
    json_writer_bool(json, bridge->enabled);
    overview_text(json, "from", bridge->from);
    overview_text(json, "to", bridge->to);
    overview_text(json, "from_connection", bridge->from_connection);
    overview_text(json, "to_connection", bridge->to_connection);
    overview_text(json, "state", bridge_state_name(status->state));
    overview_text(json, "why", status->why);
    overview_text(json, "operator",
                  control_word(control, bridge->name, bridge_counters_pending(counters)));
    overview_text(json, "trouble", trouble->state);
    overview_text(json, "cause", trouble->cause);
    overview_text(json, "last_error", status->last_error);
    overview_text(json, "meaning", advice != NULL ? advice->meaning : NULL);
    overview_text(json, "remedy", advice != NULL ? advice->remedy : NULL);
    overview_counters(json, counters);
    overview_natural(json, "spool_bytes", status->disk.bytes);
    overview_ms(json, "spool_oldest_ms", store_gauge_age_us(&status->disk, clock_wall_us()));
    overview_ms(json, "p50_ms", latency ? histogram_quantile(latency, 0.5) : 0);
    overview_ms(json, "p99_ms", latency ? histogram_quantile(latency, 0.99) : 0);
    overview_ms(json, "unsubscribed_ms", status->gap_us);
}

void overview_write(const struct board *board, const struct control *control, uint64_t now_us,
                    struct strbuf *out)
{
    const struct board_bridge *bridge;
    struct health_look look;
    struct json_writer json;

    health_look_begin(&look, board, 0);
    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    overview_natural(&json, "v", 1);
    overview_write_head(board, now_us, &json);
    json_writer_key(&json, "bridges");
    json_writer_begin_array(&json);
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        struct health_trouble troubles[HEALTH_TROUBLES_MOST] = {{NULL, NULL}};
        struct bridge_status status;

        bridge->get_status(bridge, now_us, &status);
        health_look_add(&look, bridge, &status, troubles);
        json_writer_begin_object(&json);
        overview_write_members(bridge, &status, &troubles[0], control, &json);
        json_writer_end_object(&json);
    }
    json_writer_end_array(&json);
    json_writer_key(&json, "problems");
    json_writer_raw(&json, health_look_end(&look));
    json_writer_end_object(&json);
    health_look_fini(&look);
}
