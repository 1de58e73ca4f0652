/* Does a link carry bytes both ways, whole and in order, over TCP and unix sockets, say once and in
 * words when it is over, and may its owner do anything with it inside its events? */
#include "net/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net_rig.h"

static void check_both_ways(struct net_rig *rig)
{
    uint64_t before = loop_touch(rig->loop);

    net_rig_write(rig, "hello", 5);
    net_rig_write(rig, " there", 6);
    assert_int_equal(link_pending(rig->link), 11); /* goes out at the end of the turn */
    net_rig_peer_expect(rig, "hello there", 11);
    assert_int_equal(link_pending(rig->link), 0);
    assert_int_equal(link_bytes_out(rig->link), 11);
    net_rig_peer_write(rig, "well\0met", 8);
    net_rig_wait_in(rig, 8);
    assert_memory_equal(rig->in.data, "well\0met", 8);
    assert_int_equal(link_bytes_in(rig->link), 8);
    assert_in_range(link_last_read_us(rig->link), before, clock_monotonic_us());
    net_rig_close(rig);
    assert_false(link_is_up(rig->link));
    net_rig_peer_expect_end(rig);
    net_rig_idle(rig);
    assert_int_equal(rig->downs, 0);
}

static void test_both_ways_over_tcp(void **state)
{
    struct net_rig rig;
    char peer[32];

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", rig.port);
    assert_string_equal(link_peer(rig.link), peer);
    check_both_ways(&rig);
    net_rig_fini(&rig);
}

static void test_both_ways_over_a_unix_socket(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_listen_unix(&rig);
    net_rig_run(&rig);
    assert_string_equal(link_peer(rig.link), rig.target.path);
    check_both_ways(&rig);
    net_rig_fini(&rig);
}

static void test_nothing_can_be_written_while_down(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_listen_tcp(&rig);
    net_rig_make(&rig);
    assert_int_equal(link_write(rig.link, "x", 1), -1);
    assert_null(link_reserve(rig.link, 1));
    assert_int_equal(link_pending(rig.link), 0);
    assert_false(link_is_full(rig.link));
    net_rig_connect(&rig);
    assert_int_equal(link_write(rig.link, "x", 1), -1);
    net_rig_wait_up(&rig);
    assert_int_equal(link_write(rig.link, "x", 1), 0);
    net_rig_close(&rig);
    assert_int_equal(link_write(rig.link, "x", 1), -1);
    assert_int_equal(link_pending(rig.link), 0);
    link_pause_reading(rig.link); /* legal always */
    link_resume_reading(rig.link);
    link_close(rig.link);
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
    link_free(NULL);
}

static void test_written_in_place(void **state)
{
    struct net_rig rig;
    uint8_t *room;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    room = link_reserve(rig.link, 1000);
    assert_non_null(room);
    memcpy(room, "abcdef", 6);
    link_commit(rig.link, 3); /* less than was asked for */
    room = link_reserve(rig.link, 10);
    assert_non_null(room);
    link_commit(rig.link, 0);
    net_rig_write(&rig, "xyz", 3);
    net_rig_peer_expect(&rig, "abcxyz", 6);
    net_rig_fini(&rig);
}

/* Uses whole lines only. */
static size_t use_lines(struct net_rig *rig, const uint8_t *data, size_t len)
{
    (void)rig;
    while (len > 0 && data[len - 1] != '\n') {
        len--;
    }
    return len;
}

static void test_a_rest_is_shown_again(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.on_data = use_lines;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "on", 2);
    net_rig_idle(&rig);
    assert_int_equal(rig.in.len, 0);
    assert_int_equal(rig.shows, 1);
    net_rig_peer_write(&rig, "e\ntwo\nthr", 9);
    net_rig_wait_in(&rig, 8);
    net_rig_idle(&rig);
    assert_int_equal(rig.shows, 2); /* what was not used is not shown alone */
    net_rig_peer_write(&rig, "ee\n", 3);
    net_rig_wait_in(&rig, 14);
    assert_memory_equal(rig.in.data, "one\ntwo\nthree\n", 14);
    net_rig_fini(&rig);
}

