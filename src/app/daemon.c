/* The daemon as it runs: signals, reports, the order of starting and of stopping. Not
 * for: the objects themselves (wiring.c). */
#include "app/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/access.h"
#include "app/notify.h"
#include "app/readiness.h"
#include "app/reload.h"
#include "app/reporting.h"
#include "app/spooling.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "core/delivery.h"

/* Bytes of freed deliveries that are kept: a few thousand small ones, more than come or are settled
 * in a turn of the loop. The sanitizer tells the use of a freed one only where none is kept. */
enum { KEPT_DELIVERIES = SANITIZED ? 0 : 1 << 20 };

enum daemon_phase {
    DAEMON_RUNNING,  /* until a signal; no timer */
    DAEMON_STOPPING, /* bridges finish; `timer` hurries them */
    DAEMON_HURRYING, /* bridges give up what is left; `timer` ends the process */
    DAEMON_CLOSING,  /* connections and the spool close; `timer` ends the process */
    DAEMON_CLOSED,   /* all that was to be done is done */
};

struct daemon {
    struct config *config;
    struct loop *loop;
    struct spooling *spooling; /* NULL: no spool */
    struct wiring *wiring;
    struct readiness *readiness;
    struct access *access;
    struct reporting *reporting;
    struct reporting *old_reporting; /* by the configuration before; stops */
    struct loop_task drop;           /* frees that */
    struct loop_timer timer;         /* see enum daemon_phase */
    bool keeps_log_level;            /* the command line wins over the configuration */
    enum daemon_phase phase;
    bool connections_closed;
    bool spool_closed;         /* or there is none */
    uint64_t stop_deadline_us; /* monotonic; the process has ended by then */
};

/* The share of shutdown_timeout that is kept for giving up in an orderly way. */
static uint64_t daemon_hurry_us(const struct daemon *daemon)
{
    uint64_t quarter = daemon->wiring->config->shutdown_timeout_us / 4;

    return quarter < CLOCK_US_PER_S ? quarter : CLOCK_US_PER_S;
}

static void daemon_on_change(void *ctx)
{
    struct daemon *daemon = ctx;

    if (daemon->readiness != NULL) {
        readiness_update(daemon->readiness);
    }
}

static void daemon_on_started(void *ctx, struct unit *unit)
{
    struct daemon *daemon = ctx;

    access_on_unit_started(daemon->access, unit);
}

static void daemon_end_closing(struct daemon *daemon)
{
    if (daemon->connections_closed && daemon->spool_closed) {
        daemon->phase = DAEMON_CLOSED;
        loop_stop(daemon->loop);
    }
}

static void daemon_on_connections_closed(void *ctx)
{
    struct daemon *daemon = ctx;

    daemon->connections_closed = true;
    daemon_end_closing(daemon);
}

static void daemon_on_spool_closed(void *ctx)
{
    struct daemon *daemon = ctx;

    daemon->spool_closed = true;
    daemon_end_closing(daemon);
}

static void daemon_on_reporting_stopped(void *ctx)
{
    struct daemon *daemon = ctx;

    wiring_close(daemon->wiring);
}

/* The spool does not wait for the connections: a broker that has fallen silent says no goodbye. */
static void daemon_on_bridges_stopped(void *ctx)
{
    struct daemon *daemon = ctx;

    daemon->phase = DAEMON_CLOSING;
    reporting_stop(daemon->reporting, daemon_on_reporting_stopped, daemon);
    if (daemon->spooling != NULL) {
        spooling_close(daemon->spooling, daemon_on_spool_closed, daemon);
    } else {
        daemon->spool_closed = true;
    }
}

static const struct wiring_events daemon_wiring_events = {
    .on_change = daemon_on_change,
    .on_started = daemon_on_started,
    .on_bridges_stopped = daemon_on_bridges_stopped,
    .on_closed = daemon_on_connections_closed,
};

