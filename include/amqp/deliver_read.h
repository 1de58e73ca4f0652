/* Reading basic.deliver, which comes with every message from a queue: rabbitmq-c's decoder takes
 * memory for its struct and four times as many instructions. */
#ifndef CHUNNELD_AMQP_DELIVER_READ_H
#define CHUNNELD_AMQP_DELIVER_READ_H

#include "amqp/framing.h"
#include "base/slice.h"

/* Reads its arguments, the octets behind class and method number; the strings point into them. 0,
 * or -1: they are cut off. What stands behind them is not looked at. */
int rmq_deliver_read(struct slice arguments, amqp_basic_deliver_t *out_deliver);

#endif
