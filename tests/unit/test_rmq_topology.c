/* Is the topology declared before anything else, with a refused object in the way of those alone
 * who need it, and tried again until the broker takes it? */
#include "amqp/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rmq_bed.h"

static struct conf_exchange exchanges[] = {
    {.name = "good", .type = "topic", .durable = true},
    {.name = "bad", .type = "direct", .auto_delete = true},
    {.name = "late", .type = "fanout", .internal = true, .passive = true},
};
static struct conf_queue queues[] = {
    {.name = "q", .durable = true},
    {.name = "mine", .exclusive = true},
};
static struct conf_binding bindings[] = {
    {.source = "good", .destination = "q", .routing_key = "a.#"},
    {.source = "good", .destination = "late", .to_exchange = true, .routing_key = "b"},
    {.source = "good", .destination = "mine", .routing_key = "c"},
};

static int set_up(void **state)
{
    struct rmq_bed *bed;

    rmq_bed_set_up(state);
    bed = *state;
    bed->topology.exchanges = exchanges;
    bed->topology.exchange_count = 3;
    bed->topology.queues = queues;
    bed->topology.queue_count = 2;
    bed->topology.bindings = bindings;
    bed->topology.binding_count = 3;
    return 0;
}

/* Two sinks, to "good" and "bad", and a source from "q". */
struct endpoints {
    struct mapping good_mapping, bad_mapping;
    struct conf_sink good_conf, bad_conf;
    struct sink_watch good, bad;
    struct source_watch source;
};

static void make_sink(struct rmq_bed *bed, struct sink_watch *watch, struct conf_sink *conf,
                      const char *exchange)
{
    static const struct template_source any = {.scope = 0};
    struct err err;
    size_t column;

    *conf = bed->sink_conf;
    conf->mapping.exchange = template_new(slice_of(exchange), &any, &err, &column);
    assert_non_null(conf->mapping.exchange);
    sink_watch_init(watch, rmq_sink_new(bed->hub, conf, &bed->options, exchange));
    sink_watch_start(watch);
}

static void start(struct rmq_bed *bed, struct endpoints *endpoints)
{
    rmq_bed_make_hub(bed);
    make_sink(bed, &endpoints->good, &endpoints->good_conf, "good");
    make_sink(bed, &endpoints->bad, &endpoints->bad_conf, "bad");
    rmq_bed_make_source(bed, &endpoints->source);
    source_watch_start(&endpoints->source);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
}

static void end(struct rmq_bed *bed, struct endpoints *endpoints)
{
    rmq_bed_end_sink(bed, &endpoints->good);
    rmq_bed_end_sink(bed, &endpoints->bad);
    rmq_bed_end_source(bed, &endpoints->source);
    template_free(endpoints->good_conf.mapping.exchange);
    template_free(endpoints->bad_conf.mapping.exchange);
}

static const char *line_of(const struct rmq_bed *bed, const char *text)
{
    const char *line = strstr(rmq_peer_log(bed->peer), text);

    if (line == NULL) {
        rmq_bed_fail(bed, text, __FILE__, __LINE__);
    }
    return line;
}

static void declares_before_anything_else(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    start(bed, &endpoints);
    assert_true(endpoints.good.ready && endpoints.bad.ready && endpoints.source.ready);
    assert_non_null(strstr(rmq_peer_log(bed->peer),
                           "consuming 1 exchange.declare good topic durable 0\n"
                           "consuming 1 exchange.declare bad direct auto-delete 0\n"
                           "consuming 1 exchange.declare late fanout passive internal 0\n"
                           "consuming 1 queue.declare q durable 0\n"
                           "consuming 1 queue.declare mine exclusive 0\n"
                           "consuming 1 queue.bind q good a.#\n"
                           "consuming 1 exchange.bind late good b\n"
                           "consuming 1 queue.bind mine good c\n"));
    assert_true(line_of(bed, "consuming 1 queue.bind mine") < line_of(bed, "consuming 2 "));
    assert_true(line_of(bed, "publishing 1 exchange.bind late") < line_of(bed, "publishing 2 "));
    /* An exclusive queue is the consuming connection's. */
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 queue.declare mine"), 0);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 queue.bind mine"), 0);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 queue.bind q"), 1);
    /* And again after a loss. */
    rmq_session_drop(rmq_bed_consuming(bed));
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "consuming 1 queue.bind mine"), 2);
    assert_true(endpoints.source.ready);
    end(bed, &endpoints);
}

static void declares_all_where_nobody_consumes(void **state)
{
    struct rmq_bed *bed = *state;

    rmq_bed_make_hub(bed);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 queue.bind mine good c"), 1);
}

