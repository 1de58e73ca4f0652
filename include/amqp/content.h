/* Content coming in on one channel (AMQP 0-9-1 §4.2.6): a basic.deliver or basic.return, its header
 * and its body frames, put together into one delivery. The size that a header announces is only
 * believed as far as a frame's worth; beyond, memory grows with what came. */
#ifndef CHUNNELD_AMQP_CONTENT_H
#define CHUNNELD_AMQP_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "amqp/codec.h"
#include "amqp/framing.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/delivery.h"

struct rmq_content;

enum {
    RMQ_READ_LEAST = 64 * 1024 * 1024, /* a message up to this is read, whatever may be sent */
};

struct rmq_content_options {
    bool need_properties; /* decode them into the delivery */
    uint64_t max_size;    /* a body over it is read, but not kept: the delivery is refused */
};

/* What came, complete. */
struct rmq_message {
    bool returned;             /* by basic.return; otherwise by basic.deliver */
    uint64_t tag;              /* of a basic.deliver */
    uint16_t code;             /* of a basic.return: why */
    const char *text;          /* likewise, in the broker's words; valid until the next content */
    struct delivery *delivery; /* the receiver's from now on; see its refused_why */
};

enum rmq_content_progress {
    RMQ_CONTENT_BROKEN = -1, /* out of order, or out of memory: words in `err` */
    RMQ_CONTENT_MORE = 0,    /* not complete yet */
    RMQ_CONTENT_DONE = 1,    /* complete: rmq_content_take() it */
};

/* NULL: out of memory. */
struct rmq_content *rmq_content_new(const struct rmq_content_options *options);
void rmq_content_free(struct rmq_content *content);
/* Forgets what is under way: the channel is gone. */
void rmq_content_reset(struct rmq_content *content);
/* The queue that deliveries come from, at most 255 octets; copied. */
void rmq_content_set_queue(struct rmq_content *content, struct slice queue);

/* The method that content follows: 0, or -1 and words: content is under way already. */
int rmq_content_begin_deliver(struct rmq_content *content, const amqp_basic_deliver_t *deliver,
                              struct err *err);
int rmq_content_begin_return(struct rmq_content *content, const amqp_basic_return_t *returned,
                             struct err *err);
/* The payload of a content header frame, of a body frame. */
enum rmq_content_progress rmq_content_take_header(struct rmq_content *content,
                                                  struct rmq_codec *codec, struct slice payload,
                                                  struct err *err);
enum rmq_content_progress rmq_content_take_body(struct rmq_content *content,
                                                struct rmq_codec *codec, struct slice payload,
                                                struct err *err);
/* Between a method and the end of its body. */
bool rmq_content_is_under_way(const struct rmq_content *content);
/* Hands over what is complete. */
void rmq_content_finish(struct rmq_content *content, struct rmq_message *out_message);

#endif
