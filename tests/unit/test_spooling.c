/* While the disk does not keep up: are those who read asked to wait, and told when it is over? */
#include "app/spooling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "spool_rig.h"

enum { BODY_SIZE = 64 * 1024, BODIES = 1100 }; /* 69 MiB, more than may be on the way unheld */

struct world {
    struct spool_rig rig; /* for its directory */
    struct loop *loop;
    struct config config;
    struct conf_bridge bridge;
    struct spooling *spooling;
    struct store *store;
    unsigned holds;
    bool held;
    bool caught_up;
    unsigned rooms; /* on_room of the store */
    bool closed;
};

static void on_hold(void *ctx, bool hold)
{
    struct world *world = ctx;

    assert_true(hold != world->held);
    world->held = hold;
    world->holds += hold;
}

static uint64_t bytes_read(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool are_caught_up(void *ctx)
{
    const struct world *world = ctx;

    return world->caught_up;
}

static const struct spooling_readers readers = {on_hold, bytes_read, are_caught_up};

static void on_durable(void *ctx, uint64_t upto)
{
    (void)ctx;
    (void)upto;
}

static void on_room(void *ctx)
{
    struct world *world = ctx;

    world->rooms++;
}

static void on_trouble(void *ctx)
{
    (void)ctx;
}

static const struct store_events store_events = {
    .on_durable = on_durable,
    .on_room = on_room,
    .on_trouble = on_trouble,
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct err err = {""};

    assert_non_null(world);
    spool_rig_init(&world->rig);
    world->loop = loop_new(&err);
    assert_non_null(world->loop);
    world->caught_up = true;
    world->config.spool =
        (struct conf_spool){.directory = world->rig.directory, .max_size = UINT64_C(1) << 30};
    world->bridge.name = "out";
    world->bridge.options.buffer_disk = UINT64_C(1) << 30;
    assert_int_equal(spooling_new(world->loop, &world->config, &world->spooling, &err),
                     SPOOLING_OPENED);
    assert_int_equal(spooling_open_store(world->spooling, &world->bridge, &world->store, &err), 0);
    world->store->events = &store_events;
    world->store->ctx = world;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    spooling_free(world->spooling);
    loop_free(world->loop);
    spool_rig_fini(&world->rig);
    free(world);
    return 0;
}

/* Appends so much within one turn that the thread has no chance. */
static void pour(struct world *world)
{
    char *at;
    struct delivery *delivery = delivery_new(BODY_SIZE, &at);

    assert_non_null(delivery);
    memset(at, 'x', BODY_SIZE);
    delivery->body = slice_make(at, BODY_SIZE);
    for (int i = 0; i < BODIES; i++) {
        delivery->seq++;
        assert_int_equal(world->store->ops->append(world->store, delivery, STORE_ALONE), 0);
    }
    delivery_free(delivery);
}

static void turn_until(struct world *world, const bool *flag, bool wanted)
{
    uint64_t end = clock_monotonic_us() + 60 * CLOCK_US_PER_S;

    while (*flag != wanted) {
        assert_true(clock_monotonic_us() < end);
        loop_turn(world->loop, 20000);
    }
}

static void on_closed(void *ctx)
{
    struct world *world = ctx;

    world->closed = true;
}

static void readers_are_held_until_the_disk_has_it(void **state)
{
    struct world *world = *state;

    spooling_set_readers(world->spooling, &readers, world);
    assert_false(world->store->ops->is_tight(world->store));
    pour(world);
    assert_true(world->store->ops->is_tight(world->store));
    assert_false(world->held); /* no event inside an operation */
    turn_until(world, &world->held, true);
    turn_until(world, &world->held, false);
    spooling_close(world->spooling, on_closed, world);
    turn_until(world, &world->closed, true);
    assert_int_equal(world->holds, 1);
    assert_true(world->rooms > 0);
    assert_false(world->store->ops->is_tight(world->store));
}

static void nothing_is_held_where_nobody_reads(void **state)
{
    struct world *world = *state;

    spooling_set_readers(NULL, &readers, world);
    spooling_set_readers(world->spooling, &readers, world);
    spooling_set_readers(world->spooling, NULL, NULL);
    pour(world);
    spooling_close(world->spooling, on_closed, world);
    turn_until(world, &world->closed, true);
    assert_int_equal(world->holds, 0);
    assert_true(world->rooms > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readers_are_held_until_the_disk_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_held_where_nobody_reads, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
