/* Does a connection log in, stay alive and come back, whatever the far side says, when, and in how
 * many pieces? */
#include "amqp/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rmq_bed.h"

/* The methods that bring a login forward, as the broker answers them. */
static const amqp_method_number_t steps[] = {
    AMQP_CONNECTION_START_METHOD,    /* START_WAIT: the greeting is not answered */
    AMQP_CONNECTION_START_OK_METHOD, /* TUNE_WAIT */
    AMQP_CONNECTION_OPEN_METHOD,     /* OPEN_WAIT */
    0,                               /* OPEN */
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void start(struct rmq_bed *bed)
{
    rmq_bed_make_hub(bed);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
}

/* Starts, and stands still before step `step` is answered. */
static struct rmq_session *start_up_to(struct rmq_bed *bed, size_t step)
{
    if (steps[step] != 0) {
        rmq_peer_set_auto(bed->peer, steps[step], false);
    }
    start(bed);
    return rmq_peer_any_session(bed->peer);
}

static void let_all_pass(struct rmq_bed *bed)
{
    for (size_t i = 0; i < STEPS; i++) {
        rmq_peer_set_auto(bed->peer, steps[i], true);
    }
}

static bool is_up(const struct rmq_bed *bed)
{
    return rmq_bed_status(bed).state == CONNECTION_UP;
}

static void expect_down(struct rmq_bed *bed, const char *words)
{
    struct connection_status status = rmq_bed_status(bed);

    rmq_bed_check(bed, status.state == CONNECTION_DOWN);
    if (strstr(status.last_error, words) == NULL) {
        print_error("\"%s\" does not say \"%s\"\n", status.last_error, words);
        rmq_bed_fail(bed, "the right words", __FILE__, __LINE__);
    }
    rmq_bed_check(bed, rmq_bed_logged("level=warn connection=\"rabbit\" msg=\"down\""));
}

/* Runs something against the broker in every state of the login, on a bed of its own each time. */
static void in_every_state(void (*run)(struct rmq_bed *bed, struct rmq_session *session,
                                       size_t step, const void *arg),
                           const void *arg)
{
    for (size_t step = 0; step < STEPS; step++) {
        void *state;

        rmq_bed_set_up(&state);
        run(state, start_up_to(state, step), step, arg);
        rmq_bed_tear_down(&state);
    }
}

static void expect_up_later(struct rmq_bed *bed)
{
    let_all_pass(bed);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, is_up(bed));
}

/* What a broker never sends, and the words that it should lead to. */
struct breach {
    struct slice bytes;
    const char *words;
};

static void expect_breach(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                          const void *arg)
{
    const struct breach *breach = arg;

    (void)step;
    rmq_session_send_bytes(session, breach->bytes.data, breach->bytes.len);
    rmq_session_send_bytes(session, breach->bytes.data, breach->bytes.len); /* never looked at */
    rmq_bed_settle(bed);
    expect_down(bed, breach->words);
    rmq_bed_check(bed, rmq_peer_sessions(bed->peer) == 0);
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "connection.close ") == 1);
    expect_up_later(bed);
}

