/* Are frames cut out and put together exactly, at every split, and refused as soon as their wrong
 * octets are there? */
#include "amqp/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FRAME_MAX = 4096 };

static int parse(struct slice data, uint32_t frame_max, struct rmq_frame *frame, size_t *used,
                 struct err *err)
{
    return rmq_frame_parse((const uint8_t *)data.data, data.len, frame_max, frame, used, err);
}

static void expect_refused(struct slice data, const char *words)
{
    struct rmq_frame frame;
    struct err err = {""};
    size_t used = 1;

    assert_int_equal(parse(data, FRAME_MAX, &frame, &used, &err), -1);
    assert_int_equal(used, 0);
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
}

static void refuses_what_is_no_frame(void **state)
{
    (void)state;
    expect_refused(SLICE("\x00\x00\x00\x00\x00\x00\x00"), "unknown type 0");
    expect_refused(SLICE("\x04\x00\x00\x00\x00\x00\x00"), "unknown type 4");
    expect_refused(SLICE("AMQP\x00\x00\x09\x01"), "unknown type 65");
    expect_refused(SLICE("\x02\x00\x00\x00\x00\x00\x0e"), "content on channel 0");
    expect_refused(SLICE("\x03\x00\x00\x00\x00\x00\x01"), "content on channel 0");
    expect_refused(SLICE("\x08\x00\x01\x00\x00\x00\x00"), "a heartbeat with a channel");
    expect_refused(SLICE("\x08\x00\x00\x00\x00\x00\x01"), "a heartbeat with a channel");
    /* Too large, long before the payload is there. */
    expect_refused(SLICE("\x01\x00\x01\x00\x00\x0f\xf9"), "4097 octets, over frame_max 4096");
    expect_refused(SLICE("\x01\x00\x01\xff\xff\xff\xff"), "4294967303 octets, over frame_max");
    expect_refused(SLICE("\x01\x00\x01\x00\x00\x00\x01x\xcf"), "ends with 0xcf");
    expect_refused(SLICE("\x08\x00\x00\x00\x00\x00\x00\x00"), "ends with 0x00");
}

static void takes_a_frame_when_it_is_whole(void **state)
{
    static const char whole[] = "\x03\x12\x34\x00\x00\x00\x05hello\xce\x08\x00\x00";
    const size_t size = 7 + 5 + 1;
    struct rmq_frame frame;
    struct err err;
    size_t used, len;

    (void)state;
    for (len = 0; len < size; len++) {
        char *copy = malloc(len + 1);

        assert_non_null(copy);
        memcpy(copy, whole, len);
        assert_int_equal(parse(slice_make(copy, len), FRAME_MAX, &frame, &used, &err), 0);
        assert_int_equal(used, 0);
        free(copy);
    }
    assert_int_equal(parse(slice_make(whole, sizeof(whole) - 1), FRAME_MAX, &frame, &used, &err),
                     0);
    assert_int_equal(used, size);
    assert_int_equal(frame.type, AMQP_FRAME_BODY);
    assert_int_equal(frame.channel, 0x1234);
    assert_true(slice_equal(frame.payload, SLICE("hello")));
}

static void takes_a_frame_of_just_the_limit(void **state)
{
    uint8_t data[FRAME_MAX] = {0};
    struct rmq_frame frame;
    struct err err;
    size_t used;

    (void)state;
    rmq_frame_put_head(data, AMQP_FRAME_METHOD, 7, FRAME_MAX - RMQ_FRAME_OVERHEAD);
    data[FRAME_MAX - 1] = AMQP_FRAME_END;
    assert_int_equal(rmq_frame_parse(data, sizeof(data), FRAME_MAX, &frame, &used, &err), 0);
    assert_int_equal(used, FRAME_MAX);
    assert_int_equal(frame.payload.len, FRAME_MAX - RMQ_FRAME_OVERHEAD);
}

/* Bodies around the size of one, two and three frames: cut, and joined again. */
static void cuts_bodies_at_the_frame_size(void **state)
{
    static const size_t around[] = {0, 1, 4087, 4088, 4089, 8176, 8177, 12264, 20000};
    size_t i, j;

    (void)state;
    for (i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        size_t size = rmq_frame_body_size(around[i], FRAME_MAX);
        uint8_t *room = malloc(size + 1);
        char *body = malloc(around[i] + 1);
        size_t at = 0, joined = 0, frames = 0;

        assert_non_null(room);
        assert_non_null(body);
        for (j = 0; j < around[i]; j++) {
            body[j] = (char)(j * 7);
        }
        room[size] = 0x5a;
        rmq_frame_put_body(3, slice_make(body, around[i]), FRAME_MAX, room);
        assert_int_equal(room[size], 0x5a);
        while (at < size) {
            struct rmq_frame frame;
            struct err err;
            size_t used;

            assert_int_equal(rmq_frame_parse(room + at, size - at, FRAME_MAX, &frame, &used, &err),
                             0);
            assert_true(used > 0 && frame.channel == 3 && frame.type == AMQP_FRAME_BODY);
            assert_memory_equal(frame.payload.data, body + joined, frame.payload.len);
            joined += frame.payload.len;
            at += used;
            frames++;
        }
        assert_int_equal(joined, around[i]);
        assert_int_equal(frames, (around[i] + 4087) / 4088);
        free(room);
        free(body);
    }
}

static void puts_methods_only_where_they_fit(void **state)
{
    amqp_basic_ack_t ack = {.delivery_tag = 5, .multiple = 1};
    uint8_t room[64];
    ssize_t len, size;

    (void)state;
    len = rmq_frame_put_method(1, AMQP_BASIC_ACK_METHOD, &ack, room, sizeof(room));
    assert_int_equal(len, 7 + 4 + 8 + 1 + 1);
    assert_memory_equal(room, "\x01\x00\x01\x00\x00\x00\x0d\x00\x3c\x00\x50", 11);
    assert_memory_equal(room + 11, "\x00\x00\x00\x00\x00\x00\x00\x05\x01\xce", 10);
    for (size = 0; size < len; size++) {
        assert_int_equal(rmq_frame_put_method(1, AMQP_BASIC_ACK_METHOD, &ack, room, (size_t)size),
                         -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_frame),
        cmocka_unit_test(takes_a_frame_when_it_is_whole),
        cmocka_unit_test(takes_a_frame_of_just_the_limit),
        cmocka_unit_test(cuts_bodies_at_the_frame_size),
        cmocka_unit_test(puts_methods_only_where_they_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
