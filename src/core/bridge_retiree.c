/* The ends that a bridge lets go: until they have stopped, what they gave goes back to them, and
 * what they took is answered by them. Not for: when that is, and what takes their place
 * (bridge_change.c). */
#include "core/bridge_retiree.h"

#include <stdlib.h>

static void retiree_on_delivery(void *ctx, struct delivery *delivery)
{
    struct bridge_retiree *retiree = ctx;

    bridge_take_delivery(retiree->bridge, delivery, retiree->generation);
}

static void retiree_on_source_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct bridge_retiree *retiree = ctx;

    (void)why;
    retiree->ready = link == ENDPOINT_READY;
    bridge_flow_forget_stale(retiree->bridge);
    bridge_update_state(retiree->bridge);
    bridge_flow_relieve(retiree->bridge);
    bridge_stop_step(retiree->bridge);
}

/* The last source in the way has gone: the new one may begin. */
static void retiree_end_wait(struct bridge *bridge)
{
    if (!bridge->source_held || bridge->stopping || !bridge_sources_are_gone(bridge)) {
        return;
    }
    bridge->source_held = false;
    bridge->source->ops->start(bridge->source);
}

static void retiree_on_stopped(void *ctx)
{
    struct bridge_retiree *retiree = ctx;
    struct bridge *bridge = retiree->bridge;

    retiree->stopped = true;
    if (retiree->role == RETIREE_SOURCE) {
        retiree_end_wait(bridge);
        bridge_update_state(bridge);
    } else {
        bridge->leaving_sinks--;
        bridge->delaying_sinks -= retiree->delays;
        bridge_flow_pump(bridge);
        bridge_dead_pump(bridge);
    }
    bridge->host->reap(bridge->host_ctx);
    bridge_stop_step(bridge);
}

static void retiree_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                               const char *why)
{
    struct bridge_retiree *retiree = ctx;

    if (retiree->role == RETIREE_SINK) {
        bridge_on_settled(retiree->bridge, delivery, outcome, why);
    } else {
        bridge_dead_events.on_settled(retiree->bridge, delivery, outcome, why);
    }
}

/* What it says of its link is of no matter any more. */
static void retiree_on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    (void)ctx;
    (void)link;
    (void)why;
}

static void retiree_on_writable(void *ctx)
{
    (void)ctx;
}

static void retiree_on_lost(void *ctx)
{
    bridge_on_lost(((struct bridge_retiree *)ctx)->bridge);
}

static void retiree_on_late(void *ctx, enum outcome outcome, const char *why)
{
    bridge_on_late(((struct bridge_retiree *)ctx)->bridge, outcome, why);
}

const struct source_events bridge_retiree_source_events = {
    .on_delivery = retiree_on_delivery,
    .on_link = retiree_on_source_link,
    .on_stopped = retiree_on_stopped,
    .on_lost = retiree_on_lost,
};

const struct sink_events bridge_retiree_sink_events = {
    .on_settled = retiree_on_settled,
    .on_writable = retiree_on_writable,
    .on_link = retiree_on_sink_link,
    .on_stopped = retiree_on_stopped,
    .on_late = retiree_on_late,
};

void bridge_retiree_stop(struct bridge_retiree *retiree)
{
    if (retiree->stopping) {
        return;
    }
    retiree->stopping = true;
    if (retiree->source != NULL) {
        retiree->source->ops->stop(retiree->source);
    } else {
        retiree->sink->ops->stop(retiree->sink, false);
    }
}

bool bridge_sources_are_gone(const struct bridge *bridge)
{
    const struct bridge_retiree *retiree;

    LIST_FOREACH(retiree, &bridge->retirees, link) {
        if (retiree->role == RETIREE_SOURCE && !retiree->stopped) {
            return false;
        }
    }
    return true;
}

bool bridge_has_old_source(const struct bridge *bridge)
{
    const struct bridge_retiree *retiree;

    LIST_FOREACH(retiree, &bridge->retirees, link) {
        if (retiree->role == RETIREE_SOURCE && !retiree->stopping && retiree->ready) {
            return true;
        }
    }
    return false;
}

struct source *bridge_old_source(const struct bridge *bridge, uint16_t generation)
{
    const struct bridge_retiree *retiree;

    LIST_FOREACH(retiree, &bridge->retirees, link) {
        if (retiree->role == RETIREE_SOURCE && retiree->generation == generation) {
            return retiree->source;
        }
    }
    return NULL;
}

void bridge_stop_old_sources(struct bridge *bridge)
{
    struct bridge_retiree *retiree;

    LIST_FOREACH(retiree, &bridge->retirees, link) {
        if (retiree->role == RETIREE_SOURCE) {
            bridge_retiree_stop(retiree);
        }
    }
}

void bridge_change_hurry(struct bridge *bridge)
{
    struct bridge_retiree *retiree;

    LIST_FOREACH(retiree, &bridge->retirees, link) {
        if (retiree->sink != NULL && !retiree->stopped && (retiree->delays || bridge->stopping)) {
            retiree->sink->ops->stop(retiree->sink, true);
        }
    }
}

static void retiree_free(struct bridge_retiree *retiree)
{
    if (retiree == NULL) {
        return;
    }
    endpoint_free_source(retiree->source);
    endpoint_free_sink(retiree->sink);
    free(retiree);
}

bool bridge_reap(struct bridge *bridge)
{
    struct bridge_retiree *retiree, *next;

    for (retiree = LIST_FIRST(&bridge->retirees); retiree != NULL; retiree = next) {
        next = LIST_NEXT(retiree, link);
        if (retiree->stopped) {
            LIST_REMOVE(retiree, link);
            retiree_free(retiree);
        }
    }
    return LIST_EMPTY(&bridge->retirees);
}

void bridge_free_retirees(struct bridge *bridge)
{
    struct bridge_retiree *retiree;

    while ((retiree = LIST_FIRST(&bridge->retirees)) != NULL) {
        LIST_REMOVE(retiree, link);
        retiree_free(retiree);
    }
}