static void gives_up_a_broker_that_breaks_the_protocol(void **state)
{
    static const struct breach breaches[] = {
        {{"HTTP/1.1 400 Bad Request\r\n", 26}, "protocol error: a frame of the unknown type 72"},
        {{"\x15\x03\x01\x00\x02\x02\x46", 7}, "protocol error: a frame of the unknown type 21"},
        {{"\x01\x00\x00\xff\xff\xff\xff", 7}, "protocol error: a frame of 4294967303 octets"},
        {{"\x01\x00\x00\x00\x02\x00\x00", 7}, "protocol error: a frame of 131080 octets"},
        {{"\x01\x00\x00\x00\x00\x00\x00\xce", 8}, "protocol error: a method frame of 0 octets"},
        {{"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xcd", 12}, "ends with 0xcd"},
        {{"\x01\x00\x00\x00\x00\x00\x04\x00\x3c\x00\x28\xce", 12}, "basic.publish, which no"},
        {{"\x01\x00\x00\x00\x00\x00\x04\x00\x3c\x00\x0b\xce", 12}, "basic.qos-ok on channel 0"},
        {{"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x1e\xce", 12}, "connection.tune: it is cut"},
        {{"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x33\xce", 12}, "connection.close-ok in state"},
        {{"\x01\x00\x07\x00\x00\x00\x04\x00\x3c\x00\x0b\xce", 12}, "on channel 7, not open"},
        {{"\x01\xff\xff\x00\x00\x00\x04\x00\x3c\x00\x0b\xce", 12}, "on channel 65535, not open"},
        {{"\x02\x00\x00\x00\x00\x00\x0e", 7}, "content on channel 0"},
        {{"\x08\x00\x01\x00\x00\x00\x00\xce", 8}, "a heartbeat with a channel"},
        {{"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00\x14\x00\x00\x00\x00\xce", 16},
         "a second step of login"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
        in_every_state(expect_breach, &breaches[i]);
    }
}

/* Each method of the login at the wrong time. */
static void expect_out_of_order(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                                const void *arg)
{
    static const amqp_method_number_t methods[] = {
        AMQP_CONNECTION_START_METHOD, AMQP_CONNECTION_TUNE_METHOD, AMQP_CONNECTION_OPEN_OK_METHOD};
    amqp_connection_start_t start_method = {
        .version_minor = 9, .mechanisms = rmq_bytes_of("PLAIN"), .locales = rmq_bytes_of("en_US")};
    amqp_connection_tune_t tune = {2047, 131072, 60};
    amqp_connection_open_ok_t open_ok = {{0, NULL}};
    const void *const contents[] = {&start_method, &tune, &open_ok};
    size_t which = *(const size_t *)arg;

    if (which == step) {
        return;
    }
    rmq_session_send(session, 0, methods[which], contents[which]);
    rmq_bed_settle(bed);
    expect_down(bed, "protocol error: connection.");
    expect_down(bed, " in state ");
    expect_up_later(bed);
}

static void takes_the_login_in_its_order_only(void **state)
{
    (void)state;
    for (size_t which = 0; which < 3; which++) {
        in_every_state(expect_out_of_order, &which);
    }
}

static void expect_back_after_drop(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                                   const void *arg)
{
    (void)step;
    (void)arg;
    rmq_session_drop(session);
    rmq_bed_settle(bed);
    expect_down(bed, "closed by the peer");
    expect_up_later(bed);
}

static void expect_back_after_close(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                                    const void *arg)
{
    (void)step;
    (void)arg;
    rmq_session_close(session, 320, "CONNECTION_FORCED - bye", 0);
    rmq_session_send_bytes(session, "rubbish", 7); /* behind a close nothing is looked at */
    rmq_bed_settle(bed);
    expect_down(bed, "320 CONNECTION_FORCED - bye");
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "connection.close-ok") == 1);
    expect_up_later(bed);
}

static void comes_back_after_a_loss_in_any_state(void **state)
{
    (void)state;
    in_every_state(expect_back_after_drop, NULL);
    in_every_state(expect_back_after_close, NULL);
}

static void expect_slow_return(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                               const void *arg)
{
    static const uint16_t codes[] = {403, 530, 403, 530};

    (void)arg;
    rmq_session_close(session, codes[step], "no entry", 0);
    rmq_bed_settle(bed);
    expect_down(bed, " no entry");
    let_all_pass(bed);
    rmq_bed_advance(bed, 7 * SECOND); /* three quarters of reconnect.max, and not earlier */
    rmq_bed_check(bed, rmq_peer_connects(bed->peer) == 1);
    rmq_bed_advance(bed, 3 * SECOND);
    rmq_bed_check(bed, is_up(bed));
}

static void hurries_not_where_it_is_refused(void **state)
{
    (void)state;
    in_every_state(expect_slow_return, NULL);
}

static void expect_timeout(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                           const void *arg)
{
    static const char *const words[] = {
        "timed out: the server does not begin",
        "timed out: no answer to the login",
        "timed out: no answer to the opening of the vhost",
    };

    (void)arg;
    (void)session;
    if (step == STEPS - 1) {
        return;
    }
    rmq_bed_advance(bed, 4900 * MS);
    rmq_bed_check(bed, rmq_peer_sessions(bed->peer) == 1);
    rmq_bed_advance(bed, 200 * MS);
    rmq_bed_check(bed, strstr(rmq_bed_status(bed).last_error, words[step]) != NULL);
    let_all_pass(bed);
    rmq_bed_advance(bed, 7 * SECOND); /* the next attempt may be stuck already */
    rmq_bed_check(bed, is_up(bed));
}

static void waits_for_nothing_without_end(void **state)
{
    (void)state;
    in_every_state(expect_timeout, NULL);
}

