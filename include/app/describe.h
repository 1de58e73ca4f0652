/* The ends of a bridge in words for people. */
#ifndef CHUNNELD_APP_DESCRIBE_H
#define CHUNNELD_APP_DESCRIBE_H

#include "conf/config.h"

/* "channel orders", "queue audit", "exchange logs (#)"; the caller frees it. NULL: out of memory.
 */
char *describe_source(const struct conf_source *source);
char *describe_sink(const struct conf_sink *sink);

#endif