static void test_a_rest_over_the_limit_closes(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.limits.read_limit = 10;
    rig.on_data = use_lines;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "a long line is no rest\n0123456789", 33);
    net_rig_wait_in(&rig, 23);
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0); /* to the byte */
    link_set_read_limit(rig.link, 12);
    net_rig_peer_write(&rig, "ab", 2);
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_peer_write(&rig, "c", 1);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "the peer sent a piece over the size limit");
    net_rig_fini(&rig);
}

static void test_closed_by_the_peer(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "last words", 10);
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_int_equal(rig.in.len, 10); /* shown before */
    assert_string_equal(rig.why, "closed by the peer");
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 1);
    net_rig_fini(&rig);
}

static void test_half_closed_by_the_peer(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    assert_int_equal(shutdown(rig.peer, SHUT_WR), 0);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed by the peer");
    net_rig_fini(&rig);
}

static void test_reset_by_the_peer(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_reset_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "Connection reset by peer");
    net_rig_fini(&rig);
}

static void test_written_to_a_peer_that_is_gone(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    link_pause_reading(rig.link); /* so that only the write can tell */
    net_rig_reset_peer(&rig);
    net_rig_write(&rig, "x", 1);
    net_rig_wait_down(&rig, 1);
    assert_true(strcmp(rig.why, "Connection reset by peer") == 0 ||
                strcmp(rig.why, "Broken pipe") == 0);
    net_rig_fini(&rig);
}

static void test_paused_reading_leaves_all_with_the_kernel(void **state)
{
    struct net_rig rig;
    uint64_t before;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    link_pause_reading(rig.link);
    link_pause_reading(rig.link);
    net_rig_peer_write(&rig, "abc", 3);
    net_rig_close_peer(&rig);
    net_rig_idle(&rig);
    assert_int_equal(rig.shows, 0);
    assert_int_equal(rig.downs, 0);
    before = clock_monotonic_us();
    loop_turn(rig.loop, 30000); /* and the loop does not spin over them */
    assert_true(clock_monotonic_us() - before > 20000);
    rig.in_operation = true;
    link_resume_reading(rig.link);
    rig.in_operation = false;
    net_rig_wait_down(&rig, 1);
    assert_int_equal(rig.in.len, 3);
    net_rig_fini(&rig);
}

static void test_paused_before_it_is_up(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_listen_tcp(&rig);
    net_rig_make(&rig);
    link_pause_reading(rig.link);
    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_accept(&rig);
    net_rig_peer_write(&rig, "abc", 3);
    net_rig_idle(&rig);
    assert_int_equal(rig.shows, 0);
    link_resume_reading(rig.link);
    net_rig_wait_in(&rig, 3);
    net_rig_fini(&rig);
}

static size_t pause_inside(struct net_rig *rig, const uint8_t *data, size_t len)
{
    (void)data;
    link_pause_reading(rig->link);
    return len;
}

static void test_paused_inside_on_data(void **state)
{
    struct net_rig rig;
    static const char many[100000];

    (void)state;
    net_rig_init(&rig);
    rig.on_data = pause_inside;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, many, sizeof(many));
    for (unsigned shows = 1; rig.in.len < sizeof(many); shows++) {
        while (rig.shows < shows) {
            loop_turn(rig.loop, 1000);
        }
        net_rig_idle(&rig);
        assert_int_equal(rig.shows, shows); /* one read, and no more until it is resumed */
        link_resume_reading(rig.link);
    }
    net_rig_fini(&rig);
}

/* Writes 1 KiB at a time until the link says that it is full. */
static size_t write_until_full(struct net_rig *rig)
{
    uint8_t block[1024];
    size_t written = 0;

    while (!link_is_full(rig->link)) {
        net_rig_fill(block, sizeof(block), written);
        net_rig_write(rig, block, sizeof(block));
        written += sizeof(block);
    }
    return written;
}

