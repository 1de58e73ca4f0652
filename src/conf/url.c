/* URLs of Redis and RabbitMQ. For: taking them apart, and printing them without their secrets.
 * Not for: resolving or connecting (net/link.c). */
#include "conf/url.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/utf8.h"
#include "conf/percent.h"

enum {
    CONF_VHOST_MAX = 255, /* a short string, AMQP 0-9-1 §4.2.5.3 */
    CONF_HOST_MAX = 253,  /* RFC 1035 §2.3.4, as text */
};

/* A scheme and what it means. */
struct conf_scheme {
    const char *name;
    enum conf_protocol protocol;
    enum conf_transport transport;
    uint16_t port; /* where the URL gives none */
};

static const struct conf_scheme conf_schemes[] = {
    {"redis", CONF_REDIS, CONF_TCP, 6379},    {"rediss", CONF_REDIS, CONF_TLS, 6379},
    {"redis+unix", CONF_REDIS, CONF_UNIX, 0}, {"amqp", CONF_AMQP, CONF_TCP, 5672},
    {"amqps", CONF_AMQP, CONF_TLS, 5671},
};

/* A URL cut into its parts, still encoded (RFC 3986 §3). */
struct conf_url_parts {
    const struct conf_scheme *scheme;
    bool has_user, has_password, has_port, has_path, has_query;
    struct slice user, password, host, port;
    struct slice path;  /* with its slash */
    struct slice query; /* without its question mark */
};

/* Cuts `text` at the first of `separators`: what is before it goes to *out_head, the rest, with
 * the separator, stays. False: none is there, all is head. */
static bool conf_url_cut(struct slice *text, const char *separators, struct slice *out_head)
{
    size_t at = 0;

    while (at < text->len && strchr(separators, text->data[at]) == NULL) {
        at++;
    }
    *out_head = slice_make(text->data, at);
    *text = slice_make(text->data + at, text->len - at);
    return text->len > 0;
}

static struct slice conf_url_skip(struct slice text, size_t count)
{
    return slice_make(text.data + count, text.len - count);
}

/* The scheme, without "://", of a text that has it; NULL: none, or an unknown one. */
static const struct conf_scheme *conf_url_find_scheme(struct slice text, struct slice *out_name,
                                                      struct slice *out_rest)
{
    struct slice rest = text;
    size_t i;

    if (text.len == 0 || !conf_url_cut(&rest, ":", out_name) || rest.len < 3 ||
        memcmp(rest.data, "://", 3) != 0) {
        *out_name = slice_make(NULL, 0);
        return NULL;
    }
    *out_rest = conf_url_skip(rest, 3);
    for (i = 0; i < sizeof(conf_schemes) / sizeof(conf_schemes[0]); i++) {
        if (slice_equal_text(*out_name, conf_schemes[i].name)) {
            return &conf_schemes[i];
        }
    }
    return NULL;
}

int conf_url_scheme(struct slice text, enum conf_protocol *out_protocol,
                    enum conf_transport *out_transport)
{
    struct slice name;
    struct slice rest;
    const struct conf_scheme *scheme = conf_url_find_scheme(text, &name, &rest);

    if (scheme == NULL) {
        return -1;
    }
    *out_protocol = scheme->protocol;
    *out_transport = scheme->transport;
    return 0;
}

/* Whether a scheme may be shown: letters, digits, + - . only, and short. */
static bool conf_url_is_scheme(struct slice name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (i > 0 && ((c >= '0' && c <= '9') || strchr("+-.", c) != NULL)))) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 16;
}

/* user:password@host:port */
static int conf_url_authority(struct slice text, struct conf_url_parts *parts, struct err *err)
{
    size_t at = text.len; /* behind the last "@" */
    struct slice host = text;

    while (at > 0 && text.data[at - 1] != '@') {
        at--;
    }
    if (at > 0) {
        struct slice rest = slice_make(text.data, at - 1);

        parts->has_user = true;
        parts->has_password = conf_url_cut(&rest, ":", &parts->user);
        parts->password = parts->has_password ? conf_url_skip(rest, 1) : rest;
        host = conf_url_skip(text, at);
    }
    if (host.len > 0 && host.data[0] == '[') {
        host = conf_url_skip(host, 1);
        if (!conf_url_cut(&host, "]", &parts->host)) {
            return err_set(err, "\"[\" before an IPv6 address has no \"]\" behind it");
        }
        host = conf_url_skip(host, 1);
    } else {
        conf_url_cut(&host, ":", &parts->host);
    }
    if (host.len > 0 && host.data[0] != ':') {
        return err_set(err, "a port, or nothing, is wanted behind the \"]\" of an IPv6 address");
    }
    parts->has_port = host.len > 0;
    parts->port = parts->has_port ? conf_url_skip(host, 1) : host;
    if (memchr(parts->port.data ? parts->port.data : "", ':', parts->port.len) != NULL) {
        return err_set(err, "several colons behind the host; an IPv6 address stands in brackets: "
                            "[::1]");
    }
    return 0;
}

