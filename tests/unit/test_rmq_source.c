/* Does a source give every message once, settle exactly what it gave on the channel that it came
 * from, and get along with whatever a broker sends or a bridge wants? */
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

static void deliver(struct rmq_bed *bed, uint64_t tag)
{
    rmq_session_deliver(rmq_bed_consuming(bed), CHANNEL, tag, "key", NONE, SLICE("body"));
}

static void deliver_upto(struct rmq_bed *bed, uint64_t first, uint64_t last)
{
    for (uint64_t tag = first; tag <= last; tag++) {
        deliver(bed, tag);
    }
    rmq_bed_settle(bed);
}

/* The methods since the last look, in one line. */
static void expect_methods(struct rmq_bed *bed, const char *expected)
{
    char lines[2048];

    rmq_bed_settle(bed);
    snprintf(lines, sizeof(lines), "%s", rmq_peer_log(bed->peer));
    for (char *at = lines; *at != '\0'; at++) {
        if (*at == '\n') {
            *at = ';';
        }
    }
    if (strcmp(lines, expected) != 0) {
        fprintf(stderr, "got      %s\nexpected %s\n", lines, expected);
        rmq_bed_fail(bed, "the expected methods", __FILE__, __LINE__);
    }
    rmq_peer_clear_log(bed->peer);
}

static void start(struct rmq_bed *bed, struct source_watch *watch)
{
    rmq_bed_start_source(bed, watch);
    watch->keep = true;
    rmq_peer_clear_log(bed->peer);
}

static void expect_breach(struct slice bytes, const char *words)
{
    struct source_watch watch;
    struct rmq_bed *bed;
    void *state;

    rmq_bed_set_up(&state);
    bed = state;
    start(bed, &watch);
    deliver_upto(bed, 1, 2);
    rmq_session_send_bytes(rmq_bed_consuming(bed), bytes.data, bytes.len);
    deliver(bed, 3); /* behind it nothing is looked at */
    rmq_bed_settle(bed);
    assert_int_equal(watch.received, 2);
    rmq_bed_check(bed, !watch.ready);
    if (strstr(watch.why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", watch.why, words);
    }
    source_watch_settle_all(&watch);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "1 basic.ack"),
                     0); /* they were of the old channel */
    rmq_bed_end_source(bed, &watch);
    rmq_bed_tear_down(&state);
}

#define DELIVER(tag)                                                                               \
    "\x01\x00\x01\x00\x00\x00\x10\x00\x3c\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00" tag             \
    "\x00\x00\x00\xce"
#define HEADER(size) "\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x00" size "\x00\x00\xce"

static void gives_up_a_broker_out_of_order(void **state)
{
    (void)state;
    expect_breach(SLICE(DELIVER("\x05") HEADER("\0\0\0\0\0\0\0\0")), "delivery tag 5 where 3");
    expect_breach(SLICE(DELIVER("\x02") HEADER("\0\0\0\0\0\0\0\0")), "delivery tag 2 where 3");
    expect_breach(SLICE(DELIVER("\x00") HEADER("\0\0\0\0\0\0\0\0")), "delivery tag 0 where 3");
    expect_breach(SLICE(DELIVER("\x03") DELIVER("\x04")), "a method in the middle of content");
    expect_breach(SLICE(DELIVER("\x03") HEADER("\0\0\0\0\0\0\0\2") HEADER("\0\0\0\0\0\0\0\2")),
                  "a content header that no method");
    expect_breach(SLICE(DELIVER("\x03") HEADER("\0\0\0\0\0\0\0\2") "\x03\x00\x01\x00\x00\x00\x03"
                                                                   "abc\xce"),
                  "a body frame of 3 octets where 2 are left");
    expect_breach(SLICE(DELIVER("\x03") HEADER("\0\0\0\0\0\0\0\2") "\x03\x00\x01\x00\x00\x00\x00"
                                                                   "\xce"),
                  "a body frame of 0 octets");
    expect_breach(SLICE(DELIVER("\x03") HEADER("\x80\0\0\0\0\0\0\0")), "more than any broker");
    expect_breach(SLICE("\x03\x00\x01\x00\x00\x00\x01x\xce"), "a body frame that no content");
    expect_breach(SLICE("\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x0b\xce"), "basic.qos-ok that");
    expect_breach(SLICE("\x01\x00\x01\x00\x00\x00\x05\x00\x3c\x00\x1f\x00\xce"),
                  "basic.cancel-ok that");
    expect_breach(SLICE("\x01\x00\x01\x00\x00\x00\x0d\x00\x3c\x00\x50"
                        "\x00\x00\x00\x00\x00\x00\x00\x01\x00\xce"),
                  "basic.ack that");
    expect_breach(
        SLICE("\x01\x00\x01\x00\x00\x00\x09\x00\x3c\x00\x32\x01\x38\x00\x00\x00\xce" HEADER(
            "\0\0\0\0\0\0\0\0")),
        "consumes nothing");
}

