/* Does a window give each item under its tag once, in any order, nothing under tags that were never
 * put or are taken, and does a random run behave as a plain list would? */
#include "core/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/rand.h"

enum { ITEMS = 4096 };

/* Items are addresses in here, so that every one can be told from the others. */
static char items[ITEMS];

static uint64_t put(struct window *window, void *item)
{
    uint64_t tag = 0;

    assert_int_equal(window_put(window, item, &tag), 0);
    return tag;
}

static void put_many(struct window *window, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(window, &items[(window->next - 1) % ITEMS]);
    }
}

static void test_tags_that_are_not_there(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    assert_true(window_is_empty(&window));
    assert_null(window_take(&window, 0));
    assert_null(window_take(&window, 1));
    assert_null(window_take(&window, UINT64_MAX));
    assert_null(window_peek(&window, 0));
    assert_null(window_take_first(&window, UINT64_MAX));
    assert_false(window_was_put(&window, 0));
    assert_false(window_was_put(&window, 1));

    assert_int_equal(put(&window, &items[0]), 1);
    assert_null(window_take(&window, 0));
    assert_null(window_take(&window, 2));
    assert_null(window_take(&window, 65)); /* the slot of tag 1 in a ring of 64 */
    assert_null(window_take(&window, UINT64_MAX));
    assert_false(window_was_put(&window, 0));
    assert_true(window_was_put(&window, 1));
    assert_false(window_was_put(&window, 2));

    assert_ptr_equal(window_take(&window, 1), &items[0]);
    assert_null(window_take(&window, 1));
    assert_null(window_peek(&window, 1));
    assert_true(window_was_put(&window, 1));
    window_fini(&window);
}

static void test_a_tag_of_an_older_turn_of_the_ring(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    put_many(&window, 64);
    for (uint64_t tag = 1; tag <= 64; tag++) {
        assert_non_null(window_take(&window, tag));
    }
    put_many(&window, 64);
    assert_int_equal(window.size, 64);
    for (uint64_t tag = 1; tag <= 64; tag++) {
        assert_null(window_take(&window, tag)); /* its slot is full again, under tag + 64 */
    }
    assert_int_equal(window.count, 64);
    while (window_take_first(&window, UINT64_MAX) != NULL) {
    }
    window_fini(&window);
}

