/* Is the message found, and it alone refused, over which the broker closes the channel; at what
 * cost, and are the others taken in their order? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/hub.h"
#include "core/template.h"
#include "rmq_bed.h"

enum { CHANNEL = 1, MESSAGES_MAX = 4096 };

static const char words[] = "PRECONDITION_FAILED - fast reply consumer does not exist";

/* What became of a message. */
enum fate { WAITS, OUT, DELIVERED, REFUSED };

/* A bridge's place: it sends its messages in their order, what came back before what follows. And
 * the broker's: it confirms in order what is good, and closes the channel over what is bad. */
struct search {
    struct rmq_bed *bed;
    struct sink *sink;
    enum fate fates[MESSAGES_MAX];
    bool is_bad[MESSAGES_MAX];
    size_t count;
    size_t sent;       /* publishes so far, those sent again too */
    size_t looked_at;  /* of these, what the broker has worked on */
    size_t channel_at; /* what was published before its channel was opened */
    size_t closes;
    uint16_t code;       /* of the closes */
    unsigned tries;      /* of bad messages that are to be tried again */
    size_t confirm_late; /* the broker confirms nothing of a channel that it will close */
    size_t order;        /* the lowest number that was not settled yet */
    unsigned waitings;
    bool stopped;
    char why[320]; /* of the last that was refused */
};

static void search_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                              const char *why)
{
    struct search *search = ctx;
    size_t number = (size_t)delivery->tag;

    assert_int_equal(search->fates[number], OUT);
    switch (outcome) {
    case OUTCOME_DELIVERED:
        search->fates[number] = DELIVERED;
        break;
    case OUTCOME_REFUSED:
        search->fates[number] = REFUSED;
        snprintf(search->why, sizeof(search->why), "%s", why);
        break;
    case OUTCOME_NO_EXCHANGE: /* as a bridge does with "attempts": 2 */
        search->fates[number] = ++search->tries % 2 == 0 ? REFUSED : WAITS;
        snprintf(search->why, sizeof(search->why), "%s", why);
        break;
    default:
        assert_int_equal(outcome, OUTCOME_LOST);
        search->fates[number] = WAITS;
        break;
    }
    delivery_free(delivery);
}

static void search_on_writable(void *ctx)
{
    (void)ctx;
}

static void search_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct search *search = ctx;

    (void)why;
    search->waitings += link != ENDPOINT_READY;
}

static void search_on_stopped(void *ctx)
{
    ((struct search *)ctx)->stopped = true;
}

static const struct sink_events search_events = {
    .on_settled = search_on_settled,
    .on_writable = search_on_writable,
    .on_link = search_on_link,
    .on_stopped = search_on_stopped,
};

static enum sink_result search_send(struct search *search, size_t number)
{
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key")};
    struct err err = {""};
    char *data;
    struct delivery *delivery = delivery_new(1, &data);
    enum sink_result result;

    assert_non_null(delivery);
    *data = search->is_bad[number] ? 'b' : 'g';
    delivery->body = out.body = slice_make(data, 1);
    delivery->tag = number;
    result = search->sink->ops->send(search->sink, delivery, &out, &err);
    if (result == SINK_TAKEN) {
        search->fates[number] = OUT;
        search->sent++;
    } else {
        assert_int_equal(result, SINK_BUSY);
        delivery_free(delivery);
    }
    return result;
}

/* All that the sink takes, in order. */
static void search_send_all(struct search *search)
{
    for (size_t i = search->order; i < search->count; i++) {
        if (search->fates[i] == WAITS && search_send(search, i) != SINK_TAKEN) {
            return;
        }
    }
}

/* Confirms up to the first bad one, and closes the channel over that. */
static void search_answer(struct search *search)
{
    struct rmq_session *session = rmq_bed_publishing(search->bed);
    size_t count = rmq_session_published_count(session);
    size_t first = search->looked_at;
    size_t at;

    for (at = first; at < count && rmq_session_published(session, at)->body.data[0] == 'g'; at++) {
    }
    if (at > first && (at == count || !search->confirm_late)) {
        rmq_session_ack(session, CHANNEL, at - search->channel_at, true);
    }
    search->looked_at = count;
    if (at < count) {
        search->closes++;
        search->channel_at = count;
        rmq_session_close_channel(session, CHANNEL, search->code, words, AMQP_BASIC_PUBLISH_METHOD);
    }
}

