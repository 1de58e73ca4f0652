/* The codec: AMQP 0-9-1 methods and properties between octets and rabbitmq-c's structs. The only
 * caller of rabbitmq-c, and of nothing in it that holds a connection. What comes from the peer is
 * looked over (amqp/scan.h) before the library sees it. */
#ifndef CHUNNELD_AMQP_CODEC_H
#define CHUNNELD_AMQP_CODEC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "amqp/framing.h"
#include "base/err.h"
#include "base/slice.h"

struct rmq_codec;

/* NULL: out of memory. One a connection. */
struct rmq_codec *rmq_codec_new(void);
void rmq_codec_free(struct rmq_codec *codec);

/* Decodes the payload of a method frame: a method that a server sends and that a client like this
 * one may get. It is valid until the next decode and points into `payload`. 0, or -1 and words in
 * `err`. */
int rmq_codec_decode_method(struct rmq_codec *codec, struct slice payload,
                            amqp_method_t *out_method, struct err *err);
/* Decodes the property flags and list of a basic content header, under the same terms. */
int rmq_codec_decode_properties(struct rmq_codec *codec, struct slice raw,
                                const amqp_basic_properties_t **out_properties, struct err *err);

/* Encodes a method, its class and method numbers in front: the payload of a method frame. The
 * octets written to `out`, or -1: more than `size`, or a short string over 255. */
ssize_t rmq_codec_encode_method(amqp_method_number_t id, const void *method, uint8_t *out,
                                size_t size);
/* Encodes property flags and list, under the same terms. */
ssize_t rmq_codec_encode_properties(const amqp_basic_properties_t *properties, uint8_t *out,
                                    size_t size);

/* Memory for structs on their way to be encoded; NULL: out of memory (or `size` is 0). Valid until
 * rmq_codec_recycle(). */
void *rmq_codec_alloc(struct rmq_codec *codec, size_t size);
void rmq_codec_recycle(struct rmq_codec *codec);

enum { RMQ_METHOD_NAME_SIZE = 40 };

/* Writes "basic.deliver", or "method 60.61" where the number is unknown, and returns `out_name`. */
const char *rmq_codec_method_name(amqp_method_number_t id, char out_name[RMQ_METHOD_NAME_SIZE]);

#endif
