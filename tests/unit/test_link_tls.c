/* Does a link over TLS carry everything both ways, whatever stops and starts it, and is it as
 * silent after its end as one over TCP? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tls_rig.h"

enum { LARGE = 16 << 20 };

static const struct tls_wish broker = {.names = "DNS:broker.test"};

/* The bytes that came are the pattern's; counts them without keeping them. */
static size_t check_pattern(struct net_rig *net, const uint8_t *data, size_t len)
{
    uint64_t *position = net->ctx;

    for (size_t i = 0; i < len; i++) {
        if (data[i] != net_rig_pattern(*position + i)) {
            fail_msg("byte %zu is wrong", (size_t)*position + i);
        }
    }
    *position += len;
    strbuf_reset(&net->in);
    return len;
}

static void write_pattern(struct net_rig *net, size_t len)
{
    uint8_t *data = malloc(len);

    assert_non_null(data);
    net_rig_fill(data, len, 0);
    net_rig_write(net, data, len);
    free(data);
}

static struct tls_peer *peer_of(struct net_rig *net)
{
    return net->peer_ctx;
}

static bool peer_has_large(struct net_rig *net)
{
    return peer_of(net)->received == LARGE;
}

static bool both_have_large(struct net_rig *net)
{
    return peer_of(net)->received == LARGE && *(uint64_t *)net->ctx == LARGE;
}

static void test_large_transfers_both_ways(void **state)
{
    struct tls_rig rig;
    uint64_t came = 0;

    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        came = 0;
        tls_rig_init(&rig, &broker);
        assert_int_equal(SSL_CTX_set_max_proto_version(rig.peer.ctx, version), 1);
        rig.net.on_data = check_pattern;
        rig.net.ctx = &came;
        tls_rig_run(&rig);
        write_pattern(&rig.net, LARGE);
        rig.peer.to_send = LARGE;
        net_rig_wait(&rig.net, both_have_large);
        assert_int_equal(link_bytes_in(rig.net.link), LARGE);
        assert_int_equal(link_bytes_out(rig.net.link), LARGE);
        net_rig_idle(&rig.net);
        assert_int_equal(link_pending(rig.net.link), 0);
        assert_int_equal(rig.net.downs, 0);
        tls_rig_fini(&rig);
    }
}

static void test_many_small_writes(void **state)
{
    struct tls_rig rig;
    uint8_t piece[100];
    uint64_t written = 0;

    (void)state;
    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig);
    while (written < LARGE / 16) {
        net_rig_fill(piece, sizeof(piece), written);
        net_rig_write(&rig.net, piece, sizeof(piece));
        written += sizeof(piece);
        if (written % 10000 == 0) {
            net_rig_turn(&rig.net, 0);
        }
    }
    while (rig.peer.received < written) {
        net_rig_turn(&rig.net, 1000);
    }
    tls_rig_fini(&rig);
}

/* Pauses for every piece, and uses odd amounts of them. */
static size_t pause_and_check(struct net_rig *net, const uint8_t *data, size_t len)
{
    link_pause_reading(net->link);
    return check_pattern(net, data, len);
}

static void test_pauses_lose_nothing(void **state)
{
    struct tls_rig rig;
    uint64_t came = 0;
    uint64_t before;

    (void)state;
    tls_rig_init(&rig, &broker);
    rig.net.on_data = pause_and_check;
    rig.net.ctx = &came;
    tls_rig_run(&rig);
    rig.peer.to_send = LARGE / 4;
    while (came < LARGE / 4) {
        before = came;
        while (came == before) {
            net_rig_turn(&rig.net, 1000);
        }
        before = came;
        for (int i = 0; i < 3; i++) {
            net_rig_turn(&rig.net, 0);
        }
        assert_int_equal(came, before); /* nothing while it is paused */
        link_resume_reading(rig.net.link);
    }
    assert_int_equal(came, LARGE / 4);
    tls_rig_fini(&rig);
}

