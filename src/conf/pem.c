/* What kinds of PEM blocks a file holds. For: finding at --check that a file is no certificate or
 * no key. Not for: decoding it (net/tls.c). */
#include "conf/pem.h"

#include <stdbool.h>
#include <string.h>

#include "conf/file.h"

enum { CONF_PEM_MAX = 16 * 1024 * 1024 }; /* bytes; the certificates of a system take 250 kB */

/* What was found. */
struct pem_found {
    bool certificate;
    bool key;
    bool encrypted;
};

static bool pem_begins(struct slice line, const char *with)
{
    size_t len = strlen(with);

    return line.len >= len && memcmp(line.data, with, len) == 0;
}

static bool pem_ends(struct slice line, const char *with)
{
    size_t len = strlen(with);

    return line.len >= len && memcmp(line.data + line.len - len, with, len) == 0;
}

static void pem_look_at(struct slice line, struct pem_found *found)
{
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ')) {
        line.len--;
    }
    if (pem_begins(line, "Proc-Type: 4,ENCRYPTED")) {
        found->encrypted = true; /* RFC 1421 §4.6.1.1, of old keys */
    } else if (pem_begins(line, "-----BEGIN ")) {
        found->certificate |= pem_ends(line, " CERTIFICATE-----");
        found->key |= pem_ends(line, " PRIVATE KEY-----");
        found->encrypted |= pem_ends(line, " ENCRYPTED PRIVATE KEY-----");
    }
}

static void pem_look_through(struct slice text, struct pem_found *found)
{
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

        pem_look_at(slice_make(text.data, len), found);
        len += end != NULL;
        text = slice_make(text.data + len, text.len - len);
    }
}

int conf_pem_check(const char *path, enum conf_pem what, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    struct pem_found found = {0};
    int status = conf_file_read(path, CONF_PEM_MAX, &text, err);

    if (status != 0) {
        strbuf_fini(&text);
        return status;
    }
    pem_look_through(strbuf_slice(&text), &found);
    strbuf_fini(&text);
    if (what == CONF_PEM_CERTIFICATE && !found.certificate) {
        return err_set(err, "holds no certificate; a PEM file is wanted, with "
                            "\"-----BEGIN CERTIFICATE-----\" in it");
    }
    if (what == CONF_PEM_KEY && !found.key) {
        return err_set(err, "holds no private key; a PEM file is wanted, with "
                            "\"-----BEGIN PRIVATE KEY-----\" in it");
    }
    if (what == CONF_PEM_KEY && found.encrypted) {
        return err_set(err, "the key is encrypted; give it without a password");
    }
    return 0;
}
