/* The AMQP sink as its bridge sees it: sending, the window of what is not confirmed, stop. Not for:
 * frames (publish.c), what comes first on a channel (sink_setup.c), confirms (confirms.c),
 * transactions (tx.c), returned messages (returns.c), messages that the broker closes the channel
 * over (culprit.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/hub.h"
#include "amqp/hub_private.h"
#include "amqp/sink_private.h"

#define RETRY_MAX_US (2 * CLOCK_US_PER_S) /* an exchange that comes back is used again soon */

static struct rmq_sink *sink_of(struct sink *base)
{
    return (struct rmq_sink *)base;
}

static void sink_tell(struct rmq_sink *sink, enum endpoint_link link, const char *why)
{
    if (link == ENDPOINT_READY) {
        sink->told.text[0] = '\0';
        sink->ready = true;
        sink->busy = false;
        sink->base.events->on_link(sink->base.ctx, link, NULL);
        return;
    }
    if (strcmp(sink->told.text, why) == 0) {
        return;
    }
    sink->ready = false;
    err_set(&sink->told, "%s", why);
    sink->base.events->on_link(sink->base.ctx, link, sink->told.text);
}

void rmq_sink_give_back(struct rmq_sink *sink, const char *why)
{
    struct delivery *delivery;

    sink->ready = false;
    while ((delivery = TAILQ_FIRST(&sink->written)) != NULL) {
        TAILQ_REMOVE(&sink->written, delivery, link);
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_LOST, why);
    }
    while ((delivery = window_take_first(&sink->out, UINT64_MAX)) != NULL) {
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_LOST, why);
    }
}

bool rmq_sink_has_room(const struct rmq_sink *sink)
{
    return sink->ready && !sink->stopping && rmq_confirms_have_room(sink) &&
           (sink->culprit.limit == 0 || sink->out.count < sink->culprit.limit) &&
           (!sink->transactional || rmq_tx_has_room(sink)) &&
           rmq_channel_may_publish(sink->channel);
}

static void sink_become_ready(struct rmq_sink *sink)
{
    rmq_channel_good(sink->channel);
    if (sink->replies != NULL) {
        rmq_replies_up(sink->replies);
    }
    sink_tell(sink, ENDPOINT_READY, NULL);
}

static void sink_on_open(void *ctx)
{
    struct rmq_sink *sink = ctx;

    window_reset(&sink->out);
    inflight_restart(&sink->inflight);
    sink->rest_us = 0;
    sink->return_cursor = 0;
    rmq_publisher_reset(&sink->publisher);
    if (rmq_setup_begin(sink)) {
        sink_become_ready(sink);
    }
}

static void sink_on_down(void *ctx, const struct rmq_loss *loss)
{
    struct rmq_sink *sink = ctx;
    bool is_searching = rmq_culprit_on_down(sink, loss);

    rmq_tx_on_down(sink, loss);
    rmq_sink_give_back(sink, loss->why);
    if (!is_searching) {
        sink_tell(sink, ENDPOINT_WAITING, loss->why);
    }
    if (sink->replies != NULL) {
        rmq_replies_down(sink->replies, loss->why);
    }
    loop_defer(sink->loop, &sink->step);
}

static bool sink_on_method(void *ctx, const amqp_method_t *method)
{
    struct rmq_sink *sink = ctx;
    bool takes_acks = sink->confirms && !sink->transactional;
    bool is_set_up = false;

    if (rmq_setup_on_method(sink, method->id, &is_set_up)) {
        if (is_set_up) {
            sink_become_ready(sink);
        }
        return true;
    }
    switch (method->id) {
    case AMQP_TX_COMMIT_OK_METHOD:
        return rmq_tx_on_commit_ok(sink);
    case AMQP_BASIC_ACK_METHOD:
        if (takes_acks) {
            rmq_confirms_on_ack(sink, method->decoded);
        }
        return takes_acks;
    case AMQP_BASIC_NACK_METHOD:
        if (takes_acks) {
            rmq_confirms_on_nack(sink, method->decoded);
        }
        return takes_acks;
    default:
        return false;
    }
}

