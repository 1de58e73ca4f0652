/* A unit: what one entry of "bridges" has become. It is made from the configuration, started,
 * stopped and freed by the wiring, which owns it and finds it by its name. What it consists of is
 * its own matter: a bridge between two ends, or several, or none because it is disabled.
 *
 * A new kind of unit: a struct with a struct unit first, a table of operations, a function that
 * makes it, and one line in src/app/unit.c. */
#ifndef CHUNNELD_APP_UNIT_H
#define CHUNNELD_APP_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION HASH_OAT
#include <uthash.h>

#include "base/err.h"
#include "conf/config.h"
#include "ops/board.h"

struct unit;
struct unit_setup;
struct wiring;

/* Operations never call unit_stopped() before they return. None may be NULL. */
struct unit_ops {
    void (*start)(struct unit *unit);
    /* Orderly: take in no more, finish what was taken in, then unit_stopped(), once. Legal once. */
    void (*stop)(struct unit *unit);
    /* Hurry that: hand back, keep in the spool or drop what has not gone out. Legal at any time
     * after start, until unit_stopped(). */
    void (*stop_now)(struct unit *unit);
    /* By the operator: stop reading, but go on sending what waits. Legal twice. */
    void (*pause)(struct unit *unit);
    void (*resume)(struct unit *unit);
    /* Other rules for a unit that runs: goes on by those of `setup`, loses and repeats nothing, and
     * ends with unit_adopt(). 0, or -1 and words in `err`: nothing happened. NULL: it cannot; it is
     * stopped, and another one made in its place. Not while stopping. */
    int (*change)(struct unit *unit, const struct unit_setup *setup, struct err *err);
    /* Waits no longer for what a change left behind. NULL: nothing ever is. */
    void (*hurry_change)(struct unit *unit);
    /* Fills all of *out_status, as of `now_us` (monotonic). */
    void (*get_status)(const struct unit *unit, uint64_t now_us, struct bridge_status *out_status);
    /* Before start or after unit_stopped(), not inside it. Ends with unit_fini(). */
    void (*free)(struct unit *unit);
};

/* Embedded first in every unit. */
struct unit {
    const struct unit_ops *ops;
    struct board_bridge shown; /* on the wiring's board; its name is the unit's */
    struct wiring *wiring;
    struct config *config;          /* referenced: what it was made from lives as long as it does */
    const struct conf_bridge *conf; /* in there */
    bool had_chance;                /* it ran, or an error said why not */
    bool stopping;                  /* stop() was called */
    bool stopped;                   /* unit_stopped() came */
    char *name;                     /* owned; as long as it lives, whatever its configuration */

    /* The wiring's own. */
    UT_hash_handle hh;
    struct config *next_config;          /* referenced: what is to be made of it once it has */
    const struct conf_bridge *next_conf; /* stopped; NULL: nothing */
    uint64_t hurry_at_us; /* monotonic: then a stop or change under way is hurried; 0: never */
};

/* From what a unit is made. */
struct unit_setup {
    struct wiring *wiring;
    struct config *config;
    const struct conf_bridge *conf; /* in it */
};

/* The unit for a bridge of the configuration, whatever its kind, not started. NULL and words in
 * `err`: memory, or its store. */
struct unit *unit_new(const struct unit_setup *setup, struct err *err);

/* Starts it; whoever is interested is told. */
void unit_start(struct unit *unit);

/* Whether two bridges of configurations become units of one kind. */
bool unit_is_same_kind(const struct conf_bridge *a, const struct conf_bridge *b);

/* For the kinds of units: begin and end of the part that is common. unit_init(): 0, or -1 and words
 * in `err`; unit_fini() is legal after either. */
int unit_init(struct unit *unit, const struct unit_ops *ops, const struct unit_setup *setup,
              struct err *err);
void unit_fini(struct unit *unit);
/* It consists of this bridge, or of this one too. */
void unit_show_bridge(struct unit *unit, struct bridge *bridge);
/* It is from now on what `setup` says. */
void unit_adopt(struct unit *unit, const struct unit_setup *setup);
/* Its state, or the reason for it, has become another; logs that. `why` may be empty. */
void unit_changed(struct unit *unit, enum bridge_state state, const char *why);
/* It has stopped: everything is settled or counted. Logs the closed books. */
void unit_stopped(struct unit *unit);

/* Its name, as long as it lives. */
static inline const char *unit_name(const struct unit *unit)
{
    return unit->shown.name;
}

/* The kinds: one source, one mapping, one sink; */
struct unit *bridge_unit_new(const struct unit_setup *setup, struct err *err);
/* two of them, which make a channel and an exchange one; */
struct unit *mirror_unit_new(const struct unit_setup *setup, struct err *err);
/* and a bridge with "enabled": false, which is shown, and stopped. */
struct unit *disabled_unit_new(const struct unit_setup *setup, struct err *err);

#endif
