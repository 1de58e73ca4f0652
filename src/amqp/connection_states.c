/* The states of an AMQP connection: what each does when it begins, when the link counts as lost,
 * how long to wait before the next try. Not for: what is said in the handshake (handshake.c), the
 * connection as its users see it (connection.c). */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "amqp/channel_private.h"
#include "amqp/connection_private.h"
#include "amqp/frame.h"
#include "base/clock.h"
#include "base/log.h"

#define LOGIN_TIMEOUT_LEAST_US (5 * CLOCK_US_PER_S) /* brokers are slow to say no, on purpose */
#define CLOSE_TIMEOUT_US (2 * CLOCK_US_PER_S)
#define BLOCKED_CLOSE_TIMEOUT_US (100 * CLOCK_US_PER_MS) /* a broker that reads nothing */

static enum connection_state connection_public_state(enum rmq_connection_state state)
{
    switch (state) {
    case RMQ_STOPPED:
        return CONNECTION_STOPPED;
    case RMQ_CONNECTING:
    case RMQ_START_WAIT:
    case RMQ_TUNE_WAIT:
    case RMQ_OPEN_WAIT:
        return CONNECTION_CONNECTING;
    case RMQ_OPEN:
    case RMQ_CLOSING:
        return CONNECTION_UP;
    default:
        return CONNECTION_DOWN;
    }
}

void rmq_connection_set_loss(struct rmq_connection *connection, const struct rmq_loss *loss)
{
    if (connection->loss.why != NULL) {
        return;
    }
    err_set(&connection->words, "%s", loss->why);
    connection->loss = *loss;
    connection->loss.of_connection = true;
    connection->loss.why = connection->words.text;
    connection->error_us = clock_wall_us();
    snprintf(connection->status.last_error, sizeof(connection->status.last_error), "%s", loss->why);
    if (loss->code == AMQP_ACCESS_REFUSED || loss->code == AMQP_NOT_ALLOWED) {
        connection->slow = true;
    }
}

static void connection_log_loss(const struct rmq_connection *connection)
{
    log_warn("connection", connection->setup.conf->name, "down",
             log_text("purpose", connection->setup.purpose), log_text("why", connection->loss.why));
}

/* The link is about to go: its channels are told, each once. */
static void connection_lose_channels(struct rmq_connection *connection)
{
    struct rmq_loss loss = connection->loss;
    struct rmq_channel *channel;

    if (loss.why == NULL) {
        loss.why = "the connection is stopped";
    }
    connection->released = false;
    connection->status.blocked = false;
    rmq_slots_clear(connection);
    TAILQ_FOREACH(channel, &connection->channels, link) {
        rmq_channel_on_lost(channel, &loss);
    }
}

/* The next URL at once, and a real pause after each round of them. */
static uint64_t connection_delay(struct rmq_connection *connection)
{
    const struct conf_connection *conf = connection->setup.conf;
    struct rand *rand = connection->setup.rand;
    uint64_t now = loop_now_us(connection->setup.loop);

    connection->url = (connection->url + 1) % conf->url_count;
    if (connection->slow) {
        return conf->reconnect_max_us - rand_below(rand, conf->reconnect_max_us / 4 + 1);
    }
    if (++connection->tried < conf->url_count) {
        return rand_below(rand, conf->reconnect_min_us + 1);
    }
    connection->tried = 0;
    return backoff_next(&connection->backoff, rand, now);
}

static void connection_enter_connecting(struct rmq_connection *connection)
{
    const struct conf_connection *conf = connection->setup.conf;
    const struct conf_url *url = &conf->urls[connection->url];
    struct link_target target = {
        .transport = url->transport == CONF_TLS ? LINK_TLS : LINK_TCP,
        .host = url->host,
        .port = url->port,
        .tls = connection->setup.tls,
        .server_name = conf->tls.server_name,
        .connect_timeout_us = conf->connect_timeout_us,
        /* A broker with an alarm keeps its window shut for as long as it likes, which the kernel
         * would take for death: silence is for the heartbeats to notice. */
        .user_timeout_us = 0,
    };

    connection->loss = (struct rmq_loss){0};
    connection->has_failed = false;
    connection->slow = false;
    connection->tuning = (struct rmq_tuning){.frame_max = RMQ_FRAME_MAX_MAX};
    link_set_read_limit(connection->link, RMQ_FRAME_MAX_MAX);
    link_connect(connection->link, &target);
}

static void connection_enter_open(struct rmq_connection *connection)
{
    backoff_good(&connection->backoff, loop_now_us(connection->setup.loop));
    if (connection->was_open) {
        connection->status.reconnects++;
    }
    connection->was_open = true;
    rmq_heartbeat_start(connection);
    log_info("connection", connection->setup.conf->name, "up",
             log_text("purpose", connection->setup.purpose),
             log_text("server", link_peer(connection->link)));
}

