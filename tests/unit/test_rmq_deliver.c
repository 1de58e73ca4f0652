/* Is basic.deliver read as rabbitmq-c reads it, whatever octets come and wherever they end? */
#include "amqp/deliver_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/octets.h"
#include "base/rand.h"

enum { PAGE = 4096, SHORT_STRING_MAX = 255 };

static void expect_same_bytes(amqp_bytes_t ours, amqp_bytes_t theirs)
{
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.bytes, theirs.bytes, theirs.len);
}

/* Reads the octets from a block of just that size with both; whether they can be read. */
static bool reads_the_same(amqp_pool_t *pool, const uint8_t *octets, size_t len)
{
    static const amqp_basic_deliver_t untouched = {.delivery_tag = 77};
    amqp_basic_deliver_t ours = untouched;
    amqp_basic_deliver_t *theirs = NULL;
    char *copy = malloc(len + (len == 0)); /* of none, the one is not read */
    void *decoded = NULL;
    int status;

    assert_non_null(copy);
    memcpy(copy, octets, len);
    recycle_amqp_pool(pool);
    status = amqp_decode_method(AMQP_BASIC_DELIVER_METHOD, pool, rmq_bytes(slice_make(copy, len)),
                                &decoded);
    theirs = decoded;
    if (rmq_deliver_read(slice_make(copy, len), &ours) != 0) {
        assert_int_not_equal(status, AMQP_STATUS_OK);
        assert_int_equal(ours.delivery_tag, untouched.delivery_tag);
        free(copy);
        return false;
    }
    assert_int_equal(status, AMQP_STATUS_OK);
    expect_same_bytes(ours.consumer_tag, theirs->consumer_tag);
    expect_same_bytes(ours.exchange, theirs->exchange);
    expect_same_bytes(ours.routing_key, theirs->routing_key);
    assert_true(ours.delivery_tag == theirs->delivery_tag);
    assert_int_equal(ours.redelivered, theirs->redelivered);
    free(copy);
    return true;
}

static size_t put_short_string(uint8_t *at, size_t len, uint8_t filler)
{
    *at = (uint8_t)len;
    memset(at + 1, filler, len);
    return 1 + len;
}

static size_t encode(uint8_t *out, const size_t lens[3], uint64_t tag, uint8_t bits)
{
    uint8_t *at = out;

    at += put_short_string(at, lens[0], 'c');
    rmq_put_u64(at, tag);
    at += sizeof(tag);
    *at++ = bits;
    at += put_short_string(at, lens[1], 'e');
    at += put_short_string(at, lens[2], 'r');
    return (size_t)(at - out);
}

static void test_every_cut(void **state)
{
    static const size_t lens[][3] = {
        {0, 0, 0},
        {31, 4, 5},
        {1, 0, SHORT_STRING_MAX},
        {SHORT_STRING_MAX, SHORT_STRING_MAX, 0},
        {0, SHORT_STRING_MAX, 1},
    };
    static const uint64_t tags[] = {0, 1, UINT64_C(0x0123456789abcdef), UINT64_MAX};
    uint8_t octets[1024] = {0};
    amqp_pool_t pool;

    (void)state;
    init_amqp_pool(&pool, PAGE);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (size_t j = 0; j < sizeof(tags) / sizeof(tags[0]); j++) {
            for (unsigned bits = 0; bits < 4; bits++) {
                size_t len = encode(octets, lens[i], tags[j], (uint8_t)bits);

                assert_true(reads_the_same(&pool, octets, len));
                assert_true(reads_the_same(&pool, octets, len + 1));
                for (size_t cut = 0; cut < len; cut++) {
                    assert_false(reads_the_same(&pool, octets, cut));
                }
            }
        }
    }
    empty_amqp_pool(&pool);
}

static void test_any_octets(void **state)
{
    enum { ROUNDS = 50000, LEN_MAX = 100 };
    uint8_t octets[LEN_MAX];
    unsigned readable = 0;
    struct rand rand;
    amqp_pool_t pool;

    (void)state;
    init_amqp_pool(&pool, PAGE);
    rand_init_seed(&rand, 11);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t below = round % 2 == 0 ? 256 : 40; /* lengths that fit, too */
        size_t len = rand_below(&rand, LEN_MAX + 1);

        for (size_t i = 0; i < len; i++) {
            octets[i] = (uint8_t)rand_below(&rand, below);
        }
        readable += reads_the_same(&pool, octets, len);
    }
    assert_in_range(readable, ROUNDS / 100, ROUNDS);
    empty_amqp_pool(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_any_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