static void daemon_on_timer(void *ctx)
{
    struct daemon *daemon = ctx;
    uint64_t now = loop_now_us(daemon->loop);

    if (daemon->phase == DAEMON_STOPPING) {
        daemon->phase = DAEMON_HURRYING;
        log_warn("daemon", NULL, "shutdown_timeout is nearly over: giving up what did not go out");
        loop_timer_set(&daemon->timer,
                       daemon->stop_deadline_us > now ? daemon->stop_deadline_us - now : 0);
        wiring_stop_now(daemon->wiring);
        return;
    }
    loop_stop(daemon->loop);
}

static void daemon_on_stop_signal(void *ctx, int signal_number)
{
    struct daemon *daemon = ctx;
    uint64_t timeout = daemon->wiring->config->shutdown_timeout_us;

    if (daemon->phase != DAEMON_RUNNING) {
        /* The second one: whoever sends it does not want to wait. */
        log_warn("daemon", NULL, "second signal, leaving at once",
                 log_number("signal", signal_number));
        _exit(128 + signal_number);
    }
    log_info("daemon", NULL, "stopping", log_number("signal", signal_number));
    notify_send("STOPPING=1\nSTATUS=stopping");
    daemon->phase = DAEMON_STOPPING;
    daemon->stop_deadline_us = loop_touch(daemon->loop) + timeout;
    loop_timer_set(&daemon->timer, timeout - daemon_hurry_us(daemon));
    wiring_stop(daemon->wiring);
}

static void daemon_on_old_reporting_stopped(void *ctx)
{
    struct daemon *daemon = ctx;

    loop_defer(daemon->loop, &daemon->drop);
}

/* The reports of the configuration in force, where they are not what they were. Those from before
 * stop first: a reload meanwhile waits for that. */
static void daemon_renew_reporting(struct daemon *daemon)
{
    struct reporting *fresh;

    if (daemon->old_reporting != NULL || reporting_is_current(daemon->reporting)) {
        return;
    }
    fresh = reporting_new(daemon->wiring);
    if (fresh == NULL) {
        log_error("reload", NULL, "stats and events left as they were",
                  log_text("why", "out of memory"));
        return;
    }
    daemon->old_reporting = daemon->reporting;
    daemon->reporting = fresh;
    reporting_stop(daemon->old_reporting, daemon_on_old_reporting_stopped, daemon);
    reporting_start(fresh);
}

static void daemon_on_drop(void *ctx)
{
    struct daemon *daemon = ctx;

    reporting_free(daemon->old_reporting);
    daemon->old_reporting = NULL;
    if (daemon->phase == DAEMON_RUNNING) {
        daemon_renew_reporting(daemon);
    }
}

static void daemon_apply_rest(struct daemon *daemon)
{
    const struct config *config = daemon->wiring->config;

    log_configure(daemon->keeps_log_level ? log_get_level() : config->log_level,
                  config->log_format);
    daemon_renew_reporting(daemon);
    budget_set_ceiling(&daemon->wiring->budget, config->limits.memory);
    readiness_update(daemon->readiness);
}

/* Signals come one by one, and each is dealt with whole: a second one finds the first applied. */
static bool daemon_reload(void *ctx, struct strbuf *problems, struct strbuf *fixed)
{
    struct daemon *daemon = ctx;
    char state[64];

    if (daemon->phase != DAEMON_RUNNING) {
        return false;
    }
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             loop_touch(daemon->loop));
    notify_send(state);
    if (reload_run(daemon->wiring, daemon->config, problems, fixed)) {
        daemon_apply_rest(daemon);
    }
    notify_send("READY=1");
    return true;
}

static void daemon_on_reload_signal(void *ctx, int signal_number)
{
    (void)signal_number;
    daemon_reload(ctx, NULL, NULL);
}

/* 0, or the exit status and words in `err`. */
static int daemon_open_spool(struct daemon *daemon, struct err *err)
{
    if (!daemon->config->has_spool) {
        return EX_OK;
    }
    switch (spooling_new(daemon->loop, daemon->config, &daemon->spooling, err)) {
    case SPOOLING_OPENED:
        return EX_OK;
    case SPOOLING_LOCKED:
        return EX_UNAVAILABLE;
    case SPOOLING_FAILED:
        break;
    }
    return EX_IOERR;
}

