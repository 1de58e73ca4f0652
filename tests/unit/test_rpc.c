/* Does every asker get one answer, its own, or one error, whatever becomes of the worker, of the
 * links and of the time? */
#include "rpc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

/* A worker that did not hear, or that nobody knows. */
static void expect_error_at_once(bool asks_redis, enum outcome outcome, const char *given)
{
    struct rpc_rig rig;

    rpc_rig_init(&rig);
    rig.asks_redis = asks_redis;
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "12");
    rpc_rig_asked(&rig, outcome, "words");
    rpc_rig_expect_given(&rig, given);
    rpc_rig_expect_settled(&rig, "");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, "12:ack ");
    assert_int_equal(rpc_rig_books(&rig)->dropped, 1);
    assert_int_equal(rpc_rig_calls(&rig)->errors, 1);
    rpc_rig_reply(&rig, 0, "144");
    assert_int_equal(rpc_rig_calls(&rig)->late, 1);
    rpc_rig_expect_given(&rig, "");
    rpc_rig_fini(&rig);
}

static void test_errors_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        expect_error_at_once(i == 0, OUTCOME_NO_SUBSCRIBERS, "me:c1!no-subscribers ");
        expect_error_at_once(i == 0, OUTCOME_UNROUTABLE, "me:c1!unroutable ");
        expect_error_at_once(i == 0, OUTCOME_LOST, "me:c1!lost ");
        expect_error_at_once(i == 0, OUTCOME_RETRY, "me:c1!refused ");
        expect_error_at_once(i == 0, OUTCOME_NO_EXCHANGE, "me:c1!refused ");
        expect_error_at_once(i == 0, OUTCOME_REFUSED, "me:c1!refused ");
        expect_error_at_once(i == 0, OUTCOME_TOO_LARGE, "me:c1!too-large ");
    }
}

static void test_requests_that_cannot_be_asked(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, NULL, "c1", "1");
    rpc_rig_ask(&rig, "", "c1", "2");
    rpc_rig_expect_settled(&rig, "1:ack 2:ack ");
    rpc_rig_expect_given(&rig, "");
    assert_int_equal(rpc_rig_calls(&rig)->unanswerable, 2);
    assert_int_equal(rpc_rig_books(&rig)->dropped, 2);
    assert_int_equal(rig.asked, 0);
    rig.ask->says = SINK_TOO_LARGE;
    rpc_rig_ask(&rig, "me", "c3", "3");
    rig.ask->says = SINK_REFUSED;
    rpc_rig_ask(&rig, "me", "c4", "4");
    rpc_rig_expect_given(&rig, "me:c3!too-large me:c4!refused ");
    rpc_rig_fini(&rig);
}

static void expect_answer(bool asks_redis, const char *asked)
{
    struct rpc_rig rig;

    rpc_rig_init(&rig);
    rig.asks_redis = asks_redis;
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "12");
    assert_string_equal(rig.last_asked, asked);
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_reply(&rig, 0, "144");
    rpc_rig_expect_given(&rig, "me:c1=144 ");
    rpc_rig_expect_settled(&rig, ""); /* not before the asker has it */
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, "12:ack ");
    assert_int_equal(rpc_rig_books(&rig)->delivered, 1);
    assert_int_equal(rpc_rig_calls(&rig)->answers, 1);
    rpc_rig_fini(&rig);
}

static void test_answers(void **state)
{
    (void)state;
    expect_answer(true, "rpc.fib c1 12");
    expect_answer(false, "rpc.fib 5000 12"); /* its expiration is the timeout */
}

/* A valid envelope is one; whatever else looks like it is the answer itself. */
static void test_answers_in_envelopes(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    for (int i = 0; i < 4; i++) {
        rpc_rig_ask(&rig, "me", "c", "x");
    }
    rpc_rig_reply(&rig, 0, "{\"body\":\"144\"}");
    rpc_rig_reply(&rig, 1,
                  "{\"v\":1,\"properties\":{\"correlation_id\":\"theirs\",\"reply_to\":\"me\"},"
                  "\"body\":\"MTQ1\",\"body_encoding\":\"base64\"}");
    rpc_rig_reply(&rig, 2, "{\"result\":146}");
    rpc_rig_reply(&rig, 3, "{\"body\":147}");
    rpc_rig_expect_given(&rig, "me:c=144 me:c=145 me:c={\"result\":146} me:c={\"body\":147} ");
    rpc_rig_fini(&rig);
}