static bool search_is_over(struct search *search)
{
    while (search->order < search->count && search->fates[search->order] > OUT) {
        search->order++;
    }
    return search->order == search->count;
}

/* Until all are settled; the time that this took, in ms. */
static unsigned search_run(struct search *search)
{
    unsigned ms = 0;

    while (!search_is_over(search)) {
        rmq_bed_check(search->bed, ms < 600000);
        search_send_all(search);
        rmq_bed_settle(search->bed);
        search_answer(search);
        rmq_bed_advance(search->bed, 1 * MS);
        ms++;
    }
    for (size_t i = 0; i < search->count; i++) {
        assert_int_equal(search->fates[i], search->is_bad[i] ? REFUSED : DELIVERED);
    }
    return ms;
}

static struct search *search_begin(struct rmq_bed *bed, size_t count)
{
    struct search *search = calloc(1, sizeof(*search));

    assert_non_null(search);
    search->bed = bed;
    search->count = count;
    search->code = AMQP_PRECONDITION_FAILED;
    rmq_peer_set_auto(bed->peer, AMQP_BASIC_PUBLISH_METHOD, false);
    rmq_bed_make_hub(bed);
    search->sink = rmq_sink_new(bed->hub, &bed->sink_conf, &bed->options, "b");
    assert_non_null(search->sink);
    search->sink->events = &search_events;
    search->sink->ctx = search;
    search->sink->ops->start(search->sink);
    rmq_hub_start(bed->hub);
    rmq_bed_settle(bed);
    return search;
}

static void search_end(struct search *search)
{
    search->sink->ops->stop(search->sink, true);
    rmq_bed_settle(search->bed);
    assert_true(search->stopped);
    search->sink->ops->free(search->sink);
    free(search);
}

static void refuses_what_closed_the_channel_alone(void **state)
{
    struct search *search = search_begin(*state, 1);

    search->is_bad[0] = true;
    search_run(search);
    assert_int_equal(search->closes, 1);
    assert_int_equal(search->sent, 1);
    assert_string_equal(search->why,
                        "406 PRECONDITION_FAILED - fast reply consumer does not exist");
    assert_int_equal(search->waitings, 0);
    search_end(search);
}

/* Wherever it is among those that were out, and though the broker confirms none of them. */
static void finds_one_among_many(void **state)
{
    static const size_t places[] = {0, 1, 15, 16, 17, 1000, 2047, 4095};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
        void *bed;
        struct search *search;

        rmq_bed_set_up(&bed);
        search = search_begin(bed, MESSAGES_MAX);
        search->is_bad[places[i / 2]] = true;
        search->confirm_late = i % 2;
        search_run(search);
        assert_in_range(search->closes, 1, 4);
        assert_in_range(search->sent, MESSAGES_MAX, 3 * MESSAGES_MAX);
        assert_int_equal(search->waitings, 0);
        assert_int_equal(rmq_bed_count_logged("looking for the message"), search->closes > 1);
        search_end(search);
        rmq_bed_tear_down(&bed);
    }
}

/* A rule's own constant may be what the broker does not take. */
static void refuses_all_where_all_are_bad(void **state)
{
    struct search *search = search_begin(*state, 100);
    unsigned ms;

    memset(search->is_bad, true, search->count);
    ms = search_run(search);
    assert_in_range(search->closes, 100, 103);
    assert_in_range(ms, 0, 15000); /* the shortest back-off each time */
    assert_int_equal(rmq_peer_connects(search->bed->peer), 1);
    search_end(search);
}

static void finds_several(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        void *bed;
        struct search *search;
        struct rand rand;
        size_t bad = 0;

        rand_init_seed(&rand, seed);
        rmq_bed_set_up(&bed);
        search = search_begin(bed, 500);
        search->confirm_late = seed % 2;
        for (size_t i = 0; i < search->count; i++) {
            search->is_bad[i] = rand_below(&rand, 30) == 0;
            bad += search->is_bad[i];
        }
        search_run(search);
        assert_in_range(search->closes, bad, 4 * bad + 4);
        search_end(search);
        rmq_bed_tear_down(&bed);
    }
}

