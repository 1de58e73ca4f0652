/* What if memory runs out in the loop, a dialer, a link or TLS? Allocations are made to fail each
 * in its turn, ours, libevent's and OpenSSL's: every time an error must come out where one can,
 * nothing may leak or crash, and a link must either say on_down or do its work. */
#include <event2/event.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc.h"
#include "base/clock.h"
#include "tls_rig.h"

enum { TURN_US = 1000, OPENSSL_STRIDE = 53 /* it takes memory thousands of times */ };

/* Whether their memory comes out of what is counted. */
static bool libevent_fails_too = true;
static bool openssl_fails_too;
/* The next that libevent takes fails. */
static bool libevent_fails_next;

void *__real_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);

static void *libevent_take(size_t size)
{
    if (libevent_fails_next) {
        libevent_fails_next = false;
        return NULL;
    }
    return libevent_fails_too ? malloc(size) : __real_malloc(size);
}

static void *libevent_take_again(void *memory, size_t size)
{
    return libevent_fails_too ? realloc(memory, size) : __real_realloc(memory, size);
}

static void libevent_give(void *memory)
{
    free(memory);
}

static void *openssl_take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return openssl_fails_too ? malloc(size) : __real_malloc(size);
}

static void *openssl_take_again(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return openssl_fails_too ? realloc(memory, size) : __real_realloc(memory, size);
}

