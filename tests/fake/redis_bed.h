/* What a test of redis/ lies in: a loop, a configured connection to one server, and waiting for a
 * condition with a deadline. The log is kept, and printed when the wait is in vain. */
#ifndef CHUNNELD_TESTS_FAKE_REDIS_BED_H
#define CHUNNELD_TESTS_FAKE_REDIS_BED_H

#include <stdbool.h>

#include "base/rand.h"
#include "base/strbuf.h"
#include "conf/config.h"
#include "net/loop.h"
#include "redis/hub.h"
#include "redis_peer.h"

struct redis_bed {
    struct loop *loop;
    struct rand rand;
    struct redis_peer *peer; /* polled in every turn; NULL: none */
    struct conf_url urls[2];
    struct conf_connection conf; /* "redis", of the first url */
    struct redis_hub *hub;       /* made by redis_bed_hub */
};

/* Sets up; the url leads to `port`. */
void redis_bed_init(struct redis_bed *bed, struct redis_peer *peer, uint16_t port);
/* Frees all, the peer too. */
void redis_bed_fini(struct redis_bed *bed);
/* Makes a hub of the configuration as it is then. */
void redis_bed_make_hub(struct redis_bed *bed);

/* One turn of the loop, and a poll of the peer. */
void redis_bed_turn(struct redis_bed *bed);
/* Monotonic µs. */
uint64_t redis_bed_now_us(void);
/* Fails the test, with the log. */
void redis_bed_fail(const char *condition, const char *file, int line);
/* The log so far. */
const char *redis_bed_log(void);

/* Turns until the condition holds; fails the test after 30 s. */
#define redis_bed_wait(bed, condition)                                                             \
    do {                                                                                           \
        uint64_t deadline_ = redis_bed_now_us() + 30 * 1000 * 1000;                                \
        while (!(condition)) {                                                                     \
            redis_bed_turn(bed);                                                                   \
            if (redis_bed_now_us() > deadline_) {                                                  \
                redis_bed_fail(#condition, __FILE__, __LINE__);                                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Turns for so long that what is under way on loopback has arrived. */
void redis_bed_settle(struct redis_bed *bed);

#endif
