/* Does a canary go round and tell how long it took, is a subscription that hears nothing renewed,
 * once, and is one left in peace that hears anything, reads nothing, or was never told? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "endpoint_watch.h"
#include "redis/canary.h"
#include "redis/hub.h"
#include "redis_bed.h"

#define PUBLISHED "PUBLISH chunnel.canary.gw 1."
#define SUBSCRIBED "SUBSCRIBE chunnel.canary.gw 1."

enum { INTERVAL_US = 50000 };

struct canary_bed {
    struct redis_bed bed;
    struct source_watch watch;
    bool echoes;       /* canaries come back */
    bool streams;      /* other messages come all the time */
    unsigned answered; /* canaries seen so far */
};

static int set_up(void **state)
{
    struct canary_bed *c = calloc(1, sizeof(*c));
    struct redis_peer *peer = redis_peer_new();

    assert_non_null(c);
    redis_bed_init(&c->bed, peer, redis_peer_port(peer));
    c->bed.conf.canary_us = INTERVAL_US;
    redis_bed_make_hub(&c->bed);
    redis_hub_start(c->bed.hub);
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct canary_bed *c = *state;

    source_watch_settle_all(&c->watch);
    source_watch_stop(&c->watch);
    redis_bed_wait(&c->bed, c->watch.stopped == 1);
    source_watch_free(&c->watch);
    redis_bed_fini(&c->bed);
    free(c);
    return 0;
}

static void start(struct canary_bed *c, enum conf_source_kind kind, const char *name,
                  bool dedicated)
{
    struct conf_source conf = {.kind = kind, .names = {&name, 1}};

    source_watch_init(&c->watch, redis_source_new(c->bed.hub, &conf, "orders", dedicated));
    source_watch_start(&c->watch);
    redis_bed_wait(&c->bed, c->watch.ready);
}

static unsigned published(const struct canary_bed *c)
{
    return redis_peer_count(c->bed.peer, PUBLISHED);
}

/* The word number `word`, from 0, of the last canary that was published. */
static struct slice last_word(const struct canary_bed *c, unsigned word)
{
    const char *line = redis_peer_log(c->bed.peer);
    const char *at;

    while ((at = strstr(line, PUBLISHED)) != NULL) {
        line = at + 1;
    }
    line--;
    while (word-- > 0) {
        line = strchr(line, ' ') + 1;
    }
    return slice_make(line, strcspn(line, " \n"));
}

/* The channel, which has a space in it. */
static struct slice channel_of_last(const struct canary_bed *c)
{
    struct slice begin = last_word(c, 1);
    struct slice end = last_word(c, 2);

    return slice_make(begin.data, (size_t)(end.data + end.len - begin.data));
}

static struct canary_status status(const struct canary_bed *c)
{
    struct connection_status all;

    redis_hub_status(c->bed.hub, &all);
    return all.canary;
}

/* A turn, in which the server sends what it is to send. */
static bool turn(struct canary_bed *c)
{
    redis_bed_turn(&c->bed);
    if (published(c) > c->answered) {
        c->answered = published(c);
        if (c->echoes) {
            redis_peer_push_message(c->bed.peer, channel_of_last(c), last_word(c, 3));
        }
    }
    if (c->streams && redis_peer_subscriptions(c->bed.peer) > 1) {
        redis_peer_push_message(c->bed.peer, SLICE("a"), SLICE("x"));
    }
    return true;
}

static void turn_until_published(struct canary_bed *c, unsigned count)
{
    count += published(c);
    redis_bed_wait(&c->bed, turn(c) && published(c) >= count);
}

static void it_goes_round(void **state)
{
    struct canary_bed *c = *state;

    c->echoes = true;
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    assert_true(status(c).is_on);
    assert_false(status(c).is_known);
    turn_until_published(c, 1);
    assert_true(slice_equal_text(last_word(c, 3), "1"));
    turn_until_published(c, 2);
    assert_true(slice_equal_text(last_word(c, 3), "3"));
    assert_true(status(c).is_known);
    assert_in_range(status(c).last_us, 1, status(c).max_us);
    assert_int_equal(status(c).renewals, 0);
    assert_int_equal(c->watch.received, 0);
    assert_int_equal(redis_peer_count(c->bed.peer, SUBSCRIBED), 1);
}

