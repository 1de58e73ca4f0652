/* Is every message accounted for, once, whatever the broker confirms, refuses, returns, or leaves
 * unsaid? */
#include "amqp/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/octets.h"
#include "rmq_bed.h"

enum { CHANNEL = 1 }; /* the topology is empty and opens none */
enum { MANY = 2000 }; /* messages that are out at once from the start */

/* Five messages that wait for their confirms. */
static struct rmq_session *send_five(struct rmq_bed *bed, struct sink_watch *watch)
{
    static const char *const bodies[] = {"one", "two", "three", "four", "five"};

    rmq_bed_start_sink(bed, watch);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rmq_bed_send(watch, slice_of(bodies[i])), SINK_TAKEN);
    }
    rmq_bed_settle(bed);
    assert_int_equal(rmq_session_published_count(rmq_bed_publishing(bed)), 5);
    return rmq_bed_publishing(bed);
}

/* Confirms that no honest broker sends; `before` is confirmed first. */
static void expect_bad_confirm(uint64_t tag, bool multiple, bool nack, uint64_t before,
                               const char *settled)
{
    struct sink_watch watch;
    struct rmq_session *session;
    void *state;

    rmq_bed_set_up(&state);
    session = send_five(state, &watch);
    if (before != 0) {
        rmq_session_ack(session, CHANNEL, before, true);
    }
    if (nack) {
        rmq_session_nack(session, CHANNEL, tag, multiple);
    } else {
        rmq_session_ack(session, CHANNEL, tag, multiple);
    }
    rmq_session_ack(session, CHANNEL, 5, true); /* behind it nothing is looked at */
    rmq_bed_expect_lost(state, &watch, settled, "protocol error: a confirm of tag");
    rmq_bed_end_sink(state, &watch);
    rmq_bed_tear_down(&state);
}

static void believes_no_confirm_of_an_unknown_tag(void **state)
{
    (void)state;
    expect_bad_confirm(0, false, false, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(0, true, false, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(0, true, true, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(6, false, false, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(6, true, false, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(6, false, true, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(UINT64_MAX, false, false, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(UINT64_MAX, true, true, 0, "L1 L2 L3 L4 L5 ");
    expect_bad_confirm(2, false, false, 2, "D1 D2 L3 L4 L5 ");
    expect_bad_confirm(1, true, false, 2, "D1 D2 L3 L4 L5 ");
    expect_bad_confirm(2, false, true, 2, "D1 D2 L3 L4 L5 ");
}

/* What comes on the channel though nothing there asked for it. */
static void expect_unexpected(struct slice bytes, const char *words)
{
    struct sink_watch watch;
    struct rmq_session *session;
    void *state;

    rmq_bed_set_up(&state);
    session = send_five(state, &watch);
    rmq_session_send_bytes(session, bytes.data, bytes.len);
    rmq_session_ack(session, CHANNEL, 5, true);
    rmq_bed_expect_lost(state, &watch, "L1 L2 L3 L4 L5 ", words);
    rmq_bed_end_sink(state, &watch);
    rmq_bed_tear_down(&state);
}

static void refuses_what_it_did_not_ask_for(void **state)
{
    (void)state;
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x0b\xce"),
                      "basic.qos-ok that nothing on the channel expects");
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x04\x00\x55\x00\x0b\xce"),
                      "confirm.select-ok that nothing");
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x08\x00\x14\x00\x0b\x00\x00\x00\x00\xce"),
                      "channel.open-ok on a channel that is open");
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x04\x00\x14\x00\x29\xce"),
                      "channel.close-ok that nothing");
    expect_unexpected(SLICE("\x03\x00\x01\x00\x00\x00\x01x\xce"), "a body frame that no content");
    expect_unexpected(SLICE("\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00"
                            "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce"),
                      "a content header that no method");
    /* An ack in the middle of what a basic.return began. */
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x09\x00\x3c\x00\x32\x01\x38\x00\x00\x00\xce"
                            "\x01\x00\x01\x00\x00\x00\x0d\x00\x3c\x00\x50"
                            "\x00\x00\x00\x00\x00\x00\x00\x05\x01\xce"),
                      "a method in the middle of content");
    /* A delivery. */
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x10\x00\x3c\x00\x3c\x00"
                            "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\xce"
                            "\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00"
                            "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce"),
                      "a delivery on a channel that consumes nothing");
    /* A return of a message that nobody sent. */
    expect_unexpected(SLICE("\x01\x00\x01\x00\x00\x00\x09\x00\x3c\x00\x32\x01\x38\x00\x00\x00\xce"
                            "\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00"
                            "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce"),
                      "a message came back that was not sent");
}

