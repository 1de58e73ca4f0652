/* Reading beside a FIFO's owner: does a reader see what is there, in order and no more, take
 * nothing away, leave the owner alone, and stand being freed at any time and memory that runs out?
 * And is what the spool has told by bridge, and removed by bridge? */
#include "spool/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alloc.h"
#include "spool/contents.h"
#include "spool_rig.h"

enum { MOST_ALLOCATIONS = 2000 };

static int tear_down(void **state)
{
    alloc_fail_stop();
    return spool_rig_tear_down(state);
}

/* One who looks. */
struct looker {
    struct spool_rig *rig;
    struct spool_reader *reader;
    bool answered;
    uint64_t first; /* of the last answer; 0: it was empty */
    uint64_t last;
    uint64_t count;
    uint64_t bytes;
    uint64_t next;
    uint64_t damaged;
    uint64_t durable;
};

static void on_records(void *ctx, const struct spool_record *records, size_t count, uint64_t next,
                       uint64_t damaged)
{
    struct looker *looker = ctx;

    looker->answered = true;
    looker->first = count > 0 ? records[0].seq : 0;
    looker->last = count > 0 ? records[count - 1].seq : 0;
    looker->count = count;
    looker->bytes = 0;
    for (size_t i = 0; i < count; i++) {
        looker->bytes += records[i].body.len;
        assert_true(i == 0 || records[i].seq > records[i - 1].seq);
    }
    looker->next = next;
    looker->damaged = damaged;
}

static void on_durable(void *ctx, uint64_t upto)
{
    struct looker *looker = ctx;

    assert_true(upto >= looker->durable);
    looker->durable = upto;
}

static const struct spool_reader_events events = {.on_records = on_records,
                                                  .on_durable = on_durable};

static bool is_answered(void *ctx)
{
    const struct looker *looker = ctx;

    return looker->answered;
}

static void look(struct looker *looker, uint64_t from, size_t bytes, size_t count)
{
    looker->answered = false;
    assert_int_equal(spool_reader_ask(looker->reader, from, bytes, count), 0);
    assert_int_equal(spool_reader_ask(looker->reader, from, bytes, count), -1); /* one at a time */
    spool_flush(looker->rig->spool);
    spool_rig_wait(looker->rig, is_answered, looker, "an answer");
}

static void begin(struct looker *looker, struct spool_rig *rig, struct spool_queue *queue,
                  uint64_t records)
{
    spool_rig_open(rig);
    spool_queue_open(queue, rig, "q");
    spool_queue_fill(queue, records);
    *looker = (struct looker){.rig = rig};
    looker->reader = spool_reader_new(queue->fifo, &events, looker);
    assert_non_null(looker->reader);
}

static void test_a_reader_takes_nothing_away(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_fifo_info info;
    struct spool_queue queue;
    struct looker looker;

    begin(&looker, rig, &queue, 3000);
    look(&looker, 1, SIZE_MAX / 2, 100); /* from what is not on the disk yet, too */
    assert_int_equal(looker.first, 1);
    assert_int_equal(looker.count, 100);
    assert_int_equal(looker.next, 101);
    look(&looker, looker.next, 1, 100); /* at least one, whatever the limit */
    assert_int_equal(looker.count, 1);
    spool_queue_wait_durable(&queue);
    look(&looker, 1000, SIZE_MAX / 2, 5000);
    assert_int_equal(looker.first, 1000);
    assert_int_equal(looker.last, 3000);
    assert_int_equal(looker.next, 3001);
    look(&looker, looker.next, 1000, 10);
    assert_int_equal(looker.count, 0);
    assert_int_equal(looker.next, 3001);
    assert_int_equal(looker.durable, 3000);
    spool_queue_read_all(&queue, 1); /* the owner sees them all, in its own order */
    assert_int_equal(queue.read, 3000);
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, 3000);
    spool_reader_free(looker.reader);
}

static void test_what_is_removed_is_not_seen(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    struct looker looker;

    begin(&looker, rig, &queue, 100);
    spool_queue_wait_durable(&queue);
    assert_int_equal(spool_fifo_remove_upto(queue.fifo, 10), 10);
    assert_int_equal(spool_fifo_remove(queue.fifo, 50), 1);
    looker.answered = false;
    assert_int_equal(spool_reader_ask(looker.reader, 1, SIZE_MAX / 2, 1000), 0);
    spool_flush(rig->spool);
    assert_int_equal(spool_fifo_remove(queue.fifo, 60), 1); /* while the answer is on its way */
    spool_rig_wait(rig, is_answered, &looker, "an answer");
    assert_int_equal(looker.first, 11);
    assert_int_equal(looker.count, 88);
    assert_int_equal(looker.damaged, 0);
    spool_reader_free(looker.reader);
}

