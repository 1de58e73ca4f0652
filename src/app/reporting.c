/* Making, starting and ending the reports. Not for: what is in them (ops/). */
#include "app/reporting.h"

#include <stdlib.h>

#include "conf/compare.h"
#include "ops/events.h"
#include "ops/stats.h"

enum {
    STATS_WAITING = 16,    /* that wait for the broker: old ones are of little use */
    HUBS_MAX = 4,          /* a Redis and an AMQP one for either */
    EVENTS_WAITING = 4096, /* likewise: these tell what happened meanwhile */
};

struct reporting {
    struct wiring *wiring;
    struct config *config;            /* referenced: its rules */
    struct wired_hub *hubs[HUBS_MAX]; /* in use; NULL: none */
    size_t hub_count;
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

static struct wired_hub *reporting_use(struct reporting *reporting,
                                       const struct conf_connection *conf)
{
    struct wired_hub *hub = wiring_find_hub(reporting->wiring, conf->name);

    reporting->hubs[reporting->hub_count++] = wiring_use_hub(hub);
    return hub;
}

static struct report *reporting_make(struct reporting *reporting, const struct conf_report *conf,
                                     const char *name, uint64_t waiting)
{
    struct wiring *wiring = reporting->wiring;
    struct report_setup setup = {
        .loop = wiring->loop,
        .name = name,
        .instance = wiring->board.instance,
        .conf = conf,
        .rand = &wiring->rand,
        .waiting = waiting,
    };

    if (conf->channel != NULL) {
        setup.redis = reporting_use(reporting, conf->connection)->redis;
    }
    if (conf->sink.mapping.exchange != NULL) {
        setup.rmq = reporting_use(reporting, conf->sink.connection)->rmq;
    }
    return report_new(&setup);
}

static int reporting_make_stats(struct reporting *reporting)
{
    struct wiring *wiring = reporting->wiring;
    const struct conf_stats *conf = &reporting->config->stats;

    if (!reporting_is_wanted(&conf->report)) {
        return 0;
    }
    reporting->stats_to = reporting_make(reporting, &conf->report, "stats", STATS_WAITING);
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
    const struct conf_report *conf = &reporting->config->events;

    if (!reporting_is_wanted(conf)) {
        return 0;
    }
    reporting->events_to = reporting_make(reporting, conf, "events", EVENTS_WAITING);
    if (reporting->events_to == NULL) {
        return -1;
    }
    reporting->events = events_new(wiring->loop, wiring->board.instance, reporting->events_to);
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
    reporting->config = config_ref(wiring->config);
    loop_task_init(&reporting->told, reporting_on_told, reporting);
    if (reporting_make_stats(reporting) != 0 || reporting_make_events(reporting) != 0) {
        reporting_free(reporting);
        return NULL;
    }
    return reporting;
}

bool reporting_is_current(const struct reporting *reporting)
{
    const struct config *config = reporting->wiring->config;

    for (size_t i = 0; i < reporting->hub_count; i++) {
        if (reporting->hubs[i]->retired) {
            return false;
        }
    }
    return conf_main_is_equal("stats", reporting->config, config) &&
           conf_main_is_equal("events", reporting->config, config);
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
        for (size_t i = 0; i < reporting->hub_count; i++) {
            wiring_leave_hub(reporting->wiring, reporting->hubs[i]);
        }
        config_free(reporting->config);
        free(reporting);
    }
}
