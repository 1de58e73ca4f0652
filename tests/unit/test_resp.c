/* Does the RESP parser hand on exactly the frames that were sent, however the bytes are cut, and
 * does it refuse, within bounded memory, everything that is not RESP2? */
#include "redis/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"

enum { LIMIT = 256 * 1024 };

/* Writes each frame as text, so that a test compares strings. */
struct reader {
    struct resp *resp;
    struct strbuf text;
    unsigned frames;
    unsigned stop_after; /* 0: never */
};

static void append_value(struct strbuf *out, const struct resp_value *value)
{
    size_t i;

    switch (value->type) {
    case RESP_INTEGER:
        strbuf_append_format(out, ":%lld", (long long)value->integer);
        return;
    case RESP_NIL:
        strbuf_append_text(out, "nil");
        return;
    case RESP_ARRAY:
        strbuf_append_format(out, "*%lld", (long long)value->integer);
        return;
    default:
        break;
    }
    strbuf_append_char(out, "$+-"[value->type]);
    if (value->text.len > 64) {
        strbuf_append_format(out, "%zu bytes", value->text.len);
        return;
    }
    for (i = 0; i < value->text.len; i++) {
        unsigned char byte = (unsigned char)value->text.data[i];
        strbuf_append_format(out, byte < 0x20 || byte > 0x7e ? "\\x%02x" : "%c", byte);
    }
}

static void on_frame(void *ctx, const struct resp_frame *frame)
{
    struct reader *reader = ctx;
    size_t i;

    if (frame->type == RESP_ARRAY) {
        strbuf_append_format(&reader->text, "[%zu", frame->count);
        for (i = 0; i < frame->count && i < RESP_VALUES_MAX; i++) {
            strbuf_append_char(&reader->text, ' ');
            append_value(&reader->text, &frame->values[i]);
        }
        strbuf_append_text(&reader->text, "]");
    } else {
        append_value(&reader->text, &frame->values[0]);
    }
    strbuf_append_char(&reader->text, '\n');
    if (++reader->frames == reader->stop_after) {
        resp_stop(reader->resp);
    }
}

static int set_up(void **state)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    assert_non_null(reader);
    reader->resp = resp_new(LIMIT, on_frame, reader);
    assert_non_null(reader->resp);
    *state = reader;
    return 0;
}

static int tear_down(void **state)
{
    struct reader *reader = *state;

    resp_free(reader->resp);
    strbuf_fini(&reader->text);
    free(reader);
    return 0;
}

static void start_again(struct reader *reader)
{
    strbuf_reset(&reader->text);
    reader->frames = 0;
    assert_int_equal(resp_reset(reader->resp), 0);
}

static void feed(struct reader *reader, struct slice bytes)
{
    struct err err;

    assert_int_equal(resp_feed(reader->resp, bytes.data, bytes.len, &err), 0);
}

/* A stream and the frames in it. */
struct sample {
    struct slice bytes;
    const char *frames;
};

