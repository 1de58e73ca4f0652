/* Making, starting and ending the reports. Not for: what is in them (ops/). */
#include "app/reporting.h"

#include <stdlib.h>

#include "ops/events.h"
#include "ops/stats.h"

enum {
    STATS_WAITING = 16,    /* that wait for the broker: old ones are of little use */
    EVENTS_WAITING = 4096, /* likewise: these tell what happened meanwhile */
};

struct reporting {
    struct wiring *wiring;
    struct report *stats_to;    /* NULL: not wanted */
    struct stats_report *stats; /* likewise */
    struct report *events_to;   /* likewise */
    struct events *events;      /* likewise */
    struct loop_task told;      /* nothing had to be stopped */
    void (*on_stopped)(void *ctx);
    void *stopped_ctx;
    size_t open; /* reports not yet stopped */
};

static bool reporting_is_wanted(const struct conf_report *conf)
{
    return conf->channel != NULL || conf->sink.mapping.exchange != NULL;
}

static struct report *reporting_make(struct wiring *wiring, const struct conf_report *conf,
                                     const char *name, uint64_t waiting)
{
    struct report_setup setup = {
        .loop = wiring->loop,
        .name = name,
        .instance = wiring->config->instance,
        .conf = conf,
        .rand = &wiring->rand,
        .waiting = waiting,
    };

    if (conf->channel != NULL) {
        setup.redis = wiring_find_hub(wiring, conf->connection->name)->redis;
    }
    if (conf->sink.mapping.exchange != NULL) {
        setup.rmq = wiring_find_hub(wiring, conf->sink.connection->name)->rmq;
    }
    return report_new(&setup);
}

static int reporting_make_stats(struct reporting *reporting)
{
    struct wiring *wiring = reporting->wiring;
    const struct conf_stats *conf = &wiring->config->stats;

    if (!reporting_is_wanted(&conf->report)) {
        return 0;
    }
    reporting->stats_to = reporting_make(wiring, &conf->report, "stats", STATS_WAITING);
    if (reporting->stats_to == NULL) {
        return -1;
    }
    reporting->stats =
        stats_report_new(wiring->loop, &wiring->board, reporting->stats_to, conf->interval_us);
    return reporting->stats != NULL ? 0 : -1;
}

static int reporting_make_events(struct reporting *reporting)
{
    struct wiring *wiring = reporting->wiring;
    const struct conf_report *conf = &wiring->config->events;

    if (!reporting_is_wanted(conf)) {
        return 0;
    }
    reporting->events_to = reporting_make(wiring, conf, "events", EVENTS_WAITING);
    if (reporting->events_to == NULL) {
        return -1;
    }
    reporting->events = events_new(wiring->loop, wiring->config->instance, reporting->events_to);
    return reporting->events != NULL ? 0 : -1;
}

static void reporting_on_told(void *ctx)
{
    struct reporting *reporting = ctx;

    reporting->on_stopped(reporting->stopped_ctx);
}

struct reporting *reporting_new(struct wiring *wiring)
{
    struct reporting *reporting = calloc(1, sizeof(*reporting));

    if (reporting == NULL) {
        return NULL;
    }
    reporting->wiring = wiring;
    loop_task_init(&reporting->told, reporting_on_told, reporting);
    if (reporting_make_stats(reporting) != 0 || reporting_make_events(reporting) != 0) {
        reporting_free(reporting);
        return NULL;
    }
    return reporting;
}

void reporting_start(struct reporting *reporting)
{
    if (reporting->stats_to != NULL) {
        report_start(reporting->stats_to);
    }
    if (reporting->events_to != NULL) {
        report_start(reporting->events_to);
    }
}

static void reporting_on_report_stopped(void *ctx)
{
    struct reporting *reporting = ctx;

    if (--reporting->open == 0) {
        loop_defer(reporting->wiring->loop, &reporting->told);
    }
}

void reporting_stop(struct reporting *reporting, void (*on_stopped)(void *ctx), void *ctx)
{
    reporting->on_stopped = on_stopped;
    reporting->stopped_ctx = ctx;
    reporting->open = (reporting->stats_to ? 1u : 0u) + (reporting->events_to ? 1u : 0u);
    if (reporting->stats_to != NULL) {
        stats_report_publish(reporting->stats);
        stats_report_free(reporting->stats);
        reporting->stats = NULL;
        report_stop(reporting->stats_to, reporting_on_report_stopped, reporting);
    }
    if (reporting->events_to != NULL) {
        events_flush(reporting->events);
        events_free(reporting->events);
        reporting->events = NULL;
        report_stop(reporting->events_to, reporting_on_report_stopped, reporting);
    }
    if (reporting->open == 0) {
        loop_defer(reporting->wiring->loop, &reporting->told);
    }
}

void reporting_free(struct reporting *reporting)
{
    if (reporting != NULL) {
        loop_task_cancel(reporting->wiring->loop, &reporting->told);
        events_free(reporting->events);
        stats_report_free(reporting->stats);
        report_free(reporting->events_to);
        report_free(reporting->stats_to);
        free(reporting);
    }
}