/* 0, or the exit status and words in `err`. */
static int daemon_make(struct daemon *daemon, struct err *err)
{
    int status;

    daemon->loop = loop_new(err);
    if (daemon->loop == NULL) {
        return EX_UNAVAILABLE;
    }
    status = daemon_open_spool(daemon, err);
    if (status != EX_OK) {
        return status;
    }
    daemon->wiring = wiring_new(daemon->loop, daemon->config, daemon->spooling,
                                &daemon_wiring_events, daemon, err);
    if (daemon->wiring == NULL) {
        return EX_CONFIG; /* a certificate or a key that is none */
    }
    err_set(err, "out of memory");
    loop_task_init(&daemon->drop, daemon_on_drop, daemon);
    daemon->reporting = reporting_new(daemon->wiring);
    if (daemon->reporting == NULL ||
        loop_timer_init(&daemon->timer, daemon->loop, daemon_on_timer, daemon) != 0 ||
        loop_on_signal(daemon->loop, SIGTERM, daemon_on_stop_signal, daemon) != 0 ||
        loop_on_signal(daemon->loop, SIGINT, daemon_on_stop_signal, daemon) != 0 ||
        loop_on_signal(daemon->loop, SIGHUP, daemon_on_reload_signal, daemon) != 0) {
        return EX_OSERR;
    }
    daemon->readiness = readiness_new(daemon->loop, daemon->wiring);
    if (daemon->readiness == NULL) {
        return EX_OSERR;
    }
    daemon->access = access_new(daemon->wiring, daemon->config, err);
    if (daemon->access == NULL) {
        return EX_UNAVAILABLE;
    }
    access_on_reload(daemon->access, daemon_reload, daemon);
    return EX_OK;
}

static void daemon_free(struct daemon *daemon)
{
    access_free(daemon->access);
    readiness_free(daemon->readiness);
    loop_task_cancel(daemon->loop, &daemon->drop);
    reporting_free(daemon->old_reporting);
    reporting_free(daemon->reporting);
    loop_timer_fini(&daemon->timer);
    wiring_free(daemon->wiring);
    spooling_free(daemon->spooling);
    delivery_keep_freed(0);
    loop_free(daemon->loop);
}

static void daemon_mask_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

void daemon_hold_signals(void)
{
    daemon_mask_signals(SIG_BLOCK);
}

/* The process ends with bridges unfinished, the spool unwritten or connections open: time is over.
 */
static void daemon_leave(const struct daemon *daemon)
{
    uint64_t unwritten = spooling_unwritten(daemon->spooling);

    log_error("daemon", NULL,
              daemon->phase == DAEMON_CLOSING
                  ? "shutdown_timeout is over, leaving before all was closed"
                  : "shutdown_timeout is over, leaving with bridges unfinished",
              log_number("not_on_disk", unwritten));
    _exit(unwritten > 0 ? EX_IOERR : EX_OK);
}

int daemon_run(struct config *config, bool keeps_log_level)
{
    struct daemon daemon = {
        .config = config, .phase = DAEMON_RUNNING, .keeps_log_level = keeps_log_level};
    struct rand rand;
    struct err err = {""};
    int status;

    rand_init(&rand);
    delivery_set_process(rand_next(&rand) | 1);
    delivery_keep_freed(KEPT_DELIVERIES);
    status = daemon_make(&daemon, &err);
    if (status != EX_OK) {
        log_error("daemon", NULL, "cannot start", log_text("why", err.text));
        daemon_free(&daemon);
        return status;
    }
    log_info("daemon", NULL, "started", log_text("version", PACKAGE_VERSION),
             log_text("instance", config->instance), log_text("config", config->file));
    reporting_start(daemon.reporting);
    wiring_start(daemon.wiring);
    daemon_mask_signals(SIG_UNBLOCK);
    loop_run(daemon.loop);
    if (daemon.phase != DAEMON_CLOSED) {
        daemon_leave(&daemon);
    }
    log_info("daemon", NULL, "stopped");
    daemon_free(&daemon);
    return EX_OK;
}
