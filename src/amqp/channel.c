/* The life of a channel: opening, closing, back-off, what it waits for. For: one channel of one
 * bridge. Not for: what is done on it (source.c, sink.c, topology.c); frames come in by
 * channel_input.c. */
#include "amqp/channel.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/channel_private.h"
#include "base/log.h"

static void channel_on_timer(void *ctx);
static void channel_try(void *ctx);

struct rmq_channel *rmq_channel_new(struct rmq_connection *connection,
                                    const struct rmq_channel_setup *setup,
                                    const struct rmq_channel_events *events, void *ctx)
{
    const struct conf_connection *conf = connection->setup.conf;
    struct rmq_channel *channel = calloc(1, sizeof(*channel));
    uint64_t max = conf->reconnect_max_us;

    if (channel == NULL) {
        return NULL;
    }
    channel->connection = connection;
    channel->setup = *setup;
    channel->events = events;
    channel->ctx = ctx;
    if (setup->retry_max_us != 0 && setup->retry_max_us < max) {
        max = setup->retry_max_us;
    }
    loop_task_init(&channel->trying, channel_try, channel);
    backoff_init(&channel->backoff, conf->reconnect_min_us, max);
    channel->content = rmq_content_new(&setup->content);
    if (channel->content == NULL ||
        loop_timer_init(&channel->timer, connection->setup.loop, channel_on_timer, channel) != 0) {
        rmq_content_free(channel->content);
        free(channel);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&connection->channels, channel, link);
    return channel;
}

void rmq_channel_free(struct rmq_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    rmq_channel_unwant(channel);
    TAILQ_REMOVE(&channel->connection->channels, channel, link);
    loop_timer_fini(&channel->timer);
    rmq_content_free(channel->content);
    free(channel);
}

/* Tells the broker that we close it (AMQP 0-9-1 §1.5.2.5); its number is free after close-ok. */
static void channel_send_close(struct rmq_channel *channel, const char *why)
{
    enum { REPLY_TEXT_MAX = 255 };
    struct slice text = slice_make(why, strnlen(why, REPLY_TEXT_MAX));
    amqp_channel_close_t close = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = rmq_bytes(text)};

    rmq_connection_send(channel->connection, channel->number, AMQP_CHANNEL_CLOSE_METHOD, &close);
    rmq_slots_abandon(channel->connection, channel->number);
}

static bool channel_has_number(enum rmq_channel_state state)
{
    return state == RMQ_CHANNEL_OPENING || state == RMQ_CHANNEL_OPEN;
}

static void channel_arm(struct rmq_channel *channel, const char *what, uint64_t timeout_us)
{
    channel->expected = what;
    channel->timeout_us = timeout_us;
    loop_timer_set(&channel->timer, timeout_us);
}

static void channel_enter_backoff(struct rmq_channel *channel, const struct rmq_loss *loss)
{
    uint64_t slow = channel->connection->setup.conf->reconnect_max_us;
    struct rand *rand = channel->connection->setup.rand;
    uint64_t now = loop_now_us(channel->connection->setup.loop);
    uint64_t delay = backoff_next(&channel->backoff, rand, now);

    if (loss != NULL && loss->code == AMQP_ACCESS_REFUSED) {
        delay = slow - rand_below(rand, slow / 4 + 1);
    }
    loop_timer_set(&channel->timer, delay);
}

static void channel_enter_opening(struct rmq_channel *channel)
{
    amqp_channel_open_t open = {0};

    rmq_connection_send(channel->connection, channel->number, AMQP_CHANNEL_OPEN_METHOD, &open);
    channel_arm(channel, "channel.open", RMQ_REPLY_TIMEOUT_US);
}

static void channel_set_state(struct rmq_channel *channel, enum rmq_channel_state state,
                              const struct rmq_loss *loss)
{
    log_debug("channel", channel->setup.name, "state",
              log_text("connection", channel->connection->setup.conf->name),
              log_text("old", rmq_channel_state_name(channel->state)),
              log_text("new", rmq_channel_state_name(state)),
              log_text("reason", loss ? loss->why : ""));
    loop_timer_cancel(&channel->timer);
    channel->expected = NULL;
    channel->state = state;
    if (!channel_has_number(state)) {
        channel->number = 0;
        channel->flow_stopped = false;
        rmq_content_reset(channel->content);
    }
    if (state == RMQ_CHANNEL_BACKOFF) {
        channel_enter_backoff(channel, loss);
    } else if (state == RMQ_CHANNEL_OPENING) {
        channel_enter_opening(channel);
    }
}

static void channel_tell_down(struct rmq_channel *channel, const struct rmq_loss *loss)
{
    if (channel->state != RMQ_CHANNEL_IDLE && loss != NULL) {
        channel->events->on_down(channel->ctx, loss);
    }
}

void rmq_channel_fsm(struct rmq_channel *channel, enum rmq_channel_event event,
                     const struct rmq_loss *loss)
{
    int next = rmq_channel_next(channel->state, event);

    assert(next != RMQ_CHANNEL_NEVER);
    if (next == RMQ_CHANNEL_BREACH) {
        rmq_connection_fail(channel->connection, AMQP_COMMAND_INVALID, "%s on a channel that is %s",
                            rmq_channel_event_name(event), rmq_channel_state_name(channel->state));
        return;
    }
    if (next != (int)channel->state) {
        channel_set_state(channel, (enum rmq_channel_state)next, loss);
    }
    if (next == RMQ_CHANNEL_OPEN && event == RMQ_CHANNEL_ON_OPEN_OK) {
        channel->events->on_open(channel->ctx);
    } else if (next == RMQ_CHANNEL_WAITING && event != RMQ_CHANNEL_ON_LOST) {
        loop_defer(channel->connection->setup.loop, &channel->trying);
    }
    channel_tell_down(channel, loss);
}

