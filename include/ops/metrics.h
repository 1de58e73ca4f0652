/* The metrics in Prometheus' text format, version 0.0.4. One table has all of them; the text and
 * doc/metrics.md are made from it. */
#ifndef CHUNNELD_OPS_METRICS_H
#define CHUNNELD_OPS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "ops/board.h"
#include "ops/http.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
const char *metric_type_name(enum metric_type type);

/* Of what there is one each; also the label that tells them apart. */
enum metric_scope {
    METRIC_OF_DAEMON,
    METRIC_OF_CONNECTION,
    METRIC_OF_LAG, /* of a connection whose server tells of its subscriber, and no other */
    METRIC_OF_BRIDGE,
    METRIC_OF_CALLS,  /* of a bridge that carries calls, and no other */
    METRIC_OF_CANARY, /* of a connection that has a canary, and no other */
};

/* How a number is kept, and what it becomes. */
enum metric_kind {
    METRIC_NUMBER,  /* uint64_t */
    METRIC_SECONDS, /* uint64_t, µs: seconds */
    METRIC_FLAG,    /* bool: 0 or 1 */
    METRIC_ONE,     /* 1; the labels say it */
};

/* A line of a metric, for each of its scope. */
struct metric_line {
    const char *label; /* more labels, as text: outcome="delivered"; "" for none */
    size_t at;         /* offset in the snapshot of its scope */
};

struct metric {
    const char *name;
    enum metric_type type;
    enum metric_scope scope;
    enum metric_kind kind;
    const char *unit; /* in words, for the document */
    const char *help;
    const struct metric_line *lines; /* none for a histogram */
    size_t line_count;
};

extern const struct metric metrics_table[];
extern const size_t metrics_count;

enum { METRIC_BOUNDS = 15 };
/* Upper bounds of the histograms' buckets in µs, ascending, and as text in seconds. */
extern const uint64_t metric_bounds_us[METRIC_BOUNDS];
extern const char *const metric_bounds_text[METRIC_BOUNDS];

/* The scopes as they were at one moment; the lines' offsets are into these. */
struct metrics_daemon {
    uint64_t start_us; /* wall clock */
    uint64_t lag_us;
    uint64_t lag_max_us;
    uint64_t memory_held;
    uint64_t memory_limit;
};

/* Where a name is in the snapshot's text. */
struct metrics_name {
    size_t at;
    size_t len;
};

struct metrics_connection {
    struct metrics_name name;
    bool up;
    bool blocked;
    bool knows_lag;
    uint64_t subscriber_lag;
    uint64_t reconnects;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct canary_status canary;
};

/* Whether the metric is of connections, of whatever kind of them. */
bool metric_is_of_connections(const struct metric *metric);
/* Whether that connection has it; the metric is of connections. */
bool metric_is_of(const struct metric *metric, const struct metrics_connection *connection);

struct metrics_bridge {
    struct metrics_name name;
    struct bridge_counters counters;
    bool running;
    bool paused;
    bool has_rpc;
    uint64_t pending;
    uint64_t gap_count;
    uint64_t gap_us;
    uint64_t spool_bytes;
    uint64_t spool_age_us;         /* of the oldest message on the disk; 0: there is none */
    uint64_t below[METRIC_BOUNDS]; /* latencies up to each bound */
    uint64_t latency_count;
    uint64_t latency_sum_us;
    struct rpc_counters rpc; /* with has_rpc */
};

/* The metrics as an answer in pieces. They are all of the moment of this call, whatever happens
 * while the answer goes out. 0, or -1: out of memory. */
int metrics_answer(const struct board *board, uint64_t now_us, struct http_answer *answer);
/* All of it at once; for tests. */
void metrics_write(const struct board *board, uint64_t now_us, struct strbuf *out);

#endif