static void test_paused_reading_holds_the_peer(void **state)
{
    struct tls_rig rig;
    uint64_t came = 0;
    uint64_t sent;

    (void)state;
    tls_rig_init(&rig, &broker);
    rig.net.on_data = check_pattern;
    rig.net.ctx = &came;
    tls_rig_run(&rig);
    link_pause_reading(rig.net.link);
    rig.peer.to_send = 4 * LARGE;
    do { /* until the kernel's buffers are full */
        sent = rig.peer.sent;
        net_rig_idle(&rig.net);
    } while (rig.peer.sent > sent);
    assert_true(sent < 4 * LARGE);
    assert_int_equal(link_bytes_in(rig.net.link), 0);
    link_resume_reading(rig.net.link);
    while (came < 4 * LARGE) {
        net_rig_turn(&rig.net, 1000);
    }
    tls_rig_fini(&rig);
}

static void test_paused_before_it_is_up(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    net_rig_make(&rig.net);
    link_pause_reading(rig.net.link);
    tls_rig_run(&rig);
    rig.peer.to_send = 1000;
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.shows, 0);
    tls_peer_close(&rig.peer, &rig.net);
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.downs, 0); /* the end is behind what was not read */
    link_resume_reading(rig.net.link);
    net_rig_wait_down(&rig.net, 1);
    assert_int_equal(rig.net.in.len, 1000);
    tls_rig_fini(&rig);
}

/* Uses all but the last three bytes. */
static size_t leave_three(struct net_rig *net, const uint8_t *data, size_t len)
{
    (void)net;
    (void)data;
    return len > 3 ? len - 3 : 0;
}

static void test_a_rest_is_shown_again(void **state)
{
    uint8_t wanted[5000];
    struct tls_rig rig;

    (void)state;
    net_rig_fill(wanted, sizeof(wanted), 0);
    tls_rig_init(&rig, &broker);
    rig.net.on_data = leave_three;
    tls_rig_run(&rig);
    rig.peer.to_send = 100;
    net_rig_wait_in(&rig.net, 97);
    rig.peer.to_send = sizeof(wanted);
    net_rig_wait_in(&rig.net, sizeof(wanted) - 3);
    assert_memory_equal(rig.net.in.data, wanted, sizeof(wanted) - 3);
    tls_rig_fini(&rig);
}

static bool peer_has_sent(struct net_rig *net)
{
    return peer_of(net)->sent == peer_of(net)->to_send;
}

static void test_closed_by_the_peer(void **state)
{
    struct tls_rig rig;

    (void)state;
    for (int politely = 0; politely <= 1; politely++) {
        tls_rig_init(&rig, &broker);
        tls_rig_run(&rig);
        rig.peer.to_send = 5000;
        net_rig_wait(&rig.net, peer_has_sent);
        if (politely) {
            tls_peer_close(&rig.peer, &rig.net);
        } else {
            net_rig_close_peer(&rig.net); /* without a close_notify */
        }
        net_rig_wait_down(&rig.net, 1);
        assert_string_equal(rig.net.why, "closed by the peer");
        assert_int_equal(rig.net.in.len, 5000);
        net_rig_idle(&rig.net);
        assert_int_equal(rig.net.downs, 1);
        tls_rig_fini(&rig);
    }
}

static void test_a_stream_that_is_tampered_with(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig);
    net_rig_peer_write(&rig.net, "plain words in the middle", 25);
    net_rig_wait_down(&rig.net, 1);
    assert_string_equal(rig.net.why, "TLS: wrong version number");
    assert_int_equal(rig.net.in.len, 0);
    tls_rig_fini(&rig);
}

static void close_on_event(struct net_rig *net)
{
    link_close(net->link);
}

static size_t close_on_data(struct net_rig *net, const uint8_t *data, size_t len)
{
    (void)data;
    link_close(net->link);
    return len;
}

static bool peer_is_gone(struct net_rig *net)
{
    return peer_of(net)->ended || peer_of(net)->failed;
}

