/* Bridges that feed each other: each message would go round for ever, and be doubled at each turn
 * where two circles touch. For conf/ alone. */
#ifndef CHUNNELD_CONF_CIRCLE_H
#define CHUNNELD_CONF_CIRCLE_H

#include "conf/loader.h"

/* Says which enabled bridges feed themselves, by way of others or not. Only what is certain is
 * said: sinks whose names are the same for every message, and exchanges whose type and bindings
 * the topology declares. */
void conf_circle_check(struct conf_loader *loader);

#endif
