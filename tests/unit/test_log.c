/* Is every line of the log well-formed whatever is in it, are repetitions counted, and does a full
 * stderr neither stop us nor go unmentioned? */
#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/strbuf.h"

/* Length of time="2026-01-31T12:00:00.123Z" without quotes, and a space. */
enum { TIME_LEN = 5 + CLOCK_TEXT_SIZE - 1 + 1 };

static struct strbuf written; /* every line since the test began */
static unsigned lines;
static uint64_t now;

static void take_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    strbuf_append(&written, line, len);
    lines++;
}

static uint64_t test_clock(void)
{
    return now;
}

static int set_up(void **state)
{
    (void)state;
    strbuf_reset(&written);
    lines = 0;
    now = 1000;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_set_clock(test_clock);
    log_set_writer(take_line, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_set_writer(NULL, NULL);
    log_set_clock(NULL);
    strbuf_fini(&written);
    return 0;
}

/* The last line that was written, without its time. */
static const char *last_line(void)
{
    const char *text = strbuf_text(&written);
    size_t at = written.len;

    assert_true(at > TIME_LEN);
    while (at > 1 && text[at - 2] != '\n') {
        at--;
    }
    return text + at - 1 + TIME_LEN;
}

static void test_text_line(void **state)
{
    int year, month, day, hour, minute, second, milliseconds;

    (void)state;
    log_info("connection", "redis", "up", log_text("host", "127.0.0.1"), log_number("port", 6379));
    assert_string_equal(last_line(),
                        "level=info connection=\"redis\" msg=\"up\" host=127.0.0.1 port=6379\n");
    assert_int_equal(sscanf(strbuf_text(&written), "time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ level=",
                            &year, &month, &day, &hour, &minute, &second, &milliseconds),
                     7);
    log_error("daemon", NULL, "cannot start");
    assert_string_equal(last_line(), "level=error msg=\"cannot start\"\n");
    log_warn("bridge", "a", "odd", log_number("least", LLONG_MIN));
    assert_string_equal(last_line(),
                        "level=warn bridge=\"a\" msg=\"odd\" least=-9223372036854775808\n");
}

static void test_text_quotes_where_needed(void **state)
{
    static const struct {
        const char *value;
        const char *printed;
    } cases[] = {
        {"plain", "plain"},
        {"a-b_c.d:e/f,g{h}", "a-b_c.d:e/f,g{h}"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"no\"", "\"say \\\"no\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"line\nbreak\r\t", "\"line\\nbreak\\r\\t\""},
        {"\x1b[31m", "\"\\u001b[31m\""},
        {"\x7f", "\"\\u007f\""},
        {"\xc2\x9b", "\"\\u009b\""},
        {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
        {"\xff!", "\"\\ufffd!\""},
        {"\xe2\x82", "\"\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[200];

        log_info("daemon", NULL, "m", log_text("v", cases[i].value));
        snprintf(wanted, sizeof(wanted), "level=info msg=\"m\" v=%s\n", cases[i].printed);
        assert_string_equal(last_line(), wanted);
    }
}

static void test_json_line(void **state)
{
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("bridge", "or\"ders", "up", log_text("host", "a b"), log_number("port", -1));
    assert_string_equal(strbuf_text(&written) + strlen("{\"time\":\"2026-01-31T12:00:00.123Z\""),
                        ",\"level\":\"info\",\"bridge\":\"or\\\"ders\",\"msg\":\"up\","
                        "\"host\":\"a b\",\"port\":-1}\n");
}

static void test_json_stays_well_formed(void **state)
{
    const struct json_limits limits = {.bytes = 1 << 20, .depth = 4};
    char value[3];

    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (unsigned bytes = 0; bytes < 65536; bytes++) {
        struct json_problem problem;
        struct json *json;

        value[0] = (char)(bytes >> 8);
        value[1] = (char)bytes;
        value[2] = '\0';
        strbuf_reset(&written);
        now += 60 * CLOCK_US_PER_S;
        log_info("bridge", value, value, log_text("v", value));
        json = json_parse(strbuf_slice(&written), &limits, &problem);
        assert_non_null(json);
        json_free(json);
    }
}

static void fill_line(size_t len, unsigned count)
{
    char *value = malloc(len + 1);
    struct log_field fields[20] = {{"", NULL, 0}};

    assert_non_null(value);
    assert_true(count < 18);
    memset(value, '\x01', len);
    value[len] = '\0';
    for (unsigned i = 1; i <= count; i++) {
        fields[i] = log_text("value", value);
    }
    fields[count + 1] = log_number("number", 123456789);
    log_write(LOG_LEVEL_INFO, "bridge", value, value, fields);
    free(value);
}

static void test_long_lines_are_cut(void **state)
{
    const struct json_limits limits = {
        .bytes = 1 << 20, .depth = 4, .flags = JSON_ALLOW_DUPLICATES};

    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (size_t len = 1; len < 2000; len += 7) {
        struct json *json;

        strbuf_reset(&written);
        now += 60 * CLOCK_US_PER_S;
        fill_line(len, (unsigned)(len % 12));
        assert_true(written.len <= 4096);
        json = json_parse(strbuf_slice(&written), &limits, NULL);
        assert_non_null(json);
        json_free(json);
    }
    strbuf_reset(&written);
    log_info("daemon", NULL, "m", log_text("v", "short"), log_number("n", 1));
    assert_null(strstr(strbuf_text(&written), "..."));
}

static void test_a_plain_long_value_is_cut(void **state)
{
    char value[2000];

    (void)state;
    memset(value, 'a', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    log_info("daemon", NULL, "m", log_text("v", value), log_number("n", 1));
    assert_non_null(strstr(strbuf_text(&written), "aaa...\" n=1\n"));
    assert_true(written.len < 1200);
}

static void test_levels(void **state)
{
    enum log_level level = LOG_LEVEL_WARN;

    (void)state;
    log_debug("daemon", NULL, "hidden");
    assert_int_equal(lines, 0);
    assert_false(log_is_on(LOG_LEVEL_DEBUG));
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    log_warn("daemon", NULL, "hidden");
    assert_int_equal(lines, 0);
    log_error("daemon", NULL, "shown");
    assert_int_equal(lines, 1);
    assert_int_equal(log_level_parse("verbose", &level), -1);
    assert_int_equal(log_level_parse("", &level), -1);
    assert_int_equal(level, LOG_LEVEL_WARN);
    for (int i = LOG_LEVEL_ERROR; i <= (int)LOG_LEVEL_DEBUG; i++) {
        assert_int_equal(log_level_parse(log_level_name((enum log_level)i), &level), 0);
        assert_int_equal(level, i);
    }
}

static void say_lost(int port)
{
    log_warn("connection", "redis", "lost", log_number("port", port));
}

static void test_repetitions_are_counted(void **state)
{
    (void)state;
    say_lost(1);
    now += 1 * CLOCK_US_PER_S;
    say_lost(1);
    now += 58 * CLOCK_US_PER_S;
    say_lost(1);
    assert_int_equal(lines, 1);
    say_lost(2);
    assert_int_equal(lines, 2);
    now += 1 * CLOCK_US_PER_S; /* a minute after the first */
    say_lost(1);
    assert_int_equal(lines, 3);
    assert_string_equal(last_line(),
                        "level=warn connection=\"redis\" msg=\"lost\" port=1 repeated=2\n");
    now += 60 * CLOCK_US_PER_S;
    say_lost(1);
    assert_string_equal(last_line(), "level=warn connection=\"redis\" msg=\"lost\" port=1\n");
}

static void say_why(const char *name, const char *why)
{
    log_warn("connection", name, "down", log_text("why", why), log_number("tries", 1));
}

/* Numbers in the words of a reason make no other line of it; those elsewhere do. */
static void test_reasons_that_differ_in_numbers(void **state)
{
    (void)state;
    say_why("redis", "a frame of 67109120 octets, over 4096");
    say_why("redis", "a frame of 7 octets, over 131072");
    assert_int_equal(lines, 1);
    say_why("redis2", "a frame of 7 octets, over 131072");
    assert_int_equal(lines, 2);
    say_why("redis", "a frame of octets, over 4096");
    say_why("redis", "frames of 7 octets, over 4096");
    assert_int_equal(lines, 4);
    now += 61 * CLOCK_US_PER_S;
    say_why("redis", "a frame of 11 octets, over 12");
    assert_non_null(strstr(strbuf_text(&written), "over 12\" tries=1 repeated=1\n"));
}

static void test_repetitions_in_json(void **state)
{
    (void)state;
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    say_lost(1);
    say_lost(1);
    now += 61 * CLOCK_US_PER_S;
    say_lost(1);
    assert_non_null(strstr(strbuf_text(&written), ",\"port\":1,\"repeated\":1}\n"));
}

static void test_debug_repeats(void **state)
{
    (void)state;
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    log_debug("daemon", NULL, "again");
    log_debug("daemon", NULL, "again");
    assert_int_equal(lines, 2);
}

static void test_other_lines_are_no_repetition(void **state)
{
    (void)state;
    log_info("bridge", "a", "up");
    log_info("bridge", "b", "up");
    log_info("connection", "a", "up");
    log_warn("bridge", "a", "up");
    log_info("bridge", "a", "down");
    log_info("bridge", "a", "up", log_text("host", "a"));
    log_info("bridge", "a", "up", log_text("host", "b"));
    assert_int_equal(lines, 7);
    log_info("bridge", "a", "up", log_text("host", "b"));
    assert_int_equal(lines, 7);
}

static void test_many_different_lines_are_all_printed(void **state)
{
    (void)state;
    say_lost(-1);
    for (int i = 0; i < 1000; i++) {
        now++;
        say_lost(i);
    }
    assert_int_equal(lines, 1001);
    say_lost(999);
    say_lost(950);
    assert_int_equal(lines, 1001);
    say_lost(-1); /* forgotten long ago */
    assert_int_equal(lines, 1002);
}

/* Fills the pipe so that it takes not one byte more. */
/* A bucket of 10,000 lines that fills by 200 a second; what it holds back is said. */
static void test_a_flood_is_held_back_and_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 10123; i++) {
        log_info("bridge", "flood", "line", log_number("number", i));
    }
    assert_int_equal(lines, 10000);
    now += CLOCK_US_PER_S;
    log_info("bridge", "flood", "over");
    assert_int_equal(lines, 10001);
    assert_string_equal(last_line(), "level=info bridge=\"flood\" msg=\"over\" held_back=123\n");
    for (int i = 0; i < 300; i++) {
        log_info("bridge", "flood", "again", log_number("number", i));
    }
    assert_int_equal(lines, 10200);
    now += CLOCK_US_PER_S;
    log_info("bridge", "flood", "over now");
    assert_non_null(strstr(last_line(), " held_back=101"));
}

static void fill_pipe(int fd)
{
    char block[512];
    int flags = fcntl(fd, F_GETFL);

    memset(block, '.', sizeof(block));
    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, block, sizeof(block)) > 0) {
    }
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void drain_pipe(int fd, struct strbuf *out)
{
    char block[4096];
    ssize_t len;

    strbuf_reset(out);
    while ((len = read(fd, block, sizeof(block))) > 0) {
        strbuf_append(out, block, (size_t)len);
    }
}

/* Runs `say` with a pipe for stderr, whose reading end is given to it. */
static void with_piped_stderr(void (*say)(int reader))
{
    int ends[2];
    int saved = dup(STDERR_FILENO);

    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_set_writer(NULL, NULL);
    say(ends[0]);
    log_set_writer(take_line, NULL);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

static void say_into_full_pipe(int reader)
{
    fill_pipe(STDERR_FILENO);
    say_lost(1);
    say_lost(2);
    say_lost(1); /* the first was not seen by anybody, so this is no repetition */
    drain_pipe(reader, &written);
    assert_null(strstr(strbuf_text(&written), "lost"));
    say_lost(1);
    drain_pipe(reader, &written);
    assert_string_equal(last_line(),
                        "level=warn connection=\"redis\" msg=\"lost\" port=1 held_back=3\n");
    say_lost(2);
    drain_pipe(reader, &written);
    assert_string_equal(last_line(), "level=warn connection=\"redis\" msg=\"lost\" port=2\n");
    say_lost(1);
    drain_pipe(reader, &written);
    assert_int_equal(written.len, 0);
}

static void test_full_stderr_holds_back(void **state)
{
    (void)state;
    with_piped_stderr(say_into_full_pipe);
}

static void say_without_reader(int reader)
{
    int null = open("/dev/null", O_RDONLY);

    assert_true(null >= 0);
    assert_true(dup2(null, reader) >= 0);
    close(null);
    say_lost(3); /* no SIGPIPE */
}

static void test_closed_stderr_is_harmless(void **state)
{
    (void)state;
    with_piped_stderr(say_without_reader);
    say_lost(3);
    assert_string_equal(last_line(),
                        "level=warn connection=\"redis\" msg=\"lost\" port=3 held_back=1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_quotes_where_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_stays_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_plain_long_value_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repetitions_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repetitions_in_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reasons_that_differ_in_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_debug_repeats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_lines_are_no_repetition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_different_lines_are_all_printed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_flood_is_held_back_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_stderr_holds_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closed_stderr_is_harmless, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
