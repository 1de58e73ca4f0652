/* A hundred thousand random steps: does every message that a bridge takes in end exactly once, in
 * order where nothing was lost, within the limits, and with the books right after every event?
 *
 * The world outside the bridge is modelled here: a queue that gives again what it has back, a sink
 * that answers in any order, links that come and go, an operator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

enum {
    STEPS = 4000, /* of one run */
    MESSAGES_MOST = 20000,
    PADDING_MOST = 300, /* bytes of a body behind its number */
};

/* Where a message is, as its queue or channel sees it. */
enum whereabouts {
    NOT_GIVEN, /* or given back: to be given again */
    OUT,       /* with the bridge */
    DONE,      /* acknowledged, or dropped */
};

struct message {
    enum whereabouts where;
    uint32_t epoch;     /* of the giving that counts */
    unsigned delivered; /* times the sink's far side has taken it */
    unsigned given_up;  /* answers after which it is dropped */
};

struct world {
    struct rig rig;
    struct rand rand;
    struct message messages[MESSAGES_MOST + 1]; /* by number */
    unsigned last_number;                       /* given at least once */
    unsigned again[MESSAGES_MOST * 4];          /* numbers to be given again */
    size_t again_count;
    uint64_t held_bytes; /* of what the bridge has */
    uint64_t last_wishes;
    bool held_back; /* a back-off is under way */
    bool woken;     /* its time has come */
    bool stopping;
};

static unsigned number_of(const struct delivery *delivery)
{
    return (unsigned)strtoul(delivery->body.data, NULL, 10);
}

static bool chance(struct world *world, unsigned percent)
{
    return rand_below(&world->rand, 100) < percent;
}

/* By a policy of the rule, or by a stop that has no more time and no queue to give it back to. */
static bool can_lose(const struct world *world)
{
    return world->rig.options.when_full != FULL_PAUSE ||
           (world->stopping && world->rig.source_can == RIG_REDIS);
}

static void give_back(struct world *world, unsigned number)
{
    world->messages[number].where = NOT_GIVEN;
    assert_true(world->again_count < sizeof(world->again) / sizeof(world->again[0]));
    world->again[world->again_count++] = number;
}

/* What the bridge says of a message is what the world will do with it. */
static void on_settle(void *ctx, const struct delivery *delivery, enum settlement how)
{
    struct world *world = ctx;
    struct message *message = &world->messages[number_of(delivery)];
    bool redelivers = world->rig.source_can == RIG_AMQP;

    world->held_bytes -= delivery->size;
    if (redelivers && delivery->epoch != world->rig.source->source.epoch) {
        return; /* stale: the queue has it back since the link was lost */
    }
    assert_int_equal(message->where, OUT);
    assert_int_equal(message->epoch, delivery->epoch);
    if (how == SETTLE_REQUEUE) {
        assert_true(redelivers);
        give_back(world, number_of(delivery));
        return;
    }
    assert_int_equal(how, redelivers || !world->stopping ? SETTLE_ACK : how);
    message->where = DONE;
    assert_true(message->delivered > 0 || message->given_up > 0 || can_lose(world));
}

/* The order: what is sent is the oldest of all that waits, and in a back-off nothing is. */
static void on_take(void *ctx, const struct delivery *delivery)
{
    struct world *world = ctx;
    const struct fake_source *source = world->rig.source;
    const struct delivery *out;
    size_t older = 0; /* not settled, and given before it */
    size_t older_out = 0;

    for (size_t tag = delivery->tag - 1; tag > 0 && delivery->tag - tag < 2000; tag--) {
        older += !source->given[tag - 1].settled;
    }
    TAILQ_FOREACH(out, &world->rig.sink->in_flight, link) {
        older_out += out->tag < delivery->tag;
    }
    assert_int_equal(older, older_out);
    if (world->held_back) {
        assert_true(world->woken);
        assert_int_equal(world->rig.sink->in_flight_count, 1); /* this one */
        world->held_back = false;
    }
}