/* A million octets in frames of one, and a message of 2 GiB that stops half-way. */
static void reads_huge_and_tiny_bodies(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    struct rmq_session *session;
    amqp_basic_deliver_t third = {.delivery_tag = 2, .routing_key = rmq_bytes_of("key")};
    char *body = calloc(1, 1000 * 1000);

    assert_non_null(body);
    start(bed, &watch);
    session = rmq_bed_consuming(bed);
    rmq_session_send_bytes(session, DELIVER("\x01"), sizeof(DELIVER("\x01")) - 1);
    rmq_session_send_content(session, CHANNEL, NONE, slice_make(body, 1000 * 1000), 1);
    rmq_bed_settle(bed);
    assert_int_equal(watch.received, 1);
    assert_int_equal(watch.bytes, 1000 * 1000);
    rmq_session_send(session, CHANNEL, AMQP_BASIC_DELIVER_METHOD, &third);
    rmq_session_send_bytes(session, HEADER("\0\0\0\0\x80\0\0\0"),
                           sizeof(HEADER("\0\0\0\0\x80\0\0\0")) - 1);
    for (int i = 0; i < 50; i++) {
        rmq_session_send_frame(session, AMQP_FRAME_BODY, CHANNEL, slice_make(body, 100 * 1000));
        rmq_bed_settle(bed);
    }
    assert_int_equal(watch.received, 1);
    assert_true(watch.ready); /* a stall in a body: the heartbeats' business */
    free(body);
    rmq_bed_end_source(bed, &watch);
}

/* With properties beyond decoding: given with the reason, so that it is counted. What is over
 * max_message_size comes whole, as that is about what is sent. */
static void says_what_it_cannot_give_whole(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    char *body = calloc(1, 1024 * 1024 + 1);
    const struct delivery *delivery;

    assert_non_null(body);
    start(bed, &watch);
    rmq_session_deliver(rmq_bed_consuming(bed), CHANNEL, 1, "key", NONE,
                        slice_make(body, 1024 * 1024 + 1));
    rmq_session_deliver(rmq_bed_consuming(bed), CHANNEL, 2, "key",
                        SLICE("\x80\x01\x04text\x00\x00"), SLICE("body"));
    deliver_upto(bed, 3, 3);
    delivery = TAILQ_FIRST(&watch.given);
    assert_null(delivery->refused_why);
    assert_int_equal(delivery->body.len, 1024 * 1024 + 1);
    delivery = TAILQ_NEXT(delivery, link);
    assert_non_null(strstr(delivery->refused_why, "property flags 0x8001"));
    assert_false(delivery->is_too_large);
    assert_null(TAILQ_NEXT(delivery, link)->refused_why);
    rmq_bed_settle_tag(&watch, 1, SETTLE_REJECT);
    rmq_bed_settle_tag(&watch, 2, SETTLE_REJECT);
    rmq_bed_settle_tag(&watch, 3, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.reject 1;consuming 1 basic.reject 2;"
                        "consuming 1 basic.ack 3;");
    free(body);
    rmq_bed_end_source(bed, &watch);
}

