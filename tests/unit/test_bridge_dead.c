/* Dead letters: does every message that is given up reach the dead letter sink with its reason, is
 * it counted only once that sink has it, and where does it go when that sink cannot take it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "bridge_dead_rig.h"

static void test_counted_once_confirmed(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    refuse(&rig, 1);
    expect_dead(&rig, "1 ");
    assert_string_equal(rig.dead->last_routing_key, "dead");
    expect_headers(&rig, "x-chunnel-reason=refused x-chunnel-error=404 NOT_FOUND ");
    assert_int_equal(rig_books(&rig)->dead_lettered, 0);
    assert_int_equal(rig_books(&rig)->in_flight, 1);
    rig_expect_settled(&rig, "");
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    assert_int_equal(rig_books(&rig)->delivered, 0);
    rig_expect_settled(&rig, "1:ack ");
    assert_int_equal(rig_count_logged(&rig, "message to dead letter: refused"), 1);
    rig_fini(&rig);
}

static void test_every_answer_has_its_reason(void **state)
{
    static const struct {
        enum outcome outcome;
        const char *headers;
    } cases[] = {
        {OUTCOME_REFUSED, "x-chunnel-reason=refused x-chunnel-error=why "},
        {OUTCOME_TOO_LARGE, "x-chunnel-reason=too-large x-chunnel-error=why "},
        {OUTCOME_UNROUTABLE, "x-chunnel-reason=unroutable x-chunnel-error=why "},
        {OUTCOME_RETRY, "x-chunnel-reason=retries x-chunnel-error=why "},
        {OUTCOME_NO_EXCHANGE, "x-chunnel-reason=retries x-chunnel-error=why "},
        {OUTCOME_NO_SUBSCRIBERS, "x-chunnel-reason=no-subscribers x-chunnel-error=why "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;

        init(&rig, RIG_REDIS);
        rig.options.retry_attempts = 1;
        rig.options.on_no_subscribers = NOBODY_REJECT;
        rig_run(&rig);
        rig_give(&rig, 1, 1);
        rig_answer(&rig, 1, cases[i].outcome, "why");
        expect_headers(&rig, cases[i].headers);
        rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
        assert_int_equal(rig_books(&rig)->dead_lettered, 1);
        rig_expect_settled(&rig, "1:ack ");
        rig_fini(&rig);
    }
}

static void test_what_cannot_be_sent_has_its_reason(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    rig.sink->says = SINK_TOO_LARGE;
    rig.sink->says_why = "17 MiB";
    rig_give(&rig, 1, 1);
    expect_headers(&rig, "x-chunnel-reason=too-large x-chunnel-error=17 MiB ");
    rig.sink->says = SINK_REFUSED;
    rig.sink->says_why = "key";
    rig_give(&rig, 2, 2);
    expect_headers(&rig, "x-chunnel-reason=refused x-chunnel-error=key ");
    expect_dead(&rig, "1 2 ");
    rig_expect_sent(&rig, "");
    rig_fini(&rig);
}

static void test_a_missing_value_has_its_reason(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_set_routing_key(&rig, "{header.kind}");
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    expect_dead(&rig, "1 ");
    assert_non_null(strstr(rig.dead->last_headers, "x-chunnel-reason=template x-chunnel-error="));
    assert_non_null(strstr(rig.dead->last_headers, "kind"));
    rig_fini(&rig);
}

static void test_unroutable_may_be_dropped_nevertheless(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig.options.on_unroutable = UNROUTABLE_DROP;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_UNROUTABLE, "312 NO_ROUTE");
    expect_dead(&rig, "");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    rig_expect_settled(&rig, "1:ack ");
    rig_fini(&rig);
}

static void test_a_dead_letter_returned_too_late_is_counted(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    rig.dead->sink.events->on_late(rig.dead->sink.ctx, OUTCOME_UNROUTABLE, "no route");
    assert_int_equal(rig_books(&rig)->unroutable, 1);
    rig_fini(&rig);
}

static void test_the_reason_stands_behind_its_own_headers(void **state)
{
    struct field_entry entries[] = {
        {SLICE("kind"), {FIELD_STRING, {.bytes = SLICE("cat")}}},
        {SLICE("x-chunnel-reason"), {FIELD_STRING, {.bytes = SLICE("of another time")}}},
        {SLICE("size"), {FIELD_STRING, {.bytes = SLICE("xl")}}},
    };
    struct properties properties = {.present = 1u << PROPERTY_HEADERS, .headers = {entries, 3}};
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    fake_source_give(rig.source, "1", &properties);
    rig_answer(&rig, 1, OUTCOME_REFUSED, NULL);
    expect_headers(&rig, "kind=cat size=xl x-chunnel-reason=refused x-chunnel-error= ");
    rig_fini(&rig);
}

static void test_an_envelope_on_the_redis_side(void **state)
{
    struct rig rig;
    const char *sent;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_set_dead_channel(&rig);
    rig_run(&rig);
    refuse(&rig, 1);
    sent = strbuf_text(&rig.dead->sent);
    assert_non_null(strstr(sent, "{\"v\":1,"));
    assert_non_null(strstr(sent, "\"body\":\"1\",\"body_encoding\":\"utf-8\","
                                 "\"reason\":\"refused\",\"error\":\"404 NOT_FOUND\"}"));
    rig_answer_dead(&rig, OUTCOME_NO_SUBSCRIBERS, NULL); /* it was published */
    assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    rig_fini(&rig);
}