static void what_is_deaf_is_renewed(void **state)
{
    struct canary_bed *c = *state;
    const struct subscription_gap *gap;

    c->echoes = true;
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    gap = redis_source_gap(c->watch.source);
    turn_until_published(c, 2);
    c->echoes = false;
    redis_bed_wait(&c->bed, turn(c) && status(c).renewals == 1);
    c->echoes = true;
    redis_bed_wait(&c->bed, turn(c) && c->watch.readies == 2);
    assert_int_equal(redis_peer_count(c->bed.peer, "SUBSCRIBE a"), 2);
    assert_non_null(strstr(redis_bed_log(), "purpose=subscribe server"));
    assert_non_null(strstr(redis_bed_log(), "deaf: the canary did not come back within 0.05 s"));
    assert_int_equal(gap->count, 1);
    /* From the last one that was heard, the deaf one's time and the reconnect: */
    assert_true(gap->total_us >= INTERVAL_US);
    turn_until_published(c, 3);
    assert_int_equal(status(c).renewals, 1);
}

static void what_stays_deaf_is_renewed_less_and_less(void **state)
{
    struct canary_bed *c = *state;

    start(c, CONF_SOURCE_CHANNEL, "a", false);
    redis_bed_wait(&c->bed, turn(c) && status(c).renewals == 4);
    assert_true(published(c) >= 1 + 1 + 2 + 3);
}

static void other_messages_are_life(void **state)
{
    struct canary_bed *c = *state;

    c->streams = true;
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    turn_until_published(c, 5);
    assert_int_equal(status(c).renewals, 0);
    assert_false(status(c).is_known);
    assert_int_equal(c->watch.waitings, 0);
    assert_true(c->watch.received > 0);
}

static void a_large_message_under_way_is_life(void **state)
{
    struct canary_bed *c = *state;
    static char part[8192];
    unsigned i;

    memset(part, 'x', sizeof(part));
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    redis_peer_push(c->bed.peer, SLICE("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1000000\r\n"));
    for (i = 0; i < 4; i++) {
        turn_until_published(c, 1);
        redis_peer_push(c->bed.peer, slice_make(part, sizeof(part)));
    }
    assert_int_equal(status(c).renewals, 0);
}

static void an_unanswered_canary_judges_nobody(void **state)
{
    struct canary_bed *c = *state;
    uint64_t end;

    redis_peer_answer(c->bed.peer, "PUBLISH", "");
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    turn_until_published(c, 1);
    end = redis_bed_now_us() + 8 * INTERVAL_US;
    redis_bed_wait(&c->bed, turn(c) && redis_bed_now_us() > end);
    assert_int_equal(published(c), 1);
    assert_int_equal(status(c).renewals, 0);
}

static void a_forbidden_canary_is_told_once(void **state)
{
    struct canary_bed *c = *state;
    uint64_t end;

    redis_peer_answer(c->bed.peer, "PUBLISH", "-NOPERM this user has no permissions\r\n");
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    turn_until_published(c, 1);
    end = redis_bed_now_us() + 8 * INTERVAL_US;
    redis_bed_wait(&c->bed, turn(c) && redis_bed_now_us() > end);
    assert_int_equal(published(c), 1);
    assert_int_equal(status(c).renewals, 0);
    assert_int_equal(c->watch.waitings, 0);
    assert_non_null(strstr(redis_bed_log(), "allow the user the channels"));
    /* On another link it is tried again, and not told again. */
    redis_peer_drop(c->bed.peer, false);
    redis_bed_wait(&c->bed, turn(c) && published(c) == 2);
    turn(c);
    assert_null(strstr(strstr(redis_bed_log(), "no canary, so") + 1, "no canary, so"));
    redis_peer_forget_answers(c->bed.peer);
    c->echoes = true;
    redis_peer_drop(c->bed.peer, false);
    redis_bed_wait(&c->bed, turn(c) && status(c).is_known);
}

static void a_failing_publish_is_tried_again(void **state)
{
    struct canary_bed *c = *state;

    redis_peer_answer(c->bed.peer, "PUBLISH", "-MISCONF not now\r\n");
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    turn_until_published(c, 3);
    assert_int_equal(status(c).renewals, 0);
    assert_null(strstr(strstr(redis_bed_log(), "no canary, so") + 1, "no canary, so"));
}

