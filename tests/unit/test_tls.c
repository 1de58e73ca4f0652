/* Does TLS let in only whom it should, and say in words that name the cause why not? */
#include "net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tls_rig.h"

static void expect_up(struct tls_rig *rig)
{
    tls_rig_connect(rig);
    net_rig_wait_up(&rig->net);
    assert_int_equal(rig->net.ups, 1);
    net_rig_write(&rig->net, "\0\7\16\25", 4); /* the pattern begins so */
    rig->peer.to_send = 4;
    net_rig_wait_in(&rig->net, 4);
    assert_memory_equal(rig->net.in.data, "\0\7\16\25", 4);
    while (rig->peer.received < 4) {
        net_rig_turn(&rig->net, 1000);
    }
    assert_int_equal(rig->net.downs, 0);
}

/* Closed, never up, and `words` say why. */
static void expect_refused(struct tls_rig *rig, const char *words)
{
    unsigned before = rig->net.downs;

    tls_rig_connect(rig);
    net_rig_wait_down(&rig->net, before + 1);
    assert_int_equal(rig->net.ups, 0);
    assert_int_equal(rig->peer.received, 0);
    if (strstr(rig->net.why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", rig->net.why, words);
    }
    net_rig_close_peer(&rig->net);
}

static void test_a_name(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:other.test,DNS:broker.test"});
    expect_up(&rig);
    assert_string_equal(SSL_get_servername(rig.peer.ssl, TLSEXT_NAMETYPE_host_name), "broker.test");
    assert_ptr_equal(strstr(link_peer(rig.net.link), "127.0.0.1:"), link_peer(rig.net.link));
    tls_rig_fini(&rig);
}

static void test_the_host_is_the_name_where_none_is_given(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:localhost"});
    rig.net.target.server_name = NULL;
    rig.net.target.host = "localhost";
    expect_up(&rig);
    assert_string_equal(SSL_get_servername(rig.peer.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
    tls_rig_fini(&rig);
}

static void test_an_address(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test,IP:127.0.0.1"});
    rig.net.target.server_name = NULL;
    expect_up(&rig);
    assert_null(SSL_get_servername(rig.peer.ssl, TLSEXT_NAMETYPE_host_name)); /* RFC 6066 §3 */
    tls_rig_fini(&rig);
}

static void test_another_address(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:127.0.0.1,IP:127.0.0.2"});
    rig.net.target.server_name = NULL;
    expect_refused(&rig, "certificate of the server: IP address mismatch");
    tls_rig_fini(&rig);
}

static void test_another_name(void **state)
{
    static const char *const names[] = {"DNS:other.test", "DNS:test", "DNS:*.test", "DNS:b*.test",
                                        "IP:127.0.0.1"};
    struct tls_rig rig;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tls_rig_init(&rig, &(struct tls_wish){.names = names[i]});
        expect_refused(&rig, "certificate of the server: hostname mismatch");
        tls_rig_fini(&rig);
    }
}

static void test_a_wildcard(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:*.broker.test"});
    rig.net.target.server_name = "a.broker.test";
    expect_up(&rig);
    tls_rig_fini(&rig);
}

static void test_another_authority(void **state)
{
    struct tls_authority *stranger = tls_authority_new("a stranger");
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    tls_authority_write(stranger, rig.ca);
    expect_refused(&rig, "certificate of the server: unable to get local issuer certificate");
    rig.settings.ca_file = NULL; /* nor does the system's store know it */
    expect_refused(&rig, "certificate of the server: unable to get local issuer certificate");
    tls_rig_fini(&rig);
    tls_authority_free(stranger);
}

static void test_out_of_its_time(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){"DNS:broker.test", -7200, -3600, NULL});
    expect_refused(&rig, "certificate of the server: certificate has expired");
    tls_rig_fini(&rig);
    tls_rig_init(&rig, &(struct tls_wish){"DNS:broker.test", 3600, 7200, NULL});
    expect_refused(&rig, "certificate of the server: certificate is not yet valid");
    tls_rig_fini(&rig);
}

static void test_not_verified_where_it_is_off(void **state)
{
    struct tls_authority *stranger = tls_authority_new("a stranger");
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){"DNS:other.test", -7200, -3600, NULL});
    tls_authority_write(stranger, rig.ca);
    rig.settings.verify = false;
    expect_up(&rig);
    net_rig_reset_peer(&rig.net);
    net_rig_wait_down(&rig.net, 1);
    assert_string_equal(rig.net.why, "TLS: Connection reset by peer"); /* not the certificate */
    tls_rig_fini(&rig);
    tls_authority_free(stranger);
}

