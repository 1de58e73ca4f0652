/* The inside of a source, shared by source.c (what the bridge sees) and consumer.c (its consumer on
 * the channel) alone. */
#ifndef CHUNNELD_AMQP_SOURCE_PRIVATE_H
#define CHUNNELD_AMQP_SOURCE_PRIVATE_H

#include "amqp/acks.h"
#include "amqp/channel.h"
#include "amqp/topology.h"
#include "base/err.h"
#include "conf/config.h"
#include "core/endpoint.h"
#include "net/moderation.h"

enum rmq_consumer_state {
    RMQ_CONSUMER_DOWN,  /* no channel */
    RMQ_CONSUMER_SETUP, /* methods sent, `replies` still to come; bounded by the channel's timer */
    RMQ_CONSUMER_IDLE,  /* no consumer: paused or stopping */
    RMQ_CONSUMER_CONSUMING,  /* deliveries come */
    RMQ_CONSUMER_CANCELLING, /* basic.cancel sent; bounded by the channel's timer */
    RMQ_CONSUMER_GONE,       /* cancelled by the broker; the channel stays for what is unsettled */
};

enum { RMQ_CONSUMER_TAG_SIZE = 128, RMQ_QUEUE_NAME_SIZE = 256 };

struct rmq_source {
    struct source base;
    const struct conf_source *conf;
    const char *bridge;
    const struct rmq_topology *topology;
    struct rmq_channel *channel;
    struct loop *loop;
    struct rmq_acks acks;
    struct field_table consume_arguments; /* of basic.consume, x-priority included; entries owned */
    unsigned prefetch;
    bool no_ack;
    struct moderation moderation; /* how many messages come */
    uint64_t rest_limit_us;       /* longer the link must not stay unread, see source.c */

    enum rmq_consumer_state state;
    unsigned replies;    /* to the methods of the setup */
    bool has_consumer;   /* basic.consume-ok came since the last cancel */
    unsigned tag_number; /* makes consumer tags unique */
    char tag[RMQ_CONSUMER_TAG_SIZE];
    char queue[RMQ_QUEUE_NAME_SIZE]; /* consumed from; named by the broker for exchange sources */

    bool paused;
    bool stopping;
    bool stopped;          /* on_stopped was called */
    bool ready;            /* the last on_link */
    struct err told;       /* the words of the last on_link, while not ready */
    size_t given;          /* deliveries that the bridge has */
    struct loop_task step; /* steering, and the end of a stop, at the end of the turn */
};

/* Events of the channel, and the bridge's pause, resume and stop, turned into methods. */
extern const struct rmq_channel_events rmq_consumer_channel_events;

/* Compares what is wanted with what is, and sends what leads there. */
void rmq_consumer_steer(struct rmq_source *source);
/* on_link, where it says something new. */
void rmq_source_tell(struct rmq_source *source, enum endpoint_link link, const char *why);
/* A message came. */
void rmq_source_on_message(struct rmq_source *source, struct rmq_message *message);

#endif
