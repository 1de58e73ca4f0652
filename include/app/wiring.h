/* From the configuration to running objects: hubs for the connections, units for the bridges. Owns
 * them all, starts and stops them, and keeps the board that shows them. */
#ifndef CHUNNELD_APP_WIRING_H
#define CHUNNELD_APP_WIRING_H

#include <stdbool.h>
#include <stddef.h>

#include "app/hubs.h"
#include "app/unit.h"
#include "base/err.h"
#include "base/rand.h"
#include "conf/config.h"
#include "net/loop.h"
#include "ops/board.h"

struct spooling;

struct wiring_events {
    /* A bridge's state became another, or it has stopped. */
    void (*on_change)(void *ctx);
    /* A unit has started; nothing has come to it yet. */
    void (*on_started)(void *ctx, struct unit *unit);
    /* After wiring_stop(): every bridge has stopped. Once, not inside an operation. */
    void (*on_bridges_stopped)(void *ctx);
    /* After wiring_close(): every connection is closed. Once, not inside an operation. */
    void (*on_closed)(void *ctx);
};

struct wiring {
    struct loop *loop;
    struct config *config;     /* referenced: the one in force */
    struct spooling *spooling; /* NULL: no spool */
    const struct wiring_events *events;
    void *ctx;
    struct rand rand;
    struct budget budget;  /* over the memory of all bridges */
    struct loop_task room; /* bridges that wait for a part of it are to look again */
    char *instance;        /* owned: that of the start, as a reload does not change it */
    struct hub_setup hub_setup;
    struct board board;                   /* all hubs and all units, the disabled ones too */
    struct unit *by_name;                 /* uthash: the units of the board */
    struct board_connection_list retired; /* hubs that are not on the board any more */
    size_t running;                       /* units started and not yet stopped */
    size_t open;                          /* AMQP hubs not yet closed */
    bool stopping;
    bool closing;
    struct loop_task told;   /* on_bridges_stopped or on_closed is due */
    struct loop_task sweep;  /* looks for what a reload left behind and has ended */
    struct loop_timer hurry; /* until the earliest hurry_at_us of the units, or before */
    uint64_t hurry_at_us;    /* that, while the timer is set */
};

/* Makes everything, connects to nothing yet. NULL and words in `err` (TLS files, memory). `loop`
 * and `spooling` (NULL: no spool) outlive it; `config` gets a reference. */
struct wiring *wiring_new(struct loop *loop, struct config *config, struct spooling *spooling,
                          const struct wiring_events *events, void *ctx, struct err *err);
/* Frees all of it, whatever is still under way. NULL is legal. */
void wiring_free(struct wiring *wiring);

/* Connects and starts the bridges. */
void wiring_start(struct wiring *wiring);
/* Stops every bridge in an orderly way; legal once. */
void wiring_stop(struct wiring *wiring);
/* Hurries that. */
void wiring_stop_now(struct wiring *wiring);
/* Closes the connections; after on_bridges_stopped. */
void wiring_close(struct wiring *wiring);

/* The hub of a connection. */
struct wired_hub *wiring_find_hub(const struct wiring *wiring, const char *name);
/* The unit of a bridge; NULL: there is none of that name. */
struct unit *wiring_find_unit(const struct wiring *wiring, const char *name);
/* The units one after the other, in the order of the configuration; `unit` NULL: the first one.
 * NULL: no more. */
struct unit *wiring_next_unit(const struct wiring *wiring, const struct unit *unit);

/* What stands behind an entry of the board. */
static inline struct unit *wiring_unit_of(const struct board_bridge *shown)
{
    return (struct unit *)((const char *)shown - offsetof(struct unit, shown));
}

static inline struct wired_hub *wiring_hub_of(const struct board_connection *shown)
{
    return (struct wired_hub *)((const char *)shown - offsetof(struct wired_hub, shown));
}

/* For a reload alone. Starts a unit that was added. */
void wiring_start_unit(struct unit *unit);
/* Puts a new unit at the end of the board; -1: out of memory. */
int wiring_add_unit(struct wiring *wiring, struct unit *unit);
/* Lets a unit finish, at most until `hurry_at_us` in peace; then `next` (NULL: nothing) of `config`
 * takes its place. */
void wiring_retire_unit(struct unit *unit, struct config *config, const struct conf_bridge *next,
                        uint64_t hurry_at_us);
/* What a change of the unit left behind has time until then. */
void wiring_hurry_at(struct unit *unit, uint64_t hurry_at_us);
/* Takes a hub off the board; it is closed when no unit uses it any more. */
void wiring_retire_hub(struct wiring *wiring, struct wired_hub *hub);
/* A unit has begun or ceased to use a hub; NULL is legal. */
struct wired_hub *wiring_use_hub(struct wired_hub *hub);
void wiring_leave_hub(struct wiring *wiring, struct wired_hub *hub);

/* For wiring.c alone: the sweep and the hurry of what a reload left behind. */
void wiring_on_sweep(void *ctx);
void wiring_on_hurry(void *ctx);
void wiring_free_unit(struct wiring *wiring, struct unit *unit);

/* For units alone: it has started; its state became another; it has stopped. */
void wiring_on_unit_started(struct wiring *wiring, struct unit *unit);
void wiring_on_unit_changed(struct wiring *wiring);
void wiring_on_unit_stopped(struct wiring *wiring);

#endif
