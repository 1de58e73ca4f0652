/* Files of certificates and keys, as far as their PEM labels say (RFC 7468): what is in them is for
 * the TLS library to judge. For conf/ alone. */
#ifndef CHUNNELD_CONF_PEM_H
#define CHUNNELD_CONF_PEM_H

#include "base/err.h"

enum conf_pem {
    CONF_PEM_CERTIFICATE, /* at least one */
    CONF_PEM_KEY,         /* a private key without a password */
};

/* 0: the file `path` holds what is wanted. Otherwise words in `err` without the path: it cannot be
 * read, holds no such thing, or the key is encrypted. */
int conf_pem_check(const char *path, enum conf_pem what, struct err *err);

#endif