/* From Redis, what is no envelope says nobody to answer to. */
static void test_requests_in_envelopes(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rig.asks_redis = false;
    rig.source_redelivers = false;
    rig.none.reads_envelope = true;
    rpc_rig_run(&rig);
    fake_source_give(rig.requests, "12", NULL);
    fake_source_give(rig.requests, "{\"body\":\"12\"}", NULL);
    rpc_rig_settle(&rig);
    assert_int_equal(rpc_rig_books(&rig)->dropped, 2);
    assert_int_equal(rpc_rig_calls(&rig)->unanswerable, 1);
    assert_non_null(strstr(strbuf_text(&rig.log), "message dropped: envelope"));
    fake_source_give(rig.requests,
                     "{\"body\":\"12\",\"properties\":{\"type\":\"fib\",\"reply_to\":\"me\","
                     "\"correlation_id\":\"c1\",\"expiration\":\"77\"}}",
                     NULL);
    rpc_rig_settle(&rig);
    assert_string_equal(rig.last_asked, "rpc.fib 77 12");
    rpc_rig_reply(&rig, 0, "144");
    rpc_rig_expect_given(&rig, "me:c1=144 ");
    rpc_rig_fini(&rig);
}

static void test_answer_before_the_confirm(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", NULL, "12");
    rpc_rig_reply(&rig, 0, "144");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_given(&rig, "me:=144 ");
    rpc_rig_expect_settled(&rig, ""); /* the asking sink has it still */
    rpc_rig_reply(&rig, 0, "144");
    assert_int_equal(rpc_rig_calls(&rig)->duplicate, 1);
    rpc_rig_asked(&rig, OUTCOME_LOST, "whatever");
    rpc_rig_expect_settled(&rig, "12:ack ");
    assert_int_equal(rpc_rig_books(&rig)->delivered, 1);
    rpc_rig_fini(&rig);
}

static void test_colliding_correlation_ids(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "anna", "1", "a");
    rpc_rig_ask(&rig, "bert", "1", "b");
    rpc_rig_ask(&rig, "anna", "1", "c");
    rpc_rig_reply(&rig, 2, "C");
    rpc_rig_reply(&rig, 1, "B");
    rpc_rig_reply(&rig, 0, "A");
    rpc_rig_expect_given(&rig, "anna:1=C bert:1=B anna:1=A ");
    rpc_rig_fini(&rig);
}

static void test_strays(void **state)
{
    static const char *const strangers[] = {"",
                                            "x",
                                            "0000000000000000-000000000000000G",
                                            "0000000000000000-ffffffffffffffff",
                                            "1234567890abcdef-0000000000000001",
                                            "0000000000000000+0000000000000001",
                                            "0000000000000000-00000000000000011"};
    struct rpc_rig rig;
    size_t count = sizeof(strangers) / sizeof(strangers[0]);

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    for (size_t i = 0; i < count; i++) {
        rpc_rig_reply_as(&rig, strangers[i], "answer");
    }
    assert_int_equal(rpc_rig_calls(&rig)->unknown, count);
    rpc_rig_ask(&rig, "me", "c", "1");
    rpc_rig_reply(&rig, 0, "one");
    rpc_rig_reply(&rig, 0, "two"); /* while the first is on its way */
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_reply(&rig, 0, "three");
    assert_int_equal(rpc_rig_calls(&rig)->duplicate, 2);
    rpc_rig_expect_given(&rig, "me:c=one ");
    assert_int_equal(fake_source_outstanding(rig.replies), 0);
    assert_non_null(strstr(strbuf_text(&rig.log), "a worker answered in vain"));
    rpc_rig_fini(&rig);
}

