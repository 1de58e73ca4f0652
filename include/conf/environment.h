/* ${NAME} and ${NAME:-default} in strings of the configuration. For conf/ alone. */
#ifndef CHUNNELD_CONF_ENVIRONMENT_H
#define CHUNNELD_CONF_ENVIRONMENT_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"

/* Appends `text` with its variables replaced. As in the shell, the default also stands in for a
 * variable that is set but empty. -1 and words in `err` (values of variables are never in them),
 * with the byte in `text` where the trouble begins in *out_index. */
int conf_environment_expand(struct slice text, struct strbuf *out, struct err *err,
                            size_t *out_index);

#endif