static void counts_single_confirms_in_any_order(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_ack(session, CHANNEL, 3, false);
    rmq_session_nack(session, CHANNEL, 5, false);
    rmq_bed_expect_settled(bed, &watch, "D3 R5 ");
    assert_string_equal(watch.settled_why, "nacked by the broker");
    rmq_session_ack(session, CHANNEL, 1, false);
    rmq_session_ack(session, CHANNEL, 4, true); /* takes what is left below it */
    rmq_bed_expect_settled(bed, &watch, "D3 R5 D1 D2 D4 ");
    assert_int_equal(watch.waitings, 0);
    rmq_bed_end_sink(bed, &watch);
}

static void counts_multiple_confirms(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_ack(session, CHANNEL, 2, true);
    rmq_session_nack(session, CHANNEL, 4, true);
    rmq_session_ack(session, CHANNEL, 5, true);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 R3 R4 D5 ");
    /* And again from six on. */
    assert_int_equal(rmq_bed_send(&watch, SLICE("six")), SINK_TAKEN);
    rmq_session_ack(session, CHANNEL, 6, true);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 R3 R4 D5 D6 ");
    rmq_bed_end_sink(bed, &watch);
}

/* Ten thousand, confirmed in a scattered order that leaves holes all over. */
static void keeps_count_of_many(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session;
    struct rand rand;
    bool *done = calloc(MANY + 1, sizeof(*done));
    uint64_t left = MANY;

    assert_non_null(done);
    rand_init_seed(&rand, 7);
    rmq_bed_start_sink(bed, &watch);
    session = rmq_bed_publishing(bed);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_TAKEN);
    }
    rmq_bed_settle(bed);
    while (left > 0) {
        uint64_t tag = 1 + rand_below(&rand, MANY);
        bool multiple = rand_below(&rand, 500) == 0;

        if (done[tag]) {
            continue;
        }
        for (uint64_t i = multiple ? 1 : tag; i <= tag; i++) {
            left -= !done[i];
            done[i] = true;
        }
        if (rand_below(&rand, 3) == 0) {
            rmq_session_nack(session, CHANNEL, tag, multiple);
        } else {
            rmq_session_ack(session, CHANNEL, tag, multiple);
        }
    }
    rmq_bed_settle(bed);
    assert_int_equal(watch.back, MANY);
    assert_int_equal(watch.outcomes[OUTCOME_DELIVERED] + watch.outcomes[OUTCOME_RETRY], MANY);
    assert_true(watch.ready);
    free(done);
    rmq_bed_end_sink(bed, &watch);
}

/* Annotated as the bridge does: message_id is the delivery's own. */
static enum sink_result send_with_id(struct sink_watch *watch, struct slice body)
{
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key"), .body = body};
    char id[DELIVERY_ID_SIZE];
    struct delivery next = {.number = 0};
    char *data;
    struct delivery *probe = delivery_new(0, &data);

    /* Numbers count on: the delivery that is made for sending has the next one. */
    assert_non_null(probe);
    next.number = probe->number + 1;
    delivery_free(probe);
    delivery_format_id(&next, id);
    properties_set_text(&out.properties, PROPERTY_MESSAGE_ID, slice_of(id));
    return rmq_bed_send_out(watch, &out);
}

