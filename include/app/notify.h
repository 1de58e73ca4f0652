/* Telling the service manager how it goes (sd_notify(3)); without one, or built without libsystemd,
 * nothing happens. */
#ifndef CHUNNELD_APP_NOTIFY_H
#define CHUNNELD_APP_NOTIFY_H

#include <stdint.h>

/* Sends `state`, lines such as "READY=1" or "STATUS=...". */
void notify_send(const char *state);
/* How often the manager wants WATCHDOG=1, in µs; 0: not at all. */
uint64_t notify_watchdog_us(void);

#endif
