/* Reading the configuration: files, includes and environment to a checked struct config. The only
 * way in for main and app. */
#ifndef CHUNNELD_CONF_LOAD_H
#define CHUNNELD_CONF_LOAD_H

#include <stddef.h>

#include "base/strbuf.h"
#include "conf/config.h"

/* Takes each problem, in the order of the files: a line without its newline,
 * "FILE:LINE:COLUMN: /json/pointer: what is wrong, and what would be right". */
typedef void (*conf_on_problem)(void *ctx, const char *line);

/* Reads and checks `file` and all it includes; connects to nothing, but reads password files.
 * Every problem is reported, not only the first. The configuration (config_free()), or NULL after
 * at least one problem. What is no error but hardly meant is in its `warnings`, lines
 * "FILE:LINE:COLUMN: warning: /json/pointer: what, and what would be right". */
struct config *config_load(const char *file, conf_on_problem on_problem, void *ctx);

/* Appends the effective configuration as indented JSON, a newline behind it: includes merged,
 * defaults filled in, every secret as "***" (also inside URLs). */
void config_print(const struct config *config, struct strbuf *out);

#endif
