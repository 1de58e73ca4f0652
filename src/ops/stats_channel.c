/* Carrying the stats to a Redis channel at an interval. Not for: what is in them (stats.c). */
#include <stdlib.h>

#include "base/log.h"
#include "ops/stats.h"
#include "redis/hub.h"

struct stats_channel {
    struct loop *loop;
    const struct board *board;
    struct redis_hub *hub;
    struct slice channel;
    uint64_t interval_us;
    struct loop_timer timer;
    struct strbuf text; /* kept, so that no turn allocates it anew */
};

void stats_channel_publish(struct stats_channel *stats)
{
    strbuf_reset(&stats->text);
    stats_write(stats->board, loop_touch(stats->loop), &stats->text);
    if (strbuf_failed(&stats->text)) {
        log_warn("stats", NULL, "left out", log_text("why", "out of memory"));
        return;
    }
    /* While Redis is away nobody could hear it, and the next one will say as much. */
    redis_hub_publish(stats->hub, stats->channel, strbuf_slice(&stats->text));
}

static void stats_channel_on_timer(void *ctx)
{
    struct stats_channel *stats = ctx;

    loop_timer_set(&stats->timer, stats->interval_us);
    stats_channel_publish(stats);
}

struct stats_channel *stats_channel_new(struct loop *loop, const struct board *board,
                                        struct redis_hub *hub, struct slice channel,
                                        uint64_t interval_us)
{
    struct stats_channel *stats = calloc(1, sizeof(*stats));

    if (stats == NULL) {
        return NULL;
    }
    stats->loop = loop;
    stats->board = board;
    stats->hub = hub;
    stats->channel = channel;
    stats->interval_us = interval_us;
    if (loop_timer_init(&stats->timer, loop, stats_channel_on_timer, stats) != 0) {
        free(stats);
        return NULL;
    }
    redis_hub_want_publisher(hub);
    loop_timer_set(&stats->timer, 0);
    return stats;
}

void stats_channel_free(struct stats_channel *stats)
{
    if (stats != NULL) {
        loop_timer_fini(&stats->timer);
        strbuf_fini(&stats->text);
        free(stats);
    }
}
