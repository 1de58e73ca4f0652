/* A bridge whose source gives envelopes: does it send what is in them, refuse what is none, keep
 * the books right in bytes too, and leave to the disk and the dead letter sink what they need? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "bridge_dead_rig.h"

static void init_envelope(struct rig *rig)
{
    init(rig, RIG_REDIS);
    rig->mapping.reads_envelope = true;
}

static void give(struct rig *rig, const char *body)
{
    fake_source_give(rig->source, body, NULL);
    fake_pump_run(&rig->pump);
    rig_check_books(rig);
}

static void test_what_is_in_it_is_sent(void **state)
{
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig_set_routing_key(&rig, "{header.kind}.{property.type}.{id}");
    rig_run(&rig);
    give(&rig, "{\"id\": \"e-1\", \"body\": \"hello\", \"properties\": {\"type\": \"event\", "
               "\"headers\": {\"kind\": \"cat\"}}}");
    rig_expect_sent(&rig, "hello ");
    assert_string_equal(rig.sink->last_routing_key, "cat.event.e-1");
    assert_string_equal(rig.sink->last_headers, "kind=cat ");
    fake_sink_answer(rig.sink, "hello", OUTCOME_DELIVERED, NULL);
    assert_int_equal(rig_books(&rig)->delivered, 1);
    assert_int_equal(rig_books(&rig)->bytes_out, 5);
    rig_fini(&rig);
}

static void test_what_is_none_is_refused(void **state)
{
    static const char *const bodies[] = {"hello", "", "{}", "{\"body\": 1}", "[]"};
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig_run(&rig);
    for (size_t i = 0; i < 5; i++) {
        give(&rig, bodies[i]);
        assert_non_null(strstr(rig.dead->last_headers, "x-chunnel-reason=envelope "));
        rig_answer_dead(&rig, OUTCOME_DELIVERED, NULL);
    }
    expect_dead(&rig, "hello  {} {\"body\": 1} [] ");
    rig_expect_sent(&rig, "");
    assert_int_equal(rig_books(&rig)->dead_lettered, 5);
    rig_fini(&rig);
}

static void test_without_a_dead_letter_sink(void **state)
{
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig.with_dead = false;
    rig_run(&rig);
    give(&rig, "hello");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    assert_int_equal(rig_count_logged(&rig, "message dropped: envelope"), 1);
    assert_non_null(strstr(bridge_get_last_error(rig.bridge), "no envelope: line 1, column 1"));
    rig_fini(&rig);
}

/* It keeps its place behind what came before. */
static void test_refused_in_its_turn(void **state)
{
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig_run(&rig);
    rig_sink_down(&rig);
    give(&rig, "{\"body\": \"1\"}");
    give(&rig, "none");
    give(&rig, "{\"body\": \"2\"}");
    assert_int_equal(rig_books(&rig)->buffered, 3);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 ");
    expect_dead(&rig, "none ");
    rig_fini(&rig);
}

/* A refused one goes out whole, with what belongs to it. */
static void test_a_dead_letter_has_its_properties(void **state)
{
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig_run(&rig);
    give(&rig, "{\"body\": \"x\", \"properties\": {\"headers\": {\"kind\": \"cat\"}}}");
    fake_sink_answer(rig.sink, "x", OUTCOME_REFUSED, "no");
    expect_dead(&rig, "x ");
    expect_headers(&rig, "kind=cat x-chunnel-reason=refused x-chunnel-error=no ");
    rig_fini(&rig);
}

static void test_sent_again_after_a_loss(void **state)
{
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    rig_run(&rig);
    give(&rig, "{\"body\": \"1\"}");
    give(&rig, "{\"body\": \"2\"}");
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 1 2 ");
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->delivered, 2);
    rig_fini(&rig);
}

/* What goes to the disk is the envelope, so that the next process reads it again. */
static void test_the_disk_has_the_envelope(void **state)
{
    struct fake_store *store;
    struct rig rig;

    (void)state;
    init_envelope(&rig);
    store = fake_store_new(&rig.pump);
    rig.store = store;
    rig_run(&rig);
    give(&rig, "{\"body\": \"1\"}");
    rig_sink_down(&rig);
    rig_stop(&rig);
    rig_expect_stopped(&rig);
    assert_true(fake_store_has(store, "{\"body\": \"1\"}"));
    rig_restart(&rig);
    rig_expect_sent(&rig, "1 ");
    rig_deliver_all(&rig);
    rig_fini(&rig);
    fake_store_free(store);
}

/* Out of memory it is refused, and nothing leaks. */
static void test_without_memory(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned i = 0; failed; i++) {
        struct rig rig;

        init_envelope(&rig);
        rig_run(&rig);
        rig_sink_down(&rig);
        give(&rig, "{\"body\": \"1\", \"properties\": {\"headers\": {\"x\": 7}}}");
        strbuf_reserve(&rig.log, 4096); /* that what fails is the bridge's */
        alloc_fail_after(i);
        fake_sink_link(rig.sink, ENDPOINT_READY, NULL);
        failed = alloc_fail_stop();
        fake_pump_run(&rig.pump);
        rig_check_books(&rig);
        assert_int_equal(rig_books(&rig)->in_flight, 1);
        assert_int_equal(rig.sink->in_flight_count + rig.dead->in_flight_count, 1);
        assert_true(failed || rig.sink->in_flight_count == 1);
        rig_fini(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_it_is_sent),
        cmocka_unit_test(test_what_is_none_is_refused),
        cmocka_unit_test(test_without_a_dead_letter_sink),
        cmocka_unit_test(test_refused_in_its_turn),
        cmocka_unit_test(test_a_dead_letter_has_its_properties),
        cmocka_unit_test(test_sent_again_after_a_loss),
        cmocka_unit_test(test_the_disk_has_the_envelope),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests_name("bridge_envelope", tests, NULL, NULL);
}
