/* From the source to the sink: is the order of receipt the order of sending, is what cannot go out
 * kept within the limits, and is every message that is given up counted and said? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge_rig.h"

/* What a message "n" of the rig, n below 10, counts for. */
enum { ONE_SIZE = sizeof(struct delivery) + 1 };

static void test_sent_at_once_and_in_order(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "1 2 3 ");
    assert_int_equal(rig_books(&rig)->in_flight, 3);
    assert_int_equal(rig_books(&rig)->buffered, 0);
    rig_deliver(&rig, 1, 3);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    assert_int_equal(rig_books(&rig)->delivered, 3);
    rig_fini(&rig);
}

static void test_waits_for_the_sink_to_be_ready(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_start(&rig);
    rig_source_up(&rig);
    rig_give(&rig, 1, 3);
    rig_expect_sent(&rig, "");
    assert_int_equal(rig_books(&rig)->buffered, 3);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_give(&rig, 4, 4);
    rig_expect_sent(&rig, "4 ");
    rig_fini(&rig);
}

static void test_waits_for_a_busy_sink(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    rig_expect_sent(&rig, "1 2 ");
    assert_int_equal(rig_books(&rig)->in_flight, 2);
    assert_int_equal(rig_books(&rig)->buffered, 3);
    rig_answer(&rig, 2, OUTCOME_DELIVERED, NULL);
    rig_expect_sent(&rig, "3 ");
    rig_deliver(&rig, 1, 1);
    rig_expect_sent(&rig, "4 ");
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "5 ");
    rig_expect_settled(&rig, "2:ack 1:ack 3:ack 4:ack 5:ack ");
    rig_fini(&rig);
}

static void test_a_busy_sink_knows_how_many_wait(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.sink_limit = 2;
    rig_start(&rig);
    rig_source_up(&rig);
    rig_give(&rig, 1, 1); /* not ready: that is not busy */
    assert_int_equal(rig.sink->queued, 0);
    rig_sink_up(&rig);
    rig_give(&rig, 2, 2);
    assert_int_equal(rig.sink->queued, 0);
    rig_give(&rig, 3, 5);
    assert_int_equal(rig.sink->queued, 3);
    rig_deliver_all(&rig);
    rig_give(&rig, 6, 7);
    assert_int_equal(rig.sink->queued, 3);
    rig_give(&rig, 8, 8);
    assert_int_equal(rig.sink->queued, 1);
    rig_fini(&rig);
}

static void test_nothing_overtakes_what_waits(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.sink->blocked = true;
    rig_give(&rig, 1, 2);
    fake_sink_unblock(rig.sink); /* it could take one, but has not said so yet */
    fake_source_give(rig.source, "3", NULL);
    rig_expect_sent(&rig, "");
    fake_pump_run(&rig.pump);
    rig_expect_sent(&rig, "1 2 3 ");
    rig_fini(&rig);
}

static void test_mapped_for_the_sink(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_set_routing_key(&rig, "{instance}.{bridge}.{channel}.{routing_key.2}");
    rig_run(&rig);
    rig_give(&rig, 1, 1);
    assert_string_equal(rig.sink->last_routing_key, "gw-1.news.news.b");
    rig_fini(&rig);
}

static void test_drops_the_newest_over_the_limit_of_messages(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 3;
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_give(&rig, 6, 8);
    assert_int_equal(rig_books(&rig)->dropped, 3);
    assert_int_equal(rig_books(&rig)->in_flight, 2);
    assert_int_equal(rig_books(&rig)->buffered, 3);
    rig_expect_settled(&rig, "6:ack 7:ack 8:ack ");
    rig_deliver(&rig, 1, 1); /* room for one */
    rig_give(&rig, 9, 10);
    assert_int_equal(rig_books(&rig)->dropped, 4);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 5 9 ");
    assert_int_equal(rig_books(&rig)->delivered, 6);
    assert_int_equal(rig.source->pauses, 0);
    rig_fini(&rig);
}