static void after_event(void *ctx)
{
    struct world *world = ctx;
    const struct bridge_options *options = &world->rig.options;

    rig_check_books(&world->rig);
    if (world->rig.wishes != world->last_wishes) {
        world->last_wishes = world->rig.wishes;
        world->held_back = true;
        world->woken = false;
    }
    if (options->when_full != FULL_PAUSE) {
        /* what comes back from the sink waits beside what filled the buffer meanwhile */
        assert_in_range(rig_books(&world->rig)->buffered, 0,
                        options->buffer_messages + world->rig.sink_limit);
        assert_in_range(world->held_bytes, 0, options->buffer_memory);
    }
}

static void give(struct world *world)
{
    char body[PADDING_MOST + 16];
    int padding = (int)rand_below(&world->rand, PADDING_MOST);
    uint64_t waited;
    unsigned number;

    if (!world->rig.source->ready || world->rig.source->stopped) {
        return;
    }
    if (world->rig.source->paused && !chance(world, 5)) {
        return; /* a few come nevertheless */
    }
    if (world->again_count > 0) {
        number = world->again[--world->again_count];
    } else {
        number = ++world->last_number;
        assert_true(number <= MESSAGES_MOST);
    }
    snprintf(body, sizeof(body), "%u %*s", number, padding, "");
    world->messages[number].where = OUT;
    world->messages[number].epoch = world->rig.source->source.epoch;
    world->held_bytes += sizeof(struct delivery) + strlen(body);
    if (chance(world, 2)) {
        world->rig.sink->says = chance(world, 50) ? SINK_TOO_LARGE : SINK_REFUSED;
        world->messages[number].given_up++; /* if it is offered just now */
    }
    waited = rig_books(&world->rig)->buffered;
    fake_source_give(world->rig.source, body, NULL);
    if (world->rig.options.when_full != FULL_PAUSE && waited < rig_books(&world->rig)->buffered) {
        assert_in_range(waited + 1, 1, world->rig.options.buffer_messages);
    }
    world->rig.sink->says = SINK_TAKEN;
}

static void answer(struct world *world, enum outcome outcome)
{
    struct fake_sink *sink = world->rig.sink;
    struct delivery *delivery = TAILQ_FIRST(&sink->in_flight);
    uint64_t skip = rand_below(&world->rand, 4);
    struct message *message;
    char body[PADDING_MOST + 16];

    for (; delivery != NULL && skip > 0; skip--) {
        delivery = TAILQ_NEXT(delivery, link);
    }
    if (delivery == NULL) {
        return;
    }
    message = &world->messages[number_of(delivery)];
    if (outcome == OUTCOME_DELIVERED || outcome == OUTCOME_NO_SUBSCRIBERS) {
        message->delivered++;
    } else {
        message->given_up++; /* or tried again */
    }
    snprintf(body, sizeof(body), "%.*s", (int)delivery->body.len, delivery->body.data);
    fake_sink_answer(sink, body, outcome, "no");
}

static void answer_somehow(struct world *world)
{
    static const enum outcome others[] = {OUTCOME_RETRY,      OUTCOME_RETRY,
                                          OUTCOME_UNROUTABLE, OUTCOME_REFUSED,
                                          OUTCOME_TOO_LARGE,  OUTCOME_NO_SUBSCRIBERS};

    if (chance(world, 95)) {
        answer(world, OUTCOME_DELIVERED);
    } else {
        answer(world, others[rand_below(&world->rand, sizeof(others) / sizeof(others[0]))]);
    }
}

static void flip_source(struct world *world)
{
    struct fake_source *source = world->rig.source;

    if (!source->ready || source->stopped) {
        fake_source_link(source, ENDPOINT_READY, NULL);
        return;
    }
    if (world->rig.source_can == RIG_AMQP) {
        for (unsigned number = 1; number <= world->last_number; number++) {
            if (world->messages[number].where == OUT) {
                give_back(world, number);
            }
        }
    }
    fake_source_link(source, ENDPOINT_WAITING, "source lost");
}

