/* Do answers by direct reply-to come in on the channel that asks, and go with it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/hub.h"
#include "endpoint_laws.h"
#include "rmq_bed.h"

enum { CHANNEL = 1 };

#define NONE ((struct slice){NULL, 0})
/* correlation_id "c1": flags, a short string. */
#define CORRELATED                                                                                 \
    SLICE("\x04\x00\x02"                                                                           \
          "c1")

struct pair {
    struct sink_watch ask;
    struct source_watch replies;
};

static void make(struct rmq_bed *bed, struct pair *pair)
{
    struct source *replies = NULL;
    struct sink *ask;

    rmq_bed_make_hub(bed);
    ask = rmq_asking_sink_new(bed->hub, &bed->sink_conf, &bed->options, "bridge", &replies);
    assert_non_null(ask);
    assert_non_null(replies);
    sink_watch_init(&pair->ask, ask);
    source_watch_init(&pair->replies, replies);
    sink_watch_start(&pair->ask);
    source_watch_start(&pair->replies);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
}

static void start(struct rmq_bed *bed, struct pair *pair)
{
    make(bed, pair);
    rmq_bed_check(bed, pair->ask.ready && pair->replies.ready);
}

static void end(struct rmq_bed *bed, struct pair *pair)
{
    source_watch_settle_all(&pair->replies);
    rmq_bed_end_sink(bed, &pair->ask);
    source_watch_stop(&pair->replies);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, pair->replies.stopped == 1);
    source_watch_free(&pair->replies);
}

static void answer(struct rmq_bed *bed, uint64_t tag, struct slice body)
{
    rmq_session_deliver(rmq_bed_publishing(bed), CHANNEL, tag, "amq.rabbitmq.reply-to.x",
                        CORRELATED, body);
    rmq_bed_settle(bed);
}

static void expect_breach(struct rmq_bed *bed, struct pair *pair, const char *words)
{
    rmq_bed_settle(bed);
    rmq_bed_check(bed, !pair->ask.ready && !pair->replies.ready);
    rmq_bed_check(bed, rmq_bed_logged(words));
    rmq_bed_check(bed, pair->replies.received == 0);
}

static void refuses_answers_before_it_consumes(void **state)
{
    struct rmq_bed *bed = *state;
    struct pair pair;

    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, false);
    make(bed, &pair);
    rmq_bed_check(bed, !pair.ask.ready && !pair.replies.ready);
    answer(bed, 1, SLICE("early"));
    expect_breach(bed, &pair, "a delivery on a channel that consumes nothing");
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, true);
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, pair.ask.ready && pair.replies.ready);
    end(bed, &pair);
}

static void refuses_what_it_did_not_ask_for(void **state)
{
    amqp_basic_consume_ok_t again = {rmq_bytes_of("tag")};
    amqp_confirm_select_ok_t select = {0};
    struct rmq_bed *bed = *state;
    struct pair pair;

    start(bed, &pair);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_BASIC_CONSUME_OK_METHOD, &again);
    expect_breach(bed, &pair, "basic.consume-ok that nothing on the channel expects");
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, pair.replies.ready);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &select);
    expect_breach(bed, &pair, "confirm.select-ok that nothing on the channel expects");
    rmq_bed_advance(bed, 1 * SECOND);
    end(bed, &pair);
}

/* Ready is who has both answers, in whatever order; the wait for them ends. */
static void waits_for_both_answers(void **state)
{
    amqp_basic_consume_ok_t consumed = {rmq_bytes_of("tag")};
    amqp_confirm_select_ok_t selected = {0};
    struct rmq_bed *bed = *state;
    struct pair pair;

    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, false);
    make(bed, &pair);
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "basic.consume amq.rabbitmq.reply-to") == 1);
    rmq_bed_check(bed, rmq_peer_count(bed->peer, "confirm.select") == 1);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_BASIC_CONSUME_OK_METHOD, &consumed);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, !pair.ask.ready && !pair.replies.ready);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_CONFIRM_SELECT_OK_METHOD, &selected);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, pair.ask.ready && pair.replies.ready);
    rmq_session_drop(rmq_bed_publishing(bed));
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_check(bed, !pair.ask.ready && !pair.replies.ready);
    rmq_bed_advance(bed, 25 * SECOND);
    rmq_bed_check(bed, rmq_bed_logged("no answer to"));
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, true);
    rmq_bed_advance(bed, 30 * SECOND);
    rmq_bed_check(bed, pair.ask.ready && pair.replies.ready);
    end(bed, &pair);
}

static void takes_answers(void **state)
{
    struct rmq_bed *bed = *state;
    const struct delivery *delivery;
    struct pair pair;

    start(bed, &pair);
    pair.replies.keep = true;
    assert_int_equal(rmq_bed_send(&pair.ask, SLICE("request")), SINK_TAKEN);
    rmq_bed_settle(bed);
    answer(bed, 1, SLICE("answer")); /* before the confirm */
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, 1, false);
    rmq_bed_settle(bed);
    assert_string_equal(strbuf_text(&pair.ask.settled), "D1 ");
    assert_int_equal(pair.replies.received, 1);
    delivery = TAILQ_FIRST(&pair.replies.given);
    assert_true(slice_equal(delivery->body, SLICE("answer")));
    assert_true(slice_equal(delivery->queue, SLICE("amq.rabbitmq.reply-to")));
    assert_true(slice_equal(delivery->properties->text[PROPERTY_CORRELATION_ID], SLICE("c1")));
    /* Pausing is not for answers, and no acknowledgement goes out for them. */
    source_watch_pause(&pair.replies);
    answer(bed, 2, SLICE("more"));
    source_watch_resume(&pair.replies);
    assert_int_equal(pair.replies.received, 2);
    source_watch_settle_all(&pair.replies);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.ack"), 0);
    end(bed, &pair);
}

