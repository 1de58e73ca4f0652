/* Other rules and other ends for a bridge that runs. For: letting the old ends go so that nothing
 * is lost, doubled or overtaken. Not for: what is different (app/), or the life of a bridge whose
 * rules stay (bridge.c).
 *
 * An old sink first answers for all that it has; until then nothing is sent to the new one. An old
 * source goes in one of two ways (enum succession); whatever it gave goes back to it, which the
 * generation of a delivery tells. */
#include <stdlib.h>

#include "core/bridge_retiree.h"

/* What a change needs memory for, before anything is changed. */
struct bridge_change {
    struct bridge_retiree *retirees[RETIREE_ROLES]; /* NULL: that end has no successor */
    struct mapping_scratch *scratch;
    struct mapping_scratch *dead_scratch; /* NULL: the rule has no dead letters */
};

void bridge_change_drop(struct bridge_change *change)
{
    size_t i;

    if (change == NULL) {
        return;
    }
    for (i = 0; i < RETIREE_ROLES; i++) {
        free(change->retirees[i]);
    }
    mapping_scratch_free(change->scratch);
    mapping_scratch_free(change->dead_scratch);
    free(change);
}

struct bridge_change *bridge_change_prepare(const struct bridge *bridge,
                                            const struct bridge_setup *setup)
{
    const bool wanted[RETIREE_ROLES] = {setup->source != NULL, true, bridge->dead.sink != NULL};
    struct bridge_change *change = calloc(1, sizeof(*change));
    bool complete = true;
    size_t i;

    if (change == NULL) {
        return NULL;
    }
    for (i = 0; i < RETIREE_ROLES; i++) {
        change->retirees[i] = wanted[i] ? calloc(1, sizeof(struct bridge_retiree)) : NULL;
        complete &= !wanted[i] || change->retirees[i] != NULL;
    }
    change->scratch = mapping_scratch_new(setup->mapping);
    if (setup->dead_sink != NULL) {
        change->dead_scratch = mapping_scratch_new(setup->dead_mapping);
        complete &= change->dead_scratch != NULL;
    }
    if (!complete || change->scratch == NULL) {
        bridge_change_drop(change);
        return NULL;
    }
    return change;
}

static struct bridge_retiree *change_retire(struct bridge *bridge, struct bridge_change *change,
                                            enum retiree_role role)
{
    struct bridge_retiree *retiree = change->retirees[role];

    change->retirees[role] = NULL;
    retiree->bridge = bridge;
    retiree->role = role;
    LIST_INSERT_HEAD(&bridge->retirees, retiree, link);
    return retiree;
}

static void change_retire_sink(struct bridge *bridge, struct bridge_change *change,
                               enum retiree_role role, struct sink *sink)
{
    struct bridge_retiree *retiree = change_retire(bridge, change, role);

    retiree->sink = sink;
    sink->events = &bridge_retiree_sink_events;
    sink->ctx = retiree;
    retiree->delays = (sink->can & ENDPOINT_CALLS) == 0;
    bridge->leaving_sinks++;
    bridge->delaying_sinks += retiree->delays;
    bridge_retiree_stop(retiree);
}

/* The new sinks begin with an open mind: what stood in the way may be gone. */
static void change_sinks(struct bridge *bridge, struct bridge_change *change,
                         const struct bridge_setup *setup)
{
    change_retire_sink(bridge, change, RETIREE_SINK, bridge->sink);
    if (bridge->dead.sink != NULL) {
        change_retire_sink(bridge, change, RETIREE_DEAD_SINK, bridge->dead.sink);
    }
    bridge_set_sinks(bridge, setup);
    mapping_scratch_free(bridge->scratch);
    mapping_scratch_free(bridge->dead.scratch);
    bridge->scratch = change->scratch;
    bridge->dead.scratch = change->dead_scratch;
    change->scratch = NULL;
    change->dead_scratch = NULL;
    bridge->sink_ready = false;
    bridge->sink_limited = false;
    bridge->sink_busy = false;
    bridge->held_back = false;
    bridge->retry_due = false;
    bridge->probing = false;
    bridge->requeue_due = false;
    bridge->dead.ready = false;
    bridge->dead.busy = false;
    bridge->dead.held_back = false;
    if (bridge->dead.sink == NULL) {
        bridge_dead_withdraw(bridge);
    } else {
        bridge->dead.sink->ops->start(bridge->dead.sink);
    }
    bridge->sink->ops->start(bridge->sink);
}

static void change_source(struct bridge *bridge, struct bridge_change *change,
                          struct source *source, enum succession succession)
{
    struct bridge_retiree *old = change_retire(bridge, change, RETIREE_SOURCE);

    old->source = bridge->source;
    old->generation = bridge->generation++;
    old->ready = bridge->source_ready;
    old->source->events = &bridge_retiree_source_events;
    old->source->ctx = old;
    bridge->source = source;
    source->events = &bridge_source_events;
    source->ctx = bridge;
    if (bridge->source_held) { /* the one before it is still going, and this one never began */
        succession = SUCCEED_AFTER;
    }
    bridge->source_held = succession == SUCCEED_AFTER;
    bridge->source_ready = false;
    if (!bridge->source_held) {
        source->ops->start(source);
    }
    if (bridge->full || bridge->operator_paused) {
        source->ops->pause(source);
    }
    if (bridge->source_held) {
        bridge_stop_old_sources(bridge);
    }
}

void bridge_take_rules(struct bridge *bridge, const struct bridge_setup *setup)
{
    bridge->name = setup->name;
    bridge->mapping = setup->mapping;
    bridge->dead.mapping = setup->dead_mapping;
    bridge->context =
        (struct template_context){slice_of(setup->instance), slice_of(setup->name), &bridge->body};
    bridge->filter = setup->filter;
    bridge->screen = setup->screen;
    bridge->screen_ctx = setup->screen_ctx;
    bridge->options = setup->options;
    backoff_init(&bridge->retry, setup->options->retry_min_us, setup->options->retry_max_us);
}

void bridge_change_apply(struct bridge *bridge, struct bridge_change *change,
                         const struct bridge_setup *setup, enum succession succession)
{
    bridge_take_rules(bridge, setup);
    bridge_store_change(bridge, setup->store);
    change_sinks(bridge, change, setup);
    if (setup->source != NULL) {
        change_source(bridge, change, setup->source, succession);
    }
    bridge_change_drop(change);
    bridge_update_state(bridge);
    bridge_flow_relieve(bridge);
}

int bridge_change(struct bridge *bridge, const struct bridge_setup *setup,
                  enum succession succession)
{
    struct bridge_change *change = bridge_change_prepare(bridge, setup);

    if (change == NULL) {
        return -1;
    }
    bridge_change_apply(bridge, change, setup, succession);
    return 0;
}