/* The broker refuses the declaration of "bad": everything it had not answered is dropped with the
 * channel. */
static void refuse_bad(struct rmq_bed *bed, struct rmq_session *session, bool whole_connection)
{
    static const char words[] = "PRECONDITION_FAILED - inequivalent arg 'type'";

    if (whole_connection) {
        rmq_session_close(session, 503, "COMMAND_INVALID - unknown exchange type",
                          AMQP_EXCHANGE_DECLARE_METHOD);
    } else {
        rmq_session_close_channel(session, 1, 406, words, AMQP_EXCHANGE_DECLARE_METHOD);
    }
    rmq_bed_settle(bed);
}

static void answer_one_exchange(struct rmq_session *session)
{
    amqp_exchange_declare_ok_t ok = {0};

    rmq_session_send(session, 1, AMQP_EXCHANGE_DECLARE_OK_METHOD, &ok);
}

static void holds_back_only_who_needs_it(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
    start(bed, &endpoints);
    rmq_bed_check(bed, rmq_bed_publishing(bed) != NULL && rmq_bed_consuming(bed) != NULL);
    answer_one_exchange(rmq_bed_publishing(bed));
    answer_one_exchange(rmq_bed_consuming(bed));
    rmq_peer_clear_log(bed->peer);
    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, true);
    refuse_bad(bed, rmq_bed_publishing(bed), false);
    refuse_bad(bed, rmq_bed_consuming(bed), false);
    /* At once the rest, and not what was there already. */
    assert_non_null(strstr(rmq_peer_log(bed->peer),
                           "consuming 1 channel.close-ok\nconsuming 1 channel.open\n"
                           "consuming 1 exchange.declare late fanout passive internal 0\n"
                           "consuming 1 queue.declare q durable 0\n"));
    assert_true(endpoints.good.ready);
    assert_true(endpoints.source.ready);
    assert_false(endpoints.bad.ready);
    assert_string_equal(endpoints.bad.why,
                        "exchange \"bad\": 406 PRECONDITION_FAILED - inequivalent arg 'type'");
    assert_true(rmq_bed_logged("topology refused"));
    /* Tried again, and taken. */
    assert_int_equal(rmq_peer_count(bed->peer, "exchange.declare bad direct"), 0);
    rmq_bed_advance(bed, 200 * MS);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 exchange.declare bad"), 1);
    assert_true(endpoints.bad.ready);
    assert_int_equal(endpoints.good.waitings, 0);
    rmq_bed_advance(bed, 60 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 exchange.declare bad"), 1);
    end(bed, &endpoints);
}

static void keeps_trying_with_back_off(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;
    unsigned tries = 0;

    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
    start(bed, &endpoints);
    answer_one_exchange(rmq_bed_publishing(bed));
    answer_one_exchange(rmq_bed_consuming(bed));
    rmq_bed_settle(bed);
    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, true);
    refuse_bad(bed, rmq_bed_consuming(bed), false);
    rmq_peer_clear_log(bed->peer);
    for (int i = 0; i < 600; i++) {
        rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
        rmq_bed_advance(bed, 100 * MS);
        if (rmq_peer_count(bed->peer, "consuming 1 exchange.declare bad") > tries) {
            tries++;
            refuse_bad(bed, rmq_bed_consuming(bed), false);
        }
    }
    /* In a minute: 0.1, 0.2, ... 6.4 s, then every 5 to 10 s. */
    assert_in_range(tries, 10, 20);
    assert_true(endpoints.source.ready);
    end(bed, &endpoints);
}

/* An exchange of an unknown type costs RabbitMQ's clients the whole connection: that object is left
 * out next time, so that the others get theirs. */
static void survives_an_object_that_costs_the_connection(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
    start(bed, &endpoints);
    answer_one_exchange(rmq_bed_publishing(bed));
    answer_one_exchange(rmq_bed_consuming(bed));
    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, true);
    refuse_bad(bed, rmq_bed_publishing(bed), true);
    refuse_bad(bed, rmq_bed_consuming(bed), true);
    rmq_peer_clear_log(bed->peer);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(endpoints.good.ready);
    assert_true(endpoints.source.ready);
    assert_false(endpoints.bad.ready);
    assert_string_equal(endpoints.bad.why,
                        "exchange \"bad\": 503 COMMAND_INVALID - unknown exchange type");
    rmq_bed_advance(bed, 600 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "exchange.declare bad direct"), 0);
    /* The next connection tries it again. */
    rmq_session_drop(rmq_bed_publishing(bed));
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "exchange.declare bad direct"), 1);
    assert_true(endpoints.bad.ready);
    end(bed, &endpoints);
}