static void returned_requests_are_no_answers(void **state)
{
    struct rmq_bed *bed = *state;
    struct pair pair;

    start(bed, &pair);
    assert_int_equal(rmq_bed_send(&pair.ask, SLICE("request")), SINK_TAKEN);
    rmq_bed_settle(bed);
    rmq_session_return(rmq_bed_publishing(bed), rmq_session_published(rmq_bed_publishing(bed), 0));
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, 1, false);
    rmq_bed_settle(bed);
    assert_string_equal(strbuf_text(&pair.ask.settled), "U1 ");
    assert_int_equal(pair.replies.received, 0);
    end(bed, &pair);
}

static void answers_go_with_the_channel(void **state)
{
    struct rmq_bed *bed = *state;
    struct pair pair;
    uint32_t epoch;

    start(bed, &pair);
    pair.replies.keep = true;
    answer(bed, 1, SLICE("old"));
    epoch = pair.replies.source->epoch;
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 406, "PRECONDITION_FAILED", 0);
    rmq_bed_settle(bed);
    rmq_bed_check(bed, !pair.replies.ready && pair.replies.source->epoch == epoch + 1);
    rmq_bed_check(bed, strstr(pair.replies.why, "PRECONDITION_FAILED") != NULL);
    rmq_bed_advance(bed, 3 * SECOND);
    rmq_bed_check(bed, pair.replies.ready && pair.ask.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume amq.rabbitmq.reply-to"), 2);
    end(bed, &pair);
}

/* The two may be freed in any order. */
static void freed_the_source_first(void **state)
{
    struct rmq_bed *bed = *state;
    struct pair pair;

    start(bed, &pair);
    source_watch_stop(&pair.replies);
    rmq_bed_settle(bed);
    answer(bed, 1, SLICE("nobody waits for it"));
    assert_int_equal(pair.replies.received, 0);
    source_watch_free(&pair.replies);
    rmq_bed_end_sink(bed, &pair.ask);
}

/* The far side for the laws. */
struct laws {
    struct rmq_bed *bed;
    struct sink_watch ask;
    uint64_t tag;
};

static void laws_end_sink(struct laws *laws)
{
    if (laws->ask.sink != NULL) {
        rmq_bed_end_sink(laws->bed, &laws->ask);
        rmq_bed_tear_down_hub(laws->bed);
    }
}

static struct source *laws_make(void *ctx)
{
    struct laws *laws = ctx;
    struct rmq_bed *bed = laws->bed;
    struct source *source = NULL;

    laws_end_sink(laws);
    fake_net_set_answer(bed->loop, 0, FAKE_REFUSE);
    rmq_bed_make_hub(bed);
    sink_watch_init(&laws->ask,
                    rmq_asking_sink_new(bed->hub, &bed->sink_conf, &bed->options, "laws", &source));
    sink_watch_start(&laws->ask);
    rmq_hub_start(bed->hub);
    return source;
}

static void laws_link_up(void *ctx)
{
    struct laws *laws = ctx;

    fake_net_set_answer(laws->bed->loop, 0, FAKE_ACCEPT);
    laws->tag = 0;
}

static void laws_link_down(void *ctx)
{
    struct laws *laws = ctx;

    fake_net_set_answer(laws->bed->loop, 0, FAKE_REFUSE);
    if (rmq_bed_publishing(laws->bed) != NULL) {
        rmq_session_drop(rmq_bed_publishing(laws->bed));
    }
}

static void laws_publish(void *ctx)
{
    struct laws *laws = ctx;

    rmq_session_deliver(rmq_bed_publishing(laws->bed), CHANNEL, ++laws->tag, "key", NONE,
                        SLICE("body"));
}

static void laws_work(void *ctx, bool (*done)(const void *arg), const void *arg)
{
    struct laws *laws = ctx;

    rmq_bed_settle(laws->bed);
    for (int i = 0; done != NULL && !done(arg) && i < 40; i++) {
        rmq_bed_advance(laws->bed, 500 * MS);
    }
}

static void keeps_the_laws(void **state)
{
    struct laws laws = {.bed = *state};
    struct source_bed source_bed = {&laws,          laws_make,    laws_link_up,
                                    laws_link_down, laws_publish, laws_work};

    endpoint_laws_check_source(&source_bed);
    laws_end_sink(&laws);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_answers_before_it_consumes),
        TEST(refuses_what_it_did_not_ask_for),
        TEST(waits_for_both_answers),
        TEST(takes_answers),
        TEST(returned_requests_are_no_answers),
        TEST(answers_go_with_the_channel),
        TEST(freed_the_source_first),
        TEST(keeps_the_laws),
    };

    return cmocka_run_group_tests_name("rmq_replies", tests, NULL, NULL);
}
