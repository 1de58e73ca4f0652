/* Does a Redis sink keep the laws of endpoints, take each reply for what it means, believe no
 * replica, give everything back at a loss, and keep within its window? */
#include "redis/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "endpoint_laws.h"
#include "endpoint_watch.h"
#include "net/moderation.h"
#include "redis/hub.h"
#include "redis_bed.h"

#define MASTER "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define REPLICA "*5\r\n$5\r\nslave\r\n$2\r\nup\r\n:7000\r\n$9\r\nconnected\r\n:1\r\n"

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

static void make(struct redis_bed *bed, struct sink_watch *watch, enum ack_mode mode)
{
    struct conf_sink conf = {.kind = CONF_SINK_CHANNEL};
    struct bridge_options options = {.ack_mode = mode, .min_subscribers = 1};

    sink_watch_init(watch, redis_sink_new(bed->hub, &conf, &options));
}

static void make_ready(struct redis_bed *bed, struct sink_watch *watch, enum ack_mode mode)
{
    make(bed, watch, mode);
    sink_watch_start(watch);
    redis_bed_wait(bed, watch->ready);
}

static void stop_and_free(struct redis_bed *bed, struct sink_watch *watch)
{
    sink_watch_stop(watch, false);
    redis_bed_wait(bed, watch->stopped == 1);
    sink_watch_free(watch);
}

static enum sink_result send_text(struct sink_watch *watch, const char *body)
{
    return sink_watch_send(watch, SLICE("news"), slice_of(body));
}

/* The far side for the laws. */
static struct sink *laws_make(void *ctx)
{
    struct redis_bed *bed = ctx;
    struct conf_sink conf = {.kind = CONF_SINK_CHANNEL};
    struct bridge_options options = {.ack_mode = ACK_ON_CONFIRM, .min_subscribers = 1};

