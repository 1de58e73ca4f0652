/* The daemon as it runs: from a loaded configuration to its orderly end. */
#ifndef CHUNNELD_APP_DAEMON_H
#define CHUNNELD_APP_DAEMON_H

#include <stdbool.h>

#include "conf/config.h"

/* From now on SIGTERM, SIGINT and SIGHUP wait for daemon_run(), which obeys them when it can: none
 * ends the process while it reads its configuration. */
void daemon_hold_signals(void);

/* Runs until SIGTERM or SIGINT and the stop that they begin; returns the exit status
 * (sysexits.h). A reload leaves the level of the log alone with `keeps_log_level`. */
int daemon_run(struct config *config, bool keeps_log_level);

#endif
