/* What an operator asks of the spool while the daemon runs: is each answer whole or said to be cut
 * off, is what makes no sense refused, and does memory that runs out at any place end in words or
 * in a cut, never in less than was asked for? */
#include "app/spool_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/clock.h"
#include "spool/record.h"
#include "spool_rig.h"

enum { MESSAGES = 1200, MOST_ALLOCATIONS = 20000 };

/* A daemon's part that the desk needs, and an answer. */
struct world {
    struct spool_rig rig;
    struct loop *loop;
    struct config config;
    struct wiring wiring;
    struct spool_desk desk;
    struct spool_fifo *fifo;
    struct http_answer answer;
    struct strbuf text;   /* all that the answer's source gave */
    enum http_more ended; /* HTTP_END, HTTP_CUT; HTTP_MORE: it was no source's */
};

static void on_wake(void *ctx)
{
    (void)ctx;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    static char instance[] = "gw";

    assert_non_null(world);
    spool_rig_init(&world->rig);
    spool_rig_open(&world->rig);
    world->loop = loop_new(NULL);
    assert_non_null(world->loop);
    world->wiring.config = &world->config;
    world->wiring.instance = instance;
    world->desk = (struct spool_desk){
        .loop = world->loop, .wiring = &world->wiring, .spool = world->rig.spool, .wake = on_wake};
    *state = world;
    return 0;
}

static void forget(struct world *world)
{
    strbuf_fini(&world->answer.body);
    strbuf_fini(&world->text);
    world->answer = (struct http_answer){.status = 200};
    world->ended = HTTP_MORE;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    alloc_fail_stop();
    forget(world);
    spool_rig_fini(&world->rig);
    loop_free(world->loop);
    free(world);
    return 0;
}

/* The bridge "old" has left that many. */
static void leave(struct world *world, unsigned count)
{
    struct strbuf header = STRBUF_INIT;
    struct spool_fifo_info info;

    world->fifo = spool_fifo_open(world->rig.spool, "old", UINT64_MAX / 2, NULL, NULL, NULL);
    assert_non_null(world->fifo);
    for (unsigned i = 0; i < count; i++) {
        struct delivery delivery = {.channel = SLICE("in"), .number = i + 1, .wall_us = 1000000};

        strbuf_reset(&header);
        record_write(&delivery, &header);
        assert_int_equal(spool_fifo_append(world->fifo, strbuf_slice(&header), SLICE("body"), NULL),
                         SPOOL_APPENDED);
    }
    strbuf_fini(&header);
    do {
        spool_rig_turn(&world->rig, 20);
        spool_fifo_get_info(world->fifo, &info);
    } while (info.durable < count);
    spool_fifo_close(world->fifo);
}

/* Asks, and takes the answer to its end. */
static void ask(struct world *world, const char *method, const char *path, const char *query)
{
    const struct http_ask wish = {
        .method = method, .path = path, .query = query, .may_change = true};
    uint64_t deadline = clock_monotonic_us() + 60 * CLOCK_US_PER_S;

    forget(world);
    assert_true(spool_desk_handle(&world->desk, &wish, &world->answer));
    if (world->answer.source == NULL) {
        return;
    }
    do {
        struct strbuf piece = STRBUF_INIT;

        assert_true(clock_monotonic_us() < deadline);
        world->ended = world->answer.source->next(world->answer.source_ctx, &piece);
        if (strbuf_failed(&piece)) {
            world->ended = HTTP_CUT; /* as the server does */
        }
        assert_true(piece.len < 8 * HTTP_PIECE);
        strbuf_append_slice(&world->text, strbuf_slice(&piece));
        strbuf_fini(&piece);
        if (world->ended == HTTP_WAIT) {
            spool_rig_turn(&world->rig, 20);
            loop_turn(world->loop, 0);
        }
    } while (world->ended == HTTP_WAIT || world->ended == HTTP_MORE);
    world->answer.source->free(world->answer.source_ctx);
    world->answer.source = NULL;
}

static unsigned lines(const struct world *world)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->text.len; i++) {
        count += world->text.data[i] == '\n';
    }
    return count;
}

