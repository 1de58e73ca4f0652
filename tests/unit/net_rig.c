/* The rig; see the header. */
#include "net_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rand.h"

enum { PORT_FIRST = 20000, PORT_COUNT = 12000 };

static void rig_on_up(void *ctx)
{
    struct net_rig *rig = ctx;

    assert_false(rig->in_operation);
    assert_true(link_is_up(rig->link));
    rig->ups++;
    if (rig->on_up != NULL) {
        rig->on_up(rig);
    }
}

static size_t rig_on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct net_rig *rig = ctx;
    size_t used = len;

    assert_false(rig->in_operation);
    assert_true(link_is_up(rig->link));
    assert_true(len > 0);
    rig->shows++;
    if (rig->on_data != NULL) {
        used = rig->on_data(rig, data, len);
    }
    strbuf_append(&rig->in, data, used);
    return used;
}

static void rig_on_writable(void *ctx)
{
    struct net_rig *rig = ctx;

    assert_false(rig->in_operation);
    rig->writables++;
    if (rig->on_writable != NULL) {
        rig->on_writable(rig);
    }
}

static void rig_on_down(void *ctx, const char *why)
{
    struct net_rig *rig = ctx;

    assert_false(rig->in_operation);
    assert_false(link_is_up(rig->link));
    assert_string_equal(link_peer(rig->link), "");
    assert_int_equal(link_pending(rig->link), 0);
    assert_non_null(why);
    rig->downs++;
    snprintf(rig->why, sizeof(rig->why), "%s", why);
    if (rig->on_down != NULL) {
        rig->on_down(rig);
    }
}

static const struct link_events rig_events = {
    .on_up = rig_on_up,
    .on_data = rig_on_data,
    .on_writable = rig_on_writable,
    .on_down = rig_on_down,
};

void net_rig_init(struct net_rig *rig)
{
    struct err err = {""};

    *rig = (struct net_rig){
        .loop = loop_new(&err),
        .limits = {1 << 20, 1 << 20, 256 << 10},
        .target = {.transport = LINK_TCP, .host = "127.0.0.1", .connect_timeout_us = 5000000},
        .listener = -1,
        .peer = -1,
    };
    assert_non_null(rig->loop);
}

void net_rig_make(struct net_rig *rig)
{
    rig->link = link_new(rig->loop, &rig->limits, &rig_events, rig);
    assert_non_null(rig->link);
    assert_false(link_is_up(rig->link));
}

void net_rig_close_peer(struct net_rig *rig)
{
    if (rig->peer >= 0) {
        close(rig->peer);
        rig->peer = -1;
    }
}