static void finds_returned_messages_by_their_id(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session;

    fake_net_set_piece(bed->loop, 3);
    rmq_bed_start_sink(bed, &watch);
    session = rmq_bed_publishing(bed);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(send_with_id(&watch, SLICE("all the same")), SINK_TAKEN);
    }
    rmq_bed_settle(bed);
    /* Out of order, and before their acks. */
    rmq_session_return(session, rmq_session_published(session, 3));
    rmq_session_return(session, rmq_session_published(session, 1));
    rmq_bed_expect_settled(bed, &watch, "");
    rmq_session_ack(session, CHANNEL, 5, true);
    rmq_bed_expect_settled(bed, &watch, "D1 U2 D3 U4 D5 ");
    rmq_bed_end_sink(bed, &watch);
}

static void finds_returned_messages_by_their_content(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_return(session, rmq_session_published(session, 1));
    rmq_session_ack(session, CHANNEL, 2, false);
    rmq_bed_expect_settled(bed, &watch, "U2 ");
    assert_string_equal(watch.settled_why, "returned by the broker: 312 NO_ROUTE");
    rmq_session_return(session, rmq_session_published(session, 4));
    rmq_session_return(session, rmq_session_published(session, 0));
    rmq_session_ack(session, CHANNEL, 5, true);
    rmq_bed_expect_settled(bed, &watch, "U2 U1 D3 D4 U5 ");
    rmq_bed_end_sink(bed, &watch);
}

/* The same message five times: the oldest that has not come back is the one, each time. */
static void finds_the_oldest_of_equals(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session;

    rmq_bed_start_sink(bed, &watch);
    session = rmq_bed_publishing(bed);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rmq_bed_send(&watch, SLICE("same")), SINK_TAKEN);
    }
    rmq_bed_settle(bed);
    rmq_session_return(session, rmq_session_published(session, 0));
    rmq_session_return(session, rmq_session_published(session, 1));
    rmq_session_ack(session, CHANNEL, 2, true);
    rmq_bed_expect_settled(bed, &watch, "U1 U2 ");
    rmq_session_nack(session, CHANNEL, 3, false);
    rmq_session_ack(session, CHANNEL, 4, false);
    rmq_bed_expect_settled(bed, &watch, "U1 U2 R3 D4 ");
    rmq_bed_end_sink(bed, &watch);
}

static void waits_while_the_broker_is_blocked(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on disk")};
    amqp_connection_unblocked_t unblocked = {0};
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_send(session, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_bed_send(&watch, SLICE("six")), SINK_BUSY);
    /* However long it takes, nothing is given up and sent twice. */
    rmq_bed_advance(bed, 3600 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "");
    assert_true(watch.ready);
    rmq_session_send(session, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    rmq_bed_settle(bed);
    assert_int_equal(watch.writables, 1);
    assert_int_equal(rmq_bed_send(&watch, SLICE("six")), SINK_TAKEN);
    rmq_bed_advance(bed, 29 * SECOND);
    rmq_session_ack(session, CHANNEL, 6, true);
    rmq_bed_expect_settled(bed, &watch, "D1 D2 D3 D4 D5 D6 ");
    rmq_bed_end_sink(bed, &watch);
}

static void obeys_channel_flow(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_channel_flow_t stop = {0}, go = {1};
    struct sink_watch watch;

    rmq_bed_start_sink(bed, &watch);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_CHANNEL_FLOW_METHOD, &stop);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_BUSY);
    rmq_session_send(rmq_bed_publishing(bed), CHANNEL, AMQP_CHANNEL_FLOW_METHOD, &go);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "channel.flow-ok"), 2);
    assert_int_equal(watch.writables, 1);
    assert_int_equal(rmq_bed_send(&watch, SLICE("x")), SINK_TAKEN);
    rmq_bed_end_sink(bed, &watch);
}

/* Sends until the sink takes no more, also with nothing left to be written; how many it took. */
static uint64_t send_all_it_takes(struct rmq_bed *bed, struct sink_watch *watch)
{
    uint64_t taken = 0, before;

    do {
        before = taken;
        while (rmq_bed_send(watch, SLICE("x")) == SINK_TAKEN) {
            taken++;
        }
        rmq_bed_settle(bed);
    } while (taken > before);
    return taken;
}

