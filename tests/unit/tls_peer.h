/* The server's end of TLS for tests: OpenSSL on the socket of a net_rig, worked a little in every
 * turn of the rig's loop. What it sends and expects is the rig's pattern. */
#ifndef CHUNNELD_TESTS_UNIT_TLS_PEER_H
#define CHUNNELD_TESTS_UNIT_TLS_PEER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "net_rig.h"

struct tls_peer {
    SSL_CTX *ctx;
    SSL *ssl;          /* NULL: nobody is connected */
    bool ready;        /* the handshake is done */
    bool failed;       /* it failed, or the stream broke */
    bool reads;        /* takes what comes */
    bool ended;        /* the other side said goodbye (close_notify) */
    uint64_t to_send;  /* bytes of the pattern in all */
    uint64_t sent;     /* of these */
    uint64_t received; /* bytes of the pattern that came */
};

/* Settles the certificate; takes any version from TLS 1.2 on. The rig must listen. */
void tls_peer_init(struct tls_peer *peer, struct net_rig *rig, const char *cert_path,
                   const char *key_path);
void tls_peer_fini(struct tls_peer *peer);
/* Wants a certificate of that authority from the client. */
void tls_peer_want_client(struct tls_peer *peer, const char *ca_path);
/* Drops the session without a word; the next connection begins anew. */
void tls_peer_forget(struct tls_peer *peer);
/* Says goodbye and closes. */
void tls_peer_close(struct tls_peer *peer, struct net_rig *rig);

#endif
