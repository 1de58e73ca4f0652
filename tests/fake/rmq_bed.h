/* What a test of amqp/ lies in: the fake net, a scripted broker, a configured connection and its
 * hub. The log is kept, and printed when a test fails by rmq_bed_check. */
#ifndef CHUNNELD_TESTS_FAKE_RMQ_BED_H
#define CHUNNELD_TESTS_FAKE_RMQ_BED_H

#include <stdbool.h>

#include "amqp/hub.h"
#include "base/rand.h"
#include "conf/config.h"
#include "endpoint_watch.h"
#include "fake_net.h"
#include "rmq_peer.h"

#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)

struct rmq_bed {
    struct loop *loop;
    struct rmq_peer *peer;
    struct rand rand;
    struct conf_url urls[3];
    struct conf_connection conf;   /* "rabbit", of the first url */
    struct conf_topology topology; /* empty at first */
    struct rmq_hub *hub;
    bool closed;                    /* on_closed came */
    struct conf_source source_conf; /* queue "q" at first, prefetch 4 */
    struct conf_sink sink_conf;     /* mandatory, of an exchange */
    struct bridge_options options;
};

/* For cmocka's setup and teardown: *state is a struct rmq_bed with no hub yet. */
int rmq_bed_set_up(void **state);
int rmq_bed_tear_down(void **state);

/* Makes the hub of the configuration as it is now. */
void rmq_bed_make_hub(struct rmq_bed *bed);
/* Stops and frees it; the endpoints must be gone. */
void rmq_bed_tear_down_hub(struct rmq_bed *bed);
/* Endpoints of the configuration as it is now, watched; and started, with the hub. */
void rmq_bed_make_source(struct rmq_bed *bed, struct source_watch *watch);
void rmq_bed_make_sink(struct rmq_bed *bed, struct sink_watch *watch);
void rmq_bed_start_source(struct rmq_bed *bed, struct source_watch *watch);
void rmq_bed_start_sink(struct rmq_bed *bed, struct sink_watch *watch);
/* Stops and frees them. */
void rmq_bed_end_source(struct rmq_bed *bed, struct source_watch *watch);
void rmq_bed_end_sink(struct rmq_bed *bed, struct sink_watch *watch);

/* Sends a new delivery with the body to exchange "x" with the routing key "key". */
enum sink_result rmq_bed_send(struct sink_watch *watch, struct slice body);
enum sink_result rmq_bed_send_out(struct sink_watch *watch, const struct outgoing *out);
/* Settles the delivery with the tag. */
void rmq_bed_settle_tag(struct source_watch *watch, uint64_t tag, enum settlement how);

void rmq_bed_settle(struct rmq_bed *bed);
void rmq_bed_advance(struct rmq_bed *bed, uint64_t us);
/* All that the sink has settled so far, as struct sink_watch writes it down. */
void rmq_bed_expect_settled(struct rmq_bed *bed, struct sink_watch *watch, const char *expected);
/* The same when it is not ready, for a reason that holds `words`, and is again a second later. */
void rmq_bed_expect_lost(struct rmq_bed *bed, struct sink_watch *watch, const char *settled,
                         const char *words);
/* The sessions of the peer. */
struct rmq_session *rmq_bed_publishing(const struct rmq_bed *bed);
struct rmq_session *rmq_bed_consuming(const struct rmq_bed *bed);
struct connection_status rmq_bed_status(const struct rmq_bed *bed);
/* The daemon's log so far; whether it holds `text`. */
const char *rmq_bed_log(void);
bool rmq_bed_logged(const char *text);
unsigned rmq_bed_count_logged(const char *text);

/* As assert_true, with both logs when it fails. */
#define rmq_bed_check(bed, condition)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            rmq_bed_fail((bed), #condition, __FILE__, __LINE__);                                   \
        }                                                                                          \
    } while (0)
void rmq_bed_fail(const struct rmq_bed *bed, const char *condition, const char *file, int line);

#endif
