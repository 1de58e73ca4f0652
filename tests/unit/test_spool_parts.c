/* Are the pieces of the spool exact? Checksums, the format of segments under any damage, the set of
 * removed numbers and the account against plain models. */
#include "spool/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "spool/account.h"
#include "spool/crc32c.h"
#include "spool/seqset.h"

static void test_crc32c_is_castagnoli(void **state)
{
    unsigned char bytes[32];

    (void)state;
    /* RFC 3720 appendix B.4. */
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)i;
    }
    assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
    assert_int_equal(crc32c(crc32c(0, bytes, 13), bytes + 13, sizeof(bytes) - 13), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
}

/* Whoever opens a spool may have another processor than who wrote it. */
static void test_crc32c_is_the_same_on_every_processor(void **state)
{
    unsigned char bytes[80];

    (void)state;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 7 + 200);
    }
    assert_int_equal(crc32c_by_table(0, "123456789", 9), 0xe3069283);
    for (size_t first = 0; first < 9; first++) {
        for (size_t len = 0; len <= sizeof(bytes) - first; len++) {
            assert_int_equal(crc32c_by_table((uint32_t)len, bytes + first, len),
                             crc32c((uint32_t)len, bytes + first, len));
        }
    }
}

/* Records 7 to 10 of the FIFO "q": the third is empty. */
static struct segment *make_segment(void)
{
    struct segment *segment = segment_new(SLICE("q"), 7);

    assert_non_null(segment);
    assert_int_equal(segment_append(segment, SLICE("head"), SLICE("first body")), 0);
    assert_int_equal(segment_append(segment, SLICE(""), SLICE("\0\r\n")), 0);
    assert_int_equal(segment_append(segment, SLICE(""), SLICE("")), 0);
    assert_int_equal(segment_append(segment, SLICE("only a header"), SLICE("")), 0);
    segment_seal(segment);
    segment_seal(segment);
    return segment;
}

static void test_segment_gives_back_what_went_in(void **state)
{
    struct segment *segment = make_segment();
    struct segment_cursor cursor;
    struct spool_record record;
    struct segment_view view;

    (void)state;
    assert_int_equal(segment_end(segment), 11);
    assert_int_equal(segment_view_parse(&view, strbuf_slice(&segment->head)), 0);
    assert_true(slice_equal_text(view.name, "q"));
    assert_int_equal(view.first, 7);
    assert_int_equal(view.count, 4);
    assert_int_equal(view.data_len, segment->data.len);
    segment_cursor_init(&cursor, &view, strbuf_slice(&segment->data), 0);
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_int_equal(record.seq, 7);
    assert_true(slice_equal_text(record.header, "head"));
    assert_true(slice_equal_text(record.body, "first body"));
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_true(slice_equal(record.body, SLICE("\0\r\n")));
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_int_equal(record.header.len + record.body.len, 0);
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_true(slice_equal_text(record.header, "only a header"));
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_END);
    segment_cursor_init(&cursor, &view, strbuf_slice(&segment->data), 10);
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_int_equal(record.seq, 10);
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_END);
    segment_free(segment);
}

static void test_segment_of_nothing_but_empty_records(void **state)
{
    struct segment *segment = segment_new(SLICE("q"), 1);
    struct segment_cursor cursor;
    struct spool_record record;
    struct segment_view view;

    (void)state;
    assert_int_equal(segment_append(segment, SLICE(""), SLICE("")), 0);
    segment_seal(segment);
    assert_int_equal(segment_view_parse(&view, strbuf_slice(&segment->head)), 0);
    segment_cursor_init(&cursor, &view, slice_make(NULL, 0), 0);
    assert_int_equal(segment_cursor_next(&cursor, &record), SEGMENT_RECORD);
    assert_int_equal(record.body.len, 0);
    segment_free(segment);
}

