/* Does redis/ survive an allocation that fails, wherever it does: nothing crashes, nothing leaks,
 * everything heals? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "alloc.h"
#include "endpoint_watch.h"
#include "redis/hub.h"
#include "redis_bed.h"

enum { TURNS = 14, ALLOCATIONS_A_TURN = 12 };

static unsigned lost; /* messages that the source had no memory for, and said so */

static struct source *make_source(struct redis_bed *bed, bool dedicated)
{
    static const char *names[] = {"a", "b", "c"};
    struct conf_source conf = {.kind = CONF_SOURCE_CHANNEL, .names = {names, 3}};

    return redis_source_new(bed->hub, &conf, "orders", dedicated);
}

static struct sink *make_sink(struct redis_bed *bed)
{
    struct conf_sink conf = {.kind = CONF_SINK_CHANNEL};
    struct bridge_options options = {.ack_mode = ACK_ON_CONFIRM, .min_subscribers = 1};

    return redis_sink_new(bed->hub, &conf, &options);
}

static void open_bed(struct redis_bed *bed)
{
    struct redis_peer *peer = redis_peer_new();

    redis_bed_init(bed, peer, redis_peer_port(peer));
}

/* Makes everything with the allocation `number` failing; false: so many are not made. */
static bool make_with_failure(unsigned number)
{
    struct redis_bed bed;
    struct err err = {""};
    struct source *shared = NULL, *dedicated = NULL;
    struct sink *sink = NULL;
    bool failed;

    open_bed(&bed);
    bed.conf.canary_us = 1000000;
    alloc_fail_after(number);
    bed.hub = redis_hub_new(bed.loop, &bed.conf, "gw", &bed.rand, &err);
    if (bed.hub != NULL) {
        redis_hub_start(bed.hub);
        shared = make_source(&bed, false);
        dedicated = make_source(&bed, true);
        sink = make_sink(&bed);
    }
    failed = alloc_fail_stop();
    if (!failed) {
        assert_non_null(shared);
        assert_non_null(dedicated);
        assert_non_null(sink);
    } else if (bed.hub == NULL) {
        assert_string_equal(err.text, "out of memory");
    }
    if (shared != NULL) {
        shared->ops->free(shared);
    }
    if (dedicated != NULL) {
        dedicated->ops->free(dedicated);
    }
    if (sink != NULL) {
        sink->ops->free(sink);
    }
    redis_bed_fini(&bed);
    return failed;
}

static void making_fails_cleanly(void **state)
{
    unsigned number = 0;

    (void)state;
    while (make_with_failure(number)) {
        number++;
    }
    assert_in_range(number, 20, 1000);
}

/* The life of a source and a sink, with one allocation failing in turn `turn`. */
static bool live_with_failure(unsigned turn, unsigned number)
{
    struct redis_bed bed;
    struct source_watch source;
    struct sink_watch sink;
    bool failed = false;
    unsigned i;

    open_bed(&bed);
    redis_bed_make_hub(&bed);
    source_watch_init(&source, make_source(&bed, false));
    sink_watch_init(&sink, make_sink(&bed));
    redis_hub_start(bed.hub);
    source_watch_start(&source);
    sink_watch_start(&sink);
    for (i = 0; i < TURNS; i++) {
        if (sink.ready) {
            sink_watch_send(&sink, SLICE("a"), SLICE("x"));
        }
        if (source.ready) {
            redis_peer_push_message(bed.peer, SLICE("a"), SLICE("x"));
        }
        redis_peer_poll(bed.peer);
        if (i == turn) {
            alloc_fail_after(number);
        }
        loop_turn(bed.loop, 500);
        failed |= alloc_fail_stop();
    }
    lost += source.lost;
    redis_bed_wait(&bed, source.ready && sink.ready && sink.back == sink.sent);
    assert_int_equal(sink_watch_send(&sink, SLICE("a"), SLICE("y")), SINK_TAKEN);
    redis_bed_wait(&bed, sink.back == sink.sent);
    source_watch_stop(&source);
    sink_watch_stop(&sink, false);
    redis_bed_wait(&bed, source.stopped == 1 && sink.stopped == 1);
    source_watch_free(&source);
    sink_watch_free(&sink);
    redis_bed_fini(&bed);
    return failed;
}

static void a_failure_at_work_heals(void **state)
{
    unsigned turn, number, failures = 0;

    (void)state;
    for (turn = 0; turn < TURNS; turn++) {
        for (number = 0; number < ALLOCATIONS_A_TURN; number++) {
            if (!live_with_failure(turn, number)) {
                break;
            }
            failures++;
        }
    }
    assert_in_range(failures, TURNS, TURNS * ALLOCATIONS_A_TURN);
    assert_true(lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_fails_cleanly),
        cmocka_unit_test(a_failure_at_work_heals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
