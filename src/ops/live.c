/* Server-sent events for the status page. For: when there is what to tell to whom, and the samples
 * behind the sparklines. Not for: the words of it (overview.c). */
#include "ops/live.h"

#include <stdlib.h>

#include "base/clock.h"
#include "ops/overview.h"

enum { LIVE_SAMPLE_TICKS = 5 }; /* of the timer, for a sample */

#define LIVE_LOOK_US CLOCK_US_PER_S

struct live {
    struct loop *loop;
    const struct board *board;
    const struct control *control;
    void (*wake)(void *ctx);
    void *ctx;
    struct loop_timer timer;
    uint64_t ticks; /* of the timer */
    uint64_t look;  /* number of the last look; 0: none yet */
    uint64_t epoch; /* moves on when bridges come or go */
    uint64_t shape; /* which there were at the last look */
    size_t watchers;
    struct health_look health; /* of the last look that somebody watched; owned */
    struct slice problems;     /* its list; valid as long as it */
};

/* Somebody who watches. */
struct live_watcher {
    struct live *live;
    uint64_t look;  /* the last one that it was told */
    uint64_t epoch; /* of what it knows; 0: nothing yet */
};

/* FNV-1a over eight bytes at a time. */
static uint64_t live_mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t live_mix_text(uint64_t hash, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        hash = live_mix(hash, (unsigned char)*text);
    }
    return live_mix(hash, 0);
}

/* A number for all that is shown of a bridge. */
static uint64_t live_digest(struct live *live, const struct board_bridge *bridge,
                            const struct bridge_status *status)
{
    const struct bridge_counters *counters = &status->counters;
    struct health_trouble troubles[HEALTH_TROUBLES_MOST];
    uint64_t hash = live_mix(UINT64_C(0xcbf29ce484222325), (uint64_t)status->state);

    hash = live_mix(hash, counters->received);
    hash = live_mix(hash, counters->delivered);
    hash = live_mix(hash, counters->dropped);
    hash = live_mix(hash, counters->dead_lettered + counters->filtered + counters->returned);
    hash = live_mix(hash, counters->buffered);
    hash = live_mix(hash, counters->spooled);
    hash = live_mix(hash, counters->in_flight);
    if (health_look_add(&live->health, bridge, status, troubles) > 0) {
        hash = live_mix_text(live_mix_text(hash, troubles[0].state), troubles[0].cause);
    }
    hash = live_mix_text(hash, status->why);
    hash = live_mix_text(hash, status->last_error);
    return live_mix_text(
        hash, control_word(live->control, bridge->name, bridge_counters_pending(counters)));
}

static void live_sample(struct board_bridge *bridge, const struct bridge_counters *counters)
{
    struct board_trail *trail = &bridge->trail;
    uint64_t more = counters->delivered - trail->delivered;
    bool pending = bridge_counters_pending(counters) > 0;

    trail->stuck = trail->pending && pending && more == 0;
    trail->pending = pending;
    trail->dropping = counters->dropped > trail->dropped;
    trail->dropped = counters->dropped;
    trail->delivered = counters->delivered;
    trail->samples[trail->count++ % BOARD_SAMPLES] =
        more < UINT32_MAX ? (uint32_t)more : UINT32_MAX;
}

/* What a bridge shows now, and what is wrong with it, for those who watch. */
static void live_look_at(struct live *live, struct board_bridge *bridge, uint64_t now_us,
                         bool samples)
{
    struct bridge_status status;
    uint64_t digest;

    bridge->get_status(bridge, now_us, &status);
    if (samples) {
        live_sample(bridge, &status.counters);
    }
    digest = live_digest(live, bridge, &status);
    if (digest != bridge->trail.digest) {
        bridge->trail.digest = digest;
        bridge->trail.changed = live->look;
    }
}

static void live_look(struct live *live, bool samples)
{
    bool looks = samples || live->watchers > 0;
    uint64_t now_us = loop_touch(live->loop);
    uint64_t shape = 0;
    struct board_bridge *bridge;

    live->look++;
    if (looks) {
        health_look_fini(&live->health);
        health_look_begin(&live->health, live->board, 0);
    }
    TAILQ_FOREACH(bridge, &live->board->bridges, link) {
        shape = live_mix(live_mix_text(shape, bridge->name), (uintptr_t)bridge);
        if (looks) {
            live_look_at(live, bridge, now_us, samples);
        }
    }
    if (looks) {
        live->problems = health_look_end(&live->health);
    }
    if (shape != live->shape) {
        live->shape = shape;
        live->epoch++;
    }
}

