/* The method and property structs of rabbitmq-c, which moved its headers into a folder in 0.12: the
 * vocabulary of amqp/. Its functions are called from src/amqp/codec.c alone. */
#ifndef CHUNNELD_AMQP_FRAMING_H
#define CHUNNELD_AMQP_FRAMING_H

#include "config.h"

#ifdef HAVE_RABBITMQ_C_FRAMING_H
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#include "base/slice.h"

static inline struct slice rmq_slice(amqp_bytes_t bytes)
{
    return slice_make(bytes.bytes, bytes.len);
}

/* The library's type is not const, but nothing it encodes is written to. */
static inline amqp_bytes_t rmq_bytes(struct slice slice)
{
    union {
        const char *read;
        void *any;
    } data = {.read = slice.data};

    return (amqp_bytes_t){slice.len, data.any};
}

static inline amqp_bytes_t rmq_bytes_of(const char *text)
{
    return rmq_bytes(slice_of(text));
}

/* The class and the method in a method number. */
static inline unsigned rmq_class_of(amqp_method_number_t id)
{
    return id >> 16;
}

static inline unsigned rmq_method_of(amqp_method_number_t id)
{
    return id & 0xFFFF;
}

#endif
