/* Sessions of a TLS context. For stream_tls.c alone, so that nobody else sees OpenSSL's types. */
#ifndef CHUNNELD_NET_TLS_SESSION_H
#define CHUNNELD_NET_TLS_SESSION_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* A client session that will accept a certificate for `server_name` (a DNS name, sent as SNI, or an
 * IP address) only; the caller frees it. NULL: out of memory, or no such name can exist. */
SSL *tls_session_new(const struct tls_context *context, const char *server_name);

#endif
