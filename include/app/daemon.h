/* The daemon as it runs: from a loaded configuration to its orderly end. */
#ifndef CHUNNELD_APP_DAEMON_H
#define CHUNNELD_APP_DAEMON_H

#include "conf/config.h"

/* Runs until SIGTERM or SIGINT and the stop that they begin; returns the exit status
 * (sysexits.h). */
int daemon_run(struct config *config);

#endif
