/* Does the buffer of outgoing bytes give them in the order of writing, whatever the sizes of writes
 * and reads, and survive when memory is out? */
#include "net/outbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/rand.h"

/* The bytes are a running count, so that any that are lost, doubled or moved show. */
struct stream {
    struct outbuf buf;
    uint64_t written;
    uint64_t drained;
};

static uint8_t byte_at(uint64_t position)
{
    return (uint8_t)(position * 7 + (position >> 8) * 31 + (position >> 16));
}

/* Reserves `len` and commits `count` of them. */
static void write_some(struct stream *stream, size_t len, size_t count)
{
    uint8_t *room = outbuf_reserve(&stream->buf, len);

    assert_non_null(room);
    for (size_t i = 0; i < count; i++) {
        room[i] = byte_at(stream->written + i);
    }
    outbuf_commit(&stream->buf, count);
    stream->written += count;
    assert_int_equal(stream->buf.len, stream->written - stream->drained);
}

/* Checks all that is shown in `most` vectors; returns how many bytes. */
static size_t check_shown(const struct stream *stream, int most)
{
    struct iovec vectors[8];
    int count = outbuf_peek(&stream->buf, vectors, most);
    uint64_t at = stream->drained;

    assert_in_range(count, 0, most);
    assert_true((count > 0) == (stream->buf.len > 0));
    for (int i = 0; i < count; i++) {
        const uint8_t *bytes = vectors[i].iov_base;

        assert_true(vectors[i].iov_len > 0);
        for (size_t k = 0; k < vectors[i].iov_len; k++, at++) {
            if (bytes[k] != byte_at(at)) {
                fail_msg("byte %zu is wrong", (size_t)at);
            }
        }
    }
    assert_true(at <= stream->written);
    return (size_t)(at - stream->drained);
}

static void drain(struct stream *stream, size_t len)
{
    outbuf_drain(&stream->buf, len);
    stream->drained += len;
    assert_int_equal(stream->buf.len, stream->written - stream->drained);
}

static void drain_all(struct stream *stream)
{
    while (stream->buf.len > 0) {
        drain(stream, check_shown(stream, 8));
    }
    assert_int_equal(stream->drained, stream->written);
}

static void test_empty(void **state)
{
    struct outbuf buf;
    struct iovec vector;

    (void)state;
    outbuf_init(&buf);
    assert_int_equal(outbuf_peek(&buf, &vector, 1), 0);
    outbuf_drain(&buf, 0);
    assert_non_null(outbuf_reserve(&buf, 0));
    outbuf_commit(&buf, 0);
    assert_int_equal(outbuf_peek(&buf, &vector, 1), 0);
    assert_int_equal(buf.len, 0);
    outbuf_fini(&buf);
    outbuf_fini(&buf);
    assert_non_null(outbuf_reserve(&buf, 1));
    outbuf_fini(&buf);
}

static void test_what_was_not_committed_does_not_count(void **state)
{
    struct stream stream = {.written = 0};

    (void)state;
    outbuf_init(&stream.buf);
    write_some(&stream, 1000, 3);
    write_some(&stream, 1000, 0);
    write_some(&stream, 10, 10);
    assert_int_equal(check_shown(&stream, 8), 13);
    drain_all(&stream);
    outbuf_fini(&stream.buf);
}

static void test_larger_than_a_chunk(void **state)
{
    struct stream stream = {.written = 0};

    (void)state;
    outbuf_init(&stream.buf);
    write_some(&stream, 5, 5);
    write_some(&stream, 1 << 20, 1 << 20);
    write_some(&stream, 5, 5);
    drain(&stream, 3);
    drain(&stream, 100000);
    check_shown(&stream, 1);
    drain_all(&stream);
    write_some(&stream, 5, 5);
    drain_all(&stream);
    outbuf_fini(&stream.buf);
}

static void test_small_writes_share_a_chunk(void **state)
{
    struct stream stream = {.written = 0};
    struct iovec vectors[8];

    (void)state;
    outbuf_init(&stream.buf);
    for (int i = 0; i < 1000; i++) {
        write_some(&stream, 50, 50);
    }
    assert_int_equal(outbuf_peek(&stream.buf, vectors, 8), 1);
    alloc_fail_after(0); /* and memory of drained ones is used again */
    for (int i = 0; i < 1000; i++) {
        drain_all(&stream);
        write_some(&stream, 50, 50);
    }
    assert_false(alloc_fail_stop());
    outbuf_fini(&stream.buf);
}

static void test_no_memory(void **state)
{
    struct stream stream = {.written = 0};

    (void)state;
    outbuf_init(&stream.buf);
    alloc_fail_after(0);
    assert_null(outbuf_reserve(&stream.buf, 1));
    assert_true(alloc_fail_stop());
    assert_null(outbuf_reserve(&stream.buf, SIZE_MAX));
    write_some(&stream, 60000, 60000);
    alloc_fail_after(0);
    assert_null(outbuf_reserve(&stream.buf, 60000));
    assert_true(alloc_fail_stop());
    write_some(&stream, 10, 10); /* there was room for that all the time */
    drain_all(&stream);
    outbuf_fini(&stream.buf);
}

static void test_any_sizes(void **state)
{
    struct stream stream = {.written = 0};
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 42);
    outbuf_init(&stream.buf);
    for (int i = 0; i < 20000; i++) {
        size_t len = rand_below(&rand, rand_below(&rand, 50) == 0 ? 200000 : 2000);

        if (rand_below(&rand, 2) == 0) {
            write_some(&stream, len, rand_below(&rand, len + 1));
        } else {
            drain(&stream,
                  rand_below(&rand, check_shown(&stream, 1 + (int)rand_below(&rand, 8)) + 1));
        }
    }
    drain_all(&stream);
    outbuf_fini(&stream.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_what_was_not_committed_does_not_count),
        cmocka_unit_test(test_larger_than_a_chunk),
        cmocka_unit_test(test_small_writes_share_a_chunk),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_any_sizes),
    };

    return cmocka_run_group_tests_name("outbuf", tests, NULL, NULL);
}
