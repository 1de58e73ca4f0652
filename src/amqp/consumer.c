/* The consumer of a source: qos, the queue of an exchange source, basic.consume and basic.cancel
 * (AMQP 0-9-1 §1.8.3). For: keeping the channel in the state that the bridge wants. Not for:
 * messages and acknowledgements (source.c, acks.c). */
#include <stdio.h>
#include <string.h>

#include "amqp/declare.h"
#include "amqp/fields.h"
#include "amqp/source_private.h"

#define STOP_TIMEOUT_US (3 * CLOCK_US_PER_S) /* for cancel-ok when the daemon is about to end */

/* A queue that is gone with the connection. */
static bool consumer_has_own_queue(const struct rmq_source *source)
{
    return source->conf->kind == CONF_SOURCE_EXCHANGE;
}

/* A queue that the source declares and binds, passing or not. */
static bool consumer_declares(const struct rmq_source *source)
{
    return consumer_has_own_queue(source) || source->conf->declares;
}

/* A queue of its own would go with its last consumer, and what is in it: that one is kept, and acks
 * withheld, so that the broker stops at the prefetch. Without acks there is no such means. */
static bool consumer_pauses_by_acks(const struct rmq_source *source)
{
    return consumer_has_own_queue(source) && !source->no_ack;
}

static bool consumer_is_wanted(const struct rmq_source *source)
{
    return !source->stopping && (!source->paused || consumer_pauses_by_acks(source));
}

/* Something in the configuration cannot be said in the protocol. */
static void consumer_give_up(struct rmq_source *source, const char *why)
{
    rmq_channel_reset(source->channel, "%s", why);
}

static void consumer_await(struct rmq_source *source, const char *what)
{
    source->replies++;
    rmq_channel_expect(source->channel, what, RMQ_REPLY_TIMEOUT_US);
}

static void consumer_send_qos(struct rmq_source *source)
{
    amqp_basic_qos_t qos = {.prefetch_count = (uint16_t)source->prefetch};

    rmq_channel_send(source->channel, AMQP_BASIC_QOS_METHOD, &qos);
    consumer_await(source, "basic.qos");
}

static int consumer_send_declare(struct rmq_source *source, struct err *err)
{
    static const struct conf_queue own = {.name = "", .exclusive = true, .auto_delete = true};
    const struct conf_queue lasting = {
        .name = source->conf->queue,
        .durable = true,
        .arguments = source->conf->queue_arguments,
    };

    if (rmq_declare_queue(source->channel, consumer_has_own_queue(source) ? &own : &lasting, err) !=
        0) {
        return -1;
    }
    consumer_await(source, "queue.declare");
    return 0;
}

static int consumer_send_bindings(struct rmq_source *source, struct err *err)
{
    const struct conf_source *conf = source->conf;

    for (size_t i = 0; i < conf->binding_keys.count; i++) {
        struct conf_binding binding = {
            .source = conf->exchange,
            .destination = source->queue,
            .routing_key = conf->binding_keys.items[i],
            .arguments = conf->binding_arguments,
        };

        if (rmq_declare_binding(source->channel, &binding, err) != 0) {
            return -1;
        }
        consumer_await(source, "queue.bind");
    }
    return 0;
}

static int consumer_send_consume(struct rmq_source *source, struct err *err)
{
    struct rmq_codec *codec = rmq_connection_codec(rmq_channel_connection(source->channel));
    amqp_basic_consume_t consume = {
        .queue = rmq_bytes_of(source->queue),
        .no_ack = source->no_ack,
        .exclusive = source->conf->exclusive,
    };
    size_t size;

    snprintf(source->tag, sizeof(source->tag), "chunneld.%s.%u", source->bridge,
             ++source->tag_number);
    consume.consumer_tag = rmq_bytes_of(source->tag);
    rmq_codec_recycle(codec);
    if (rmq_fields_to_table(codec, &source->consume_arguments, &consume.arguments, &size, err) !=
        0) {
        return -1;
    }
    if (rmq_channel_send(source->channel, AMQP_BASIC_CONSUME_METHOD, &consume) != 0) {
        return err_set(err, "the queue's name or the arguments of the consumer are too long");
    }
    consumer_await(source, "basic.consume");
    return 0;
}

/* The queue is known: binds it where it was declared, and consumes. */
static void consumer_set_up_queue(struct rmq_source *source)
{
    struct err err;

    rmq_content_set_queue(rmq_channel_content(source->channel), slice_of(source->queue));
    if (consumer_declares(source) && consumer_send_bindings(source, &err) != 0) {
        consumer_give_up(source, err.text);
    } else if (consumer_is_wanted(source) && consumer_send_consume(source, &err) != 0) {
        consumer_give_up(source, err.text);
    }
}

static void consumer_end_setup(struct rmq_source *source)
{
    source->state = source->has_consumer ? RMQ_CONSUMER_CONSUMING : RMQ_CONSUMER_IDLE;
    rmq_channel_expect_nothing(source->channel);
    rmq_channel_good(source->channel);
    rmq_source_tell(source, ENDPOINT_READY, NULL);
    loop_defer(source->loop, &source->step);
}

static void consumer_set_up(struct rmq_source *source)
{
    struct err err;

    source->state = RMQ_CONSUMER_SETUP;
    source->replies = 0;
    source->has_consumer = false;
    if (!source->no_ack) {
        consumer_send_qos(source);
    }
    if (consumer_declares(source)) {
        if (consumer_send_declare(source, &err) != 0) {
            consumer_give_up(source, err.text);
        }
        return;
    }
    consumer_set_up_queue(source);
    if (source->state == RMQ_CONSUMER_SETUP && source->replies == 0) {
        consumer_end_setup(source);
    }
}

