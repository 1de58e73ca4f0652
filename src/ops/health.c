/* What is wrong, in words. For: /readyz and whoever shows problems. Not for: the remedies
 * themselves (advice.c). */
#include "ops/health.h"

#include <stdio.h>
#include <string.h>

#include "ops/advice.h"

static void health_problem(struct json_writer *json, const char *kind, const char *name,
                           const char *state, const char *cause)
{
    const struct advice *advice = advice_for(cause);

    json_writer_begin_object(json);
    json_writer_key(json, kind);
    json_writer_text(json, name);
    json_writer_key(json, "state");
    json_writer_text(json, state);
    json_writer_key(json, "cause");
    json_writer_text(json, cause);
    json_writer_key(json, "meaning");
    json_writer_text(json, advice != NULL ? advice->meaning : NULL);
    json_writer_key(json, "remedy");
    json_writer_text(json, advice != NULL ? advice->remedy : NULL);
    json_writer_end_object(json);
}

/* Keeps why a broker has blocked a connection. */
static const char *health_blocked_words(struct health_look *look,
                                        const struct connection_status *status)
{
    snprintf(look->blocked, sizeof(look->blocked), "blocked by the broker%s%s",
             status->blocked_why[0] != '\0' ? ": " : "", status->blocked_why);
    return look->blocked;
}

static void health_connection(struct health_look *look, const struct board_connection *connection)
{
    struct connection_status status;

    board_connection_status(connection, &status);
    look->is_blocked |= status.blocked;
    if (status.state == CONNECTION_DOWN || status.state == CONNECTION_CONNECTING) {
        health_problem(&look->json, "connection", connection->name,
                       connection_state_name(status.state),
                       status.last_error[0] != '\0' ? status.last_error : NULL);
    } else if (status.blocked) {
        health_problem(&look->json, "connection", connection->name, "blocked",
                       health_blocked_words(look, &status));
    }
}

/* Whether the broker that a bridge publishes to has blocked it, and why: NULL: it has not. */
static const char *health_blocked(struct health_look *look, const struct board_bridge *bridge)
{
    const struct board_connection *connection;
    struct connection_status status;

    if (!look->is_blocked || bridge->to_connection == NULL) {
        return NULL;
    }
    TAILQ_FOREACH(connection, &look->board->connections, link) {
        if (connection->rmq != NULL && strcmp(connection->name, bridge->to_connection) == 0) {
            board_connection_status(connection, &status);
            return status.blocked ? health_blocked_words(look, &status) : NULL;
        }
    }
    return NULL;
}

size_t health_look_judge(struct health_look *look, const struct board_bridge *bridge,
                         const struct bridge_status *status,
                         struct health_trouble out_troubles[HEALTH_TROUBLES_MOST])
{
    const char *blocked = status->state == BRIDGE_RUNNING ? health_blocked(look, bridge) : NULL;
    bool knows_why = status->why != NULL && status->why[0] != '\0';
    size_t count = 0;

    if (!bridge->enabled) {
        return 0;
    }
    if (status->trouble != TROUBLE_NONE) {
        out_troubles[count++] = (struct health_trouble){bridge_trouble_name(status->trouble),
                                                        bridge_trouble_words(status->trouble)};
    }
    if (status->state != BRIDGE_RUNNING) {
        out_troubles[count++] = (struct health_trouble){
            bridge_state_name(status->state), knows_why ? status->why : status->last_error};
    } else if (blocked != NULL) {
        out_troubles[count++] = (struct health_trouble){"blocked", blocked};
    } else if (count == 0 && bridge->trail.dropping) {
        out_troubles[count++] = (struct health_trouble){"dropping", status->last_error};
    } else if (count == 0 && bridge->trail.stuck) {
        out_troubles[count++] = (struct health_trouble){"stuck", status->last_error};
    }
    return count;
}

size_t health_look_add(struct health_look *look, const struct board_bridge *bridge,
                       const struct bridge_status *status,
                       struct health_trouble out_troubles[HEALTH_TROUBLES_MOST])
{
    size_t count = health_look_judge(look, bridge, status, out_troubles);
    size_t i;

    for (i = 0; i < count; i++) {
        health_problem(&look->json, "bridge", bridge->name, out_troubles[i].state,
                       out_troubles[i].cause);
    }
    return count;
}

void health_look_begin(struct health_look *look, const struct board *board, unsigned indent)
{
    const struct board_connection *connection;

    *look = (struct health_look){.board = board, .problems = STRBUF_INIT};
    json_writer_init_part(&look->json, &look->problems, indent, 1);
    json_writer_begin_array(&look->json);
    TAILQ_FOREACH(connection, &board->connections, link) {
        health_connection(look, connection);
    }
}

struct slice health_look_end(struct health_look *look)
{
    json_writer_end_array(&look->json);
    return strbuf_failed(&look->problems) ? SLICE("null") : strbuf_slice(&look->problems);
}

void health_look_fini(struct health_look *look)
{
    strbuf_fini(&look->problems);
}

bool health_write(const struct board *board, uint64_t now_us, struct strbuf *out)
{
    struct health_trouble troubles[HEALTH_TROUBLES_MOST];
    const struct board_bridge *bridge;
    struct health_look look;
    struct json_writer json;
    uint64_t enabled = 0;
    uint64_t running = 0;

    health_look_begin(&look, board, 2);
    TAILQ_FOREACH(bridge, &board->bridges, link) {
        struct bridge_status status;

        bridge->get_status(bridge, now_us, &status);
        enabled += bridge->enabled;
        running += bridge->enabled && status.state == BRIDGE_RUNNING;
        health_look_add(&look, bridge, &status, troubles);
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
    json_writer_raw(&json, health_look_end(&look));
    json_writer_end_object(&json);
    strbuf_append_char(out, '\n');
    health_look_fini(&look);
    return running == enabled;
}
