/* Helpers of the tests of a bridge with a store. */
#ifndef CHUNNELD_TESTS_UNIT_BRIDGE_STORE_RIG_H
#define CHUNNELD_TESTS_UNIT_BRIDGE_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

enum { ONE_SIZE = sizeof(struct delivery) + 1 };

/* Room for two that wait, and for two with the sink. */
static inline void init(struct rig *rig)
{
    rig_init(rig);
    rig->source_can = RIG_REDIS;
    rig->options.buffer_messages = 2;
    rig->sink_limit = 2;
    rig->store = fake_store_new(&rig->pump);
}

static inline void fini(struct rig *rig)
{
    struct fake_store *store = rig->store;

    rig_fini(rig);
    fake_store_free(store);
}

static inline void run_durable(struct rig *rig)
{
    init(rig);
    rig->options.durability = DURABILITY_DISK;
    rig->options.buffer_messages = 10;
    rig->sink_limit = 10;
    rig->store->holds_durable = true;
    rig_run(rig);
}

static inline void expect_waiting(const struct rig *rig, uint64_t buffered, uint64_t spooled)
{
    assert_int_equal(rig_books(rig)->buffered, buffered);
    assert_int_equal(rig_books(rig)->spooled, spooled);
}

static inline void expect_stored(struct rig *rig, const char *bodies)
{
    assert_string_equal(fake_store_text(rig->store), bodies);
}

static inline void expect_forgot(struct rig *rig, const char *bodies)
{
    assert_string_equal(strbuf_text(&rig->store->forgot), bodies);
    strbuf_reset(&rig->store->forgot);
}

#endif
