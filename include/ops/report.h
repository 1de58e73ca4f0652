/* A report: text of our own (stats, events) on its way to a Redis channel, an AMQP exchange or
 * both. To the channel it is published at once or not at all; to the exchange it goes through a
 * small bridge of its own, which waits for the broker and gives up the oldest first. */
#ifndef CHUNNELD_OPS_REPORT_H
#define CHUNNELD_OPS_REPORT_H

#include "amqp/hub.h"
#include "base/rand.h"
#include "base/slice.h"
#include "conf/config.h"
#include "net/loop.h"
#include "redis/hub.h"

struct report;

/* All borrowed for the report's life. */
struct report_setup {
    struct loop *loop;
    const char *name; /* "stats": for the log and the channel */
    const char *instance;
    const struct conf_report *conf;
    struct redis_hub *redis; /* NULL: no channel */
    struct rmq_hub *rmq;     /* NULL: no exchange */
    struct rand *rand;
    uint64_t waiting; /* most texts that wait for the broker, at least 1 */
};

/* NULL: out of memory. */
struct report *report_new(const struct report_setup *setup);
void report_start(struct report *report);
/* Sends `body`, which is copied where it has to wait. Legal at any time; nothing is sent before
 * start and after stop. */
void report_publish(struct report *report, struct slice body);
/* No more; what waits for the broker is given up. on_stopped once, later. Legal once. */
void report_stop(struct report *report, void (*on_stopped)(void *ctx), void *ctx);
/* NULL is legal; not inside on_stopped. */
void report_free(struct report *report);

#endif