static void test_whole_answers(void **state)
{
    struct world *world = *state;

    ask(world, "GET", "/spool", "");
    assert_int_equal(world->ended, HTTP_END);
    assert_string_equal(strbuf_text(&world->text), "{\"v\":1,\"bridges\":[]}\n");
    leave(world, MESSAGES);
    ask(world, "GET", "/spool", "");
    assert_non_null(
        strstr(strbuf_text(&world->text),
               "\"name\":\"old\",\"in_use\":false,\"rule\":\"gone\",\"messages\":1200"));
    assert_non_null(strstr(strbuf_text(&world->text), "\"oldest\":\"1970-01-01T00:00:01.000Z\""));
    ask(world, "GET", "/spool/old", "");
    assert_int_equal(world->ended, HTTP_END);
    assert_int_equal(lines(world), MESSAGES + 1);
    assert_non_null(
        strstr(strbuf_text(&world->text), "\n{\"end\":true,\"messages\":1200,\"damaged\":0}\n"));
    ask(world, "POST", "/spool/old/purge", "");
    assert_int_equal(world->answer.status, 200);
    assert_string_equal(strbuf_text(&world->answer.body),
                        "{\"action\":\"purge\",\"name\":\"old\",\"messages\":1200}\n");
    ask(world, "GET", "/spool/old", "");
    assert_int_equal(world->answer.status, 404);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *method, *path, *query;
        int status; /* 0: it is another's path */
    } cases[] = {
        {"GET", "/spools", "", 0},
        {"GET", "/spool/old/purge", "", 0},
        {"POST", "/spool", "", 0},
        {"POST", "/spool/old", "", 0},
        {"POST", "/spool/old/purge/", "", 0},
        {"POST", "/spool/old/purges", "", 0},
        {"GET", "/spool/", "", 400},
        {"GET", "/spool/%4", "", 400},
        {"GET", "/spool/%00", "", 400},
        {"GET", "/spool/ol", "", 404},
        {"GET", "/spool/old%2Fahead", "", 404},
        {"POST", "/spool/old/replay", "", 400},
        {"POST", "/spool/old/replay", "to=", 400},
        {"POST", "/spool/old/replay", "to=%", 400},
        {"POST", "/spool/old/replay", "from=x", 400},
        {"POST", "/spool/old/replay", "to=none", 409},
        {"POST", "/spool/none/replay", "to=none", 404},
    };
    struct world *world = *state;

    leave(world, 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct http_ask wish = {
            .method = cases[i].method, .path = cases[i].path, .query = cases[i].query};

        forget(world);
        assert_int_equal(spool_desk_handle(&world->desk, &wish, &world->answer),
                         cases[i].status != 0);
        assert_int_equal(world->answer.status, cases[i].status != 0 ? cases[i].status : 200);
        assert_null(world->answer.source);
    }
    spool_fifo_open(world->rig.spool, "old", UINT64_MAX / 2, NULL, NULL, NULL);
    ask(world, "POST", "/spool/old/purge", "");
    assert_int_equal(world->answer.status, 409);
    ask(world, "POST", "/spool/old/replay", "to=new");
    assert_int_equal(world->answer.status, 409);
    ask(world, "GET", "/spool/old", ""); /* of one in use, too */
    assert_int_equal(lines(world), 4);
    world->desk.spool = NULL;
    ask(world, "GET", "/spool", "");
    assert_int_equal(world->answer.status, 404);
}

static void test_a_spool_that_closes(void **state)
{
    struct world *world = *state;
    const struct http_ask wish = {.method = "GET", .path = "/spool/old", .query = ""};
    struct strbuf piece = STRBUF_INIT;

    leave(world, 10);
    world->answer.status = 200;
    assert_true(spool_desk_handle(&world->desk, &wish, &world->answer));
    spool_close(world->rig.spool);
    assert_int_equal(world->answer.source->next(world->answer.source_ctx, &piece), HTTP_CUT);
    world->answer.source->free(world->answer.source_ctx);
    strbuf_fini(&piece);
    ask(world, "GET", "/spool", "");
    assert_int_equal(world->answer.status, 503);
}

/* Whether an allocation has failed. */
static bool ask_without_memory(struct world *world, const char *path, unsigned expected,
                               unsigned successes)
{
    bool failed;

    forget(world);
    alloc_fail_after(successes);
    ask(world, "GET", path, "");
    failed = alloc_fail_stop();
    if (world->ended == HTTP_MORE) {
        assert_true(failed && world->answer.status == 503);
    } else if (world->ended == HTTP_END && !strbuf_failed(&world->text)) {
        assert_int_equal(
            lines(world) + (strstr(strbuf_text(&world->text), "\"damaged\":1}") != NULL), expected);
    }
    return failed;
}

static void sweep(struct world *world, const char *path, unsigned expected)
{
    unsigned successes = 0;

    while (successes < MOST_ALLOCATIONS && ask_without_memory(world, path, expected, successes)) {
        successes++;
    }
    assert_in_range(successes, 5, MOST_ALLOCATIONS - 1);
}

static void test_every_allocation(void **state)
{
    struct world *world = *state;

    leave(world, 30);
    sweep(world, "/spool", 1);
    sweep(world, "/spool/old", 31); /* a message for which there is none counts as damaged */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_spool_that_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_allocation, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
