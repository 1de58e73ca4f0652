/* Does a Redis source keep the laws of endpoints, share subscriptions, come back after every loss,
 * wait for what is forbidden, and count exactly the time when it was not subscribed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "endpoint_laws.h"
#include "endpoint_watch.h"
#include "redis/hub.h"
#include "redis_bed.h"

static int set_up(void **state)
{
    struct redis_bed *bed = calloc(1, sizeof(*bed));
    struct redis_peer *peer = redis_peer_new();

    assert_non_null(bed);
    redis_bed_init(bed, peer, redis_peer_port(peer));
    redis_bed_make_hub(bed);
    redis_hub_start(bed->hub);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    redis_bed_fini(*state);
    free(*state);
    return 0;
}

/* A source of these names; `names` ends with NULL. */
static void make(struct redis_bed *bed, struct source_watch *watch, enum conf_source_kind kind,
                 const char **names, bool dedicated)
{
    struct conf_source conf = {.kind = kind, .connection = &bed->conf, .names = {names, 0}};

    while (names[conf.names.count] != NULL) {
        conf.names.count++;
    }
    source_watch_init(watch, redis_source_new(bed->hub, &conf, "orders", dedicated));
}

static void make_ready(struct redis_bed *bed, struct source_watch *watch, const char *name)
{
    make(bed, watch, CONF_SOURCE_CHANNEL, (const char *[]){name, NULL}, false);
    source_watch_start(watch);
    redis_bed_wait(bed, watch->ready);
}

static void stop_and_free(struct redis_bed *bed, struct source_watch *watch)
{
    source_watch_stop(watch);
    redis_bed_wait(bed, watch->stopped == 1);
    source_watch_free(watch);
}

static const struct delivery *only(const struct source_watch *watch)
{
    assert_false(TAILQ_EMPTY(&watch->given));
    return TAILQ_FIRST(&watch->given);
}

/* The far side for the laws. */
static struct source *laws_make(void *ctx)
{
    struct redis_bed *bed = ctx;
    static const char *names[] = {"news"};
    struct conf_source conf = {.kind = CONF_SOURCE_CHANNEL, .names = {names, 1}};

    redis_peer_shut(bed->peer, true);
    redis_peer_drop(bed->peer, false);
    redis_bed_settle(bed);
    return redis_source_new(bed->hub, &conf, "orders", bed->conf.heartbeat_us != 0);
}

static void laws_link_up(void *ctx)
{
    redis_peer_shut(((struct redis_bed *)ctx)->peer, false);
}

static void laws_link_down(void *ctx)
{
    redis_peer_shut(((struct redis_bed *)ctx)->peer, true);
    redis_peer_drop(((struct redis_bed *)ctx)->peer, false);
}

static void laws_publish(void *ctx)
{
    struct redis_bed *bed = ctx;

    redis_bed_wait(bed, redis_peer_subscriptions(bed->peer) > 0);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("hello"));
}

static void laws_work(void *ctx, bool (*done)(const void *arg), const void *arg)
{
    struct redis_bed *bed = ctx;

    if (done == NULL) {
        redis_bed_settle(bed);
        return;
    }
    redis_bed_wait(bed, done(arg));
}

static void keeps_the_laws_of_endpoints(void **state)
{
    struct redis_bed *bed = *state;
    struct source_bed laws = {bed,          laws_make, laws_link_up, laws_link_down,
                              laws_publish, laws_work};

    endpoint_laws_check_source(&laws);
}

static void keeps_the_laws_on_a_socket_of_its_own(void **state)
{
    struct redis_bed *bed = *state;
    struct source_bed laws = {bed,          laws_make, laws_link_up, laws_link_down,
                              laws_publish, laws_work};

    bed->conf.heartbeat_us = 1; /* the mark for laws_make; Redis knows no heartbeat */
    endpoint_laws_check_source(&laws);
}

static void says_what_it_can(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch shared, dedicated;
    const char *names[] = {"a", NULL};

    make(bed, &shared, CONF_SOURCE_CHANNEL, names, false);
    make(bed, &dedicated, CONF_SOURCE_CHANNEL, names, true);
    assert_int_equal(shared.source->can, 0);
    assert_int_equal(dedicated.source->can, ENDPOINT_PAUSES);
    source_watch_free(&shared);
    source_watch_free(&dedicated);
}

