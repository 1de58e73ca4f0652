/* Tens of thousands of random steps: does every request get one answer or one error, and no
 * other's, with the books right after every event?
 *
 * The world outside is modelled here: askers, each with an address of its own for every request,
 * workers that answer late, twice, or what nobody asked, sinks that refuse, links that come and go,
 * a clock. */
#include "rpc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REQUESTS = 4000, STEPS = 12000 };

struct world {
    struct rpc_rig rig;
    struct rand rand;
    char names[REQUESTS][16];   /* addresses */
    unsigned answers[REQUESTS]; /* given, confirmed or not */
    unsigned errors[REQUESTS];  /* likewise */
    size_t count;
};

static bool chance(struct world *world, unsigned percent)
{
    return rand_below(&world->rand, 100) < percent;
}

static void on_given(void *ctx, const char *to, bool error)
{
    struct world *world = ctx;
    size_t number = strtoul(to + 1, NULL, 10);

    assert_in_range(number, 0, world->count - 1);
    if (error) {
        world->errors[number]++;
    } else {
        world->answers[number]++;
    }
}

static void ask(struct world *world)
{
    if (world->count < REQUESTS) {
        char *name = world->names[world->count];

        snprintf(name, sizeof(world->names[0]), "a%zu", world->count);
        world->count++;
        rpc_rig_ask(&world->rig, chance(world, 98) ? name : NULL, "1", "x");
    }
}

static void reply(struct world *world)
{
    size_t asked = world->rig.asked;
    size_t recent = asked < 50 ? asked : 50;

    if (!world->rig.replies->ready) {
        return;
    }
    if (asked == 0 || chance(world, 5)) {
        rpc_rig_reply_as(&world->rig, "0123456789abcdef-0123456789abcdef", "y");
    } else {
        rpc_rig_reply(&world->rig, asked - 1 - rand_below(&world->rand, recent), "y");
    }
}

/* The asking or the answering sink says something of its oldest. */
static void settle_one(struct world *world, struct fake_sink *sink)
{
    static const enum outcome outcomes[] = {OUTCOME_RETRY,   OUTCOME_UNROUTABLE,
                                            OUTCOME_REFUSED, OUTCOME_TOO_LARGE,
                                            OUTCOME_LOST,    OUTCOME_NO_SUBSCRIBERS};
    enum outcome outcome = OUTCOME_DELIVERED;

    if (sink->in_flight_count > 0) {
        if (chance(world, 10)) {
            outcome = outcomes[rand_below(&world->rand, sizeof(outcomes) / sizeof(outcomes[0]))];
        }
        fake_sink_answer_first(sink, outcome, "words");
        rpc_rig_settle(&world->rig);
    }
}

/* Links are mostly up. */
static enum endpoint_link next_link(struct world *world, bool ready)
{
    return ready && chance(world, 20) ? ENDPOINT_WAITING : ENDPOINT_READY;
}

static void change_sink(struct world *world, struct fake_sink *sink)
{
    enum endpoint_link link = next_link(world, sink->ready);

    if (sink->ready != (link == ENDPOINT_READY)) {
        fake_sink_link(sink, link, "words");
        rpc_rig_settle(&world->rig);
    }
}

static void change_source(struct world *world, struct fake_source *source)
{
    enum endpoint_link link = next_link(world, source->ready);

    if (source->ready != (link == ENDPOINT_READY)) {
        fake_source_link(source, link, "words");
        rpc_rig_settle(&world->rig);
    }
}

static void step(struct world *world)
{
    struct rpc_rig *rig = &world->rig;
    unsigned dice = (unsigned)rand_below(&world->rand, 100);

    if (dice < 20) {
        ask(world);
    } else if (dice < 50) {
        reply(world);
    } else if (dice < 65) {
        settle_one(world, rig->ask);
    } else if (dice < 85) {
        settle_one(world, rig->answer);
    } else if (dice < 92) {
        rpc_rig_advance(rig, rand_below(&world->rand, RPC_RIG_TIMEOUT_US / 4));
    } else if (dice < 94) {
        change_sink(world, rig->ask);
    } else if (dice < 96) {
        change_sink(world, rig->answer);
    } else if (dice < 98) {
        change_source(world, rig->replies);
    } else if (dice < 99) {
        rig->answer->limit = rand_below(&world->rand, 20);
        fake_sink_unblock(rig->answer);
        rpc_rig_settle(rig);
    } else {
        rig->ask->limit = rand_below(&world->rand, 20);
        fake_sink_unblock(rig->ask);
        rpc_rig_settle(rig);
    }
}