static void sink_on_message(void *ctx, struct rmq_message *message)
{
    struct rmq_sink *sink = ctx;

    if (!message->returned && sink->replies != NULL && sink->ready) {
        rmq_replies_on_message(sink->replies, message);
    } else {
        rmq_returns_on_message(sink, message);
    }
}

static void sink_on_channel_writable(void *ctx)
{
    struct rmq_sink *sink = ctx;

    /* A broker that had shut its eyes has had no time to confirm. */
    rmq_confirms_restart_clock(sink);
    inflight_forget(&sink->inflight);
    loop_defer(sink->loop, &sink->step);
}

static const struct rmq_channel_events sink_channel_events = {
    .why_not = rmq_setup_why_not,
    .on_open = sink_on_open,
    .on_down = sink_on_down,
    .on_method = sink_on_method,
    .on_message = sink_on_message,
    .on_writable = sink_on_channel_writable,
};

static void sink_start(struct sink *base)
{
    rmq_channel_want(sink_of(base)->channel);
}

/* Puts a delivery where its confirm, or the end of the turn, will find it; -1: out of memory. */
static int sink_keep(struct rmq_sink *sink, struct delivery *delivery)
{
    if (!sink->confirms) {
        TAILQ_INSERT_TAIL(&sink->written, delivery, link);
        loop_defer(sink->loop, &sink->step);
        return 0;
    }
    if (window_put(&sink->out, delivery, &delivery->sink_tag) != 0) {
        return -1;
    }
    rmq_confirms_on_sent(sink);
    if (sink->transactional) {
        rmq_tx_on_sent(sink, delivery);
    }
    return 0;
}

static enum sink_result sink_send(struct sink *base, struct delivery *delivery,
                                  const struct outgoing *out, struct err *err)
{
    struct rmq_sink *sink = sink_of(base);
    struct rmq_connection *connection = rmq_channel_connection(sink->channel);
    enum sink_result result = SINK_BUSY;
    size_t len;

    if (rmq_sink_has_room(sink) && (!sink->transactional || rmq_tx_takes(sink, delivery))) {
        result = rmq_publish(&sink->publisher, out, &len, err);
    }
    if (result == SINK_TAKEN && sink_keep(sink, delivery) != 0) {
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "out of memory");
        result = SINK_BUSY;
    }
    if (result != SINK_TAKEN) {
        sink->busy |= result == SINK_BUSY;
        sink->inflight.held_back |= !rmq_confirms_have_room(sink);
        return result;
    }
    delivery->route_hash = sink->publisher.route_hash;
    delivery->returned = false;
    rmq_connection_commit(connection, len);
    rmq_confirms_allow_rest(sink);
    return SINK_TAKEN;
}

static void sink_stop(struct sink *base, bool now)
{
    struct rmq_sink *sink = sink_of(base);

    sink->stopping = true;
    sink->stopping_now |= now;
    loop_defer(sink->loop, &sink->step);
}

static void sink_settle_written(struct rmq_sink *sink)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&sink->written)) != NULL) {
        TAILQ_REMOVE(&sink->written, delivery, link);
        sink->base.events->on_settled(sink->base.ctx, delivery, OUTCOME_DELIVERED, NULL);
    }
}

static void sink_step_stop(struct rmq_sink *sink)
{
    if (sink->stopping_now) {
        rmq_sink_give_back(sink, "stopped before it was confirmed");
    }
    if (!window_is_empty(&sink->out)) {
        return;
    }
    rmq_channel_unwant(sink->channel);
    sink->ready = false;
    sink->stopped = true;
    sink->base.events->on_stopped(sink->base.ctx);
}