static const struct sample samples[] = {
    {SLICE("+OK\r\n"), "+OK\n"},
    {SLICE("+\r\n"), "+\n"},
    {SLICE("-ERR no such thing\r\n"), "-ERR no such thing\n"},
    {SLICE(":0\r\n:-1\r\n:9223372036854775807\r\n"), ":0\n:-1\n:9223372036854775807\n"},
    {SLICE("$-1\r\n*-1\r\n"), "nil\nnil\n"},
    {SLICE("$0\r\n\r\n"), "$\n"},
    {SLICE("$6\r\na\0\r\n\xff.\r\n"), "$a\\x00\\x0d\\x0a\\xff.\n"},
    {SLICE("*0\r\n"), "[0]\n"},
    {SLICE("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n"), "[3 $message $ch $hello]\n"},
    {SLICE("*3\r\n$7\r\nmessage\r\n$0\r\n\r\n$0\r\n\r\n"), "[3 $message $ $]\n"},
    {SLICE("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$2\r\n\r\n\r\n$3\r\nx\ny\r\n"),
     "[4 $pmessage $* $\\x0d\\x0a $x\\x0ay]\n"},
    {SLICE("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"),
     "[3 $subscribe $a :1]\n[3 $unsubscribe nil :0]\n"},
    {SLICE("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), "[2 $pong $]\n"},
    {SLICE("*3\r\n$6\r\nmaster\r\n:3129659\r\n*2\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9001\r\n$1\r\n0"
           "\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n9002\r\n$1\r\n0\r\n+next\r\n"),
     "[3 $master :3129659 *2]\n+next\n"},
    {SLICE("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"), "[3 $master :0 *0]\n"},
    {SLICE("*2\r\n*1\r\n$4\r\ndeep\r\n$4\r\nflat\r\n"), "[2 *1 $flat]\n"},
    {SLICE("*3\r\n*-1\r\n$-1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), "[3 nil nil *1]\n"},
    {SLICE("*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n"),
     "[10 :0 :1 :2 :3 :4 :5 :6 :7]\n"},
    {SLICE("*2\r\n-ERR a\r\n+b\r\n"), "[2 -ERR a +b]\n"},
};

static void hands_on_what_came_split_at_every_byte(void **state)
{
    struct reader *reader = *state;
    size_t i, cut;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct slice bytes = samples[i].bytes;

        for (cut = 0; cut <= bytes.len; cut++) {
            start_again(reader);
            feed(reader, slice_make(bytes.data, cut));
            feed(reader, slice_make(bytes.data + cut, bytes.len - cut));
            assert_string_equal(strbuf_text(&reader->text), samples[i].frames);
        }
    }
}

static void hands_on_what_came_byte_by_byte(void **state)
{
    struct reader *reader = *state;
    struct strbuf expected = STRBUF_INIT;
    size_t i, at;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        for (at = 0; at < samples[i].bytes.len; at++) {
            feed(reader, slice_make(samples[i].bytes.data + at, 1));
        }
        strbuf_append_text(&expected, samples[i].frames);
    }
    assert_string_equal(strbuf_text(&reader->text), strbuf_text(&expected));
    strbuf_fini(&expected);
}

static void hands_on_many_frames_of_one_feed(void **state)
{
    struct reader *reader = *state;
    struct strbuf bytes = STRBUF_INIT;
    struct strbuf expected = STRBUF_INIT;
    int i;

    for (i = 0; i < 5000; i++) {
        strbuf_append_format(&bytes, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$6\r\n%06d\r\n", i);
        strbuf_append_format(&expected, "[3 $message $c $%06d]\n", i);
    }
    feed(reader, strbuf_slice(&bytes));
    assert_string_equal(strbuf_text(&reader->text), strbuf_text(&expected));
    strbuf_fini(&bytes);
    strbuf_fini(&expected);
}

/* What is taken whole and what the reader reads must be the same, wherever the one ends and the
 * other begins: bodies with ends of lines and with what looks like a reply in them. */
static void hands_on_the_same_from_pieces_of_every_size(void **state)
{
    static const char *const bodies[] = {"",
                                         "x",
                                         "\r\n",
                                         ":1\r\n",
                                         "\r\n\r\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
                                         "*3\r\n$7\r\nmessage\r\n"};
    struct reader *reader = *state;
    struct strbuf bytes = STRBUF_INIT;
    struct strbuf expected = STRBUF_INIT;
    size_t piece, at;

    for (unsigned i = 0; i < 60; i++) {
        const char *body = bodies[i % 6];

        strbuf_append_format(&bytes, "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$%zu\r\n%s\r\n",
                             strlen(body), body);
        strbuf_append_text(&bytes, i % 7 == 0 ? "+PONG\r\n*2\r\n:1\r\n$-1\r\n" : ":12\r\n:0\r\n");
    }
    for (at = 0; at < bytes.len; at++) {
        feed(reader, slice_make(bytes.data + at, 1));
    }
    strbuf_append_slice(&expected, strbuf_slice(&reader->text));
    for (piece = 2; piece <= bytes.len; piece++) {
        start_again(reader);
        for (at = 0; at < bytes.len; at += piece) {
            feed(reader,
                 slice_make(bytes.data + at, bytes.len - at < piece ? bytes.len - at : piece));
        }
        assert_string_equal(strbuf_text(&reader->text), strbuf_text(&expected));
    }
    strbuf_fini(&bytes);
    strbuf_fini(&expected);
}

/* Sends a message with a channel and a body of these sizes in pieces of `piece` bytes. */
static void send_message(struct reader *reader, size_t channel_len, size_t body_len, size_t piece)
{
    struct strbuf bytes = STRBUF_INIT;
    size_t at;

    strbuf_append_format(&bytes, "*3\r\n$7\r\nmessage\r\n$%zu\r\n", channel_len);
    memset(strbuf_reserve(&bytes, channel_len + 1), 'c', channel_len);
    strbuf_commit(&bytes, channel_len);
    strbuf_append_format(&bytes, "\r\n$%zu\r\n", body_len);
    memset(strbuf_reserve(&bytes, body_len + 1), '\n', body_len);
    strbuf_commit(&bytes, body_len);
    strbuf_append_text(&bytes, "\r\n");
    for (at = 0; at < bytes.len; at += piece) {
        feed(reader, slice_make(bytes.data + at, bytes.len - at < piece ? bytes.len - at : piece));
    }
    strbuf_fini(&bytes);
}

static void hands_on_large_values(void **state)
{
    struct reader *reader = *state;

    send_message(reader, 100, LIMIT, 1000);
    assert_string_equal(strbuf_text(&reader->text), "[3 $message $100 bytes $262144 bytes]\n");
    start_again(reader);
    send_message(reader, LIMIT / 2, LIMIT / 2, 65536);
    assert_string_equal(strbuf_text(&reader->text), "[3 $message $131072 bytes $131072 bytes]\n");
    start_again(reader);
    send_message(reader, 100, 100, 17);
    assert_string_equal(strbuf_text(&reader->text), "[3 $message $100 bytes $100 bytes]\n");
}

/* Feeds `bytes` piece by piece until it is refused; the words are in `err`. */
static void assert_refused(struct reader *reader, struct slice bytes, const char *words)
{
    struct err err = {""};
    size_t at;
    int got = 0;

    start_again(reader);
    assert_int_equal(resp_feed(reader->resp, bytes.data, bytes.len, &err), -1);
    assert_non_null(strstr(err.text, words));
    assert_int_equal(resp_feed(reader->resp, "+OK\r\n", 5, &err), -1);
    assert_non_null(strstr(err.text, words));
    start_again(reader);
    for (at = 0; at < bytes.len && got == 0; at++) {
        got = resp_feed(reader->resp, bytes.data + at, 1, &err);
    }
    assert_int_equal(got, -1);
    assert_non_null(strstr(err.text, words));
    start_again(reader);
    feed(reader, SLICE("+OK\r\n"));
    assert_string_equal(strbuf_text(&reader->text), "+OK\n");
}

static void refuses_what_is_not_resp2(void **state)
{
    static const struct sample hostile[] = {
        {SLICE("HTTP/1.1 400 Bad Request\r\n"), "reply type byte"},
        {SLICE("\r\n"), "reply type byte"},
        {SLICE("\0"), "reply type byte"},
        {SLICE("*2\r\n+a\r\n?\r\n"), "reply type byte"},
        {SLICE(":\r\n"), "Bad integer"},
        {SLICE(":12x\r\n"), "Bad integer"},
        {SLICE(":99999999999999999999\r\n"), "Bad integer"},
        {SLICE(":--1\r\n"), "Bad integer"},
        {SLICE("$\r\n"), "length"},
        {SLICE("$x\r\n"), "length"},
        {SLICE("$-2\r\n"), "length"},
        {SLICE("$99999999999999999999999"), "size limit"},
        {SLICE("$9223372036854775807\r\nx"), "size limit"},
        {SLICE("$18446744073709551615"), "size limit"},
        {SLICE("$18446744073709551615\r\n"), "i"},
        {SLICE("$2147483648\r\nx"), "size limit"},
        {SLICE("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$400000\r\n"), "size limit"},
        {SLICE("*\r\n"), "length"},
        {SLICE("*-2\r\n"), "length"},
        {SLICE("*2147483647\r\n"), "more elements"},
        {SLICE("*4097\r\n"), "more elements"},
        {SLICE("*99999999999999999999\r\n"), "length"},
        {SLICE("*1\r\n*2147483647\r\n"), "more elements"},
        {SLICE("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"), "nested deeper"},
        {SLICE("*2\r\n:1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"), "nested deeper"},
        {SLICE("$3\r\nabcd\r\n"), "CRLF"},
        {SLICE("$3\r\nabc\n\n"), "CRLF"},
        {SLICE("*3\r\n$7\r\nmessage\r\n$1\r\ncc\r$1\r\n"), "CRLF"},
    };
    size_t i;

    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_refused(*state, hostile[i].bytes, hostile[i].frames);
    }
}

static void refuses_resp3(void **state)
{
    static const struct slice values[] = {
        SLICE("_\r\n"),
        SLICE(",1.5\r\n"),
        SLICE("#t\r\n"),
        SLICE("%1\r\n+a\r\n"),
        SLICE("~1\r\n+a\r\n"),
        SLICE(">2\r\n+a\r\n+b\r\n"),
        SLICE("(12345\r\n"),
        SLICE("=5\r\ntxt:a\r\n"),
        SLICE("|1\r\n+a\r\n+b\r\n"),
        SLICE("!5\r\nERR a\r\n"),
        SLICE("*2\r\n:1\r\n,2.5\r\n"),
        SLICE("*2\r\n_\r\n:1\r\n"),
    };
    struct err err;
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct reader *reader = *state;

        start_again(reader);
        assert_int_equal(resp_feed(reader->resp, values[i].data, values[i].len, &err), -1);
        assert_string_equal(strbuf_text(&reader->text), "");
    }
}

static void refuses_a_line_without_end(void **state)
{
    static const char beginnings[] = "+-:*$";
    struct reader *reader = *state;
    struct err err;
    char block[1024];
    size_t i;

    memset(block, '0', sizeof(block));
    for (i = 0; i < sizeof(beginnings) - 1; i++) {
        size_t sent = 0;

        start_again(reader);
        feed(reader, slice_make(&beginnings[i], 1));
        while (resp_feed(reader->resp, block, sizeof(block), &err) == 0) {
            sent += sizeof(block);
            assert_true(sent <= 10 * 1024 * 1024);
        }
        assert_non_null(strstr(err.text, "a line does not end"));
        assert_true(sent <= RESP_LINE_MAX);
    }
}

static void keeps_what_is_unfinished_bounded(void **state)
{
    struct reader *reader = *state;
    struct strbuf bytes = STRBUF_INIT;
    struct err err;
    int i;

    /* Each value is within the limit, all together are not. */
    strbuf_append_text(&bytes, "*8\r\n");
    for (i = 0; i < 7; i++) {
        size_t len = LIMIT / 4;

        strbuf_append_format(&bytes, "$%zu\r\n", len);
        memset(strbuf_reserve(&bytes, len + 1), 'x', len);
        strbuf_commit(&bytes, len);
        strbuf_append_text(&bytes, "\r\n");
    }
    assert_int_equal(resp_feed(reader->resp, bytes.data, bytes.len, &err), -1);
    assert_non_null(strstr(err.text, "size limit"));
    strbuf_fini(&bytes);
}

static void stops_when_told(void **state)
{
    struct reader *reader = *state;
    struct err err;

    reader->stop_after = 2;
    feed(reader, SLICE("+a\r\n*2\r\n+b\r\n+c\r\n+d\r\n*1\r\n+e\r\n"));
    assert_string_equal(strbuf_text(&reader->text), "+a\n[2 +b +c]\n");
    assert_int_equal(resp_feed(reader->resp, "\xff", 1, &err), 0);
    assert_int_equal(reader->frames, 2);
    start_again(reader);
    feed(reader, SLICE("+f\r\n"));
    assert_string_equal(strbuf_text(&reader->text), "+f\n");
}

static void compares_values(void **state)
{
    struct resp_frame frame = {.type = RESP_ARRAY, .count = 1};

    (void)state;
    frame.values[0] = (struct resp_value){.type = RESP_STRING, .text = SLICE("pong")};
    assert_true(resp_frame_says(&frame, 0, "pong"));
    assert_false(resp_frame_says(&frame, 0, "pon"));
    assert_false(resp_frame_says(&frame, 1, "pong"));
    assert_false(resp_frame_is_error(&frame, "pong"));
    frame.type = RESP_ERROR;
    frame.values[0] = (struct resp_value){.type = RESP_ERROR, .text = SLICE("NOPERM this user")};
    assert_true(resp_frame_is_error(&frame, "NOPERM"));
    assert_false(resp_frame_is_error(&frame, "NO"));
    assert_false(resp_frame_is_error(&frame, "NOPERMISSION"));
    assert_string_equal(resp_type_name(RESP_ARRAY), "array");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_what_is_not_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_resp3, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_line_without_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_what_is_unfinished_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_on_what_came_split_at_every_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_on_what_came_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_on_many_frames_of_one_feed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hands_on_the_same_from_pieces_of_every_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(hands_on_large_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stops_when_told, set_up, tear_down),
        cmocka_unit_test(compares_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
