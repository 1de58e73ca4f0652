/* The source of Redis messages: a listener that makes deliveries. */
#ifndef CHUNNELD_REDIS_SOURCE_H
#define CHUNNELD_REDIS_SOURCE_H

#include <stdbool.h>

#include "conf/config.h"
#include "core/endpoint.h"
#include "redis/subscriber.h"

/* Made when the source is freed, so that the owner of a dedicated subscriber can free that too. */
typedef void (*redis_source_on_free)(void *ctx, struct redis_subscriber *subscriber);

/* A source on `subscriber`, of which it is the only listener where `dedicated` is set; `conf` is
 * not kept, `bridge` is. NULL: out of memory. */
struct source *redis_source_make(struct redis_subscriber *subscriber,
                                 const struct conf_source *conf, const char *bridge, bool dedicated,
                                 redis_source_on_free on_free, void *on_free_ctx);

#endif
