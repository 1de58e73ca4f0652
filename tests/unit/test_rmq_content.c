/* Is content put together only in its order, byte for byte, in memory that follows what came and
 * not what was announced? */
#include "amqp/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "amqp/octets.h"
#include "base/strbuf.h"

enum { MAX_SIZE = 1024 * 1024 };

struct bed {
    struct rmq_codec *codec;
    struct rmq_content *content;
    struct err err;
};

static int set_up(void **state)
{
    struct rmq_content_options options = {.need_properties = true, .max_size = MAX_SIZE};
    struct bed *bed = calloc(1, sizeof(*bed));

    assert_non_null(bed);
    bed->codec = rmq_codec_new();
    bed->content = rmq_content_new(&options);
    assert_non_null(bed->content);
    rmq_content_set_queue(bed->content, SLICE("the queue"));
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    rmq_content_free(bed->content);
    rmq_codec_free(bed->codec);
    free(bed);
    return 0;
}

static void begin(struct bed *bed)
{
    amqp_basic_deliver_t deliver = {rmq_bytes_of("tag"), 7, 1, rmq_bytes_of("the exchange"),
                                    rmq_bytes_of("the.key")};

    assert_int_equal(rmq_content_begin_deliver(bed->content, &deliver, &bed->err), 0);
    assert_true(rmq_content_is_under_way(bed->content));
}

static enum rmq_content_progress header(struct bed *bed, uint64_t size, struct slice properties)
{
    struct strbuf payload = STRBUF_INIT;
    uint8_t head[12] = {0, 60};
    enum rmq_content_progress progress;

    rmq_put_u64(head + 4, size);
    strbuf_append(&payload, head, sizeof(head));
    strbuf_append_slice(&payload, properties);
    progress = rmq_content_take_header(bed->content, bed->codec, strbuf_slice(&payload), &bed->err);
    strbuf_fini(&payload);
    return progress;
}

static enum rmq_content_progress body(struct bed *bed, struct slice payload)
{
    return rmq_content_take_body(bed->content, bed->codec, payload, &bed->err);
}

#define NO_PROPERTIES SLICE("\x00\x00")

static void expect_broken(struct bed *bed, enum rmq_content_progress progress, const char *words)
{
    assert_int_equal(progress, RMQ_CONTENT_BROKEN);
    if (strstr(bed->err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", bed->err.text, words);
    }
    rmq_content_reset(bed->content);
}

static void refuses_what_is_out_of_order(void **state)
{
    struct bed *bed = *state;
    amqp_basic_return_t returned = {.reply_code = 312};

    expect_broken(bed, header(bed, 1, NO_PROPERTIES), "that no method announced");
    expect_broken(bed, body(bed, SLICE("x")), "that no content header announced");
    begin(bed);
    expect_broken(bed, body(bed, SLICE("x")), "that no content header announced");
    begin(bed);
    assert_int_equal(rmq_content_begin_return(bed->content, &returned, &bed->err), -1);
    assert_string_equal(bed->err.text, "a method in the middle of content");
    assert_int_equal(header(bed, 2, NO_PROPERTIES), RMQ_CONTENT_MORE);
    expect_broken(bed, header(bed, 2, NO_PROPERTIES), "that no method announced");
    begin(bed);
    assert_int_equal(header(bed, 2, NO_PROPERTIES), RMQ_CONTENT_MORE);
    expect_broken(bed, body(bed, SLICE("")), "a body frame of 0 octets where 2 are left");
    begin(bed);
    assert_int_equal(header(bed, 2, NO_PROPERTIES), RMQ_CONTENT_MORE);
    expect_broken(bed, body(bed, SLICE("abc")), "a body frame of 3 octets where 2 are left");
}

static void refuses_other_headers(void **state)
{
    struct bed *bed = *state;
    static const char confirm_class[14] = {0, 85};

    begin(bed);
    expect_broken(bed,
                  rmq_content_take_header(bed->content, bed->codec,
                                          slice_make(confirm_class, sizeof(confirm_class)),
                                          &bed->err),
                  "not of the basic class");
    begin(bed);
    expect_broken(
        bed,
        rmq_content_take_header(bed->content, bed->codec, slice_make(confirm_class, 11), &bed->err),
        "not of the basic class");
}

static void expect_message(struct bed *bed, struct slice expected)
{
    struct rmq_message message;
    struct delivery *delivery;

    rmq_content_finish(bed->content, &message);
    delivery = message.delivery;
    assert_non_null(delivery);
    assert_null(delivery->refused_why);
    assert_false(message.returned);
    assert_int_equal(message.tag, 7);
    assert_true(delivery->redelivered);
    assert_true(slice_equal(delivery->queue, SLICE("the queue")));
    assert_true(slice_equal(delivery->exchange, SLICE("the exchange")));
    assert_true(slice_equal(delivery->routing_key, SLICE("the.key")));
    assert_true(slice_equal(delivery->body, expected));
    assert_non_null(delivery->properties);
    delivery_free(delivery);
    assert_false(rmq_content_is_under_way(bed->content));
}

static void puts_bodies_of_all_sizes_together(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 131071, 131072, 131073, 200000, MAX_SIZE};
    struct bed *bed = *state;
    char *octets = malloc(MAX_SIZE);
    size_t i, at, piece;

    assert_non_null(octets);
    for (i = 0; i < MAX_SIZE; i++) {
        octets[i] = (char)(i * 31 >> 3);
    }
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        enum rmq_content_progress progress;

        begin(bed);
        progress = header(bed, sizes[i], SLICE("\x80\x00\x04text"));
        for (at = 0; at < sizes[i]; at += piece) {
            assert_int_equal(progress, RMQ_CONTENT_MORE);
            piece = sizes[i] - at < 4088 ? sizes[i] - at : 4088;
            progress = body(bed, slice_make(octets + at, piece));
        }
        assert_int_equal(progress, RMQ_CONTENT_DONE);
        expect_message(bed, slice_make(octets, sizes[i]));
    }
    free(octets);
}