static void has_a_window(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    uint64_t limit;
    unsigned writables;

    rmq_bed_start_sink(bed, &watch);
    limit = send_all_it_takes(bed, &watch);
    assert_in_range(limit, 64, 65535);
    writables = watch.writables;
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, 2, false); /* a hole is no room */
    rmq_bed_settle(bed);
    assert_int_equal(watch.writables, writables);
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, 1, false);
    rmq_bed_settle(bed);
    assert_int_equal(watch.writables, writables + 1);
    assert_int_equal(send_all_it_takes(bed, &watch), limit + 2); /* it is twice as wide by now */
    rmq_bed_end_sink(bed, &watch);
}

static void writes_no_more_than_is_read(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    char *body = calloc(1, 1024 * 1024);
    int sent = 0;

    assert_non_null(body);
    rmq_bed_start_sink(bed, &watch);
    rmq_session_stall(rmq_bed_publishing(bed), true);
    while (rmq_bed_send(&watch, slice_make(body, 1024 * 1024)) == SINK_TAKEN) {
        rmq_bed_settle(bed);
        sent++;
    }
    assert_int_equal(sent, 16);
    assert_int_equal(watch.writables, 0);
    rmq_session_stall(rmq_bed_publishing(bed), false);
    rmq_bed_settle(bed);
    assert_int_equal(watch.writables, 1);
    assert_int_equal(rmq_session_published_count(rmq_bed_publishing(bed)), 16);
    assert_int_equal(rmq_bed_send(&watch, slice_make(body, 1024 * 1024)), SINK_TAKEN);
    free(body);
    rmq_bed_end_sink(bed, &watch);
}

static void gives_up_a_broker_that_does_not_confirm(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    send_five(bed, &watch);
    rmq_bed_advance(bed, 29 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "");
    rmq_bed_advance(bed, 1 * SECOND);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 L4 L5 ");
    assert_string_equal(watch.why, "no confirm from the broker for 30000 ms");
    assert_int_equal(rmq_peer_count(bed->peer, "channel.close 200 no confirm"), 1);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_connects(bed->peer), 1); /* one channel, not the connection */
    /* Tags count from 1 again. */
    assert_int_equal(rmq_bed_send(&watch, SLICE("again")), SINK_TAKEN);
    rmq_session_ack(rmq_bed_publishing(bed), CHANNEL, 1, false);
    rmq_bed_expect_settled(bed, &watch, "L1 L2 L3 L4 L5 D6 ");
    rmq_bed_end_sink(bed, &watch);
}

static void is_patient_with_a_slow_broker(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    for (uint64_t tag = 1; tag <= 5; tag++) {
        rmq_bed_advance(bed, 25 * SECOND);
        rmq_session_ack(session, CHANNEL, tag, false);
        rmq_bed_settle(bed);
    }
    rmq_bed_expect_settled(bed, &watch, "D1 D2 D3 D4 D5 ");
    assert_int_equal(watch.waitings, 0);
    /* An hour with nothing out is no wait. */
    rmq_bed_advance(bed, 3600 * SECOND);
    assert_int_equal(watch.waitings, 0);
    rmq_bed_end_sink(bed, &watch);
}

static void numbers_no_channel_twice_before_close_ok(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_channel_close_ok_t close_ok = {0};
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_CLOSE_METHOD, false);
    rmq_bed_advance(bed, 31 * SECOND);
    assert_true(watch.ready); /* on channel 2: the peer would not take 1 */
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 2 confirm.select"), 1);
    /* Late words on channel 1 mean nothing. */
    rmq_session_ack(session, CHANNEL, 1, false);
    rmq_session_return(session, rmq_session_published(session, 1));
    rmq_bed_settle(bed);
    assert_true(watch.ready);
    rmq_session_send(session, CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
    rmq_bed_settle(bed);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void answers_a_close_that_crosses_its_own(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_CLOSE_METHOD, false);
    rmq_bed_advance(bed, 30 * SECOND);
    rmq_session_close_channel(session, CHANNEL, 541, "INTERNAL_ERROR", 0);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 channel.close-ok"), 1);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void gives_back_what_a_closed_channel_held(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_ack(session, CHANNEL, 2, false);
    rmq_session_close_channel(session, CHANNEL, 404, "NOT_FOUND - no exchange 'x' in vhost '/'",
                              AMQP_BASIC_PUBLISH_METHOD);
    rmq_bed_expect_lost(bed, &watch, "D2 L1 L3 L4 L5 ",
                        "404 NOT_FOUND - no exchange 'x' in vhost '/'");
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 channel.close-ok"), 1);
    assert_int_equal(rmq_peer_connects(bed->peer), 1);
    rmq_bed_end_sink(bed, &watch);
}