static void test_timeouts(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_advance(&rig, RPC_RIG_TIMEOUT_US / 2);
    rpc_rig_ask(&rig, "me", "c2", "2");
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_advance(&rig, RPC_RIG_TIMEOUT_US / 2 - 1);
    rpc_rig_expect_given(&rig, "");
    rpc_rig_advance(&rig, 1);
    rpc_rig_expect_given(&rig, "me:c1!timeout ");
    rpc_rig_reply(&rig, 0, "late");
    assert_int_equal(rpc_rig_calls(&rig)->late, 1);
    rpc_rig_advance(&rig, RPC_RIG_TIMEOUT_US);
    rpc_rig_expect_given(&rig, "me:c2!timeout ");
    assert_int_equal(rpc_rig_calls(&rig)->timeouts, 2);
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, "1:ack ");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, ""); /* the asking sink never said what became of it */
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, "2:ack ");
    rpc_rig_fini(&rig);
}

static void test_overload(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rig.max_calls = 2;
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_ask(&rig, "me", "c2", "2");
    rpc_rig_ask(&rig, "me", "c3", "3");
    rpc_rig_ask(&rig, "me", "c4", "4");
    rpc_rig_expect_given(&rig, "me:c3!overload me:c4!overload ");
    rpc_rig_ask(&rig, "me", "c5", "5"); /* not even that has room: it waits */
    rpc_rig_expect_given(&rig, "");
    assert_int_equal(rpc_rig_books(&rig)->buffered, 1);
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_given(&rig, "me:c5!overload ");
    assert_int_equal(rig.asked, 2);
    assert_int_equal(rpc_rig_calls(&rig)->overload, 3);
    rpc_rig_fini(&rig);
}

static void test_worker_side_away(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    fake_source_link(rig.replies, ENDPOINT_WAITING, "not subscribed");
    rpc_rig_settle(&rig);
    assert_int_equal(bridge_get_state(rig.bridge), BRIDGE_WAITING);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_ask(&rig, "me", "c2", "2");
    assert_int_equal(rig.asked, 0); /* an answer would find no way back */
    rpc_rig_advance(&rig, 1000);
    fake_source_link(rig.replies, ENDPOINT_READY, NULL);
    rpc_rig_settle(&rig);
    assert_int_equal(rig.asked, 2);
    assert_int_equal(bridge_get_state(rig.bridge), BRIDGE_RUNNING);
    rpc_rig_reply(&rig, 1, "B");
    fake_sink_link(rig.ask, ENDPOINT_WAITING, "gone"); /* and with it the first one's confirm */
    rpc_rig_settle(&rig);
    rpc_rig_expect_given(&rig, "me:c2=B me:c1!lost ");
    rpc_rig_ask(&rig, "me", "c3", "3");
    rpc_rig_advance(&rig, RPC_RIG_TIMEOUT_US);
    rpc_rig_expect_given(&rig, "me:c3!timeout ");
    fake_sink_link(rig.ask, ENDPOINT_READY, NULL);
    rpc_rig_settle(&rig);
    assert_int_equal(rig.asked, 2); /* it is too late to ask */
    rpc_rig_fini(&rig);
}

/* A channel of Redis stays what it is; a direct reply address goes with its channel. */
static void test_lost_replies(void **state)
{
    struct rpc_rig rig;

    (void)state;
    for (int i = 0; i < 2; i++) {
        rpc_rig_init(&rig);
        rig.asks_redis = i == 0;
        rpc_rig_run(&rig);
        rpc_rig_ask(&rig, "me", "c1", "1");
        rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
        fake_source_link(rig.replies, ENDPOINT_WAITING, "lost");
        rpc_rig_settle(&rig);
        rpc_rig_expect_given(&rig, i == 0 ? "" : "me:c1!lost ");
        fake_source_link(rig.replies, ENDPOINT_READY, NULL);
        rpc_rig_reply(&rig, 0, "one");
        rpc_rig_expect_given(&rig, i == 0 ? "me:c1=one " : "");
        assert_int_equal(rpc_rig_calls(&rig)->late, i);
        rpc_rig_fini(&rig);
    }
}