static void test_nothing_comes_after_a_close(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    rig.net.on_up = close_on_event; /* inside on_up */
    tls_rig_connect(&rig);
    net_rig_wait(&rig.net, peer_is_gone);
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.ups, 1);
    assert_int_equal(rig.net.downs, 0);
    tls_rig_fini(&rig);

    tls_rig_init(&rig, &broker);
    rig.net.on_data = close_on_data; /* inside on_data, with more behind */
    tls_rig_run(&rig);
    rig.peer.to_send = LARGE;
    net_rig_wait(&rig.net, peer_is_gone);
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.shows, 1);
    assert_int_equal(rig.net.downs, 0);
    tls_rig_fini(&rig);

    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig); /* with everything under way in both directions */
    rig.peer.to_send = LARGE;
    rig.peer.reads = false;
    write_pattern(&rig.net, LARGE);
    net_rig_wait_up(&rig.net);
    net_rig_turn(&rig.net, 1000);
    net_rig_close(&rig.net);
    rig.net.on_data = NULL;
    strbuf_reset(&rig.net.in);
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.in.len, 0);
    assert_int_equal(rig.net.downs, 0);
    tls_rig_fini(&rig);
}

static void test_says_goodbye(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig);
    net_rig_close(&rig.net);
    net_rig_wait(&rig.net, peer_is_gone);
    assert_true(rig.peer.ended);
    tls_rig_fini(&rig);
}

static void test_freed_in_the_handshake(void **state)
{
    struct tls_rig rig;

    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        tls_rig_init(&rig, &broker);
        tls_rig_connect(&rig);
        for (int i = 0; i < turns; i++) {
            net_rig_turn(&rig.net, 0);
        }
        tls_rig_fini(&rig);
    }
}

static void reconnect_on_event(struct net_rig *net)
{
    net_rig_connect(net);
}

static void test_connected_anew_inside_on_down(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    rig.net.on_down = reconnect_on_event;
    tls_rig_run(&rig);
    for (unsigned i = 1; i <= 3; i++) {
        tls_peer_close(&rig.peer, &rig.net);
        net_rig_wait_down(&rig.net, i);
        net_rig_wait_up(&rig.net);
    }
    assert_int_equal(rig.net.ups, 4);
    tls_rig_fini(&rig);
}

static void test_watermarks(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig);
    rig.peer.reads = false;
    write_pattern(&rig.net, LARGE);
    assert_true(link_is_full(rig.net.link));
    net_rig_idle(&rig.net);
    assert_int_equal(rig.net.writables, 0);
    assert_true(link_is_full(rig.net.link));
    rig.peer.reads = true;
    net_rig_wait(&rig.net, peer_has_large);
    assert_int_equal(rig.net.writables, 1);
    assert_int_equal(link_pending(rig.net.link), 0);
    tls_rig_fini(&rig);
}

static bool peer_has_ended(struct net_rig *net)
{
    assert_false(peer_of(net)->failed);
    return peer_of(net)->ended;
}

static void test_closed_after_all_is_sent(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &broker);
    tls_rig_run(&rig);
    rig.peer.to_send = 100000; /* which nobody reads any more */
    write_pattern(&rig.net, LARGE);
    rig.net.in_operation = true;
    link_close_after_flush(rig.net.link, NET_RIG_DEADLINE_US);
    rig.net.in_operation = false;
    net_rig_wait(&rig.net, peer_has_ended);
    assert_int_equal(rig.peer.received, LARGE);
    assert_int_equal(rig.net.shows, 0);
    assert_int_equal(rig.net.downs, 0);
    tls_peer_close(&rig.peer, &rig.net);
    net_rig_wait_down(&rig.net, 1);
    assert_string_equal(rig.net.why, "closed");
    tls_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_transfers_both_ways),
        cmocka_unit_test(test_many_small_writes),
        cmocka_unit_test(test_pauses_lose_nothing),
        cmocka_unit_test(test_paused_reading_holds_the_peer),
        cmocka_unit_test(test_paused_before_it_is_up),
        cmocka_unit_test(test_a_rest_is_shown_again),
        cmocka_unit_test(test_closed_by_the_peer),
        cmocka_unit_test(test_a_stream_that_is_tampered_with),
        cmocka_unit_test(test_nothing_comes_after_a_close),
        cmocka_unit_test(test_says_goodbye),
        cmocka_unit_test(test_freed_in_the_handshake),
        cmocka_unit_test(test_connected_anew_inside_on_down),
        cmocka_unit_test(test_watermarks),
        cmocka_unit_test(test_closed_after_all_is_sent),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("link_tls", tests, NULL, NULL);
}
