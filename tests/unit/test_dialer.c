/* Does a dialer find its way from a name to a socket: every address in turn, within its time, with
 * the loop free meanwhile, and with words that name what did not work? */
#include "net/dialer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/address.h"
#include "net_rig.h"

enum { DNS_SIZE = 512, FILLERS = 8 };

/* What the name server of a test answers. */
enum dns_answer { DNS_SILENCE, DNS_NO_SUCH_NAME, DNS_ADDRESS };

struct bed {
    struct net_rig rig; /* its loop and its listener */
    struct dialer *dialer;
    bool in_operation;
    unsigned connected;
    unsigned failed;
    int fd;
    char peer[DIALER_PEER_SIZE];
    char why[300];
    int fillers[FILLERS]; /* connections that fill a backlog */
    size_t filler_count;
    int dns; /* the name server's socket, or -1 */
    enum dns_answer dns_answer;
    unsigned dns_asked;
};

static void on_connected(void *ctx, int fd, const char *peer)
{
    struct bed *bed = ctx;

    assert_false(bed->in_operation);
    bed->connected++;
    bed->fd = fd;
    snprintf(bed->peer, sizeof(bed->peer), "%s", peer);
}

static void on_failed(void *ctx, const char *why)
{
    struct bed *bed = ctx;

    assert_false(bed->in_operation);
    bed->failed++;
    snprintf(bed->why, sizeof(bed->why), "%s", why);
}

static const struct dialer_events events = {on_connected, on_failed};

static void bed_init(struct bed *bed)
{
    *bed = (struct bed){.fd = -1, .dns = -1};
    net_rig_init(&bed->rig);
    bed->dialer = dialer_new(bed->rig.loop, &events, bed);
    assert_non_null(bed->dialer);
}

static void bed_close_fd(struct bed *bed)
{
    if (bed->fd >= 0) {
        close(bed->fd);
        bed->fd = -1;
    }
}

static void bed_fini(struct bed *bed)
{
    bed_close_fd(bed);
    while (bed->filler_count > 0) {
        close(bed->fillers[--bed->filler_count]);
    }
    if (bed->dns >= 0) {
        close(bed->dns);
    }
    dialer_free(bed->dialer);
    net_rig_fini(&bed->rig);
}

static void start(struct bed *bed)
{
    bed->in_operation = true;
    dialer_start(bed->dialer, &bed->rig.target);
    bed->in_operation = false;
}

/* The questions that came are answered, or not. */
static void dns_work(struct bed *bed)
{
    static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
    uint8_t packet[DNS_SIZE];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len;
    bool asks_ipv4;

    if (bed->dns < 0) {
        return;
    }
    len = recvfrom(bed->dns, packet, sizeof(packet) - sizeof(answer), 0, (struct sockaddr *)&from,
                   &from_len);
    if (len < 17) {
        return;
    }
    bed->dns_asked++;
    asks_ipv4 = packet[len - 3] == 1;
    packet[2] = 0x81; /* an answer (RFC 1035 §4.1.1) */
    packet[3] = bed->dns_answer == DNS_NO_SUCH_NAME ? 0x83 : 0x80;
    if (bed->dns_answer == DNS_ADDRESS && asks_ipv4) {
        packet[7] = 1;
        memcpy(packet + len, answer, sizeof(answer));
        len += (ssize_t)sizeof(answer);
    }
    if (bed->dns_answer != DNS_SILENCE) {
        assert_int_equal(
            sendto(bed->dns, packet, (size_t)len, 0, (struct sockaddr *)&from, from_len), len);
    }
}

