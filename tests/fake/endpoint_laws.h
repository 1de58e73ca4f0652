/* The laws of core/endpoint.h as tests over any endpoint: whoever has one gives a bed to it, that
 * is, the far side as the laws need it, and the laws are checked with cmocka's asserts. */
#ifndef CHUNNELD_TESTS_ENDPOINT_LAWS_H
#define CHUNNELD_TESTS_ENDPOINT_LAWS_H

#include <stdbool.h>

#include "core/endpoint.h"

/* Lets the endpoint and its far side work until `done` says so, or, where `done` is NULL, until
 * nothing is left to do. With a deadline: that it was not reached is for the laws to find. */
typedef void (*endpoint_work)(void *ctx, bool (*done)(const void *arg), const void *arg);

/* The far side of a source. */
struct source_bed {
    void *ctx;
    /* A new source, not started, its link down. Each law frees its own. */
    struct source *(*make)(void *ctx);
    /* The server is there from now on; it is gone. */
    void (*link_up)(void *ctx);
    void (*link_down)(void *ctx);
    /* One more message for the source, while it is ready. */
    void (*publish)(void *ctx);
    endpoint_work work;
};

/* The far side of a sink. */
struct sink_bed {
    void *ctx;
    struct sink *(*make)(void *ctx);
    void (*link_up)(void *ctx);
    void (*link_down)(void *ctx);
    /* Confirms the oldest message not yet answered. */
    void (*confirm)(void *ctx);
    /* What is sent, in the protocol of the sink. It takes 8 of them in a row. */
    const struct outgoing *out;
    endpoint_work work;
};

void endpoint_laws_check_source(const struct source_bed *bed);
void endpoint_laws_check_sink(const struct sink_bed *bed);

#endif