static void openssl_give(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

static void say_nothing(int severity, const char *message)
{
    (void)severity;
    (void)message;
}

/* Runs `scenario` again and again, with every `stride`th of its allocations failing in its turn;
 * then it must succeed. */
static void sweep(bool (*scenario)(void *ctx), void *ctx, unsigned stride)
{
    unsigned successes = 0;
    bool failed;
    bool succeeded;

    do {
        alloc_fail_after(successes);
        succeeded = scenario(ctx);
        failed = alloc_fail_stop();
        successes += stride;
        assert_in_range(successes, stride, 100000);
    } while (failed);
    assert_true(succeeded);
    assert_true(successes > stride); /* some did fail */
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

static void do_nothing_for(void *ctx, int signal_number)
{
    (void)ctx;
    (void)signal_number;
}

static bool make_loop(void *ctx)
{
    struct err err = {""};
    struct loop *loop = loop_new(&err);
    struct loop_timer timer;
    bool ok;

    (void)ctx;
    if (loop == NULL) {
        assert_string_not_equal(err.text, "");
        return false;
    }
    ok = loop_timer_init(&timer, loop, do_nothing, NULL) == 0;
    loop_timer_fini(&timer);
    ok = loop_on_signal(loop, SIGUSR1, do_nothing_for, NULL) == 0 && ok;
    loop_free(loop);
    return ok;
}

static void test_loop(void **state)
{
    (void)state;
    sweep(make_loop, NULL, 1);
}

/* A link whose owner allocates nothing. */
struct owner {
    struct net_rig *net; /* its loop and its target */
    struct link *link;
    bool up;
    bool down;
    size_t got;
};

static void owner_on_up(void *ctx)
{
    struct owner *owner = ctx;

    owner->up = true;
}

static size_t owner_on_data(void *ctx, const uint8_t *data, size_t len)
{
    struct owner *owner = ctx;

    (void)data;
    owner->got = len; /* keeps all of it, so that the buffer must grow */
    return 0;
}

static void owner_on_writable(void *ctx)
{
    (void)ctx;
}

static void owner_on_down(void *ctx, const char *why)
{
    struct owner *owner = ctx;

    assert_string_not_equal(why, "");
    assert_false(owner->down);
    owner->down = true;
    owner->up = false;
}

static const struct link_events owner_events = {owner_on_up, owner_on_data, owner_on_writable,
                                                owner_on_down};

static void owner_wait(struct owner *owner, const bool *done)
{
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;

    while (!*done && !owner->down) {
        assert_true(clock_monotonic_us() < end);
        net_rig_turn(owner->net, TURN_US);
    }
}

/* A connection, and 100,000 bytes either way; true: all of it was done. */
static bool owner_works(struct owner *owner)
{
    static uint8_t data[100000];
    uint64_t end = clock_monotonic_us() + NET_RIG_DEADLINE_US;
    struct tls_peer *peer = owner->net->peer_ctx;
    size_t heard = 0;
    ssize_t now;

    link_connect(owner->link, &owner->net->target);
    owner_wait(owner, &owner->up);
    if (owner->down) {
        return false;
    }
    net_rig_fill(data, sizeof(data), 0);
    if (link_write(owner->link, data, sizeof(data)) != 0) {
        return false;
    }
    if (peer != NULL) {
        peer->to_send = sizeof(data);
    } else {
        net_rig_accept(owner->net);
        net_rig_peer_write(owner->net, data, sizeof(data));
    }
    while (!owner->down && (heard < sizeof(data) || owner->got < sizeof(data))) {
        assert_true(clock_monotonic_us() < end);
        net_rig_turn(owner->net, TURN_US);
        if (peer == NULL) {
            now = recv(owner->net->peer, data, sizeof(data), 0);
            heard += now > 0 ? (size_t)now : 0;
        } else {
            heard = (size_t)peer->received;
        }
    }
    return !owner->down;
}

/* Nothing of a connection is left for the next one. */
static void clean_up(struct net_rig *net)
{
    struct tls_peer *peer = net->peer_ctx;
    int left;

    for (int i = 0; i < 3; i++) {
        net_rig_turn(net, 0);
    }
    net_rig_close_peer(net);
    while ((left = accept(net->listener, NULL, NULL)) >= 0) {
        close(left);
    }
    if (peer != NULL) {
        tls_peer_forget(peer);
    }
}

static bool make_link(void *ctx)
{
    struct net_rig *net = ctx;
    struct owner owner = {.net = net};
    bool ok = false;

    owner.link = link_new(net->loop, &net->limits, &owner_events, &owner);
    if (owner.link != NULL) {
        ok = owner_works(&owner);
    }
    link_free(owner.link);
    clean_up(net);
    return ok;
}

static void test_link_over_tcp(void **state)
{
    struct net_rig net;

    (void)state;
    net_rig_init(&net);
    net_rig_listen_tcp(&net);
    sweep(make_link, &net, 1);
    net.target.host = "localhost"; /* looked up */
    sweep(make_link, &net, 1);
    net_rig_fini(&net);
}

static void test_link_over_a_unix_socket(void **state)
{
    struct net_rig net;

    (void)state;
    net_rig_init(&net);
    net_rig_listen_unix(&net);
    sweep(make_link, &net, 1);
    net_rig_fini(&net);
}

/* The peer's end has all the memory that it wants. */
static void (*real_peer_work)(struct net_rig *net);

static void peer_work_with_memory(struct net_rig *net)
{
    bool before = openssl_fails_too;

    openssl_fails_too = false;
    real_peer_work(net);
    openssl_fails_too = before;
}

static bool make_context(void *ctx)
{
    struct tls_rig *rig = ctx;
    struct err err = {""};
    struct tls_context *context = tls_context_new(&rig->settings, &err);

    assert_true((context == NULL) == (err.text[0] != '\0'));
    tls_context_free(context);
    return context != NULL;
}

static void rig_init(struct tls_rig *rig)
{
    tls_rig_init(rig, &(struct tls_wish){.names = "DNS:broker.test"});
    real_peer_work = rig->net.peer_work;
    rig->net.peer_work = peer_work_with_memory;
    rig->settings.cert_file = rig->cert;
    rig->settings.key_file = rig->key;
}

static void rig_make_context(struct tls_rig *rig)
{
    struct err err = {""};

    rig->context = tls_context_new(&rig->settings, &err);
    assert_non_null(rig->context);
    rig->net.target.tls = rig->context;
}

static void test_tls_context(void **state)
{
    struct tls_rig rig;

    (void)state;
    rig_init(&rig);
    sweep(make_context, &rig, 1);
    openssl_fails_too = true;
    sweep(make_context, &rig, OPENSSL_STRIDE);
    openssl_fails_too = false;
    tls_rig_fini(&rig);
}

/* libevent 2.1 itself crashes when it runs out while it makes a TLS stream, but for its first piece
 * of memory, so its own is not counted here. */
static void test_link_over_tls(void **state)
{
    struct tls_rig rig;

    (void)state;
    rig_init(&rig);
    rig_make_context(&rig);
    libevent_fails_too = false;
    sweep(make_link, &rig.net, 1);
    openssl_fails_too = true;
    sweep(make_link, &rig.net, OPENSSL_STRIDE);
    openssl_fails_too = false;
    libevent_fails_too = true;
    tls_rig_fini(&rig);
}

static void test_tls_stream_without_its_first_memory(void **state)
{
    struct tls_rig rig;
    struct owner owner = {.net = &rig.net};

    (void)state;
    rig_init(&rig);
    rig_make_context(&rig);
    owner.link = link_new(rig.net.loop, &rig.net.limits, &owner_events, &owner);
    assert_non_null(owner.link);
    link_connect(owner.link, &rig.net.target);
    loop_turn(rig.net.loop, 0); /* the dialer has begun, and takes no more */
    libevent_fails_next = true;
    owner_wait(&owner, &owner.up);
    assert_false(libevent_fails_next);
    assert_true(owner.down);
    link_free(owner.link);
    tls_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_link_over_tcp),
        cmocka_unit_test(test_link_over_a_unix_socket),
        cmocka_unit_test(test_tls_context),
        cmocka_unit_test(test_link_over_tls),
        cmocka_unit_test(test_tls_stream_without_its_first_memory),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    event_set_log_callback(say_nothing);
    event_set_mem_functions(libevent_take, libevent_take_again, libevent_give);
    if (CRYPTO_set_mem_functions(openssl_take, openssl_take_again, openssl_give) != 1) {
        return 1;
    }
    return cmocka_run_group_tests_name("net_memory", tests, NULL, NULL);
}