/* A missing exchange is looked for every two seconds at least, a forbidden one less often. */
static void comes_back_soon_or_slowly(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    unsigned opens;

    rmq_bed_start_sink(bed, &watch);
    for (int i = 0; i < 20; i++) {
        rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 404, "NOT_FOUND", 0);
        rmq_bed_advance(bed, 2 * SECOND);
        assert_true(watch.ready);
    }
    opens = rmq_peer_count(bed->peer, "channel.open");
    rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 403, "ACCESS_REFUSED", 0);
    rmq_bed_advance(bed, 7 * SECOND);
    assert_false(watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "channel.open"), opens);
    rmq_bed_advance(bed, 3 * SECOND);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void gives_back_what_a_lost_connection_held(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct rmq_session *session = send_five(bed, &watch);

    rmq_session_ack(session, CHANNEL, 3, false);
    rmq_session_drop(session);
    rmq_bed_expect_lost(bed, &watch, "D3 L1 L2 L4 L5 ", "closed by the peer");
    rmq_bed_end_sink(bed, &watch);
}

static void tells_why_it_waits(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    fake_net_set_answer(bed->loop, 0, FAKE_REFUSE);
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, &watch);
    sink_watch_start(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_advance(bed, 60 * SECOND);
    assert_string_equal(watch.why, "connection refused");
    assert_int_equal(watch.waitings, 1); /* once, not at every try */
    fake_net_set_answer(bed->loop, 0, FAKE_SILENCE);
    rmq_bed_advance(bed, 20 * SECOND);
    assert_string_equal(watch.why, "timed out connecting");
    assert_int_equal(watch.waitings, 2);
    rmq_bed_end_sink(bed, &watch);
}

static void gives_up_a_confirm_select_without_answer(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_CONFIRM_SELECT_METHOD, false);
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, &watch);
    sink_watch_start(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_advance(bed, 20 * SECOND);
    assert_string_equal(watch.why, "no answer to confirm.select within 20 s");
    assert_int_equal(watch.readies, 0);
    rmq_peer_set_auto(bed->peer, AMQP_CONFIRM_SELECT_METHOD, true);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

/* Sends to an exchange of that name, as far as the broker lets it. */
static struct template *start_sink_to(struct rmq_bed *bed, struct sink_watch *watch,
                                      const char *exchange)
{
    static const struct template_source any = {.scope = TEMPLATE_SCOPE_CHANNEL};
    struct template *name;
    struct err err;
    size_t column;

    name = template_new(slice_of(exchange), &any, &err, &column);
    assert_non_null(name);
    bed->sink_conf.mapping.exchange = name;
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, watch);
    sink_watch_start(watch);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    return name;
}

/* That its exchange is missing is known before there is a message, and that it came too. */
static void looks_whether_its_exchange_is_there(void **state)
{
    static const char words[] = "NOT_FOUND - no exchange 'x' in vhost '/'";
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    struct template *name;

    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
    name = start_sink_to(bed, &watch, "x");
    for (unsigned looks = 1; looks <= 5; looks++) {
        rmq_bed_check(bed, !watch.ready);
        assert_int_equal(rmq_peer_count(bed->peer, "1 exchange.declare x  passive"), looks);
        rmq_session_close_channel(rmq_bed_publishing(bed), CHANNEL, 404, words,
                                  AMQP_EXCHANGE_DECLARE_METHOD);
        rmq_bed_advance(bed, looks < 5 ? 2 * SECOND : 0);
    }
    assert_non_null(strstr(watch.why, words));
    assert_int_equal(watch.waitings, 1); /* once, not at every look */
    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, true);
    rmq_bed_advance(bed, 2 * SECOND);
    rmq_bed_check(bed, watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.publish"), 0);
    rmq_bed_end_sink(bed, &watch);
    template_free(name);
}