/* The server's refusal comes after the handshake with TLS 1.3, inside it with TLS 1.2. */
static void check_client_refused(int version, const char *words)
{
    struct tls_authority *stranger = tls_authority_new("a stranger");
    struct tls_rig rig;
    char cert[TLS_RIG_PATH_SIZE];
    char key[TLS_RIG_PATH_SIZE];

    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    assert_int_equal(SSL_CTX_set_max_proto_version(rig.peer.ctx, version), 1);
    tls_peer_want_client(&rig.peer, rig.ca);
    tls_rig_connect(&rig);
    net_rig_wait_down(&rig.net, 1);
    if (strstr(rig.net.why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", rig.net.why, words);
    }
    net_rig_close_peer(&rig.net);

    tls_rig_name_file(&rig, cert, "client-cert.pem"); /* one that the server does not trust */
    tls_rig_name_file(&rig, key, "client-key.pem");
    tls_authority_issue(stranger, &(struct tls_wish){.names = NULL}, cert, key);
    rig.settings.cert_file = cert;
    rig.settings.key_file = key;
    tls_rig_connect(&rig);
    net_rig_wait_down(&rig.net, 2);
    assert_non_null(strstr(rig.net.why, "unknown ca"));
    assert_int_equal(rig.peer.received, 0);
    tls_rig_fini(&rig);
    tls_authority_free(stranger);
}

static void test_a_client_certificate_is_wanted(void **state)
{
    (void)state;
    check_client_refused(TLS1_3_VERSION, "certificate required");
    check_client_refused(TLS1_2_VERSION, "handshake failure");
}

static void test_a_client_certificate_is_given(void **state)
{
    struct tls_rig rig;
    char both[TLS_RIG_PATH_SIZE];

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    tls_peer_want_client(&rig.peer, rig.ca);
    tls_rig_name_file(&rig, both, "client.pem");
    tls_authority_issue(rig.authority, &(struct tls_wish){.names = NULL}, both, both);
    rig.settings.cert_file = both; /* with its key behind it */
    expect_up(&rig);
    tls_rig_fini(&rig);
}

static void test_tls_1_1_is_refused(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    SSL_CTX_set_security_level(rig.peer.ctx, 0); /* which alone allows it */
    assert_int_equal(SSL_CTX_set_min_proto_version(rig.peer.ctx, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(rig.peer.ctx, TLS1_1_VERSION), 1);
    expect_refused(&rig, "protocol version");
    tls_rig_fini(&rig);
}

static void test_tls_1_2_is_taken(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    assert_int_equal(SSL_CTX_set_max_proto_version(rig.peer.ctx, TLS1_2_VERSION), 1);
    expect_up(&rig);
    assert_string_equal(SSL_get_version(rig.peer.ssl), "TLSv1.2");
    tls_rig_fini(&rig);
}

/* A peer that is no TLS server at all. */
static void speak_plainly(struct net_rig *rig)
{
    if (rig->peer < 0) {
        rig->peer = accept(rig->listener, NULL, NULL);
        if (rig->peer >= 0) {
            net_rig_peer_write(rig, "-ERR no TLS here\r\n", 18);
        }
    }
}

static void test_a_server_without_tls(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    rig.net.peer_work = speak_plainly;
    expect_refused(&rig, "TLS: wrong version number");
    tls_rig_fini(&rig);
}

/* Whether the client's first message is there, taken off the socket. */
static bool has_heard_hello(struct net_rig *rig)
{
    char hello[4096];

    if (rig->peer < 0) {
        rig->peer = accept(rig->listener, NULL, NULL);
        return false;
    }
    return recv(rig->peer, hello, sizeof(hello), MSG_DONTWAIT) > 0;
}

static void close_after_hello(struct net_rig *rig)
{
    if (has_heard_hello(rig)) {
        net_rig_close_peer(rig);
    }
}

static void reset_after_hello(struct net_rig *rig)
{
    if (has_heard_hello(rig)) {
        net_rig_reset_peer(rig);
    }
}

static void test_closed_in_the_handshake(void **state)
{
    struct tls_rig rig;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    rig.net.peer_work = close_after_hello;
    expect_refused(&rig, "TLS: closed by the peer in the handshake");
    rig.net.peer_work = reset_after_hello;
    expect_refused(&rig, "TLS: Connection reset by peer");
    tls_rig_fini(&rig);
}

/* The listener's backlog takes the connection, and nobody answers. */
static void test_a_silent_server(void **state)
{
    struct tls_rig rig;
    uint64_t before;
    char why[100];

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    rig.net.peer_work = NULL;
    rig.net.target.connect_timeout_us = 200000;
    before = clock_monotonic_us();
    snprintf(why, sizeof(why), "127.0.0.1:%u: timed out in the TLS handshake (limit 0.2 s)",
             rig.net.port);
    expect_refused(&rig, why);
    assert_in_range(clock_monotonic_us() - before, 190000, 5000000);
    tls_rig_fini(&rig);
}

static void expect_no_context(const struct tls_settings *settings, const char *words)
{
    struct err err = {""};

    assert_null(tls_context_new(settings, &err));
    if (strstr(err.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    }
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_files_that_are_wrong(void **state)
{
    struct tls_rig rig;
    char other[TLS_RIG_PATH_SIZE];
    char none[TLS_RIG_PATH_SIZE];
    char words[400];

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    tls_rig_name_file(&rig, none, "none.pem");
    snprintf(words, sizeof(words), "ca_file %s: No such file or directory", none);
    expect_no_context(&(struct tls_settings){.ca_file = none}, words);
    snprintf(words, sizeof(words), "cert_file %s: No such file or directory", none);
    expect_no_context(&(struct tls_settings){.ca_file = rig.ca, .cert_file = none}, words);
    snprintf(words, sizeof(words), "key_file %s: No such file or directory", none);
    expect_no_context(
        &(struct tls_settings){.ca_file = rig.ca, .cert_file = rig.cert, .key_file = none}, words);

    write_text(none, "no certificate\n");
    snprintf(words, sizeof(words), "ca_file %s: no certificate or crl found", none);
    expect_no_context(&(struct tls_settings){.ca_file = none}, words);
    snprintf(words, sizeof(words), "cert_file %s: no start line", none);
    expect_no_context(&(struct tls_settings){.ca_file = rig.ca, .cert_file = none}, words);
    snprintf(words, sizeof(words), "key_file %s: ", rig.cert); /* without key_file: the cert's */
    expect_no_context(&(struct tls_settings){.ca_file = rig.ca, .cert_file = rig.cert}, words);

    tls_rig_name_file(&rig, other, "other.pem");
    tls_authority_issue(rig.authority, &(struct tls_wish){.names = NULL}, none, other);
    snprintf(words, sizeof(words), "key_file %s: key values mismatch", other);
    expect_no_context(
        &(struct tls_settings){.ca_file = rig.ca, .cert_file = rig.cert, .key_file = other}, words);
    snprintf(words, sizeof(words), "ca_file %s: ", net_rig_folder(&rig.net));
    expect_no_context(&(struct tls_settings){.ca_file = net_rig_folder(&rig.net)}, words);
    tls_rig_fini(&rig);
    tls_context_free(NULL);
}

/* A daemon has nobody to ask: the password would be there to read, and must not be. */
static void test_an_encrypted_key_is_refused(void **state)
{
    struct tls_rig rig;
    char key[TLS_RIG_PATH_SIZE];
    char words[200];
    int saved = dup(STDIN_FILENO);
    int ends[2];
    char byte;

    (void)state;
    tls_rig_init(&rig, &(struct tls_wish){.names = "DNS:broker.test"});
    tls_rig_name_file(&rig, key, "locked.pem");
    tls_authority_issue(rig.authority, &(struct tls_wish){.password = "sesame"}, rig.cert, key);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "sesame\n", 7), 7);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    snprintf(words, sizeof(words), "key_file %s: it is encrypted; give the key without a password",
             key);
    expect_no_context(
        &(struct tls_settings){.ca_file = rig.ca, .cert_file = rig.cert, .key_file = key}, words);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 's');
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    tls_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name),
        cmocka_unit_test(test_the_host_is_the_name_where_none_is_given),
        cmocka_unit_test(test_an_address),
        cmocka_unit_test(test_another_address),
        cmocka_unit_test(test_another_name),
        cmocka_unit_test(test_a_wildcard),
        cmocka_unit_test(test_another_authority),
        cmocka_unit_test(test_out_of_its_time),
        cmocka_unit_test(test_not_verified_where_it_is_off),
        cmocka_unit_test(test_a_client_certificate_is_wanted),
        cmocka_unit_test(test_a_client_certificate_is_given),
        cmocka_unit_test(test_tls_1_1_is_refused),
        cmocka_unit_test(test_tls_1_2_is_taken),
        cmocka_unit_test(test_a_server_without_tls),
        cmocka_unit_test(test_closed_in_the_handshake),
        cmocka_unit_test(test_a_silent_server),
        cmocka_unit_test(test_files_that_are_wrong),
        cmocka_unit_test(test_an_encrypted_key_is_refused),
        cmocka_unit_test(net_rig_test_descriptors),
    };

    net_rig_note_descriptors();
    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
