/* Random steps with a store behind the queue: does every message end once, in order, and through
 * every restart, whatever the sinks, the disk and the links do meanwhile? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

enum { STEPS = 1500, LIVES = 4, MESSAGES_MOST = 10000 };

/* Where a message is. */
enum whereabouts {
    NOT_GIVEN,
    WAITING, /* in memory or on disk, or with the sink */
    DEAD,    /* refused, on its way to the dead letter sink */
    DONE,    /* delivered, dead-lettered or dropped */
};

struct message {
    enum whereabouts where;
    bool in_flight;
    bool on_disk; /* known to be */
};

struct world {
    struct rig rig;
    struct rand rand;
    struct message messages[MESSAGES_MOST + 1]; /* by number */
    unsigned last;                              /* given */
    unsigned oldest;                            /* all before it are done or dead */
    bool stopping;
};

static unsigned number_of(const struct delivery *delivery)
{
    char text[16];

    snprintf(text, sizeof(text), "%.*s", (int)delivery->body.len, delivery->body.data);
    return (unsigned)strtoul(text, NULL, 10);
}

static bool chance(struct world *world, unsigned percent)
{
    return rand_below(&world->rand, 100) < percent;
}

static bool is_stored(const struct world *world, unsigned number)
{
    char body[16];

    snprintf(body, sizeof(body), "%u", number);
    return fake_store_has(world->rig.store, body);
}

static void on_settle(void *ctx, const struct delivery *delivery, enum settlement how)
{
    struct world *world = ctx;
    struct message *message = &world->messages[number_of(delivery)];

    if (how == SETTLE_FORGET) {
        assert_true(is_stored(world, number_of(delivery))); /* not lost */
        message->on_disk = true;
        return;
    }
    assert_int_equal(how, SETTLE_ACK);
    if (message->where ==
        WAITING) { /* dropped, which only a store that refuses can be the reason of */
        assert_false(message->in_flight);
        assert_true(world->rig.store->refuses);
        message->where = DONE;
    }
}

/* The next number of "1 2 3 "; 0: there are no more. */
static unsigned next_number(const char **at)
{
    char *end;
    unsigned number = (unsigned)strtoul(*at, &end, 10);

    *at = end;
    return number;
}

static void take_lost(struct world *world)
{
    const char *at = strbuf_text(&world->rig.store->lost);
    unsigned number;

    while ((number = next_number(&at)) != 0) {
        world->messages[number].where = DONE;
    }
    strbuf_reset(&world->rig.store->lost);
}

/* What is sent is the oldest of all that waits, and on disk where it must be. */
static void on_take(void *ctx, const struct delivery *delivery)
{
    struct world *world = ctx;
    unsigned number = number_of(delivery);
    unsigned i = world->oldest;

    take_lost(world);
    while (i < number && (world->messages[i].where >= DEAD || world->messages[i].in_flight)) {
        i++;
    }
    assert_int_equal(i, number);
    assert_int_equal(world->messages[number].where, WAITING);
    assert_false(world->messages[number].in_flight);
    assert_true(world->messages[number].on_disk || world->stopping ||
                world->rig.options.durability == DURABILITY_MEMORY);
    world->messages[number].in_flight = true;
}

static void on_take_dead(void *ctx, const struct delivery *delivery)
{
    struct world *world = ctx;

    world->messages[number_of(delivery)].where = DEAD;
}

/* Only what is done with, or has another record by now, is removed. */
static void check_removed(struct world *world)
{
    const char *at = strbuf_text(&world->rig.store->forgot);
    unsigned number;

    while ((number = next_number(&at)) != 0) {
        assert_true(world->messages[number].where == DONE || is_stored(world, number));
    }
    strbuf_reset(&world->rig.store->forgot);
}

static void after_event(void *ctx)
{
    struct world *world = ctx;

    rig_check_books(&world->rig);
    check_removed(world);
    if (!world->stopping) {
        assert_int_equal(rig_books(&world->rig)->spooled, fake_store_alone(world->rig.store));
    }
    while (world->oldest <= world->last && world->messages[world->oldest].where >= DEAD) {
        world->oldest++;
    }
}

static void give(struct world *world)
{
    struct fake_source *source = world->rig.source;
    char body[16];

    if (source->stopped || (source->paused && !chance(world, 5))) {
        return;
    }
    assert_true(world->last < MESSAGES_MOST);
    snprintf(body, sizeof(body), "%u", ++world->last);
    world->messages[world->last].where = WAITING;
    fake_source_give(source, body, NULL);
}

static struct delivery *any_of(struct world *world, struct fake_sink *sink)
{
    struct delivery *delivery = TAILQ_FIRST(&sink->in_flight);

    for (uint64_t skip = rand_below(&world->rand, 4); delivery != NULL && skip > 0; skip--) {
        delivery = TAILQ_NEXT(delivery, link);
    }
    return delivery;
}

