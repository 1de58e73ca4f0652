/* Frames coming in on a connection: cut out of the bytes, those of channel 0 acted on, the others
 * handed to their channel. Not for: what a channel makes of them (channel_input.c). */
#include <string.h>

#include "amqp/connection_private.h"
#include "amqp/frame.h"
#include "base/clock.h"

/* The words and codes of a connection.close by the server (AMQP 0-9-1 §1.4.2.10). */
static void input_on_close(struct rmq_connection *connection, const amqp_connection_close_t *close)
{
    struct err words;
    struct rmq_loss loss = {
        .code = close->reply_code,
        .class_id = close->class_id,
        .method_id = close->method_id,
        .of_connection = true,
        .why = words.text,
    };

    err_set(&words, "%u %.*s", close->reply_code, (int)close->reply_text.len,
            (const char *)close->reply_text.bytes);
    rmq_connection_set_loss(connection, &loss);
    rmq_connection_fsm(connection, RMQ_ON_CLOSE, NULL);
}

static void input_on_method(struct rmq_connection *connection, const amqp_method_t *method)
{
    char name[RMQ_METHOD_NAME_SIZE];

    switch (method->id) {
    case AMQP_CONNECTION_START_METHOD:
        rmq_handshake_on_start(connection, method->decoded);
        break;
    case AMQP_CONNECTION_SECURE_METHOD:
        rmq_connection_fail(connection, AMQP_NOT_IMPLEMENTED,
                            "the broker asks for a second step of login, which neither PLAIN nor "
                            "EXTERNAL has");
        break;
    case AMQP_CONNECTION_TUNE_METHOD:
        rmq_handshake_on_tune(connection, method->decoded);
        break;
    case AMQP_CONNECTION_OPEN_OK_METHOD:
        rmq_connection_fsm(connection, RMQ_ON_OPEN_OK, NULL);
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
        input_on_close(connection, method->decoded);
        break;
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
        rmq_connection_fsm(connection, RMQ_ON_CLOSE_OK, NULL);
        break;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        rmq_connection_set_blocked(connection, method->decoded);
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        rmq_connection_set_blocked(connection, NULL);
        break;
    default:
        rmq_connection_fail(connection, AMQP_COMMAND_INVALID, "%s on channel 0",
                            rmq_codec_method_name(method->id, name));
        break;
    }
}

static void input_on_channel_0(struct rmq_connection *connection, const struct rmq_frame *frame)
{
    amqp_method_t method;
    struct err err;

    if (frame->type == AMQP_FRAME_HEARTBEAT) {
        return; /* it was for the time of the last byte, which the link keeps */
    }
    if (rmq_codec_decode_method(connection->codec, frame->payload, &method, &err) != 0) {
        rmq_connection_fail(connection, AMQP_SYNTAX_ERROR, "%s", err.text);
        return;
    }
    input_on_method(connection, &method);
}

/* A frame for a number that we have closed: everything is on its way from before, but for the
 * answer (AMQP 0-9-1 §1.5.2.5). */
static void input_on_closing(struct rmq_connection *connection, const struct rmq_frame *frame)
{
    amqp_channel_close_ok_t close_ok = {0};
    amqp_method_number_t id;

    if (frame->type != AMQP_FRAME_METHOD || frame->payload.len < sizeof(uint32_t)) {
        return;
    }
    id = rmq_get_u32(frame->payload.data);
    if (id == AMQP_CHANNEL_CLOSE_OK_METHOD) {
        rmq_slots_give_back(connection, frame->channel);
    } else if (id == AMQP_CHANNEL_CLOSE_METHOD) {
        rmq_connection_send(connection, frame->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    }
}

static void input_on_frame(struct rmq_connection *connection, const struct rmq_frame *frame)
{
    const struct rmq_slot *slot;

    if (frame->channel == 0) {
        input_on_channel_0(connection, frame);
        return;
    }
    slot = frame->channel < connection->slot_count ? &connection->slots[frame->channel] : NULL;
    if (slot != NULL && slot->channel != NULL) {
        rmq_channel_on_frame(slot->channel, frame);
    } else if (slot != NULL && slot->closing) {
        input_on_closing(connection, frame);
    } else if (connection->state != RMQ_CLOSING) {
        rmq_connection_fail(connection, AMQP_CHANNEL_ERROR, "a frame on channel %u, not open",
                            frame->channel);
    }
}

/* A server that speaks another version says so in place of connection.start (AMQP 0-9-1 §4.2.2). */
static bool input_is_other_version(struct rmq_connection *connection, const uint8_t *data,
                                   size_t len)
{
    enum { HEADER_SIZE = 8 };

    if (connection->state != RMQ_START_WAIT || len < HEADER_SIZE || memcmp(data, "AMQP", 4) != 0) {
        return false;
    }
    rmq_connection_fail(connection, AMQP_NOT_IMPLEMENTED,
                        "the server does not speak AMQP 0-9-1, but %u-%u-%u", data[5], data[6],
                        data[7]);
    return true;
}

/* Whether frames are looked at now: what one of them leads to may end that. */
static bool input_is_reading(const struct rmq_connection *connection)
{
    return !connection->has_failed && connection->state >= RMQ_START_WAIT &&
           connection->state <= RMQ_CLOSING;
}

size_t rmq_input_take(void *ctx, const uint8_t *data, size_t len)
{
    struct rmq_connection *connection = ctx;
    struct rmq_frame frame;
    struct err err;
    size_t used = 0, size;

    connection->wall_us = clock_wall_us();
    if (input_is_other_version(connection, data, len)) {
        return len;
    }
    while (input_is_reading(connection)) {
        if (rmq_frame_parse(data + used, len - used, connection->tuning.frame_max, &frame, &size,
                            &err) != 0) {
            rmq_connection_fail(connection, AMQP_FRAME_ERROR, "%s", err.text);
            break;
        }
        if (size == 0) {
            return used;
        }
        used += size;
        input_on_frame(connection, &frame);
    }
    return len;
}
