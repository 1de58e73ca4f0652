/* The AMQP source as its bridge sees it: deliveries, settlements, pause, resume, stop. Not for: the
 * consumer on the channel (consumer.c), which acks go out when (acks.c). */
#include <stdlib.h>
#include <string.h>

#include "amqp/hub.h"
#include "amqp/hub_private.h"
#include "amqp/source_private.h"

#define RETRY_MAX_US (2 * CLOCK_US_PER_S) /* a queue that comes back is consumed from soon */

static struct rmq_source *source_of(struct source *base)
{
    return (struct rmq_source *)base;
}

void rmq_source_tell(struct rmq_source *source, enum endpoint_link link, const char *why)
{
    if (source->stopped) {
        return;
    }
    if (link == ENDPOINT_READY) {
        source->told.text[0] = '\0';
        if (!source->ready) {
            source->ready = true;
            source->base.events->on_link(source->base.ctx, link, NULL);
        }
        return;
    }
    if (!source->ready && strcmp(source->told.text, why) == 0) {
        return;
    }
    source->ready = false;
    err_set(&source->told, "%s", why);
    source->base.events->on_link(source->base.ctx, link, source->told.text);
}

/* Notes the tag; false: the connection is given up. */
static bool source_note_tag(struct rmq_source *source, uint64_t tag)
{
    switch (source->no_ack ? RMQ_ACKS_OK : rmq_acks_give(&source->acks, tag)) {
    case RMQ_ACKS_OK:
        return true;
    case RMQ_ACKS_NO_MEMORY:
        rmq_channel_breach(source->channel, AMQP_INTERNAL_ERROR, "out of memory");
        return false;
    default:
        rmq_channel_breach(source->channel, AMQP_COMMAND_INVALID,
                           "delivery tag %llu where %llu comes next", (unsigned long long)tag,
                           (unsigned long long)source->acks.out.next);
        return false;
    }
}

/* While nothing is read, nothing is acknowledged either: that is no loss as long as the prefetch
 * leaves the broker more to send than comes meanwhile. */
static void source_limit_rest(const struct rmq_source *source)
{
    bool has_room = source->acks.out.count <= source->prefetch / 2;

    if (!source->no_ack) {
        loop_limit_rest(source->loop, has_room ? source->rest_limit_us : 0);
    }
}

static void source_count(struct rmq_source *source)
{
    if (moderation_count(&source->moderation, loop_now_us(source->loop))) {
        source->rest_limit_us = moderation_by_room(&source->moderation, source->prefetch / 4);
    }
    source_limit_rest(source);
}

void rmq_source_on_message(struct rmq_source *source, struct rmq_message *message)
{
    struct delivery *delivery = message->delivery;
    bool comes_again = (source->base.can & ENDPOINT_REDELIVERS) != 0;

    if (message->returned || !source->ready) {
        delivery_free(delivery);
        rmq_channel_breach(source->channel, AMQP_UNEXPECTED_FRAME,
                           "a message on a channel that consumes nothing");
        return;
    }
    if (!source_note_tag(source, message->tag)) {
        delivery_free(delivery);
    } else if (source->stopping && comes_again) {
        delivery_free(delivery); /* never acknowledged: the queue has it back with the channel */
    } else {
        delivery->epoch = source->base.epoch;
        delivery->received_us = loop_now_us(source->loop);
        delivery->wall_us = rmq_connection_wall_us(rmq_channel_connection(source->channel));
        source->given++;
        source_count(source);
        source->base.events->on_delivery(source->base.ctx, delivery);
    }
}

static void source_start(struct source *base)
{
    rmq_channel_want(source_of(base)->channel);
}

static void source_pause(struct source *base)
{
    struct rmq_source *source = source_of(base);

    source->paused = true;
    loop_defer(source->loop, &source->step);
}

static void source_resume(struct source *base)
{
    struct rmq_source *source = source_of(base);

    source->paused = false;
    loop_defer(source->loop, &source->step);
}

static void source_settle(struct source *base, struct delivery *delivery, enum settlement how)
{
    struct rmq_source *source = source_of(base);

    /* A tag of an older channel is poison for the new one (406). */
    if (delivery->epoch == base->epoch && !source->no_ack) {
        switch (how) {
        case SETTLE_ACK:
            source_limit_rest(source);
            rmq_acks_take(&source->acks, delivery->tag);
            break;
        case SETTLE_REQUEUE:
        case SETTLE_REJECT:
            rmq_acks_reject(&source->acks, delivery->tag, how == SETTLE_REQUEUE);
            break;
        case SETTLE_FORGET:
            break;
        }
    }
    delivery_free(delivery);
    source->given--;
    if (source->given == 0 && (source->stopping || source->state == RMQ_CONSUMER_GONE)) {
        loop_defer(source->loop, &source->step);
    }
}

static void source_stop(struct source *base)
{
    struct rmq_source *source = source_of(base);

    source->stopping = true;
    loop_defer(source->loop, &source->step);
}

