/* The configured connections as they run: a hub for each, found by name, that lives as long as the
 * configuration or a unit wants it. */
#ifndef CHUNNELD_APP_HUBS_H
#define CHUNNELD_APP_HUBS_H

#include <stdbool.h>
#include <stddef.h>

#include "amqp/hub.h"
#include "base/err.h"
#include "base/rand.h"
#include "conf/config.h"
#include "net/loop.h"
#include "ops/board.h"
#include "redis/hub.h"

/* A connection: exactly one of the hubs is set. */
struct wired_hub {
    struct board_connection shown; /* on the board; its name is the connection's */
    struct config *config;         /* referenced: what it was made from lives as long as it does */
    const struct conf_connection *conf;          /* in there */
    struct config *topology_config;              /* referenced: whose topology is declared on it */
    const struct conf_connection *topology_conf; /* the connection in there */
    struct redis_hub *redis;
    struct rmq_hub *rmq;
    unsigned users;           /* units that have ends on it */
    bool retired;             /* no longer in the configuration: goes with its last user */
    bool closing;             /* rmq_hub_stop() was called */
    bool closed;              /* and it has ended */
    struct loop *wiring_loop; /* with closing: to queue ... */
    struct loop_task *sweep;  /* ... who looks for that */
};

/* What hubs are made with; borrowed for their life. */
struct hub_setup {
    struct loop *loop;
    const char *instance;
    struct rand *rand;
};

/* A connection of `config`, not started. NULL and words in `err`: TLS files, memory. */
struct wired_hub *wired_hub_new(const struct hub_setup *setup, struct config *config,
                                const struct conf_connection *conf, struct err *err);
/* No unit may use it any more. NULL is legal. */
void wired_hub_free(struct wired_hub *hub);
/* What is to be declared on it is that of `config`, from now on, and is declared. -1: out of
 * memory, nothing happened. */
int wired_hub_change_topology(struct wired_hub *hub, struct config *config,
                              const struct conf_connection *conf);
/* Connects. */
void wired_hub_start(struct wired_hub *hub);
/* The endpoint of a rule on it; `name` (of the bridge), `bridge` and `conf` outlive it. NULL: out
 * of memory. */
struct source *wired_hub_new_source(struct wired_hub *hub, const char *name,
                                    const struct conf_bridge *bridge);
struct sink *wired_hub_new_sink(struct wired_hub *hub, const char *name,
                                const struct conf_bridge *bridge, const struct conf_sink *conf);
/* Whether the source that was made for `old` is just what `new` wants of the same hub. */
bool wired_hub_keeps_source(const struct conf_bridge *old, const struct conf_bridge *new);
/* How another source is to follow the one of `old`. */
enum succession wired_hub_succession(const struct conf_bridge *old);

#endif
