/* Connections. For: their URLs, passwords and what must fit together, and finding the one that an
 * endpoint means. Not for: taking URLs apart (conf/url.c), connecting. */
#include "conf/connection.h"

#include "base/clock.h"
#include "conf/environment.h"
#include "conf/keys.h"
#include "conf/pem.h"
#include "conf/secret.h"
#include "conf/url.h"

/* The URL after `previous` (NULL: the first): "url", then those of "urls". NULL: no more. */
static const struct json_node *conf_url_node(const struct json_node *connection,
                                             const struct json_node *previous)
{
    const struct json_node *url = json_member(connection, "url");
    const struct json_node *urls = json_member(connection, "urls");
    const struct json_node *first =
        urls != NULL && json_is(urls, JSON_ARRAY) ? json_first(urls) : NULL;

    if (previous == NULL) {
        return url != NULL ? url : first;
    }
    return previous == url ? first : json_next(previous);
}

/* What the scheme of a URL says; -1: nothing. Problems are for conf_connection_finish(). */
static int conf_url_peek(struct conf_loader *loader, const struct json_node *node,
                         enum conf_protocol *out_protocol, enum conf_transport *out_transport)
{
    struct strbuf text = STRBUF_INIT;
    size_t index;
    int result = -1;

    if (json_is(node, JSON_STRING) &&
        conf_environment_expand(json_string(node), &text, NULL, &index) == 0) {
        result = conf_url_scheme(strbuf_slice(&text), out_protocol, out_transport);
    }
    loader->out_of_memory |= strbuf_failed(&text);
    strbuf_fini(&text);
    return result;
}

static unsigned conf_connection_variant(enum conf_protocol protocol, bool tls)
{
    if (protocol == CONF_REDIS) {
        return tls ? CONF_CONNECTION_REDISS : CONF_CONNECTION_REDIS;
    }
    return tls ? CONF_CONNECTION_AMQPS : CONF_CONNECTION_AMQP;
}

unsigned conf_connection_variant_of_node(struct conf_loader *loader, const struct json_node *node)
{
    enum conf_protocol protocol = CONF_REDIS;
    enum conf_transport transport = CONF_TCP;
    const struct json_node *url;
    bool seen[] = {[CONF_REDIS] = false, [CONF_AMQP] = false};
    bool tls = false;

    for (url = conf_url_node(node, NULL); url != NULL; url = conf_url_node(node, url)) {
        if (conf_url_peek(loader, url, &protocol, &transport) == 0) {
            seen[protocol] = true;
            tls |= transport == CONF_TLS;
        }
    }
    return seen[CONF_REDIS] != seen[CONF_AMQP] ? conf_connection_variant(protocol, tls) : 0;
}

unsigned conf_connection_variant_of_struct(const void *base)
{
    const struct conf_connection *connection = base;
    bool tls = false;
    size_t i;

    for (i = 0; i < connection->url_count; i++) {
        tls |= connection->urls[i].transport == CONF_TLS;
    }
    return conf_connection_variant(connection->protocol, tls);
}

void conf_connection_prepare(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_connection *connection = base;
    size_t index = (size_t)(connection - loader->config->connections);

    connection->name = conf_memory_copy(loader->memory, json_key(node));
    connection->place = conf_place_of(loader, node);
    if (connection->name == NULL) {
        loader->out_of_memory = true;
        connection->name = "";
        return;
    }
    if (!conf_name_is_valid(connection->name)) {
        conf_problem_key(loader, node,
                         "not a name; 1 to 64 letters, digits, \".\", \"_\" and \"-\" "
                         "are right");
    }
    if (conf_name_find(loader->connections, connection->name) == NULL) {
        conf_name_take(loader, &loader->connections, connection->name, index, node);
    }
}

/* One URL of a connection. */
static int conf_connection_url(struct conf_loader *loader, const struct json_node *node,
                               struct conf_connection *connection)
{
    struct conf_url *url = &connection->urls[connection->url_count];
    const char *text = conf_string(loader, node);
    enum conf_protocol protocol;
    struct err err;

