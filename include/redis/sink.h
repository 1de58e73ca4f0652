/* The sink of Redis messages: PUBLISH, and what its replies mean for the deliveries. */
#ifndef CHUNNELD_REDIS_SINK_H
#define CHUNNELD_REDIS_SINK_H

#include <stdint.h>

#include "core/bridge.h"
#include "core/endpoint.h"
#include "redis/publisher.h"

enum { REDIS_SINK_WINDOW = 4096 }; /* PUBLISH commands of one sink without a reply */

/* A sink on `publisher`, which outlives it; bodies over `max_message_size` are refused. `options`
 * is not kept. NULL: out of memory. */
struct sink *redis_sink_make(struct redis_publisher *publisher,
                             const struct bridge_options *options, uint64_t max_message_size);

#endif
