/* Calls as part of a unit: the sink of a bridge with "rpc", with the three endpoints that it is
 * made of, and a timer. */
#ifndef CHUNNELD_APP_CALLS_H
#define CHUNNELD_APP_CALLS_H

#include "app/hubs.h"
#include "app/unit.h"
#include "core/rpc.h"

struct calls;

/* For the rule `conf` of `unit`, on the hubs of its two sides; all are borrowed and outlive it, as
 * does `family`. *out_sink is the caller's, and must be freed before the calls. NULL: out of
 * memory. */
struct calls *calls_new(const struct unit *unit, const struct conf_bridge *conf,
                        const struct wired_hub *from, const struct wired_hub *to,
                        struct rpc_family *family, struct sink **out_sink);
/* NULL is legal. */
void calls_free(struct calls *calls);
/* What the bridge maps with: nothing, the sink does it. */
const struct mapping *calls_mapping(const struct calls *calls);

#endif