static void bed_use_dns(struct bed *bed, enum dns_answer answer)
{
    struct evdns_base *dns = loop_evdns_base(bed->rig.loop);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(name);
    char server[32];

    bed->dns_answer = answer;
    bed->dns = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(bed->dns >= 0);
    assert_int_equal(bind(bed->dns, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(getsockname(bed->dns, (struct sockaddr *)&name, &len), 0);
    snprintf(server, sizeof(server), "127.0.0.1:%u", ntohs(name.sin_port));
    assert_int_equal(evdns_base_clear_nameservers_and_suspend(dns), 0);
    evdns_base_search_clear(dns);
    assert_int_equal(evdns_base_nameserver_ip_add(dns, server), 0);
    assert_int_equal(evdns_base_resume(dns), 0);
}

static void bed_use_hosts(struct bed *bed, const char *lines)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/hosts", net_rig_folder(&bed->rig));
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(lines, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(evdns_base_load_hosts(loop_evdns_base(bed->rig.loop), path), 0);
}

/* One turn of loop and name server; fails when the loop stood still for long. */
static void bed_turn(struct bed *bed)
{
    uint64_t before = clock_monotonic_us();

    loop_turn(bed->rig.loop, 2000);
    assert_in_range(clock_monotonic_us() - before, 0, 4000000);
    dns_work(bed);
}

static void wait_for_end(struct bed *bed)
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;
    unsigned before = bed->connected + bed->failed;

    while (bed->connected + bed->failed == before) {
        assert_true(clock_monotonic_us() < end);
        bed_turn(bed);
    }
    for (int i = 0; i < 10; i++) {
        bed_turn(bed);
    }
    assert_int_equal(bed->connected + bed->failed, before + 1);
}

static void expect_connected(struct bed *bed)
{
    unsigned before = bed->connected;

    start(bed);
    wait_for_end(bed);
    if (bed->connected != before + 1) {
        fail_msg("%s", bed->why);
    }
}

static void expect_failed(struct bed *bed, const char *why)
{
    unsigned before = bed->failed;

    start(bed);
    wait_for_end(bed);
    assert_int_equal(bed->failed, before + 1);
    assert_string_equal(bed->why, why);
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void test_tcp(void **state)
{
    struct bed bed;
    char peer[64];

    (void)state;
    bed_init(&bed);
    net_rig_listen_tcp(&bed.rig);
    bed.rig.target.user_timeout_us = 7000000;
    expect_connected(&bed);
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", bed.rig.port);
    assert_string_equal(bed.peer, peer);
    assert_true(fcntl(bed.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(bed.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option(bed.fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(bed.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(bed.fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    assert_int_equal(option(bed.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 7000);
    bed_close_fd(&bed);
    bed.rig.target.host = "localhost"; /* of the hosts file */
    expect_connected(&bed);
    bed_fini(&bed);
    dialer_free(NULL);
}

static void test_tcp_over_ipv6(void **state)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof(name);
    struct bed bed;
    char peer[64];

    (void)state;
    bed_init(&bed);
    bed.rig.listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bed.rig.listener < 0 ||
        bind(bed.rig.listener, (struct sockaddr *)&name, sizeof(name)) != 0) {
        bed_fini(&bed);
        skip(); /* no IPv6 here */
    }
    assert_int_equal(listen(bed.rig.listener, 1), 0);
    assert_int_equal(getsockname(bed.rig.listener, (struct sockaddr *)&name, &len), 0);
    bed.rig.target.host = "::1";
    bed.rig.target.port = ntohs(name.sin6_port);
    expect_connected(&bed);
    snprintf(peer, sizeof(peer), "[::1]:%u", bed.rig.target.port);
    assert_string_equal(bed.peer, peer);
    bed_fini(&bed);
}

static void test_unix_sockets(void **state)
{
    struct bed bed;
    char why[300];
    char path[200];

    (void)state;
    bed_init(&bed);
    net_rig_listen_unix(&bed.rig);
    expect_connected(&bed);
    assert_string_equal(bed.peer, bed.rig.target.path);

    snprintf(path, sizeof(path), "%s/none", net_rig_folder(&bed.rig));
    bed.rig.target.path = path;
    snprintf(why, sizeof(why), "%s: No such file or directory", path);
    expect_failed(&bed, why);
    memset(path, 'x', sizeof(path));
    path[108] = '\0'; /* sun_path has 108 bytes, the NUL among them */
    expect_failed(&bed, "the path of the unix socket is too long");
    path[107] = '\0';
    start(&bed);
    wait_for_end(&bed);
    assert_non_null(strstr(bed.why, ": No such file or directory"));
    bed_fini(&bed);
}

static void test_refused(void **state)
{
    struct bed bed;
    char why[300];

    (void)state;
    bed_init(&bed);
    bed.rig.listener = net_rig_bind("127.0.0.1", 0, &bed.rig.target.port); /* does not listen */
    snprintf(why, sizeof(why), "127.0.0.1:%u: Connection refused", bed.rig.target.port);
    expect_failed(&bed, why);
    expect_failed(&bed, why);
    bed_fini(&bed);
}

/* A listener whose backlog is full: the kernel answers nobody. */
static int fill_backlog(struct bed *bed, const char *address, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    int listener = net_rig_bind(address, port, &bed->rig.target.port);

    assert_int_equal(listen(listener, 0), 0);
    name.sin_port = htons(bed->rig.target.port);
    assert_int_equal(inet_pton(AF_INET, address, &name.sin_addr), 1);
    while (bed->filler_count < FILLERS) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        bed->fillers[bed->filler_count++] = fd;
        assert_true(connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 ||
                    errno == EINPROGRESS);
        bed_turn(bed); /* lets the handshake go through */
    }
    return listener;
}

static void test_no_answer(void **state)
{
    struct bed bed;
    char why[300];
    uint64_t before;

    (void)state;
    bed_init(&bed);
    bed.rig.listener = fill_backlog(&bed, "127.0.0.1", 0);
    bed.rig.target.connect_timeout_us = 250000;
    snprintf(why, sizeof(why), "127.0.0.1:%u: timed out connecting (limit 0.25 s)",
             bed.rig.target.port);
    before = clock_monotonic_us();
    expect_failed(&bed, why);
    assert_in_range(clock_monotonic_us() - before, 240000, NET_RIG_DEADLINE_US);
    bed_fini(&bed);
}

static void test_the_next_address_when_one_refuses(void **state)
{
    struct bed bed;
    char why[300];
    char peer[64];

    (void)state;
    bed_init(&bed);
    bed_use_hosts(&bed, "127.0.0.7 broker.test\n127.0.0.1 broker.test\n");
    net_rig_listen_tcp(&bed.rig);
    bed.rig.target.host = "broker.test";
    expect_connected(&bed);
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", bed.rig.port);
    assert_string_equal(bed.peer, peer);

    close(bed.rig.listener); /* and now nobody is there */
    bed.rig.listener = -1;
    bed_close_fd(&bed);
    snprintf(why, sizeof(why), "127.0.0.1:%u: Connection refused", bed.rig.port);
    start(&bed);
    wait_for_end(&bed);
    assert_non_null(strstr(bed.why, ": Connection refused"));
    bed_fini(&bed);
}

static void test_the_next_address_when_one_is_dead(void **state)
{
    struct bed bed;
    char peer[64];
    uint64_t before;
    int dead;

    (void)state;
    bed_init(&bed);
    bed_use_hosts(&bed, "127.0.0.7 broker.test\n127.0.0.1 broker.test\n");
    dead = fill_backlog(&bed, "127.0.0.7", 0);
    bed.rig.listener = net_rig_bind("127.0.0.1", bed.rig.target.port, &bed.rig.port);
    assert_int_equal(listen(bed.rig.listener, 4), 0);
    bed.rig.target.host = "broker.test";
    bed.rig.target.connect_timeout_us = 4000000;
    before = clock_monotonic_us();
    expect_connected(&bed);
    assert_in_range(clock_monotonic_us() - before, 0, 3900000); /* its share of the time only */
    snprintf(peer, sizeof(peer), "127.0.0.1:%u", bed.rig.port);
    assert_string_equal(bed.peer, peer);
    close(dead);
    bed_fini(&bed);
}

static void test_resolved_by_a_name_server(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    net_rig_listen_tcp(&bed.rig);
    bed_use_dns(&bed, DNS_ADDRESS);
    bed.rig.target.host = "broker.example";
    expect_connected(&bed);
    assert_true(bed.dns_asked > 0);
    bed_fini(&bed);
}

static void test_no_such_name(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    bed_use_dns(&bed, DNS_NO_SUCH_NAME);
    bed.rig.target.host = "broker.example";
    bed.rig.target.port = 1;
    start(&bed);
    wait_for_end(&bed);
    assert_int_equal(bed.failed, 1);
    assert_ptr_equal(strstr(bed.why, "cannot resolve broker.example: "), bed.why);
    bed_fini(&bed);
}

static void test_a_silent_name_server(void **state)
{
    struct bed bed;
    uint64_t before;

    (void)state;
    bed_init(&bed);
    bed_use_dns(&bed, DNS_SILENCE);
    bed.rig.target.host = "broker.example";
    bed.rig.target.port = 1;
    bed.rig.target.connect_timeout_us = 200000;
    before = clock_monotonic_us();
    expect_failed(&bed, "timed out after 0.2 s resolving broker.example");
    assert_in_range(clock_monotonic_us() - before, 190000, NET_RIG_DEADLINE_US);
    expect_failed(&bed, "timed out after 0.2 s resolving broker.example");
    bed_fini(&bed);
}

/* With whatever resolver this machine has. */
static void test_a_name_that_cannot_be(void **state)
{
    struct bed bed;
    uint64_t before;

    (void)state;
    bed_init(&bed);
    bed.rig.target.host = "no-such-host.invalid";
    bed.rig.target.port = 1;
    bed.rig.target.connect_timeout_us = 500000;
    before = clock_monotonic_us();
    start(&bed);
    wait_for_end(&bed);
    assert_int_equal(bed.failed, 1);
    assert_non_null(strstr(bed.why, "no-such-host.invalid"));
    assert_in_range(clock_monotonic_us() - before, 0, NET_RIG_DEADLINE_US);
    bed_fini(&bed);
}

static void test_cancelled_at_any_time(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    net_rig_listen_tcp(&bed.rig);
    dialer_cancel(bed.dialer); /* not begun */
    for (int turns = 0; turns < 4; turns++) {
        start(&bed);
        for (int i = 0; i < turns && bed.connected == 0; i++) {
            loop_turn(bed.rig.loop, 0);
        }
        if (bed.connected == 0) {
            dialer_cancel(bed.dialer);
        }
        for (int i = 0; i < 10; i++) {
            bed_turn(&bed);
        }
        bed_close_fd(&bed);
        bed.connected = 0;
        assert_int_equal(bed.failed, 0);
    }
    start(&bed); /* a start cancels the one before */
    start(&bed);
    loop_turn(bed.rig.loop, 0);
    start(&bed);
    wait_for_end(&bed);
    bed_fini(&bed);
}

/* The answer comes when nobody waits for it any more, or for another name. */
static void test_cancelled_while_resolving(void **state)
{
    struct bed bed;

    (void)state;
    bed_init(&bed);
    net_rig_listen_tcp(&bed.rig);
    bed_use_dns(&bed, DNS_SILENCE);
    bed.rig.target.host = "broker.example";
    start(&bed);
    while (bed.dns_asked == 0) {
        bed_turn(&bed);
    }
    dialer_cancel(bed.dialer);
    bed.dns_answer = DNS_ADDRESS;
    for (int i = 0; i < 20; i++) {
        bed_turn(&bed);
    }
    assert_int_equal(bed.connected + bed.failed, 0);
    bed.rig.target.host = "other.example";
    expect_connected(&bed);

    bed.dns_answer = DNS_SILENCE; /* freed in the middle of it, the loop right behind */
    bed.dns_asked = 0;
    bed.rig.target.host = "third.example";
    start(&bed);
    while (bed.dns_asked == 0) {
        bed_turn(&bed);
    }
    bed_fini(&bed);
}

static void test_address_lists(void **state)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *v4 = NULL;
    struct addrinfo *v6 = NULL;
    struct address_list list = {0};
    char text[64];

    (void)state;
    assert_int_equal(address_list_take(&list, NULL), -1);
    assert_int_equal(getaddrinfo("192.0.2.1", "5672", &hints, &v4), 0);
    assert_int_equal(getaddrinfo("2001:db8::1", "6379", &hints, &v6), 0);
    v4->ai_next = v6;
    assert_int_equal(address_list_take(&list, v4), 0);
    assert_int_equal(list.count, 2);
    address_format(&list.items[0], text, sizeof(text));
    assert_string_equal(text, "192.0.2.1:5672");
    address_format(&list.items[1], text, sizeof(text));
    assert_string_equal(text, "[2001:db8::1]:6379");
    address_format(&list.items[1], text, 8);
    assert_string_equal(text, "[2001:d");
    v4->ai_next = NULL;
    freeaddrinfo(v4);
    freeaddrinfo(v6);
    address_list_fini(&list);
    address_list_fini(&list);
    assert_int_equal(list.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_over_ipv6),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_the_next_address_when_one_refuses),
        cmocka_unit_test(test_the_next_address_when_one_is_dead),
        cmocka_unit_test(test_resolved_by_a_name_server),
        cmocka_unit_test(test_no_such_name),
        cmocka_unit_test(test_a_silent_name_server),
        cmocka_unit_test(test_a_name_that_cannot_be),
        cmocka_unit_test(test_cancelled_at_any_time),
        cmocka_unit_test(test_cancelled_while_resolving),
        cmocka_unit_test(test_address_lists),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("dialer", tests, NULL, NULL);
}