static void expect_pattern(struct net_rig *rig, uint64_t position, size_t len)
{
    uint8_t *wanted = malloc(len);

    assert_non_null(wanted);
    net_rig_fill(wanted, len, position);
    net_rig_peer_expect(rig, wanted, len);
    free(wanted);
}

static void test_watermarks(void **state)
{
    struct net_rig rig;
    size_t written;

    (void)state;
    net_rig_init(&rig);
    rig.limits.write_high = 20 << 20; /* more than the kernel takes at once */
    rig.limits.write_low = 1 << 20;
    net_rig_run(&rig);
    written = write_until_full(&rig);
    assert_int_equal(written, 20 << 20);
    net_rig_idle(&rig);
    assert_int_equal(rig.writables, 0);
    assert_in_range(link_pending(rig.link), 1 << 20, 20 << 20);
    expect_pattern(&rig, 0, written);
    assert_int_equal(rig.writables, 1);
    assert_int_equal(link_pending(rig.link), 0);
    assert_int_equal(link_bytes_out(rig.link), written);
    net_rig_write(&rig, "x", 1);
    net_rig_idle(&rig);
    assert_int_equal(rig.writables, 1); /* it was not full again */
    net_rig_fini(&rig);
}

static void test_a_large_write_to_a_slow_reader(void **state)
{
    enum { LARGE = 16 << 20, A_TURN = 16 << 10 };
    struct net_rig rig;
    uint8_t *large = malloc(LARGE);
    uint8_t wanted[A_TURN];
    uint64_t before;

    (void)state;
    assert_non_null(large);
    net_rig_fill(large, LARGE, 0);
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, large, LARGE / 2);
    net_rig_write(&rig, large + LARGE / 2, LARGE / 2);
    memset(large, 0, LARGE); /* it was copied */
    free(large);
    for (uint64_t at = 0; at < LARGE; at += A_TURN) {
        net_rig_fill(wanted, A_TURN, at);
        net_rig_peer_expect(&rig, wanted, A_TURN);
        loop_turn(rig.loop, 0);
    }
    net_rig_idle(&rig);
    assert_int_equal(link_pending(rig.link), 0);
    assert_int_equal(link_bytes_out(rig.link), LARGE);
    before = clock_monotonic_us();
    loop_turn(rig.loop, 30000); /* the loop does not spin over a socket that could take more */
    assert_true(clock_monotonic_us() - before > 20000);
    net_rig_fini(&rig);
}

/* The bytes that came are the pattern's; counts them without keeping them. */
static size_t check_pattern(struct net_rig *rig, const uint8_t *data, size_t len)
{
    uint64_t *position = rig->ctx;

    for (size_t i = 0; i < len; i++) {
        if (data[i] != net_rig_pattern(*position + i)) {
            fail_msg("byte %zu is wrong", (size_t)*position + i);
        }
    }
    *position += len;
    strbuf_reset(&rig->in);
    return len;
}

static void test_a_large_read(void **state)
{
    enum { LARGE = 16 << 20 };
    static uint8_t block[32768];
    struct net_rig rig;
    uint64_t came = 0;
    uint64_t sent = 0;
    ssize_t now;

    (void)state;
    net_rig_init(&rig);
    rig.on_data = check_pattern;
    rig.ctx = &came;
    net_rig_run(&rig);
    while (sent < LARGE) {
        net_rig_fill(block, sizeof(block), sent);
        now = send(rig.peer, block, sizeof(block), MSG_NOSIGNAL);
        sent += now > 0 ? (uint64_t)now : 0;
        loop_turn(rig.loop, now > 0 ? 0 : 1000);
    }
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_int_equal(came, sent);
    assert_int_equal(link_bytes_in(rig.link), sent);
    net_rig_fini(&rig);
}