/* Whether the connection lets it open now. */
static bool channel_is_admitted(const struct rmq_channel *channel)
{
    return rmq_connection_is_open(channel->connection) &&
           (channel->connection->released || channel->setup.comes_first);
}

static void channel_try(void *ctx)
{
    struct rmq_channel *channel = ctx;
    struct rmq_loss loss = {0};

    if (!channel_is_admitted(channel) ||
        (channel->state != RMQ_CHANNEL_WAITING && channel->state != RMQ_CHANNEL_HELD)) {
        return;
    }
    if (channel->events->why_not != NULL) {
        loss.why = channel->events->why_not(channel->ctx);
    }
    if (loss.why != NULL) {
        rmq_channel_fsm(channel, RMQ_CHANNEL_ON_HOLD, &loss);
        return;
    }
    channel->number = rmq_slots_take(channel->connection, channel);
    if (channel->number == 0) {
        loss.why = "no channel is free on the connection";
        rmq_channel_fsm(channel, RMQ_CHANNEL_ON_BROKEN, &loss);
        return;
    }
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_GO, NULL);
}

static void channel_on_timer(void *ctx)
{
    struct rmq_channel *channel = ctx;

    if (!channel_has_number(channel->state)) {
        rmq_channel_fsm(channel, RMQ_CHANNEL_ON_TIMER, NULL);
    } else if (rmq_connection_is_blocked(channel->connection)) {
        channel_arm(channel, channel->expected, channel->timeout_us);
    } else {
        rmq_channel_reset(channel, "no answer to %s within %d s", channel->expected,
                          (int)(channel->timeout_us / CLOCK_US_PER_S));
    }
}

void rmq_channel_want(struct rmq_channel *channel)
{
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_WANT, NULL);
}

void rmq_channel_unwant(struct rmq_channel *channel)
{
    loop_task_cancel(channel->connection->setup.loop, &channel->trying);
    if (channel_has_number(channel->state)) {
        channel_send_close(channel, "done");
    }
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_UNWANT, NULL);
}

void rmq_channel_reset(struct rmq_channel *channel, const char *format, ...)
{
    struct rmq_loss loss = {0};
    struct err words;
    va_list args;

    if (!channel_has_number(channel->state)) {
        return;
    }
    va_start(args, format);
    vsnprintf(words.text, sizeof(words.text), format, args);
    va_end(args);
    channel_send_close(channel, words.text);
    loss.why = words.text;
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_BROKEN, &loss);
}

void rmq_channel_reconsider(struct rmq_channel *channel)
{
    if (channel->state == RMQ_CHANNEL_HELD) {
        loop_defer(channel->connection->setup.loop, &channel->trying);
    }
}

void rmq_channel_good(struct rmq_channel *channel)
{
    backoff_good(&channel->backoff, loop_now_us(channel->connection->setup.loop));
}

void rmq_channel_progress(struct rmq_channel *channel)
{
    backoff_restart(&channel->backoff);
}

void rmq_channel_expect(struct rmq_channel *channel, const char *what, uint64_t timeout_us)
{
    if (channel->state == RMQ_CHANNEL_OPEN) {
        channel_arm(channel, what, timeout_us);
    }
}

void rmq_channel_expect_nothing(struct rmq_channel *channel)
{
    if (channel->state == RMQ_CHANNEL_OPEN && channel->expected != NULL) {
        channel->expected = NULL;
        loop_timer_cancel(&channel->timer);
    }
}

int rmq_channel_send(struct rmq_channel *channel, amqp_method_number_t id, const void *method)
{
    assert(channel->number != 0);
    return rmq_connection_send(channel->connection, channel->number, id, method);
}

bool rmq_channel_is_open(const struct rmq_channel *channel)
{
    return channel->state == RMQ_CHANNEL_OPEN;
}

bool rmq_channel_may_publish(const struct rmq_channel *channel)
{
    return channel->state == RMQ_CHANNEL_OPEN && !channel->flow_stopped &&
           !rmq_connection_is_blocked(channel->connection) &&
           !rmq_connection_is_full(channel->connection);
}

uint16_t rmq_channel_number(const struct rmq_channel *channel)
{
    return channel->number;
}

struct rmq_connection *rmq_channel_connection(const struct rmq_channel *channel)
{
    return channel->connection;
}

struct rmq_content *rmq_channel_content(const struct rmq_channel *channel)
{
    return channel->content;
}

void rmq_channel_on_ready(struct rmq_channel *channel)
{
    loop_defer(channel->connection->setup.loop, &channel->trying);
}

void rmq_channel_on_lost(struct rmq_channel *channel, const struct rmq_loss *loss)
{
    loop_task_cancel(channel->connection->setup.loop, &channel->trying);
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_LOST, loss);
}

void rmq_channel_on_writable(struct rmq_channel *channel)
{
    if (channel->state == RMQ_CHANNEL_OPEN && channel->events->on_writable != NULL) {
        channel->events->on_writable(channel->ctx);
    }
}
