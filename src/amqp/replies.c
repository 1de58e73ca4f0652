/* The source of answers by direct reply-to. For: its consumer, its deliveries, the laws of
 * endpoints. Not for: the channel, which is the sink's (sink.c), or whose answer it is
 * (core/rpc_reply.c). */
#include "amqp/replies.h"

#include <stdlib.h>

#define REPLY_QUEUE "amq.rabbitmq.reply-to"

struct rmq_replies {
    struct source base;          /* first */
    struct rmq_channel *channel; /* the sink's; NULL: it is freed */
    struct rmq_replies **owner;  /* the sink's pointer to it; NULL likewise */
    struct loop *loop;
    struct loop_task step; /* on_stopped, at the end of the turn */
    size_t given;          /* deliveries that are not settled */
    bool ready;            /* the last on_link */
    struct err told;       /* the words of the last on_link, while not ready */
    bool stopping;
    bool stopped; /* on_stopped was called */
};

static struct rmq_replies *replies_of(struct source *base)
{
    return (struct rmq_replies *)base;
}

void rmq_replies_consume(struct rmq_replies *replies)
{
    amqp_basic_consume_t consume = {.queue = rmq_bytes_of(REPLY_QUEUE), .no_ack = true};

    rmq_content_set_queue(rmq_channel_content(replies->channel), SLICE(REPLY_QUEUE));
    rmq_channel_send(replies->channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

void rmq_replies_up(struct rmq_replies *replies)
{
    if (!replies->stopped && !replies->ready) {
        replies->ready = true;
        replies->base.events->on_link(replies->base.ctx, ENDPOINT_READY, NULL);
    }
}

void rmq_replies_down(struct rmq_replies *replies, const char *why)
{
    if (replies->stopped || (!replies->ready && strcmp(replies->told.text, why) == 0)) {
        return;
    }
    if (replies->ready) {
        replies->base.epoch++;
    }
    replies->ready = false;
    err_set(&replies->told, "%s", why);
    replies->base.events->on_link(replies->base.ctx, ENDPOINT_WAITING, replies->told.text);
}

void rmq_replies_on_message(struct rmq_replies *replies, struct rmq_message *message)
{
    struct delivery *delivery = message->delivery;

    if (replies->stopping) {
        delivery_free(delivery); /* nobody waits for it any more */
        return;
    }
    delivery->epoch = replies->base.epoch;
    delivery->received_us = loop_now_us(replies->loop);
    delivery->wall_us = rmq_connection_wall_us(rmq_channel_connection(replies->channel));
    replies->given++;
    replies->base.events->on_delivery(replies->base.ctx, delivery);
}

/* The sink starts the channel. */
static void replies_start(struct source *base)
{
    (void)base;
}

/* Answers are few and wanted: nothing pauses them. */
static void replies_pause(struct source *base)
{
    (void)base;
}

static void replies_step_stop(struct rmq_replies *replies)
{
    if (replies->stopping && replies->given == 0) {
        loop_defer(replies->loop, &replies->step);
    }
}

static void replies_settle(struct source *base, struct delivery *delivery, enum settlement how)
{
    struct rmq_replies *replies = replies_of(base);

    (void)how; /* the broker takes them as acknowledged */
    delivery_free(delivery);
    replies->given--;
    replies_step_stop(replies);
}

static void replies_stop(struct source *base)
{
    struct rmq_replies *replies = replies_of(base);

    replies->stopping = true;
    replies_step_stop(replies);
}

static void replies_on_step(void *ctx)
{
    struct rmq_replies *replies = ctx;

    if (!replies->stopped) {
        replies->stopped = true;
        replies->base.events->on_stopped(replies->base.ctx);
    }
}

static void replies_free(struct source *base)
{
    struct rmq_replies *replies = replies_of(base);

    loop_task_cancel(replies->loop, &replies->step);
    if (replies->owner != NULL) {
        *replies->owner = NULL;
    }
    free(replies);
}

static const struct source_ops replies_ops = {
    .start = replies_start,
    .pause = replies_pause,
    .resume = replies_pause,
    .settle = replies_settle,
    .stop = replies_stop,
    .free = replies_free,
};

struct rmq_replies *rmq_replies_new(struct rmq_channel *channel, struct rmq_replies **owner)
{
    struct rmq_replies *replies = calloc(1, sizeof(*replies));

    if (replies == NULL) {
        return NULL;
    }
    replies->base.ops = &replies_ops;
    replies->channel = channel;
    replies->owner = owner;
    replies->loop = rmq_connection_loop(rmq_channel_connection(channel));
    loop_task_init(&replies->step, replies_on_step, replies);
    return replies;
}

struct source *rmq_replies_source(struct rmq_replies *replies)
{
    return &replies->base;
}

void rmq_replies_orphan(struct rmq_replies *replies)
{
    replies->channel = NULL;
    replies->owner = NULL;
}
