/* Is a reload just the difference: what says the same is left alone, in whatever words, and what is
 * new, changed, disabled or gone is told so? The servers are not there, so nothing moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/reload.h"
#include "base/log.h"
#include "conf/load.h"

enum { TURNS_MOST = 2000 };

struct bed {
    char file[64];
    struct loop *loop;
    struct config *start;
    struct wiring *wiring;
    struct strbuf problems;
    struct strbuf fixed;
    bool stopped;
    bool closed;
};

static void on_change(void *ctx)
{
    (void)ctx;
}

static void on_started(void *ctx, struct unit *unit)
{
    (void)ctx;
    (void)unit;
}

static void on_bridges_stopped(void *ctx)
{
    ((struct bed *)ctx)->stopped = true;
}

static void on_closed(void *ctx)
{
    ((struct bed *)ctx)->closed = true;
}

static const struct wiring_events bed_events = {
    .on_change = on_change,
    .on_started = on_started,
    .on_bridges_stopped = on_bridges_stopped,
    .on_closed = on_closed,
};

static void no_log(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    (void)line;
    (void)len;
}

/* Port 1 of loopback: nobody listens. */
#define CONNECTIONS(redis)                                                                         \
    "\"instance\": \"gw\", \"connections\": {\"r\": {\"url\": \"redis://127.0.0.1:1\"" redis       \
    "}, \"a\": {\"url\": \"amqp://127.0.0.1:1\"}}, "
#define RULES(bridges) "{" CONNECTIONS("") "\"bridges\": [" bridges "]}"
#define OUT "{\"name\": \"out\", \"from\": {\"channel\": \"c\"}, \"to\": {\"queue\": \"q\"}}"
#define OUT_2 "{\"name\": \"out\", \"from\": {\"channel\": \"d\"}, \"to\": {\"queue\": \"q\"}}"
#define OUT_IN_OTHER_WORDS                                                                         \
    "{\"to\": {\"mandatory\": true, \"queue\": \"q\"},\n\"from\": {\"channel\": [\"c\"]}, "        \
    "\"buffer\": {\"memory\": \"64MiB\"}, \"enabled\": true, \"name\": \"out\"}"
#define OUT_OFF                                                                                    \
    "{\"name\": \"out\", \"enabled\": false, \"from\": {\"channel\": \"c\"}, "                     \
    "\"to\": {\"queue\": \"q\"}}"
#define IN "{\"name\": \"in\", \"from\": {\"queue\": \"p\"}, \"to\": {\"channel\": \"e\"}}"