static void expect_stop(struct rmq_bed *bed, struct rmq_session *session, size_t step,
                        const void *arg)
{
    (void)session;
    (void)arg;
    rmq_bed_tear_down_hub(bed);
    rmq_bed_check(bed,
                  rmq_peer_count(bed->peer, "connection.close 200 stopped") == (step == STEPS - 1));
    rmq_bed_check(bed, rmq_peer_sessions(bed->peer) == 0);
}

static void stops_in_any_state(void **state)
{
    (void)state;
    in_every_state(expect_stop, NULL);
}

static void stops_without_an_answer(void **state)
{
    struct rmq_bed *bed = *state;

    start(bed);
    rmq_peer_set_auto(bed->peer, AMQP_CONNECTION_CLOSE_METHOD, false);
    rmq_session_stall(rmq_peer_any_session(bed->peer), true);
    rmq_bed_tear_down_hub(bed);
    rmq_bed_check(bed, rmq_peer_sessions(bed->peer) == 0);
}

static void waits_for_no_answer_of_a_blocked_broker(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};

    start(bed);
    rmq_session_send(rmq_peer_any_session(bed->peer), 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_settle(bed);
    rmq_peer_set_auto(bed->peer, AMQP_CONNECTION_CLOSE_METHOD, false);
    rmq_hub_stop(bed->hub, NULL, NULL);
    rmq_bed_advance(bed, 99 * MS);
    assert_int_equal(rmq_peer_sessions(bed->peer), 1);
    rmq_bed_advance(bed, 1 * MS);
    assert_int_equal(rmq_peer_sessions(bed->peer), 0);
    assert_int_equal(rmq_bed_status(bed).state, CONNECTION_STOPPED);
}

static void logs_in(void **state)
{
    struct rmq_bed *bed = *state;
    struct connection_status status;

    bed->urls[0].user = "me";
    bed->urls[0].password = "secret word";
    bed->urls[0].vhost = "my vhost";
    bed->conf.heartbeat_us = 1500 * MS;
    start(bed);
    assert_string_equal(rmq_peer_log(bed->peer), "? 0 greeting\n"
                                                 "publishing 0 connection.start-ok PLAIN 15\n"
                                                 "publishing 0 connection.tune-ok 2047 131072 2\n"
                                                 "publishing 0 connection.open my vhost\n");
    status = rmq_bed_status(bed);
    assert_int_equal(status.state, CONNECTION_UP);
    assert_int_equal(status.reconnects, 0);
    assert_true(status.since_us > 0);
    assert_string_equal(status.last_error, "");
    assert_true(status.bytes_in > 50 && status.bytes_out > 100);
    assert_false(status.blocked);
    assert_false(rmq_bed_logged("secret"));
}

static void logs_in_as_guest_and_by_certificate(void **state)
{
    struct rmq_bed *bed = *state;

    start(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "start-ok PLAIN 12"), 1);
    rmq_bed_tear_down_hub(bed);
    bed->conf.sasl = CONF_SASL_EXTERNAL;
    start(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "start-ok EXTERNAL 0"), 1);
    assert_true(is_up(bed));
}

static void says_which_login_is_not_offered(void **state)
{
    static const struct rmq_peer_offer offer = {"AMQPLAIN PLAINER NOTPLAIN", 0, 0, 0};
    struct rmq_bed *bed = *state;

    rmq_peer_set_offer(bed->peer, &offer);
    start(bed);
    expect_down(bed, "the broker offers no login with PLAIN, but AMQPLAIN PLAINER NOTPLAIN");
    rmq_bed_advance(bed, 7 * SECOND);
    assert_int_equal(rmq_peer_connects(bed->peer), 1);
}

static void says_which_version_the_server_speaks(void **state)
{
    struct rmq_bed *bed = *state;
    struct rmq_session *session = start_up_to(bed, 0);

    rmq_session_send_bytes(session, "AMQP\x00\x01\x00\x00", 8);
    rmq_session_drop(session);
    rmq_bed_settle(bed);
    expect_down(bed, "the server does not speak AMQP 0-9-1, but 1-0-0");
}

