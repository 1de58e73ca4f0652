/* The filter of a bridge: asked once, when a message comes, so that what nobody wants takes no
 * room. Not for: conditions (core/filter.c), what becomes of the message (bridge_flow.c). */
#include "core/bridge_private.h"

bool bridge_filter_passes(struct bridge *bridge, struct delivery *delivery)
{
    struct err err;

    /* What is no envelope has nothing to ask for; it is refused in its turn. */
    if (bridge->mapping->reads_envelope && delivery_open_envelope(delivery, &err) != 0) {
        return true;
    }
    return filter_passes(bridge->filter, delivery, &bridge->body);
}
