/* A source inside the daemon. For: ops/report.c. Not for: messages of servers. */
#include "ops/report_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct report_source {
    struct source base; /* first */
    struct loop *loop;
    struct loop_task step; /* an event is due that an operation may not make */
    size_t given;          /* deliveries not yet settled */
    bool started;
    bool ready; /* the bridge was told so */
    bool stopping;
    bool stopped; /* on_stopped was made */
};

static struct report_source *source_of(struct source *base)
{
    return (struct report_source *)base;
}

static void report_source_on_step(void *ctx)
{
    struct report_source *source = ctx;

    if (source->started && !source->ready && !source->stopping) {
        source->ready = true;
        source->base.events->on_link(source->base.ctx, ENDPOINT_READY, NULL);
    }
    if (source->stopping && !source->stopped && source->given == 0) {
        source->stopped = true;
        source->base.events->on_stopped(source->base.ctx);
    }
}

static void report_source_start(struct source *base)
{
    source_of(base)->started = true;
    loop_defer(source_of(base)->loop, &source_of(base)->step);
}

/* Its bridge drops the oldest where there is no room; it has no need to pause. */
static void report_source_nothing(struct source *base)
{
    (void)base;
}

static void report_source_settle(struct source *base, struct delivery *delivery,
                                 enum settlement how)
{
    (void)how;
    source_of(base)->given--;
    delivery_free(delivery);
    if (source_of(base)->stopping) {
        loop_defer(source_of(base)->loop, &source_of(base)->step);
    }
}

static void report_source_stop(struct source *base)
{
    source_of(base)->stopping = true;
    loop_defer(source_of(base)->loop, &source_of(base)->step);
}

static void report_source_free(struct source *base)
{
    loop_task_cancel(source_of(base)->loop, &source_of(base)->step);
    free(source_of(base));
}

static const struct source_ops report_source_ops = {
    .start = report_source_start,
    .pause = report_source_nothing,
    .resume = report_source_nothing,
    .settle = report_source_settle,
    .stop = report_source_stop,
    .free = report_source_free,
};

struct source *report_source_new(struct loop *loop)
{
    struct report_source *source = calloc(1, sizeof(*source));

    if (source == NULL) {
        return NULL;
    }
    source->base.ops = &report_source_ops;
    source->loop = loop;
    loop_task_init(&source->step, report_source_on_step, source);
    return &source->base;
}

void report_source_give(struct source *base, struct slice body)
{
    struct report_source *source = source_of(base);
    struct delivery *delivery;
    char *data;

    if (!source->started || source->stopping) {
        return;
    }
    delivery = delivery_new(body.len, &data);
    if (delivery == NULL) {
        return;
    }
    memcpy(data, body.data, body.len);
    delivery->body = slice_make(data, body.len);
    delivery->received_us = loop_now_us(source->loop);
    delivery->wall_us = clock_wall_us();
    source->given++;
    source->base.events->on_delivery(source->base.ctx, delivery);
}