static void refuses_what_no_server_sends(void **state)
{
    static const struct {
        struct slice bytes;
        const char *words;
    } cases[] = {
        {SLICE("*3\r\n$7\r\nmessage\r\n$5\r\nother\r\n$1\r\nx\r\n"), "not subscribed"},
        {SLICE("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$4\r\nnews\r\n$1\r\nx\r\n"), "not subscribed"},
        {SLICE("*3\r\n$7\r\nmessage\r\n$-1\r\n$1\r\nx\r\n"), "not asked for"},
        {SLICE("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n:1\r\n"), "not asked for"},
        {SLICE("*2\r\n$7\r\nmessage\r\n$4\r\nnews\r\n"), "not asked for"},
        {SLICE("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:2\r\n"), "not asked for"},
        {SLICE("*3\r\n$12\r\nsunsubscribe\r\n$4\r\nnews\r\n:0\r\n"), "not asked for"},
        {SLICE("*0\r\n"), "not asked for"},
        {SLICE(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n"), ""},
        {SLICE("$-5\r\n"), "length"},
    };
    struct redis_bed *bed = *state;
    struct source_watch watch;
    size_t i;

    make_ready(bed, &watch, "news");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned waitings = watch.waitings;

        redis_peer_push(bed->peer, cases[i].bytes);
        redis_bed_wait(bed, watch.waitings > waitings);
        assert_non_null(strstr(watch.why, cases[i].words));
        redis_bed_wait(bed, watch.ready);
    }
    assert_int_equal(watch.received, 0);
    redis_peer_answer(bed->peer, "SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n$3\r\nnew\r\n:1\r\n");
    redis_peer_drop(bed->peer, false);
    redis_bed_wait(bed, strstr(watch.why, "out of order") != NULL);
    redis_peer_forget_answers(bed->peer);
    redis_bed_wait(bed, watch.ready);
    stop_and_free(bed, &watch);
}

static void gives_what_came_to_the_byte(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    make_ready(bed, &watch, "news");
    watch.keep = true;
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("a\0\r\n\xff"));
    redis_bed_wait(bed, watch.received == 1);
    assert_true(slice_equal(only(&watch)->channel, SLICE("news")));
    assert_null(only(&watch)->pattern.data);
    assert_true(slice_equal(only(&watch)->body, SLICE("a\0\r\n\xff")));
    assert_true(only(&watch)->size >= sizeof(struct delivery) + 9);
    source_watch_settle(&watch);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE(""));
    redis_bed_wait(bed, watch.received == 2);
    assert_int_equal(only(&watch)->body.len, 0);
    source_watch_settle_all(&watch);
    stop_and_free(bed, &watch);
}

static void gives_patterns_with_what_they_matched(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    make(bed, &watch, CONF_SOURCE_PATTERN, (const char *[]){"n*", NULL}, false);
    watch.keep = true;
    source_watch_start(&watch);
    redis_bed_wait(bed, watch.ready);
    assert_int_equal(redis_peer_count(bed->peer, "PSUBSCRIBE n*"), 1);
    redis_peer_push(bed->peer,
                    SLICE("*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n"));
    redis_bed_wait(bed, watch.received == 1);
    assert_true(slice_equal(only(&watch)->channel, SLICE("news")));
    assert_true(slice_equal(only(&watch)->pattern, SLICE("n*")));
    assert_true(slice_equal(only(&watch)->body, SLICE("x")));
    source_watch_settle_all(&watch);
    stop_and_free(bed, &watch);
    assert_int_equal(redis_peer_count(bed->peer, "PUNSUBSCRIBE n*"), 1);
}

static void whatever_the_pieces(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;
    int i;

    redis_peer_set_piece(bed->peer, 1);
    make_ready(bed, &watch, "news");
    for (i = 0; i < 10; i++) {
        redis_peer_push_message(bed->peer, SLICE("news"), SLICE("0123456789"));
    }
    redis_bed_wait(bed, watch.received == 10);
    assert_int_equal(watch.bytes, 100);
    stop_and_free(bed, &watch);
}

static void shares_a_subscription(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch one, two;

    make_ready(bed, &one, "news");
    make_ready(bed, &two, "news");
    assert_int_equal(redis_peer_count(bed->peer, "SUBSCRIBE"), 1);
    assert_int_equal(redis_peer_clients(bed->peer), 1);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_wait(bed, one.received == 1 && two.received == 1);
    stop_and_free(bed, &one);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_wait(bed, two.received == 2);
    assert_int_equal(redis_peer_count(bed->peer, "UNSUBSCRIBE"), 0);
    stop_and_free(bed, &two);
    redis_bed_wait(bed, redis_peer_count(bed->peer, "UNSUBSCRIBE news") == 1);
}

