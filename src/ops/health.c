/* What is wrong, in words. For: /readyz and whoever shows problems. Not for: the remedies
 * themselves (advice.c). */
#include "ops/health.h"

#include <string.h>

#include "ops/advice.h"

static void health_problem(struct json_writer *json, const char *kind, const char *name,
                           const char *state, const char *cause)
{
    json_writer_begin_object(json);
    json_writer_key(json, kind);
    json_writer_text(json, name);
    json_writer_key(json, "state");
    json_writer_text(json, state);
    json_writer_key(json, "cause");
    json_writer_text(json, cause);
    json_writer_key(json, "remedy");
    json_writer_text(json, advice_for(cause));
    json_writer_end_object(json);
}

static void health_connection(struct json_writer *json, const struct board_connection *connection)
{
    struct connection_status status;

    board_connection_status(connection, &status);
    if (status.state == CONNECTION_DOWN || status.state == CONNECTION_CONNECTING) {
        health_problem(json, "connection", connection->name, connection_state_name(status.state),
                       status.last_error[0] != '\0' ? status.last_error : NULL);
    } else if (status.blocked) {
        health_problem(json, "connection", connection->name, "blocked", "blocked by the broker");
    }
}

/* Whether the broker that a bridge publishes to has blocked it. */
static bool health_is_blocked(const struct board *board, const struct board_bridge *bridge)
{
    const struct board_connection *connection;
    struct connection_status status;

    TAILQ_FOREACH(connection, &board->connections, link) {
        if (connection->rmq != NULL && bridge->to_connection != NULL &&
            strcmp(connection->name, bridge->to_connection) == 0) {
            board_connection_status(connection, &status);
            return status.blocked;
        }
    }
    return false;
}

/* Its word in short, from what the bridge says of itself. */
static const char *health_kind(const char *trouble)
{
    if (strstr(trouble, "full") != NULL) {
        return "full";
    }
    return strstr(trouble, "dropping") != NULL ? "dropping" : "holding";
}

size_t health_of_bridge(const struct board *board, const struct board_bridge *bridge,
                        const struct bridge_status *status,
                        struct health_trouble out_troubles[HEALTH_TROUBLES_MOST])
{
    bool knows_why = status->why != NULL && status->why[0] != '\0';
    size_t count = 0;

    if (!bridge->enabled) {
        return 0;
    }
    if (status->trouble != NULL) {
        out_troubles[count++] =
            (struct health_trouble){health_kind(status->trouble), status->trouble};
    }
    if (status->state != BRIDGE_RUNNING) {
        out_troubles[count++] = (struct health_trouble){
            bridge_state_name(status->state), knows_why ? status->why : status->last_error};
    } else if (health_is_blocked(board, bridge)) {
        out_troubles[count++] = (struct health_trouble){"blocked", "blocked by the broker"};
    } else if (count == 0 && bridge->trail.dropping) {
        out_troubles[count++] = (struct health_trouble){"dropping", status->last_error};
    } else if (count == 0 && bridge->trail.stuck) {
        out_troubles[count++] = (struct health_trouble){"stuck", status->last_error};
    }
    return count;
}

static void health_bridge(struct json_writer *json, const struct board *board,
                          const struct board_bridge *bridge, uint64_t now_us)
{
    struct health_trouble troubles[HEALTH_TROUBLES_MOST];
    struct bridge_status status;
    size_t count;
    size_t i;

    bridge->get_status(bridge, now_us, &status);
    count = health_of_bridge(board, bridge, &status, troubles);
    for (i = 0; i < count; i++) {
        health_problem(json, "bridge", bridge->name, troubles[i].state, troubles[i].cause);
    }
}

void health_write_problems(const struct board *board, uint64_t now_us, struct json_writer *json)
{
    const struct board_connection *connection;
    const struct board_bridge *bridge;

    json_writer_begin_array(json);
    TAILQ_FOREACH(connection, &board->connections, link) {
        health_connection(json, connection);
    }
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        health_bridge(json, board, bridge, now_us);
    }
    json_writer_end_array(json);
}

bool health_write(const struct board *board, uint64_t now_us, struct strbuf *out)
{
    const struct board_bridge *bridge;
    struct json_writer json;
    uint64_t enabled = 0;
    uint64_t running = 0;

    TAILQ_FOREACH(bridge, &board->bridges, link) {
        struct bridge_status status;

        bridge->get_status(bridge, now_us, &status);
        enabled += bridge->enabled;
        running += bridge->enabled && status.state == BRIDGE_RUNNING;
    }
    json_writer_init(&json, out, 2);
    json_writer_begin_object(&json);
    json_writer_key(&json, "ready");
    json_writer_bool(&json, running == enabled);
    json_writer_key(&json, "enabled");
    json_writer_natural(&json, enabled);
    json_writer_key(&json, "running");
    json_writer_natural(&json, running);
    json_writer_key(&json, "problems");
    health_write_problems(board, now_us, &json);
    json_writer_end_object(&json);
    strbuf_append_char(out, '\n');
    return running == enabled;
}