/* The default exchange cannot be declared, and a template's name is not known yet. */
static void looks_for_no_exchange_without_a_name(void **state)
{
    static const char *const names[] = {"", "to-{channel}"};
    struct rmq_bed *bed = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sink_watch watch;
        struct template *name = start_sink_to(bed, &watch, names[i]);

        rmq_bed_check(bed, watch.ready);
        rmq_bed_end_sink(bed, &watch);
        rmq_bed_tear_down_hub(bed);
        template_free(name);
    }
    assert_int_equal(rmq_peer_count(bed->peer, "exchange.declare"), 0);
}

static void gives_up_a_channel_open_without_answer(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_OPEN_METHOD, false);
    rmq_bed_make_hub(bed);
    rmq_bed_make_sink(bed, &watch);
    sink_watch_start(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_advance(bed, 20 * SECOND);
    assert_string_equal(watch.why, "no answer to channel.open within 20 s");
    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_OPEN_METHOD, true);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

/* As many are out as are confirmed in a second: twice as many at first, where they are confirmed at
 * once; a quarter, once that takes four seconds. What the broker was blocked for does not count. */
static void lets_out_what_the_broker_confirms_in_a_second(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    struct rmq_session *session;
    struct sink_watch watch;
    uint64_t first, sent;

    rmq_bed_start_sink(bed, &watch);
    session = rmq_bed_publishing(bed);
    first = sent = send_all_it_takes(bed, &watch);
    assert_in_range(first, 64, 65535);
    rmq_session_ack(session, CHANNEL, sent, true);
    rmq_bed_settle(bed);
    assert_int_equal(send_all_it_takes(bed, &watch), 2 * first);
    sent += 2 * first;
    rmq_bed_advance(bed, 4 * SECOND);
    rmq_session_ack(session, CHANNEL, sent - 1, true);
    rmq_session_nack(session, CHANNEL, sent, false);
    rmq_bed_settle(bed);
    assert_int_equal(send_all_it_takes(bed, &watch), first / 2);
    sent += first / 2;
    rmq_session_send(session, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_settle(bed);
    rmq_bed_advance(bed, 20 * SECOND);
    rmq_session_send(session, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    rmq_bed_settle(bed);
    rmq_session_ack(session, CHANNEL, sent, true);
    rmq_bed_settle(bed);
    assert_int_equal(send_all_it_takes(bed, &watch), first / 2);
    rmq_bed_end_sink(bed, &watch);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_no_confirm_of_an_unknown_tag),
        cmocka_unit_test(refuses_what_it_did_not_ask_for),
        bed_test(counts_single_confirms_in_any_order),
        bed_test(counts_multiple_confirms),
        bed_test(keeps_count_of_many),
        bed_test(finds_returned_messages_by_their_id),
        bed_test(finds_returned_messages_by_their_content),
        bed_test(finds_the_oldest_of_equals),
        bed_test(waits_while_the_broker_is_blocked),
        bed_test(obeys_channel_flow),
        bed_test(has_a_window),
        bed_test(lets_out_what_the_broker_confirms_in_a_second),
        bed_test(writes_no_more_than_is_read),
        bed_test(gives_up_a_broker_that_does_not_confirm),
        bed_test(is_patient_with_a_slow_broker),
        bed_test(numbers_no_channel_twice_before_close_ok),
        bed_test(answers_a_close_that_crosses_its_own),
        bed_test(gives_back_what_a_closed_channel_held),
        bed_test(comes_back_soon_or_slowly),
        bed_test(gives_back_what_a_lost_connection_held),
        bed_test(tells_why_it_waits),
        bed_test(gives_up_a_confirm_select_without_answer),
        bed_test(looks_whether_its_exchange_is_there),
        bed_test(looks_for_no_exchange_without_a_name),
        bed_test(gives_up_a_channel_open_without_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
