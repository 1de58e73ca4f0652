/* The service manager is told by libsystemd. */
#include <systemd/sd-daemon.h>

#include "app/notify.h"

void notify_send(const char *state)
{
    sd_notify(0, state);
}

uint64_t notify_watchdog_us(void)
{
    uint64_t interval_us = 0;

    return sd_watchdog_enabled(0, &interval_us) > 0 ? interval_us : 0;
}
