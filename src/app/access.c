/* The operator's ways in. For: opening them at start. Not for: what they answer (ops/pages.c). */
#include "app/access.h"

#include <stdlib.h>

#include "base/log.h"
#include "ops/http.h"
#include "ops/pages.h"

struct access {
    struct config *config; /* referenced: the servers borrow their options from it */
    struct pages pages;
    struct http_server *http; /* NULL: not wanted */
};

static int access_open_http(struct access *access, struct err *err)
{
    const struct conf_http *conf = &access->config->http;
    const struct http_options options = {
        .address = conf->host,
        .port = conf->port,
        .ip6 = conf->ip6,
        .allow_hosts = conf->allow_hosts.items,
        .allow_count = conf->allow_hosts.count,
        .token = conf->token,
    };

    if (conf->listen == NULL) {
        return 0;
    }
    access->http = http_server_new(access->pages.loop, &options, pages_handle, &access->pages, err);
    if (access->http == NULL) {
        return -1;
    }
    log_info("http", NULL, "listening", log_text("address", conf->host),
             log_number("port", http_server_port(access->http)));
    return 0;
}

struct access *access_new(struct wiring *wiring, struct config *config, struct err *err)
{
    struct access *access = calloc(1, sizeof(*access));

    if (access == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    access->config = config_ref(config);
    access->pages = (struct pages){.loop = wiring->loop, .board = &wiring->board};
    if (access_open_http(access, err) != 0) {
        access_free(access);
        return NULL;
    }
    return access;
}

void access_free(struct access *access)
{
    if (access != NULL) {
        http_server_free(access->http);
        config_free(access->config);
        free(access);
    }
}