static int conf_url_split(struct slice text, struct conf_url_parts *parts, struct err *err)
{
    struct slice name;
    struct slice rest;
    struct slice authority;
    size_t i;

    for (i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] <= 0x20 || text.data[i] == 0x7F) {
            return err_set(err, "a space or control character in the URL; write it as %%%02X",
                           (unsigned char)text.data[i]);
        }
    }
    parts->scheme = conf_url_find_scheme(text, &name, &rest);
    if (parts->scheme == NULL) {
        const char *known = "redis://, rediss://, redis+unix://, amqp:// or amqps:// is right";

        return conf_url_is_scheme(name)
                   ? err_set(err, "unknown scheme \"%.*s\"; %s", (int)name.len, name.data, known)
                   : err_set(err, "no scheme; %s", known);
    }
    conf_url_cut(&rest, "/?#", &authority);
    parts->has_path = conf_url_cut(&rest, "?#", &parts->path) || parts->path.len > 0;
    if (rest.len > 0 && rest.data[0] == '?') {
        parts->has_query = true;
        rest = conf_url_skip(rest, 1);
        conf_url_cut(&rest, "#", &parts->query);
    }
    if (rest.len > 0) {
        return err_set(err, "\"#\" means nothing here; in a user or password it is written %%23");
    }
    return conf_url_authority(authority, parts, err);
}

/* A part percent-decoded; NULL and words in `err`, which name it as `what`. */
static const char *conf_url_decode(struct slice text, const char *what,
                                   struct config_memory *memory, struct err *err)
{
    char *out = conf_memory_take(memory, text.len + 1);

    if (out == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (conf_percent_decode(text, out) != 0) {
        err_set(err,
                "\"%%\" in the %s wants two hexadecimal digits, not 00; a percent sign itself is "
                "written %%25",
                what);
        return NULL;
    }
    return out;
}

/* A number of digits only, up to `max`; -1: it is none. */
static long conf_url_number(struct slice text, long max)
{
    long number = 0;
    size_t i;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        number = number * 10 + (text.data[i] - '0');
        if (number > max) {
            return -1;
        }
    }
    return text.len > 0 ? number : -1;
}

static int conf_url_user(const struct conf_url_parts *parts, struct config_memory *memory,
                         struct conf_url *url, struct err *err)
{
    if (parts->has_user && parts->user.len > 0) {
        url->user = conf_url_decode(parts->user, "user", memory, err);
        if (url->user == NULL) {
            return -1;
        }
    }
    if (parts->has_password) {
        url->password = conf_url_decode(parts->password, "password", memory, err);
        return url->password ? 0 : -1;
    }
    return 0;
}

static int conf_url_host(const struct conf_url_parts *parts, struct config_memory *memory,
                         struct conf_url *url, struct err *err)
{
    long port = parts->scheme->port;

    url->host = conf_url_decode(parts->host, "host", memory, err);
    if (url->host == NULL) {
        return -1;
    }
    if (url->host[0] == '\0' || strlen(url->host) > CONF_HOST_MAX) {
        return err_set(err, "the host is missing or too long; write %s://HOST",
                       parts->scheme->name);
    }
    if (parts->has_port) {
        port = conf_url_number(parts->port, UINT16_MAX);
    }
    if (port < 1) {
        return err_set(err, "the port is no number from 1 to 65535; in a user or password \"/\", "
                            "\"?\", \"#\" and \"@\" are written %%2F, %%3F, %%23 and %%40");
    }
    url->port = (uint16_t)port;
    return 0;
}

/* What follows the authority of a Redis URL: /database. */
static int conf_url_database(const struct conf_url_parts *parts, struct conf_url *url,
                             struct err *err)
{
    struct slice path = parts->path;
    long number = 0;

    if (parts->has_query) {
        return err_set(err, "\"?\" means nothing here; the database stands behind a slash, all "
                            "else in keys of the connection");
    }
    if (path.len > 1) {
        number = conf_url_number(conf_url_skip(path, 1), INT_MAX);
    }
    if (number < 0) {
        return err_set(err, "the database is no number; write %s://HOST/0", parts->scheme->name);
    }
    url->database = (unsigned)number;
    return 0;
}