static void starts_anew_when_the_connection_goes(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_DECLARE_METHOD, false);
    start(bed, &endpoints);
    assert_false(endpoints.good.ready || endpoints.source.ready);
    rmq_session_drop(rmq_bed_publishing(bed));
    rmq_session_close(rmq_bed_consuming(bed), 320, "CONNECTION_FORCED", 0);
    rmq_bed_settle(bed);
    assert_false(rmq_bed_logged("topology refused"));
    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_DECLARE_METHOD, true);
    rmq_peer_clear_log(bed->peer);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "exchange.declare good topic"), 2);
    assert_true(endpoints.good.ready && endpoints.source.ready);
    end(bed, &endpoints);
}

static void waits_not_for_ever(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_BIND_METHOD, false);
    start(bed, &endpoints);
    rmq_bed_advance(bed, 20 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "channel.close 200 no answer to a declaration"), 2);
    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_BIND_METHOD, true);
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(endpoints.good.ready && endpoints.source.ready);
    end(bed, &endpoints);
}

static void believes_no_answer_out_of_order(void **state)
{
    struct rmq_bed *bed = *state;
    amqp_queue_bind_ok_t bind_ok = {0};
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, false);
    start(bed, &endpoints);
    rmq_session_send(rmq_bed_publishing(bed), 1, AMQP_QUEUE_BIND_OK_METHOD, &bind_ok);
    rmq_bed_settle(bed);
    assert_int_equal(
        rmq_peer_count(bed->peer, "connection.close 503 protocol error: queue.bind-ok"), 1);
    rmq_peer_set_auto(bed->peer, AMQP_EXCHANGE_DECLARE_METHOD, true);
    rmq_session_drop(rmq_bed_consuming(bed));
    rmq_bed_advance(bed, 1 * SECOND);
    assert_true(endpoints.good.ready && endpoints.source.ready);
    end(bed, &endpoints);
}

static void says_which_binding_is_refused(void **state)
{
    struct rmq_bed *bed = *state;
    struct endpoints endpoints;

    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_BIND_METHOD, false);
    start(bed, &endpoints);
    rmq_peer_set_auto(bed->peer, AMQP_QUEUE_BIND_METHOD, true);
    rmq_session_close_channel(rmq_bed_publishing(bed), 1, 404, "NOT_FOUND - no queue 'q'",
                              AMQP_QUEUE_BIND_METHOD);
    rmq_session_drop(rmq_bed_consuming(bed));
    rmq_bed_settle(bed);
    assert_true(rmq_bed_logged(
        "binding of \\\"q\\\" to exchange \\\"good\\\": 404 NOT_FOUND - no queue 'q'"));
    assert_true(endpoints.good.ready); /* only exchanges and queues are waited for */
    rmq_bed_advance(bed, 1 * SECOND);
    assert_int_equal(rmq_peer_count(bed->peer, "publishing 1 queue.bind q good a.#"), 2);
    end(bed, &endpoints);
}

static void consumes_nothing(void **state)
{
    struct rmq_bed *bed = *state;

    rmq_bed_make_hub(bed);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    rmq_session_deliver(rmq_bed_publishing(bed), 1, 1, "key", (struct slice){NULL, 0}, SLICE("x"));
    rmq_bed_settle(bed);
    assert_int_equal(rmq_peer_count(bed->peer, "a message on a channel without consumer"), 1);
}

static void refuses_what_cannot_be_said(void **state)
{
    static char name[300];
    struct rmq_bed *bed = *state;
    struct conf_queue queue = {.name = name};
    struct sink_watch watch;

    memset(name, 'n', sizeof(name) - 1);
    bed->topology.exchange_count = 0;
    bed->topology.queues = &queue;
    bed->topology.queue_count = 1;
    bed->topology.binding_count = 0;
    rmq_bed_start_sink(bed, &watch);
    assert_true(rmq_bed_logged("a name is over 255 octets"));
    rmq_bed_end_sink(bed, &watch);
}

#define topology_test(name) cmocka_unit_test_setup_teardown(name, set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        topology_test(holds_back_only_who_needs_it),
        topology_test(keeps_trying_with_back_off),
        topology_test(survives_an_object_that_costs_the_connection),
        topology_test(starts_anew_when_the_connection_goes),
        topology_test(waits_not_for_ever),
        topology_test(believes_no_answer_out_of_order),
        topology_test(says_which_binding_is_refused),
        topology_test(consumes_nothing),
        topology_test(refuses_what_cannot_be_said),
        topology_test(declares_before_anything_else),
        topology_test(declares_all_where_nobody_consumes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