static void a_name_given_twice_is_one(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"a", "b", "a", NULL}, false);
    source_watch_start(&watch);
    redis_bed_wait(bed, watch.ready);
    redis_peer_push_message(bed->peer, SLICE("a"), SLICE("x"));
    redis_peer_push_message(bed->peer, SLICE("b"), SLICE("x"));
    redis_bed_wait(bed, watch.received >= 2);
    redis_bed_settle(bed);
    assert_int_equal(watch.received, 2);
    assert_int_equal(redis_peer_count(bed->peer, "SUBSCRIBE"), 2);
    stop_and_free(bed, &watch);
}

static void is_ready_when_all_is_confirmed(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    redis_peer_answer(bed->peer, "SUBSCRIBE b", "");
    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"a", "b", NULL}, false);
    source_watch_start(&watch);
    redis_bed_wait(bed, redis_peer_count(bed->peer, "SUBSCRIBE") == 2);
    redis_bed_settle(bed);
    assert_int_equal(watch.readies, 0);
    redis_peer_push(bed->peer, SLICE("*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"));
    redis_bed_wait(bed, watch.ready);
    assert_int_equal(redis_source_gap(watch.source)->count, 0); /* the first time is no gap */
    stop_and_free(bed, &watch);
}

static void a_forbidden_channel_holds_only_its_sources(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch good, bad;

    redis_peer_answer(bed->peer, "SUBSCRIBE secret",
                      "-NOPERM this user has no permissions to access one of the channels\r\n");
    make(bed, &bad, CONF_SOURCE_CHANNEL, (const char *[]){"secret", "news", NULL}, false);
    make(bed, &good, CONF_SOURCE_CHANNEL, (const char *[]){"news", NULL}, false);
    source_watch_start(&bad);
    source_watch_start(&good);
    redis_bed_wait(bed, good.ready && strstr(bad.why, "NOPERM") != NULL);
    assert_string_equal(bad.why, "channel \"secret\": NOPERM this user has no permissions to "
                                 "access one of the channels");
    redis_bed_wait(bed, redis_peer_count(bed->peer, "SUBSCRIBE secret") >= 3);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_wait(bed, good.received == 1 && bad.received == 1);
    assert_int_equal(redis_peer_clients(bed->peer), 1);
    assert_int_equal(bad.readies, 0);
    redis_peer_forget_answers(bed->peer);
    redis_bed_wait(bed, bad.ready);
    assert_int_equal(good.readies, 1);
    assert_int_equal(redis_source_gap(bad.source)->count, 0);
    stop_and_free(bed, &good);
    stop_and_free(bed, &bad);
}

static void leaves_a_forbidden_channel(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;
    unsigned asked;

    redis_peer_answer(bed->peer, "SUBSCRIBE", "-NOPERM no\r\n");
    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"secret", NULL}, false);
    source_watch_start(&watch);
    redis_bed_wait(bed, strstr(watch.why, "NOPERM") != NULL);
    stop_and_free(bed, &watch);
    asked = redis_peer_count(bed->peer, "SUBSCRIBE");
    redis_bed_settle(bed);
    assert_in_range(redis_peer_count(bed->peer, "SUBSCRIBE"), asked, asked + 1);
    assert_int_equal(redis_peer_count(bed->peer, "UNSUBSCRIBE"), 0);
}

static void counts_the_time_without_a_subscription(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch, late;
    const struct subscription_gap *gap;
    uint64_t lost, back;

    make_ready(bed, &watch, "news");
    gap = redis_source_gap(watch.source);
    assert_int_equal(gap->count, 0);
    lost = redis_bed_now_us();
    redis_peer_shut(bed->peer, true);
    redis_peer_drop(bed->peer, false);
    redis_bed_wait(bed, !watch.ready && strstr(watch.why, "refused") != NULL);
    make(bed, &late, CONF_SOURCE_CHANNEL, (const char *[]){"news", NULL}, false);
    source_watch_start(&late);
    redis_bed_wait(bed, late.waitings > 0);
    assert_int_equal(gap->count, 1);
    assert_true(gap->since_us > 0 && gap->since_us <= redis_bed_now_us());
    redis_peer_shut(bed->peer, false);
    redis_bed_wait(bed, watch.ready && late.ready);
    back = redis_bed_now_us();
    assert_int_equal(gap->count, 1);
    assert_int_equal(gap->since_us, 0);
    assert_in_range(gap->total_us, 1, back - lost + 100000);
    assert_int_equal(redis_source_gap(late.source)->count, 0);
    assert_non_null(strstr(redis_bed_log(), "subscribed again"));
    assert_non_null(strstr(redis_bed_log(), " from=20"));
    assert_non_null(strstr(redis_bed_log(), " why=\"closed by the peer\" times=1 "));
    stop_and_free(bed, &watch);
    stop_and_free(bed, &late);
}