static size_t close_inside(struct net_rig *rig, const uint8_t *data, size_t len)
{
    (void)data;
    link_close(rig->link);
    return len;
}

static void test_closed_inside_on_data(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.on_data = close_inside;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "abc", 3);
    net_rig_peer_expect_end(&rig);
    net_rig_idle(&rig);
    assert_int_equal(rig.shows, 1);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

/* A new connection, begun inside on_data of the old one. */
static size_t reconnect_inside(struct net_rig *rig, const uint8_t *data, size_t len)
{
    (void)data;
    rig->on_data = NULL;
    link_close(rig->link);
    net_rig_connect(rig);
    return len;
}

static void test_connected_anew_inside_on_data(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.on_data = reconnect_inside;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "abc", 3);
    net_rig_peer_expect_end(&rig);
    net_rig_accept(&rig);
    net_rig_wait_up(&rig);
    net_rig_peer_write(&rig, "def", 3);
    net_rig_wait_in(&rig, 6); /* "abc" was used, and is not shown again */
    assert_int_equal(rig.ups, 2);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

static void close_on_event(struct net_rig *rig)
{
    link_close(rig->link);
}

static void test_closed_inside_on_up_and_on_writable(void **state)
{
    struct net_rig rig;
    static const char many[16 << 20];

    (void)state;
    net_rig_init(&rig);
    net_rig_listen_tcp(&rig);
    net_rig_make(&rig);
    rig.on_up = close_on_event;
    net_rig_connect(&rig);
    net_rig_accept(&rig);
    net_rig_peer_expect_end(&rig);
    assert_int_equal(rig.ups, 1);

    rig.on_up = NULL;
    rig.on_writable = close_on_event;
    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_accept(&rig);
    net_rig_write(&rig, many, sizeof(many));
    assert_true(link_is_full(rig.link));
    while (rig.writables == 0) {
        char sink[65536];

        assert_true(recv(rig.peer, sink, sizeof(sink), 0) != 0);
        loop_turn(rig.loop, 1000);
    }
    assert_false(link_is_up(rig.link));
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

static void reconnect_on_event(struct net_rig *rig)
{
    net_rig_connect(rig);
}

static void test_connected_anew_inside_on_down(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.on_down = reconnect_on_event;
    net_rig_run(&rig);
    for (unsigned i = 1; i <= 3; i++) {
        net_rig_reset_peer(&rig);
        net_rig_wait_down(&rig, i);
        net_rig_accept(&rig);
        net_rig_wait_up(&rig);
        net_rig_write(&rig, "hi", 2);
        net_rig_peer_expect(&rig, "hi", 2);
    }
    assert_int_equal(rig.ups, 4);
    net_rig_fini(&rig);
}

static void test_closed_and_freed_at_any_time(void **state)
{
    struct net_rig rig;

    (void)state;
    for (int turns = 0; turns < 6; turns++) {
        net_rig_init(&rig);
        net_rig_listen_tcp(&rig);
        net_rig_make(&rig);
        net_rig_connect(&rig);
        for (int i = 0; i < turns; i++) {
            loop_turn(rig.loop, 0);
        }
        net_rig_close(&rig);
        assert_false(link_is_up(rig.link));
        net_rig_idle(&rig);
        assert_int_equal(rig.downs, 0);
        net_rig_connect(&rig);
        for (int i = 0; i < turns; i++) {
            loop_turn(rig.loop, 0);
        }
        net_rig_fini(&rig);
    }
}

static void test_freed_with_work_left_for_the_turn(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, "abc", 3);
    link_pause_reading(rig.link);
    link_resume_reading(rig.link);
    link_free(rig.link);
    rig.link = NULL;
    net_rig_idle(&rig);
    net_rig_fini(&rig);
}

