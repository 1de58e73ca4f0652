/* Random histories of a Redis server that a mirror and others publish on, with a handful of bodies
 * so that they collide all the time: does exactly what the others published cross? And where links
 * are lost in the midst of it, does all of that cross, and double no more than was in flight?
 *
 * The server is modelled here: it takes the commands of the mirror's publisher in order, puts each
 * message into the stream of the subscriber, then the answer into that of the publisher; PONGs
 * stand in the stream of the subscriber. Streams are read at any pace. */
#include "core/echo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>

#include "base/rand.h"

enum {
    BODIES = 5,
    STEPS = 4000,
    RUNS = 60,
    QUEUE = 2 * STEPS,
    LIMIT = 64,
    PONG = -1, /* in the subscriber's stream */
};

/* A stream or a list of commands: numbers of bodies, first in, first out. */
struct lane {
    int items[QUEUE];
    size_t first, end;
};

struct world {
    struct rand rand;
    struct echo *echo;
    struct lane todo;                  /* bodies that the mirror has to publish */
    struct lane commands;              /* sent, not taken by the server */
    struct lane answers;               /* taken, the answer not read */
    struct lane stream;                /* of the subscriber */
    struct echo_entry *entries[QUEUE]; /* of commands and answers, by number of sending */
    int bodies[QUEUE];                 /* likewise */
    size_t answered, sent;             /* numbers: the first that is not answered, the next */
    bool subscribed;
    bool barrier;          /* a PING was sent, its PONG not read */
    int foreign[BODIES];   /* messages of others that the subscriber has read */
    int crossed[BODIES];   /* messages taken for those of others */
    int published[BODIES]; /* of the mirror, to come through once at least */
    int delivered[BODIES]; /* of the mirror, put into the channel by the server */
    int unheard[BODIES];   /* messages of the mirror that were lost with the subscription */
    size_t in_flight;      /* at all losses together: what may be doubled */
};

static struct world world;

static void put(struct lane *lane, int item)
{
    assert_true(lane->end < QUEUE);
    lane->items[lane->end++] = item;
}

static bool is_empty(const struct lane *lane)
{
    return lane->first == lane->end;
}

static int take(struct lane *lane)
{
    return lane->items[lane->first++];
}

static struct slice body_of(const int *number)
{
    return slice_make(number, sizeof(*number));
}

static void send_one(void)
{
    int body;

    if (is_empty(&world.todo) || !world.subscribed || echo_is_full(world.echo)) {
        return;
    }
    body = take(&world.todo);
    world.bodies[world.sent] = body;
    world.entries[world.sent] = echo_expect(world.echo, SLICE("c"), body_of(&body));
    assert_non_null(world.entries[world.sent]);
    assert_true(++world.sent < QUEUE);
    put(&world.commands, body);
}

/* Marks those of the mirror, so that the model knows what the mirror must find out. */
static void publish(int body, bool foreign)
{
    if (world.subscribed) {
        put(&world.stream, foreign ? body : body + BODIES);
    } else {
        world.unheard[body] += !foreign;
    }
}

static void serve_one(void)
{
    int body;

    if (!is_empty(&world.commands)) {
        body = take(&world.commands);
        publish(body, false);
        world.delivered[body]++;
        put(&world.answers, body);
    }
}

static void read_answer(void)
{
    if (!is_empty(&world.answers)) {
        take(&world.answers);
        echo_answered(world.echo, world.entries[world.answered++]);
    }
}

static void read_stream(void)
{
    int item, body;

    if (is_empty(&world.stream)) {
        return;
    }
    item = take(&world.stream);
    if (item == PONG) {
        echo_end_barrier(world.echo);
        world.barrier = false;
        return;
    }
    body = item % BODIES;
    world.foreign[body] += item < BODIES;
    world.crossed[body] += !echo_take(world.echo, SLICE("c"), body_of(&body));
}

static void ping(void)
{
    if (world.subscribed && !world.barrier && echo_wants_barrier(world.echo)) {
        world.barrier = true;
        echo_begin_barrier(world.echo);
        put(&world.stream, PONG);
    }
}

/* What the server had put into the stream is gone with it, as is what it would put there. */
static void lose_subscriber(void)
{
    while (!is_empty(&world.stream)) {
        int item = take(&world.stream);

        if (item >= BODIES) {
            world.unheard[item % BODIES]++;
        }
    }
    world.subscribed = false;
    world.barrier = false;
    world.in_flight += world.sent - world.answered;
}

static void subscribe(void)
{
    if (!world.subscribed) {
        world.subscribed = true;
        echo_forget(world.echo);
        world.in_flight += world.sent - world.answered;
    }
}

/* The server may have taken some more of the commands; the mirror sends all again. */
static void lose_publisher(void)
{
    while (rand_below(&world.rand, 4) != 0) {
        serve_one();
    }
    world.in_flight += world.sent - world.answered;
    while (world.answered < world.sent) {
        put(&world.todo, world.bodies[world.answered]);
        echo_withdraw(world.echo, world.entries[world.answered++]);
    }
    world.commands.first = world.commands.end;
    world.answers.first = world.answers.end;
}

static void step(bool with_losses)
{
    int body = (int)rand_below(&world.rand, BODIES);

    switch (rand_below(&world.rand, with_losses ? 260 : 256) / 4) {
    case 64:
        (rand_below(&world.rand, 2) == 0 ? lose_subscriber : lose_publisher)();
        break;
    case 0:
        ping();
        break;
    default:
        switch (rand_below(&world.rand, 8)) {
        case 0:
            publish(body, true);
            break;
        case 1:
            world.published[body]++;
            put(&world.todo, body);
            break;
        case 2:
            send_one();
            break;
        case 3:
            serve_one();
            break;
        case 4:
            read_answer();
            break;
        case 5:
            subscribe();
            break;
        default:
            read_stream();
            break;
        }
    }
}

static void settle_down(void)
{
    subscribe();
    while (!is_empty(&world.todo) || !is_empty(&world.commands) || !is_empty(&world.answers) ||
           !is_empty(&world.stream)) {
        send_one();
        serve_one();
        read_answer();
        read_stream();
    }
}

static void run(uint64_t seed, bool with_losses)
{
    static const uint8_t key[SIPHASH_KEY_SIZE] = "not very secret";
    size_t doubled = 0;

    memset(&world, 0, sizeof(world));
    rand_init_seed(&world.rand, seed);
    world.echo = echo_new(key, LIMIT);
    assert_non_null(world.echo);
    world.subscribed = true;
    for (unsigned i = 0; i < STEPS; i++) {
        step(with_losses);
    }
    settle_down();
    for (unsigned i = 0; i < BODIES; i++) {
        /* Of two equal messages, one of which was lost with the subscription, nobody can say
         * which it was. */
        assert_true(world.crossed[i] + world.unheard[i] >= world.foreign[i]);
        assert_true(world.delivered[i] >= world.published[i]);
        if (world.crossed[i] > world.foreign[i]) {
            doubled += (size_t)(world.crossed[i] - world.foreign[i]);
        }
        if (!with_losses) {
            assert_int_equal(world.crossed[i], world.foreign[i]);
            assert_int_equal(world.delivered[i], world.published[i]);
        }
    }
    assert_true(doubled <= world.in_flight);
    echo_free(world.echo);
}

static void test_others_cross_exactly_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        run(seed, false);
    }
}

static void test_nothing_is_lost_with_the_links(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        run(seed, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_cross_exactly_once),
        cmocka_unit_test(test_nothing_is_lost_with_the_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