/* What follows the authority of a redis+unix URL: /path?db=N. */
static int conf_url_unix(const struct conf_url_parts *parts, struct config_memory *memory,
                         struct conf_url *url, struct err *err)
{
    struct sockaddr_un address;
    long number = 0;

    if (parts->host.len > 0 || parts->has_port || parts->path.len < 2) {
        return err_set(err, "three slashes before the path of the socket are wanted: "
                            "redis+unix:///run/redis/redis.sock");
    }
    url->path = conf_url_decode(parts->path, "path", memory, err);
    if (url->path == NULL) {
        return -1;
    }
    if (strlen(url->path) >= sizeof(address.sun_path)) {
        return err_set(err, "the path of the socket has more than %zu bytes; shorten it",
                       sizeof(address.sun_path) - 1);
    }
    if (parts->has_query) {
        bool is_db = parts->query.len > 3 && memcmp(parts->query.data, "db=", 3) == 0;

        number = is_db ? conf_url_number(conf_url_skip(parts->query, 3), INT_MAX) : -1;
    }
    if (number < 0) {
        return err_set(err, "behind \"?\" only db=NUMBER has a meaning");
    }
    url->database = (unsigned)number;
    return 0;
}

/* What follows the authority of an AMQP URL: /vhost. Where it is left out or empty, it is "/", as
 * with the common client libraries. */
static int conf_url_vhost(const struct conf_url_parts *parts, struct config_memory *memory,
                          struct conf_url *url, struct err *err)
{
    struct slice encoded = parts->path.len > 1 ? conf_url_skip(parts->path, 1) : SLICE("/");

    if (parts->has_query) {
        return err_set(err, "\"?\" means nothing here; heartbeat, TLS and all else are keys of the "
                            "connection");
    }
    if (parts->path.len > 1 && memchr(encoded.data, '/', encoded.len) != NULL) {
        return err_set(err, "a second \"/\" behind the host; in the name of a virtual host it is "
                            "written %%2F");
    }
    url->vhost = conf_url_decode(encoded, "virtual host", memory, err);
    if (url->vhost == NULL) {
        return -1;
    }
    if (strlen(url->vhost) > CONF_VHOST_MAX || !utf8_is_valid(slice_of(url->vhost), NULL)) {
        return err_set(err, "the virtual host is no UTF-8, or has more than %d octets",
                       CONF_VHOST_MAX);
    }
    return 0;
}

int conf_url_parse(struct slice text, struct config_memory *memory, struct conf_url *out_url,
                   enum conf_protocol *out_protocol, struct err *err)
{
    struct conf_url_parts parts = {0};
    struct conf_url url = {.host = "", .path = "", .vhost = ""};

    if (conf_url_split(text, &parts, err) != 0) {
        return -1;
    }
    url.transport = parts.scheme->transport;
    if (conf_url_user(&parts, memory, &url, err) != 0) {
        return -1;
    }
    if (url.transport == CONF_UNIX) {
        if (conf_url_unix(&parts, memory, &url, err) != 0) {
            return -1;
        }
    } else if (conf_url_host(&parts, memory, &url, err) != 0 ||
               (parts.scheme->protocol == CONF_AMQP ? conf_url_vhost(&parts, memory, &url, err)
                                                    : conf_url_database(&parts, &url, err)) != 0) {
        return -1;
    }
    *out_url = url;
    *out_protocol = parts.scheme->protocol;
    return 0;
}

static const char *conf_url_scheme_name(enum conf_protocol protocol, enum conf_transport transport)
{
    size_t i = 0;

    while (conf_schemes[i].protocol != protocol || conf_schemes[i].transport != transport) {
        i++;
    }
    return conf_schemes[i].name;
}

void conf_url_print(const struct conf_url *url, enum conf_protocol protocol, struct strbuf *out)
{
    bool is_ipv6 = strchr(url->host, ':') != NULL;

    strbuf_append_format(out, "%s://", conf_url_scheme_name(protocol, url->transport));
    if (url->user != NULL || url->password != NULL) {
        conf_percent_encode(url->user ? url->user : "", "", out);
        strbuf_append_text(out, url->password ? ":***@" : "@");
    }
    if (url->transport == CONF_UNIX) {
        conf_percent_encode(url->path, "/", out);
        strbuf_append_format(out, "?db=%u", url->database);
        return;
    }
    strbuf_append_text(out, is_ipv6 ? "[" : "");
    conf_percent_encode(url->host, is_ipv6 ? ":" : "", out);
    strbuf_append_format(out, "%s:%u/", is_ipv6 ? "]" : "", (unsigned)url->port);
    if (protocol == CONF_AMQP) {
        conf_percent_encode(url->vhost, "", out);
    } else {
        strbuf_append_format(out, "%u", url->database);
    }
}
