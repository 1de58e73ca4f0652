/* A tap on a bridge: shows whoever put it on each message at the end of its way. A bridge without
 * one pays a branch a message for the possibility. */
#ifndef CHUNNELD_CORE_TAP_H
#define CHUNNELD_CORE_TAP_H

#include <stdint.h>
#include <sys/queue.h>

#include "base/strbuf.h"
#include "core/delivery.h"

struct bridge;
struct tap;

struct tap_events {
    /* The message's way is over; `outcome` is that of the stats: "delivered", "filtered", ...
     * `now_us` is monotonic. All is valid during the call, which must not call the bridge but by
     * bridge_tap_target(). */
    void (*on_end)(struct tap *tap, const struct bridge *bridge, const struct delivery *delivery,
                   const char *outcome, uint64_t now_us);
    /* The bridge is being freed, and the tap is off. */
    void (*on_gone)(struct tap *tap);
};

struct tap {
    LIST_ENTRY(tap) link;
    const struct tap_events *events;
};

LIST_HEAD(tap_list, tap);

/* Where a bridge sends a message. Zeroed before use. */
struct tap_target {
    struct strbuf channel;     /* empty: it goes to AMQP, or that cannot be told */
    struct strbuf exchange;    /* empty: the default exchange, or as above */
    struct strbuf routing_key; /* of the default exchange: the queue */
    bool is_known;
};

/* Puts it on; it is borrowed until it is off. */
void bridge_tap(struct bridge *bridge, struct tap *tap);
/* Takes it off; legal in on_end of another tap, not in its own. */
void bridge_untap(struct tap *tap);
/* Fills in where the bridge would send the message, or its dead letter, by the rules it has now. */
void bridge_tap_target(const struct bridge *bridge, const struct delivery *delivery,
                       struct tap_target *target);
void tap_target_fini(struct tap_target *target);

#endif