    if (bed->conf.heartbeat_us != 0) {
        options.ack_mode = ACK_ON_PUBLISH;
    }
    redis_peer_shut(bed->peer, true);
    redis_peer_drop(bed->peer, false);
    redis_bed_settle(bed);
    redis_peer_forget_answers(bed->peer);
    redis_peer_answer(bed->peer, "PUBLISH", "");
    return redis_sink_new(bed->hub, &conf, &options);
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

static void laws_confirm(void *ctx)
{
    struct redis_bed *bed = ctx;

    redis_peer_send(bed->peer, SLICE(":1\r\n"));
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

static void keeps_the_laws(struct redis_bed *bed)
{
    static const struct outgoing out = {.channel = {"news", 4}, .body = {"hello", 5}};
    struct sink_bed laws = {bed,          laws_make, laws_link_up, laws_link_down,
                            laws_confirm, &out,      laws_work};

    endpoint_laws_check_sink(&laws);
}

/* Without ROLE, as the scripted replies do not wait for their commands. */
static void keeps_the_laws_of_endpoints(void **state)
{
    struct redis_bed *bed = *state;

    redis_peer_set_role(bed->peer, "-NOPERM no\r\n");
    keeps_the_laws(bed);
}

static void keeps_the_laws_without_confirms(void **state)
{
    struct redis_bed *bed = *state;

    bed->conf.heartbeat_us = 1; /* the mark for laws_make; Redis knows no heartbeat */
    keeps_the_laws(bed);
}

static void says_what_it_can(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch confirming, other;

    make(bed, &confirming, ACK_ON_CONFIRM);
    make(bed, &other, ACK_ON_PUBLISH);
    assert_int_equal(confirming.sink->can, ENDPOINT_CONFIRMS);
    assert_int_equal(other.sink->can, 0);
    sink_watch_free(&confirming);
    sink_watch_free(&other);
}

static void refuses_what_is_too_large(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;
    struct strbuf body = STRBUF_INIT;

    bed->conf.max_message_size = 1000;
    make_ready(bed, &watch, ACK_ON_CONFIRM);
    memset(strbuf_reserve(&body, 1001), 'x', 1001);
    strbuf_commit(&body, 1001);
    assert_int_equal(sink_watch_send(&watch, SLICE("c"), strbuf_slice(&body)), SINK_TOO_LARGE);
    assert_non_null(strstr(watch.refused_why, "max_message_size"));
    assert_int_equal(sink_watch_send(&watch, strbuf_slice(&body), SLICE("x")), SINK_TOO_LARGE);
    strbuf_truncate(&body, 1000);
    assert_int_equal(sink_watch_send(&watch, SLICE("c"), strbuf_slice(&body)), SINK_TAKEN);
    redis_bed_wait(bed, watch.back == 1);
    assert_int_equal(redis_peer_count(bed->peer, "PUBLISH"), 1);
    strbuf_fini(&body);
    stop_and_free(bed, &watch);
}

static void takes_each_reply_for_what_it_means(void **state)
{
    static const struct {
        const char *answer, *settled, *why;
    } cases[] = {
        {":1\r\n", "D1 ", ""},
        {":7\r\n", "D1 ", ""},
        {":0\r\n", "N1 ", "PUBLISH reached nobody"},
        {":-1\r\n", "L1 ", "unexpected reply of type integer"},
        {"-LOADING Redis is loading\r\n", "R1 ", "LOADING Redis is loading"},
        {"-BUSY script\r\n", "R1 ", "BUSY script"},
        {"-MASTERDOWN x\r\n", "R1 ", "MASTERDOWN x"},
        {"-CLUSTERDOWN x\r\n", "R1 ", "CLUSTERDOWN x"},
        {"-MISCONF x\r\n", "R1 ", "MISCONF x"},
        {"-NOPERM this user has no permissions to access one of the channels\r\n", "R1 ",
         "NOPERM this user has no permissions to access one of the channels"},
        {"-ERR unknown command\r\n", "X1 ", "ERR unknown command"},
        {"-NOAUTH x\r\n", "L1 ", "NOAUTH x"},
        {"+QUEUED\r\n", "L1 ", "unexpected reply of type status"},
        {"$-1\r\n", "L1 ", "unexpected reply of type nil"},
        {"*1\r\n:1\r\n", "L1 ", "unexpected reply of type array"},
        {":1x\r\n", "L1 ", "Bad integer value"},
    };
    struct redis_bed *bed = *state;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sink_watch watch;

        make_ready(bed, &watch, ACK_ON_CONFIRM);
        redis_peer_answer(bed->peer, "PUBLISH", cases[i].answer);
        assert_int_equal(send_text(&watch, "x"), SINK_TAKEN);
        redis_bed_wait(bed, watch.back == 1);
        assert_string_equal(strbuf_text(&watch.settled), cases[i].settled);
        assert_string_equal(watch.settled_why, cases[i].why);
        redis_peer_forget_answers(bed->peer);
        redis_bed_wait(bed, watch.ready);
        stop_and_free(bed, &watch);
    }
}

static void counts_subscribers_against_the_minimum(void **state)
{
    struct redis_bed *bed = *state;
    struct conf_sink conf = {.kind = CONF_SINK_CHANNEL};
    struct bridge_options options = {.ack_mode = ACK_ON_CONFIRM, .min_subscribers = 3};
    struct sink_watch watch;

    sink_watch_init(&watch, redis_sink_new(bed->hub, &conf, &options));
    sink_watch_start(&watch);
    redis_bed_wait(bed, watch.ready);
    redis_peer_answer(bed->peer, "PUBLISH news a", ":2\r\n");
    redis_peer_answer(bed->peer, "PUBLISH news b", ":3\r\n");
    redis_peer_answer(bed->peer, "PUBLISH news c", ":0\r\n");
    send_text(&watch, "a");
    redis_bed_wait(bed, watch.back == 1);
    assert_string_equal(watch.settled_why, "PUBLISH reached fewer than min_subscribers");
    send_text(&watch, "b");
    send_text(&watch, "c");
    redis_bed_wait(bed, watch.back == 3);
    assert_string_equal(watch.settled_why, "PUBLISH reached nobody");
    assert_string_equal(strbuf_text(&watch.settled), "N1 D2 N3 ");
    stop_and_free(bed, &watch);
}

static void settles_in_order_across_errors(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    redis_peer_answer(bed->peer, "PUBLISH news bad", "-ERR no\r\n");
    send_text(&watch, "a");
    send_text(&watch, "bad");
    send_text(&watch, "c");
    redis_bed_wait(bed, watch.back == 3);
    /* An error is sure at once; a count waits for the fence. */
    assert_string_equal(strbuf_text(&watch.settled), "X2 D1 D3 ");
    stop_and_free(bed, &watch);
}

static void believes_a_reply_only_behind_a_fence(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    redis_peer_set_role(bed->peer, "");
    send_text(&watch, "a");
    redis_bed_wait(bed, redis_peer_count(bed->peer, "ROLE") == 2); /* login, and behind a */
    redis_peer_answer(bed->peer, "PUBLISH news b", "");
    send_text(&watch, "b");
    redis_bed_wait(bed, redis_peer_count(bed->peer, "PUBLISH") == 2);
    redis_bed_settle(bed);
    assert_int_equal(watch.back, 0);                          /* though a was answered */
    assert_int_equal(redis_peer_count(bed->peer, "ROLE"), 2); /* one at a time */
    redis_peer_send(bed->peer, SLICE(MASTER ":1\r\n"));
    redis_bed_wait(bed, redis_peer_count(bed->peer, "ROLE") == 3);
    redis_bed_settle(bed);
    assert_string_equal(strbuf_text(&watch.settled), "D1 ");
    redis_peer_set_role(bed->peer, MASTER);
    redis_peer_send(bed->peer, SLICE(MASTER));
    redis_bed_wait(bed, watch.back == 2);
    assert_string_equal(strbuf_text(&watch.settled), "D1 D2 ");
    stop_and_free(bed, &watch);
}

static void a_server_that_became_a_replica_has_delivered_nothing(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    redis_peer_set_role(bed->peer, REPLICA);
    send_text(&watch, "a");
    send_text(&watch, "b");
    redis_bed_wait(bed, watch.back == 2);
    assert_string_equal(strbuf_text(&watch.settled), "L1 L2 ");
    assert_string_equal(watch.why, "is a replica of up:7000");
    redis_bed_settle(bed);
    assert_false(watch.ready);
    assert_int_equal(send_text(&watch, "c"), SINK_BUSY);
    redis_peer_set_role(bed->peer, MASTER);
    redis_bed_wait(bed, watch.ready && watch.writables == 1);
    send_text(&watch, "c");
    redis_bed_wait(bed, watch.back == 3);
    stop_and_free(bed, &watch);
}

static void does_without_fences_where_it_may_not_ask(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    redis_peer_set_role(bed->peer, "-NOPERM no\r\n");
    make_ready(bed, &watch, ACK_ON_CONFIRM);
    send_text(&watch, "a");
    redis_bed_wait(bed, watch.back == 1);
    assert_int_equal(redis_peer_count(bed->peer, "ROLE"), 1);
    stop_and_free(bed, &watch);
}

static void a_loss_gives_all_back_in_order(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    redis_peer_answer(bed->peer, "PUBLISH news c", "");
    redis_peer_set_role(bed->peer, "");
    send_text(&watch, "a");
    send_text(&watch, "b");
    send_text(&watch, "c");
    send_text(&watch, "d");
    redis_bed_wait(bed, redis_peer_count(bed->peer, "PUBLISH") == 4);
    redis_bed_settle(bed);
    redis_peer_drop(bed->peer, true);
    redis_peer_set_role(bed->peer, MASTER);
    redis_bed_wait(bed, watch.back == 4);
    assert_string_equal(strbuf_text(&watch.settled), "L1 L2 L3 L4 ");
    redis_bed_wait(bed, watch.ready);
    send_text(&watch, "e");
    redis_bed_wait(bed, watch.back == 5);
    stop_and_free(bed, &watch);
}

static void keeps_within_its_window(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;
    unsigned i;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    redis_peer_freeze(bed->peer, true);
    for (i = 0; i < REDIS_SINK_WINDOW; i++) {
        assert_int_equal(send_text(&watch, "x"), SINK_TAKEN);
    }
    assert_int_equal(send_text(&watch, "x"), SINK_BUSY);
    redis_bed_settle(bed);
    assert_int_equal(watch.writables, 0);
    redis_peer_freeze(bed->peer, false);
    redis_bed_wait(bed, watch.writables == 1);
    redis_bed_wait(bed, watch.back == REDIS_SINK_WINDOW);
    assert_int_equal(watch.outcomes[OUTCOME_DELIVERED], REDIS_SINK_WINDOW);
    assert_int_equal(watch.writables, 1);
    /* The fences that came with it: one for 256 or so. */
    assert_in_range(redis_peer_count(bed->peer, "ROLE"), 1 + REDIS_SINK_WINDOW / 256,
                    8 + REDIS_SINK_WINDOW / 256);
    stop_and_free(bed, &watch);
}

static void waits_while_too_much_is_unwritten(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;
    struct strbuf body = STRBUF_INIT;
    unsigned sent = 0;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    memset(strbuf_reserve(&body, 1 << 20), 'x', 1 << 20);
    strbuf_commit(&body, 1 << 20);
    redis_peer_freeze(bed->peer, true);
    while (sink_watch_send(&watch, SLICE("c"), strbuf_slice(&body)) == SINK_TAKEN && sent < 100) {
        redis_bed_turn(bed);
        sent++;
    }
    assert_in_range(sent, 4, 99);
    redis_peer_freeze(bed->peer, false);
    redis_bed_wait(bed, watch.writables == 1 && watch.back == sent);
    strbuf_fini(&body);
    stop_and_free(bed, &watch);
}

static void on_publish_settles_when_written(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_PUBLISH);
    redis_peer_freeze(bed->peer, true);
    redis_peer_answer(bed->peer, "PUBLISH news a", ":0\r\n");
    redis_peer_answer(bed->peer, "PUBLISH news b", ":1\r\n");
    send_text(&watch, "a");
    send_text(&watch, "b");
    assert_int_equal(watch.back, 0); /* law 1 */
    redis_bed_wait(bed, watch.back == 2);
    assert_string_equal(strbuf_text(&watch.settled), "D1 D2 ");
    sink_watch_stop(&watch, false);
    redis_bed_settle(bed);
    assert_int_equal(watch.stopped, 0); /* what was written is still on its way */
    redis_peer_freeze(bed->peer, false);
    redis_bed_wait(bed, watch.stopped == 1);
    assert_int_equal(redis_peer_count(bed->peer, "PUBLISH"), 2);
    assert_int_equal(redis_peer_count(bed->peer, "ROLE"), 1);
    assert_int_equal(watch.late[OUTCOME_NO_SUBSCRIBERS], 1); /* all that is left is to say so */
    sink_watch_free(&watch);
}

