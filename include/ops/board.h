/* What there is to show: the connections and bridges of the running daemon, as plain lists, so that
 * whoever reports on them (stats, later metrics and pages) needs to know nothing of who runs them.
 */
#ifndef CHUNNELD_OPS_BOARD_H
#define CHUNNELD_OPS_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "core/bridge.h"
#include "core/status.h"
#include "net/lag.h"

struct redis_hub;
struct rmq_hub;

/* A configured connection; exactly one hub is set. Borrowed pointers throughout. */
struct board_connection {
    const char *name;
    const struct redis_hub *redis;
    const struct rmq_hub *rmq;
};

/* A configured bridge. */
struct board_bridge {
    const char *name;
    const struct bridge *bridge;       /* NULL: disabled */
    const struct source *redis_source; /* its source where that is Redis; NULL otherwise */
};

struct board {
    const char *instance;
    int64_t start_wall_us;
    uint64_t start_us;     /* monotonic */
    const struct lag *lag; /* of the loop */
    const struct board_connection *connections;
    size_t connection_count;
    const struct board_bridge *bridges;
    size_t bridge_count;
};

/* The status of a connection, whatever its kind. */
void board_connection_status(const struct board_connection *connection,
                             struct connection_status *out_status);

#endif
