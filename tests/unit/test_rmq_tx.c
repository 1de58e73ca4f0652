/* In transactions: is every message accounted for, once, whatever becomes of the commit, and is
 * nothing published that the broker would close the connection for? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/hub.h"
#include "rmq_bed.h"

enum { CHANNEL = 1, BATCH = 300 };

/* A transactional sink, ready; the broker answers no commit by itself. */
static void start(struct rmq_bed *bed, struct sink_watch *watch)
{
    bed->sink_conf.transactional = true;
    rmq_peer_set_auto(bed->peer, AMQP_TX_COMMIT_METHOD, false);
    rmq_bed_start_sink(bed, watch);
}

static void send(struct sink_watch *watch, const char *body)
{
    assert_int_equal(rmq_bed_send(watch, slice_of(body)), SINK_TAKEN);
}

/* Three messages in a transaction that waits for its commit-ok. */
static struct rmq_session *commit_three(struct rmq_bed *bed, struct sink_watch *watch)
{
    start(bed, watch);
    send(watch, "one");
    send(watch, "two");
    send(watch, "three");
    rmq_bed_settle(bed);
    assert_int_equal(rmq_session_published_count(rmq_bed_publishing(bed)), 3);
    rmq_bed_check(bed, rmq_session_is_committing(rmq_bed_publishing(bed), CHANNEL));
    return rmq_bed_publishing(bed);
}

static unsigned commits(const struct rmq_bed *bed)
{
    return rmq_peer_count(bed->peer, "tx.commit");
}

/* Three under way, and then an answer that no honest broker gives. */
static void expect_breach(void (*answer)(struct rmq_session *session), const char *settled,
                          const char *words)
{
    struct sink_watch watch;
    void *state;

    rmq_bed_set_up(&state);
    answer(commit_three(state, &watch));
    rmq_bed_expect_lost(state, &watch, settled, words);
    rmq_bed_end_sink(state, &watch);
    rmq_bed_tear_down(&state);
}

static void ack_in_between(struct rmq_session *session)
{
    rmq_session_ack(session, CHANNEL, 3, true);
}

static void nack_in_between(struct rmq_session *session)
{
    rmq_session_nack(session, CHANNEL, 3, true);
}

static void second_select_ok(struct rmq_session *session)
{
    amqp_tx_select_ok_t ok = {0};

    rmq_session_send(session, CHANNEL, AMQP_TX_SELECT_OK_METHOD, &ok);
}

static void confirm_select_ok(struct rmq_session *session)
{
    amqp_confirm_select_ok_t ok = {0};

    rmq_session_send(session, CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
}

static void second_commit_ok(struct rmq_session *session)
{
    rmq_session_commit_ok(session, CHANNEL);
    rmq_session_commit_ok(session, CHANNEL);
}

static void rollback_ok(struct rmq_session *session)
{
    amqp_tx_rollback_ok_t ok = {0};

    rmq_session_send(session, CHANNEL, AMQP_TX_ROLLBACK_OK_METHOD, &ok);
}

static void refuses_what_belongs_to_no_transaction(void **state)
{
    (void)state;
    expect_breach(ack_in_between, "L1 L2 L3 ", "basic.ack that nothing");
    expect_breach(nack_in_between, "L1 L2 L3 ", "basic.nack that nothing");
    expect_breach(second_select_ok, "L1 L2 L3 ", "tx.select-ok that nothing");
    expect_breach(confirm_select_ok, "L1 L2 L3 ", "confirm.select-ok that nothing");
    expect_breach(second_commit_ok, "D1 D2 D3 ", "tx.commit-ok that nothing");
    expect_breach(rollback_ok, "L1 L2 L3 ", "tx.rollback-ok");
}

/* With confirms the words of transactions mean nothing. */
static void refuses_a_commit_ok_without_transactions(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    send(&watch, "one");
    rmq_bed_settle(bed);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "L1 ");
    assert_non_null(strstr(watch.why, "tx.commit-ok that nothing"));
    rmq_bed_end_sink(bed, &watch);
}