static void on_publish_logs_refusals(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_NO_ACK);
    redis_peer_answer(bed->peer, "PUBLISH", "-NOPERM no channel for you\r\n");
    send_text(&watch, "a");
    redis_bed_wait(bed, strstr(redis_bed_log(), "no channel for you") != NULL);
    assert_int_equal(watch.outcomes[OUTCOME_DELIVERED], 1);
    stop_and_free(bed, &watch);
}

static void sinks_share_a_socket(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch one, two;

    make_ready(bed, &one, ACK_ON_CONFIRM);
    make_ready(bed, &two, ACK_ON_CONFIRM);
    assert_int_equal(redis_peer_clients(bed->peer), 1);
    send_text(&one, "a");
    send_text(&two, "b");
    send_text(&one, "c");
    sink_watch_stop(&one, true);
    redis_bed_wait(bed, one.stopped == 1);
    assert_string_equal(strbuf_text(&one.settled), "L1 L2 ");
    sink_watch_free(&one); /* replies to it may still come */
    redis_bed_wait(bed, two.back == 1);
    assert_string_equal(strbuf_text(&two.settled), "D1 ");
    redis_bed_wait(bed, redis_peer_count(bed->peer, "PUBLISH") == 3);
    stop_and_free(bed, &two);
    assert_null(strstr(redis_bed_log(), "msg=lost"));
}

