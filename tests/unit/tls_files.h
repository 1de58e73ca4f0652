/* Certificates for tests of TLS, made when they are needed: authorities, and what they issue. */
#ifndef CHUNNELD_TESTS_UNIT_TLS_FILES_H
#define CHUNNELD_TESTS_UNIT_TLS_FILES_H

struct tls_authority;

struct tls_authority *tls_authority_new(const char *name);
void tls_authority_free(struct tls_authority *authority);
/* Its own certificate, as PEM. */
void tls_authority_write(const struct tls_authority *authority, const char *path);

/* What to issue. */
struct tls_wish {
    const char *names; /* "DNS:broker.test,IP:127.0.0.1"; NULL: none */
    long from_s;       /* validity, relative to now; both 0: an hour either way */
    long to_s;
    const char *password; /* of the key's file; NULL: not encrypted */
};

/* A certificate and its key, as PEM; both into one file where the paths are equal. */
void tls_authority_issue(const struct tls_authority *authority, const struct tls_wish *wish,
                         const char *cert_path, const char *key_path);

#endif