static void gives_up_a_select_without_answer(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    bed->sink_conf.transactional = true;
    rmq_peer_set_auto(bed->peer, AMQP_TX_SELECT_METHOD, false);
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, &watch);
    sink_watch_start(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_advance(bed, 20 * SECOND);
    assert_string_equal(watch.why, "no answer to tx.select within 20 s");
    assert_int_equal(watch.readies, 0);
    rmq_peer_set_auto(bed->peer, AMQP_TX_SELECT_METHOD, true);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void settles_what_was_committed(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = commit_three(bed, &watch);

    assert_int_equal(commits(bed), 1);
    assert_int_equal(rmq_peer_count(bed->peer, "confirm.select"), 0);
    rmq_bed_expect_settled(bed, &watch, "");
    /* The broker takes nothing before its commit-ok. */
    assert_int_equal(rmq_bed_send(&watch, SLICE("four")), SINK_BUSY);
    rmq_bed_settle(bed);
    assert_int_equal(watch.writables, 0);
    rmq_session_commit_ok(session, CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 D3 ");
    assert_int_equal(watch.writables, 1);
    send(&watch, "four");
    rmq_bed_settle(bed);
    assert_int_equal(commits(bed), 2);
    rmq_session_commit_ok(session, CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 D3 D4 ");
    /* Nothing published, nothing to commit. */
    rmq_bed_advance(bed, 60 * SECOND);
    assert_int_equal(commits(bed), 2);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void reads_answers_octet_by_octet(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session;

    fake_net_set_piece(bed->loop, 1);
    session = commit_three(bed, &watch);
    rmq_session_return(session, rmq_session_published(session, 0));
    rmq_session_commit_ok(session, CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "U1 D2 D3 ");
    rmq_bed_end_sink(bed, &watch);
}

static void knows_what_came_back_before_the_commit_ok(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = commit_three(bed, &watch);

    rmq_session_return(session, rmq_session_published(session, 1));
    rmq_bed_expect_settled(bed, &watch, "");
    rmq_session_commit_ok(session, CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 U2 D3 ");
    assert_int_equal(watch.outcomes[OUTCOME_UNROUTABLE], 1);
    /* Sent again after a return whose commit-ok was lost, it counts anew. */
    send(&watch, "four");
    rmq_bed_settle(bed);
    rmq_session_return(session, rmq_session_published(session, 3));
    rmq_session_close_channel(session, CHANNEL, 404, "NOT_FOUND", AMQP_BASIC_PUBLISH_METHOD);
    rmq_bed_expect_settled(bed, &watch, "D1 U2 D3 L4 ");
    rmq_bed_end_sink(bed, &watch);
}

static void limits_a_batch(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    start(bed, &watch);
    for (int i = 0; i < BATCH; i++) {
        send(&watch, "x");
    }
    assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_BUSY);
    rmq_bed_settle(bed);
    assert_int_equal(commits(bed), 1);
    assert_int_equal(watch.writables, 0);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_settle(bed);
    assert_int_equal(watch.outcomes[OUTCOME_DELIVERED], BATCH);
    assert_int_equal(watch.writables, 1);
    rmq_bed_end_sink(bed, &watch);
}

/* The broker may forget all of it, or have it already: nobody knows, and all is sent again. */
static void gives_back_what_was_not_committed(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_session_drop(commit_three(bed, &watch));
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 ");
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "tx.select"), 2);
    /* A new channel owes nothing of the old one. */
    send(&watch, "four");
    rmq_bed_settle(bed);
    assert_int_equal(commits(bed), 2);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 D4 ");
    rmq_bed_end_sink(bed, &watch);
}

static void gives_back_a_batch_whose_channel_was_closed(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session;

    /* In the middle of a batch: published, and not committed yet. */
    start(bed, &watch);
    session = rmq_bed_publishing(bed);
    send(&watch, "one");
    send(&watch, "two");
    rmq_session_close_channel(session, CHANNEL, 404, "NOT_FOUND - no exchange",
                              AMQP_BASIC_PUBLISH_METHOD);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 ");
    assert_non_null(strstr(watch.why, "NOT_FOUND - no exchange"));
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_connects(bed->peer), 1);
    rmq_bed_end_sink(bed, &watch);
}

/* RabbitMQ's answer to a commit that a queue refused its part of. */
static void refuse_commit(struct rmq_bed *bed)
{
    rmq_bed_settle(bed);
    rmq_bed_check(bed, rmq_session_is_committing(rmq_bed_publishing(bed), CHANNEL));
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 406,
                              "PRECONDITION_FAILED - partial tx completion", AMQP_TX_COMMIT_METHOD);
    rmq_bed_advance(bed, 30 * SECOND);
}

