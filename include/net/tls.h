/* The client side of TLS: contexts made once a configuration, sessions made by link.c. TLS 1.2 at
 * least; the certificate's chain and name (DNS or IP) are checked unless `verify` is off. */
#ifndef CHUNNELD_NET_TLS_H
#define CHUNNELD_NET_TLS_H

#include <stdbool.h>

#include "base/err.h"

struct tls_context;

struct tls_settings {
    const char *ca_file;   /* PEM; NULL: the system's store */
    const char *cert_file; /* PEM chain; NULL: no client certificate */
    const char *key_file;  /* PEM; NULL: in cert_file */
    bool verify;
};

/* Reads the files; NULL and words in `err` that name the file. */
struct tls_context *tls_context_new(const struct tls_settings *settings, struct err *err);
void tls_context_free(struct tls_context *context);

#endif