static void a_forbidden_subscription_stops_nobody(void **state)
{
    struct canary_bed *c = *state;
    uint64_t end;

    redis_peer_answer(c->bed.peer, SUBSCRIBED, "-NOPERM this user has no permissions\r\n");
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    end = redis_bed_now_us() + 8 * INTERVAL_US;
    redis_bed_wait(&c->bed, turn(c) && redis_bed_now_us() > end);
    assert_int_equal(published(c), 0);
    assert_int_equal(redis_peer_count(c->bed.peer, SUBSCRIBED), 1);
    assert_int_equal(c->watch.waitings, 0);
    assert_non_null(strstr(redis_bed_log(), "no canary, so"));
    redis_peer_forget_answers(c->bed.peer);
    c->echoes = true;
    redis_peer_drop(c->bed.peer, false);
    redis_bed_wait(&c->bed, turn(c) && status(c).is_known);
}

static void one_that_does_not_read_is_left_in_peace(void **state)
{
    struct canary_bed *c = *state;

    start(c, CONF_SOURCE_CHANNEL, "a", true);
    source_watch_pause(&c->watch);
    turn_until_published(c, 4);
    assert_int_equal(status(c).renewals, 0);
    source_watch_resume(&c->watch);
    redis_bed_wait(&c->bed, turn(c) && status(c).renewals == 1);
    c->echoes = true;
    redis_bed_wait(&c->bed, turn(c) && status(c).is_known);
    assert_non_null(strstr(redis_bed_log(), "purpose=subscribe-orders server"));
}

static void no_pattern_matches_it(void **state)
{
    struct canary_bed *c = *state;

    c->echoes = true;
    start(c, CONF_SOURCE_PATTERN, "*", false);
    c->watch.keep = true;
    turn_until_published(c, 2);
    redis_peer_push(c->bed.peer,
                    SLICE("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\nchunnel.canary.gw."
                          "\r\n$1\r\n1\r\n"));
    redis_peer_push(c->bed.peer, SLICE("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$14\r\nchunnel.canary"
                                       "\r\n$1\r\n2\r\n"));
    redis_bed_wait(&c->bed, turn(c) && c->watch.received == 1);
    turn_until_published(c, 2);
    assert_int_equal(c->watch.received, 1);
    assert_true(slice_equal_text(TAILQ_FIRST(&c->watch.given)->body, "2"));
    assert_int_equal(status(c).renewals, 0);
}

static void foreign_bodies_are_no_canaries(void **state)
{
    static const char *const bodies[] = {
        "", "x", "0", "-1", "1 ", " 1", "1x", "77", "18446744073709551617", "99999999999999999999",
    };
    struct canary_bed *c = *state;
    size_t i;

    c->streams = true; /* nobody is renewed meanwhile */
    start(c, CONF_SOURCE_CHANNEL, "a", false);
    turn_until_published(c, 1);
    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        redis_peer_push_message(c->bed.peer, channel_of_last(c), slice_of(bodies[i]));
    }
    turn_until_published(c, 2);
    assert_false(status(c).is_known);
    redis_peer_push_message(c->bed.peer, channel_of_last(c), SLICE("1"));
    redis_bed_wait(&c->bed, turn(c) && status(c).is_known);
}

#define CANARY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CANARY_TEST(it_goes_round),
        CANARY_TEST(what_is_deaf_is_renewed),
        CANARY_TEST(what_stays_deaf_is_renewed_less_and_less),
        CANARY_TEST(other_messages_are_life),
        CANARY_TEST(a_large_message_under_way_is_life),
        CANARY_TEST(an_unanswered_canary_judges_nobody),
        CANARY_TEST(a_forbidden_canary_is_told_once),
        CANARY_TEST(a_failing_publish_is_tried_again),
        CANARY_TEST(a_forbidden_subscription_stops_nobody),
        CANARY_TEST(one_that_does_not_read_is_left_in_peace),
        CANARY_TEST(no_pattern_matches_it),
        CANARY_TEST(foreign_bodies_are_no_canaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