/* Sends at a rate of thousands a second, whatever else the machine does: 4,000 at once, and again
 * until they were taken within the time. The rest that was allowed last. */
static uint64_t send_often(struct redis_bed *bed, struct sink_watch *watch)
{
    uint64_t begun;

    do {
        begun = loop_touch(bed->loop);
        for (int i = 0; i < 4000; i++) {
            assert_int_equal(send_text(watch, "x"), SINK_TAKEN);
        }
        redis_bed_wait(bed, watch->back == watch->sent);
        while (loop_touch(bed->loop) - begun < MODERATION_WINDOW_US) {
            redis_bed_turn(bed);
        }
        loop_take_rest(bed->loop);
        assert_int_equal(send_text(watch, "x"), SINK_TAKEN);
    } while (loop_now_us(bed->loop) - begun > 500 * 1000);
    return loop_take_rest(bed->loop);
}

static void what_comes_often_waits_for_a_moment(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make_ready(bed, &watch, ACK_ON_CONFIRM);
    loop_take_rest(bed->loop);
    assert_int_equal(send_text(&watch, "x"), SINK_TAKEN);
    assert_int_equal(loop_take_rest(bed->loop), 0);
    assert_true(send_often(bed, &watch) >= MODERATION_UNIT_US);
    stop_and_free(bed, &watch);
}