static void sets_up_its_consumer(void **state)
{
    struct field_entry argument = {SLICE("x-stream-offset"), {FIELD_STRING, {.bytes = {"n", 1}}}};
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    bed->source_conf.prefetch = 256;
    bed->options.buffer_messages = 100;
    bed->source_conf.exclusive = true;
    bed->source_conf.has_consumer_priority = true;
    bed->source_conf.consumer_priority = -5;
    bed->source_conf.arguments = (struct field_table){&argument, 1};
    rmq_bed_start_source(bed, &watch);
    assert_non_null(strstr(rmq_peer_log(bed->peer),
                           "consuming 1 channel.open\nconsuming 1 basic.qos 100\n"
                           "consuming 1 basic.consume q chunneld.bridge.1 exclusive 2\n"));
    assert_int_equal(watch.source->can, ENDPOINT_SETTLES | ENDPOINT_REDELIVERS | ENDPOINT_PAUSES);
    rmq_bed_end_source(bed, &watch);
}

static void gives_what_came(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    const struct delivery *delivery;

    fake_net_set_piece(bed->loop, 1);
    start(bed, &watch);
    rmq_session_deliver(rmq_bed_consuming(bed), CHANNEL, 1, "a.b", SLICE("\x80\x00\x04text"),
                        SLICE("some\0body"));
    rmq_bed_settle(bed);
    delivery = TAILQ_FIRST(&watch.given);
    assert_non_null(delivery);
    assert_true(slice_equal(delivery->queue, SLICE("q")));
    assert_true(slice_equal(delivery->exchange, SLICE("x")));
    assert_true(slice_equal(delivery->routing_key, SLICE("a.b")));
    assert_true(slice_equal(delivery->body, SLICE("some\0body")));
    assert_true(slice_equal(delivery->properties->text[PROPERTY_CONTENT_TYPE], SLICE("text")));
    assert_int_equal(delivery->tag, 1);
    assert_int_equal(delivery->epoch, watch.source->epoch);
    rmq_bed_end_source(bed, &watch);
}

static void gathers_acks_of_a_turn(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    deliver_upto(bed, 1, 4);
    rmq_bed_settle_tag(&watch, 2, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 3, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.ack 3 multiple;");
    rmq_bed_settle_tag(&watch, 4, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.ack 4;");
    rmq_bed_end_source(bed, &watch);
}

static void hands_back_at_once(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    deliver_upto(bed, 1, 4);
    rmq_bed_settle_tag(&watch, 2, SETTLE_REQUEUE);
    rmq_bed_settle_tag(&watch, 4, SETTLE_REJECT);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 3, SETTLE_ACK);
    /* The multiple ack must name a tag of its own: 4 would be refused, and take everything. */
    expect_methods(bed, "consuming 1 basic.reject 2 requeue;consuming 1 basic.reject 4;"
                        "consuming 1 basic.ack 3 multiple;");
    rmq_bed_end_source(bed, &watch);
}

static void lets_a_hole_hold_up_nothing(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    bed->source_conf.prefetch = 12; /* three or more behind a hole go out at once */
    start(bed, &watch);
    deliver_upto(bed, 1, 12);
    rmq_bed_settle_tag(&watch, 2, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 3, SETTLE_ACK);
    expect_methods(bed, "");
    rmq_bed_advance(bed, 50 * MS);
    expect_methods(bed, "consuming 1 basic.ack 2;consuming 1 basic.ack 3;");
    rmq_bed_settle_tag(&watch, 5, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 6, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 7, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 8, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.ack 5;consuming 1 basic.ack 6;consuming 1 basic.ack 7;"
                        "consuming 1 basic.ack 8;");
    rmq_bed_settle_tag(&watch, 10, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.ack 1;");
    rmq_bed_settle_tag(&watch, 4, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 9, SETTLE_ACK);
    /* All that is left up to the next hole, with what was behind the last one. */
    expect_methods(bed, "consuming 1 basic.ack 10 multiple;");
    rmq_bed_advance(bed, 1 * SECOND);
    expect_methods(bed, "");
    rmq_bed_end_source(bed, &watch);
}

/* One delivery stays out while many thousands pass. */
static void keeps_going_around_a_straggler(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    uint64_t tag;

    start(bed, &watch);
    deliver_upto(bed, 1, 1);
    for (tag = 2; tag < 5000; tag++) {
        deliver(bed, tag);
        rmq_bed_settle(bed);
        rmq_bed_settle_tag(&watch, tag, SETTLE_ACK);
    }
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.ack"), 4998);
    assert_int_equal(rmq_peer_count(bed->peer, "multiple"), 0);
    rmq_peer_clear_log(bed->peer);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK);
    expect_methods(bed, "consuming 1 basic.ack 1;");
    deliver_upto(bed, 5000, 5002);
    source_watch_settle_all(&watch);
    expect_methods(bed, "consuming 1 basic.ack 5002 multiple;");
    rmq_bed_end_source(bed, &watch);
}

static void forgets_tags_of_a_lost_channel(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    uint32_t epoch;

    start(bed, &watch);
    epoch = watch.source->epoch;
    deliver_upto(bed, 1, 4);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK); /* not even gone out */
    rmq_session_close_channel(rmq_bed_consuming(bed), CHANNEL, 406, "PRECONDITION_FAILED", 0);
    rmq_bed_settle(bed);
    assert_false(watch.ready);
    assert_string_equal(watch.why, "406 PRECONDITION_FAILED");
    assert_int_not_equal(watch.source->epoch, epoch);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    rmq_peer_clear_log(bed->peer);
    rmq_bed_settle_tag(&watch, 2, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 3, SETTLE_REQUEUE);
    rmq_bed_settle_tag(&watch, 4, SETTLE_FORGET);
    expect_methods(bed, "");
    deliver_upto(bed, 1, 1);
    source_watch_settle_all(&watch);
    expect_methods(bed, "consuming 1 basic.ack 1;");
    rmq_bed_end_source(bed, &watch);
}

