/* Does a delivery come back from its record as it was, also from one that an older version wrote;
 * and is a record that is none told from one, whatever its bytes? */
#include "spool/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"

/* As format 1 wrote it: process 0x1122334455667788, number 7, wall clock 1,000,000, channel "news",
 * pattern "n*". */
#define PLAIN_REST                                                                                 \
    "\x88\x77\x66\x55\x44\x33\x22\x11\x07\0\0\0\0\0\0\0\x40\x42\x0f\0\0\0\0\0"                     \
    "\x04\0\0\0\x02\0\0\0newsn*"
#define PLAIN SLICE("\x01\x01" PLAIN_REST)
#define DEAD SLICE("\x02\x01" PLAIN_REST "\x07refused404 NOT_FOUND")

static struct delivery *make(const char *reason, const char *error)
{
    char *at;
    struct delivery *delivery = delivery_new(0, &at);

    assert_non_null(delivery);
    delivery->process = UINT64_C(0x1122334455667788);
    delivery->number = 7;
    delivery->wall_us = 1000000;
    delivery->channel = SLICE("news");
    delivery->pattern = SLICE("n*");
    delivery->body = SLICE("\0any\r\nbytes");
    delivery->reason = reason;
    delivery->error = error != NULL ? strdup(error) : NULL;
    return delivery;
}

static void expect_written(struct delivery *delivery, struct slice expected)
{
    struct strbuf out = STRBUF_INIT;

    record_write(delivery, &out);
    assert_false(strbuf_failed(&out));
    assert_true(slice_equal(strbuf_slice(&out), expected));
    strbuf_fini(&out);
    delivery_free(delivery);
}

static struct delivery *read_back(struct slice header)
{
    struct delivery *delivery = record_read(header, SLICE("body"));

    assert_non_null(delivery);
    assert_int_equal(delivery->process, UINT64_C(0x1122334455667788));
    assert_int_equal(delivery->number, 7);
    assert_int_equal(delivery->wall_us, 1000000);
    assert_true(slice_equal_text(delivery->channel, "news"));
    assert_true(slice_equal_text(delivery->pattern, "n*"));
    assert_true(slice_equal_text(delivery->body, "body"));
    return delivery;
}

static void test_a_message(void **state)
{
    struct delivery *delivery;

    (void)state;
    expect_written(make(NULL, NULL), PLAIN);
    delivery = read_back(PLAIN);
    assert_null(delivery->reason);
    assert_null(delivery->error);
    delivery_free(delivery);
}

static void test_a_dead_letter(void **state)
{
    struct delivery *delivery;

    (void)state;
    expect_written(make("refused", "404 NOT_FOUND"), DEAD);
    delivery = read_back(DEAD);
    assert_string_equal(delivery->reason, "refused");
    assert_string_equal(delivery->error, "404 NOT_FOUND");
    delivery_free(delivery);
    /* Nothing was said of it. */
    expect_written(make("retries", NULL), SLICE("\x02\x01" PLAIN_REST "\x07retries"));
    delivery = read_back(SLICE("\x02\x01" PLAIN_REST "\x07retries"));
    assert_string_equal(delivery->reason, "retries");
    assert_null(delivery->error);
    delivery_free(delivery);
}

/* A reason that this version does not know: the message is tried once more. */
static void test_an_unknown_reason(void **state)
{
    static const struct slice headers[] = {
        {"\x02\x01" PLAIN_REST "\x04soonwhy", sizeof("\x02\x01" PLAIN_REST "\x04soonwhy") - 1},
        {"\x02\x01" PLAIN_REST "\x00", sizeof("\x02\x01" PLAIN_REST "\x00") - 1},
        {"\x02\x01" PLAIN_REST "\x08refused\0", sizeof("\x02\x01" PLAIN_REST "\x08refused\0") - 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct delivery *delivery = read_back(headers[i]);

        assert_null(delivery->reason);
        assert_null(delivery->error);
        delivery_free(delivery);
    }
}

/* Words of any length, with any bytes. */
static void test_hostile_words(void **state)
{
    struct strbuf header = STRBUF_INIT;
    struct delivery *delivery;

    (void)state;
    strbuf_append_slice(&header, SLICE("\x02\x01" PLAIN_REST "\x07refused\xff\x01"));
    for (int i = 0; i < 100000; i++) {
        strbuf_append_slice(&header, SLICE("x"));
    }
    delivery = read_back(strbuf_slice(&header));
    assert_int_equal(strlen(delivery->error), 1024);
    assert_memory_equal(delivery->error, "\xff\x01x", 3);
    delivery_free(delivery);
    strbuf_fini(&header);
    delivery = read_back(SLICE("\x02\x01" PLAIN_REST "\x07refused\0\0why"));
    assert_string_equal(delivery->error, "");
    delivery_free(delivery);
}

/* Of another format; cut short anywhere, in memory of its own so that a step beyond is seen. */
static void test_what_is_no_record(void **state)
{
    const struct slice whole[] = {PLAIN, DEAD};
    const size_t least[] = {PLAIN.len, PLAIN.len + 8};

    (void)state;
    assert_null(record_read(SLICE(""), SLICE("body")));
    assert_null(record_read(SLICE("\x00\x01" PLAIN_REST), SLICE("body")));
    assert_null(record_read(SLICE("\x03\x01" PLAIN_REST), SLICE("body")));
    assert_null(record_read(SLICE("\x01\x01" PLAIN_REST "x"), SLICE("body")));
    for (size_t i = 0; i < 2; i++) {
        for (size_t len = 0; len < least[i]; len++) {
            char *cut = malloc(len > 0 ? len : 1);

            assert_non_null(cut);
            memcpy(cut, whole[i].data, len);
            assert_null(record_read(slice_make(cut, len), SLICE("body")));
            free(cut);
        }
    }
}

/* Any bytes in place of any others: a delivery or none, and nothing read beyond. */
static void test_random_damage(void **state)
{
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 3);
    for (int i = 0; i < 200000; i++) {
        struct slice whole = i % 2 ? DEAD : PLAIN;
        size_t len = 1 + rand_below(&rand, whole.len);
        char *bytes = malloc(len);

        assert_non_null(bytes);
        memcpy(bytes, whole.data, len);
        for (uint64_t n = rand_below(&rand, 4); n > 0; n--) {
            bytes[rand_below(&rand, len)] = (char)rand_below(&rand, 256);
        }
        delivery_free(record_read(slice_make(bytes, len), SLICE("body")));
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message),         cmocka_unit_test(test_a_dead_letter),
        cmocka_unit_test(test_an_unknown_reason), cmocka_unit_test(test_hostile_words),
        cmocka_unit_test(test_what_is_no_record), cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