static void answer(struct world *world, enum outcome outcome)
{
    struct delivery *delivery = any_of(world, world->rig.sink);
    struct message *message;
    char body[16];

    if (delivery == NULL) {
        return;
    }
    message = &world->messages[number_of(delivery)];
    message->in_flight = false;
    if (outcome == OUTCOME_DELIVERED) {
        message->where = DONE;
    } else if (outcome == OUTCOME_REFUSED) {
        message->where = DEAD;
    }
    snprintf(body, sizeof(body), "%u", number_of(delivery));
    fake_sink_answer(world->rig.sink, body, outcome, "no");
}

static void answer_dead(struct world *world, enum outcome outcome)
{
    struct delivery *delivery = TAILQ_FIRST(&world->rig.dead->in_flight);

    if (delivery == NULL) {
        return;
    }
    if (outcome == OUTCOME_DELIVERED || outcome == OUTCOME_REFUSED) {
        world->messages[number_of(delivery)].where = DONE;
    }
    fake_sink_answer_first(world->rig.dead, outcome, "no");
}

static void lose_link(struct world *world)
{
    struct delivery *delivery;

    TAILQ_FOREACH(delivery, &world->rig.sink->in_flight, link) {
        world->messages[number_of(delivery)].in_flight = false;
    }
    fake_sink_link(world->rig.sink, ENDPOINT_WAITING, "lost");
}

static void pass_time(struct world *world, uint64_t us)
{
    struct rig *rig = &world->rig;

    rig->now_us += us;
    if (rig->wake_at_us != 0 && rig->now_us >= rig->wake_at_us) {
        rig->wake_at_us = 0;
        bridge_wake(rig->bridge);
        after_event(world);
    }
}

static void sync_store(struct world *world)
{
    struct fake_record *record;

    TAILQ_FOREACH(record, &world->rig.store->records, link) {
        world->messages[strtoul(record->body, NULL, 10)].on_disk = true;
    }
    fake_store_sync(world->rig.store);
}

static void disturb(struct world *world)
{
    struct rig *rig = &world->rig;

    switch (rand_below(&world->rand, 10)) {
    case 0:
        if (rig->sink->ready && chance(world, 30)) {
            lose_link(world);
        }
        break;
    case 1:
    case 2:
        fake_sink_link(rig->sink, ENDPOINT_READY, NULL);
        break;
    case 3:
        if (chance(world, 50)) {
            fake_sink_link(rig->dead, ENDPOINT_WAITING, "lost");
        } else {
            fake_sink_link(rig->dead, ENDPOINT_READY, NULL);
        }
        break;
    case 4:
        rig->store->refuses = chance(world, 30);
        rig->store->tight = chance(world, 30);
        break;
    case 5:
        fake_store_room(rig->store);
        break;
    case 6:
        rig->store->damaged = chance(world, 20) ? 2 : 0;
        break;
    default:
        sync_store(world);
        break;
    }
}

static void step(struct world *world)
{
    static const enum outcome others[] = {OUTCOME_RETRY, OUTCOME_LOST, OUTCOME_REFUSED};

    switch (rand_below(&world->rand, 16)) {
    case 0:
        disturb(world);
        break;
    case 1:
        pass_time(world, rand_below(&world->rand, 200000));
        break;
    case 2:
    case 3:
    case 4:
        fake_pump_run_one(&world->rig.pump);
        break;
    case 5:
        answer_dead(world,
                    chance(world, 70) ? OUTCOME_DELIVERED : others[rand_below(&world->rand, 3)]);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        answer(world, chance(world, 93) ? OUTCOME_DELIVERED : others[rand_below(&world->rand, 3)]);
        break;
    default:
        give(world);
        break;
    }
    take_lost(world);
}

static void watch(struct world *world)
{
    struct rig *rig = &world->rig;

    rig->source->on_settle = on_settle;
    rig->source->ctx = world;
    rig->sink->on_take = on_take;
    rig->sink->ctx = world;
    rig->dead->on_take = on_take_dead;
    rig->dead->ctx = world;
}

/* Whether its record says that it is a dead letter. */
static bool is_kept_dead(const struct world *world, unsigned number)
{
    char body[16];

    snprintf(body, sizeof(body), "%u", number);
    return fake_store_reason(world->rig.store, body) != NULL;
}

/* What is not done is on disk, in order, and nothing else; dead letters as such, which may come
 * behind others where the disk failed meanwhile. */
static void check_kept(struct world *world)
{
    const char *text = fake_store_text(world->rig.store);
    unsigned kept, number = 0;
    unsigned missing = 0;

    while ((kept = next_number(&text)) != 0) {
        struct message *message = &world->messages[kept];

        assert_int_not_equal(message->where, DONE);
        assert_true(is_kept_dead(world, kept) == (message->where == DEAD));
        if (message->where != DEAD) {
            assert_true(kept > number);
            number = kept;
        }
        message->in_flight = false;
        message->on_disk = true;
        missing--;
    }
    for (number = 1; number <= world->last; number++) {
        missing += world->messages[number].where != DONE;
    }
    assert_int_equal(missing, 0);
}