/* What the sink has is not limited by their number: a window of its own does that. */
static void test_the_limit_of_messages_is_of_those_that_wait(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 9);
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 8 9 ");
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_sink_down(&rig); /* all of them wait again: nothing that was taken in is dropped */
    assert_int_equal(rig_books(&rig)->buffered, 9);
    fake_source_give(rig.source, "10", NULL);
    assert_int_equal(rig_books(&rig)->dropped, 1);
    rig_expect_settled(&rig, "10:ack ");
    rig_fini(&rig);
}

static void test_drops_the_newest_over_the_limit_of_memory(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_memory = 3 * ONE_SIZE + 1;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 2);
    fake_source_give(rig.source, "333", NULL); /* one byte over */
    assert_int_equal(rig_books(&rig)->dropped, 1);
    fake_source_give(rig.source, "33", NULL); /* to the byte */
    assert_int_equal(rig_books(&rig)->dropped, 1);
    fake_source_give(rig.source, "", NULL);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "1 2 33 ");
    rig_give(&rig, 4, 4); /* what is in flight takes its memory too */
    assert_int_equal(rig_books(&rig)->dropped, 3);
    rig_deliver_all(&rig);
    rig_give(&rig, 5, 8); /* and gives it back: three again */
    assert_int_equal(rig_books(&rig)->dropped, 4);
    rig_expect_sent(&rig, "5 6 7 ");
    rig_fini(&rig);
}

static void test_drops_the_oldest_over_the_limit_of_messages(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 3;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 8);
    rig_expect_settled(&rig, "3:ack 4:ack 5:ack "); /* 1 and 2 are with the sink */
    assert_int_equal(rig_books(&rig)->dropped, 3);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 6 7 8 ");
    rig_fini(&rig);
}

static void test_drops_the_oldest_of_what_came_back(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 4;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    rig_expect_sent(&rig, "1 2 ");
    rig_sink_down(&rig);
    rig_give(&rig, 3, 7);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "4 5 6 7 ");
    rig_fini(&rig);
}

static void test_drops_the_newest_where_the_oldest_cannot_be(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_memory = 3 * ONE_SIZE;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig_run(&rig);
    rig_give(&rig, 1, 5); /* all is with the sink */
    rig_expect_settled(&rig, "4:ack 5:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

static void test_drops_the_oldest_over_the_limit_of_memory(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_memory = 4 * ONE_SIZE + 1;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig_run(&rig);
    rig_give(&rig, 0, 3); /* what the sink is done with takes no room */
    rig_deliver(&rig, 0, 3);
    rig_give(&rig, 9, 9);
    rig_sink_down(&rig);
    rig_sink_up(&rig);
    rig_deliver(&rig, 9, 9);
    rig_expect_settled(&rig, "0:ack 1:ack 2:ack 3:ack 9:ack ");
    rig_expect_sent(&rig, "0 1 2 3 9 9 ");
    rig_sink_down(&rig);
    rig_give(&rig, 1, 4);
    fake_source_give(rig.source, "55", NULL); /* to the byte, when one goes */
    rig_expect_settled(&rig, "1:ack ");
    fake_source_give(rig.source, "6", NULL);
    rig_expect_settled(&rig, "2:ack ");
    fake_source_give(rig.source, "77", NULL); /* a byte too many, when one goes */
    rig_expect_settled(&rig, "3:ack 4:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 4);
    assert_int_equal(rig_books(&rig)->buffered, 3);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "55 6 77 ");
    rig_fini(&rig);
}

static void test_what_can_never_fit_drops_nothing_else(void **state)
{
    char large[4 * ONE_SIZE + 1];
    struct rig rig;

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    rig_init(&rig);
    rig.options.buffer_memory = 4 * ONE_SIZE;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig.sink_limit = 2;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    fake_source_give(rig.source, large, NULL);
    assert_int_equal(rig_books(&rig)->dropped, 1);
    large[2 * ONE_SIZE] = '\0'; /* fits into nothing, but not beside what is in flight */
    fake_source_give(rig.source, large, NULL);
    assert_int_equal(rig_books(&rig)->dropped, 2);
    rig_deliver_all(&rig);
    rig_expect_sent(&rig, "1 2 3 4 ");
    rig_fini(&rig);
}

static void test_pauses_the_source_when_full(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 3;
    rig.options.when_full = FULL_PAUSE;
    rig.sink_limit = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 4);
    assert_int_equal(rig.source->pauses, 0);
    rig_give(&rig, 5, 7); /* 5 is one too many; 6 and 7 were under way */
    assert_int_equal(rig.source->pauses, 1);
    assert_true(rig.source->paused);
    assert_int_equal(rig_books(&rig)->buffered, 6);
    assert_int_equal(rig_books(&rig)->dropped, 0);
    rig_expect_states(&rig, "paused ");
    assert_string_equal(rig.why, "the buffer is full");

    rig_deliver(&rig, 1, 4); /* two wait */
    assert_true(rig.source->paused);
    rig_deliver(&rig, 5, 5); /* half */
    assert_false(rig.source->paused);
    rig_deliver(&rig, 6, 7);
    assert_int_equal(rig.source->resumes, 1);
    rig_expect_states(&rig, "running ");
    rig_expect_sent(&rig, "1 2 3 4 5 6 7 ");
    rig_fini(&rig);
}

static void test_pauses_the_source_over_the_limit_of_memory(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_memory = 4 * ONE_SIZE;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 4);
    assert_false(rig.source->paused);
    rig_give(&rig, 5, 5);
    assert_true(rig.source->paused);
    rig_sink_up(&rig);
    rig_deliver(&rig, 1, 2);
    assert_true(rig.source->paused);
    rig_deliver(&rig, 3, 3);
    assert_false(rig.source->paused);
    rig_fini(&rig);
}

