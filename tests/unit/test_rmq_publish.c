/* Does a message go out whole, byte for byte and in frames of the agreed size, or not at all; and
 * does a sink keep the laws of endpoints? */
#include "amqp/publish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint_laws.h"
#include "rmq_bed.h"

static void expect_refused(struct rmq_bed *bed, struct sink_watch *watch,
                           const struct outgoing *out, enum sink_result result, const char *words)
{
    size_t before = strlen(rmq_peer_log(bed->peer));

    assert_int_equal(rmq_bed_send_out(watch, out), result);
    rmq_bed_settle(bed);
    if (strstr(watch->refused_why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", watch->refused_why, words);
    }
    assert_int_equal(strlen(rmq_peer_log(bed->peer)), before); /* not an octet */
}

static void refuses_before_anything_is_written(void **state)
{
    static const char name[256] = "n";
    static const struct rmq_peer_offer small = {"PLAIN", 4096, 0, 0};
    struct rmq_bed *bed = *state;
    struct field_entry header = {SLICE("h"), {FIELD_STRING, {.bytes = {NULL, 0}}}};
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key")};
    struct outgoing bad = out;
    struct sink_watch watch;
    char *large = calloc(1, 1024 * 1024 + 1);

    assert_non_null(large);
    rmq_peer_set_offer(bed->peer, &small);
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_PUBLISH_METHOD, true);
    rmq_bed_start_sink(bed, &watch);
    bad.body = slice_make(large, 1024 * 1024 + 1);
    expect_refused(bed, &watch, &bad, SINK_TOO_LARGE,
                   "a body of 1048577 octets, over max_message_size 1048576");
    bad = out;
    bad.routing_key = slice_make(name, 256);
    expect_refused(bed, &watch, &bad, SINK_REFUSED, "a routing key of 256 octets");
    bad = out;
    bad.exchange = slice_make(name, 256);
    expect_refused(bed, &watch, &bad, SINK_REFUSED, "an exchange of 256 octets");
    bad = out;
    properties_set_text(&bad.properties, PROPERTY_TYPE, slice_make(name, 256));
    expect_refused(bed, &watch, &bad, SINK_REFUSED, "the property type is over 255 octets");
    bad = out;
    bad.properties.present = 1u << PROPERTY_HEADERS;
    bad.properties.headers = (struct field_table){&header, 1};
    /* 4096 - 8 - 12 for properties, of which 2 + 4 + 2 + 1 + 4 are not the string. */
    header.value.value.bytes = slice_make(large, 4076 - 13 + 1);
    expect_refused(bed, &watch, &bad, SINK_TOO_LARGE, "properties of 4077 octets");
    header.value.value.bytes.len--;
    assert_int_equal(rmq_bed_send_out(&watch, &bad), SINK_TAKEN);
    bad.routing_key = slice_make(name, 255);
    assert_int_equal(rmq_bed_send_out(&watch, &bad), SINK_TAKEN);
    rmq_bed_settle(bed);
    assert_string_equal(strbuf_text(&watch.settled), "D1 D2 ");
    free(large);
    rmq_bed_end_sink(bed, &watch);
}

static void sends_bodies_of_all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 4087, 4088, 4089, 8176, 8177, 1024 * 1024};
    static const struct rmq_peer_offer small = {"PLAIN", 4096, 0, 0};
    struct rmq_bed *bed = *state;
    struct sink_watch watch;
    char *octets = malloc(1024 * 1024);
    size_t i;

    assert_non_null(octets);
    for (i = 0; i < 1024 * 1024; i++) {
        octets[i] = (char)(i * 13 >> 2);
    }
    rmq_peer_set_offer(bed->peer, &small);
    rmq_bed_start_sink(bed, &watch);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct rmq_published *published;

        assert_int_equal(rmq_bed_send(&watch, slice_make(octets, sizes[i])), SINK_TAKEN);
        rmq_bed_settle(bed);
        published = rmq_session_published(rmq_bed_publishing(bed), i);
        assert_non_null(published);
        assert_int_equal(published->body_frames, (sizes[i] + 4087) / 4088);
        assert_true(slice_equal(published->body, slice_make(octets, sizes[i])));
        assert_string_equal(published->exchange, "x");
        assert_string_equal(published->routing_key, "key");
        assert_true(published->mandatory);
    }
    free(octets);
    rmq_bed_end_sink(bed, &watch);
}

