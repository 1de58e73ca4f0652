/* The connection as its users see it: made, started, stopped, asked, given up; and the events of
 * its link, which feed the state machine. Not for: what the states do (connection_states.c), frames
 * (input.c, output.c), channels (channel.c). */
#include "amqp/connection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "amqp/channel_private.h"
#include "amqp/connection_private.h"
#include "amqp/frame.h"
#include "base/log.h"

enum {
    WRITE_HIGH = 16 * 1024 * 1024, /* pending bytes from which sinks are busy */
    WRITE_LOW = 4 * 1024 * 1024,
};

static void connection_on_up(void *ctx)
{
    rmq_connection_fsm(ctx, RMQ_ON_LINK_UP, NULL);
}

static void connection_tell_stopped(struct rmq_connection *connection)
{
    if (connection->state == RMQ_STOPPED && connection->stop_wanted) {
        connection->stop_wanted = false;
        connection->events->on_stopped(connection->ctx);
    }
}

static void connection_on_down(void *ctx, const char *why)
{
    struct rmq_connection *connection = ctx;

    rmq_connection_fsm(connection, RMQ_ON_LINK_DOWN, why);
    connection_tell_stopped(connection);
}

static size_t connection_on_data(void *ctx, const uint8_t *data, size_t len)
{
    size_t used = rmq_input_take(ctx, data, len);

    connection_tell_stopped(ctx);
    return used;
}

static void connection_on_writable(void *ctx)
{
    struct rmq_connection *connection = ctx;
    struct rmq_channel *channel;

    TAILQ_FOREACH(channel, &connection->channels, link) {
        rmq_channel_on_writable(channel);
    }
}

static const struct link_events connection_link_events = {
    .on_up = connection_on_up,
    .on_data = connection_on_data,
    .on_writable = connection_on_writable,
    .on_down = connection_on_down,
};

static void connection_on_timer(void *ctx)
{
    static const char *const words[RMQ_STATE_COUNT] = {
        [RMQ_START_WAIT] = "timed out: the server does not begin with connection.start",
        [RMQ_TUNE_WAIT] = "timed out: no answer to the login",
        [RMQ_OPEN_WAIT] = "timed out: no answer to the opening of the vhost",
    };
    struct rmq_connection *connection = ctx;

    if (connection->state == RMQ_OPEN) {
        rmq_heartbeat_tick(connection);
    } else {
        rmq_connection_fsm(connection, RMQ_ON_TIMER, words[connection->state]);
        connection_tell_stopped(connection);
    }
}

static void connection_on_failing(void *ctx)
{
    struct rmq_connection *connection = ctx;

    rmq_connection_fsm(connection, RMQ_ON_FAIL, NULL);
    connection_tell_stopped(connection);
}

static void connection_on_stopping(void *ctx)
{
    struct rmq_connection *connection = ctx;

    rmq_connection_fsm(connection, RMQ_ON_STOP, NULL);
    connection_tell_stopped(connection);
}

struct rmq_connection *rmq_connection_new(const struct rmq_connection_setup *setup,
                                          const struct rmq_connection_events *events, void *ctx)
{
    static const struct link_limits limits = {RMQ_FRAME_MAX_MAX, WRITE_HIGH, WRITE_LOW};
    struct rmq_connection *connection = calloc(1, sizeof(*connection));

    if (connection == NULL) {
        return NULL;
    }
    connection->setup = *setup;
    connection->events = events;
    connection->ctx = ctx;
    TAILQ_INIT(&connection->channels);
    loop_task_init(&connection->failing, connection_on_failing, connection);
    loop_task_init(&connection->stopping, connection_on_stopping, connection);
    backoff_init(&connection->backoff, setup->conf->reconnect_min_us,
                 setup->conf->reconnect_max_us);
    connection->tuning.frame_max = RMQ_FRAME_MAX_MAX;
    connection->link = link_new(setup->loop, &limits, &connection_link_events, connection);
    connection->codec = rmq_codec_new();
    if (connection->link == NULL || connection->codec == NULL ||
        loop_timer_init(&connection->timer, setup->loop, connection_on_timer, connection) != 0) {
        rmq_connection_free(connection);
        return NULL;
    }
    return connection;
}

