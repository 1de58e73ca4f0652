/* The methods that declare topology objects (AMQP 0-9-1 §1.6.2, §1.7.2; exchange.bind: RabbitMQ).
 */
#ifndef CHUNNELD_AMQP_DECLARE_H
#define CHUNNELD_AMQP_DECLARE_H

#include "amqp/channel.h"
#include "base/err.h"
#include "conf/config.h"

/* Each writes one method; an -ok follows, or channel.close. -1 and words in `err`: it cannot be
 * said in the protocol, and nothing was written. */
int rmq_declare_exchange(struct rmq_channel *channel, const struct conf_exchange *exchange,
                         struct err *err);
int rmq_declare_queue(struct rmq_channel *channel, const struct conf_queue *queue, struct err *err);
int rmq_declare_binding(struct rmq_channel *channel, const struct conf_binding *binding,
                        struct err *err);

#endif