static void test_asker_side_away(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_reply(&rig, 0, "one");
    fake_sink_link(rig.answer, ENDPOINT_WAITING, "gone"); /* unconfirmed: it goes again */
    rpc_rig_settle(&rig);
    assert_int_equal(bridge_get_state(rig.bridge), BRIDGE_WAITING);
    rpc_rig_advance(&rig, 10 * (uint64_t)RPC_RIG_TIMEOUT_US);
    fake_sink_link(rig.answer, ENDPOINT_READY, NULL);
    rpc_rig_settle(&rig);
    rpc_rig_expect_given(&rig, "me:c1=one me:c1=one ");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_expect_settled(&rig, "1:ack ");
    rpc_rig_fini(&rig);
}

static void test_refused_answers(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_ask(&rig, "me", "c2", "2");
    rpc_rig_ask(&rig, "me", "c3", "3");
    for (int i = 0; i < 3; i++) {
        rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    }
    rpc_rig_reply(&rig, 0, "one");
    rpc_rig_confirm(&rig, OUTCOME_RETRY, "full"); /* goes again after a while */
    rpc_rig_expect_given(&rig, "me:c1=one ");
    rpc_rig_advance(&rig, 100000);
    rpc_rig_expect_given(&rig, "me:c1=one ");
    rpc_rig_confirm(&rig, OUTCOME_UNROUTABLE, "the asker is gone");
    rpc_rig_expect_settled(&rig, "1:ack ");
    rpc_rig_reply(&rig, 1, "two");
    rpc_rig_confirm(&rig, OUTCOME_TOO_LARGE, "too large");
    rpc_rig_expect_given(&rig, "me:c2=two me:c2!too-large ");
    rpc_rig_confirm(&rig, OUTCOME_REFUSED, "no");
    rpc_rig_expect_settled(&rig, "2:ack ");
    rig.answer->says = SINK_TOO_LARGE;
    rpc_rig_reply(&rig, 2, "three"); /* nor the error */
    rpc_rig_expect_settled(&rig, "3:ack ");
    assert_int_equal(rpc_rig_calls(&rig)->gone, 3);
    assert_int_equal(rpc_rig_calls(&rig)->answers + rpc_rig_calls(&rig)->errors, 0);
    assert_int_equal(rpc_rig_books(&rig)->dropped, 3);
    rpc_rig_fini(&rig);
}

static void test_answer_that_did_not_come_whole(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rig.asks_redis = false;
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rig.replies->refused_why = "over max_message_size";
    rig.replies->is_too_large = true;
    rpc_rig_reply(&rig, 0, "");
    rpc_rig_expect_given(&rig, "me:c1!too-large ");
    rpc_rig_fini(&rig);
}

static void test_stop_waits_for_answers(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    bridge_stop(rig.bridge);
    rpc_rig_settle(&rig);
    assert_int_equal(rig.stopped, 0);
    rpc_rig_reply(&rig, 0, "one");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_settle(&rig);
    assert_int_equal(rig.stopped, 1);
    rpc_rig_expect_settled(&rig, "1:ack ");
    rpc_rig_fini(&rig);
}

/* Calls in every state go back to their queue when there is no more time. */
static void test_stop_now(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1"); /* asked, confirmed */
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_ask(&rig, "me", "c2", "2"); /* answered, not confirmed to the asker */
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_reply(&rig, 1, "two");
    rpc_rig_ask(&rig, "me", "c3", "3"); /* answered, and the asking sink has it still */
    rpc_rig_reply(&rig, 2, "three");
    fake_sink_answer(rig.answer, "three", OUTCOME_DELIVERED, NULL);
    rpc_rig_ask(&rig, "me", "c4", "4"); /* the asking sink has it */
    rig.answer->blocked = true;
    rpc_rig_ask(&rig, "me", "c5", "5"); /* its answer waits */
    rpc_rig_reply(&rig, 4, "five");
    fake_source_link(rig.replies, ENDPOINT_WAITING, "lost");
    rpc_rig_ask(&rig, "me", "c6", "6"); /* not asked yet */
    bridge_stop_now(rig.bridge);
    rpc_rig_settle(&rig);
    assert_int_equal(rig.stopped, 1);
    assert_int_equal(rpc_rig_books(&rig)->returned, 5);
    assert_int_equal(rpc_rig_books(&rig)->delivered, 1);
    rpc_rig_fini(&rig);
}

