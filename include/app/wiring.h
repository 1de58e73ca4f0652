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
    struct hub_setup hub_setup;
    struct board board; /* all hubs and all units, the disabled ones too */
    size_t running;     /* units not yet stopped */
    size_t open;        /* AMQP hubs not yet closed */
    bool stopping;
    bool closing;
    struct loop_task told; /* on_bridges_stopped or on_closed is due */
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

/* For units alone: it has started; its state became another; it has stopped. */
void wiring_on_unit_started(struct wiring *wiring, struct unit *unit);
void wiring_on_unit_changed(struct wiring *wiring);
void wiring_on_unit_stopped(struct wiring *wiring);

#endif
