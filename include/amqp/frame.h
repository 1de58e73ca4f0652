/* Frames (AMQP 0-9-1 §2.3.5): type, channel and size in 7 octets, the payload, the end octet. */
#ifndef CHUNNELD_AMQP_FRAME_H
#define CHUNNELD_AMQP_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "amqp/framing.h"
#include "amqp/octets.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    RMQ_FRAME_HEAD = 7,                      /* octets in front of the payload */
    RMQ_FRAME_OVERHEAD = 8,                  /* with the end octet */
    RMQ_FRAME_MIN_MAX = AMQP_FRAME_MIN_SIZE, /* least frame_max there may be */
    RMQ_FRAME_MAX_MAX = 131072,              /* most that we agree to */
    RMQ_HEADER_HEAD = 12, /* class, weight and body size of a content header (§4.2.6.1) */
};

struct rmq_frame {
    uint8_t type; /* AMQP_FRAME_x */
    uint16_t channel;
    struct slice payload; /* inside the data that was parsed */
};

/* Parses the frame that `data` begins with. Its octets in *out_used, 0 while it is unfinished; -1
 * and words in `err` when it is none: checked as soon as the octets in question are there. */
int rmq_frame_parse(const uint8_t *data, size_t len, uint32_t frame_max,
                    struct rmq_frame *out_frame, size_t *out_used, struct err *err);

/* Writes the 7 octets in front of a payload of `size`. */
static inline void rmq_frame_put_head(uint8_t *out, uint8_t type, uint16_t channel, size_t size)
{
    out[0] = type;
    rmq_put_u16(out + 1, channel);
    rmq_put_u32(out + 3, (uint32_t)size);
}

/* Encodes a whole method frame into `out`. Its octets, or -1: more than `size`. */
ssize_t rmq_frame_put_method(uint16_t channel, amqp_method_number_t id, const void *method,
                             uint8_t *out, size_t size);

/* Octets of the frames of a body of `len` (§4.2.6.3). */
static inline size_t rmq_frame_body_size(size_t len, uint32_t frame_max)
{
    size_t most = frame_max - RMQ_FRAME_OVERHEAD;

    return len + (len + most - 1) / most * RMQ_FRAME_OVERHEAD;
}

/* Writes the body frames into `out`, which has room for rmq_frame_body_size(). */
void rmq_frame_put_body(uint16_t channel, struct slice body, uint32_t frame_max, uint8_t *out);

#endif
