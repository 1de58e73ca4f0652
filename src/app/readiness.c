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

/* A bridge had its first chance once it ran, or once there are words for why it does not. */
static bool readiness_had_chance(struct wired_bridge *wired)
{
    if (!wired->had_chance && bridge_get_last_error(wired->bridge) != NULL) {
        wired->had_chance = true;
    }
    return wired->had_chance;
}

static void readiness_count(struct wiring *wiring, size_t *out_running, size_t *out_chances)
{
    size_t i;

    *out_running = 0;
    *out_chances = 0;
    for (i = 0; i < wiring->bridge_count; i++) {
        if (bridge_get_state(wiring->bridges[i].bridge) == BRIDGE_RUNNING) {
            (*out_running)++;
        }
        if (readiness_had_chance(&wiring->bridges[i])) {
            (*out_chances)++;
        }
    }
}

static void readiness_on_update(void *ctx)
{
    struct readiness *readiness = ctx;
    size_t all = readiness->wiring->bridge_count;
    char status[READINESS_STATUS_SIZE];
    size_t running;
    size_t chances;

    if (readiness->wiring->stopping) {
        return;
    }
    readiness_count(readiness->wiring, &running, &chances);
    snprintf(status, sizeof(status), "STATUS=%zu of %zu bridges running", running, all);
    if (strcmp(status, readiness->status) != 0) {
        memcpy(readiness->status, status, sizeof(status));
        notify_send(status);
    }
    if (!readiness->ready && chances == all) {
        readiness->ready = true;
        loop_timer_cancel(&readiness->look);
        notify_send("READY=1");
        log_info("daemon", NULL, "ready", log_number("bridges", all),
                 log_number("running", running));
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
