/* Advice on what is declared. For conf/advice.c alone. */
#ifndef CHUNNELD_CONF_ADVICE_TOPOLOGY_H
#define CHUNNELD_CONF_ADVICE_TOPOLOGY_H

#include "conf/loader.h"

/* Warns of exchanges and queues that no bridge, binding or argument names; those out of a file of
 * definitions may be somebody else's. And of sinks whose routing key no binding matches, where the
 * topology has some for that exchange. */
void conf_advise_topology(struct conf_loader *loader);

#endif
