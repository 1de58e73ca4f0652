/* Does a channel keep to its number, its order and its time; and does everything on it stand a lack
 * of memory? */
#include "amqp/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "rmq_bed.h"

static void make_and_start(struct rmq_bed *bed, struct source_watch *source,
                           struct sink_watch *sink)
{
    rmq_bed_make_hub(bed);
    if (source != NULL) {
        rmq_bed_make_source(bed, source);
        source_watch_start(source);
    }
    if (sink != NULL) {
        rmq_bed_make_sink(bed, sink);
        sink_watch_start(sink);
    }
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
}

static void takes_nothing_before_it_is_open(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_OPEN_METHOD, false);
    make_and_start(bed, &watch, NULL);
    rmq_session_deliver(rmq_bed_consuming(bed), 1, 1, "key", (struct slice){NULL, 0}, SLICE("x"));
    rmq_bed_settle(bed);
    assert_string_equal(watch.why,
                        "protocol error: basic.deliver that nothing on the channel expects");
    assert_int_equal(watch.received, 0);
    rmq_bed_end_source(bed, &watch);
}

static void takes_no_delivery_before_it_consumes(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_BASIC_CONSUME_METHOD, false);
    make_and_start(bed, &watch, NULL);
    rmq_session_deliver(rmq_bed_consuming(bed), 1, 1, "key", (struct slice){NULL, 0}, SLICE("x"));
    rmq_bed_settle(bed);
    assert_non_null(strstr(watch.why, "a message on a channel that consumes nothing"));
    rmq_bed_end_source(bed, &watch);
}

static void takes_no_broken_method(void **state)
{
    static const char cut_deliver[] = "\x01\x00\x01\x00\x00\x00\x06\x00\x3c\x00\x3c\x05t\xce";
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    make_and_start(bed, &watch, NULL);
    rmq_session_send_bytes(rmq_bed_consuming(bed), cut_deliver, sizeof(cut_deliver) - 1);
    rmq_bed_settle(bed);
    assert_string_equal(watch.why, "protocol error: basic.deliver: it is cut off");
    rmq_bed_end_source(bed, &watch);
}

static void waits_for_a_free_number(void **state)
{
    static const struct rmq_peer_offer narrow = {"PLAIN", 0, 2, 0};
    struct rmq_bed *bed = *state;
    struct sink_watch one, two, three;

    rmq_peer_set_offer(bed->peer, &narrow);
    make_and_start(bed, NULL, &one);
    rmq_bed_make_sink(bed, &two);
    rmq_bed_make_sink(bed, &three);
    sink_watch_start(&two);
    rmq_bed_settle(bed);
    sink_watch_start(&three);
    rmq_bed_settle(bed);
    assert_true(one.ready && two.ready);
    assert_false(three.ready);
    assert_string_equal(three.why, "no channel is free on the connection");
    rmq_bed_end_sink(bed, &one);
    rmq_bed_advance(bed, 2 * SECOND);
    assert_true(three.ready);
    rmq_bed_end_sink(bed, &two);
    rmq_bed_end_sink(bed, &three);
}

static void has_many_numbers(void **state)
{
    enum { MANY = 60 };
    struct rmq_bed *bed = *state;
    struct sink_watch *watches = calloc(MANY, sizeof(*watches));
    char expected[32];

    assert_non_null(watches);
    rmq_bed_make_hub(bed);
    rmq_hub_start(bed->hub);
    for (unsigned i = 0; i < MANY; i++) {
        rmq_bed_make_sink(bed, &watches[i]);
        sink_watch_start(&watches[i]);
        rmq_bed_settle(bed);
        assert_true(watches[i].ready);
        snprintf(expected, sizeof(expected), " %u confirm.select", i + 1);
        assert_int_equal(rmq_peer_count(bed->peer, expected), 1);
    }
    for (unsigned i = 0; i < MANY; i++) {
        rmq_bed_end_sink(bed, &watches[i]);
    }
    free(watches);
}

