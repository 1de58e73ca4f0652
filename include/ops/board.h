/* What there is to show: the connections and bridges of the running daemon, as plain lists, so that
 * whoever reports on them (stats, metrics, pages) needs to know nothing of who runs them. Entries
 * come and go with a reload, never while a report is being written. */
#ifndef CHUNNELD_OPS_BOARD_H
#define CHUNNELD_OPS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "core/bridge.h"
#include "core/rpc.h"
#include "core/status.h"
#include "net/lag.h"

struct redis_hub;
struct rmq_hub;

/* A configured connection; exactly one hub is set. Borrowed pointers throughout. */
struct board_connection {
    TAILQ_ENTRY(board_connection) link;
    const char *name;
    const struct redis_hub *redis;
    const struct rmq_hub *rmq;
};

/* How one way of a bridge goes that has several. */
struct bridge_part {
    const char *name; /* as in the stats; static */
    enum bridge_state state;
    struct bridge_counters counters;
    const char *last_error; /* as below */
    const struct histogram *latency;
};

enum { BRIDGE_PARTS_MOST = 2 };

/* How a configured bridge goes, whatever it consists of. */
struct bridge_status {
    enum bridge_state state;
    const char *why; /* of that state; NULL or "": none; valid until the next event */
    struct bridge_counters counters;
    enum bridge_trouble trouble;     /* what is wrong now though it may run */
    const char *last_error;          /* NULL: nothing yet; valid until the next event */
    const struct histogram *latency; /* NULL: none is measured; valid as long as the bridge is */
    struct store_gauge disk;         /* zeros where it has none */
    uint64_t gap_count;              /* times without a subscription */
    uint64_t gap_us;                 /* and how long, one under way included */
    bool has_rpc;                    /* it carries calls */
    struct rpc_counters rpc;         /* with has_rpc */
    struct bridge_part parts[BRIDGE_PARTS_MOST]; /* whose sums the counters are */
    size_t part_count;                           /* 0: it is one thing */
};

enum { BOARD_SAMPLES = 60 };

/* What is remembered of a bridge for those who watch it; kept by ops/live.c. Zeroed at first. */
struct board_trail {
    uint64_t digest;                 /* of what was shown of it last */
    uint64_t changed;                /* the look at which that was another for the last time */
    uint64_t delivered;              /* at the last sample */
    uint64_t dropped;                /* likewise */
    bool pending;                    /* something was, at the last sample */
    bool stuck;                      /* and nothing was delivered up to then, but it still is */
    bool dropping;                   /* some were dropped before the last sample */
    uint64_t count;                  /* samples ever taken */
    uint32_t samples[BOARD_SAMPLES]; /* messages delivered in each; a ring */
};

/* A configured bridge; a disabled one is stopped and has counted nothing. */
struct board_bridge {
    TAILQ_ENTRY(board_bridge) link;
    const char *name;
    char *from;                  /* owned; its source in words, "channel orders"; NULL: no memory */
    char *to;                    /* owned; its sink, likewise */
    const char *from_connection; /* name of the source's connection */
    const char *to_connection;   /* of the sink's */
    bool enabled;
    struct board_trail trail;
    struct bridge *bridges[BRIDGE_PARTS_MOST]; /* that it consists of */
    size_t bridge_count;                       /* 0: it is disabled */
    /* Fills all of *out_status; times are as of `now_us` (monotonic). */
    void (*get_status)(const struct board_bridge *bridge, uint64_t now_us,
                       struct bridge_status *out_status);
};

TAILQ_HEAD(board_connection_list, board_connection);
TAILQ_HEAD(board_bridge_list, board_bridge);

/* A reload of the configuration: what became of the bridges. */
struct board_reload {
    int64_t wall_us; /* 0: there was none */
    bool ok;
    struct err error; /* why it was refused */
    uint64_t kept, added, changed, removed;
};

struct board_reloads {
    uint64_t count;  /* applied */
    uint64_t failed; /* refused */
    struct board_reload last;
};

struct board {
    const char *instance;
    int64_t start_wall_us;
    uint64_t start_us;                        /* monotonic */
    const struct lag *lag;                    /* of the loop */
    const struct budget *budget;              /* over the memory of all bridges */
    struct board_connection_list connections; /* in the order of the configuration */
    struct board_bridge_list bridges;         /* likewise; those that a reload removed come first */
    struct board_reloads reloads;
};

/* The status of a connection, whatever its kind. */
void board_connection_status(const struct board_connection *connection,
                             struct connection_status *out_status);

#endif