static void finds_the_message_that_a_commit_failed_for(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    commit_three(bed, &watch);
    refuse_commit(bed);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 ");
    assert_true(watch.ready);
    /* One at a time from now on. */
    send(&watch, "one");
    assert_int_equal(rmq_bed_send(&watch, SLICE("two")), SINK_BUSY);
    refuse_commit(bed);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 R4 ");
    assert_non_null(strstr(watch.settled_why, "partial tx completion"));
    send(&watch, "two");
    assert_int_equal(rmq_bed_send(&watch, SLICE("three")), SINK_BUSY);
    rmq_bed_settle(bed);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 R4 D5 ");
    rmq_bed_end_sink(bed, &watch);
}

/* RabbitMQ looks at a message when it is published, and closes the channel over it before there is
 * anything to commit. */
static void finds_the_message_that_the_channel_was_closed_over(void **state)
{
    static const char words[] = "PRECONDITION_FAILED - invalid expiration 'x'";
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_session_close_channel(commit_three(bed, &watch), CHANNEL, 406, words,
                              AMQP_BASIC_PUBLISH_METHOD);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 ");
    rmq_peer_set_auto(bed->peer, AMQP_TX_COMMIT_METHOD, true);
    send(&watch, "one");
    assert_int_equal(rmq_bed_send(&watch, SLICE("two")), SINK_BUSY);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 D4 ");
    rmq_peer_set_auto(bed->peer, AMQP_TX_COMMIT_METHOD, false);
    send(&watch, "two");
    rmq_bed_settle(bed);
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 406, words,
                              AMQP_BASIC_PUBLISH_METHOD);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 D4 X5 ");
    assert_non_null(strstr(watch.settled_why, "invalid expiration"));
    assert_int_equal(watch.waitings, 0);
    rmq_bed_end_sink(bed, &watch);
}

/* Sends one that was refused `refusals` times. */
static enum sink_result send_refused(struct sink_watch *watch, uint32_t refusals)
{
    static const struct outgoing out = {.exchange = {"x", 1}, .routing_key = {"key", 3}};
    struct err err = {""};
    char *data;
    struct delivery *delivery = delivery_new(0, &data);
    enum sink_result result;

    assert_non_null(delivery);
    delivery->tag = watch->sent + 1;
    delivery->refusals = refusals;
    result = watch->sink->ops->send(watch->sink, delivery, &out, &err);
    if (result == SINK_TAKEN) {
        watch->sent++;
    } else {
        delivery_free(delivery);
    }
    return result;
}

static void trusts_again_when_all_went_through(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    commit_three(bed, &watch);
    refuse_commit(bed);
    send(&watch, "one");
    refuse_commit(bed);
    rmq_peer_set_auto(bed->peer, AMQP_TX_COMMIT_METHOD, true);
    for (int i = 0; i < 2; i++) {
        send(&watch, "x");
        assert_int_equal(rmq_bed_send(&watch, SLICE("y")), SINK_BUSY);
        rmq_bed_settle(bed);
    }
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 R4 D5 D6 ");
    for (int i = 0; i < BATCH; i++) {
        send(&watch, "x");
    }
    assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_BUSY);
    rmq_bed_settle(bed);
    assert_int_equal(watch.outcomes[OUTCOME_DELIVERED], 2 + BATCH);
    rmq_bed_end_sink(bed, &watch);
}