static void flip_sink(struct world *world)
{
    if (world->rig.sink->ready) {
        fake_sink_link(world->rig.sink, ENDPOINT_WAITING, "sink lost");
    } else {
        fake_sink_link(world->rig.sink, ENDPOINT_READY, NULL);
    }
}

static void pass_time(struct world *world)
{
    struct rig *rig = &world->rig;

    rig->now_us += rand_below(&world->rand, 200000);
    rig->source->now_us = rig->now_us;
    if (rig->wake_at_us != 0 && rig->now_us >= rig->wake_at_us) {
        rig->wake_at_us = 0;
        world->woken = true;
        bridge_wake(rig->bridge);
        after_event(world);
    }
}

static void operate(struct world *world)
{
    if (chance(world, 30)) {
        bridge_pause(world->rig.bridge);
    } else {
        bridge_resume(world->rig.bridge);
    }
    after_event(world);
}

/* What goes wrong, and mostly goes right again soon. */
static void disturb(struct world *world)
{
    struct rig *rig = &world->rig;

    switch (rand_below(&world->rand, 8)) {
    case 0:
    case 1:
        if (!rig->source->ready || chance(world, 15)) {
            flip_source(world);
        }
        break;
    case 2:
    case 3:
        if (!rig->sink->ready || chance(world, 25)) {
            flip_sink(world);
        }
        break;
    case 4:
        rig->sink->blocked = chance(world, 30);
        break;
    case 5:
    case 6:
        fake_sink_unblock(rig->sink);
        break;
    default:
        operate(world);
        break;
    }
}

static void step(struct world *world)
{
    switch (rand_below(&world->rand, 16)) {
    case 0:
        disturb(world);
        break;
    case 1:
        pass_time(world);
        break;
    case 2:
    case 3:
        fake_pump_run_one(&world->rig.pump);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        answer_somehow(world);
        break;
    default:
        give(world);
        break;
    }
}

/* All is well from now on: everything that the bridge has goes out. */
static void let_it_drain(struct world *world)
{
    struct rig *rig = &world->rig;

    if (!rig->source->ready) {
        fake_source_link(rig->source, ENDPOINT_READY, NULL);
    }
    if (!rig->sink->ready) {
        fake_sink_link(rig->sink, ENDPOINT_READY, NULL);
    }
    fake_sink_unblock(rig->sink);
    bridge_resume(rig->bridge);
    for (int i = 0; i < 100000 && bridge_counters_pending(rig_books(rig)) > 0; i++) {
        fake_pump_run(&rig->pump);
        pass_time(world);
        answer(world, OUTCOME_DELIVERED);
    }
    fake_pump_run(&rig->pump);
    assert_int_equal(bridge_counters_pending(rig_books(rig)), 0);
    assert_int_equal(world->held_bytes, 0);
    assert_false(rig->source->paused);
    assert_int_equal(bridge_get_state(rig->bridge), BRIDGE_RUNNING);
}

/* Nothing taken in is forgotten: it was delivered, given up with a reason, or is with its queue. */
static void check_every_message(const struct world *world)
{
    size_t not_given = 0;

    for (unsigned number = 1; number <= world->last_number; number++) {
        assert_int_not_equal(world->messages[number].where, OUT);
        not_given += world->messages[number].where == NOT_GIVEN;
    }
    assert_int_equal(not_given, world->again_count);
    if (!can_lose(world)) {
        for (unsigned number = 1; number <= world->last_number; number++) {
            const struct message *message = &world->messages[number];

            assert_true(message->where == NOT_GIVEN || message->delivered > 0 ||
                        message->given_up > 0);
        }
    }
}