/* As at a change of the rule: what was asked is answered, the rest is another sink's to ask. */
static void test_stopped_with_a_successor(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    fake_sink_link(rig.ask, ENDPOINT_WAITING, "away");
    rpc_rig_ask(&rig, "me", "c2", "2"); /* not asked */
    assert_int_equal(rpc_rig_calls(&rig)->calls, 2);
    rig.rpc->ops->stop(rig.rpc, false);
    rpc_rig_settle(&rig);
    assert_int_equal(rpc_rig_calls(&rig)->calls, 1);
    assert_int_equal(rpc_rig_books(&rig)->buffered, 1);
    assert_false(rig.answer->stopping);
    rpc_rig_reply(&rig, 0, "one");
    rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_settle(&rig);
    rpc_rig_expect_given(&rig, "me:c1=one ");
    rpc_rig_expect_settled(&rig, "1:ack ");
    assert_true(rig.ask->stopped && rig.replies->stopped && rig.answer->stopped);
    assert_int_equal(rpc_rig_calls(&rig)->errors, 0);
    rpc_rig_fini(&rig);
}

static void test_freed_in_the_middle(void **state)
{
    struct rpc_rig rig;

    (void)state;
    rpc_rig_init(&rig);
    rpc_rig_run(&rig);
    rpc_rig_ask(&rig, "me", "c1", "1");
    rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
    rpc_rig_ask(&rig, "me", "c2", "2");
    rpc_rig_advance(&rig, RPC_RIG_TIMEOUT_US);
    rpc_rig_free(&rig); /* the process ends: nothing is waited for */
}

/* Whatever allocation fails, the request ends in the books, and in an answer where one can be. */
static void test_without_memory(void **state)
{
    struct rpc_rig rig;
    bool failed = true;

    (void)state;
    for (unsigned i = 0; failed; i++) {
        rpc_rig_init(&rig);
        rpc_rig_run(&rig);
        rpc_rig_ask(&rig, "me", "c0", "0"); /* what grows once has grown */
        rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
        rpc_rig_reply(&rig, 0, "zero");
        rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
        rpc_rig_ask(&rig, "me", "c1", "1");
        if (rig.asked > 1) {
            rpc_rig_asked(&rig, OUTCOME_DELIVERED, NULL);
        }
        alloc_fail_after(i);
        rig.now_us += RPC_RIG_TIMEOUT_US;
        if (rig.rpc_wake_us != 0) {
            rpc_wake(rig.rpc);
        }
        failed = alloc_fail_stop();
        rpc_rig_settle(&rig);
        if (rig.answer->in_flight_count > 0) {
            rpc_rig_confirm(&rig, OUTCOME_DELIVERED, NULL);
        }
        assert_int_equal(rpc_rig_calls(&rig)->errors + rpc_rig_calls(&rig)->gone, 1);
        assert_int_equal(rpc_rig_calls(&rig)->calls, 0);
        rpc_rig_fini(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_at_once),
        cmocka_unit_test(test_requests_that_cannot_be_asked),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_in_envelopes),
        cmocka_unit_test(test_requests_in_envelopes),
        cmocka_unit_test(test_answer_before_the_confirm),
        cmocka_unit_test(test_colliding_correlation_ids),
        cmocka_unit_test(test_strays),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_overload),
        cmocka_unit_test(test_worker_side_away),
        cmocka_unit_test(test_lost_replies),
        cmocka_unit_test(test_asker_side_away),
        cmocka_unit_test(test_refused_answers),
        cmocka_unit_test(test_answer_that_did_not_come_whole),
        cmocka_unit_test(test_stop_waits_for_answers),
        cmocka_unit_test(test_stop_now),
        cmocka_unit_test(test_stopped_with_a_successor),
        cmocka_unit_test(test_freed_in_the_middle),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests_name("rpc", tests, NULL, NULL);
}
