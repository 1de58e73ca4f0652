/* A link over TLS under test: a server with a certificate, and a client that trusts its authority.
 * Anything may be changed before tls_rig_connect(). */
#ifndef CHUNNELD_TESTS_UNIT_TLS_RIG_H
#define CHUNNELD_TESTS_UNIT_TLS_RIG_H

#include "net/tls.h"
#include "net_rig.h"
#include "tls_files.h"
#include "tls_peer.h"

enum { TLS_RIG_PATH_SIZE = 128 };

struct tls_rig {
    struct net_rig net;
    struct tls_peer peer;
    struct tls_authority *authority;
    struct tls_settings settings; /* of the client */
    struct tls_context *context;
    char ca[TLS_RIG_PATH_SIZE];   /* the authority's certificate */
    char cert[TLS_RIG_PATH_SIZE]; /* the server's */
    char key[TLS_RIG_PATH_SIZE];
};

/* A server with what is wished, listening on 127.0.0.1; the link's server_name is broker.test. */
void tls_rig_init(struct tls_rig *rig, const struct tls_wish *wish);
void tls_rig_fini(struct tls_rig *rig);
/* The path of a file in the rig's folder. */
void tls_rig_name_file(struct tls_rig *rig, char path[TLS_RIG_PATH_SIZE], const char *name);
/* Makes the context, and the link if there is none, and begins to connect. */
void tls_rig_connect(struct tls_rig *rig);
/* A server called broker.test, and the link up. */
void tls_rig_run(struct tls_rig *rig);

#endif