static void test_a_buffer_of_one_goes_on(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 1;
    rig.options.when_full = FULL_PAUSE;
    rig.sink_limit = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    assert_false(rig.source->paused);
    rig_give(&rig, 3, 3);
    assert_true(rig.source->paused);
    rig_deliver(&rig, 1, 1);
    assert_true(rig.source->paused);
    rig_deliver(&rig, 2, 2);
    assert_false(rig.source->paused);
    rig_give(&rig, 4, 4);
    rig_deliver(&rig, 3, 4);
    assert_int_equal(rig_books(&rig)->delivered, 4);
    rig_fini(&rig);
}

/* The buffer is empty again without any answer of the sink. */
static void test_resumes_after_what_filled_it_was_refused(void **state)
{
    char large[4 * ONE_SIZE + 1];
    struct rig rig;

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    rig_init(&rig);
    rig.options.buffer_memory = 4 * ONE_SIZE;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig.sink->says = SINK_TOO_LARGE;
    fake_source_give(rig.source, large, NULL);
    assert_int_equal(rig_books(&rig)->dropped, 1);
    assert_false(rig.source->paused);
    rig_fini(&rig);
}

static void test_overflow_is_told_once(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 3;
    rig.sink_limit = 1;
    rig_run(&rig);
    rig_give(&rig, 1, 7);
    assert_int_equal(rig_count_logged(&rig, "buffer is full, dropping the newest messages"), 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "buffer is full, dropping the newest messages: the sink is slower than the "
                        "source");
    rig_deliver(&rig, 1, 1);
    rig_give(&rig, 8, 9); /* room for one, not half a buffer: still the same overflow */
    assert_int_equal(rig_count_logged(&rig, "buffer has room again"), 0);
    rig_deliver(&rig, 2, 3);
    assert_int_equal(rig_count_logged(&rig, "buffer has room again\" dropped=4"), 1);
    rig_deliver_all(&rig);
    assert_int_equal(rig_count_logged(&rig, "room again"), 1);
    assert_int_equal(rig_count_logged(&rig, "level=warn bridge=\"news\""), 1);

    rig_give(&rig, 10, 15); /* within the minute: only counted */
    rig_deliver_all(&rig);
    rig_give(&rig, 16, 20);
    rig_deliver_all(&rig);
    assert_int_equal(rig_count_logged(&rig, "buffer"), 2);
    rig_advance(&rig, 60 * 1000000);
    rig_give(&rig, 21, 26);
    assert_int_equal(rig_count_logged(&rig, "buffer is full"), 2);
    assert_int_equal(rig_count_logged(&rig, "more=2"), 1);
    rig_deliver_all(&rig);
    assert_int_equal(rig_count_logged(&rig, "room again\" dropped=5"), 1);
    rig_fini(&rig);
}

