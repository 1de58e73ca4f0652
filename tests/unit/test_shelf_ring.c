/* Is every delivery in memory found by its number, and is what is settled forgotten? */
#include "spool/shelf_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void push(struct shelf_ring *ring, uint64_t number)
{
    assert_int_equal(shelf_ring_push(ring, (struct shelf_entry){number, number + 7, SHELF_MAIN, 1}),
                     0);
}

static void an_empty_one_has_nothing(void **state)
{
    struct shelf_ring ring = {0};

    (void)state;
    assert_null(shelf_ring_first(&ring));
    assert_null(shelf_ring_find(&ring, 1));
    shelf_ring_compact(&ring);
    assert_int_equal(ring.count, 0);
}

static void each_is_found_by_its_number(void **state)
{
    struct shelf_ring ring = {0};

    (void)state;
    for (uint64_t number = 3; number <= 3000; number += 3) {
        push(&ring, number);
        if (number % 2 == 0) {
            shelf_ring_pop(&ring); /* so that it begins in the middle of its memory */
        }
    }
    assert_int_equal(ring.count, 500);
    assert_int_equal(shelf_ring_first(&ring)->number, 1503);
    for (uint64_t number = 1; number <= 3001; number++) {
        const struct shelf_entry *entry = shelf_ring_find(&ring, number);

        assert_int_equal(entry != NULL, number > 1500 && number <= 3000 && number % 3 == 0);
        assert_true(entry == NULL || entry->record == number + 7);
    }
    free(ring.entries);
}

static void it_does_not_grow_behind_one_that_stays(void **state)
{
    struct shelf_ring ring = {0};

    (void)state;
    push(&ring, 1);
    for (uint64_t number = 2; number <= 100000; number++) {
        push(&ring, number);
        shelf_ring_find(&ring, number)->record = 0;
        if (number % 100 == 0) {
            shelf_ring_compact(&ring);
        }
    }
    assert_int_equal(ring.count, 1);
    assert_true(ring.size <= 256);
    assert_int_equal(shelf_ring_first(&ring)->number, 1);
    assert_null(shelf_ring_find(&ring, 2));
    free(ring.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(each_is_found_by_its_number),
        cmocka_unit_test(it_does_not_grow_behind_one_that_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