    if (text == NULL) {
        return -1;
    }
    if (conf_url_parse(slice_of(text), loader->memory, url, &protocol, &err) != 0) {
        conf_problem(loader, node, "%s", err.text);
        return -1;
    }
    if (connection->url_count == 0) {
        connection->protocol = protocol;
    } else if (protocol != connection->protocol) {
        conf_problem(loader, node,
                     "the URLs of a connection are of one kind, all to Redis or all "
                     "to AMQP");
        return -1;
    } else if (strcmp(url->vhost, connection->urls[0].vhost) != 0) {
        conf_problem(loader, node,
                     "the URLs of a connection name one virtual host; this one names "
                     "another than the first");
        return -1;
    }
    connection->url_count++;
    return 0;
}

static int conf_connection_urls(struct conf_loader *loader, const struct json_node *node,
                                struct conf_connection *connection)
{
    const struct json_node *url;
    size_t count = 0;
    int result = 0;

    for (url = conf_url_node(node, NULL); url != NULL; url = conf_url_node(node, url)) {
        count++;
    }
    if (count == 0) {
        if (json_member(node, "urls") == NULL || json_is(json_member(node, "urls"), JSON_ARRAY)) {
            conf_problem(loader, node, "\"url\" is missing; a connection needs it");
        }
        return -1;
    }
    connection->urls = conf_memory_take_array(loader->memory, count, sizeof(*connection->urls));
    if (connection->urls == NULL) {
        loader->out_of_memory = true;
        return -1;
    }
    for (url = conf_url_node(node, NULL); url != NULL; url = conf_url_node(node, url)) {
        result |= conf_connection_url(loader, url, connection);
    }
    return result;
}

static void conf_connection_password(struct conf_loader *loader, const struct json_node *node,
                                     struct conf_connection *connection)
{
    const struct json_node *file = json_member(node, "password_file");
    const char *password = NULL;
    size_t i;

    if (connection->password_file != NULL && !loader->from_memory) {
        password = conf_secret_read(loader, file, connection->password_file, "a password");
    }
    for (i = 0; password != NULL && i < connection->url_count; i++) {
        connection->urls[i].password = password;
    }
    for (i = 0; file == NULL && i < connection->url_count; i++) {
        if (connection->urls[i].user != NULL && connection->urls[i].password == NULL) {
            conf_problem(loader, node,
                         "a user without a password; write user:password@ or, "
                         "without a user, :password@ into the URL, or give "
                         "\"password_file\"");
            return;
        }
    }
}

void conf_connection_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_connection *connection = base;
    bool external = connection->sasl == CONF_SASL_EXTERNAL;

    if (conf_connection_urls(loader, node, connection) != 0) {
        loader->connections_broken = true;
        connection->url_count = 0;
        return;
    }
    if (external && (connection->tls.cert_file == NULL ||
                     conf_connection_variant_of_struct(base) != CONF_CONNECTION_AMQPS)) {
        conf_problem(loader, json_member(node, "sasl"),
                     "\"external\" logs in with a client certificate; it needs amqps:// and "
                     "\"tls\": {\"cert_file\": ...}");
    }
    if (connection->heartbeat_us > 0 && connection->heartbeat_us % CLOCK_US_PER_S != 0) {
        conf_problem(loader, json_member(node, "heartbeat"),
                     "AMQP counts heartbeats in whole seconds; write \"0s\", \"1s\" or more");
    }
    if (!external) {
        conf_connection_password(loader, node, connection);
    }
}

void conf_put_in_order(struct conf_loader *loader, const struct json_node *node, uint64_t *min_us,
                       uint64_t *max_us)
{
    const struct json_node *min = json_member(node, "min");

    if (*min_us <= *max_us) {
        return;
    }
    if (min == NULL) {
        *min_us = *max_us;
    } else if (json_member(node, "max") == NULL) {
        *max_us = *min_us;
    } else {
        conf_problem(loader, min, "\"min\" is above \"max\"; lower it, or raise \"max\"");
    }
}