void net_rig_reset_peer(struct net_rig *rig)
{
    struct linger at_once = {1, 0};

    assert_int_equal(setsockopt(rig->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    net_rig_close_peer(rig);
}

static void rig_remove_folder(const struct net_rig *rig)
{
    char command[128];

    if (rig->folder[0] != '\0') {
        snprintf(command, sizeof(command), "rm -rf '%s'", rig->folder);
        assert_int_equal(system(command), 0);
    }
}

void net_rig_fini(struct net_rig *rig)
{
    net_rig_close_peer(rig);
    if (rig->listener >= 0) {
        close(rig->listener);
    }
    link_free(rig->link);
    loop_free(rig->loop);
    strbuf_fini(&rig->in);
    rig_remove_folder(rig);
}

const char *net_rig_folder(struct net_rig *rig)
{
    if (rig->folder[0] == '\0') {
        snprintf(rig->folder, sizeof(rig->folder), "/tmp/chunneld-test-XXXXXX");
        assert_non_null(mkdtemp(rig->folder));
    }
    return rig->folder;
}

int net_rig_bind(const char *address, uint16_t port, uint16_t *out_port)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct rand rand;

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
    rand_init(&rand);
    for (int tries = 0; tries < 100; tries++) {
        *out_port = port ? port : (uint16_t)(PORT_FIRST + rand_below(&rand, PORT_COUNT));
        name.sin_port = htons(*out_port);
        if (bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
            return fd;
        }
        assert_int_equal(errno, EADDRINUSE);
    }
    fail_msg("no free port");
    return -1;
}

void net_rig_listen_tcp(struct net_rig *rig)
{
    do {
        if (rig->listener >= 0) {
            close(rig->listener);
        }
        rig->listener = net_rig_bind("127.0.0.1", 0, &rig->port);
    } while (listen(rig->listener, 16) != 0);
    rig->target.transport = LINK_TCP;
    rig->target.port = rig->port;
}

void net_rig_listen_unix(struct net_rig *rig)
{
    static char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    snprintf(path, sizeof(path), "%s/socket", net_rig_folder(rig));
    memcpy(name.sun_path, path, sizeof(path));
    rig->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(rig->listener >= 0);
    assert_int_equal(bind(rig->listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(rig->listener, 16), 0);
    rig->target.transport = LINK_UNIX;
    rig->target.path = path;
}

void net_rig_connect(struct net_rig *rig)
{
    rig->in_operation = true;
    link_connect(rig->link, &rig->target);
    rig->in_operation = false;
}

void net_rig_close(struct net_rig *rig)
{
    rig->in_operation = true;
    link_close(rig->link);
    rig->in_operation = false;
}

void net_rig_write(struct net_rig *rig, const void *data, size_t len)
{
    rig->in_operation = true;
    assert_int_equal(link_write(rig->link, data, len), 0);
    rig->in_operation = false;
}

void net_rig_turn(struct net_rig *rig, uint64_t wait_us)
{
    loop_turn(rig->loop, wait_us);
    if (rig->peer_work != NULL) {
        rig->peer_work(rig);
    }
}

void net_rig_wait(struct net_rig *rig, bool (*done)(struct net_rig *rig))
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    while (!done(rig)) {
        if (clock_monotonic_us() >= end) {
            fail_msg("too late: up %u times, down %u times (\"%s\"), %zu bytes in", rig->ups,
                     rig->downs, rig->why, rig->in.len);
        }
        net_rig_turn(rig, 1000);
    }
}

static bool is_accepted(struct net_rig *rig)
{
    rig->peer = accept(rig->listener, NULL, NULL);
    if (rig->peer < 0) {
        assert_int_equal(errno, EAGAIN);
        return false;
    }
    assert_int_equal(fcntl(rig->peer, F_SETFL, O_NONBLOCK), 0);
    return true;
}

void net_rig_accept(struct net_rig *rig)
{
    net_rig_close_peer(rig);
    net_rig_wait(rig, is_accepted);
}

static bool is_up(struct net_rig *rig)
{
    return link_is_up(rig->link);
}

void net_rig_wait_up(struct net_rig *rig)
{
    net_rig_wait(rig, is_up);
}

void net_rig_wait_down(struct net_rig *rig, unsigned times)
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    while (rig->downs < times) {
        assert_true(clock_monotonic_us() < end);
        net_rig_turn(rig, 1000);
    }
    assert_int_equal(rig->downs, times);
}

void net_rig_wait_in(struct net_rig *rig, size_t len)
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    while (rig->in.len < len) {
        assert_true(clock_monotonic_us() < end);
        net_rig_turn(rig, 1000);
    }
    assert_int_equal(rig->in.len, len);
}

void net_rig_idle(struct net_rig *rig)
{
    for (int i = 0; i < 20; i++) {
        net_rig_turn(rig, 1000);
    }
}

void net_rig_run(struct net_rig *rig)
{
    if (rig->listener < 0) {
        net_rig_listen_tcp(rig);
    }
    net_rig_make(rig);
    net_rig_connect(rig);
    assert_false(link_is_up(rig->link));
    net_rig_wait_up(rig);
    net_rig_accept(rig);
    assert_int_equal(rig->ups, 1);
}

void net_rig_peer_write(struct net_rig *rig, const void *data, size_t len)
{
    assert_int_equal(send(rig->peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

void net_rig_peer_expect(struct net_rig *rig, const void *data, size_t len)
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;
    const uint8_t *wanted = data;
    uint8_t got[65536];
    size_t at = 0;
    ssize_t now;

    while (at < len) {
        now = recv(rig->peer, got, len - at < sizeof(got) ? len - at : sizeof(got), 0);
        if (now > 0) {
            assert_memory_equal(got, wanted + at, (size_t)now);
            at += (size_t)now;
            continue;
        }
        if (now == 0 || errno != EAGAIN || clock_monotonic_us() >= end) {
            fail_msg("%zu of %zu bytes came: %s", at, len, now == 0 ? "end" : strerror(errno));
        }
        net_rig_turn(rig, 1000);
    }
}

static bool has_ended(struct net_rig *rig)
{
    char byte;
    ssize_t got = recv(rig->peer, &byte, 1, 0);

    assert_true(got == 0 || (got < 0 && errno == EAGAIN));
    return got == 0;
}

void net_rig_peer_expect_end(struct net_rig *rig)
{
    net_rig_wait(rig, has_ended);
}

static size_t descriptors_at_start;

static size_t count_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

void net_rig_note_descriptors(void)
{
    descriptors_at_start = count_descriptors();
}

void net_rig_test_descriptors(void **state)
{
    (void)state;
    assert_int_equal(count_descriptors(), descriptors_at_start);
}

uint8_t net_rig_pattern(uint64_t position)
{
    return (uint8_t)(position * 7 + (position >> 8) * 31 + (position >> 16) * 3);
}

void net_rig_fill(uint8_t *data, size_t len, uint64_t position)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = net_rig_pattern(position + i);
    }
}