static void run_world(struct world *world, uint64_t seed, unsigned source_can,
                      enum when_full when_full)
{
    struct rig *rig = &world->rig;

    memset(world, 0, sizeof(*world));
    rig_init(rig);
    rand_init_seed(&world->rand, seed);
    rig->source_can = source_can;
    rig->sink_limit = 1 + rand_below(&world->rand, 20);
    rig->options.when_full = when_full;
    rig->options.buffer_messages = 1 + rand_below(&world->rand, 50);
    rig->options.buffer_memory = 2000 + rand_below(&world->rand, 20000);
    rig->options.retry_attempts = rand_below(&world->rand, 4);
    rig->options.on_unroutable = (enum on_unroutable)rand_below(&world->rand, 3);
    rig_start(rig);
    rig->pump.after_event = after_event;
    rig->pump.ctx = world;
    rig->source->on_settle = on_settle;
    rig->source->ctx = world;
    rig->sink->on_take = on_take;
    rig->sink->ctx = world;
    for (int i = 0; i < STEPS; i++) {
        step(world);
    }
    let_it_drain(world);
    check_every_message(world);
    assert_true(rig_books(rig)->received > 100);
}

static void end_world(struct world *world)
{
    struct rig *rig = &world->rig;

    rig->pump.after_event = NULL;
    rig->sink->on_take = NULL;
    rig->source->on_settle = NULL;
    rig_fini(rig);
}

static void run_worlds(void **state, enum when_full when_full)
{
    struct world *world = *state;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        run_world(world, seed, RIG_AMQP, when_full);
        end_world(world);
        run_world(world, 100 + seed, RIG_REDIS, when_full);
        end_world(world);
    }
}

static void test_any_order_of_events_dropping_the_newest(void **state)
{
    run_worlds(state, FULL_DROP_NEWEST);
}

static void test_any_order_of_events_dropping_the_oldest(void **state)
{
    run_worlds(state, FULL_DROP_OLDEST);
}

static void test_any_order_of_events_pausing(void **state)
{
    run_worlds(state, FULL_PAUSE);
}

/* Stops in the middle of it all; the world goes on around them. */
static void stop_world(struct world *world, uint64_t seed, unsigned source_can)
{
    struct rig *rig = &world->rig;
    uint64_t steps_before;

    run_world(world, seed, source_can, (enum when_full)(seed % 3));
    steps_before = rand_below(&world->rand, 200);
    for (uint64_t i = 0; i < steps_before; i++) {
        step(world);
    }
    world->stopping = true;
    bridge_stop(rig->bridge);
    after_event(world);
    for (uint64_t i = rand_below(&world->rand, 100); i > 0 && rig->stopped == 0; i--) {
        step(world);
    }
    bridge_stop_now(rig->bridge);
    after_event(world);
    for (int i = 0; i < 20 && rig->stopped == 0; i++) {
        step(world);
    }
    fake_pump_run(&rig->pump);
    rig_expect_stopped(rig);
    for (int i = 0; i < 100; i++) {
        fake_source_link(rig->source, ENDPOINT_READY, NULL); /* to no effect */
        fake_pump_run(&rig->pump);
    }
    check_every_message(world);
    end_world(world);
}

static void test_stops_in_the_middle(void **state)
{
    for (uint64_t seed = 1000; seed < 1030; seed++) {
        stop_world(*state, seed, seed % 2 ? RIG_AMQP : RIG_REDIS);
    }
}

static int make_world(void **state)
{
    *state = calloc(1, sizeof(struct world));
    return *state != NULL ? 0 : -1;
}

static int free_world(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_of_events_dropping_the_newest),
        cmocka_unit_test(test_any_order_of_events_dropping_the_oldest),
        cmocka_unit_test(test_any_order_of_events_pausing),
        cmocka_unit_test(test_stops_in_the_middle),
    };

    return cmocka_run_group_tests_name("bridge_model", tests, make_world, free_world);
}
