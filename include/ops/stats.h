/* The stats: one JSON object that says how every connection and bridge goes. */
#ifndef CHUNNELD_OPS_STATS_H
#define CHUNNELD_OPS_STATS_H

#include "base/slice.h"
#include "base/strbuf.h"
#include "net/loop.h"
#include "ops/board.h"
#include "ops/report.h"

/* Appends the object, on one line with none behind it. Times come from `now_us` (monotonic) and
 * the wall clock. */
void stats_write(const struct board *board, uint64_t now_us, struct strbuf *out);

/* Reports the object again and again. */
struct stats_report;

/* Begins at once, then every `interval_us`. All is borrowed for its life. NULL: out of memory. */
struct stats_report *stats_report_new(struct loop *loop, const struct board *board,
                                      struct report *report, uint64_t interval_us);
/* One more time, now: the last word before the end. */
void stats_report_publish(struct stats_report *stats);
/* NULL is legal. */
void stats_report_free(struct stats_report *stats);

#endif
