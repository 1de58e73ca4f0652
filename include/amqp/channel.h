/* One channel of an AMQP connection (AMQP 0-9-1 §1.5): opened when the connection is, opened again
 * with back-off after an error, put together with its content. An error closes the channel alone;
 * the others go on. One a bridge, one for the topology. */
#ifndef CHUNNELD_AMQP_CHANNEL_H
#define CHUNNELD_AMQP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "amqp/connection.h"
#include "amqp/content.h"
#include "amqp/framing.h"
#include "base/clock.h"

struct rmq_channel;

/* What its owner is told. No operation on the channel calls one of them before it returns, but for
 * rmq_channel_reset(). */
struct rmq_channel_events {
    /* Words why it must not open now, NULL: it may. Asked before each opening; after a change the
     * owner calls rmq_channel_reconsider(). The member may be NULL. */
    const char *(*why_not)(void *ctx);
    /* Open; delivery tags and confirms count from 1 again. */
    void (*on_open)(void *ctx);
    /* Not open any more, or still not; it goes on trying by itself. */
    void (*on_down)(void *ctx, const struct rmq_loss *loss);
    /* A method for its owner; false: it was not expected. */
    bool (*on_method)(void *ctx, const amqp_method_t *method);
    /* A message is complete; message->delivery is the owner's. */
    void (*on_message)(void *ctx, struct rmq_message *message);
    /* rmq_channel_may_publish() was false and may be true now. The member may be NULL. */
    void (*on_writable)(void *ctx);
};

struct rmq_channel_setup {
    const char *name;      /* for the log: the bridge's, or "topology"; borrowed */
    bool comes_first;      /* opens before rmq_connection_release_channels() */
    uint64_t retry_max_us; /* most back-off after an error, but for a forbidden one; 0: the
                              connection's */
    struct rmq_content_options content;
};

/* A channel that is not wanted yet; NULL: out of memory. `events` is borrowed for its life. */
struct rmq_channel *rmq_channel_new(struct rmq_connection *connection,
                                    const struct rmq_channel_setup *setup,
                                    const struct rmq_channel_events *events, void *ctx);
/* Closes it where it is open. Not inside one of its events. NULL is legal. */
void rmq_channel_free(struct rmq_channel *channel);

/* Opens it as soon as it can be. */
void rmq_channel_want(struct rmq_channel *channel);
/* Closes it (channel.close) where it is open; no on_down follows. */
void rmq_channel_unwant(struct rmq_channel *channel);
/* Closes it and opens it again after a back-off: on_down is called, with the words. */
void rmq_channel_reset(struct rmq_channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What why_not() says may have changed. */
void rmq_channel_reconsider(struct rmq_channel *channel);
/* It does what it is for: the next back-off is a short one once this lasts. */
void rmq_channel_good(struct rmq_channel *channel);
/* It failed, but led further: the back-off after the next failure is a short one. */
void rmq_channel_progress(struct rmq_channel *channel);

/* How long the broker may take to answer. */
#define RMQ_REPLY_TIMEOUT_US (20 * CLOCK_US_PER_S)

/* Bounds the wait for an answer of the broker: when it does not come the channel is reset with
 * "no answer to WHAT". The time during which the broker blocks the connection does not count. */
void rmq_channel_expect(struct rmq_channel *channel, const char *what, uint64_t timeout_us);
void rmq_channel_expect_nothing(struct rmq_channel *channel);

/* As rmq_connection_send(). Only while it is open. */
int rmq_channel_send(struct rmq_channel *channel, amqp_method_number_t id, const void *method);
bool rmq_channel_is_open(const struct rmq_channel *channel);
/* Open, and nobody asks for a pause: neither channel.flow, nor connection.blocked, nor a full write
 * buffer. */
bool rmq_channel_may_publish(const struct rmq_channel *channel);
/* Its number while it is open or opening, else 0. */
uint16_t rmq_channel_number(const struct rmq_channel *channel);
struct rmq_connection *rmq_channel_connection(const struct rmq_channel *channel);
/* For rmq_content_set_queue(). */
struct rmq_content *rmq_channel_content(const struct rmq_channel *channel);

/* Gives up the whole connection: the broker broke the protocol on this channel. */
#define rmq_channel_breach(channel, code, ...)                                                     \
    rmq_connection_fail(rmq_channel_connection(channel), (code), __VA_ARGS__)

/* For connection.c and input.c: the connection is ready for this channel; it is gone; it can be
 * written to again; a frame came. */
void rmq_channel_on_ready(struct rmq_channel *channel);
void rmq_channel_on_lost(struct rmq_channel *channel, const struct rmq_loss *loss);
void rmq_channel_on_writable(struct rmq_channel *channel);
struct rmq_frame;
void rmq_channel_on_frame(struct rmq_channel *channel, const struct rmq_frame *frame);

#endif