/* At a stop: it fails, or is well again, has no room, for a while or for good, or has written
 * all. */
static void disturb_store(struct world *world)
{
    struct fake_store *store = world->rig.store;

    switch (rand_below(&world->rand, 4)) {
    case 0:
        fake_store_set_failing(store, !store->failing);
        break;
    case 1:
        store->refuses = true;
        store->busy = chance(world, 50);
        store->takes = rand_below(&world->rand, 5);
        break;
    case 2:
        store->refuses = false;
        fake_store_room(store);
        break;
    default:
        sync_store(world);
        break;
    }
}

static void stop(struct world *world)
{
    struct rig *rig = &world->rig;
    uint64_t more = rand_below(&world->rand, 30);

    rig->store->refuses = false;
    rig->store->damaged = 0;
    world->stopping = true;
    bridge_stop(rig->bridge);
    after_event(world);
    for (uint64_t i = 0; i < more && rig->stopped == 0; i++) {
        if (chance(world, 50)) {
            answer(world, chance(world, 50) ? OUTCOME_DELIVERED : OUTCOME_LOST);
        } else if (chance(world, 30)) {
            give(world);
        } else if (chance(world, 20)) {
            disturb_store(world);
        } else {
            fake_pump_run_one(&rig->pump);
        }
    }
    rig->store->failing = rig->store->refuses = rig->store->busy = false;
    if (rig->stopped == 0) {
        fake_store_room(rig->store);
    }
    bridge_stop_now(rig->bridge);
    after_event(world);
    rig->sink->on_take = NULL;
    fake_pump_run(&rig->pump);
    rig_expect_stopped(rig);
    check_kept(world);
    world->oldest = 1;
}

static void drain(struct world *world)
{
    struct rig *rig = &world->rig;

    rig->store->refuses = false;
    rig->store->tight = false;
    rig->store->damaged = 0;
    fake_sink_link(rig->sink, ENDPOINT_READY, NULL);
    fake_sink_link(rig->dead, ENDPOINT_READY, NULL);
    for (int i = 0; i < 100000 && bridge_counters_pending(rig_books(rig)) > 0; i++) {
        fake_pump_run(&rig->pump);
        sync_store(world);
        pass_time(world, 100000);
        answer(world, OUTCOME_DELIVERED);
        answer_dead(world, OUTCOME_DELIVERED);
        take_lost(world);
    }
    assert_int_equal(bridge_counters_pending(rig_books(rig)), 0);
    assert_false(rig->source->paused);
    assert_string_equal(fake_store_text(rig->store), "");
    for (unsigned number = 1; number <= world->last; number++) {
        assert_int_equal(world->messages[number].where, DONE);
    }
}

static void run_world(struct world *world, uint64_t seed)
{
    struct rig *rig = &world->rig;
    struct fake_store *store;

    memset(world, 0, sizeof(*world));
    rig_init(rig);
    rand_init_seed(&world->rand, seed);
    world->oldest = 1;
    store = fake_store_new(&rig->pump);
    rig->store = store;
    store->load_most = 1 + rand_below(&world->rand, 10);
    store->holds_durable = true;
    rig->with_dead = true;
    rig->source_can = RIG_REDIS;
    rig->sink_limit = 1 + rand_below(&world->rand, 10);
    rig->options.durability = seed % 2 ? DURABILITY_DISK : DURABILITY_MEMORY;
    rig->options.when_full = seed % 3 ? FULL_DROP_NEWEST : FULL_PAUSE;
    rig->options.buffer_messages = 1 + rand_below(&world->rand, 20);
    rig_run(rig);
    rig->pump.after_event = after_event;
    rig->pump.ctx = world;
    for (int life = 0; life < LIVES; life++) {
        watch(world);
        for (int i = 0; i < STEPS; i++) {
            step(world);
        }
        stop(world);
        rig->pump.after_event = NULL;
        bridge_free(rig->bridge);
        fake_store_restart(store);
        rig->stopped = 0;
        world->stopping = false;
        rig_make(rig);
        watch(world);
        rig->pump.after_event = after_event;
        bridge_start(rig->bridge);
        fake_source_link(rig->source, ENDPOINT_READY, NULL);
    }
    drain(world);
    assert_true(world->last > 500);
    rig->pump.after_event = NULL;
    rig_fini(rig);
    fake_store_free(store);
}

static void test_any_order_of_events(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run_world(*state, seed);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_order_of_events)};

    return cmocka_run_group_tests_name("bridge_store_model", tests, make_world, free_world);
}