static void connection_send_close(struct rmq_connection *connection)
{
    enum { REPLY_TEXT_MAX = 255 };
    const char *why = connection->loss.why ? connection->loss.why : "stopped";
    amqp_connection_close_t close = {
        .reply_code = connection->has_failed ? connection->failure_code : AMQP_REPLY_SUCCESS,
        .reply_text = rmq_bytes(slice_make(why, strnlen(why, REPLY_TEXT_MAX))),
    };

    rmq_connection_send(connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
}

static void connection_enter_flushing(struct rmq_connection *connection)
{
    amqp_connection_close_ok_t close_ok = {0};

    if (connection->has_failed) {
        connection_send_close(connection);
    } else {
        rmq_connection_send(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &close_ok);
    }
    link_close_after_flush(connection->link, CLOSE_TIMEOUT_US);
}

static uint64_t connection_login_timeout(const struct rmq_connection *connection)
{
    uint64_t timeout = connection->setup.conf->connect_timeout_us;

    return timeout > LOGIN_TIMEOUT_LEAST_US ? timeout : LOGIN_TIMEOUT_LEAST_US;
}

/* What each state does when it begins: its timer, what is written. */
static void connection_enter(struct rmq_connection *connection)
{
    switch (connection->state) {
    case RMQ_STOPPED:
        link_close(connection->link);
        break;
    case RMQ_BACKOFF:
        link_close(connection->link);
        loop_timer_set(&connection->timer, connection_delay(connection));
        break;
    case RMQ_CONNECTING:
        connection_enter_connecting(connection);
        break;
    case RMQ_START_WAIT:
        rmq_handshake_send_header(connection);
        loop_timer_set(&connection->timer, connection->setup.conf->connect_timeout_us);
        break;
    case RMQ_TUNE_WAIT:
        rmq_handshake_send_start_ok(connection);
        loop_timer_set(&connection->timer, connection_login_timeout(connection));
        break;
    case RMQ_OPEN_WAIT:
        rmq_handshake_send_open(connection);
        loop_timer_set(&connection->timer, connection_login_timeout(connection));
        break;
    case RMQ_OPEN:
        connection_enter_open(connection);
        break;
    case RMQ_CLOSING:
        connection_send_close(connection);
        loop_timer_set(&connection->timer,
                       connection->status.blocked ? BLOCKED_CLOSE_TIMEOUT_US : CLOSE_TIMEOUT_US);
        break;
    case RMQ_FLUSHING:
        connection_enter_flushing(connection);
        break;
    case RMQ_STATE_COUNT:
        break;
    }
}

static void connection_set_state(struct rmq_connection *connection, enum rmq_connection_state state)
{
    enum connection_state public_state = connection_public_state(state);

    log_debug("connection", connection->setup.conf->name, "state",
              log_text("purpose", connection->setup.purpose),
              log_text("old", rmq_connection_state_name(connection->state)),
              log_text("new", rmq_connection_state_name(state)),
              log_text("reason", connection->loss.why ? connection->loss.why : ""));
    /* Each try to connect is no news: what counts is since when it cannot be used. */
    if (connection->status.state == CONNECTION_STOPPED ||
        (connection->status.state == CONNECTION_UP) != (public_state == CONNECTION_UP)) {
        connection->status.since_us = clock_wall_us();
    }
    connection->status.state = public_state;
    loop_timer_cancel(&connection->timer);
    loop_task_cancel(connection->setup.loop, &connection->failing);
    connection->state = state;
}

/* Whether entering `state` is the moment at which the link counts as lost. */
static bool connection_is_losing(enum rmq_connection_state was, enum rmq_connection_state state)
{
    switch (state) {
    case RMQ_FLUSHING:
        return true;
    case RMQ_BACKOFF:
        return was != RMQ_FLUSHING; /* it was told then */
    case RMQ_CLOSING:
    case RMQ_STOPPED:
        return was == RMQ_OPEN;
    default:
        return false;
    }
}

void rmq_connection_fsm(struct rmq_connection *connection, enum rmq_connection_event event,
                        const char *why)
{
    enum rmq_connection_state was = connection->state;
    int next = rmq_connection_next(was, event);

    assert(next != RMQ_NEVER);
    if (next == RMQ_BREACH) {
        rmq_connection_fail(connection, AMQP_COMMAND_INVALID, "%s in state %s",
                            rmq_connection_event_name(event), rmq_connection_state_name(was));
        return;
    }
    if (why != NULL) {
        rmq_connection_set_loss(connection, &(struct rmq_loss){.why = why});
    }
    if (next == (int)was) {
        return;
    }
    connection_set_state(connection, (enum rmq_connection_state)next);
    connection_enter(connection);
    if (connection_is_losing(was, connection->state)) {
        if (connection->loss.why != NULL) {
            connection_log_loss(connection);
        }
        connection_lose_channels(connection);
    } else if (connection->state == RMQ_OPEN) {
        connection->events->on_open(connection->ctx);
    }
}
