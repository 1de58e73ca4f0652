/* Certificates by libcrypto: EC keys, which are made in no time. */
#include "tls_files.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct tls_authority {
    EVP_PKEY *key;
    X509 *cert;
};

static long last_serial;

static EVP_PKEY *make_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    assert_non_null(ctx);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1), 1);
    assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void add_extension(X509 *cert, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_cert(const char *name, EVP_PKEY *key, long from_s, long to_s)
{
    X509 *cert = X509_new();

    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++last_serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    return cert;
}

struct tls_authority *tls_authority_new(const char *name)
{
    struct tls_authority *authority = calloc(1, sizeof(*authority));

    assert_non_null(authority);
    authority->key = make_key();
    authority->cert = make_cert(name, authority->key, -3600, 3600);
    X509_set_issuer_name(authority->cert, X509_get_subject_name(authority->cert));
    add_extension(authority->cert, authority->cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(authority->cert, authority->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    assert_true(X509_sign(authority->cert, authority->key, EVP_sha256()) > 0);
    return authority;
}

void tls_authority_free(struct tls_authority *authority)
{
    EVP_PKEY_free(authority->key);
    X509_free(authority->cert);
    free(authority);
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    assert_non_null(file);
    return file;
}

static void write_cert(X509 *cert, const char *path)
{
    FILE *file = open_file(path, "w");

    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
}

void tls_authority_write(const struct tls_authority *authority, const char *path)
{
    write_cert(authority->cert, path);
}

void tls_authority_issue(const struct tls_authority *authority, const struct tls_wish *wish,
                         const char *cert_path, const char *key_path)
{
    bool usual = wish->from_s == 0 && wish->to_s == 0;
    EVP_PKEY *key = make_key();
    X509 *cert =
        make_cert("somebody", key, usual ? -3600 : wish->from_s, usual ? 3600 : wish->to_s);
    const EVP_CIPHER *cipher = wish->password ? EVP_aes_128_cbc() : NULL;
    char *password = wish->password ? strdup(wish->password) : NULL;
    FILE *file;

    X509_set_issuer_name(cert, X509_get_subject_name(authority->cert));
    add_extension(cert, authority->cert, NID_basic_constraints, "CA:FALSE");
    if (wish->names != NULL) {
        add_extension(cert, authority->cert, NID_subject_alt_name, wish->names);
    }
    assert_true(X509_sign(cert, authority->key, EVP_sha256()) > 0);
    write_cert(cert, cert_path);
    file = open_file(key_path, strcmp(cert_path, key_path) == 0 ? "a" : "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, cipher, NULL, 0, NULL, password), 1);
    assert_int_equal(fclose(file), 0);
    free(password);
    EVP_PKEY_free(key);
    X509_free(cert);
}
