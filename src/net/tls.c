/* TLS contexts and sessions over OpenSSL: what is trusted and what is checked. Not for: moving
 * bytes (stream_tls.c). */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_session.h"

struct tls_context {
    SSL_CTX *ctx;
    bool verify;
};

/* The first error that OpenSSL noted, which is nearest to the cause; forgets the others. */
static const char *tls_error_words(void)
{
    unsigned long code = ERR_peek_error();
    const char *words;

    if (ERR_GET_LIB(code) == ERR_LIB_SYS) {
        words = strerror(ERR_GET_REASON(code));
    } else {
        words = code ? ERR_reason_error_string(code) : NULL;
    }
    ERR_clear_error();
    return words ? words : "unknown error";
}

/* OpenSSL asks for the password of a key. On the terminal, if nobody else answers: a daemon must
 * not wait for that. */
static int tls_on_password(char *password, int size, int writing, void *asked)
{
    (void)password;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return 0;
}

static int tls_load_trust(SSL_CTX *ctx, const char *ca_file, struct err *err)
{
    if (ca_file == NULL) {
        return SSL_CTX_set_default_verify_paths(ctx) == 1
                   ? 0
                   : err_set(err, "the system's certificates: %s", tls_error_words());
    }
    return SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1
               ? 0
               : err_set(err, "ca_file %s: %s", ca_file, tls_error_words());
}

static int tls_load_identity(SSL_CTX *ctx, const struct tls_settings *settings, struct err *err)
{
    const char *key_file = settings->key_file ? settings->key_file : settings->cert_file;
    bool asked = false;
    int loaded;

    if (settings->cert_file == NULL) {
        return 0;
    }
    SSL_CTX_set_default_passwd_cb(ctx, tls_on_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    if (SSL_CTX_use_certificate_chain_file(ctx, settings->cert_file) != 1) {
        return err_set(err, "cert_file %s: %s", settings->cert_file, tls_error_words());
    }
    loaded = SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM);
    if (asked) {
        ERR_clear_error();
        return err_set(err, "key_file %s: it is encrypted; give the key without a password",
                       key_file);
    }
    return loaded == 1 ? 0 : err_set(err, "key_file %s: %s", key_file, tls_error_words());
}

struct tls_context *tls_context_new(const struct tls_settings *settings, struct err *err)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    if (context == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    ERR_clear_error();
    context->verify = settings->verify;
    context->ctx = SSL_CTX_new(TLS_client_method());
    if (context->ctx == NULL) {
        err_set(err, "TLS: %s", tls_error_words());
        goto fail;
    }
    SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
    /* Many servers close without a close_notify; both protocols tell where a message ends. */
    SSL_CTX_set_options(context->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
    if (tls_load_trust(context->ctx, settings->ca_file, err) != 0 ||
        tls_load_identity(context->ctx, settings, err) != 0) {
        goto fail;
    }
    return context;
fail:
    tls_context_free(context);
    return NULL;
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ctx);
        free(context);
    }
}

static bool tls_is_address(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

/* RFC 6066 §3: SNI carries names, never addresses; the certificate is checked for either. */
static int tls_session_expect(SSL *ssl, const char *server_name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (tls_is_address(server_name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, server_name);
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, server_name) == 1 &&
           X509_VERIFY_PARAM_set1_host(param, server_name, 0) == 1;
}

SSL *tls_session_new(const struct tls_context *context, const char *server_name)
{
    SSL *ssl = SSL_new(context->ctx);

    if (ssl == NULL) {
        return NULL;
    }
    if (!tls_session_expect(ssl, server_name)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_verify(ssl, context->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return ssl;
}