void rmq_connection_free(struct rmq_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    assert(TAILQ_EMPTY(&connection->channels));
    loop_task_cancel(connection->setup.loop, &connection->failing);
    loop_task_cancel(connection->setup.loop, &connection->stopping);
    loop_timer_fini(&connection->timer);
    link_free(connection->link);
    rmq_codec_free(connection->codec);
    rmq_slots_clear(connection);
    free(connection);
}

void rmq_connection_start(struct rmq_connection *connection)
{
    rmq_connection_fsm(connection, RMQ_ON_START, NULL);
}

void rmq_connection_stop(struct rmq_connection *connection)
{
    connection->stop_wanted = true;
    loop_defer(connection->setup.loop, &connection->stopping);
}

void rmq_connection_release_channels(struct rmq_connection *connection)
{
    struct rmq_channel *channel;

    connection->released = true;
    TAILQ_FOREACH(channel, &connection->channels, link) {
        rmq_channel_on_ready(channel);
    }
}

void rmq_connection_hold_channels(struct rmq_connection *connection)
{
    connection->released = false;
}

void rmq_connection_reconsider_channels(struct rmq_connection *connection)
{
    struct rmq_channel *channel;

    TAILQ_FOREACH(channel, &connection->channels, link) {
        rmq_channel_reconsider(channel);
    }
}

/* The broker's doing, as opposed to ours: the words say so. */
static bool connection_is_breach(uint16_t code)
{
    return code == AMQP_FRAME_ERROR || code == AMQP_SYNTAX_ERROR || code == AMQP_COMMAND_INVALID ||
           code == AMQP_CHANNEL_ERROR || code == AMQP_UNEXPECTED_FRAME;
}

void rmq_connection_fail(struct rmq_connection *connection, uint16_t code, const char *format, ...)
{
    struct err words;
    va_list args;
    int used = 0;

    if (connection->has_failed || connection->state == RMQ_STOPPED ||
        connection->state == RMQ_BACKOFF || connection->state == RMQ_FLUSHING) {
        return;
    }
    if (connection_is_breach(code)) {
        used = snprintf(words.text, sizeof(words.text), "protocol error: ");
    }
    va_start(args, format);
    vsnprintf(words.text + used, sizeof(words.text) - (size_t)used, format, args);
    va_end(args);
    rmq_connection_set_loss(connection, &(struct rmq_loss){.why = words.text});
    connection->has_failed = true;
    connection->failure_code = code;
    loop_defer(connection->setup.loop, &connection->failing);
}

void rmq_connection_set_blocked(struct rmq_connection *connection,
                                const amqp_connection_blocked_t *blocked)
{
    char *reason = connection->status.blocked_why;

    connection->status.blocked = blocked != NULL;
    if (blocked != NULL) {
        snprintf(reason, sizeof(connection->status.blocked_why), "%.*s", (int)blocked->reason.len,
                 (const char *)blocked->reason.bytes);
        log_warn("connection", connection->setup.conf->name, "blocked by the broker",
                 log_text("purpose", connection->setup.purpose), log_text("why", reason));
        return;
    }
    log_info("connection", connection->setup.conf->name, "not blocked by the broker any more",
             log_text("purpose", connection->setup.purpose));
    rmq_slots_restart_clock(connection);
    connection_on_writable(connection);
}

void rmq_connection_get_status(const struct rmq_connection *connection,
                               struct connection_status *out_status, int64_t *out_error_us)
{
    *out_error_us = connection->error_us;
    *out_status = connection->status;
    out_status->bytes_in = link_bytes_in(connection->link);
    out_status->bytes_out = link_bytes_out(connection->link);
}

bool rmq_connection_is_open(const struct rmq_connection *connection)
{
    return connection->state == RMQ_OPEN;
}

bool rmq_connection_is_blocked(const struct rmq_connection *connection)
{
    return connection->status.blocked;
}

bool rmq_connection_is_full(struct rmq_connection *connection)
{
    return link_is_full(connection->link);
}

uint32_t rmq_connection_frame_max(const struct rmq_connection *connection)
{
    return connection->tuning.frame_max;
}

int64_t rmq_connection_wall_us(const struct rmq_connection *connection)
{
    return connection->wall_us;
}

struct loop *rmq_connection_loop(const struct rmq_connection *connection)
{
    return connection->setup.loop;
}

struct rmq_codec *rmq_connection_codec(const struct rmq_connection *connection)
{
    return connection->codec;
}

const struct conf_connection *rmq_connection_conf(const struct rmq_connection *connection)
{
    return connection->setup.conf;
}