static void live_on_timer(void *ctx)
{
    struct live *live = ctx;

    loop_timer_set(&live->timer, LIVE_LOOK_US);
    live_look(live, live->ticks++ % LIVE_SAMPLE_TICKS == 0);
    if (live->watchers > 0) {
        live->wake(live->ctx);
    }
}

/* The last samples, oldest first. */
static void live_write_trend(const struct board_bridge *bridge, struct json_writer *json)
{
    const struct board_trail *trail = &bridge->trail;
    uint64_t i = trail->count > BOARD_SAMPLES ? trail->count - BOARD_SAMPLES : 0;

    json_writer_key(json, "trend");
    json_writer_begin_array(json);
    for (; i < trail->count; i++) {
        json_writer_natural(json, trail->samples[i % BOARD_SAMPLES]);
    }
    json_writer_end_array(json);
}

static void live_write_bridge(struct live *live, const struct board_bridge *bridge, bool trend,
                              struct json_writer *json)
{
    struct health_trouble troubles[HEALTH_TROUBLES_MOST] = {{NULL, NULL}};
    struct bridge_status status;

    bridge->get_status(bridge, loop_now_us(live->loop), &status);
    health_look_judge(&live->health, bridge, &status, troubles);
    json_writer_begin_object(json);
    overview_write_members(bridge, &status, &troubles[0], live->control, json);
    if (trend) {
        live_write_trend(bridge, json);
    }
    json_writer_end_object(json);
}

/* An event with the bridges that changed after the look `since`; `all`: with all of them. */
static void live_write(struct live *live, bool all, uint64_t since, struct strbuf *out)
{
    uint64_t now_us = loop_touch(live->loop);
    const struct board_bridge *bridge;
    struct json_writer json;

    strbuf_append_text(out, all ? "retry: 1000\nevent: snapshot\ndata: " : "event: update\ndata: ");
    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    overview_write_head(live->board, now_us, &json);
    json_writer_key(&json, "bridges");
    json_writer_begin_array(&json);
    TAILQ_FOREACH(bridge, &live->board->bridges, link) {
        if (!all && bridge->trail.changed <= since) {
            continue;
        }
        live_write_bridge(live, bridge, all, &json);
    }
    json_writer_end_array(&json);
    json_writer_key(&json, "problems");
    json_writer_raw(&json, live->problems);
    json_writer_end_object(&json);
    strbuf_append_text(out, "\n\n");
}

static enum http_more live_next(void *ctx, struct strbuf *out)
{
    struct live_watcher *watcher = ctx;
    struct live *live = watcher->live;

    if (watcher->epoch != live->epoch) {
        live_write(live, true, 0, out);
    } else if (watcher->look != live->look) {
        live_write(live, false, watcher->look, out);
    }
    watcher->epoch = live->epoch;
    watcher->look = live->look;
    return HTTP_WAIT;
}

static void live_end(void *ctx)
{
    struct live_watcher *watcher = ctx;

    watcher->live->watchers--;
    free(watcher);
}

static const struct http_source live_source = {.next = live_next, .free = live_end};

int live_answer(struct live *live, struct http_answer *answer)
{
    struct live_watcher *watcher = calloc(1, sizeof(*watcher));

    if (watcher == NULL) {
        return -1;
    }
    watcher->live = live;
    if (live->watchers++ == 0) {
        live_look(live, false); /* nobody had looked for changes */
    }
    answer->type = "text/event-stream";
    answer->source = &live_source;
    answer->source_ctx = watcher;
    return 0;
}

struct live *live_new(struct loop *loop, const struct board *board, const struct control *control,
                      void (*wake)(void *ctx), void *ctx)
{
    struct live *live = calloc(1, sizeof(*live));

    if (live == NULL) {
        return NULL;
    }
    *live = (struct live){
        .loop = loop, .board = board, .control = control, .wake = wake, .ctx = ctx, .epoch = 1};
    if (loop_timer_init(&live->timer, loop, live_on_timer, live) != 0) {
        free(live);
        return NULL;
    }
    loop_timer_set(&live->timer, 0);
    return live;
}

void live_free(struct live *live)
{
    if (live != NULL) {
        loop_timer_fini(&live->timer);
        health_look_fini(&live->health);
        free(live);
    }
}
