/* Do two links on one loop each rest for as long as their owners allow, and does one turn serve
 * both where they end together? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/moderation.h"
#include "net_rig.h"

enum { TRIES = 30 }; /* a machine that is busy with others may take its time, but not every time */

/* A link and what its owner allows. */
struct end {
    struct net_rig rig;
    uint64_t rest_us;
    unsigned turn; /* in which it showed something last, by end_turn() */
};

struct pair {
    struct end ends[2];
    unsigned turns;
};

static size_t end_on_data(struct net_rig *rig, const uint8_t *data, size_t len)
{
    const struct end *end = rig->ctx;

    (void)data;
    loop_allow_rest(rig->loop, end->rest_us);
    return len;
}

static void end_begin(struct end *end, uint64_t rest_us, struct loop *loop)
{
    end->rest_us = rest_us;
    net_rig_init(&end->rig);
    if (loop != NULL) {
        loop_free(end->rig.loop);
        end->rig.loop = loop;
    }
    end->rig.on_data = end_on_data;
    end->rig.ctx = end;
    net_rig_run(&end->rig);
}

static void pair_begin(struct pair *pair, uint64_t first_us, uint64_t second_us)
{
    *pair = (struct pair){.turns = 0};
    end_begin(&pair->ends[0], first_us, NULL);
    end_begin(&pair->ends[1], second_us, pair->ends[0].rig.loop);
}

static void pair_end(struct pair *pair)
{
    pair->ends[1].rig.loop = NULL; /* that of the first */
    net_rig_fini(&pair->ends[1].rig);
    net_rig_fini(&pair->ends[0].rig);
}

static void pair_turn(struct pair *pair)
{
    size_t before[2] = {pair->ends[0].rig.in.len, pair->ends[1].rig.in.len};

    pair->turns++;
    net_rig_turn(&pair->ends[0].rig, NET_RIG_DEADLINE_US);
    for (int i = 0; i < 2; i++) {
        if (pair->ends[i].rig.in.len > before[i]) {
            pair->ends[i].turn = pair->turns;
        }
    }
}

/* Both peers write, and the loop turns until both links have shown it. */
static void pair_write(struct pair *pair)
{
    size_t wanted[2] = {pair->ends[0].rig.in.len + 1, pair->ends[1].rig.in.len + 1};
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    net_rig_peer_write(&pair->ends[0].rig, "x", 1);
    net_rig_peer_write(&pair->ends[1].rig, "y", 1);
    while (pair->ends[0].rig.in.len < wanted[0] || pair->ends[1].rig.in.len < wanted[1]) {
        assert_true(clock_monotonic_us() < end);
        pair_turn(pair);
    }
}

static void test_one_turn_serves_both(void **state)
{
    struct pair pair;
    bool together = false;

    (void)state;
    pair_begin(&pair, MODERATION_LONGEST_US, MODERATION_LONGEST_US);
    for (int i = 0; i < TRIES && !together; i++) {
        net_rig_idle(&pair.ends[0].rig); /* none rests, so that both are read at once, */
        pair_write(&pair);               /* and then rest, as a rule in the same 8 ms */
        pair_write(&pair);
        together = pair.ends[0].turn == pair.ends[1].turn;
    }
    assert_true(together);
    pair_end(&pair);
}

/* `longer` rests first: the timer is set for its end when the other's rest begins. */
static void check_order(int longer)
{
    const uint64_t rests_us[2] = {MODERATION_LONGEST_US, MODERATION_UNIT_US};
    struct pair pair;
    bool before = false;

    pair_begin(&pair, rests_us[longer], rests_us[1 - longer]);
    for (int i = 0; i < TRIES && !before; i++) {
        size_t wanted = pair.ends[0].rig.in.len + 1;

        net_rig_peer_write(&pair.ends[longer].rig, "a", 1);
        net_rig_wait_in(&pair.ends[longer].rig, wanted);
        net_rig_peer_write(&pair.ends[1 - longer].rig, "b", 1);
        net_rig_wait_in(&pair.ends[1 - longer].rig, wanted);
        pair_write(&pair);
        before = pair.ends[1 - longer].turn < pair.ends[longer].turn;
    }
    assert_true(before);
    pair_end(&pair);
}

static void test_a_shorter_rest_ends_before_a_longer_one(void **state)
{
    (void)state;
    check_order(0);
    check_order(1);
}

static void test_one_goes_while_both_rest(void **state)
{
    struct pair pair;

    (void)state;
    pair_begin(&pair, MODERATION_LONGEST_US, MODERATION_LONGEST_US);
    pair_write(&pair);
    link_free(pair.ends[0].rig.link);
    pair.ends[0].rig.link = NULL;
    net_rig_peer_write(&pair.ends[1].rig, "z", 1);
    net_rig_wait_in(&pair.ends[1].rig, 2);
    pair_end(&pair);
}

/* The read at the end of the one's rest closes the other, whose rest is over too. */
static size_t close_other(struct net_rig *rig, const uint8_t *data, size_t len)
{
    struct net_rig *other = rig->peer_ctx;

    if (link_is_up(other->link)) {
        link_close(other->link);
    }
    return end_on_data(rig, data, len);
}

static void test_one_closes_the_other_while_both_rest(void **state)
{
    struct pair pair;
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    (void)state;
    pair_begin(&pair, MODERATION_LONGEST_US, MODERATION_LONGEST_US);
    pair_write(&pair);
    for (int i = 0; i < 2; i++) {
        pair.ends[i].rig.on_data = close_other;
        pair.ends[i].rig.peer_ctx = &pair.ends[1 - i].rig;
        net_rig_peer_write(&pair.ends[i].rig, "z", 1);
    }
    while (pair.ends[0].rig.in.len + pair.ends[1].rig.in.len < 3) {
        assert_true(clock_monotonic_us() < end);
        pair_turn(&pair);
    }
    net_rig_idle(&pair.ends[0].rig);
    assert_int_equal(pair.ends[0].rig.in.len + pair.ends[1].rig.in.len, 3);
    assert_true(link_is_up(pair.ends[0].rig.link) != link_is_up(pair.ends[1].rig.link));
    pair_end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_turn_serves_both),
        cmocka_unit_test(test_a_shorter_rest_ends_before_a_longer_one),
        cmocka_unit_test(test_one_goes_while_both_rest),
        cmocka_unit_test(test_one_closes_the_other_while_both_rest),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("link_rest_pair", tests, NULL, NULL);
}