static void test_overflow_of_the_oldest_is_told_once(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 4;
    rig.options.when_full = FULL_DROP_OLDEST;
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 9);
    assert_int_equal(rig_count_logged(&rig, "buffer is full, dropping the oldest messages"), 1);
    rig_sink_up(&rig);
    rig_expect_sent(&rig, "6 7 8 9 ");
    rig_deliver_all(&rig);
    assert_int_equal(rig_count_logged(&rig, "room again\" dropped=5"), 1);
    rig_fini(&rig);
}

static void test_a_pause_is_no_overflow(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 2;
    rig.sink_limit = 1;
    rig.options.when_full = FULL_PAUSE;
    rig_run(&rig);
    rig_give(&rig, 1, 5);
    assert_int_equal(rig.source->pauses, 1);
    rig_deliver_all(&rig);
    assert_string_equal(strbuf_text(&rig.log), "");
    assert_null(bridge_get_last_error(rig.bridge));
    rig_fini(&rig);
}

static void test_a_missing_header_drops_the_message(void **state)
{
    struct field_entry entry = {SLICE("kind"), {FIELD_STRING, {.bytes = SLICE("cat")}}};
    struct properties with_kind = {.present = 1u << PROPERTY_HEADERS, .headers = {&entry, 1}};
    struct properties without = {.present = 0};
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_set_routing_key(&rig, "pets.{header.kind}");
    rig_run(&rig);
    fake_source_give(rig.source, "1", &with_kind);
    assert_string_equal(rig.sink->last_routing_key, "pets.cat");
    fake_source_give(rig.source, "2", &without);
    fake_source_give(rig.source, "3", &with_kind);
    rig_expect_sent(&rig, "1 3 ");
    rig_expect_settled(&rig, "2:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 1);
    assert_int_equal(rig_count_logged(&rig, "message dropped: template"), 1);
    assert_non_null(strstr(bridge_get_last_error(rig.bridge), "message dropped: template: "));
    assert_non_null(strstr(bridge_get_last_error(rig.bridge), "kind"));
    rig_fini(&rig);
}

static void test_what_the_sink_can_never_send_is_dropped(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.sink->says = SINK_TOO_LARGE;
    rig.sink->says_why = "17 MiB, over max_message_size";
    rig_give(&rig, 1, 1);
    assert_string_equal(bridge_get_last_error(rig.bridge),
                        "message dropped: too-large: 17 MiB, over max_message_size");
    rig.sink->says = SINK_REFUSED;
    rig.sink->says_why = "no such key";
    rig_give(&rig, 2, 2);
    assert_string_equal(bridge_get_last_error(rig.bridge), "message dropped: refused: no such key");
    rig.sink->says = SINK_TAKEN;
    rig_give(&rig, 3, 3);
    rig_expect_sent(&rig, "3 ");
    rig_expect_settled(&rig, "1:ack 2:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 2);
    assert_int_equal(rig_count_logged(&rig, "message dropped: too-large"), 1);
    rig_fini(&rig);
}

static void test_refusals_are_told_once_a_minute(void **state)
{
    static const char *const words[] = {"17 MiB", "18 MiB", "19 MiB"};
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig.sink->says = SINK_TOO_LARGE;
    for (unsigned i = 0; i < 3; i++) {
        rig.sink->says_why = words[i];
        rig_give(&rig, i, i);
    }
    assert_int_equal(rig_count_logged(&rig, "msg="), 1);
    assert_int_equal(rig_count_logged(&rig, "17 MiB"), 1);
    assert_string_equal(bridge_get_last_error(rig.bridge), "message dropped: too-large: 19 MiB");
    rig.sink->says = SINK_REFUSED; /* another reason has its own minute */
    rig_give(&rig, 3, 3);
    assert_int_equal(rig_count_logged(&rig, "msg="), 2);
    rig_advance(&rig, 60 * 1000000);
    rig.sink->says = SINK_TOO_LARGE;
    rig.sink->says_why = "20 MiB";
    rig_give(&rig, 4, 4);
    rig_give(&rig, 5, 5);
    assert_int_equal(rig_count_logged(&rig, "why=\"20 MiB\" more=2"), 1);
    assert_int_equal(rig_count_logged(&rig, "msg="), 3);
    rig_fini(&rig);
}

static void test_refused_out_of_the_queue(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_sink_down(&rig);
    rig_give(&rig, 1, 3);
    rig.sink->says = SINK_REFUSED;
    rig_sink_up(&rig);
    rig_expect_settled(&rig, "1:ack 2:ack 3:ack ");
    assert_int_equal(rig_books(&rig)->dropped, 3);
    assert_int_equal(rig_books(&rig)->buffered, 0);
    rig_fini(&rig);
}

static void test_bytes_are_counted(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.buffer_messages = 1;
    rig.sink_limit = 1;
    rig_run(&rig);
    fake_source_give(rig.source, "hello", NULL);
    fake_source_give(rig.source, "", NULL);
    fake_source_give(rig.source, "dropped", NULL);
    assert_int_equal(rig_books(&rig)->bytes_in, 12);
    assert_int_equal(rig_books(&rig)->bytes_out, 0);
    rig_deliver_all(&rig);
    assert_int_equal(rig_books(&rig)->bytes_out, 5);
    rig_fini(&rig);
}

/* It counts, and is told of once a minute. */
static void test_no_memory_for_a_message(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_run(&rig);
    rig_give(&rig, 1, 2);
    for (int i = 0; i < 3; i++) {
        rig.gone_given++; /* one that no source holds */
        rig.source->source.events->on_lost(rig.source->source.ctx);
    }
    assert_int_equal(rig_books(&rig)->received, 5);
    assert_int_equal(rig_books(&rig)->dropped, 3);
    rig_check_books(&rig);
    assert_int_equal(rig_count_logged(&rig, "msg=\"message dropped\" why=\"out of memory\""), 1);
    rig_deliver_all(&rig);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent_at_once_and_in_order),
        cmocka_unit_test(test_waits_for_the_sink_to_be_ready),
        cmocka_unit_test(test_waits_for_a_busy_sink),
        cmocka_unit_test(test_a_busy_sink_knows_how_many_wait),
        cmocka_unit_test(test_nothing_overtakes_what_waits),
        cmocka_unit_test(test_mapped_for_the_sink),
        cmocka_unit_test(test_drops_the_newest_over_the_limit_of_messages),
        cmocka_unit_test(test_the_limit_of_messages_is_of_those_that_wait),
        cmocka_unit_test(test_drops_the_newest_over_the_limit_of_memory),
        cmocka_unit_test(test_drops_the_oldest_over_the_limit_of_messages),
        cmocka_unit_test(test_drops_the_oldest_of_what_came_back),
        cmocka_unit_test(test_drops_the_newest_where_the_oldest_cannot_be),
        cmocka_unit_test(test_drops_the_oldest_over_the_limit_of_memory),
        cmocka_unit_test(test_what_can_never_fit_drops_nothing_else),
        cmocka_unit_test(test_pauses_the_source_when_full),
        cmocka_unit_test(test_pauses_the_source_over_the_limit_of_memory),
        cmocka_unit_test(test_a_buffer_of_one_goes_on),
        cmocka_unit_test(test_resumes_after_what_filled_it_was_refused),
        cmocka_unit_test(test_overflow_is_told_once),
        cmocka_unit_test(test_overflow_of_the_oldest_is_told_once),
        cmocka_unit_test(test_a_pause_is_no_overflow),
        cmocka_unit_test(test_a_missing_header_drops_the_message),
        cmocka_unit_test(test_what_the_sink_can_never_send_is_dropped),
        cmocka_unit_test(test_refusals_are_told_once_a_minute),
        cmocka_unit_test(test_refused_out_of_the_queue),
        cmocka_unit_test(test_bytes_are_counted),
        cmocka_unit_test(test_no_memory_for_a_message),
    };

    return cmocka_run_group_tests_name("bridge_flow", tests, NULL, NULL);
}
