/* Is a link left unread for as long as its owner allows, is nothing else held up by that, and may
 * anything be done with the link meanwhile? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/moderation.h"
#include "net_rig.h"

enum { SHOWS_MAX = 64 };

/* What the owner says of each read, and when it was shown what. */
struct owner {
    uint64_t rest_us;  /* allowed */
    uint64_t least_us; /* allowed too, in the same read; UINT64_MAX: not said */
    bool says_nothing;
    uint64_t shown_us[SHOWS_MAX];
};

static size_t owner_on_data(struct net_rig *rig, const uint8_t *data, size_t len)
{
    struct owner *owner = rig->ctx;

    (void)data;
    assert_in_range(rig->shows, 1, SHOWS_MAX);
    owner->shown_us[rig->shows - 1] = loop_now_us(rig->loop);
    if (!owner->says_nothing) {
        loop_allow_rest(rig->loop, owner->rest_us);
        loop_allow_rest(rig->loop, owner->least_us);
    }
    return len;
}

static void begin(struct net_rig *rig, struct owner *owner, uint64_t rest_us)
{
    *owner = (struct owner){.rest_us = rest_us, .least_us = UINT64_MAX};
    net_rig_init(rig);
    rig->on_data = owner_on_data;
    rig->ctx = owner;
    net_rig_run(rig);
}

/* The first read, which is followed by a rest. */
static void begin_resting(struct net_rig *rig, struct owner *owner)
{
    begin(rig, owner, MODERATION_LONGEST_US);
    net_rig_peer_write(rig, "a", 1);
    net_rig_wait_in(rig, 1);
}

/* The peer writes `times` bytes, each as soon as the one before was shown. */
static void write_one_by_one(struct net_rig *rig, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        size_t before = rig->in.len;

        net_rig_peer_write(rig, "x", 1);
        net_rig_wait_in(rig, before + 1);
    }
}

static void test_nothing_is_read_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin(&rig, &owner, MODERATION_LONGEST_US);
    write_one_by_one(&rig, 10);
    for (int i = 1; i < 10; i++) {
        assert_true(owner.shown_us[i] / MODERATION_LONGEST_US >
                    owner.shown_us[i - 1] / MODERATION_LONGEST_US);
    }
    net_rig_fini(&rig);
}

/* Whatever a rest holds up has come after this. */
static void outlast_a_rest(struct net_rig *rig)
{
    loop_turn(rig->loop, 3 * MODERATION_LONGEST_US);
    net_rig_idle(rig);
}

/* Reads without a rest in between; `elsewhere`: one is allowed before, by somebody else. A machine
 * that is busy with others may take its time, but not every time. */
static void expect_no_rest(struct net_rig *rig, bool elsewhere)
{
    bool soon = false;

    for (int i = 0; i < 30 && !soon; i++) {
        uint64_t begun;

        if (elsewhere) {
            loop_allow_rest(rig->loop, MODERATION_LONGEST_US);
        }
        begun = loop_touch(rig->loop);
        write_one_by_one(rig, 2);
        soon = loop_touch(rig->loop) - begun < MODERATION_UNIT_US;
    }
    assert_true(soon);
}

static void test_the_least_that_is_allowed_counts(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin(&rig, &owner, MODERATION_LONGEST_US);
    owner.least_us = 0;
    expect_no_rest(&rig, false);
    net_rig_fini(&rig);
}

static void test_without_a_word_there_is_no_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin(&rig, &owner, 0);
    owner.says_nothing = true;
    expect_no_rest(&rig, true);
    net_rig_fini(&rig);
}

static void count(void *ctx)
{
    unsigned *runs = ctx;

    (*runs)++;
}

static void test_timers_and_writes_go_on(void **state)
{
    struct net_rig rig;
    struct owner owner;
    struct loop_timer timer;
    unsigned runs = 0;
    bool meanwhile = false;

    (void)state;
    begin(&rig, &owner, MODERATION_LONGEST_US);
    assert_int_equal(loop_timer_init(&timer, rig.loop, count, &runs), 0);
    for (int i = 0; i < 30 && !meanwhile; i++) {
        size_t before = rig.in.len;
        unsigned shows;

        net_rig_peer_write(&rig, "a", 1);
        net_rig_wait_in(&rig, before + 1);
        shows = rig.shows;
        net_rig_peer_write(&rig, "b", 1);
        runs = 0;
        loop_timer_set(&timer, 0);
        net_rig_write(&rig, "c", 1);
        net_rig_peer_expect(&rig, "c", 1);
        meanwhile = runs == 1 && rig.shows == shows;
        net_rig_wait_in(&rig, before + 2);
    }
    assert_true(meanwhile);
    loop_timer_fini(&timer);
    net_rig_fini(&rig);
}