/* What is left of a message that is refused: everything but properties and body. */
static void expect_refused(struct bed *bed, bool is_too_large, const char *words)
{
    struct rmq_message message;

    rmq_content_finish(bed->content, &message);
    assert_int_equal(message.tag, 7);
    assert_non_null(message.delivery);
    assert_non_null(message.delivery->refused_why);
    assert_non_null(strstr(message.delivery->refused_why, words));
    assert_int_equal(message.delivery->is_too_large, is_too_large);
    assert_int_equal(message.delivery->body.len, 0);
    assert_null(message.delivery->properties);
    assert_true(slice_equal(message.delivery->routing_key, SLICE("the.key")));
    assert_true(message.delivery->size < 1000);
    delivery_free(message.delivery);
}

/* Sizes beyond the limit: read to their end, but not kept. */
static void keeps_nothing_that_is_too_large(void **state)
{
    static const char octets[4088];
    struct bed *bed = *state;
    enum rmq_content_progress progress = RMQ_CONTENT_MORE;
    size_t left = MAX_SIZE + 1, piece;

    begin(bed);
    assert_int_equal(header(bed, left, NO_PROPERTIES), RMQ_CONTENT_MORE);
    alloc_fail_after(0);
    for (; left > 0; left -= piece) {
        piece = left < sizeof(octets) ? left : sizeof(octets);
        progress = body(bed, slice_make(octets, piece));
    }
    assert_false(alloc_fail_stop());
    assert_int_equal(progress, RMQ_CONTENT_DONE);
    expect_refused(bed, true, "a body of 1048577 octets, over the 1048576 that are read");
    begin(bed);
    assert_int_equal(header(bed, UINT64_C(2) << 30, NO_PROPERTIES), RMQ_CONTENT_MORE);
    assert_int_equal(body(bed, SLICE("x")), RMQ_CONTENT_MORE);
    assert_true(rmq_content_is_under_way(bed->content));
    rmq_content_reset(bed->content);
    begin(bed);
    expect_broken(bed, header(bed, (UINT64_C(2) << 30) + 1, NO_PROPERTIES), "than any broker");
    begin(bed);
    expect_broken(bed, header(bed, UINT64_C(1) << 63, NO_PROPERTIES), "than any broker");
    begin(bed);
    expect_broken(bed, header(bed, UINT64_MAX, NO_PROPERTIES), "than any broker");
}