static void pauses_by_cancelling(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    deliver_upto(bed, 1, 2);
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CANCEL_METHOD, false);
    source_watch_pause(&watch);
    source_watch_pause(&watch);
    expect_methods(bed, "consuming 1 basic.cancel chunneld.bridge.1;");
    deliver_upto(bed, 3, 3); /* was on its way */
    assert_int_equal(watch.received, 3);
    source_watch_resume(&watch); /* has to wait for cancel-ok */
    expect_methods(bed, "");
    rmq_session_send(rmq_bed_consuming(bed), CHANNEL, AMQP_BASIC_CANCEL_OK_METHOD,
                     &(amqp_basic_cancel_ok_t){rmq_bytes_of("chunneld.bridge.1")});
    expect_methods(bed, "consuming 1 basic.qos 4;"
                        "consuming 1 basic.consume q chunneld.bridge.2 0;");
    /* What was given before is still good. */
    source_watch_settle_all(&watch);
    expect_methods(bed, "consuming 1 basic.ack 3 multiple;");
    deliver_upto(bed, 4, 4);
    assert_int_equal(watch.received, 4);
    assert_int_equal(watch.readies, 1);
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CANCEL_METHOD, true);
    rmq_bed_end_source(bed, &watch);
}

static void stays_paused_over_a_loss(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    source_watch_pause(&watch);
    rmq_bed_settle(bed);
    rmq_session_drop(rmq_bed_consuming(bed));
    rmq_bed_settle(bed);
    rmq_peer_clear_log(bed->peer);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume"), 0);
    source_watch_resume(&watch);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume"), 1);
    rmq_bed_end_source(bed, &watch);
}

static void cancel_by_broker(struct rmq_bed *bed, unsigned number)
{
    char tag[64];
    amqp_basic_cancel_t cancel = {.nowait = 1};

    snprintf(tag, sizeof(tag), "chunneld.bridge.%u", number);
    cancel.consumer_tag = rmq_bytes_of(tag);
    rmq_session_send(rmq_bed_consuming(bed), CHANNEL, AMQP_BASIC_CANCEL_METHOD, &cancel);
    rmq_bed_settle(bed);
}

