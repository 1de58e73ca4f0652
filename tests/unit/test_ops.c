/* What operators are shown: are metrics and problems right for a board of our own making? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/advice.h"
#include "ops/health.h"
#include "ops/metrics.h"
#include "ops/metrics_text.h"

/* A bridge of the board, and how it is said to go. */
struct shown {
    struct board_bridge bridge; /* first */
    struct bridge_status status;
};

static void shown_get_status(const struct board_bridge *bridge, uint64_t now_us,
                             struct bridge_status *out_status)
{
    (void)now_us;
    *out_status = ((const struct shown *)bridge)->status;
}

static const struct lag no_lag;
static const struct budget budget = {.ceiling = 4096, .used = 77};
static struct board board;
static struct shown one;
static struct shown two;
static struct histogram latency;

static int set_up(void **state)
{
    (void)state;
    board = (struct board){
        .instance = "gw \"1\"\\\n", .start_wall_us = 1500000, .lag = &no_lag, .budget = &budget};
    TAILQ_INIT(&board.connections);
    TAILQ_INIT(&board.bridges);
    one =
        (struct shown){.bridge = {.name = "one", .enabled = true, .get_status = shown_get_status}};
    two =
        (struct shown){.bridge = {.name = "two", .enabled = true, .get_status = shown_get_status}};
    one.status.state = BRIDGE_RUNNING;
    two.status.state = BRIDGE_RUNNING;
    TAILQ_INSERT_TAIL(&board.bridges, &one.bridge, link);
    TAILQ_INSERT_TAIL(&board.bridges, &two.bridge, link);
    histogram_reset(&latency);
    return 0;
}

/* Whether the metrics have this line. */
static void assert_line(const char *metrics, const char *line)
{
    struct strbuf wanted = STRBUF_INIT;

    strbuf_append_format(&wanted, "\n%s\n", line);
    if (strstr(metrics, strbuf_text(&wanted)) == NULL) {
        fail_msg("no line %s in:\n%s", line, metrics);
    }
    strbuf_fini(&wanted);
}

static void test_metrics(void **state)
{
    struct strbuf text = STRBUF_INIT;

    (void)state;
    one.status.counters.received = UINT64_MAX;
    one.status.counters.delivered = 7;
    one.status.gap_us = 1000001;
    two.status.gap_us = 30000000;
    one.status.disk = (struct store_gauge){.bytes = 5000, .oldest_us = 1};
    two.status.disk = (struct store_gauge){.bytes = 32, .oldest_us = INT64_MAX};
    two.status.has_rpc = true;
    two.status.rpc.timeouts = 4;
    histogram_record(&latency, 90);
    histogram_record(&latency, 2000);
    histogram_record(&latency, 900000000);
    two.status.latency = &latency;
    metrics_write(&board, 5, &text);
    assert_false(strbuf_failed(&text));
    assert_line(text.data,
                "chunnel_build_info{version=\"0.1.0\",instance=\"gw \\\"1\\\"\\\\\\n\"} 1");
    assert_line(text.data, "chunnel_start_time_seconds 1.500000");
    assert_line(text.data, "chunnel_memory_held_bytes 77");
    assert_line(text.data, "chunnel_memory_limit_bytes 4096");
    assert_line(text.data, "chunnel_bridge_messages_total{bridge=\"one\",outcome=\"received\"} "
                           "18446744073709551615");
    assert_line(text.data, "chunnel_bridge_messages_total{bridge=\"two\",outcome=\"delivered\"} 0");
    assert_line(text.data, "chunnel_bridge_unsubscribed_seconds_total{bridge=\"one\"} 1.000001");
    assert_line(text.data, "chunnel_bridge_unsubscribed_seconds_total{bridge=\"two\"} 30");
    assert_line(text.data, "chunnel_bridge_latency_seconds_bucket{bridge=\"two\",le=\"0.0001\"} 1");
    assert_line(text.data, "chunnel_bridge_latency_seconds_bucket{bridge=\"two\",le=\"0.0025\"} 2");
    assert_line(text.data, "chunnel_bridge_latency_seconds_bucket{bridge=\"two\",le=\"30\"} 2");
    assert_line(text.data, "chunnel_bridge_latency_seconds_bucket{bridge=\"two\",le=\"+Inf\"} 3");
    assert_line(text.data, "chunnel_call_failures_total{bridge=\"two\",reason=\"timeout\"} 4");
    assert_null(strstr(text.data, "chunnel_calls{bridge=\"one\"}"));
    assert_line(text.data, "chunnel_bridge_spool_bytes{bridge=\"one\"} 5000");
    assert_non_null(
        strstr(text.data, "\nchunnel_bridge_spool_oldest_age_seconds{bridge=\"one\"} 1"));
    assert_line(text.data, "chunnel_bridge_spool_oldest_age_seconds{bridge=\"two\"} 0");
    assert_line(text.data, "chunnel_bridge_latency_seconds_sum{bridge=\"two\"} 900.002090");
    assert_line(text.data, "chunnel_bridge_latency_seconds_count{bridge=\"one\"} 0");
    strbuf_fini(&text);
}

static void test_metrics_of_nothing(void **state)
{
    struct strbuf text = STRBUF_INIT;

    (void)state;
    TAILQ_INIT(&board.bridges);
    metrics_write(&board, 5, &text);
    assert_null(strstr(text.data, "bridge=\""));
    assert_line(text.data, "# TYPE chunnel_start_time_seconds gauge");
    strbuf_fini(&text);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part)) {
        count++;
    }
    return count;
}