static void test_a_new_connection_knows_nothing_of_the_old_one(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    rig.on_data = use_lines;
    net_rig_run(&rig);
    net_rig_peer_write(&rig, "the beginning of a line", 23);
    net_rig_idle(&rig);
    write_until_full(&rig);
    net_rig_close(&rig);
    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_accept(&rig);
    assert_int_equal(link_pending(rig.link), 0);
    assert_false(link_is_full(rig.link));
    net_rig_write(&rig, "x", 1);
    net_rig_peer_write(&rig, "a line\n", 7);
    net_rig_wait_in(&rig, 7);
    net_rig_peer_expect(&rig, "x", 1);
    net_rig_idle(&rig);
    assert_int_equal(rig.writables, 0);
    net_rig_fini(&rig);
}

static void close_after_flush(struct net_rig *rig, uint64_t timeout_us)
{
    rig->in_operation = true;
    link_close_after_flush(rig->link, timeout_us);
    rig->in_operation = false;
}

static void test_closed_after_all_is_sent(void **state)
{
    enum { LARGE = 8 << 20 };
    struct net_rig rig;
    uint8_t *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    net_rig_fill(large, LARGE, 0);
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, large, LARGE);
    free(large);
    close_after_flush(&rig, NET_RIG_DEADLINE_US);
    assert_false(link_is_up(rig.link));
    assert_int_equal(link_write(rig.link, "x", 1), -1);
    net_rig_idle(&rig);
    close_after_flush(&rig, NET_RIG_DEADLINE_US); /* twice is once */
    assert_int_equal(rig.downs, 0);
    expect_pattern(&rig, 0, LARGE);
    net_rig_peer_expect_end(&rig);
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_fini(&rig);
}

/* A close with bytes unread makes the kernel throw away what it has not sent. */
static void test_closed_after_all_is_sent_though_the_peer_sends_on(void **state)
{
    enum { LARGE = 8 << 20 };
    struct net_rig rig;
    uint8_t *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    net_rig_fill(large, LARGE, 0);
    net_rig_init(&rig);
    net_rig_run(&rig);
    link_pause_reading(rig.link);
    net_rig_peer_write(&rig, "nobody reads this", 17);
    net_rig_write(&rig, large, LARGE);
    free(large);
    close_after_flush(&rig, NET_RIG_DEADLINE_US);
    expect_pattern(&rig, 0, LARGE / 2);
    net_rig_peer_write(&rig, "nor this", 8);
    net_rig_idle(&rig);
    assert_int_equal(rig.shows, 0);
    expect_pattern(&rig, LARGE / 2, LARGE / 2);
    net_rig_peer_expect_end(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_close_peer(&rig);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_fini(&rig);
}

/* It wants to hear the rest all the same. */
static void test_closed_after_all_is_sent_to_a_peer_that_has_ended(void **state)
{
    enum { LARGE = 8 << 20 };
    struct net_rig rig;
    uint8_t *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    net_rig_fill(large, LARGE, 0);
    net_rig_init(&rig);
    net_rig_run(&rig);
    link_pause_reading(rig.link);
    assert_int_equal(shutdown(rig.peer, SHUT_WR), 0);
    net_rig_write(&rig, large, LARGE);
    free(large);
    close_after_flush(&rig, NET_RIG_DEADLINE_US);
    expect_pattern(&rig, 0, LARGE);
    net_rig_peer_expect_end(&rig);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_fini(&rig);
}

/* The peer takes all, and does not end. */
static void test_closed_though_the_peer_does_not_end(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, "bye", 3);
    close_after_flush(&rig, 30000);
    net_rig_peer_expect(&rig, "bye", 3);
    net_rig_peer_expect_end(&rig);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_fini(&rig);
}

static void test_closed_after_a_flush_that_takes_too_long(void **state)
{
    static const char many[16 << 20];
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, many, sizeof(many));
    close_after_flush(&rig, 30000); /* nobody reads */
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_fini(&rig);
}