/* Whether nothing is under way on the channel that a stop would have to wait for. */
static bool source_may_end(const struct rmq_source *source)
{
    switch (source->state) {
    case RMQ_CONSUMER_DOWN:
    case RMQ_CONSUMER_IDLE:
    case RMQ_CONSUMER_GONE:
        return source->given == 0;
    case RMQ_CONSUMER_SETUP:
        return source->given == 0 && !source->no_ack;
    default:
        return false;
    }
}

static void source_on_step(void *ctx)
{
    struct rmq_source *source = ctx;

    if (source->stopped) {
        return;
    }
    if (source->stopping && source->state == RMQ_CONSUMER_DOWN) {
        rmq_channel_unwant(source->channel);
    }
    if (!source->stopping || !source_may_end(source)) {
        rmq_consumer_steer(source);
        return;
    }
    if (!source->no_ack) {
        rmq_acks_flush(&source->acks);
        rmq_acks_reset(&source->acks);
    }
    rmq_channel_unwant(source->channel);
    source->state = RMQ_CONSUMER_DOWN;
    source->stopped = true;
    source->base.events->on_stopped(source->base.ctx);
}

static void source_free(struct source *base)
{
    struct rmq_source *source = source_of(base);

    loop_task_cancel(source->loop, &source->step);
    rmq_acks_fini(&source->acks);
    rmq_channel_free(source->channel);
    free(source->consume_arguments.entries);
    free(source);
}

static const struct source_ops source_ops = {
    .start = source_start,
    .pause = source_pause,
    .resume = source_resume,
    .settle = source_settle,
    .stop = source_stop,
    .free = source_free,
};

/* The arguments of the rule and, where it has a consumer_priority, x-priority. */
static int source_set_arguments(struct rmq_source *source, const struct conf_source *conf)
{
    struct field_entry *entries = calloc(conf->arguments.count + 1, sizeof(*entries));
    size_t count = conf->arguments.count;

    if (entries == NULL) {
        return -1;
    }
    if (count > 0) {
        memcpy(entries, conf->arguments.entries, count * sizeof(*entries));
    }
    if (conf->has_consumer_priority) {
        entries[count].name = SLICE("x-priority");
        entries[count].value.type = FIELD_I32;
        entries[count].value.value.integer = conf->consumer_priority;
        count++;
    }
    source->consume_arguments = (struct field_table){entries, count};
    return 0;
}

static unsigned source_can(const struct conf_source *conf, const struct bridge_options *options)
{
    bool own_queue = conf->kind == CONF_SOURCE_EXCHANGE;

    if (options->ack_mode == ACK_NO_ACK) {
        return own_queue ? 0 : ENDPOINT_PAUSES;
    }
    /* A queue of its own is gone with the connection. */
    return ENDPOINT_SETTLES | ENDPOINT_PAUSES | (own_queue ? 0u : (unsigned)ENDPOINT_REDELIVERS);
}

/* Most octets of one body. max_message_size is about what we send: what comes is better read, and
 * refused by the sink that may not send it, for then it can go to a dead letter sink that may. */
static uint64_t source_read_limit(const struct conf_connection *conf)
{
    return conf->max_message_size > RMQ_READ_LEAST ? conf->max_message_size : RMQ_READ_LEAST;
}

static int source_init(struct rmq_source *source, struct rmq_connection *connection,
                       const struct bridge_options *options, bool need_properties)
{
    const struct conf_source *conf = source->conf;
    struct rmq_channel_setup setup = {
        .name = source->bridge,
        .retry_max_us = RETRY_MAX_US,
        .content = {need_properties, source_read_limit(rmq_connection_conf(connection))},
    };

    source->loop = rmq_connection_loop(connection);
    source->no_ack = options->ack_mode == ACK_NO_ACK;
    source->prefetch = conf->prefetch < options->buffer_messages
                           ? conf->prefetch
                           : (unsigned)options->buffer_messages;
    loop_task_init(&source->step, source_on_step, source);
    source->channel = rmq_channel_new(connection, &setup, &rmq_consumer_channel_events, source);
    if (source->channel == NULL ||
        rmq_acks_init(&source->acks, source->channel, source->prefetch) != 0) {
        return -1;
    }
    return source_set_arguments(source, conf);
}

struct source *rmq_source_new(struct rmq_hub *hub, const struct conf_source *conf,
                              const struct bridge_options *options, bool need_properties,
                              const char *bridge)
{
    struct rmq_side *side = rmq_hub_side(hub, RMQ_CONSUMING);
    struct rmq_source *source = side ? calloc(1, sizeof(*source)) : NULL;

    if (source == NULL) {
        return NULL;
    }
    source->base.ops = &source_ops;
    source->base.can = source_can(conf, options);
    source->conf = conf;
    source->bridge = bridge;
    source->topology = side->topology;
    if (source_init(source, side->connection, options, need_properties) != 0) {
        source->loop = rmq_connection_loop(side->connection);
        source_free(&source->base);
        return NULL;
    }
    return &source->base;
}