/* The frame of a route is kept while it repeats: it must change with every part of it. */
static void follows_a_changing_route(void **state)
{
    static const char *const routes[][2] = {
        {"x", "key"}, {"x", "key"}, {"x", "kez"}, {"y", "kez"}, {"", "kez"},  {"", ""},
        {"yk", "ez"}, {"y", "kez"}, {"x", "key"}, {"x", ""},    {"xkey", ""}, {"", "xkey"},
    };
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    rmq_peer_set_auto(bed->peer, AMQP_BASIC_PUBLISH_METHOD, true);
    bed->sink_conf.mandatory = false;
    rmq_bed_start_sink(bed, &watch);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
            struct outgoing out = {.exchange = slice_of(routes[i][0]),
                                   .routing_key = slice_of(routes[i][1]),
                                   .body = SLICE("x")};
            const struct rmq_published *published;

            assert_int_equal(rmq_bed_send_out(&watch, &out), SINK_TAKEN);
            rmq_bed_settle(bed);
            published = rmq_session_published(rmq_bed_publishing(bed), i);
            assert_string_equal(published->exchange, routes[i][0]);
            assert_string_equal(published->routing_key, routes[i][1]);
            assert_false(published->mandatory);
        }
        /* The channel is another one after a loss. */
        rmq_session_drop(rmq_bed_publishing(bed));
        rmq_bed_advance(bed, 1 * SECOND);
        assert_true(watch.ready);
    }
    rmq_bed_end_sink(bed, &watch);
}

static void tells_routes_apart(void **state)
{
    (void)state;
    assert_int_equal(rmq_route_hash(SLICE("x"), SLICE("key")),
                     rmq_route_hash(SLICE("x"), SLICE("key")));
    assert_int_not_equal(rmq_route_hash(SLICE("x"), SLICE("key")),
                         rmq_route_hash(SLICE("xk"), SLICE("ey")));
    assert_int_not_equal(rmq_route_hash(SLICE(""), SLICE("key")),
                         rmq_route_hash(SLICE("key"), SLICE("")));
}

static void asks_for_no_confirms(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    bed->options.ack_mode = ACK_ON_PUBLISH;
    rmq_bed_start_sink(bed, &watch);
    assert_int_equal(watch.sink->can, 0);
    assert_int_equal(rmq_bed_send(&watch, SLICE("one")), SINK_TAKEN);
    assert_int_equal(rmq_bed_send(&watch, SLICE("two")), SINK_TAKEN);
    assert_string_equal(strbuf_text(&watch.settled), "");
    rmq_bed_settle(bed);
    assert_string_equal(strbuf_text(&watch.settled), "D1 D2 ");
    assert_int_equal(rmq_peer_count(bed->peer, "confirm.select"), 0);
    /* What comes back counted as delivered: that is only said. */
    rmq_session_return(rmq_bed_publishing(bed), rmq_session_published(rmq_bed_publishing(bed), 1));
    rmq_bed_settle(bed);
    assert_int_equal(watch.late[OUTCOME_UNROUTABLE], 1);
    assert_string_equal(watch.settled_why, "returned by the broker: 312 NO_ROUTE");
    assert_true(watch.ready);
    /* A confirm that nobody asked for. */
    rmq_session_ack(rmq_bed_publishing(bed), 1, 1, false);
    rmq_bed_settle(bed);
    assert_false(watch.ready);
    assert_string_equal(watch.why, "protocol error: basic.ack that nothing on the channel expects");
    rmq_bed_end_sink(bed, &watch);
}

