/* Frames for a channel: its own methods are answered here, content is put together, the rest goes
 * to its owner. Not for: opening and closing it (channel.c). */
#include <stdio.h>

#include "amqp/channel_private.h"
#include "amqp/frame.h"

/* channel.close by the broker (AMQP 0-9-1 §1.5.2.5): answered at once, then the number is free. */
static void channel_on_close(struct rmq_channel *channel, const amqp_channel_close_t *close)
{
    amqp_channel_close_ok_t close_ok = {0};
    struct err words;
    struct rmq_loss loss = {
        .code = close->reply_code,
        .class_id = close->class_id,
        .method_id = close->method_id,
        .why = words.text,
    };

    err_set(&words, "%u %.*s", close->reply_code, (int)close->reply_text.len,
            (const char *)close->reply_text.bytes);
    rmq_channel_send(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    rmq_slots_give_back(channel->connection, channel->number);
    rmq_channel_fsm(channel, RMQ_CHANNEL_ON_BROKEN, &loss);
}

/* channel.flow (§1.5.2.3): an old way of saying "slower". */
static void channel_on_flow(struct rmq_channel *channel, const amqp_channel_flow_t *flow)
{
    amqp_channel_flow_ok_t flow_ok = {.active = flow->active};

    channel->flow_stopped = !flow->active;
    rmq_channel_send(channel, AMQP_CHANNEL_FLOW_OK_METHOD, &flow_ok);
    rmq_channel_on_writable(channel);
}

static void channel_refuse_method(struct rmq_channel *channel, const amqp_method_t *method)
{
    char name[RMQ_METHOD_NAME_SIZE];

    rmq_channel_breach(channel, AMQP_COMMAND_INVALID, "%s that nothing on the channel expects",
                       rmq_codec_method_name(method->id, name));
}

/* Whether it is in order; gives the connection up where it is not. */
static bool channel_takes_method(struct rmq_channel *channel, const amqp_method_t *method)
{
    if (rmq_content_is_under_way(channel->content)) {
        rmq_channel_breach(channel, AMQP_UNEXPECTED_FRAME, "a method in the middle of content");
        return false;
    }
    if (channel->state != RMQ_CHANNEL_OPEN && method->id != AMQP_CHANNEL_OPEN_OK_METHOD) {
        channel_refuse_method(channel, method);
        return false;
    }
    return true;
}

static void channel_on_method(struct rmq_channel *channel, const amqp_method_t *method)
{
    struct err err;
    int status = 0;

    if (method->id != AMQP_CHANNEL_CLOSE_METHOD && !channel_takes_method(channel, method)) {
        return;
    }
    switch (method->id) {
    case AMQP_BASIC_DELIVER_METHOD:
        status = rmq_content_begin_deliver(channel->content, method->decoded, &err);
        break;
    case AMQP_BASIC_RETURN_METHOD:
        status = rmq_content_begin_return(channel->content, method->decoded, &err);
        break;
    case AMQP_CHANNEL_OPEN_OK_METHOD:
        rmq_channel_fsm(channel, RMQ_CHANNEL_ON_OPEN_OK, NULL);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        channel_on_close(channel, method->decoded);
        break;
    case AMQP_CHANNEL_FLOW_METHOD:
        channel_on_flow(channel, method->decoded);
        break;
    default:
        if (!channel->events->on_method(channel->ctx, method)) {
            channel_refuse_method(channel, method);
        }
        break;
    }
    if (status != 0) {
        rmq_channel_breach(channel, AMQP_UNEXPECTED_FRAME, "%s", err.text);
    }
}

static void channel_on_content(struct rmq_channel *channel, enum rmq_content_progress progress,
                               const struct err *err)
{
    struct rmq_message message;

    if (progress == RMQ_CONTENT_BROKEN) {
        rmq_channel_breach(channel, AMQP_UNEXPECTED_FRAME, "%s", err->text);
    } else if (progress == RMQ_CONTENT_DONE) {
        rmq_content_finish(channel->content, &message);
        channel->events->on_message(channel->ctx, &message);
    }
}

void rmq_channel_on_frame(struct rmq_channel *channel, const struct rmq_frame *frame)
{
    struct rmq_codec *codec = channel->connection->codec;
    enum rmq_content_progress progress;
    amqp_method_t method;
    struct err err;

    switch (frame->type) {
    case AMQP_FRAME_METHOD:
        if (rmq_codec_decode_method(codec, frame->payload, &method, &err) != 0) {
            rmq_channel_breach(channel, AMQP_SYNTAX_ERROR, "%s", err.text);
            return;
        }
        channel_on_method(channel, &method);
        break;
    case AMQP_FRAME_HEADER:
        progress = rmq_content_take_header(channel->content, codec, frame->payload, &err);
        channel_on_content(channel, progress, &err);
        break;
    default:
        progress = rmq_content_take_body(channel->content, codec, frame->payload, &err);
        channel_on_content(channel, progress, &err);
        break;
    }
}