static void consumer_send_cancel(struct rmq_source *source)
{
    amqp_basic_cancel_t cancel = {.consumer_tag = rmq_bytes_of(source->tag)};

    source->state = RMQ_CONSUMER_CANCELLING;
    rmq_channel_send(source->channel, AMQP_BASIC_CANCEL_METHOD, &cancel);
    rmq_channel_expect(source->channel, "basic.cancel",
                       source->stopping ? STOP_TIMEOUT_US : RMQ_REPLY_TIMEOUT_US);
}

void rmq_consumer_steer(struct rmq_source *source)
{
    bool wanted = consumer_is_wanted(source);

    if (!source->no_ack) {
        rmq_acks_withhold(&source->acks,
                          source->paused && !source->stopping && consumer_pauses_by_acks(source));
    }
    switch (source->state) {
    case RMQ_CONSUMER_IDLE:
        if (wanted) {
            consumer_set_up(source);
        }
        break;
    case RMQ_CONSUMER_CONSUMING:
        if (!wanted) {
            consumer_send_cancel(source);
        }
        break;
    case RMQ_CONSUMER_GONE:
        /* What the bridge still has may be settled on this channel only. */
        if (source->given == 0 || (source->base.can & ENDPOINT_REDELIVERS) == 0) {
            rmq_channel_reset(source->channel, "%s", source->told.text);
        }
        break;
    default:
        break;
    }
}

static const char *consumer_why_not(void *ctx)
{
    const struct rmq_source *source = ctx;
    const char *problem = NULL;

    if (consumer_declares(source)) {
        problem =
            rmq_topology_problem(source->topology, RMQ_EXCHANGE, slice_of(source->conf->exchange));
    }
    if (problem != NULL || consumer_has_own_queue(source)) {
        return problem;
    }
    return rmq_topology_problem(source->topology, RMQ_QUEUE, slice_of(source->conf->queue));
}

static void consumer_on_open(void *ctx)
{
    struct rmq_source *source = ctx;

    if (!consumer_has_own_queue(source)) {
        if (strlen(source->conf->queue) >= sizeof(source->queue)) {
            consumer_give_up(source, "the queue's name is over 255 octets");
            return;
        }
        snprintf(source->queue, sizeof(source->queue), "%s", source->conf->queue);
    }
    consumer_set_up(source);
}

static void consumer_on_down(void *ctx, const struct rmq_loss *loss)
{
    struct rmq_source *source = ctx;

    if (source->state != RMQ_CONSUMER_DOWN) {
        source->state = RMQ_CONSUMER_DOWN;
        source->base.epoch++;
        if (!source->no_ack) {
            rmq_acks_reset(&source->acks);
        }
    }
    rmq_source_tell(source, ENDPOINT_WAITING, loss->why);
    loop_defer(source->loop, &source->step);
}

/* One more reply of the setup. */
static bool consumer_on_reply(struct rmq_source *source)
{
    if (source->state != RMQ_CONSUMER_SETUP || source->replies == 0) {
        return false;
    }
    if (--source->replies == 0) {
        consumer_end_setup(source);
    }
    return true;
}

static bool consumer_on_declare_ok(struct rmq_source *source, const amqp_queue_declare_ok_t *ok)
{
    if (source->state != RMQ_CONSUMER_SETUP || !consumer_declares(source)) {
        return false;
    }
    snprintf(source->queue, sizeof(source->queue), "%.*s", (int)ok->queue.len,
             (const char *)ok->queue.bytes);
    consumer_set_up_queue(source);
    return source->state != RMQ_CONSUMER_SETUP || consumer_on_reply(source);
}

/* basic.cancel by the broker (RabbitMQ's consumer_cancel_notify): the queue was deleted, or its
 * node went away. */
static void consumer_on_cancel(struct rmq_source *source)
{
    struct err why;

    err_set(&why, "queue \"%s\": the broker ended the consumer, the queue was deleted or moved",
            source->queue);
    source->state = RMQ_CONSUMER_GONE;
    source->has_consumer = false;
    rmq_channel_expect_nothing(source->channel);
    rmq_source_tell(source, ENDPOINT_WAITING, why.text);
    loop_defer(source->loop, &source->step);
}

static bool consumer_on_cancel_ok(struct rmq_source *source)
{
    if (source->state != RMQ_CONSUMER_CANCELLING) {
        return source->state == RMQ_CONSUMER_GONE;
    }
    source->state = RMQ_CONSUMER_IDLE;
    source->has_consumer = false;
    rmq_channel_expect_nothing(source->channel);
    loop_defer(source->loop, &source->step);
    return true;
}

static bool consumer_on_method(void *ctx, const amqp_method_t *method)
{
    struct rmq_source *source = ctx;

    switch (method->id) {
    case AMQP_BASIC_QOS_OK_METHOD:
    case AMQP_QUEUE_BIND_OK_METHOD:
        return consumer_on_reply(source);
    case AMQP_QUEUE_DECLARE_OK_METHOD:
        return consumer_on_declare_ok(source, method->decoded);
    case AMQP_BASIC_CONSUME_OK_METHOD:
        source->has_consumer = true;
        return consumer_on_reply(source);
    case AMQP_BASIC_CANCEL_OK_METHOD:
        return consumer_on_cancel_ok(source);
    case AMQP_BASIC_CANCEL_METHOD:
        consumer_on_cancel(source);
        return true;
    default:
        return false;
    }
}

static void consumer_on_message(void *ctx, struct rmq_message *message)
{
    rmq_source_on_message(ctx, message);
}

const struct rmq_channel_events rmq_consumer_channel_events = {
    .why_not = consumer_why_not,
    .on_open = consumer_on_open,
    .on_down = consumer_on_down,
    .on_method = consumer_on_method,
    .on_message = consumer_on_message,
};
