/* Messages that another bridge left in the spool, taken over by this one. For: putting them behind
 * what it has, on its own disk, with the books in balance. Not for: where they come from, or when
 * they leave that place (app/spool_replay.c). */
#include "core/bridge_private.h"

const char *bridge_refuses_replay(const struct bridge *bridge)
{
    if (!bridge->started || bridge->stopping) {
        return "it is not running";
    }
    if (bridge->disk.store == NULL || bridge->disk.retired) {
        return "it has no disk; give its \"buffer\" a \"disk\"";
    }
    return NULL;
}

/* -1: there is no room on its disk; nothing happened. */
static int replay_one(struct bridge *bridge, struct delivery *delivery)
{
    uint64_t size = delivery->body.len;
    bool passes;

    /* Why another rule refused it says nothing of this one. */
    bridge_dead_forget_reason(delivery);
    delivery->from_store = true; /* the source knows nothing of it */
    delivery->generation = bridge->generation;
    delivery->seq = ++bridge->seq;
    passes = bridge->filter == NULL || bridge_filter_passes(bridge, delivery);
    bridge_forget_body(bridge);
    if (!passes) {
        bridge->seq--;
        bridge->counters.received++;
        bridge->counters.bytes_in += size;
        bridge_hold(bridge, delivery->size);
        bridge_settle(bridge, delivery, &bridge->counters.filtered, SETTLE_FORGET);
        return 0;
    }
    if (bridge_store_put_aside(bridge, delivery) != 0) {
        bridge->seq--;
        return -1;
    }
    bridge->counters.received++;
    bridge->counters.bytes_in += size;
    return 0;
}

size_t bridge_replay(struct bridge *bridge, struct delivery_list *list, const char **out_why)
{
    struct store *store = bridge->disk.store;
    struct delivery *delivery;
    size_t count = 0;

    *out_why = NULL;
    while ((delivery = TAILQ_FIRST(list)) != NULL && *out_why == NULL) {
        if (store->ops->is_tight(store)) {
            *out_why = "little is left of its part of the spool, or the disk does not keep up";
            continue;
        }
        TAILQ_REMOVE(list, delivery, link);
        if (replay_one(bridge, delivery) != 0) {
            TAILQ_INSERT_HEAD(list, delivery, link);
            *out_why = bridge_store_trouble(bridge);
            continue;
        }
        count++;
    }
    bridge_flow_relieve(bridge); /* where nothing else is under way, nobody would read them back */
    return count;
}
