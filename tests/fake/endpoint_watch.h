/* A bridge's place taken by a test: it calls the operations of a real endpoint, takes its events,
 * and holds it to the laws of core/endpoint.h at each of them. Outcomes are letters: Delivered,
 * Retry, Lost, Unroutable, No subscribers, refused (X), Too large. */
#ifndef CHUNNELD_TESTS_FAKE_ENDPOINT_WATCH_H
#define CHUNNELD_TESTS_FAKE_ENDPOINT_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "core/endpoint.h"

struct source_watch {
    struct source *source;      /* owned; NULL after free */
    struct delivery_list given; /* received and not yet settled, oldest first */
    uint64_t received;          /* deliveries so far */
    uint64_t bytes;             /* of their bodies */
    bool keep;                  /* settle() is the test's affair; otherwise it follows at once */
    bool in_operation;          /* an operation is under way */
    bool ready;                 /* the last on_link */
    unsigned readies, waitings; /* times of each */
    char why[480];              /* words of the last WAITING */
    unsigned stopped;           /* on_stopped so far */
    unsigned lost;              /* likewise on_lost */
};

void source_watch_init(struct source_watch *watch, struct source *source);
void source_watch_start(struct source_watch *watch);
void source_watch_pause(struct source_watch *watch);
void source_watch_resume(struct source_watch *watch);
/* Settles the oldest delivery. */
void source_watch_settle(struct source_watch *watch);
void source_watch_settle_all(struct source_watch *watch);
void source_watch_stop(struct source_watch *watch);
/* Frees the source, and what was not settled, as at the end of a test that failed half-way. */
void source_watch_free(struct source_watch *watch);

struct sink_watch {
    struct sink *sink;          /* owned; NULL after free */
    struct strbuf settled;      /* "D1 R2 ...": the outcome and the number */
    uint64_t sent;              /* deliveries that it took: their numbers count from 1 */
    uint64_t back;              /* of these, settled */
    uint64_t outcomes[8];       /* by enum outcome */
    uint64_t late[8];           /* those of on_late */
    bool in_operation;          /* an operation is under way */
    bool ready;                 /* the last on_link */
    unsigned readies, waitings; /* times of each */
    unsigned writables;         /* on_writable so far */
    char why[480];              /* words of the last WAITING */
    char settled_why[480];      /* words of the last on_settled or on_late */
    char refused_why[480];      /* words of the last send() that refused */
    unsigned stopped;           /* on_stopped so far */
    unsigned lost;              /* likewise on_lost */
};

void sink_watch_init(struct sink_watch *watch, struct sink *sink);
void sink_watch_start(struct sink_watch *watch);
/* Sends a new delivery, which is freed again if it is not taken. */
enum sink_result sink_watch_send(struct sink_watch *watch, struct slice channel, struct slice body);
void sink_watch_stop(struct sink_watch *watch, bool now);
void sink_watch_free(struct sink_watch *watch);

#endif