/* The words of the first time, however often it is tried. */
static void test_waits_for_its_sink(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS);
    rig_run(&rig);
    rig_dead_down(&rig);
    refuse(&rig, 1);
    refuse(&rig, 2);
    expect_dead(&rig, "");
    assert_int_equal(rig_books(&rig)->buffered, 2);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message to dead letter: refused: 404 NOT_FOUND");
    rig.dead->limit = 1;
    rig_dead_up(&rig);
    expect_dead(&rig, "1 ");
    assert_int_equal(rig_books(&rig)->buffered, 1);
    rig_dead_down(&rig); /* 1 is lost, and goes behind 2 */
    assert_int_equal(rig_books(&rig)->buffered, 2);
    assert_int_equal(rig_books(&rig)->retried, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge), "dead letters: dead sink lost");
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    expect_dead(&rig, "2 1 ");
    expect_headers(&rig, "x-chunnel-reason=refused x-chunnel-error=404 NOT_FOUND ");
    assert_int_equal(rig_books(&rig)->dead_lettered, 2);
    assert_int_equal(rig.wishes, 0);
    rig_fini(&rig);
}

static void test_those_that_wait_hold_up_nobody(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS);
    rig_run(&rig);
    rig_dead_down(&rig);
    refuse(&rig, 1);
    rig_expect_sent(&rig, "1 ");
    rig_give(&rig, 2, 3);
    rig_expect_sent(&rig, "2 3 ");
    rig_deliver(&rig, 2, 3);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_fini(&rig);
}

static void test_given_back_waits_a_second(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS);
    rig_run(&rig);
    refuse(&rig, 1);
    rig_answer_dead(&rig, OUTCOME_RETRY, "full");
    assert_int_equal(rig.wake_at_us - rig.now_us, 1000000);
    assert_int_equal(rig_books(&rig)->retried, 1);
    refuse(&rig, 2);
    expect_dead(&rig, "1 ");
    rig_advance(&rig, 999999);
    expect_dead(&rig, "");
    rig_advance(&rig, 1);
    expect_dead(&rig, "1 2 ");
    rig_fini(&rig);
}

/* One that names an exchange that is not there has its attempts, further and further apart, those
 * behind it go on, and then it is dropped. Those that it had at its first sink do not count. */
