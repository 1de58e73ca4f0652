/* Is freed memory given again to who asks for its size, and to nobody else, is never more kept than
 * was allowed, and is what nobody asks for any more given back? */
#include "base/freelist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/rand.h"

static void test_keeps_nothing_unless_told(void **state)
{
    struct freelist list = {.most = 0};
    void *memory = freelist_get(&list, 100, 0);

    (void)state;
    assert_non_null(memory);
    assert_int_equal(list.given, 1);
    freelist_put(&list, memory, 100);
    assert_int_equal(list.kept, 0);
    assert_int_equal(list.given, 0);
}

static void test_last_freed_is_first_given(void **state)
{
    struct freelist list = {.most = 10000};
    void *first = freelist_get(&list, 300, 0);
    void *second = freelist_get(&list, 300, 0);

    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    freelist_put(&list, first, 300);
    freelist_put(&list, second, 300);
    assert_true(list.kept >= 600);
    assert_ptr_equal(freelist_get(&list, 300, 0), second);
    assert_ptr_equal(freelist_get(&list, 300, 0), first);
    assert_int_equal(list.kept, 0);
    freelist_put(&list, first, 300);
    freelist_put(&list, second, 300);
    freelist_limit(&list, 0);
    assert_int_equal(list.kept, 0);
}

static void test_begins_with_zeros(void **state)
{
    struct freelist list = {.most = 10000};
    static const char zeros[200];
    char *memory = freelist_get(&list, sizeof(zeros), 0);

    (void)state;
    assert_non_null(memory);
    for (size_t zeroed = 0; zeroed <= sizeof(zeros); zeroed += 50) {
        memset(memory, 'x', sizeof(zeros));
        freelist_put(&list, memory, sizeof(zeros));
        assert_ptr_equal(freelist_get(&list, sizeof(zeros), zeroed), memory);
        assert_memory_equal(memory, zeros, zeroed);
        for (size_t i = zeroed > sizeof(void *) ? zeroed : sizeof(void *); i < sizeof(zeros); i++) {
            assert_int_equal(memory[i], 'x'); /* no more was written than was asked for */
        }
    }
    freelist_put(&list, memory, sizeof(zeros));
    freelist_limit(&list, 0);
}

/* Whether memory freed as `freed` bytes is given for `wanted`, and all of it is there. */
static bool serves(size_t freed, size_t wanted)
{
    struct freelist list = {.most = 10000};
    void *memory = freelist_get(&list, freed, freed);
    size_t kept;
    bool same;

    assert_non_null(memory);
    freelist_put(&list, memory, freed);
    kept = list.kept;
    assert_true(kept == 0 || (kept >= freed && kept - freed < FREELIST_STEP));
    memory = freelist_get(&list, wanted, wanted);
    assert_non_null(memory);
    same = list.kept < kept;
    memset(memory, 'x', wanted); /* the sanitizer's run would say what does not belong to it */
    freelist_put(&list, memory, wanted);
    freelist_limit(&list, 0);
    return same;
}

static void test_edges_of_classes(void **state)
{
    (void)state;
    assert_true(serves(0, 8));
    assert_true(serves(8, 0));
    assert_false(serves(8, 9));
    assert_false(serves(9, 8));
    for (size_t edge = 24; edge <= FREELIST_LARGEST; edge += FREELIST_STEP) {
        assert_true(serves(edge, edge));
        assert_true(serves(edge, edge - FREELIST_STEP + 1));
        assert_true(serves(edge - FREELIST_STEP + 1, edge));
        assert_false(serves(edge, edge - FREELIST_STEP));
        assert_false(serves(edge, edge + 1));
    }
}

static void test_large_ones_are_not_kept(void **state)
{
    struct freelist list = {.most = SIZE_MAX / 2};

    (void)state;
    assert_true(serves(FREELIST_LARGEST, FREELIST_LARGEST));
    assert_false(serves(FREELIST_LARGEST + 1, FREELIST_LARGEST + 1));
    for (size_t size = FREELIST_LARGEST + 1; size < 1 << 22; size *= 2) {
        void *memory = freelist_get(&list, size, size);

        assert_non_null(memory);
        freelist_put(&list, memory, size);
        assert_int_equal(list.kept, 0);
    }
}

/* No sum of theirs may come out as the size of something that is kept. */
static void test_huge_sizes_find_no_memory(void **state)
{
    struct freelist list = {.most = 1 << 20};
    void *all[FREELIST_CLASSES];

    (void)state;
    for (size_t i = 0; i < FREELIST_CLASSES; i++) {
        all[i] = freelist_get(&list, i * FREELIST_STEP, 0);
        assert_non_null(all[i]);
    }
    for (size_t i = 0; i < FREELIST_CLASSES; i++) {
        freelist_put(&list, all[i], i * FREELIST_STEP);
    }
    for (size_t less = 0; less < 64; less++) {
        alloc_fail_after(0);
        assert_null(freelist_get(&list, SIZE_MAX - less, 0));
        assert_true(alloc_fail_stop());
    }
    assert_int_equal(list.given, 0);
    freelist_limit(&list, 0);
}