static void a_gap_lasts_until_all_is_subscribed_again(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;
    const struct subscription_gap *gap;

    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"a", "b", NULL}, false);
    source_watch_start(&watch);
    redis_bed_wait(bed, watch.ready);
    gap = redis_source_gap(watch.source);
    redis_peer_answer(bed->peer, "SUBSCRIBE b", "-NOPERM no\r\n");
    redis_peer_drop(bed->peer, false);
    redis_bed_wait(bed, strstr(watch.why, "\"b\"") != NULL);
    assert_int_equal(gap->count, 1);
    assert_true(gap->since_us > 0);
    redis_peer_drop(bed->peer, false); /* still the same gap */
    redis_bed_wait(bed, strstr(watch.why, "closed") != NULL);
    redis_bed_wait(bed, strstr(watch.why, "\"b\"") != NULL);
    assert_int_equal(gap->count, 1);
    redis_peer_forget_answers(bed->peer);
    redis_bed_wait(bed, watch.ready);
    assert_int_equal(gap->count, 1);
    assert_int_equal(gap->since_us, 0);
    stop_and_free(bed, &watch);
}

static void pausing_a_shared_source_unsubscribes_it(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch, other;

    make_ready(bed, &watch, "news");
    make_ready(bed, &other, "more");
    source_watch_pause(&watch);
    redis_bed_wait(bed, redis_peer_count(bed->peer, "UNSUBSCRIBE news") == 1);
    assert_int_equal(redis_source_gap(watch.source)->count, 1);
    redis_peer_push_message(bed->peer, SLICE("more"), SLICE("x"));
    redis_bed_wait(bed, other.received == 1);
    source_watch_resume(&watch);
    redis_bed_wait(bed, watch.readies == 2);
    assert_string_equal(watch.why, ""); /* nothing was wrong: the bridge tells it as an error */
    assert_int_equal(redis_source_gap(watch.source)->since_us, 0);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_wait(bed, watch.received == 1);
    stop_and_free(bed, &watch);
    stop_and_free(bed, &other);
}

static void changing_ones_mind_before_the_replies(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;
    int i;

    make_ready(bed, &watch, "news");
    for (i = 0; i < 5; i++) {
        source_watch_pause(&watch);
        loop_turn(bed->loop, 0);
        source_watch_resume(&watch);
        loop_turn(bed->loop, 0);
    }
    redis_bed_wait(bed, watch.ready && watch.readies == 2);
    assert_int_equal(redis_peer_count(bed->peer, "SUBSCRIBE"), 6);
    assert_int_equal(redis_peer_count(bed->peer, "UNSUBSCRIBE"), 5);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_wait(bed, watch.received == 1);
    stop_and_free(bed, &watch);
}

static void pausing_a_dedicated_source_loses_nothing(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch, other;
    int i;

    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"news", NULL}, true);
    source_watch_start(&watch);
    make_ready(bed, &other, "news");
    redis_bed_wait(bed, watch.ready);
    assert_int_equal(redis_peer_clients(bed->peer), 2);
    assert_int_equal(redis_peer_count(bed->peer, "CLIENT SETNAME chunneld:gw_1:subscribe-orders"),
                     1);
    source_watch_pause(&watch);
    for (i = 0; i < 100; i++) {
        redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    }
    redis_bed_wait(bed, other.received == 100);
    redis_bed_settle(bed);
    assert_int_equal(watch.received, 0);
    source_watch_resume(&watch);
    redis_bed_wait(bed, watch.received == 100);
    assert_int_equal(redis_source_gap(watch.source)->count, 0);
    stop_and_free(bed, &watch);
    redis_bed_wait(bed, redis_peer_clients(bed->peer) == 1);
    stop_and_free(bed, &other);
}

