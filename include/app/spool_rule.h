/* What becomes of the messages that the spool has of a bridge. */
#ifndef CHUNNELD_APP_SPOOL_RULE_H
#define CHUNNELD_APP_SPOOL_RULE_H

#include "base/slice.h"
#include "conf/config.h"

/* What a daemon with this configuration does with them: "enabled", it sends them; "disabled",
 * "without disk", "gone", it keeps them. Static. */
const char *spool_rule(const struct config *config, struct slice bridge);

#endif
