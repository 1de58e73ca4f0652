/* Carrying our own words to where the configuration wants them. Not for: what they are (stats.c,
 * events.c), nor when (stats_report.c). */
#include "ops/report.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/bridge.h"
#include "ops/report_source.h"

enum { REPORT_MEMORY = 16 * 1024 * 1024 };

#define STOP_US (CLOCK_US_PER_S / 2) /* that a broker gets for the last words */

struct report {
    struct report_setup setup;
    struct bridge_options options; /* of the bridge */
    struct source *source;         /* the bridge's */
    struct bridge *bridge;         /* to the exchange; NULL: none is wanted */
    struct loop_timer wake;        /* bridge_host's wake_in */
    struct loop_timer hurry;       /* the end of an orderly stop */
    struct loop_task told;         /* on_stopped is due */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
    bool started;
    bool stopping;
};

static void report_on_wake(void *ctx)
{
    bridge_wake(((struct report *)ctx)->bridge);
}

static void report_on_hurry(void *ctx)
{
    bridge_stop_now(((struct report *)ctx)->bridge);
}

static void report_wake_in(void *ctx, uint64_t delay_us)
{
    loop_timer_set(&((struct report *)ctx)->wake, delay_us);
}

static uint64_t report_now_us(void *ctx)
{
    return loop_now_us(((struct report *)ctx)->setup.loop);
}

static void report_on_state(void *ctx, struct bridge *bridge, enum bridge_state state,
                            const char *why)
{
    const struct report *report = ctx;

    (void)bridge;
    log_info("report", report->setup.name, bridge_state_name(state), log_text("why", why));
}

static void report_on_told(void *ctx)
{
    struct report *report = ctx;

    report->on_stopped(report->stopped_ctx);
}

static void report_on_bridge_stopped(void *ctx, struct bridge *bridge)
{
    struct report *report = ctx;

    (void)bridge;
    loop_timer_cancel(&report->wake);
    loop_timer_cancel(&report->hurry);
    loop_defer(report->setup.loop, &report->told);
}

static const struct bridge_host report_host = {
    .wake_in = report_wake_in,
    .now_us = report_now_us,
    .on_state = report_on_state,
    .on_stopped = report_on_bridge_stopped,
};

static int report_make_bridge(struct report *report)
{
    const struct report_setup *setup = &report->setup;
    struct bridge_setup parts = {
        .name = setup->name,
        .instance = setup->instance,
        .mapping = &setup->conf->sink.mapping,
        .options = &report->options,
        .host = &report_host,
        .host_ctx = report,
        .rand = setup->rand,
    };

    if (loop_timer_init(&report->wake, setup->loop, report_on_wake, report) != 0 ||
        loop_timer_init(&report->hurry, setup->loop, report_on_hurry, report) != 0) {
        return -1;
    }
    parts.source = report_source_new(setup->loop);
    parts.sink = rmq_sink_new(setup->rmq, &setup->conf->sink, &report->options, setup->name);
    if (parts.source != NULL && parts.sink != NULL) {
        report->bridge = bridge_new(&parts);
    }
    if (report->bridge == NULL) {
        endpoint_free_source(parts.source);
        endpoint_free_sink(parts.sink);
        return -1;
    }
    report->source = parts.source;
    return 0;
}

struct report *report_new(const struct report_setup *setup)
{
    struct report *report = calloc(1, sizeof(*report));

    if (report == NULL) {
        return NULL;
    }
    report->setup = *setup;
    report->options = (struct bridge_options){
        .ack_mode = ACK_ON_CONFIRM,
        .buffer_messages = setup->waiting,
        .buffer_memory = REPORT_MEMORY,
        .when_full = FULL_DROP_OLDEST,
        .retry_min_us = CLOCK_US_PER_S,
        .retry_max_us = 10 * CLOCK_US_PER_S,
        .on_unroutable = UNROUTABLE_DROP,
        .min_subscribers = 1,
    };
    loop_task_init(&report->told, report_on_told, report);
    if (setup->rmq != NULL && report_make_bridge(report) != 0) {
        report_free(report);
        return NULL;
    }
    if (setup->redis != NULL) {
        redis_hub_want_publisher(setup->redis);
    }
    return report;
}

void report_start(struct report *report)
{
    report->started = true;
    if (report->bridge != NULL) {
        bridge_start(report->bridge);
    }
}

void report_publish(struct report *report, struct slice body)
{
    if (!report->started || report->stopping) {
        return;
    }
    if (report->setup.redis != NULL) {
        /* While Redis is away nobody could hear it. */
        redis_hub_publish(report->setup.redis, slice_of(report->setup.conf->channel), body);
    }
    if (report->bridge != NULL) {
        report_source_give(report->source, body);
    }
}

void report_stop(struct report *report, void (*on_stopped)(void *ctx), void *ctx)
{
    report->stopping = true;
    report->on_stopped = on_stopped;
    report->stopped_ctx = ctx;
    if (report->bridge != NULL && report->started) {
        loop_timer_set(&report->hurry, STOP_US);
        bridge_stop(report->bridge);
    } else {
        loop_defer(report->setup.loop, &report->told);
    }
}

void report_free(struct report *report)
{
    if (report != NULL) {
        loop_task_cancel(report->setup.loop, &report->told);
        loop_timer_fini(&report->wake);
        loop_timer_fini(&report->hurry);
        bridge_free(report->bridge);
        free(report);
    }
}