/* All links good, all time over, all confirmed: nothing may be left. */
static void bring_to_rest(struct world *world)
{
    struct rpc_rig *rig = &world->rig;

    rig->ask->limit = rig->answer->limit = 100000;
    fake_sink_link(rig->ask, ENDPOINT_READY, NULL);
    fake_sink_link(rig->answer, ENDPOINT_READY, NULL);
    fake_source_link(rig->replies, ENDPOINT_READY, NULL);
    rpc_rig_settle(rig);
    for (int i = 0; i < 4; i++) {
        rpc_rig_advance(rig, RPC_RIG_TIMEOUT_US);
        while (rig->ask->in_flight_count > 0) {
            rpc_rig_asked(rig, OUTCOME_DELIVERED, NULL);
        }
        while (rig->answer->in_flight_count > 0) {
            rpc_rig_confirm(rig, OUTCOME_DELIVERED, NULL);
        }
    }
}

static void check(const struct world *world)
{
    const struct bridge_counters *books = rpc_rig_books(&world->rig);
    const struct rpc_counters *calls = rpc_rig_calls(&world->rig);
    size_t answered = 0;

    assert_int_equal(books->received, world->count);
    assert_int_equal(bridge_counters_pending(books), 0);
    assert_int_equal(calls->calls, 0);
    assert_int_equal(books->delivered, calls->answers);
    assert_int_equal(books->dropped, calls->errors + calls->gone + calls->unanswerable);
    for (size_t i = 0; i < world->count; i++) {
        answered += world->answers[i] + world->errors[i] > 0;
    }
    assert_int_equal(answered, world->count - calls->unanswerable);
}

static void add(struct rpc_counters *sum, const struct rpc_counters *calls)
{
    sum->answers += calls->answers;
    sum->errors += calls->errors;
    sum->timeouts += calls->timeouts;
    sum->nobody += calls->nobody;
    sum->overload += calls->overload;
    sum->lost += calls->lost;
    sum->gone += calls->gone;
    sum->late += calls->late;
    sum->duplicate += calls->duplicate;
    sum->unknown += calls->unknown;
}

/* All of it has happened. */
static void check_sum(const struct rpc_counters *sum)
{
    assert_int_not_equal(sum->answers, 0);
    assert_int_not_equal(sum->errors, 0);
    assert_int_not_equal(sum->timeouts, 0);
    assert_int_not_equal(sum->nobody, 0);
    assert_int_not_equal(sum->overload, 0);
    assert_int_not_equal(sum->lost, 0);
    assert_int_not_equal(sum->gone, 0);
    assert_int_not_equal(sum->late, 0);
    assert_int_not_equal(sum->duplicate, 0);
    assert_int_not_equal(sum->unknown, 0);
}

static void run_once(uint64_t seed, bool asks_redis, struct rpc_counters *sum)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    rand_init_seed(&world->rand, seed);
    rpc_rig_init(&world->rig);
    world->rig.asks_redis = asks_redis;
    world->rig.max_calls = 20;
    rpc_rig_run(&world->rig);
    world->rig.on_given = on_given;
    world->rig.ctx = world;
    for (int i = 0; i < STEPS; i++) {
        step(world);
    }
    bring_to_rest(world);
    check(world);
    add(sum, rpc_rig_calls(&world->rig));
    rpc_rig_fini(&world->rig);
    free(world);
}

static void test_calls_to_redis(void **state)
{
    struct rpc_counters sum = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_once(seed, true, &sum);
    }
    check_sum(&sum);
}

static void test_calls_to_amqp(void **state)
{
    struct rpc_counters sum = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_once(seed, false, &sum);
    }
    check_sum(&sum);
}

/* Stopped in the middle, every request is somewhere: answered, given back, or counted. */
static void test_stop_in_the_middle(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *world = calloc(1, sizeof(*world));

        assert_non_null(world);
        rand_init_seed(&world->rand, seed);
        rpc_rig_init(&world->rig);
        world->rig.asks_redis = seed % 2 == 0;
        world->rig.max_calls = 20;
        rpc_rig_run(&world->rig);
        world->rig.on_given = on_given;
        world->rig.ctx = world;
        for (unsigned i = 0; i < 20 * seed; i++) {
            step(world);
        }
        if (chance(world, 50)) {
            bridge_stop(world->rig.bridge);
            rpc_rig_settle(&world->rig);
        }
        rpc_rig_fini(&world->rig);
        free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_to_redis),
        cmocka_unit_test(test_calls_to_amqp),
        cmocka_unit_test(test_stop_in_the_middle),
    };

    return cmocka_run_group_tests_name("rpc_model", tests, NULL, NULL);
}