static void sends_freely_again_afterwards(void **state)
{
    struct search *search = search_begin(*state, MESSAGES_MAX);
    size_t i;

    search->is_bad[0] = true;
    search->count = 2;
    search_run(search);
    search->count = MESSAGES_MAX;
    for (i = 0; i < 11; i++) {
        search_send_all(search);
        rmq_bed_settle(search->bed);
        search_answer(search);
        rmq_bed_settle(search->bed);
    }
    /* Twice as many with each answer. */
    rmq_bed_check(search->bed, search_is_over(search));
    search_end(search);
}

/* A close that says nothing of a message: all come back, and nobody is to blame. */
static void blames_no_message(void **state)
{
    static const struct {
        uint16_t code;
        amqp_method_number_t id;
    } closes[] = {
        {404, AMQP_BASIC_PUBLISH_METHOD},  {403, AMQP_BASIC_PUBLISH_METHOD}, {406, 0},
        {406, AMQP_CONFIRM_SELECT_METHOD}, {541, AMQP_BASIC_PUBLISH_METHOD}, {320, 0},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(closes) / sizeof(closes[0]); i++) {
        void *bed;
        struct search *search;
        struct rmq_session *session;
        unsigned lost = 0;

        rmq_bed_set_up(&bed);
        search = search_begin(bed, 1 + i % 2);
        search_send_all(search);
        rmq_bed_settle(bed);
        session = rmq_bed_publishing(bed);
        rmq_session_close_channel(session, CHANNEL, closes[i / 2].code, "WORDS", closes[i / 2].id);
        rmq_bed_settle(bed);
        for (size_t n = 0; n < search->count; n++) {
            lost += search->fates[n] == WAITS;
        }
        rmq_bed_check(bed, lost == search->count && search->waitings == 1);
        search->channel_at = search->looked_at = search->count;
        search_run(search);
        search_end(search);
        rmq_bed_tear_down(&bed);
    }
}

/* An exchange that a message names itself is not waited for longer than the rule allows, and what
 * stands behind goes on. One that the rule names is. */
static void gives_up_on_an_exchange_of_its_own(void **state)
{
    static const struct template_source any = {TEMPLATE_SCOPE_CHANNEL, 0};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        void *set_up;
        struct rmq_bed *bed;
        struct search *search;
        struct err err;
        size_t column;

        rmq_bed_set_up(&set_up);
        bed = set_up;
        bed->options.retry_attempts = i < 4 ? 2 : 0;
        bed->sink_conf.is_dead_letter = i == 4; /* whatever the rule says of attempts */
        bed->sink_conf.mapping.exchange = template_new(SLICE("{channel}"), &any, &err, &column);
        assert_non_null(bed->sink_conf.mapping.exchange);
        search = search_begin(bed, 500);
        search->code = i < 2 ? AMQP_NOT_FOUND : AMQP_ACCESS_REFUSED;
        search->confirm_late = i % 2;
        search->is_bad[0] = search->is_bad[70] = true;
        search_run(search);
        assert_int_equal(search->tries, 4);
        assert_in_range(search->closes, 5, 12);
        assert_int_equal(search->waitings, 0);
        search_end(search);
        template_free(bed->sink_conf.mapping.exchange);
        rmq_bed_tear_down(&set_up);
    }
}

/* The connection is lost in the middle of a search: it goes on on the next one. */
static void searches_on_after_a_lost_connection(void **state)
{
    struct search *search = search_begin(*state, 64);

    search->is_bad[63] = true;
    search->confirm_late = true;
    search_send_all(search);
    rmq_bed_settle(search->bed);
    search_answer(search);
    rmq_bed_settle(search->bed);
    rmq_session_drop(rmq_bed_publishing(search->bed));
    rmq_bed_advance(search->bed, 1 * SECOND);
    assert_int_equal(search->waitings, 1);
    search->looked_at = search->channel_at = 0;
    search_run(search);
    assert_in_range(search->closes, 2, 3);
    search_end(search);
}

#define bed_test(name) cmocka_unit_test_setup_teardown(name, rmq_bed_set_up, rmq_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        bed_test(refuses_what_closed_the_channel_alone),
        cmocka_unit_test(finds_one_among_many),
        bed_test(refuses_all_where_all_are_bad),
        cmocka_unit_test(finds_several),
        bed_test(sends_freely_again_afterwards),
        cmocka_unit_test(blames_no_message),
        bed_test(searches_on_after_a_lost_connection),
        cmocka_unit_test(gives_up_on_an_exchange_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
