/* What can be asked of an AMQP source beside the operations of core/endpoint.h. */
#ifndef CHUNNELD_AMQP_SOURCE_H
#define CHUNNELD_AMQP_SOURCE_H

#include <stdint.h>

#include "core/endpoint.h"

/* Messages that were rejected as they came (to the queue's dead-letter exchange, if it has one),
 * because they are over max_message_size or their properties cannot be decoded; `source` is one of
 * rmq_source_new(). */
uint64_t rmq_source_refused(const struct source *source);

#endif