static void bed_write(struct bed *bed, const char *text)
{
    FILE *file = fopen(bed->file, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void on_problem(void *ctx, const char *line)
{
    (void)ctx;
    print_error("%s\n", line);
}

static void bed_init(struct bed *bed, const char *text)
{
    struct err err;
    int fd;

    *bed = (struct bed){.file = "/tmp/chunneld-reload-XXXXXX"};
    log_set_writer(no_log, NULL);
    fd = mkstemp(bed->file);
    assert_true(fd >= 0);
    close(fd);
    bed_write(bed, text);
    bed->loop = loop_new(&err);
    bed->start = config_load(bed->file, on_problem, NULL);
    assert_true(bed->loop != NULL && bed->start != NULL);
    bed->wiring = wiring_new(bed->loop, bed->start, NULL, &bed_events, bed, &err);
    assert_non_null(bed->wiring);
    wiring_start(bed->wiring);
}

static void bed_turn_until(struct bed *bed, const bool *done)
{
    int turns = 0;

    while (!*done) {
        assert_true(turns++ < TURNS_MOST);
        loop_turn(bed->loop, 10 * 1000);
    }
}

static void bed_fini(struct bed *bed)
{
    wiring_stop(bed->wiring);
    wiring_stop_now(bed->wiring);
    bed_turn_until(bed, &bed->stopped);
    wiring_close(bed->wiring);
    bed_turn_until(bed, &bed->closed);
    wiring_free(bed->wiring);
    config_free(bed->start);
    loop_free(bed->loop);
    strbuf_fini(&bed->problems);
    strbuf_fini(&bed->fixed);
    unlink(bed->file);
    log_set_writer(NULL, NULL);
}

/* Another configuration; the sums of what became of the bridges: kept, added, changed, removed. */
static void bed_reload(struct bed *bed, const char *text, const char *sums)
{
    const struct board_reload *last = &bed->wiring->board.reloads.last;
    char said[64];

    bed_write(bed, text);
    strbuf_reset(&bed->problems);
    strbuf_reset(&bed->fixed);
    assert_true(reload_run(bed->wiring, bed->start, &bed->problems, &bed->fixed));
    snprintf(said, sizeof(said), "%zu %zu %zu %zu", (size_t)last->kept, (size_t)last->added,
             (size_t)last->changed, (size_t)last->removed);
    assert_string_equal(said, sums);
    assert_true(last->ok);
    for (int turn = 0; turn < 20; turn++) { /* what has nothing to wait for ends */
        loop_turn(bed->loop, 1000);
    }
}

static void test_bridges(void **state)
{
    struct bed bed;
    const struct unit *out;

    (void)state;
    bed_init(&bed, RULES(OUT));
    out = wiring_find_unit(bed.wiring, "out");
    bed_reload(&bed, RULES(OUT), "1 0 0 0");
    bed_reload(&bed, RULES(OUT_IN_OTHER_WORDS), "1 0 0 0");
    bed_reload(&bed, RULES(IN ", " OUT), "1 1 0 0");
    assert_string_equal(unit_name(wiring_next_unit(bed.wiring, NULL)), "in"); /* their order */
    bed_reload(&bed, RULES(IN ", " OUT_2), "1 0 1 0");
    assert_ptr_equal(wiring_find_unit(bed.wiring, "out"), out); /* it goes over as it runs */
    bed_reload(&bed, RULES(IN ", " OUT_OFF), "1 0 0 1");
    bed_reload(&bed, RULES(IN ", " OUT_OFF), "2 0 0 0");
    bed_reload(&bed, RULES(IN ", " OUT), "1 1 0 0");
    bed_reload(&bed, RULES(""), "0 0 0 2");
    assert_int_equal(bed.wiring->board.reloads.count, 8);
    bed_fini(&bed);
}

static void test_connections(void **state)
{
    struct bed bed;
    const struct wired_hub *redis;
    const struct wired_hub *rabbit;

    (void)state;
    bed_init(&bed, RULES(OUT));
    redis = wiring_find_hub(bed.wiring, "r");
    rabbit = wiring_find_hub(bed.wiring, "a");
    bed_reload(&bed, RULES(OUT), "1 0 0 0");
    assert_ptr_equal(wiring_find_hub(bed.wiring, "r"), redis);
    bed_reload(&bed, "{" CONNECTIONS(", \"connect_timeout\": \"9s\"") "\"bridges\": [" OUT "]}",
               "0 0 1 0");
    assert_ptr_not_equal(wiring_find_hub(bed.wiring, "r"), redis);
    assert_ptr_equal(wiring_find_hub(bed.wiring, "a"), rabbit);
    bed_fini(&bed);
}

static void test_wrong_ones_change_nothing(void **state)
{
    struct bed bed;
    const struct config *before;

    (void)state;
    bed_init(&bed, RULES(OUT));
    before = bed.wiring->config;
    bed_write(&bed, RULES(OUT ", " OUT));
    assert_false(reload_run(bed.wiring, bed.start, &bed.problems, &bed.fixed));
    assert_non_null(strstr(strbuf_text(&bed.problems), "/bridges/1"));
    assert_int_equal(bed.wiring->board.reloads.failed, 1);
    assert_ptr_equal(bed.wiring->config, before);
    unlink(bed.file);
    assert_false(reload_run(bed.wiring, bed.start, NULL, NULL));
    assert_int_equal(bed.wiring->board.reloads.failed, 2);
    bed_fini(&bed);
}

static void test_what_needs_a_restart_is_told(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed, RULES(OUT));
    bed_reload(&bed,
               "{\"http\": {\"listen\": \"127.0.0.1:1\"}, " CONNECTIONS("") "\"bridges\": [" OUT
                                                                            "]}",
               "1 0 0 0");
    assert_string_equal(strbuf_text(&bed.fixed), "http\n");
    bed_fini(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bridges),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_wrong_ones_change_nothing),
        cmocka_unit_test(test_what_needs_a_restart_is_told),
    };

    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