static void gives_back_what_no_turn_has_ended_for(void **state)
{
    struct rmq_bed *bed = *state;
    struct sink_watch watch;

    bed->options.ack_mode = ACK_NO_ACK;
    rmq_bed_start_sink(bed, &watch);
    rmq_session_close(rmq_bed_publishing(bed), 320, "bye", 0);
    assert_int_equal(rmq_bed_send(&watch, SLICE("one")), SINK_TAKEN);
    sink_watch_stop(&watch, true);
    rmq_bed_settle(bed);
    assert_int_equal(watch.back, 1);
    assert_int_equal(watch.stopped, 1);
    sink_watch_free(&watch);
}

/* The far side for the laws. */
struct laws {
    struct rmq_bed *bed;
    struct sink *sink;
    uint64_t confirmed; /* on the channel under way */
};

static struct sink *laws_make(void *ctx)
{
    struct laws *laws = ctx;
    struct rmq_bed *bed = laws->bed;

    if (bed->hub != NULL) {
        rmq_bed_tear_down_hub(bed);
    }
    fake_net_set_answer(bed->loop, 0, FAKE_REFUSE);
    rmq_bed_make_hub(bed);
    laws->sink = rmq_sink_new(bed->hub, &bed->sink_conf, &bed->options, "laws");
    rmq_hub_start(bed->hub);
    return laws->sink;
}

static void laws_link_up(void *ctx)
{
    struct laws *laws = ctx;

    fake_net_set_answer(laws->bed->loop, 0, FAKE_ACCEPT);
    laws->confirmed = 0;
}

static void laws_link_down(void *ctx)
{
    struct laws *laws = ctx;

    fake_net_set_answer(laws->bed->loop, 0, FAKE_REFUSE);
    if (rmq_bed_publishing(laws->bed) != NULL) {
        rmq_session_drop(rmq_bed_publishing(laws->bed));
    }
}

static void laws_confirm(void *ctx)
{
    struct laws *laws = ctx;

    if (laws->bed->sink_conf.transactional) {
        rmq_bed_settle(laws->bed);
        if (rmq_session_is_committing(rmq_bed_publishing(laws->bed), 1)) {
            rmq_session_commit_ok(rmq_bed_publishing(laws->bed), 1);
        }
        return;
    }
    rmq_session_ack(rmq_bed_publishing(laws->bed), 1, ++laws->confirmed, false);
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
    static const struct outgoing out = {
        .exchange = {"x", 1}, .routing_key = {"key", 3}, .body = {"hello", 5}};
    struct laws laws = {.bed = bed};
    struct sink_bed sink_bed = {&laws,        laws_make, laws_link_up, laws_link_down,
                                laws_confirm, &out,      laws_work};

    endpoint_laws_check_sink(&sink_bed);
}

static void keeps_the_laws_with_confirms(void **state)
{
    check_laws(*state);
}

static void keeps_the_laws_without_confirms(void **state)
{
    struct rmq_bed *bed = *state;

    bed->options.ack_mode = ACK_ON_PUBLISH;
    check_laws(bed);
}

static void keeps_the_laws_in_transactions(void **state)
{
    struct rmq_bed *bed = *state;

    bed->sink_conf.transactional = true;
    rmq_peer_set_auto(bed->peer, AMQP_TX_COMMIT_METHOD, false);
    check_laws(bed);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(refuses_before_anything_is_written),
        bed_test(sends_bodies_of_all_sizes),
        bed_test(follows_a_changing_route),
        cmocka_unit_test(tells_routes_apart),
        bed_test(asks_for_no_confirms),
        bed_test(gives_back_what_no_turn_has_ended_for),
        bed_test(keeps_the_laws_with_confirms),
        bed_test(keeps_the_laws_without_confirms),
        bed_test(keeps_the_laws_in_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