static void a_pause_outlives_the_connection(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    make(bed, &watch, CONF_SOURCE_CHANNEL, (const char *[]){"news", NULL}, true);
    source_watch_pause(&watch);
    source_watch_start(&watch);
    redis_bed_wait(bed, watch.ready); /* subscribed, but not read */
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_settle(bed);
    assert_int_equal(watch.received, 0);
    source_watch_resume(&watch);
    redis_bed_wait(bed, watch.received == 1);
    redis_peer_drop(bed->peer, false);
    redis_bed_wait(bed, !watch.ready);
    source_watch_pause(&watch);
    redis_bed_wait(bed, watch.ready);
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_bed_settle(bed);
    assert_int_equal(watch.received, 1);
    source_watch_resume(&watch);
    redis_bed_wait(bed, watch.received == 2);
    stop_and_free(bed, &watch);
}

static void settles_after_the_loss(void **state)
{
    struct redis_bed *bed = *state;
    struct source_watch watch;

    make_ready(bed, &watch, "news");
    watch.keep = true;
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("x"));
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("y"));
    redis_bed_wait(bed, watch.received == 2);
    source_watch_stop(&watch);
    redis_bed_settle(bed);
    assert_int_equal(watch.stopped, 0); /* two are out */
    redis_peer_push_message(bed->peer, SLICE("news"), SLICE("z"));
    source_watch_settle(&watch);
    redis_bed_settle(bed);
    assert_int_equal(watch.stopped, 0);
    assert_int_equal(watch.received, 2); /* nothing new after stop */
    source_watch_settle(&watch);
    redis_bed_wait(bed, watch.stopped == 1);
    source_watch_free(&watch);
}

static void the_hub_sums_up_its_sockets(void **state)
{
    struct redis_bed *bed = *state;
    struct connection_status status;
    struct source_watch shared, dedicated;

    redis_hub_status(bed->hub, &status);
    assert_int_equal(status.state, CONNECTION_STOPPED);
    make_ready(bed, &shared, "a");
    redis_hub_status(bed->hub, &status);
    assert_int_equal(status.state, CONNECTION_UP);
    redis_peer_shut(bed->peer, true);
    make(bed, &dedicated, CONF_SOURCE_CHANNEL, (const char *[]){"b", NULL}, true);
    source_watch_start(&dedicated);
    redis_bed_wait(bed, strstr(dedicated.why, "refused") != NULL);
    redis_hub_status(bed->hub, &status);
    assert_true(status.state == CONNECTION_DOWN || status.state == CONNECTION_CONNECTING);
    assert_non_null(strstr(status.last_error, "refused"));
    redis_peer_shut(bed->peer, false);
    redis_bed_wait(bed, dedicated.ready);
    redis_hub_status(bed->hub, &status);
    assert_int_equal(status.state, CONNECTION_UP);
    assert_int_equal(status.reconnects, 0);
    assert_true(status.bytes_in > 0 && status.bytes_out > 0);
    redis_peer_drop(bed->peer, false);
    redis_bed_wait(bed, !shared.ready && !dedicated.ready);
    redis_bed_wait(bed, shared.ready && dedicated.ready);
    redis_hub_status(bed->hub, &status);
    assert_int_equal(status.reconnects, 2);
    stop_and_free(bed, &shared);
    stop_and_free(bed, &dedicated);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_no_server_sends),
        TEST(keeps_the_laws_of_endpoints),
        TEST(keeps_the_laws_on_a_socket_of_its_own),
        TEST(says_what_it_can),
        TEST(gives_what_came_to_the_byte),
        TEST(gives_patterns_with_what_they_matched),
        TEST(whatever_the_pieces),
        TEST(shares_a_subscription),
        TEST(a_name_given_twice_is_one),
        TEST(is_ready_when_all_is_confirmed),
        TEST(a_forbidden_channel_holds_only_its_sources),
        TEST(leaves_a_forbidden_channel),
        TEST(counts_the_time_without_a_subscription),
        TEST(a_gap_lasts_until_all_is_subscribed_again),
        TEST(pausing_a_shared_source_unsubscribes_it),
        TEST(changing_ones_mind_before_the_replies),
        TEST(pausing_a_dedicated_source_loses_nothing),
        TEST(a_pause_outlives_the_connection),
        TEST(settles_after_the_loss),
        TEST(the_hub_sums_up_its_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
