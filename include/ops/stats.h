/* The stats: one JSON object that says how every connection and bridge goes. */
#ifndef CHUNNELD_OPS_STATS_H
#define CHUNNELD_OPS_STATS_H

#include "base/slice.h"
#include "base/strbuf.h"
#include "net/loop.h"
#include "ops/board.h"

/* Appends the object, on one line with none behind it. Times come from `now_us` (monotonic) and
 * the wall clock. */
void stats_write(const struct board *board, uint64_t now_us, struct strbuf *out);

/* Publishes the object on a Redis channel, again and again. */
struct stats_channel;

/* Begins at once, then every `interval_us`. All is borrowed for its life; what cannot be published
 * (Redis away) is left out. NULL: out of memory. */
struct stats_channel *stats_channel_new(struct loop *loop, const struct board *board,
                                        struct redis_hub *hub, struct slice channel,
                                        uint64_t interval_us);
/* One more time, now: the last word before the end. */
void stats_channel_publish(struct stats_channel *stats);
/* NULL is legal. */
void stats_channel_free(struct stats_channel *stats);

#endif