/* frame_max 0, 100, 4096, 2^31; channel_max 0; heartbeats of both sides. */
static void agrees_on_limits(void **state)
{
    static const struct {
        struct rmq_peer_offer offer;
        uint64_t heartbeat_us;
        const char *tune_ok; /* NULL: refused */
    } cases[] = {
        {{"PLAIN", 0, 0, 0}, 0, "tune-ok 65535 131072 0"},
        {{"PLAIN", 4096, 1, 60}, 0, "tune-ok 1 4096 0"},
        {{"PLAIN", 8192, 2047, 60}, 10 * SECOND, "tune-ok 2047 8192 10"},
        {{"PLAIN", 131072, 2047, 5}, 10 * SECOND, "tune-ok 2047 131072 5"},
        {{"PLAIN", 2147483648u, 2047, 0}, 10 * SECOND, "tune-ok 2047 131072 10"},
        {{"PLAIN", 4294967295u, 65535, 65535}, 100000 * SECOND, "tune-ok 65535 131072 65535"},
        {{"PLAIN", 100, 2047, 0}, 0, NULL},
        {{"PLAIN", 4095, 2047, 0}, 0, NULL},
        {{"PLAIN", 1, 2047, 0}, 0, NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rmq_bed *bed;
        void *own;

        rmq_bed_set_up(&own);
        bed = own;
        rmq_peer_set_offer(bed->peer, &cases[i].offer);
        bed->conf.heartbeat_us = cases[i].heartbeat_us;
        start(bed);
        if (cases[i].tune_ok != NULL) {
            rmq_bed_check(bed, rmq_peer_count(bed->peer, cases[i].tune_ok) == 1);
            rmq_bed_check(bed, is_up(bed));
        } else {
            expect_down(bed, "below the 4096 of the protocol");
        }
        rmq_bed_tear_down(&own);
    }
}

static void reads_whatever_the_pieces(void **state)
{
    struct rmq_bed *bed = *state;

    fake_net_set_piece(bed->loop, 1);
    start(bed);
    assert_true(is_up(bed));
    rmq_session_close(rmq_peer_any_session(bed->peer), 320, "CONNECTION_FORCED - bye", 0);
    rmq_bed_settle(bed);
    expect_down(bed, "320 CONNECTION_FORCED - bye");
}

static void waits_longer_each_time(void **state)
{
    struct rmq_bed *bed = *state;

    fake_net_set_answer(bed->loop, 0, FAKE_REFUSE);
    start(bed);
    expect_down(bed, "connection refused");
    rmq_bed_advance(bed, 60 * SECOND);
    /* 0.1, 0.2, ... 6.4, then 10 s each at most and half of it at least. */
    rmq_bed_check(bed, rmq_bed_count_logged("new=connecting") >= 1 + 7 + 4);
    rmq_bed_check(bed, rmq_bed_count_logged("new=connecting") <= 1 + 7 + 12);
    fake_net_set_answer(bed->loop, 0, FAKE_ACCEPT);
    rmq_bed_advance(bed, 10 * SECOND);
    assert_true(is_up(bed));
    assert_int_equal(rmq_bed_status(bed).reconnects, 0);
    /* Not stable: it is as slow again. */
    rmq_session_drop(rmq_peer_any_session(bed->peer));
    rmq_bed_advance(bed, 4900 * MS);
    rmq_bed_check(bed, !is_up(bed));
    rmq_bed_advance(bed, 5100 * MS);
    assert_true(is_up(bed));
    assert_int_equal(rmq_bed_status(bed).reconnects, 1);
    /* Stable for a while: quick. */
    rmq_bed_advance(bed, 20 * SECOND);
    rmq_session_drop(rmq_peer_any_session(bed->peer));
    rmq_bed_advance(bed, 200 * MS);
    assert_true(is_up(bed));
    assert_int_equal(rmq_bed_status(bed).reconnects, 2);
}

static void times_out_connecting(void **state)
{
    struct rmq_bed *bed = *state;

    fake_net_set_answer(bed->loop, 0, FAKE_SILENCE);
    start(bed);
    rmq_bed_advance(bed, 5 * SECOND);
    expect_down(bed, "timed out connecting");
}

static void tries_all_urls_in_turn(void **state)
{
    struct rmq_bed *bed = *state;

    for (uint16_t i = 1; i < 3; i++) {
        bed->urls[i] = bed->urls[0];
        bed->urls[i].port = (uint16_t)(5672 + i);
    }
    bed->conf.url_count = 3;
    fake_net_set_answer(bed->loop, 5672, FAKE_REFUSE);
    fake_net_set_answer(bed->loop, 5673, FAKE_REFUSE);
    start(bed);
    rmq_bed_advance(bed, 200 * MS);
    assert_true(is_up(bed));
    assert_int_equal(rmq_session_port(rmq_peer_any_session(bed->peer)), 5674);
    /* The third is lost, and gone: round to the first, which is back. */
    fake_net_set_answer(bed->loop, 5674, FAKE_REFUSE);
    fake_net_set_answer(bed->loop, 5672, FAKE_ACCEPT);
    rmq_session_drop(rmq_peer_any_session(bed->peer));
    rmq_bed_advance(bed, 200 * MS);
    assert_true(is_up(bed));
    assert_int_equal(rmq_session_port(rmq_peer_any_session(bed->peer)), 5672);
}

static void sends_heartbeats(void **state)
{
    static const char heartbeat[] = "\x08\x00\x00\x00\x00\x00\x00\xce";
    struct rmq_bed *bed = *state;

    bed->conf.heartbeat_us = 10 * SECOND;
    start(bed);
    rmq_peer_clear_log(bed->peer);
    for (int second = 0; second < 60; second++) {
        rmq_bed_advance(bed, 1 * SECOND);
        if (second % 15 == 0) {
            rmq_session_send_bytes(rmq_peer_any_session(bed->peer), heartbeat, 8);
        }
    }
    assert_true(is_up(bed));
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "heartbeat") >= 11);
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "heartbeat") <= 12);
}

