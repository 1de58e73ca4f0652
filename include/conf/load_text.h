/* A configuration from memory: for tests and fuzzing, where no file may be looked at. */
#ifndef CHUNNELD_CONF_LOAD_TEXT_H
#define CHUNNELD_CONF_LOAD_TEXT_H

#include "base/slice.h"
#include "conf/load.h"

/* As config_load(), of `text`, which problems call `name`. "include", password files, definitions
 * and certificates are checked as words, but not opened. */
struct config *config_load_text(const char *name, struct slice text, conf_on_problem on_problem,
                                void *ctx);

#endif