static void test_paused_and_resumed_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin_resting(&rig, &owner);
    link_pause_reading(rig.link);
    net_rig_peer_write(&rig, "b", 1);
    outlast_a_rest(&rig);
    assert_int_equal(rig.in.len, 1); /* the end of the rest does not end the pause */
    link_resume_reading(rig.link);
    net_rig_wait_in(&rig, 2);
    link_resume_reading(rig.link); /* legal always */
    net_rig_peer_write(&rig, "c", 1);
    net_rig_wait_in(&rig, 3);
    net_rig_fini(&rig);
}

static size_t pause_on_data(struct net_rig *rig, const uint8_t *data, size_t len)
{
    link_pause_reading(rig->link);
    return owner_on_data(rig, data, len);
}

static void test_paused_by_the_read_itself(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin(&rig, &owner, MODERATION_LONGEST_US);
    rig.on_data = pause_on_data;
    net_rig_peer_write(&rig, "a", 1);
    net_rig_wait_in(&rig, 1);
    net_rig_peer_write(&rig, "b", 1);
    outlast_a_rest(&rig);
    assert_int_equal(rig.in.len, 1);
    link_resume_reading(rig.link);
    net_rig_wait_in(&rig, 2);
    net_rig_fini(&rig);
}

static void test_the_end_is_noticed_after_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin_resting(&rig, &owner);
    net_rig_peer_write(&rig, "b", 1);
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_int_equal(rig.in.len, 2); /* all of it came before */
    assert_string_equal(rig.why, "closed by the peer");
    net_rig_fini(&rig);
}

static void test_closed_and_connected_anew_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin_resting(&rig, &owner);
    net_rig_close(&rig);
    net_rig_close_peer(&rig);
    outlast_a_rest(&rig);
    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_accept(&rig);
    net_rig_peer_write(&rig, "b", 1);
    net_rig_wait_in(&rig, 2);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

static void test_closed_after_a_flush_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin_resting(&rig, &owner);
    net_rig_peer_write(&rig, "b", 1);
    net_rig_write(&rig, "bye", 3);
    link_close_after_flush(rig.link, NET_RIG_DEADLINE_US);
    net_rig_peer_expect(&rig, "bye", 3);
    net_rig_peer_expect_end(&rig);
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_int_equal(rig.in.len, 1); /* what still came was thrown away */
    net_rig_fini(&rig);
}

static size_t close_on_data(struct net_rig *rig, const uint8_t *data, size_t len)
{
    link_close(rig->link);
    return owner_on_data(rig, data, len);
}

static void test_closed_by_the_read_itself(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin(&rig, &owner, MODERATION_LONGEST_US);
    rig.on_data = close_on_data;
    net_rig_peer_write(&rig, "a", 1);
    net_rig_wait_in(&rig, 1);
    outlast_a_rest(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

static void test_freed_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;

    (void)state;
    begin_resting(&rig, &owner);
    link_free(rig.link);
    rig.link = NULL;
    loop_turn(rig.loop, 3 * MODERATION_LONGEST_US);
    net_rig_fini(&rig);
}

static void stop(void *ctx)
{
    loop_stop(ctx);
}

static void test_the_loop_stops_during_a_rest(void **state)
{
    struct net_rig rig;
    struct owner owner;
    struct loop_task task;

    (void)state;
    begin_resting(&rig, &owner);
    net_rig_peer_write(&rig, "b", 1);
    loop_task_init(&task, stop, rig.loop);
    loop_defer(rig.loop, &task);
    loop_run(rig.loop);
    net_rig_wait_in(&rig, 2); /* where the loop goes on the rest ends */
    loop_defer(rig.loop, &task);
    loop_run(rig.loop);
    net_rig_fini(&rig); /* and where it does not it is no harm */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_read_during_a_rest),
        cmocka_unit_test(test_the_least_that_is_allowed_counts),
        cmocka_unit_test(test_without_a_word_there_is_no_rest),
        cmocka_unit_test(test_timers_and_writes_go_on),
        cmocka_unit_test(test_paused_and_resumed_during_a_rest),
        cmocka_unit_test(test_paused_by_the_read_itself),
        cmocka_unit_test(test_the_end_is_noticed_after_a_rest),
        cmocka_unit_test(test_closed_and_connected_anew_during_a_rest),
        cmocka_unit_test(test_closed_after_a_flush_during_a_rest),
        cmocka_unit_test(test_closed_by_the_read_itself),
        cmocka_unit_test(test_freed_during_a_rest),
        cmocka_unit_test(test_the_loop_stops_during_a_rest),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("link_rest", tests, NULL, NULL);
}