static void takes_silence_for_death(void **state)
{
    struct rmq_bed *bed = *state;

    bed->conf.heartbeat_us = 10 * SECOND;
    start(bed);
    rmq_session_stall(rmq_peer_any_session(bed->peer), true); /* also in the middle of a write */
    rmq_bed_advance(bed, 19 * SECOND);
    assert_true(is_up(bed));
    rmq_bed_advance(bed, 6 * SECOND);
    assert_string_equal(rmq_bed_status(bed).last_error, "no heartbeat from the broker for 20 s");
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(is_up(bed));
}

static void knows_no_heartbeat_where_there_is_none(void **state)
{
    struct rmq_bed *bed = *state;

    start(bed);
    rmq_bed_advance(bed, 3600 * SECOND);
    assert_true(is_up(bed));
    assert_int_equal(rmq_peer_count(bed->peer, "heartbeat"), 0);
}

static void shows_that_it_is_blocked(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};

    start(bed);
    rmq_session_send(rmq_peer_any_session(bed->peer), 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_settle(bed);
    assert_true(rmq_bed_status(bed).blocked);
    assert_string_equal(rmq_bed_status(bed).blocked_why, "low on memory");
    assert_true(rmq_bed_logged("blocked by the broker"));
    assert_true(rmq_bed_logged("low on memory"));
    rmq_session_send(rmq_peer_any_session(bed->peer), 0, AMQP_CONNECTION_UNBLOCKED_METHOD,
                     &unblocked);
    rmq_bed_settle(bed);
    assert_false(rmq_bed_status(bed).blocked);
    /* A new connection is not blocked. */
    rmq_session_send(rmq_peer_any_session(bed->peer), 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_session_drop(rmq_peer_any_session(bed->peer));
    rmq_bed_settle(bed);
    assert_false(rmq_bed_status(bed).blocked);
}

static void closes_with_nothing_to_close(void **state)
{
    struct rmq_bed *bed = *state;
    struct err err;

    bed->hub = rmq_hub_new(bed->loop, &bed->conf, NULL, "gw", &bed->rand, &err);
    assert_non_null(bed->hub);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_connects(bed->peer), 0);
    assert_int_equal(rmq_bed_status(bed).state, CONNECTION_STOPPED);
    rmq_hub_free(NULL);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_a_broker_that_breaks_the_protocol),
        cmocka_unit_test(takes_the_login_in_its_order_only),
        cmocka_unit_test(comes_back_after_a_loss_in_any_state),
        cmocka_unit_test(hurries_not_where_it_is_refused),
        cmocka_unit_test(waits_for_nothing_without_end),
        cmocka_unit_test(stops_in_any_state),
        cmocka_unit_test(agrees_on_limits),
        bed_test(says_which_login_is_not_offered),
        bed_test(says_which_version_the_server_speaks),
        bed_test(stops_without_an_answer),
        bed_test(waits_for_no_answer_of_a_blocked_broker),
        bed_test(times_out_connecting),
        bed_test(takes_silence_for_death),
        bed_test(logs_in),
        bed_test(logs_in_as_guest_and_by_certificate),
        bed_test(reads_whatever_the_pieces),
        bed_test(waits_longer_each_time),
        bed_test(tries_all_urls_in_turn),
        bed_test(sends_heartbeats),
        bed_test(knows_no_heartbeat_where_there_is_none),
        bed_test(shows_that_it_is_blocked),
        bed_test(closes_with_nothing_to_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
