/* The inside of a bridge as a unit, shared by bridge_unit.c (its life) and bridge_ends.c (its ends,
 * at the start and at a change) alone. */
#ifndef CHUNNELD_APP_BRIDGE_UNIT_H
#define CHUNNELD_APP_BRIDGE_UNIT_H

#include "app/calls.h"
#include "app/unit.h"
#include "app/wiring.h"

enum bridge_hub { BRIDGE_SOURCE_HUB, BRIDGE_SINK_HUB, BRIDGE_DEAD_HUB, BRIDGE_HUBS };

/* What the ends of a bridge borrow: references that last as long as they do. */
struct bridge_parts {
    struct config *config;
    struct config *source_config; /* of old parts: where the rule of the source is; NULL: in config,
                                   * or the source stays */
    struct wired_hub *hubs[BRIDGE_HUBS]; /* NULL: no such end */
    struct calls *calls; /* owned: what the sink is made of, with "rpc"; NULL otherwise */
};

struct bridge_unit {
    struct unit unit; /* first */
    struct bridge *bridge;
    struct source *source; /* the bridge's own */
    bool is_redis_source;
    const struct conf_bridge *source_conf; /* from which it was made, before some change maybe */
    struct config *source_config;          /* referenced: where that is */
    struct rpc_family family;              /* of its sinks, with "rpc" */
    struct store *store;                   /* the spooling's; NULL: it keeps to memory */
    struct loop_timer wake;                /* what bridge_host's wake_in asks for */
    struct loop_task reap;                 /* likewise reap */
    struct bridge_parts parts;             /* of the ends that it has */
    struct bridge_parts *olds;             /* owned; of those that a change left behind */
    size_t old_count;
};

/* Makes the bridge with its ends, timer included; -1: out of memory. */
int bridge_ends_make(struct bridge_unit *self, const struct unit_setup *setup);
/* struct unit_ops: change. */
int bridge_ends_change(struct unit *unit, const struct unit_setup *setup, struct err *err);
/* Gives up what left ends borrowed; they are freed. */
void bridge_ends_release_old(struct bridge_unit *self);
/* Likewise of the ends that it has. */
void bridge_ends_release(struct bridge_unit *self);

extern const struct bridge_host bridge_unit_host;

#endif
