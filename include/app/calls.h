/* Calls as part of a unit: the sink of a bridge with "rpc", with the three endpoints that it is
 * made of, and a timer. */
#ifndef CHUNNELD_APP_CALLS_H
#define CHUNNELD_APP_CALLS_H

#include "app/unit.h"
#include "core/rpc.h"

struct calls;

/* For the configuration of `unit`, which outlives it. *out_sink is the caller's, and must be freed
 * before the calls. NULL: out of memory. */
struct calls *calls_new(const struct unit *unit, struct sink **out_sink);
/* NULL is legal. */
void calls_free(struct calls *calls);
/* What the bridge maps with: nothing, the sink does it. */
const struct mapping *calls_mapping(const struct calls *calls);
const struct rpc_counters *calls_counters(const struct calls *calls);

#endif