/* They go out in pieces: nothing is missing or twice where one ends. */
static void test_metrics_of_many(void **state)
{
    enum { MANY = 500 };
    static struct shown many[MANY];
    static char names[MANY][65];
    struct strbuf text = STRBUF_INIT;

    (void)state;
    TAILQ_INIT(&board.bridges);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "%064zu", i);
        many[i] = one;
        many[i].bridge.name = names[i];
        TAILQ_INSERT_TAIL(&board.bridges, &many[i].bridge, link);
    }
    metrics_write(&board, 5, &text);
    assert_true(text.len > 4 * (size_t)HTTP_PIECE);
    for (size_t i = 0; i < MANY; i += 50) {
        assert_int_equal(count_of(text.data, names[i]), count_of(text.data, names[1]));
    }
    assert_int_equal(count_of(text.data, "\nchunnel_bridge_pending{"), MANY);
    assert_int_equal(count_of(text.data, "# HELP chunnel_bridge_pending "), 1);
    assert_int_equal(count_of(text.data, "_bucket{"), MANY * (METRIC_BOUNDS + 1));
    strbuf_fini(&text);
}

/* The lines of every metric have room, and say what the table says. */
static void test_lines(void **state)
{
    static const union {
        struct metrics_daemon daemon;
        struct metrics_connection connection;
        struct metrics_bridge bridge;
    } nothing;
    struct strbuf text = STRBUF_INIT;

    (void)state;
    for (size_t i = 0; i < metrics_count; i++) {
        const struct metric *metric = &metrics_table[i];
        struct slice name = metric->scope == METRIC_OF_DAEMON ? SLICE("") : SLICE("n");
        struct metrics_text lines;

        strbuf_reset(&text);
        metrics_text_begin(&lines, metric, &text);
        metrics_text_write(&lines, name, &nothing, &text);
        assert_int_equal(lines.count,
                         metric->line_count > 0 ? metric->line_count : METRIC_BOUNDS + 3);
        assert_int_equal(count_of(text.data, "\n"), 2 + lines.count);
        assert_int_equal(count_of(text.data, "=\"n\""), name.len * lines.count);
        for (size_t j = 0; j < metric->line_count; j++) {
            assert_non_null(strstr(text.data, metric->lines[j].label));
        }
    }
    strbuf_fini(&text);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < metrics_count; i++) {
        const struct metric *metric = &metrics_table[i];
        size_t len = strlen(metric->name);
        bool is_total = len > 6 && strcmp(metric->name + len - 6, "_total") == 0;

        assert_int_equal(strncmp(metric->name, "chunnel_", 8), 0);
        assert_int_equal(is_total, metric->type == METRIC_COUNTER);
        assert_true(strlen(metric->help) > 10);
        assert_int_equal(metric->line_count == 0, metric->type == METRIC_HISTOGRAM);
    }
}

static void test_all_well(void **state)
{
    struct strbuf text = STRBUF_INIT;

    (void)state;
    assert_true(health_write(&board, 5, &text));
    assert_non_null(strstr(text.data, "\"problems\": []"));
    two.bridge.enabled = false;
    two.status.state = BRIDGE_STOPPED;
    strbuf_reset(&text);
    assert_true(health_write(&board, 5, &text));
    strbuf_fini(&text);
}

static void test_problems(void **state)
{
    struct strbuf text = STRBUF_INIT;

    (void)state;
    two.status.state = BRIDGE_WAITING;
    two.status.why = "NOT_FOUND - no exchange 'x' in vhost '/'";
    assert_false(health_write(&board, 5, &text));
    assert_non_null(strstr(text.data, "\"bridge\": \"two\""));
    assert_non_null(strstr(text.data, "no exchange 'x'"));
    assert_non_null(strstr(text.data, "Declare the exchange"));
    strbuf_fini(&text);
}

static void test_problems_of_running(void **state)
{
    struct strbuf text = STRBUF_INIT;

    (void)state;
    one.bridge.trail.stuck = true;
    one.status.last_error = "nobody is subscribed";
    two.bridge.trail.dropping = true;
    two.status.last_error = "buffer is full, dropping the newest messages";
    assert_true(health_write(&board, 5, &text));
    assert_non_null(strstr(text.data, "\"stuck\""));
    assert_non_null(strstr(text.data, "Start a subscriber"));
    assert_non_null(strstr(text.data, "\"dropping\""));
    assert_non_null(strstr(text.data, "buffer.disk"));
    strbuf_fini(&text);
}

static void test_advice(void **state)
{
    (void)state;
    assert_null(advice_for(NULL));
    assert_null(advice_for(""));
    assert_null(advice_for("something else"));
    assert_non_null(
        strstr(advice_for("WRONGPASS: the user or the password is wrong")->remedy, "ACL LIST"));
    assert_non_null(
        strstr(advice_for("127.0.0.1:1: Connection refused")->meaning, "takes connections"));
    assert_non_null(strstr(advice_for("ACCESS_REFUSED - Login was refused using authentication "
                                      "mechanism PLAIN.")
                               ->remedy,
                           "password_file"));
    assert_null(advice_for("nobody is subscribed")->meaning); /* is plain */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_metrics, set_up),
        cmocka_unit_test_setup(test_metrics_of_nothing, set_up),
        cmocka_unit_test_setup(test_metrics_of_many, set_up),
        cmocka_unit_test_setup(test_lines, set_up),
        cmocka_unit_test_setup(test_table, set_up),
        cmocka_unit_test_setup(test_all_well, set_up),
        cmocka_unit_test_setup(test_problems, set_up),
        cmocka_unit_test_setup(test_problems_of_running, set_up),
        cmocka_unit_test_setup(test_advice, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