static void test_an_exchange_of_its_own_is_not_tried_for_ever(void **state)
{
    static const struct {
        uint64_t attempts;
        uint64_t waits[4]; /* ms; 0: given up */
    } cases[] = {{0, {300, 600, 1000, 1000}}, {3, {300, 600}}, {2, {300}}, {1, {0}}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;

        init(&rig, RIG_AMQP);
        rig.options.retry_attempts = cases[i].attempts;
        rig.options.retry_min_us = 300000;
        rig_run(&rig);
        refuse(&rig, 1);
        for (size_t j = 0; j < 4 && cases[i].waits[j] > 0; j++) {
            rig_answer_dead(&rig, OUTCOME_NO_EXCHANGE, "no exchange 'x'");
            assert_int_equal(rig_books(&rig)->dropped, 0);
            assert_int_equal(rig.wake_at_us - rig.now_us, cases[i].waits[j] * 1000);
            expect_dead(&rig, "1 ");
            rig_advance_to_wish(&rig);
        }
        refuse(&rig, 2);
        expect_dead(&rig, "1 2 ");
        rig_answer_dead(&rig, OUTCOME_NO_EXCHANGE, "no exchange 'x'");
        rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
        assert_int_equal(rig_books(&rig)->dropped, 1);
        assert_int_equal(rig_books(&rig)->dead_lettered, 1);
        rig_expect_settled(&rig, "1:ack 2:ack ");
        assert_int_equal(rig_count_logged(&rig, "dead letter dropped: refused"), 1);
        rig_fini(&rig);
    }
}

static void test_attempts_at_the_first_sink_do_not_count(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig.options.retry_attempts = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    rig_answer(&rig, 1, OUTCOME_RETRY, "full");
    rig_advance_to_wish(&rig);
    rig_answer(&rig, 1, OUTCOME_RETRY, "full");
    rig_answer_dead(&rig, OUTCOME_NO_EXCHANGE, "no exchange 'x'");
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_advance_to_wish(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    assert_int_equal(rig_books(&rig)->dead_lettered, 1);
    rig_fini(&rig);
}

/* One timer, two back-offs: neither is cut short by the other, and neither waits for it. */
static void test_two_back_offs_at_a_time(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS);
    rig.options.retry_min_us = 4000000;
    rig.options.retry_max_us = 4000000;
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_answer(&rig, 1, OUTCOME_RETRY, "full");
    assert_true(rig.wake_at_us - rig.now_us >= 2000000);
    rig_answer(&rig, 2, OUTCOME_REFUSED, "no");
    rig_expect_sent(&rig, "1 2 ");
    rig_answer_dead(&rig, OUTCOME_RETRY, "full");
    assert_int_equal(rig.wake_at_us - rig.now_us, 1000000);
    rig_advance_to_wish(&rig);
    expect_dead(&rig, "2 2 ");
    rig_expect_sent(&rig, "");
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_advance_to_wish(&rig);
    rig_expect_sent(&rig, "1 ");

    rig_give(&rig, 3, 3);
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no");
    rig_answer_dead(&rig, OUTCOME_RETRY, "full");
    rig_answer(&rig, 1, OUTCOME_RETRY, "full");
    assert_int_equal(rig.wake_at_us - rig.now_us, 1000000);
    rig_fini(&rig);
}

static void test_refused_there_too_is_dropped_and_told_once(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    refuse(&rig, 1);
    rig_answer_dead(&rig, OUTCOME_REFUSED, "403 ACCESS_REFUSED");
    refuse(&rig, 2);
    rig_answer_dead(&rig, OUTCOME_UNROUTABLE, "312 NO_ROUTE");
    refuse(&rig, 3);
    rig_answer_dead(&rig, OUTCOME_TOO_LARGE, NULL);
    rig.dead->says = SINK_TOO_LARGE;
    rig.dead->says_why = "17 MiB";
    refuse(&rig, 4);
    assert_int_equal(rig_books(&rig)->dropped, 4);
    assert_int_equal(rig_books(&rig)->dead_lettered, 0);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack 4:ack ");
    assert_int_equal(rig_count_logged(&rig, "dead letter dropped: refused"), 1);
    assert_string_equal(bridge_get_last_error(rig.bridge), "dead letter dropped: refused: 17 MiB");
    rig_fini(&rig);
}

static void test_stale_ones_go_nowhere(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig_run(&rig);
    rig.dead->limit = 1;
    refuse(&rig, 1); /* with the dead letter sink */
    refuse(&rig, 2); /* waits for it */
    rig_give(&rig, 3, 3);
    rig_expect_settled(&rig, "");
    rig_source_down(&rig);
    rig_expect_settled(&rig, "2:forget ");
    assert_int_equal(rig_books(&rig)->returned, 1);
    rig_answer(&rig, 3, OUTCOME_REFUSED, "no"); /* refused too late: its queue gives it again */
    rig_expect_settled(&rig, "3:forget ");
    rig_dead_down(&rig);
    rig_expect_settled(&rig, "1:forget ");
    assert_int_equal(rig_books(&rig)->returned, 3);
    rig_dead_up(&rig);
    expect_dead(&rig, "1 ");
    rig_fini(&rig);
}