/* A body announced at the limit, of which a few octets come, takes little memory. */
static void believes_no_announced_size(void **state)
{
    struct bed *bed = *state;

    begin(bed);
    assert_int_equal(header(bed, MAX_SIZE, NO_PROPERTIES), RMQ_CONTENT_MORE);
    assert_int_equal(body(bed, SLICE("x")), RMQ_CONTENT_MORE);
    /* Room for one octet was there: the next thousand cost no more than a small buffer. */
    alloc_fail_after(0);
    assert_int_equal(body(bed, SLICE("y")), RMQ_CONTENT_MORE);
    assert_false(alloc_fail_stop());
    rmq_content_reset(bed->content);
}

static void refuses_a_message_not_the_broker(void **state)
{
    struct bed *bed = *state;

    /* Properties that cannot be decoded are their publisher's doing. */
    begin(bed);
    assert_int_equal(header(bed, 1, SLICE("\x80\x01\x04text\x00\x00")), RMQ_CONTENT_MORE);
    assert_int_equal(body(bed, SLICE("x")), RMQ_CONTENT_DONE);
    expect_refused(bed, false, "flags 0x8001");
    begin(bed);
    assert_int_equal(header(bed, 131073, SLICE("\x80\x01\x04text\x00\x00")), RMQ_CONTENT_MORE);
    assert_int_equal(body(bed, SLICE("x")), RMQ_CONTENT_MORE);
    rmq_content_reset(bed->content);
    /* Nobody who does not want them is bothered. */
    begin(bed);
    assert_int_equal(header(bed, 0, NO_PROPERTIES), RMQ_CONTENT_DONE);
    expect_message(bed, SLICE(""));
}

static void keeps_what_a_return_says(void **state)
{
    struct bed *bed = *state;
    amqp_basic_return_t returned = {312, rmq_bytes_of("NO_ROUTE"), rmq_bytes_of("x"),
                                    rmq_bytes_of("key")};
    struct rmq_message message;

    assert_int_equal(rmq_content_begin_return(bed->content, &returned, &bed->err), 0);
    assert_int_equal(header(bed, 4, NO_PROPERTIES), RMQ_CONTENT_MORE);
    assert_int_equal(body(bed, SLICE("back")), RMQ_CONTENT_DONE);
    rmq_content_finish(bed->content, &message);
    assert_true(message.returned);
    assert_int_equal(message.code, 312);
    assert_string_equal(message.text, "NO_ROUTE");
    assert_true(slice_equal(message.delivery->body, SLICE("back")));
    assert_true(slice_equal(message.delivery->routing_key, SLICE("key")));
    delivery_free(message.delivery);
}

/* Memory runs out at every place in turn: an error, and no leak. */
static void says_so_when_memory_is_out(void **state)
{
    static char octets[131073];
    struct bed *bed = *state;
    unsigned successes;
    bool failed = true;

    for (successes = 0; failed; successes++) {
        enum rmq_content_progress progress;

        begin(bed);
        alloc_fail_after(successes + 1); /* the first is the test's own, in header() */
        progress = header(bed, sizeof(octets), SLICE("\x80\x00\x04text"));
        if (progress == RMQ_CONTENT_MORE) {
            progress = body(bed, slice_make(octets, 100000));
        }
        if (progress == RMQ_CONTENT_MORE) {
            progress = body(bed, slice_make(octets, sizeof(octets) - 100000));
        }
        failed = alloc_fail_stop();
        if (failed) {
            expect_broken(bed, progress, "out of memory");
        } else {
            assert_int_equal(progress, RMQ_CONTENT_DONE);
            expect_message(bed, slice_make(octets, sizeof(octets)));
        }
    }
    assert_true(successes > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_what_is_out_of_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_other_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_nothing_that_is_too_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(believes_no_announced_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_message_not_the_broker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(puts_bodies_of_all_sizes_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_what_a_return_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_so_when_memory_is_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