static void sends_alone_what_was_refused_before(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    start(bed, &watch);
    send(&watch, "one");
    assert_int_equal(send_refused(&watch, 1), SINK_BUSY); /* not with others */
    send(&watch, "two");
    rmq_bed_settle(bed);
    assert_int_equal(commits(bed), 1);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 ");
    assert_int_equal(watch.writables, 1);
    assert_int_equal(send_refused(&watch, 1), SINK_TAKEN);
    assert_int_equal(rmq_bed_send(&watch, SLICE("four")), SINK_BUSY); /* nor others with it */
    refuse_commit(bed);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 R3 ");
    /* Nobody else was to blame. */
    send(&watch, "four");
    send(&watch, "five");
    rmq_bed_settle(bed);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 R3 D4 D5 ");
    rmq_bed_end_sink(bed, &watch);
}

static void gives_up_a_commit_without_answer(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    commit_three(bed, &watch);
    rmq_bed_advance(bed, 29 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "");
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 ");
    assert_string_equal(watch.why, "no commit-ok from the broker for 30000 ms");
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_connects(bed->peer), 1);
    rmq_bed_end_sink(bed, &watch);
}

static void waits_while_the_broker_is_blocked(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    struct sink_watch watch;
    struct rmq_session *session = commit_three(bed, &watch);

    rmq_session_send(session, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_advance(bed, 3600 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "");
    assert_true(watch.ready);
    rmq_session_send(session, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    rmq_bed_advance(bed, 29 * SECOND);
    assert_int_equal(rmq_bed_send(&watch, SLICE("four")), SINK_BUSY);
    rmq_session_commit_ok(session, CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 D3 ");
    send(&watch, "four");
    rmq_bed_end_sink(bed, &watch);
}

static void commits_what_was_written_at_a_stop(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    start(bed, &watch);
    send(&watch, "one");
    send(&watch, "two");
    sink_watch_stop(&watch, false);
    rmq_bed_settle(bed);
    assert_int_equal(watch.stopped, 0);
    assert_int_equal(commits(bed), 1);
    rmq_session_commit_ok(rmq_bed_publishing(bed), CHANNEL);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 ");
    assert_int_equal(watch.stopped, 1);
    sink_watch_free(&watch);
}

/* The broker rolls back what a closed channel did not commit: nothing is sent twice. */
static void commits_nothing_in_a_hurry(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    start(bed, &watch);
    send(&watch, "one");
    sink_watch_stop(&watch, true);
    rmq_bed_expect_settled(bed, &watch, "L1 ");
    assert_int_equal(watch.stopped, 1);
    assert_int_equal(commits(bed), 0);
    sink_watch_free(&watch);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_belongs_to_no_transaction),
        bed_test(refuses_a_commit_ok_without_transactions),
        bed_test(gives_up_a_select_without_answer),
        bed_test(settles_what_was_committed),
        bed_test(reads_answers_octet_by_octet),
        bed_test(knows_what_came_back_before_the_commit_ok),
        bed_test(limits_a_batch),
        bed_test(gives_back_what_was_not_committed),
        bed_test(gives_back_a_batch_whose_channel_was_closed),
        bed_test(finds_the_message_that_a_commit_failed_for),
        bed_test(finds_the_message_that_the_channel_was_closed_over),
        bed_test(trusts_again_when_all_went_through),
        bed_test(sends_alone_what_was_refused_before),
        bed_test(gives_up_a_commit_without_answer),
        bed_test(waits_while_the_broker_is_blocked),
        bed_test(commits_what_was_written_at_a_stop),
        bed_test(commits_nothing_in_a_hurry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