static void test_their_memory_counts(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_REDIS);
    rig.options.buffer_memory = 4 * ONE_SIZE;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig_run(&rig);
    rig_dead_down(&rig);
    for (unsigned i = 1; i <= 3; i++) {
        refuse(&rig, i);
    }
    rig_sink_down(&rig);
    rig_give(&rig, 4, 4);
    fake_source_give(rig.source, "55", NULL); /* for which nothing that may go makes room */
    assert_int_equal(rig_books(&rig)->dropped, 1);
    rig_expect_settled(&rig, "55:ack ");
    rig_give(&rig, 6, 6);
    rig_expect_settled(&rig, "4:ack ");
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    rig_give(&rig, 7, 7);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_fini(&rig);
}

static void test_a_paused_source_goes_on_when_they_are_gone(void **state)
{
    struct rig rig;

    (void)state;
    init(&rig, RIG_AMQP);
    rig.options.buffer_messages = 1;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_dead_down(&rig);
    refuse(&rig, 1);
    rig_give(&rig, 2, 2);
    assert_true(rig.source->paused);
    rig_deliver_all(&rig);
    assert_true(rig.source->paused);
    rig_dead_up(&rig);
    rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    assert_false(rig.source->paused);
    rig_fini(&rig);
}

/* Wherever memory runs out on the way of a dead letter, the books stay right and it ends. */
static void check_memory(bool to_redis)
{
    uint64_t dropped = 0;
    bool failed = true;

    for (unsigned i = 0; failed; i++) {
        struct rig rig;

        init(&rig, RIG_AMQP);
        if (to_redis) {
            rig_set_dead_channel(&rig);
        }
        rig_run(&rig);
        rig_give(&rig, 1, 1);
        strbuf_reserve(&rig.log, 4096); /* that what fails is the bridge's */
        alloc_fail_after(i);
        fake_sink_answer(rig.sink, "1", OUTCOME_REFUSED, "no");
        failed = alloc_fail_stop();
        fake_pump_run(&rig.pump);
        if (rig.dead->in_flight_count > 0) {
            rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
        }
        assert_int_equal(rig_books(&rig)->dead_lettered + rig_books(&rig)->dropped, 1);
        assert_true(failed || rig_books(&rig)->dead_lettered == 1);
        dropped += rig_books(&rig)->dropped;
        rig_expect_settled(&rig, "1:ack ");
        rig_fini(&rig);
    }
    assert_true(dropped > 0);
}

static void test_memory_that_runs_out(void **state)
{
    (void)state;
    check_memory(false);
    check_memory(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted_once_confirmed),
        cmocka_unit_test(test_every_answer_has_its_reason),
        cmocka_unit_test(test_what_cannot_be_sent_has_its_reason),
        cmocka_unit_test(test_a_missing_value_has_its_reason),
        cmocka_unit_test(test_unroutable_may_be_dropped_nevertheless),
        cmocka_unit_test(test_a_dead_letter_returned_too_late_is_counted),
        cmocka_unit_test(test_the_reason_stands_behind_its_own_headers),
        cmocka_unit_test(test_an_envelope_on_the_redis_side),
        cmocka_unit_test(test_waits_for_its_sink),
        cmocka_unit_test(test_those_that_wait_hold_up_nobody),
        cmocka_unit_test(test_given_back_waits_a_second),
        cmocka_unit_test(test_an_exchange_of_its_own_is_not_tried_for_ever),
        cmocka_unit_test(test_attempts_at_the_first_sink_do_not_count),
        cmocka_unit_test(test_two_back_offs_at_a_time),
        cmocka_unit_test(test_refused_there_too_is_dropped_and_told_once),
        cmocka_unit_test(test_stale_ones_go_nowhere),
        cmocka_unit_test(test_their_memory_counts),
        cmocka_unit_test(test_a_paused_source_goes_on_when_they_are_gone),
        cmocka_unit_test(test_memory_that_runs_out),
    };

    return cmocka_run_group_tests_name("bridge_dead", tests, NULL, NULL);
}
