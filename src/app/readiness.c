/* READY, STATUS and WATCHDOG. Not for: how they reach the service manager (notify_*.c). */
#include "app/readiness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/notify.h"
#include "base/clock.h"
#include "base/log.h"

enum { READINESS_STATUS_SIZE = 160 };

struct readiness {
    struct loop *loop;
    struct wiring *wiring;
    struct loop_timer look;     /* until ready: looks again for bridges that had an error */
    struct loop_timer watchdog; /* set where the manager wants it */
    struct loop_task update;    /* one look a turn, however many bridges changed */
    uint64_t watchdog_us;       /* half of what the manager allows; 0: not wanted */
    bool ready;                 /* READY was sent */
    char status[READINESS_STATUS_SIZE];
};

#define READINESS_LOOK_US (50 * CLOCK_US_PER_MS)

/* How the enabled bridges go. One had its first chance once it ran, or once there are words for why
 * it does not. */
struct readiness_count {
    size_t all;
    size_t running;
    size_t chances;
};

static struct readiness_count readiness_count(const struct wiring *wiring)
{
    struct readiness_count count = {0, 0, 0};
    struct unit *unit = NULL;

    while ((unit = wiring_next_unit(wiring, unit)) != NULL) {
        struct bridge_status status;

        if (!unit->shown.enabled) {
            continue;
        }
        unit->ops->get_status(unit, loop_now_us(wiring->loop), &status);
        unit->had_chance |= status.last_error != NULL;
        count.all++;
        count.running += status.state == BRIDGE_RUNNING;
        count.chances += unit->had_chance;
    }
    return count;
}

static void readiness_on_update(void *ctx)
{
    struct readiness *readiness = ctx;
    char status[READINESS_STATUS_SIZE];
    struct readiness_count count;

    if (readiness->wiring->stopping) {
        return;
    }
    count = readiness_count(readiness->wiring);
    snprintf(status, sizeof(status), "STATUS=%zu of %zu bridges running", count.running, count.all);
    if (strcmp(status, readiness->status) != 0) {
        memcpy(readiness->status, status, sizeof(status));
        notify_send(status);
    }
    if (!readiness->ready && count.chances == count.all) {
        readiness->ready = true;
        loop_timer_cancel(&readiness->look);
        notify_send("READY=1");
        log_info("daemon", NULL, "ready", log_number("bridges", count.all),
                 log_number("running", count.running));
    }
    if (!readiness->ready) {
        loop_timer_set(&readiness->look, READINESS_LOOK_US);
    }
}

static void readiness_on_watchdog(void *ctx)
{
    struct readiness *readiness = ctx;

    notify_send("WATCHDOG=1");
    loop_timer_set(&readiness->watchdog, readiness->watchdog_us);
}

struct readiness *readiness_new(struct loop *loop, struct wiring *wiring)
{
    struct readiness *readiness = calloc(1, sizeof(*readiness));

    if (readiness == NULL) {
        return NULL;
    }
    readiness->loop = loop;
    readiness->wiring = wiring;
    readiness->watchdog_us = notify_watchdog_us() / 2;
    loop_task_init(&readiness->update, readiness_on_update, readiness);
    if (loop_timer_init(&readiness->look, loop, readiness_on_update, readiness) != 0 ||
        loop_timer_init(&readiness->watchdog, loop, readiness_on_watchdog, readiness) != 0) {
        readiness_free(readiness);
        return NULL;
    }
    if (readiness->watchdog_us > 0) {
        loop_timer_set(&readiness->watchdog, readiness->watchdog_us);
    }
    loop_defer(loop, &readiness->update);
    return readiness;
}

void readiness_update(struct readiness *readiness)
{
    loop_defer(readiness->loop, &readiness->update);
}

void readiness_free(struct readiness *readiness)
{
    if (readiness != NULL) {
        loop_task_cancel(readiness->loop, &readiness->update);
        loop_timer_fini(&readiness->look);
        loop_timer_fini(&readiness->watchdog);
        free(readiness);
    }
}
