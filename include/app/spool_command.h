/* chunneld spool list | export NAME | purge NAME: the spool in the hands of its operator, while no
 * daemon uses it. */
#ifndef CHUNNELD_APP_SPOOL_COMMAND_H
#define CHUNNELD_APP_SPOOL_COMMAND_H

#include "app/options.h"
#include "conf/config.h"

/* Does what the spool action of `options` says; results on stdout, words for people on stderr. The
 * exit status: 0, 64 the spool has nothing of that name, 69 a daemon uses it, 74 it cannot be read
 * or written, or part of what was asked for is damaged, 78 the configuration has no spool. */
int spool_command_run(const struct options *options, const struct config *config);

#endif