/* One number after the other would be lost to a broker that answers no channel.close. */
static void gives_up_a_broker_that_closes_nothing(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    struct sink_watch one, two, three, four;

    make_and_start(bed, NULL, &one);
    rmq_bed_make_sink(bed, &two);
    rmq_bed_make_sink(bed, &three);
    rmq_bed_make_sink(bed, &four);
    rmq_peer_set_auto(bed->peer, AMQP_CHANNEL_CLOSE_METHOD, false);
    rmq_bed_end_sink(bed, &one);
    rmq_bed_advance(bed, 19 * SECOND);
    sink_watch_start(&two);
    rmq_bed_settle(bed);
    assert_true(two.ready);
    /* While it is blocked it cannot answer. */
    rmq_session_send(rmq_bed_publishing(bed), 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_advance(bed, 60 * SECOND);
    rmq_session_send(rmq_bed_publishing(bed), 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    rmq_bed_advance(bed, 19 * SECOND);
    sink_watch_start(&three);
    rmq_bed_settle(bed);
    assert_true(three.ready);
    rmq_bed_advance(bed, 1 * SECOND);
    sink_watch_start(&four);
    rmq_bed_settle(bed);
    assert_string_equal(two.why, "no answer to channel.close within 20 s");
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(two.ready && three.ready && four.ready);
    rmq_bed_end_sink(bed, &two);
    rmq_bed_end_sink(bed, &three);
    rmq_bed_end_sink(bed, &four);
}

/* What a blocked broker owes does not run out. */
static void is_patient_while_blocked(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_connection_blocked_t blocked = {rmq_bytes_of("low on memory")};
    amqp_connection_unblocked_t unblocked = {0};
    amqp_confirm_select_ok_t select_ok = {0};
    struct sink_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_CONFIRM_SELECT_METHOD, false);
    make_and_start(bed, NULL, &watch);
    rmq_session_send(rmq_bed_publishing(bed), 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
    rmq_bed_advance(bed, 600 * SECOND);
    assert_int_equal(watch.waitings, 0);
    rmq_session_send(rmq_bed_publishing(bed), 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
    rmq_session_send(rmq_bed_publishing(bed), 1, AMQP_CONFIRM_SELECT_OK_METHOD, &select_ok);
    rmq_bed_settle(bed);
    assert_true(watch.ready);
    rmq_bed_end_sink(bed, &watch);
}

static void says_what_of_a_rule_is_too_long(void **state)
{
    static char name[300], huge[200000];
    struct field_entry argument = {SLICE("a"), {FIELD_STRING, {.bytes = {huge, sizeof(huge)}}}};
    static const char *keys[] = {name};
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    memset(name, 'n', sizeof(name) - 1);
    bed->source_conf.queue = name;
    make_and_start(bed, &watch, NULL);
    assert_string_equal(watch.why, "the queue's name is over 255 octets");
    rmq_bed_end_source(bed, &watch);
    bed->source_conf.queue = "q";
    bed->source_conf.arguments = (struct field_table){&argument, 1};
    rmq_bed_make_source(bed, &watch);
    source_watch_start(&watch);
    rmq_bed_settle(bed);
    assert_string_equal(watch.why,
                        "the queue's name or the arguments of the consumer are too long");
    rmq_bed_end_source(bed, &watch);
    bed->source_conf.kind = CONF_SOURCE_EXCHANGE;
    bed->source_conf.exchange = "x";
    bed->source_conf.binding_keys = (struct conf_strings){keys, 1};
    rmq_bed_make_source(bed, &watch);
    source_watch_start(&watch);
    rmq_bed_settle(bed);
    assert_string_equal(watch.why,
                        "a name is over 255 octets, or the arguments do not fit one frame");
    rmq_bed_end_source(bed, &watch);
}

/* Stops while the consumer is being set up, and while the channel opens. */
static void stops_half_way(void **state)
{
    static const amqp_method_number_t places[] = {AMQP_CHANNEL_OPEN_METHOD, AMQP_BASIC_QOS_METHOD,
                                                  AMQP_BASIC_CONSUME_METHOD};
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        rmq_peer_set_auto(bed->peer, places[i], false);
        make_and_start(bed, &watch, NULL);
        assert_false(watch.ready);
        source_watch_stop(&watch);
        rmq_bed_settle(bed);
        assert_int_equal(watch.stopped, 1);
        source_watch_free(&watch);
        rmq_bed_tear_down_hub(bed);
        rmq_peer_set_auto(bed->peer, places[i], true);
    }
}

static void says_which_file_is_missing(void **state)
{
    struct rmq_bed *bed = *state;
    struct err err = {""};

    bed->urls[0].transport = CONF_TLS;
    bed->conf.tls.verify = true;
    bed->conf.tls.ca_file = "/no/such/file.pem";
    assert_null(rmq_hub_new(bed->loop, &bed->conf, NULL, "gw", &bed->rand, &err));
    assert_non_null(strstr(err.text, "/no/such/file.pem"));
}

/* The first allocation fails, then the second, ...: nothing is made, nothing leaks. */
static void is_made_whole_or_not_at_all(void **state)
{
    struct rmq_bed *bed = *state;
    struct conf_queue queue = {.name = "q"};
    unsigned successes, made_at = 0;

    bed->topology.queues = &queue;
    bed->topology.queue_count = 1;
    for (successes = 0; made_at == 0; successes++) {
        struct source *source = NULL;
        struct sink *sink = NULL;
        struct rmq_hub *hub;
        struct err err;

        alloc_fail_after(successes);
        hub = rmq_hub_new(bed->loop, &bed->conf, &bed->topology, "gw", &bed->rand, &err);
        if (hub != NULL) {
            sink = rmq_sink_new(hub, &bed->sink_conf, &bed->options, "out");
            source = rmq_source_new(hub, &bed->source_conf, &bed->options, true, "in");
        }
        if (!alloc_fail_stop()) {
            made_at = successes;
            assert_true(hub != NULL && sink != NULL && source != NULL);
        } else {
            assert_true(hub == NULL || sink == NULL || source == NULL);
        }
        if (sink != NULL) {
            sink->ops->free(sink);
        }
        if (source != NULL) {
            source->ops->free(source);
        }
        rmq_hub_free(hub);
    }
    assert_true(made_at > 10);
}

/* Memory runs out while a message is sent: it is still ours, and the connection starts anew. */
static void keeps_what_it_has_no_memory_for(void **state)
{
    struct rmq_bed *bed = *state;
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key")};
    struct sink_watch watch;
    bool failed = true;

    make_and_start(bed, NULL, &watch);
    for (unsigned successes = 0; failed; successes++) {
        struct err err = {""};
        char *data;
        struct delivery *delivery = delivery_new(0, &data);
        enum sink_result result;

        assert_non_null(delivery);
        delivery->tag = watch.sent + 1;
        alloc_fail_after(successes);
        result = watch.sink->ops->send(watch.sink, delivery, &out, &err);
        failed = alloc_fail_stop();
        if (result == SINK_TAKEN) {
            watch.sent++;
            continue;
        }
        assert_int_equal(result, SINK_BUSY);
        delivery_free(delivery);
        rmq_bed_settle(bed);
        assert_string_equal(watch.why, "out of memory");
        rmq_bed_advance(bed, 20 * SECOND);
        assert_true(watch.ready);
    }
    assert_true(watch.waitings > 0);
    rmq_bed_end_sink(bed, &watch);
}

/* ... while deliveries are settled: acknowledged all the same. */
static void acknowledges_without_memory(void **state)
{
    struct rmq_bed *bed = *state;
    struct source_watch watch;

    make_and_start(bed, &watch, NULL);
    watch.keep = true;
    rmq_session_deliver(rmq_bed_consuming(bed), 1, 1, "key", (struct slice){NULL, 0}, SLICE("x"));
    rmq_bed_settle(bed);
    assert_int_equal(watch.received, 1);
    fake_net_settle(bed->loop);
    alloc_fail_after(0);
    source_watch_settle(&watch);
    assert_true(alloc_fail_stop());
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "basic.ack 1"), 1);
    rmq_bed_end_source(bed, &watch);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(takes_nothing_before_it_is_open),
        bed_test(takes_no_delivery_before_it_consumes),
        bed_test(takes_no_broken_method),
        bed_test(waits_for_a_free_number),
        bed_test(has_many_numbers),
        bed_test(gives_up_a_broker_that_closes_nothing),
        bed_test(is_patient_while_blocked),
        bed_test(says_what_of_a_rule_is_too_long),
        bed_test(stops_half_way),
        bed_test(says_which_file_is_missing),
        bed_test(is_made_whole_or_not_at_all),
        bed_test(keeps_what_it_has_no_memory_for),
        bed_test(acknowledges_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
