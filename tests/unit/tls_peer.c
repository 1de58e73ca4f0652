/* The server's end; see the header. */
#include "tls_peer.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { BLOCK = 32 * 1024, BLOCKS_A_TURN = 8 };

/* What a call to OpenSSL means: true: go on at the next turn. */
static bool peer_waits(struct tls_peer *peer, int result)
{
    int error = SSL_get_error(peer->ssl, result);

    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        peer->ended = true;
    } else {
        peer->failed = true;
    }
    return false;
}

static void peer_accept(struct tls_peer *peer, struct net_rig *rig)
{
    rig->peer = accept(rig->listener, NULL, NULL);
    if (rig->peer < 0) {
        return;
    }
    assert_int_equal(fcntl(rig->peer, F_SETFL, O_NONBLOCK), 0);
    peer->ssl = SSL_new(peer->ctx);
    assert_non_null(peer->ssl);
    assert_int_equal(SSL_set_fd(peer->ssl, rig->peer), 1);
    SSL_set_accept_state(peer->ssl);
}

static void peer_shake_hands(struct tls_peer *peer)
{
    int result = SSL_do_handshake(peer->ssl);

    if (result == 1) {
        peer->ready = true;
    } else {
        peer_waits(peer, result);
    }
}

static void peer_send(struct tls_peer *peer)
{
    static uint8_t block[BLOCK];
    int result;

    for (int i = 0; i < BLOCKS_A_TURN && peer->sent < peer->to_send && !peer->failed; i++) {
        uint64_t left = peer->to_send - peer->sent;
        size_t len = left < BLOCK ? (size_t)left : BLOCK;

        net_rig_fill(block, len, peer->sent);
        result = SSL_write(peer->ssl, block, (int)len);
        if (result <= 0) {
            peer_waits(peer, result);
            return;
        }
        peer->sent += (uint64_t)result;
    }
}

static void peer_receive(struct tls_peer *peer)
{
    static uint8_t block[BLOCK];
    int result;

    for (int i = 0; i < BLOCKS_A_TURN && !peer->ended && !peer->failed; i++) {
        result = SSL_read(peer->ssl, block, BLOCK);
        if (result <= 0) {
            peer_waits(peer, result);
            return;
        }
        for (int k = 0; k < result; k++) {
            if (block[k] != net_rig_pattern(peer->received + (uint64_t)k)) {
                fail_msg("byte %zu is wrong", (size_t)peer->received + (size_t)k);
            }
        }
        peer->received += (uint64_t)result;
    }
}

void tls_peer_forget(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    *peer = (struct tls_peer){.ctx = peer->ctx, .reads = peer->reads, .to_send = peer->to_send};
}

static void peer_work(struct net_rig *rig)
{
    struct tls_peer *peer = rig->peer_ctx;

    if (rig->peer < 0) {
        tls_peer_forget(peer); /* the test has closed the socket */
        peer_accept(peer, rig);
    }
    if (peer->ssl == NULL || peer->failed) {
        return;
    }
    if (!peer->ready) {
        peer_shake_hands(peer);
        return;
    }
    peer_send(peer);
    if (peer->reads) {
        peer_receive(peer);
    }
}

void tls_peer_init(struct tls_peer *peer, struct net_rig *rig, const char *cert_path,
                   const char *key_path)
{
    *peer = (struct tls_peer){.ctx = SSL_CTX_new(TLS_server_method()), .reads = true};
    assert_non_null(peer->ctx);
    SSL_CTX_set_mode(peer->ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(peer->ctx, cert_path), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(peer->ctx, key_path, SSL_FILETYPE_PEM), 1);
    rig->peer_work = peer_work;
    rig->peer_ctx = peer;
}

void tls_peer_want_client(struct tls_peer *peer, const char *ca_path)
{
    assert_int_equal(SSL_CTX_load_verify_locations(peer->ctx, ca_path, NULL), 1);
    SSL_CTX_set_verify(peer->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

void tls_peer_fini(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->ctx);
}

void tls_peer_close(struct tls_peer *peer, struct net_rig *rig)
{
    SSL_shutdown(peer->ssl);
    tls_peer_forget(peer);
    net_rig_close_peer(rig);
}
