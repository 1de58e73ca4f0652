/* Reporting the stats at an interval. Not for: what is in them (stats.c), where they go (report.c).
 */
#include <stdlib.h>

#include "base/log.h"
#include "ops/stats.h"

struct stats_report {
    struct loop *loop;
    const struct board *board;
    struct report *report;
    uint64_t interval_us;
    struct loop_timer timer;
    struct strbuf text; /* kept, so that no turn allocates it anew */
};

void stats_report_publish(struct stats_report *stats)
{
    strbuf_reset(&stats->text);
    stats_write(stats->board, loop_touch(stats->loop), &stats->text);
    if (strbuf_failed(&stats->text)) {
        log_warn("report", "stats", "left out", log_text("why", "out of memory"));
        return;
    }
    report_publish(stats->report, strbuf_slice(&stats->text));
}

static void stats_report_on_timer(void *ctx)
{
    struct stats_report *stats = ctx;

    loop_timer_set(&stats->timer, stats->interval_us);
    stats_report_publish(stats);
}

struct stats_report *stats_report_new(struct loop *loop, const struct board *board,
                                      struct report *report, uint64_t interval_us)
{
    struct stats_report *stats = calloc(1, sizeof(*stats));

    if (stats == NULL) {
        return NULL;
    }
    stats->loop = loop;
    stats->board = board;
    stats->report = report;
    stats->interval_us = interval_us;
    if (loop_timer_init(&stats->timer, loop, stats_report_on_timer, stats) != 0) {
        free(stats);
        return NULL;
    }
    loop_timer_set(&stats->timer, 0);
    return stats;
}

void stats_report_free(struct stats_report *stats)
{
    if (stats != NULL) {
        loop_timer_fini(&stats->timer);
        strbuf_fini(&stats->text);
        free(stats);
    }
}