static void consumes_again_when_the_queue_is_back(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;
    uint32_t epoch;

    start(bed, &watch);
    deliver_upto(bed, 1, 2);
    epoch = watch.source->epoch;
    cancel_by_broker(bed, 1);
    assert_false(watch.ready);
    assert_string_equal(watch.why, "queue \"q\": the broker ended the consumer, the queue was "
                                   "deleted or moved");
    /* What was given is not coming again: it stays good until it is settled. */
    rmq_bed_advance(bed, 60 * SECOND);
    assert_int_equal(watch.source->epoch, epoch);
    rmq_peer_clear_log(bed->peer);
    source_watch_settle_all(&watch);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.ack 2 multiple"), 1);
    rmq_bed_advance(bed, 200 * MS);
    assert_true(watch.ready);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume q chunneld.bridge.2"), 1);
    /* Gone for good, it is asked for every two seconds. */
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, false);
    cancel_by_broker(bed, 2);
    for (int i = 0; i < 10; i++) {
        rmq_bed_advance(bed, 2 * SECOND);
        rmq_session_close_channel(rmq_bed_consuming(bed), CHANNEL, 404, "NOT_FOUND - no queue 'q'",
                                  AMQP_BASIC_CONSUME_METHOD);
        rmq_bed_settle(bed);
        assert_string_equal(watch.why, "404 NOT_FOUND - no queue 'q'");
    }
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, true);
    rmq_bed_advance(bed, 2 * SECOND);
    assert_true(watch.ready);
    rmq_bed_end_source(bed, &watch);
}

static void consumes_from_an_exchange(void **state)
{
    static const char *keys[] = {"a.*", "", "b.#"};
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    bed->source_conf.kind = CONF_SOURCE_EXCHANGE;
    bed->source_conf.exchange = "logs";
    bed->source_conf.binding_keys = (struct conf_strings){keys, 3};
    rmq_bed_start_source(bed, &watch);
    watch.keep = true;
    assert_non_null(strstr(rmq_peer_log(bed->peer),
                           "consuming 1 basic.qos 4\n"
                           "consuming 1 queue.declare  exclusive auto-delete 0\n"
                           "consuming 1 queue.bind amq.gen-1 logs a.*\n"
                           "consuming 1 queue.bind amq.gen-1 logs \n"
                           "consuming 1 queue.bind amq.gen-1 logs b.#\n"
                           "consuming 1 basic.consume amq.gen-1 chunneld.bridge.1 0\n"));
    assert_int_equal(watch.source->can, ENDPOINT_SETTLES | ENDPOINT_PAUSES);
    rmq_peer_clear_log(bed->peer);
    deliver_upto(bed, 1, 2);
    assert_true(slice_equal(TAILQ_FIRST(&watch.given)->queue, SLICE("amq.gen-1")));
    /* To cancel would delete the queue: the acks are held back in place of that. */
    source_watch_pause(&watch);
    source_watch_settle_all(&watch);
    rmq_bed_advance(bed, 10 * SECOND);
    expect_methods(bed, "");
    deliver_upto(bed, 3, 4);
    source_watch_resume(&watch);
    expect_methods(bed, "consuming 1 basic.ack 2 multiple;");
    source_watch_pause(&watch);
    source_watch_settle_all(&watch);
    expect_methods(bed, "");
    source_watch_stop(&watch);
    expect_methods(bed, "consuming 1 basic.cancel chunneld.bridge.1;"
                        "consuming 1 basic.ack 4 multiple;"
                        "consuming 1 channel.close 200 done;");
    assert_int_equal(watch.stopped, 1);
    source_watch_free(&watch);
}