static void test_several_readers_and_a_fifo_that_nobody_owns(void **state)
{
    struct spool_rig *rig = *state;
    struct looker lookers[3];
    struct spool_queue queue;

    begin(&lookers[0], rig, &queue, 500);
    spool_queue_wait_durable(&queue);
    spool_fifo_close(queue.fifo);
    for (size_t i = 1; i < 3; i++) {
        lookers[i] = (struct looker){.rig = rig};
        lookers[i].reader = spool_reader_new(queue.fifo, &events, &lookers[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(spool_reader_ask(lookers[i].reader, 1 + 100 * i, SIZE_MAX / 2, 100), 0);
    }
    spool_flush(rig->spool);
    spool_reader_free(lookers[1].reader); /* its answer is on the way */
    spool_rig_wait(rig, is_answered, &lookers[0], "an answer");
    spool_rig_wait(rig, is_answered, &lookers[2], "an answer");
    assert_int_equal(lookers[0].first, 1);
    assert_int_equal(lookers[2].first, 201);
    assert_false(lookers[1].answered);
    spool_reader_free(lookers[0].reader);
    spool_reader_free(lookers[2].reader);
    spool_reader_free(NULL);
}

/* The end comes with questions in every place. */
static void test_the_end_with_questions_under_way(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    struct looker looker;

    begin(&looker, rig, &queue, 500);
    assert_int_equal(spool_reader_ask(looker.reader, 1, 1000, 10), 0);
    spool_reader_free(looker.reader); /* not handed over */
    looker.reader = spool_reader_new(queue.fifo, &events, &looker);
    assert_int_equal(spool_reader_ask(looker.reader, 1, 1000, 10), 0);
    spool_flush(rig->spool);
    spool_reader_free(looker.reader);
    looker.reader = spool_reader_new(queue.fifo, &events, &looker);
    spool_close(rig->spool);
    assert_int_equal(spool_reader_ask(looker.reader, 1, 1000, 10), -1);
    spool_reader_free(looker.reader);
    spool_rig_abort(rig);
}

static void test_damage_is_counted_and_left_to_the_owner(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_fifo_info info;
    struct spool_queue queue;
    struct looker looker;

    begin(&looker, rig, &queue, 300);
    spool_queue_wait_durable(&queue);
    spool_reader_free(looker.reader);
    spool_rig_close(rig);
    {
        struct strbuf body = STRBUF_INIT;
        const char *path = spool_rig_path(rig, "spool-1.db");
        FILE *file = fopen(path, "r+b");
        char *all = NULL, *at;
        long size;

        assert_non_null(file);
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        size = ftell(file);
        all = malloc((size_t)size);
        assert_non_null(all);
        rewind(file);
        assert_int_equal(fread(all, 1, (size_t)size, file), size);
        for (uint64_t seq = 150; body.len < 8; seq++) { /* one that is long enough to be found */
            strbuf_reset(&body);
            spool_queue_body("q", seq, &body);
        }
        at = memmem(all, (size_t)size, body.data, 8);
        assert_non_null(at);
        assert_int_equal(fseek(file, at - all, SEEK_SET), 0);
        assert_int_equal(fputc(at[0] ^ 1, file), (unsigned char)(at[0] ^ 1));
        fclose(file);
        free(all);
        strbuf_fini(&body);
    }
    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    looker = (struct looker){.rig = rig};
    looker.reader = spool_reader_new(queue.fifo, &events, &looker);
    look(&looker, 1, SIZE_MAX / 2, 1000);
    assert_int_equal(looker.count + looker.damaged, 300);
    assert_int_equal(looker.damaged, 1);
    assert_int_equal(queue.lost, 0);
    spool_fifo_get_info(queue.fifo, &info);
    assert_int_equal(info.count, 300); /* it is the owner who finds out and lets go */
    spool_reader_free(looker.reader);
}

static struct spool_queue *open_many(struct spool_rig *rig, const char *const *names, size_t count)
{
    struct spool_queue *queues = calloc(count, sizeof(*queues));

    assert_non_null(queues);
    for (size_t i = 0; i < count; i++) {
        spool_queue_open(&queues[i], rig, names[i]);
        spool_queue_fill(&queues[i], 10 * (i + 1));
    }
    return queues;
}

static void test_contents_by_bridge(void **state)
{
    static const char *const names[] = {"b", "a/ahead", "c/ahead", "a", "bb"};
    struct spool_rig *rig = *state;
    struct contents_bridge *bridges;
    struct contents_bridge found;
    struct spool_queue *queues;
    size_t count;

    spool_rig_open(rig);
    assert_int_equal(contents_list(rig->spool, &bridges, &count), 0);
    assert_int_equal(count, 0);
    free(bridges);
    queues = open_many(rig, names, 5);
    spool_fifo_close(queues[2].fifo);
    assert_int_equal(contents_list(rig->spool, &bridges, &count), 0);
    assert_int_equal(count, 4);
    assert_true(slice_equal_text(bridges[0].name, "a"));
    assert_int_equal(bridges[0].count, 20 + 40);
    assert_ptr_equal(bridges[0].fifos[0], queues[1].fifo);
    assert_ptr_equal(bridges[0].fifos[1], queues[3].fifo);
    assert_true(slice_equal_text(bridges[1].name, "b"));
    assert_null(bridges[1].fifos[0]);
    assert_int_equal(bridges[1].count, 10);
    assert_true(slice_equal_text(bridges[2].name, "bb"));
    assert_true(slice_equal_text(bridges[3].name, "c"));
    assert_true(bridges[0].in_use);
    assert_false(bridges[3].in_use);
    assert_null(bridges[3].fifos[1]);
    free(bridges);

    assert_false(contents_find(rig->spool, SLICE("ahead"), &found));
    assert_false(contents_find(rig->spool, SLICE(""), &found));
    assert_true(contents_find(rig->spool, SLICE("c"), &found));
    assert_int_equal(contents_purge(&found), 30);
    assert_int_equal(contents_purge(&found), 0);
    assert_true(contents_find(rig->spool, SLICE("c"), &found));
    assert_int_equal(found.count, 0);
    spool_flush(rig->spool);
    spool_rig_close(rig);
    spool_rig_open(rig);
    assert_true(contents_find(rig->spool, SLICE("a"), &found));
    assert_int_equal(found.count, 60);
    assert_false(found.in_use);
    assert_true(!contents_find(rig->spool, SLICE("c"), &found) || found.count == 0);
    free(queues);
}

/* Whether an allocation has failed. */
static bool look_without_memory(struct spool_rig *rig, struct spool_queue *queue,
                                unsigned successes)
{
    struct looker looker = {.rig = rig};
    struct contents_bridge *bridges = NULL;
    bool failed;
    size_t count;

    alloc_fail_after(successes);
    if (contents_list(rig->spool, &bridges, &count) == 0) {
        free(bridges);
    }
    looker.reader = spool_reader_new(queue->fifo, &events, &looker);
    if (looker.reader != NULL && spool_reader_ask(looker.reader, 1, SIZE_MAX / 2, 1000) == 0) {
        spool_flush(rig->spool);
        /* Where the thread has no memory, it tries again. */
        spool_rig_wait(rig, is_answered, &looker, "an answer");
        assert_int_equal(looker.first, 1);
        assert_int_equal(looker.damaged, 0);
    }
    failed = alloc_fail_stop();
    spool_reader_free(looker.reader);
    return failed;
}

static void test_every_allocation(void **state)
{
    struct spool_rig *rig = *state;
    struct spool_queue queue;
    unsigned successes = 0;

    spool_rig_open(rig);
    spool_queue_open(&queue, rig, "q");
    spool_queue_fill(&queue, 40);
    spool_queue_wait_durable(&queue);
    while (successes < MOST_ALLOCATIONS && look_without_memory(rig, &queue, successes)) {
        successes++;
    }
    assert_in_range(successes, 4, MOST_ALLOCATIONS - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, spool_rig_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_reader_takes_nothing_away),
        TEST(test_what_is_removed_is_not_seen),
        TEST(test_several_readers_and_a_fifo_that_nobody_owns),
        TEST(test_the_end_with_questions_under_way),
        TEST(test_damage_is_counted_and_left_to_the_owner),
        TEST(test_contents_by_bridge),
        TEST(test_every_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
