/* Helpers of the tests of dead letters. */
#ifndef CHUNNELD_TESTS_UNIT_BRIDGE_DEAD_RIG_H
#define CHUNNELD_TESTS_UNIT_BRIDGE_DEAD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

enum { ONE_SIZE = sizeof(struct delivery) + 1 };

static inline void init(struct rig *rig, unsigned source_can)
{
    rig_init(rig);
    rig->with_dead = true;
    rig->source_can = source_can;
}

/* A message that its sink refused, in the dead letter sink's hands if that is up. */
static inline void refuse(struct rig *rig, unsigned number)
{
    rig_give(rig, number, number);
    rig_answer(rig, number, OUTCOME_REFUSED, "404 NOT_FOUND");
}

static inline void expect_dead(struct rig *rig, const char *bodies)
{
    assert_string_equal(strbuf_text(&rig->dead->sent), bodies);
    strbuf_reset(&rig->dead->sent);
}

static inline void expect_headers(const struct rig *rig, const char *headers)
{
    assert_string_equal(rig->dead->last_headers, headers);
}

#endif
