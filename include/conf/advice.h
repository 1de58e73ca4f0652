/* What is no error in a configuration but hardly meant. For conf/ alone. */
#ifndef CHUNNELD_CONF_ADVICE_H
#define CHUNNELD_CONF_ADVICE_H

#include "conf/loader.h"

/* Warns of enabled bridges that consume one queue, or send one message to one place twice; of
 * topology that nobody uses, and of routing keys that no binding matches. For a configuration
 * without problems. */
void conf_advise(struct conf_loader *loader);

#endif
