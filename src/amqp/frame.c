/* Frames to and from octets. For: their shape and limits. Not for: what is in them (codec.c,
 * content.c). */
#include "amqp/frame.h"

#include <string.h>

#include "amqp/codec.h"

static int frame_check_head(const struct rmq_frame *frame, size_t size, uint32_t frame_max,
                            struct err *err)
{
    switch (frame->type) {
    case AMQP_FRAME_METHOD:
        break;
    case AMQP_FRAME_HEADER:
    case AMQP_FRAME_BODY:
        if (frame->channel == 0) {
            return err_set(err, "content on channel 0");
        }
        break;
    case AMQP_FRAME_HEARTBEAT:
        if (frame->channel != 0 || size != 0) {
            return err_set(err, "a heartbeat with a channel or a payload");
        }
        break;
    default:
        return err_set(err, "a frame of the unknown type %u", frame->type);
    }
    if (size > frame_max - RMQ_FRAME_OVERHEAD) {
        return err_set(err, "a frame of %zu octets, over frame_max %u", size + RMQ_FRAME_OVERHEAD,
                       frame_max);
    }
    return 0;
}

int rmq_frame_parse(const uint8_t *data, size_t len, uint32_t frame_max,
                    struct rmq_frame *out_frame, size_t *out_used, struct err *err)
{
    struct rmq_frame frame;
    size_t size;

    *out_used = 0;
    if (len < RMQ_FRAME_HEAD) {
        return 0;
    }
    frame.type = data[0];
    frame.channel = rmq_get_u16(data + 1);
    size = rmq_get_u32(data + 3);
    if (frame_check_head(&frame, size, frame_max, err) != 0) {
        return -1;
    }
    if (len < size + RMQ_FRAME_OVERHEAD) {
        return 0;
    }
    if (data[RMQ_FRAME_HEAD + size] != AMQP_FRAME_END) {
        return err_set(err, "a frame that ends with 0x%02x in the place of 0xce",
                       data[RMQ_FRAME_HEAD + size]);
    }
    frame.payload = slice_make(data + RMQ_FRAME_HEAD, size);
    *out_frame = frame;
    *out_used = size + RMQ_FRAME_OVERHEAD;
    return 0;
}

ssize_t rmq_frame_put_method(uint16_t channel, amqp_method_number_t id, const void *method,
                             uint8_t *out, size_t size)
{
    ssize_t len;

    if (size < RMQ_FRAME_OVERHEAD) {
        return -1;
    }
    len = rmq_codec_encode_method(id, method, out + RMQ_FRAME_HEAD, size - RMQ_FRAME_OVERHEAD);
    if (len < 0) {
        return -1;
    }
    rmq_frame_put_head(out, AMQP_FRAME_METHOD, channel, (size_t)len);
    out[RMQ_FRAME_HEAD + len] = AMQP_FRAME_END;
    return len + RMQ_FRAME_OVERHEAD;
}

void rmq_frame_put_body(uint16_t channel, struct slice body, uint32_t frame_max, uint8_t *out)
{
    size_t most = frame_max - RMQ_FRAME_OVERHEAD;

    while (body.len > 0) {
        size_t len = body.len < most ? body.len : most;

        rmq_frame_put_head(out, AMQP_FRAME_BODY, channel, len);
        memcpy(out + RMQ_FRAME_HEAD, body.data, len);
        out[RMQ_FRAME_HEAD + len] = AMQP_FRAME_END;
        out += len + RMQ_FRAME_OVERHEAD;
        body.data += len;
        body.len -= len;
    }
}
