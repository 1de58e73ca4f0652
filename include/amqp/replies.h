/* Answers to what a sink publishes: a consumer of direct reply-to ("amq.rabbitmq.reply-to"), on the
 * sink's own channel as RabbitMQ wants it, without acknowledgements. A reply address lives as long
 * as the channel. For sink.c and hub.c alone. */
#ifndef CHUNNELD_AMQP_REPLIES_H
#define CHUNNELD_AMQP_REPLIES_H

#include "amqp/channel.h"
#include "core/endpoint.h"

struct rmq_replies;

/* The source of the answers that come in on `channel`. The sink keeps it at *owner, which becomes
 * NULL when it is freed. NULL: out of memory. */
struct rmq_replies *rmq_replies_new(struct rmq_channel *channel, struct rmq_replies **owner);
struct source *rmq_replies_source(struct rmq_replies *replies);
/* The sink is freed first. */
void rmq_replies_orphan(struct rmq_replies *replies);

/* The channel is open: sends basic.consume; the sink waits for consume-ok. */
void rmq_replies_consume(struct rmq_replies *replies);
/* Consumed; not any more. Call on_link. */
void rmq_replies_up(struct rmq_replies *replies);
void rmq_replies_down(struct rmq_replies *replies, const char *why);
/* A message that was not returned. */
void rmq_replies_on_message(struct rmq_replies *replies, struct rmq_message *message);

#endif
