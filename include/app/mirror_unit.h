/* The inside of a mirror as a unit, shared by mirror_unit.c (its life) and mirror_ends.c (its ends,
 * at the start and at a change) alone. */
#ifndef CHUNNELD_APP_MIRROR_UNIT_H
#define CHUNNELD_APP_MIRROR_UNIT_H

#include "app/unit.h"
#include "app/wiring.h"
#include "core/mirror.h"
#include "core/origin.h"

enum { MIRROR_UNIT_WHY_SIZE = 320 };

enum mirror_direction { MIRROR_TO_AMQP, MIRROR_TO_REDIS, MIRROR_WAYS };

/* The hubs that the ends of one way are on; NULL: no such end. */
enum mirror_hub { MIRROR_SOURCE_HUB, MIRROR_SINK_HUB, MIRROR_DEAD_HUB, MIRROR_HUBS };

/* One rule, and what its ends borrow: it lives as long as any of them does. */
struct mirror_rule {
    unsigned refs;
    struct wiring *wiring;
    struct config *config;          /* referenced */
    const struct conf_bridge *conf; /* in there: the way to AMQP */
    struct conf_bridge back; /* the way to Redis as a rule; what it points to is the conf's */
    struct wired_hub *hubs[MIRROR_WAYS][MIRROR_HUBS]; /* in use */
};

struct mirror_unit;

/* One of the two bridges. */
struct mirror_way {
    struct mirror_unit *unit;
    struct bridge *bridge;
    struct source *source;           /* its own; inside the mirror, that of Redis */
    struct mirror_rule *source_rule; /* referenced: of which that was made */
    struct loop_timer wake;          /* what bridge_host's wake_in asks for */
    bool stopped;                    /* on_stopped came */
};

struct mirror_unit {
    struct unit unit; /* first */
    struct mirror *mirror;
    struct origin origin;
    struct mirror_way ways[MIRROR_WAYS];
    struct mirror_rule *rule;  /* referenced: the one in force */
    struct mirror_rule **olds; /* owned, each referenced: of ends that a change left behind */
    size_t old_count;
    struct loop_task reap;     /* looks whether those are gone */
    struct store *store;       /* of the way to AMQP; the spooling's; NULL: it keeps to memory */
    struct histogram *latency; /* of both together; made anew when somebody looks */
    enum bridge_state told;    /* the last state */
    char told_why[MIRROR_UNIT_WHY_SIZE];
};

/* Makes the mirror and both bridges, timers included; -1 and words in `err`. */
int mirror_ends_make(struct mirror_unit *self, const struct unit_setup *setup, struct err *err);
/* struct unit_ops: change. */
int mirror_ends_change(struct unit *unit, const struct unit_setup *setup, struct err *err);
/* Gives up what ends borrowed that are gone; those that it has, once it has none. */
void mirror_ends_release_old(struct mirror_unit *self);
void mirror_ends_release(struct mirror_unit *self);

extern const struct bridge_host mirror_way_host;

#endif