static void acknowledges_nothing_where_told(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    bed->options.ack_mode = ACK_NO_ACK;
    rmq_bed_start_source(bed, &watch);
    watch.keep = true;
    assert_int_equal(watch.source->can, ENDPOINT_PAUSES);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.qos"), 0);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume q chunneld.bridge.1 no-ack 0"), 1);
    rmq_peer_clear_log(bed->peer);
    deliver_upto(bed, 1, 3);
    source_watch_settle_all(&watch);
    rmq_bed_advance(bed, 1 * SECOND);
    expect_methods(bed, "");
    /* What is under way at the end is not given up: it will not come again. */
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CANCEL_METHOD, false);
    source_watch_stop(&watch);
    rmq_bed_settle(bed);
    deliver_upto(bed, 4, 4);
    assert_int_equal(watch.received, 4);
    source_watch_settle_all(&watch);
    rmq_session_send(rmq_bed_consuming(bed), CHANNEL, AMQP_BASIC_CANCEL_OK_METHOD,
                     &(amqp_basic_cancel_ok_t){rmq_bytes_of("chunneld.bridge.1")});
    rmq_bed_settle(bed);
    assert_int_equal(watch.stopped, 1);
    source_watch_free(&watch);
}

static void pauses_without_acks(void **state)
{
    static const char *keys[] = {"#"};
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    bed->options.ack_mode = ACK_NO_ACK;
    rmq_bed_make_hub(bed);
    rmq_bed_make_source(bed, &watch);
    source_watch_start(&watch);
    source_watch_pause(&watch);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    assert_true(watch.ready); /* with nothing to wait for at all */
    source_watch_resume(&watch);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.consume"), 1);
    rmq_bed_end_source(bed, &watch);
    rmq_bed_tear_down_hub(bed);
    bed->source_conf.kind = CONF_SOURCE_EXCHANGE;
    bed->source_conf.exchange = "logs";
    bed->source_conf.binding_keys = (struct conf_strings){keys, 1};
    rmq_bed_start_source(bed, &watch);
    assert_int_equal(watch.source->can, 0);
    source_watch_pause(&watch);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.cancel"), 2);
    source_watch_resume(&watch); /* a queue anew: the old one went with its consumer */
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "queue.declare"), 2);
    assert_int_equal(rmq_peer_count(bed->peer, "queue.bind amq.gen-2 logs #"), 1);
    rmq_bed_end_source(bed, &watch);
}

static void stops_in_its_order(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    deliver_upto(bed, 1, 3);
    source_watch_stop(&watch);
    expect_methods(bed, "consuming 1 basic.cancel chunneld.bridge.1;");
    deliver_upto(bed, 4, 4); /* not given any more: the queue has it back with the channel */
    assert_int_equal(watch.received, 3);
    rmq_bed_settle_tag(&watch, 1, SETTLE_ACK);
    rmq_bed_settle_tag(&watch, 3, SETTLE_ACK);
    rmq_bed_settle(bed);
    assert_int_equal(watch.stopped, 0);
    rmq_bed_settle_tag(&watch, 2, SETTLE_REQUEUE);
    expect_methods(bed, "consuming 1 basic.ack 1;consuming 1 basic.reject 2 requeue;"
                        "consuming 1 basic.ack 3;consuming 1 channel.close 200 done;");
    assert_int_equal(watch.stopped, 1);
    source_watch_free(&watch);
}

static void stops_without_an_answer(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    start(bed, &watch);
    rmq_session_stall(rmq_bed_consuming(bed), true);
    source_watch_stop(&watch);
    rmq_bed_advance(bed, 2 * SECOND);
    assert_int_equal(watch.stopped, 0);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(watch.stopped, 1);
    source_watch_free(&watch);
}