static void calls_wait_for_nobody(void **state)
{
    struct redis_bed *bed = *state;
    struct sink_watch watch;

    make(bed, &watch, ACK_ON_CONFIRM);
    watch.sink->urgent = true;
    sink_watch_start(&watch);
    redis_bed_wait(bed, watch.ready);
    assert_int_equal(send_often(bed, &watch), 0);
    stop_and_free(bed, &watch);
}

static void publishes_stats_while_it_can(void **state)
{
    struct redis_bed *bed = *state;
    int turns = 0;

    redis_hub_want_publisher(bed->hub);
    assert_int_equal(redis_hub_publish(bed->hub, SLICE("stats"), SLICE("{}")), -1);
    while (redis_hub_publish(bed->hub, SLICE("stats"), SLICE("{}")) != 0) {
        redis_bed_turn(bed);
        assert_true(++turns < 10000);
    }
    redis_bed_wait(bed, redis_peer_count(bed->peer, "PUBLISH stats {}") == 1);
    redis_peer_answer(bed->peer, "PUBLISH", "-NOPERM no\r\n");
    assert_int_equal(redis_hub_publish(bed->hub, SLICE("stats"), SLICE("{}")), 0);
    redis_bed_wait(bed, strstr(redis_bed_log(), "refused to publish it") != NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_is_too_large),
        TEST(takes_each_reply_for_what_it_means),
        TEST(keeps_the_laws_of_endpoints),
        TEST(keeps_the_laws_without_confirms),
        TEST(says_what_it_can),
        TEST(counts_subscribers_against_the_minimum),
        TEST(settles_in_order_across_errors),
        TEST(believes_a_reply_only_behind_a_fence),
        TEST(a_server_that_became_a_replica_has_delivered_nothing),
        TEST(does_without_fences_where_it_may_not_ask),
        TEST(a_loss_gives_all_back_in_order),
        TEST(keeps_within_its_window),
        TEST(waits_while_too_much_is_unwritten),
        TEST(on_publish_settles_when_written),
        TEST(on_publish_logs_refusals),
        TEST(sinks_share_a_socket),
        TEST(what_comes_often_waits_for_a_moment),
        TEST(calls_wait_for_nobody),
        TEST(publishes_stats_while_it_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
