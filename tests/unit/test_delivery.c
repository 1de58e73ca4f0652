/* Are deliveries one allocation with ids that nobody else has, and are states and outcomes named as
 * the stats and logs say? */
#include "core/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"
#include "core/endpoint.h"
#include "core/status.h"

static void test_new_is_zeroed_with_room_behind(void **state)
{
    char *data = NULL;
    struct delivery *delivery = delivery_new(100, &data);

    (void)state;
    assert_non_null(delivery);
    memset(data, 'x', 100);
    assert_int_equal(delivery->size, sizeof(*delivery) + 100);
    assert_null(delivery->channel.data);
    assert_null(delivery->pattern.data);
    assert_null(delivery->properties);
    assert_int_equal(delivery->refusals, 0);
    assert_int_equal((uintptr_t)data % _Alignof(struct properties), 0);
    delivery_free(delivery);
    delivery_free(NULL);
}

static void test_every_delivery_has_its_number(void **state)
{
    char *data;
    struct delivery *first = delivery_new(0, &data);
    struct delivery *second = delivery_new(0, &data);

    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    assert_true(first->number > 0);
    assert_true(second->number > first->number);
    delivery_free(second);
    delivery_free(first);
}

/* A kept one is as a new one, whatever it was before; an envelope that was read is none of its
 * memory. */
static void test_kept_memory_is_used_again(void **state)
{
    struct slice body =
        SLICE("{\"v\": 1, \"body\": \"text that is longer than one class of sizes\"}");
    struct delivery *delivery;
    struct delivery *again;
    uint64_t number;
    struct err err;
    char *data;

    (void)state;
    delivery_keep_freed(100000);
    delivery = delivery_new(100, &data);
    assert_non_null(delivery);
    number = delivery->number;
    delivery->body = body;
    delivery->returned = true;
    delivery->reason = "refused";
    delivery->error = strdup("words");
    assert_non_null(delivery->error);
    assert_int_equal(delivery_open_envelope(delivery, &err), 0);
    assert_true(delivery->size > sizeof(*delivery) + 100);
    delivery_free(delivery);
    again = delivery_new(100, &data);
    assert_ptr_equal(again, delivery);
    assert_ptr_equal(data, again + 1);
    assert_int_equal(again->size, sizeof(*again) + 100);
    assert_int_equal(again->number, number + 1);
    assert_null(again->body.data);
    assert_null(again->reason);
    assert_null(again->error);
    assert_null(again->opened);
    assert_false(again->returned);
    delivery_free(again);
    delivery_keep_freed(0);
}

static void test_new_without_memory(void **state)
{
    char *data = NULL;

    (void)state;
    assert_null(delivery_new(SIZE_MAX, &data));
    alloc_fail_after(0);
    assert_null(delivery_new(1, &data));
    assert_true(alloc_fail_stop());
    assert_null(data);
}

static void test_ids(void **state)
{
    static const struct {
        uint64_t process;
        uint64_t number;
        const char *id;
    } cases[] = {
        {0, 0, "0000000000000000-0000000000000000"},
        {0, 1, "0000000000000000-0000000000000001"},
        {UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210),
         "0123456789abcdef-fedcba9876543210"},
        {UINT64_MAX, UINT64_MAX, "ffffffffffffffff-ffffffffffffffff"},
        {UINT64_C(0x90a09f0afa990000), UINT64_C(1) << 32, "90a09f0afa990000-0000000100000000"},
    };
    struct delivery delivery = {0};
    char id[DELIVERY_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        delivery_set_process(cases[i].process);
        delivery.number = cases[i].number;
        delivery_format_id(&delivery, id);
        assert_string_equal(id, cases[i].id);
    }
}

static void test_connection_states_have_names(void **state)
{
    (void)state;
    assert_string_equal(connection_state_name(CONNECTION_STOPPED), "stopped");
    assert_string_equal(connection_state_name(CONNECTION_DOWN), "down");
    assert_string_equal(connection_state_name(CONNECTION_CONNECTING), "connecting");
    assert_string_equal(connection_state_name(CONNECTION_UP), "up");
}

static void test_outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(outcome_name(OUTCOME_DELIVERED), "delivered");
    assert_string_equal(outcome_name(OUTCOME_RETRY), "retry");
    assert_string_equal(outcome_name(OUTCOME_NO_EXCHANGE), "no-exchange");
    assert_string_equal(outcome_name(OUTCOME_UNROUTABLE), "unroutable");
    assert_string_equal(outcome_name(OUTCOME_NO_SUBSCRIBERS), "no-subscribers");
    assert_string_equal(outcome_name(OUTCOME_REFUSED), "refused");
    assert_string_equal(outcome_name(OUTCOME_TOO_LARGE), "too-large");
}

static void test_gaps_add_up(void **state)
{
    struct subscription_gap gap = {.count = 2, .total_us = 500};

    (void)state;
    assert_int_equal(subscription_gap_us(&gap, 1000), 500);
    gap.since_us = 900;
    assert_int_equal(subscription_gap_us(&gap, 1000), 600);
    assert_int_equal(subscription_gap_us(&gap, 900), 500);
    assert_int_equal(subscription_gap_us(&gap, 899), 500); /* a time read before the gap began */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_is_zeroed_with_room_behind),
        cmocka_unit_test(test_every_delivery_has_its_number),
        cmocka_unit_test(test_kept_memory_is_used_again),
        cmocka_unit_test(test_new_without_memory),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_connection_states_have_names),
        cmocka_unit_test(test_outcomes_have_names),
        cmocka_unit_test(test_gaps_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
