/* An end that a bridge lets go, for src/core/bridge_change.c and bridge_retiree.c alone. */
#ifndef CHUNNELD_CORE_BRIDGE_RETIREE_H
#define CHUNNELD_CORE_BRIDGE_RETIREE_H

#include "core/bridge_private.h"

enum retiree_role { RETIREE_SOURCE, RETIREE_SINK, RETIREE_DEAD_SINK, RETIREE_ROLES };

/* In the list `retirees` of its bridge, which frees it by bridge_reap(). */
struct bridge_retiree {
    LIST_ENTRY(bridge_retiree) link;
    struct bridge *bridge;
    enum retiree_role role;
    struct source *source; /* owned; NULL: it is a sink */
    struct sink *sink;     /* likewise the other way round */
    uint16_t generation;   /* of the deliveries that the source gave */
    bool ready;            /* the source's last on_link */
    bool delays;           /* of a sink: nothing is sent to its successor meanwhile */
    bool stopping;         /* stop() was called */
    bool stopped;          /* on_stopped came: bridge_reap() frees it */
};

/* What its end tells from now on; ctx is the retiree. */
extern const struct source_events bridge_retiree_source_events;
extern const struct sink_events bridge_retiree_sink_events;

/* Stops the end, unless that was done. */
void bridge_retiree_stop(struct bridge_retiree *retiree);

#endif
