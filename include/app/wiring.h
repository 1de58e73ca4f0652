/* From the configuration to running objects: hubs for the connections, bridges with their
 * endpoints. Owns them all. */
#ifndef CHUNNELD_APP_WIRING_H
#define CHUNNELD_APP_WIRING_H

#include <stdbool.h>

#include "amqp/hub.h"
#include "base/err.h"
#include "base/rand.h"
#include "conf/config.h"
#include "core/bridge.h"
#include "net/loop.h"
#include "redis/hub.h"

/* A configured connection: exactly one of the hubs is set. */
struct wired_connection {
    const struct conf_connection *conf;
    struct redis_hub *redis;
    struct rmq_hub *rmq;
};

/* An enabled bridge. */
struct wired_bridge {
    struct wiring *wiring;
    const struct conf_bridge *conf;
    struct bridge *bridge;
    const struct source *source; /* the bridge's own; for redis_source_gap() */
    struct loop_timer wake;      /* what bridge_host's wake_in asks for */
    bool had_chance;             /* it ran, or an error said why not */
    bool stopped;                /* on_stopped came */
};

struct wiring_events {
    /* A bridge's state became another, or it has stopped. */
    void (*on_change)(void *ctx);
    /* After wiring_stop(): every bridge has stopped. Once, not inside an operation. */
    void (*on_bridges_stopped)(void *ctx);
    /* After wiring_close(): every connection is closed. Once, not inside an operation. */
    void (*on_closed)(void *ctx);
};

struct spooling;

struct wiring {
    struct loop *loop;
    const struct config *config;
    struct spooling *spooling; /* NULL: no spool */
    const struct wiring_events *events;
    void *ctx;
    struct rand rand;
    struct wired_connection *connections; /* in the configuration's order, all of them */
    size_t connection_count;
    struct wired_bridge *bridges; /* the enabled ones, in the configuration's order */
    size_t bridge_count;
    size_t running; /* bridges not yet stopped */
    size_t open;    /* AMQP hubs not yet closed */
    bool stopping;
    bool closing;
    struct loop_task told; /* on_bridges_stopped or on_closed is due */
};

/* Makes everything, connects to nothing yet. NULL and words in `err` (TLS files, memory). `config`,
 * `loop` and `spooling` (NULL: no spool) outlive it. */
struct wiring *wiring_new(struct loop *loop, const struct config *config, struct spooling *spooling,
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

/* The hub of the connection `conf`. */
struct wired_connection *wiring_find(struct wiring *wiring, const struct conf_connection *conf);

#endif