static void test_every_damage_to_a_head_is_found(void **state)
{
    struct segment *segment = make_segment();
    struct segment_view view;
    char *copy = malloc(segment->head.len);

    (void)state;
    assert_non_null(copy);
    for (size_t len = 0; len < segment->head.len; len++) {
        assert_int_equal(segment_view_parse(&view, slice_make(segment->head.data, len)), -1);
    }
    for (size_t bit = 0; bit < segment->head.len * 8; bit++) {
        memcpy(copy, segment->head.data, segment->head.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(segment_view_parse(&view, slice_make(copy, segment->head.len)), -1);
    }
    free(copy);
    segment_free(segment);
}

static void test_damage_to_data_hits_one_record_only(void **state)
{
    struct segment *segment = make_segment();
    struct segment_cursor cursor;
    struct spool_record record;
    struct segment_view view;

    (void)state;
    assert_int_equal(segment_view_parse(&view, strbuf_slice(&segment->head)), 0);
    for (size_t at = 0; at < segment->data.len; at++) {
        unsigned damaged = 0, good = 0;
        enum segment_item item;
        segment->data.data[at] ^= 0x10;
        segment_cursor_init(&cursor, &view, strbuf_slice(&segment->data), 0);
        while ((item = segment_cursor_next(&cursor, &record)) != SEGMENT_END) {
            damaged += item == SEGMENT_DAMAGED;
            good += item == SEGMENT_RECORD;
        }
        assert_int_equal(damaged, 1);
        assert_int_equal(good, 3);
        segment->data.data[at] ^= 0x10;
    }
    for (size_t len = 0; len < segment->data.len; len++) {
        unsigned damaged = 0;
        enum segment_item item;
        segment_cursor_init(&cursor, &view, slice_make(segment->data.data, len), 0);
        while ((item = segment_cursor_next(&cursor, &record)) != SEGMENT_END) {
            damaged += item == SEGMENT_DAMAGED;
        }
        assert_true(damaged > 0);
    }
    segment_free(segment);
}

static void test_segment_is_bounded_but_takes_one_of_any_size(void **state)
{
    struct segment *segment = segment_new(SLICE("q"), 1);
    char *large = calloc(1, 3 * SEGMENT_BYTES);

    (void)state;
    assert_non_null(large);
    assert_true(segment_has_room(segment, 3 * SEGMENT_BYTES));
    assert_int_equal(segment_append(segment, SLICE(""), slice_make(large, 3 * SEGMENT_BYTES)), 0);
    assert_false(segment_has_room(segment, 1));
    assert_int_equal(segment_reset(segment, SLICE("other"), 5), 0);
    for (int i = 0; i < SEGMENT_RECORDS; i++) {
        assert_true(segment_has_room(segment, 1));
        assert_int_equal(segment_append(segment, SLICE(""), SLICE("x")), 0);
    }
    assert_false(segment_has_room(segment, 0));
    segment_free(segment);
    free(large);
}

enum { MODEL_NUMBERS = 400 };

static void compare_set(const struct seqset *set, const bool *model)
{
    struct seqspan span = {0, 0};
    uint64_t at = 0;

    for (uint64_t seq = 0; seq < MODEL_NUMBERS; seq++) {
        assert_int_equal(seqset_has(set, seq), model[seq]);
    }
    assert_false(model[set->from]);
    while (seqset_next_absent(set, at, MODEL_NUMBERS, &span)) {
        assert_true(span.first >= at && span.end > span.first && span.end <= MODEL_NUMBERS);
        for (; at < span.first; at++) {
            assert_true(model[at]);
        }
        for (; at < span.end; at++) {
            assert_false(model[at]);
        }
    }
    for (; at < MODEL_NUMBERS; at++) {
        assert_true(model[at]);
    }
}

static void test_seqset_is_a_set(void **state)
{
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 5);
    for (int round = 0; round < 60; round++) {
        bool model[MODEL_NUMBERS + 100] = {false};
        struct strbuf text = STRBUF_INIT;
        struct seqset set, copy;
        seqset_init(&set, 1);
        model[0] = true;
        for (int step = 0; step < 120; step++) {
            uint64_t first = rand_below(&rand, MODEL_NUMBERS - 60);
            uint64_t end = first + rand_below(&rand, round % 3 == 0 ? 40 : 3);
            assert_int_equal(seqset_add(&set, first, end), 0);
            for (uint64_t seq = first; seq < end; seq++) {
                model[seq] = true;
            }
            compare_set(&set, model);
        }
        seqset_encode(&set, &text);
        seqset_init(&copy, set.from);
        assert_int_equal(seqset_decode(&copy, strbuf_slice(&text)), 0);
        compare_set(&copy, model);
        seqset_fini(&copy);
        seqset_fini(&set);
        strbuf_fini(&text);
    }
}

static void test_seqset_is_cut_anywhere(void **state)
{
    (void)state;
    for (uint64_t end = 2; end < 20; end++) {
        bool model[MODEL_NUMBERS] = {true, true};
        struct seqset set;
        seqset_init(&set, 2);
        assert_int_equal(seqset_add(&set, 4, 6), 0);
        assert_int_equal(seqset_add(&set, 9, 14), 0);
        for (uint64_t seq = 4; seq < end && seq < 14; seq++) {
            model[seq] = seq < 6 || seq >= 9;
        }
        assert_int_equal(seqset_cut(&set, end), end < 14);
        compare_set(&set, model);
        seqset_fini(&set);
    }
}

