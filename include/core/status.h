/* What a connection and a subscription tell of themselves, for stats, log and health. Filled in by
 * the protocol modules, read by ops/. */
#ifndef CHUNNELD_CORE_STATUS_H
#define CHUNNELD_CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum connection_state {
    CONNECTION_STOPPED,    /* not wanted */
    CONNECTION_DOWN,       /* waiting to try again */
    CONNECTION_CONNECTING, /* connecting or logging in */
    CONNECTION_UP,         /* logged in */
};
const char *connection_state_name(enum connection_state state);

/* Messages that we publish to ourselves, to see that a subscription hears (Redis). */
struct canary_status {
    bool is_on;        /* wanted */
    bool is_known;     /* the times are known */
    uint64_t last_us;  /* how long the last one took */
    uint64_t max_us;   /* and the slowest */
    uint64_t renewals; /* subscriptions renewed because one did not come back */
};

/* One socket to a server. */
struct connection_status {
    enum connection_state state;
    uint64_t reconnects;  /* times it came up again after a loss */
    int64_t since_us;     /* wall clock since when it is up, or is not; 0: never tried */
    char last_error[320]; /* "" while there was none */
    uint64_t bytes_in;
    uint64_t bytes_out;
    bool blocked;            /* AMQP: the broker said connection.blocked */
    char blocked_why[64];    /* with `blocked`: why, in its words; may be "" */
    bool knows_lag;          /* Redis: the next one is known */
    uint64_t subscriber_lag; /* bytes that the server keeps because we have not read them */
    struct canary_status canary;
};

/* Time without a subscription, of one Redis source. */
struct subscription_gap {
    uint64_t count;    /* gaps begun */
    uint64_t total_us; /* of the finished ones */
    uint64_t since_us; /* monotonic start of the one under way; 0: subscribed */
};
/* All gaps in µs, with the one under way up to `now_us`. */
uint64_t subscription_gap_us(const struct subscription_gap *gap, uint64_t now_us);

#endif