static void test_takes_in_any_order(void **state)
{
    static const uint64_t orders[][5] = {
        {1, 2, 3, 4, 5}, {5, 4, 3, 2, 1}, {3, 1, 5, 2, 4}, {2, 3, 4, 5, 1}, {1, 5, 2, 4, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct window window = WINDOW_INIT;

        put_many(&window, 5);
        for (size_t k = 0; k < 5; k++) {
            uint64_t tag = orders[i][k];

            assert_ptr_equal(window_peek(&window, tag), &items[tag - 1]);
            assert_ptr_equal(window_take(&window, tag), &items[tag - 1]);
            assert_null(window_take(&window, tag));
            assert_int_equal(window.count, 4 - k);
        }
        assert_true(window_is_empty(&window));
        assert_int_equal(window.first, window.next);
        window_fini(&window);
    }
}

static void test_growth_with_a_gap_at_the_front(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    put_many(&window, 64);
    for (uint64_t tag = 1; tag <= 40; tag++) {
        window_take(&window, tag); /* the ring's content now begins in its middle */
    }
    put_many(&window, 40); /* and ends before it began, in the same ring */
    assert_int_equal(window.size, 64);
    for (uint64_t tag = 42; tag <= 103; tag += 2) {
        window_take(&window, tag); /* holes; 41 stays the oldest */
    }
    assert_int_equal(window.first, 41);
    put_many(&window, 100); /* grows, twice */
    assert_int_equal(window.size, 256);
    for (uint64_t tag = 41; tag <= 204; tag++) {
        bool hole = tag >= 42 && tag <= 103 && tag % 2 == 0;

        assert_ptr_equal(window_take(&window, tag), hole ? NULL : &items[tag - 1]);
    }
    assert_true(window_is_empty(&window));
    window_fini(&window);
}

static void test_the_oldest_that_is_not_taken_holds_the_ring_open(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    put_many(&window, 1);
    for (uint64_t tag = 2; tag <= 1000; tag++) {
        assert_int_equal(put(&window, &items[tag - 1]), tag);
        assert_ptr_equal(window_take(&window, tag), &items[tag - 1]);
    }
    assert_int_equal(window.count, 1);
    assert_ptr_equal(window_take_first(&window, 1), &items[0]);
    assert_int_equal(window.first, 1001);
    window_fini(&window);
}

static void test_takes_up_to_a_tag(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    put_many(&window, 10);
    window_take(&window, 1);
    window_take(&window, 4);
    assert_null(window_take_first(&window, 0));
    assert_null(window_take_first(&window, 1));
    assert_ptr_equal(window_take_first(&window, 5), &items[1]);
    assert_ptr_equal(window_take_first(&window, 5), &items[2]);
    assert_ptr_equal(window_take_first(&window, 5), &items[4]); /* past the hole */
    assert_null(window_take_first(&window, 5));
    assert_int_equal(window.count, 5);
    for (size_t i = 5; i < 10; i++) {
        assert_ptr_equal(window_take_first(&window, UINT64_MAX), &items[i]);
    }
    assert_null(window_take_first(&window, UINT64_MAX));
    window_fini(&window);
}

static void test_reset_begins_at_one_again(void **state)
{
    struct window window = WINDOW_INIT;
    size_t size;

    (void)state;
    put_many(&window, 100);
    while (window_take_first(&window, UINT64_MAX) != NULL) {
    }
    size = window.size;
    window_reset(&window);
    assert_int_equal(window.size, size);
    assert_false(window_was_put(&window, 1));
    assert_null(window_take(&window, 1));
    assert_int_equal(put(&window, &items[7]), 1);
    assert_null(window_take(&window, 100));
    assert_ptr_equal(window_take(&window, 1), &items[7]);
    window_fini(&window);
    window_fini(&window);
    assert_int_equal(put(&window, &items[8]), 1); /* usable afterwards */
    window_fini(&window);
}

static void test_tag_is_not_wanted(void **state)
{
    struct window window = WINDOW_INIT;

    (void)state;
    assert_int_equal(window_put(&window, &items[3], NULL), 0);
    assert_ptr_equal(window_take(&window, 1), &items[3]);
    window_fini(&window);
}

static void test_no_memory_to_grow(void **state)
{
    struct window window = WINDOW_INIT;
    uint64_t tag = 99;

    (void)state;
    alloc_fail_after(0);
    assert_int_equal(window_put(&window, &items[0], &tag), -1);
    assert_true(alloc_fail_stop());
    assert_int_equal(tag, 99);
    assert_true(window_is_empty(&window));

    put_many(&window, 64);
    alloc_fail_after(0);
    assert_int_equal(window_put(&window, &items[64], &tag), -1);
    assert_true(alloc_fail_stop());
    assert_int_equal(tag, 99);
    assert_false(window_was_put(&window, 65));
    assert_int_equal(put(&window, &items[64]), 65);
    for (size_t i = 0; i < 65; i++) {
        assert_ptr_equal(window_take(&window, i + 1), &items[i]);
    }
    window_fini(&window);
}

/* The model: what each tag holds, and nothing clever. */
struct model {
    void *held[2501]; /* by tag */
    uint64_t next;
    size_t count;
};

static void *model_take(struct model *model, uint64_t tag)
{
    void *item = tag < model->next ? model->held[tag] : NULL;

    if (item != NULL) {
        model->held[tag] = NULL;
        model->count--;
    }
    return item;
}

static void *model_take_first(struct model *model, uint64_t upto)
{
    for (uint64_t tag = 1; tag < model->next && tag <= upto; tag++) {
        if (model->held[tag] != NULL) {
            return model_take(model, tag);
        }
    }
    return NULL;
}

static void step(struct window *window, struct model *model, struct rand *rand)
{
    uint64_t from = model->next > 300 ? model->next - 300 : 0;
    uint64_t tag = from + rand_below(rand, 310);
    void *item = &items[rand_below(rand, ITEMS)];

    switch (rand_below(rand, 8)) {
    case 0:
    case 1:
    case 2:
    case 3:
        model->held[model->next] = item;
        model->count++;
        assert_int_equal(put(window, item), model->next);
        model->next++;
        break;
    case 4:
    case 5:
    case 6:
        assert_ptr_equal(window_peek(window, tag), tag < model->next ? model->held[tag] : NULL);
        assert_ptr_equal(window_take(window, tag), model_take(model, tag));
        break;
    default:
        assert_ptr_equal(window_take_first(window, tag), model_take_first(model, tag));
        break;
    }
    assert_int_equal(window->count, model->count);
    assert_int_equal(window_was_put(window, tag), tag >= 1 && tag < model->next);
}

static void test_behaves_as_a_plain_list(void **state)
{
    struct model *model = calloc(1, sizeof(*model));
    struct window window = WINDOW_INIT;
    struct rand rand;

    (void)state;
    assert_non_null(model);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        rand_init_seed(&rand, seed);
        memset(model, 0, sizeof(*model));
        model->next = 1;
        for (int i = 0; i < 2500; i++) {
            step(&window, model, &rand);
        }
        while (model->count > 0) {
            assert_ptr_equal(window_take_first(&window, UINT64_MAX),
                             model_take_first(model, UINT64_MAX));
        }
        assert_true(window_is_empty(&window));
        window_reset(&window);
    }
    window_fini(&window);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_that_are_not_there),
        cmocka_unit_test(test_a_tag_of_an_older_turn_of_the_ring),
        cmocka_unit_test(test_takes_in_any_order),
        cmocka_unit_test(test_growth_with_a_gap_at_the_front),
        cmocka_unit_test(test_the_oldest_that_is_not_taken_holds_the_ring_open),
        cmocka_unit_test(test_takes_up_to_a_tag),
        cmocka_unit_test(test_reset_begins_at_one_again),
        cmocka_unit_test(test_tag_is_not_wanted),
        cmocka_unit_test(test_no_memory_to_grow),
        cmocka_unit_test(test_behaves_as_a_plain_list),
    };

    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