static void shares_a_connection(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch one, two;
    struct conf_source other = bed->source_conf;

    start(bed, &one);
    other.queue = "other";
    source_watch_init(&two, rmq_source_new(bed->hub, &other, &bed->options, false, "two"));
    source_watch_start(&two);
    rmq_bed_settle(bed);
    assert_true(two.ready);
    assert_int_equal(rmq_peer_sessions(bed->peer), 1);
    /* An error on one channel leaves the other alone, content of both in turn. */
    rmq_session_send_bytes(rmq_bed_consuming(bed), DELIVER("\x01") HEADER("\0\0\0\0\0\0\0\2"),
                           sizeof(DELIVER("\x01") HEADER("\0\0\0\0\0\0\0\2")) - 1);
    rmq_session_deliver(rmq_bed_consuming(bed), 2, 1, "key", SLICE("\x80\x01"), SLICE("two"));
    rmq_session_send_frame(rmq_bed_consuming(bed), AMQP_FRAME_BODY, 1, SLICE("ab"));
    rmq_bed_settle(bed);
    assert_int_equal(one.received, 1);
    assert_int_equal(two.received, 1); /* whoever wants no properties minds no bad ones */
    rmq_session_close_channel(rmq_bed_consuming(bed), 2, 404, "NOT_FOUND", 0);
    rmq_bed_settle(bed);
    assert_false(two.ready);
    assert_true(one.ready);
    assert_int_equal(one.waitings, 0);
    rmq_bed_end_source(bed, &two);
    rmq_bed_end_source(bed, &one);
}

/* The far side for the laws. */
struct laws {
    struct rmq_bed *bed;
    uint64_t tag; /* of the last delivery on the channel under way */
};

static struct source *laws_make(void *ctx)
{
    struct laws *laws = ctx;
    struct rmq_bed *bed = laws->bed;
    struct source *source;

    if (bed->hub != NULL) {
        rmq_bed_tear_down_hub(bed);
    }
    fake_net_set_answer(bed->loop, 0, FAKE_REFUSE);
    rmq_bed_make_hub(bed);
    source = rmq_source_new(bed->hub, &bed->source_conf, &bed->options, true, "laws");
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
    if (rmq_bed_consuming(laws->bed) != NULL) {
        rmq_session_drop(rmq_bed_consuming(laws->bed));
    }
}

static void laws_publish(void *ctx)
{
    struct laws *laws = ctx;

    rmq_session_deliver(rmq_bed_consuming(laws->bed), CHANNEL, ++laws->tag, "key", NONE,
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

static void check_laws(struct rmq_bed *bed)
{
    struct laws laws = {.bed = bed};
    struct source_bed source_bed = {&laws,          laws_make,    laws_link_up,
                                    laws_link_down, laws_publish, laws_work};

    endpoint_laws_check_source(&source_bed);
}

static void keeps_the_laws(void **state)
{
    check_laws(*state);
}

static void keeps_the_laws_with_an_exchange(void **state)
{
    static const char *keys[] = {"#"};
    struct rmq_bed *bed = *state;

    bed->source_conf.kind = CONF_SOURCE_EXCHANGE;
    bed->source_conf.exchange = "logs";
    bed->source_conf.binding_keys = (struct conf_strings){keys, 1};
    bed->source_conf.prefetch = 100;
    check_laws(bed);
}

static void keeps_the_laws_without_acks(void **state)
{
    struct rmq_bed *bed = *state;

    bed->options.ack_mode = ACK_NO_ACK;
    check_laws(bed);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_a_broker_out_of_order),
        bed_test(reads_huge_and_tiny_bodies),
        bed_test(says_what_it_cannot_give_whole),
        bed_test(sets_up_its_consumer),
        bed_test(gives_what_came),
        bed_test(gathers_acks_of_a_turn),
        bed_test(hands_back_at_once),
        bed_test(lets_a_hole_hold_up_nothing),
        bed_test(keeps_going_around_a_straggler),
        bed_test(forgets_tags_of_a_lost_channel),
        bed_test(pauses_by_cancelling),
        bed_test(stays_paused_over_a_loss),
        bed_test(consumes_again_when_the_queue_is_back),
        bed_test(consumes_from_an_exchange),
        bed_test(acknowledges_nothing_where_told),
        bed_test(pauses_without_acks),
        bed_test(stops_in_its_order),
        bed_test(stops_without_an_answer),
        bed_test(shares_a_connection),
        bed_test(keeps_the_laws),
        bed_test(keeps_the_laws_with_an_exchange),
        bed_test(keeps_the_laws_without_acks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