static void test_seqset_refuses_what_it_never_wrote(void **state)
{
    struct strbuf text = STRBUF_INIT;
    struct seqset set;

    (void)state;
    seqset_init(&set, 3);
    assert_int_equal(seqset_decode(&set, SLICE("\x01")), -1);
    assert_int_equal(seqset_decode(&set, SLICE("\x00\x01")), -1);
    assert_int_equal(seqset_decode(&set, SLICE("\x01\x00")), -1);
    assert_int_equal(seqset_decode(&set, SLICE("\x81")), -1);
    assert_int_equal(seqset_decode(&set, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01")), -1);
    assert_int_equal(seqset_decode(&set, SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")),
                     -1);
    assert_int_equal(set.from, 3);
    assert_int_equal(set.count, 0);
    strbuf_fini(&text);
}

static void test_seqset_in_alternation_stays_cheap(void **state)
{
    struct seqset set;
    size_t count;

    (void)state;
    seqset_init(&set, 0);
    for (uint64_t seq = 1; seq < 200000; seq += 2) {
        assert_int_equal(seqset_add(&set, seq, seq + 1), 0);
    }
    seqset_spans(&set, &count);
    assert_int_equal(count, 100000);
    for (uint64_t seq = 0; seq < 200000; seq += 2) {
        assert_int_equal(seqset_add(&set, seq, seq + 1), 0);
    }
    seqset_spans(&set, &count);
    assert_int_equal(count, 0);
    assert_int_equal(set.from, 200000);
    seqset_fini(&set);
}

static void test_account_agrees_with_a_plain_one(void **state)
{
    enum { RECORDS = 3000 };
    bool there[RECORDS + 1] = {false};
    uint64_t total = 0, count = 0;
    struct account_sum sum;
    struct account account;
    struct rand rand;

    (void)state;
    rand_init_seed(&rand, 9);
    account_init(&account, 1);
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        uint64_t bytes = 32 + rand_below(&rand, 5000);
        assert_int_equal(account_reserve(&account), 0);
        account_append(&account, bytes);
        there[seq] = true;
        total += bytes;
        count++;
    }
    assert_int_equal(account.bytes, total);
    while (count > 0) {
        uint64_t first = rand_below(&rand, RECORDS), end = first + rand_below(&rand, 90), gone = 0;
        for (uint64_t seq = first; seq < end && seq <= RECORDS; seq++) {
            gone += there[seq];
            there[seq] = false;
        }
        assert_int_equal(account_remove(&account, first, end, &sum), 0);
        assert_int_equal(sum.count, gone);
        count -= gone;
        total -= sum.bytes;
        assert_int_equal(account.count, count);
        assert_int_equal(account.bytes, total);
        if (rand_below(&rand, 50) == 0) {
            assert_int_equal(account_remove(&account, 0, first, &sum), 0);
            for (uint64_t seq = 0; seq < first; seq++) {
                count -= there[seq];
                there[seq] = false;
            }
            total -= sum.bytes;
            assert_int_equal(account.count, count);
        }
        for (uint64_t seq = 1; seq <= RECORDS; seq += 37) {
            assert_int_equal(account_has(&account, seq), there[seq]);
        }
    }
    assert_int_equal(account.bytes, 0);
    assert_int_equal(account.ledger.count, 0);
    assert_false(account_has(&account, RECORDS + 1));
    account_fini(&account);
}

static void test_account_of_a_file_counts_what_is_missing(void **state)
{
    struct account_sum sum;
    struct account account;
    uint64_t missing;

    (void)state;
    account_init(&account, 10);
    assert_int_equal(seqset_add(&account.removed, 14, 16), 0);
    /* Its first records are below the oldest one. */
    assert_int_equal(account_load(&account, 8, 12, 400, &missing), 0);
    assert_int_equal(missing, 0);
    assert_int_equal(account.count, 2);
    assert_int_equal(account.bytes, 200);
    /* 12 and 13 are missing, 14 and 15 were removed. */
    assert_int_equal(account_load(&account, 16, 20, 400, &missing), 0);
    assert_int_equal(missing, 2);
    assert_int_equal(account.count, 6);
    assert_int_equal(account.bytes, 600);
    assert_int_equal(account.next, 20);
    assert_int_equal(account_remove(&account, 0, 20, &sum), 0);
    assert_int_equal(sum.count, 6);
    assert_int_equal(sum.bytes, 600);
    assert_int_equal(account.bytes, 0);
    account_fini(&account);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_is_castagnoli),
        cmocka_unit_test(test_crc32c_is_the_same_on_every_processor),
        cmocka_unit_test(test_segment_gives_back_what_went_in),
        cmocka_unit_test(test_segment_of_nothing_but_empty_records),
        cmocka_unit_test(test_every_damage_to_a_head_is_found),
        cmocka_unit_test(test_damage_to_data_hits_one_record_only),
        cmocka_unit_test(test_segment_is_bounded_but_takes_one_of_any_size),
        cmocka_unit_test(test_seqset_is_a_set),
        cmocka_unit_test(test_seqset_is_cut_anywhere),
        cmocka_unit_test(test_seqset_refuses_what_it_never_wrote),
        cmocka_unit_test(test_seqset_in_alternation_stays_cheap),
        cmocka_unit_test(test_account_agrees_with_a_plain_one),
        cmocka_unit_test(test_account_of_a_file_counts_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