static void test_no_memory(void **state)
{
    struct freelist list = {.most = 10000};
    void *memory = freelist_get(&list, 100, 0);

    (void)state;
    assert_non_null(memory);
    freelist_put(&list, memory, 100);
    alloc_fail_after(0);
    assert_null(freelist_get(&list, 200, 200));
    assert_true(alloc_fail_stop());
    assert_int_equal(list.given, 0);
    alloc_fail_after(0); /* and what is kept needs none */
    assert_ptr_equal(freelist_get(&list, 100, 0), memory);
    assert_false(alloc_fail_stop());
    freelist_put(&list, memory, 100);
    freelist_limit(&list, 0);
}

/* Random sizes come and go: the bound holds at every moment, and nothing overlaps. */
static void test_bound_holds(void **state)
{
    enum { SLOTS = 100, ROUNDS = 20000, SIZES = 600 };
    struct freelist list = {.most = 5000};
    struct rand rand;
    struct {
        unsigned char *memory;
        size_t size;
        unsigned char mark;
    } slots[SLOTS] = {{0}};
    size_t out = 0;

    (void)state;
    rand_init_seed(&rand, 7);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t i = rand_below(&rand, SLOTS);

        if (slots[i].memory == NULL) {
            slots[i].size = rand_below(&rand, SIZES);
            slots[i].mark = (unsigned char)round;
            slots[i].memory = freelist_get(&list, slots[i].size, slots[i].size);
            assert_non_null(slots[i].memory);
            memset(slots[i].memory, slots[i].mark, slots[i].size);
            out++;
        } else {
            for (size_t at = 0; at < slots[i].size; at++) {
                assert_int_equal(slots[i].memory[at], slots[i].mark);
            }
            freelist_put(&list, slots[i].memory, slots[i].size);
            slots[i].memory = NULL;
            out--;
        }
        assert_true(list.kept <= list.most);
        assert_int_equal(list.given, out);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].memory != NULL) {
            freelist_put(&list, slots[i].memory, slots[i].size);
        }
    }
    assert_int_equal(list.given, 0);
    freelist_limit(&list, 0);
}

/* As many of `size` as `count` at a time; whether one of the second time was kept from the first.
 */
static bool keeps_some(struct freelist *list, size_t size, size_t count)
{
    void *memory[100];
    size_t kept;
    bool some = false;

    for (unsigned time = 0; time < 2; time++) {
        for (size_t i = 0; i < count; i++) {
            kept = list->kept;
            memory[i] = freelist_get(list, size, 0);
            assert_non_null(memory[i]);
            some = time == 1 && (some || list->kept < kept);
        }
        for (size_t i = 0; i < count; i++) {
            freelist_put(list, memory[i], size);
        }
    }
    return some;
}

static void test_other_sizes_make_room(void **state)
{
    struct freelist list = {.most = 50 * 1000};
    void *one = freelist_get(&list, 8, 0); /* so that it is never idle */
    unsigned tries = 0;

    (void)state;
    assert_non_null(one);
    assert_true(keeps_some(&list, 1000, 100)); /* twice the bound */
    while (!keeps_some(&list, 2000, 100)) {
        assert_true(++tries < 10);
    }
    freelist_put(&list, one, 8);
    freelist_limit(&list, 0);
}

static void test_all_is_given_back_when_idle_after_too_much(void **state)
{
    struct freelist list = {.most = 2000};
    void *memory[5];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        memory[i] = freelist_get(&list, 600, 0);
        assert_non_null(memory[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(list.kept > 0, i > 0);
        freelist_put(&list, memory[i], 600);
    }
    assert_int_equal(list.kept, 0);
    assert_true(keeps_some(&list, 600, 3)); /* no more than is kept: nobody has to go */
    assert_true(list.kept > 0);
    freelist_limit(&list, 1000);
    assert_int_equal(list.kept, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_nothing_unless_told),
        cmocka_unit_test(test_last_freed_is_first_given),
        cmocka_unit_test(test_begins_with_zeros),
        cmocka_unit_test(test_edges_of_classes),
        cmocka_unit_test(test_large_ones_are_not_kept),
        cmocka_unit_test(test_huge_sizes_find_no_memory),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_bound_holds),
        cmocka_unit_test(test_other_sizes_make_room),
        cmocka_unit_test(test_all_is_given_back_when_idle_after_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