void conf_reconnect_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    struct conf_connection *connection = base;

    conf_put_in_order(loader, node, &connection->reconnect_min_us, &connection->reconnect_max_us);
}

/* Says at the member `name` that its file is not what TLS wants there; false: it said so. */
static bool conf_tls_check(struct conf_loader *loader, const struct json_node *tls,
                           const char *name, const char *path, enum conf_pem what)
{
    struct err err;

    if (path == NULL || loader->from_memory || conf_pem_check(path, what, &err) == 0) {
        return true;
    }
    conf_problem(loader, json_member(tls, name), "%s", err.text);
    return false;
}

void conf_tls_finish(struct conf_loader *loader, const struct json_node *node, void *base)
{
    const struct conf_tls *tls = &((const struct conf_connection *)base)->tls;

    conf_tls_check(loader, node, "ca_file", tls->ca_file, CONF_PEM_CERTIFICATE);
    conf_tls_check(loader, node, "key_file", tls->key_file, CONF_PEM_KEY);
    if (conf_tls_check(loader, node, "cert_file", tls->cert_file, CONF_PEM_CERTIFICATE) &&
        json_member(node, "key_file") == NULL) {
        conf_tls_check(loader, node, "cert_file", tls->cert_file, CONF_PEM_KEY);
    }
    if (tls->key_file != NULL && json_member(node, "cert_file") == NULL) {
        conf_problem_key(loader, json_member(node, "key_file"),
                         "a key without a certificate; give \"cert_file\" too");
    }
}

/* The connection called as the string `node` says. */
static const struct conf_connection *conf_connection_named(struct conf_loader *loader,
                                                           const struct json_node *node,
                                                           enum conf_protocol protocol)
{
    const char *name = json_string(node).data;
    const struct conf_name *entry = conf_name_find(loader->connections, name);
    const struct conf_connection *connection;

    if (entry == NULL) {
        const char *nearest = conf_name_nearest(loader->connections, name);

        conf_problem(loader, node, "no connection is called \"%s\"; %s%s%s", name,
                     nearest ? "the nearest is \"" : "put one under \"connections\"",
                     nearest ? nearest : "", nearest ? "\"" : "");
        return NULL;
    }
    connection = &loader->config->connections[entry->index];
    if (connection->url_count > 0 && connection->protocol != protocol) {
        conf_problem(loader, node, "this connection goes to %s; one to %s is wanted here",
                     protocol == CONF_AMQP ? "Redis" : "AMQP",
                     protocol == CONF_AMQP ? "AMQP" : "Redis");
        return NULL;
    }
    return connection;
}

const struct conf_connection *conf_connection_pick(struct conf_loader *loader,
                                                   const struct json_node *node,
                                                   enum conf_protocol protocol)
{
    return conf_connection_pick_by(loader, node, "connection", protocol);
}

const struct conf_connection *conf_connection_pick_by(struct conf_loader *loader,
                                                      const struct json_node *node, const char *key,
                                                      enum conf_protocol protocol)
{
    const struct json_node *named = json_member(node, key);
    const char *name = protocol == CONF_AMQP ? "AMQP" : "Redis";
    const struct conf_connection *found = NULL;
    size_t count = 0;
    size_t i;

    if (named != NULL) {
        return json_is(named, JSON_STRING) ? conf_connection_named(loader, named, protocol) : NULL;
    }
    for (i = 0; i < loader->config->connection_count; i++) {
        const struct conf_connection *connection = &loader->config->connections[i];

        if (connection->url_count > 0 && connection->protocol == protocol) {
            found = connection;
            count++;
        }
    }
    if (loader->connections_broken) {
        return NULL; /* the one that is meant may be among those */
    }
    if (count == 0) {
        conf_problem(loader, node, "there is no %s connection; put one under \"connections\"",
                     name);
    } else if (count > 1) {
        conf_problem(loader, node, "\"%s\" is missing; there are several %s connections, name one",
                     key, name);
    }
    return count == 1 ? found : NULL;
}