static void test_closed_while_it_closes(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    close_after_flush(&rig, 15000);
    net_rig_turn(&rig, 0);
    net_rig_close(&rig);
    close_after_flush(&rig, 15000); /* idle, and closed before it could be told */
    net_rig_close(&rig);
    net_rig_idle(&rig);
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0);
    net_rig_fini(&rig);
}

static void test_a_flush_cut_short(void **state)
{
    static const char many[16 << 20];
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_run(&rig);
    net_rig_write(&rig, many, sizeof(many));
    close_after_flush(&rig, NET_RIG_DEADLINE_US);
    net_rig_idle(&rig);
    net_rig_close(&rig); /* by its owner: no event */
    net_rig_idle(&rig);
    assert_int_equal(rig.downs, 0);

    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_accept(&rig);
    net_rig_write(&rig, many, sizeof(many));
    close_after_flush(&rig, NET_RIG_DEADLINE_US);
    net_rig_reset_peer(&rig); /* by the peer */
    net_rig_wait_down(&rig, 1);
    net_rig_fini(&rig);
}

static void test_closed_after_flush_before_it_is_up(void **state)
{
    struct net_rig rig;

    (void)state;
    net_rig_init(&rig);
    net_rig_listen_tcp(&rig);
    net_rig_make(&rig);
    close_after_flush(&rig, 1000); /* idle */
    assert_int_equal(rig.downs, 0);
    net_rig_wait_down(&rig, 1);
    assert_string_equal(rig.why, "closed");
    net_rig_connect(&rig);
    for (int i = 0; i < 3; i++) {
        close_after_flush(&rig, 1000); /* on its way */
    }
    net_rig_wait_down(&rig, 2);
    net_rig_idle(&rig);
    assert_int_equal(rig.ups, 0);
    assert_int_equal(rig.downs, 2);
    net_rig_connect(&rig);
    net_rig_wait_up(&rig);
    net_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways_over_tcp),
        cmocka_unit_test(test_both_ways_over_a_unix_socket),
        cmocka_unit_test(test_nothing_can_be_written_while_down),
        cmocka_unit_test(test_written_in_place),
        cmocka_unit_test(test_a_rest_is_shown_again),
        cmocka_unit_test(test_a_rest_over_the_limit_closes),
        cmocka_unit_test(test_closed_by_the_peer),
        cmocka_unit_test(test_half_closed_by_the_peer),
        cmocka_unit_test(test_reset_by_the_peer),
        cmocka_unit_test(test_written_to_a_peer_that_is_gone),
        cmocka_unit_test(test_paused_reading_leaves_all_with_the_kernel),
        cmocka_unit_test(test_paused_before_it_is_up),
        cmocka_unit_test(test_paused_inside_on_data),
        cmocka_unit_test(test_watermarks),
        cmocka_unit_test(test_a_large_write_to_a_slow_reader),
        cmocka_unit_test(test_a_large_read),
        cmocka_unit_test(test_closed_inside_on_data),
        cmocka_unit_test(test_connected_anew_inside_on_data),
        cmocka_unit_test(test_closed_inside_on_up_and_on_writable),
        cmocka_unit_test(test_connected_anew_inside_on_down),
        cmocka_unit_test(test_closed_and_freed_at_any_time),
        cmocka_unit_test(test_freed_with_work_left_for_the_turn),
        cmocka_unit_test(test_a_new_connection_knows_nothing_of_the_old_one),
        cmocka_unit_test(test_closed_after_all_is_sent),
        cmocka_unit_test(test_closed_after_all_is_sent_though_the_peer_sends_on),
        cmocka_unit_test(test_closed_after_all_is_sent_to_a_peer_that_has_ended),
        cmocka_unit_test(test_closed_though_the_peer_does_not_end),
        cmocka_unit_test(test_closed_after_a_flush_that_takes_too_long),
        cmocka_unit_test(test_closed_while_it_closes),
        cmocka_unit_test(test_a_flush_cut_short),
        cmocka_unit_test(test_closed_after_flush_before_it_is_up),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