static void sink_on_step(void *ctx)
{
    struct rmq_sink *sink = ctx;

    if (sink->stopped) {
        return;
    }
    sink_settle_written(sink);
    if (sink->transactional && !sink->stopping_now) {
        rmq_tx_commit(sink);
    }
    if (sink->stopping) {
        sink_step_stop(sink);
    } else if (sink->busy && rmq_sink_has_room(sink)) {
        sink->busy = false;
        sink->base.events->on_writable(sink->base.ctx);
    }
}

static void sink_free(struct sink *base)
{
    struct rmq_sink *sink = sink_of(base);

    loop_task_cancel(sink->loop, &sink->step);
    if (sink->replies != NULL) {
        rmq_replies_orphan(sink->replies);
    }
    rmq_channel_free(sink->channel);
    loop_timer_fini(&sink->confirm);
    window_fini(&sink->out);
    free(sink);
}

static void sink_on_queued(struct sink *base, uint64_t count)
{
    struct rmq_sink *sink = sink_of(base);

    if (sink->ready && !rmq_confirms_have_room(sink)) {
        rmq_confirms_on_queued(sink, count);
    }
}

static const struct sink_ops sink_ops = {
    .start = sink_start,
    .send = sink_send,
    .stop = sink_stop,
    .free = sink_free,
    .on_queued = sink_on_queued,
};

static int sink_init(struct rmq_sink *sink, struct rmq_connection *connection)
{
    const struct conf_connection *conf = rmq_connection_conf(connection);
    struct rmq_channel_setup setup = {
        .name = sink->bridge,
        .retry_max_us = RETRY_MAX_US,
        .content = {.need_properties = true, .max_size = conf->max_message_size},
    };

    sink->loop = rmq_connection_loop(connection);
    sink->out = WINDOW_INIT;
    rmq_confirms_init(sink, conf->confirm_timeout_us);
    TAILQ_INIT(&sink->written);
    loop_task_init(&sink->step, sink_on_step, sink);
    sink->channel = rmq_channel_new(connection, &setup, &sink_channel_events, sink);
    if (sink->channel == NULL) {
        return -1;
    }
    rmq_publisher_init(&sink->publisher, sink->channel, conf->max_message_size,
                       sink->conf->mandatory);
    return loop_timer_init(&sink->confirm, sink->loop, rmq_confirms_on_timer, sink);
}

struct sink *rmq_sink_new(struct rmq_hub *hub, const struct conf_sink *conf,
                          const struct bridge_options *options, const char *bridge)
{
    struct rmq_side *side = rmq_hub_side(hub, RMQ_PUBLISHING);
    struct rmq_sink *sink = side ? calloc(1, sizeof(*sink)) : NULL;

    if (sink == NULL) {
        return NULL;
    }
    sink->confirms = options->ack_mode == ACK_ON_CONFIRM;
    sink->transactional = sink->confirms && conf->transactional;
    sink->base.ops = &sink_ops;
    sink->base.can = sink->confirms ? ENDPOINT_CONFIRMS : 0;
    sink->conf = conf;
    sink->bridge = bridge;
    sink->topology = side->topology;
    rmq_culprit_init(sink, options);
    if (sink_init(sink, side->connection) != 0) {
        sink_free(&sink->base);
        return NULL;
    }
    return &sink->base;
}

struct sink *rmq_asking_sink_new(struct rmq_hub *hub, const struct conf_sink *conf,
                                 const struct bridge_options *options, const char *bridge,
                                 struct source **out_replies)
{
    struct sink *base = rmq_sink_new(hub, conf, options, bridge);
    struct rmq_sink *sink = sink_of(base);

    if (base == NULL) {
        return NULL;
    }
    sink->replies = rmq_replies_new(sink->channel, &sink->replies);
    if (sink->replies == NULL) {
        sink_free(base);
        return NULL;
    }
    *out_replies = rmq_replies_source(sink->replies);
    return base;
}
