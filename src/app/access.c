/* The operator's ways in. For: opening them at start, and what may be changed through them. Not
 * for: what they answer (ops/pages.c). */
#include "app/access.h"

#include <stdlib.h>

#include "app/pauses.h"
#include "app/spool_desk.h"
#include "app/spooling.h"
#include "base/log.h"
#include "ops/http.h"
#include "ops/live.h"
#include "ops/pages.h"

struct access {
    struct config *config; /* referenced: the servers borrow their options from it */
    struct pages pages;
    struct spool_desk desk;
    struct pauses *pauses;       /* NULL: no control socket */
    struct strbuf state_file;    /* path of that of `pauses` */
    struct http_server *http;    /* NULL: not wanted */
    struct http_server *control; /* NULL: not wanted */
    bool (*reload)(void *ctx, struct strbuf *problems, struct strbuf *fixed);
    void *reload_ctx;
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

static size_t access_act(void *ctx, enum control_action action, struct slice pattern)
{
    struct access *access = ctx;

    return pauses_act(access->pauses, action, pattern);
}

static enum control_mark access_mark(void *ctx, const char *bridge)
{
    const struct access *access = ctx;

    return pauses_mark(access->pauses, bridge);
}

static bool access_lasts(void *ctx)
{
    const struct access *access = ctx;

    return pauses_last(access->pauses);
}

static bool access_reload(void *ctx, struct strbuf *problems, struct strbuf *fixed)
{
    const struct access *access = ctx;

    return access->reload != NULL && access->reload(access->reload_ctx, problems, fixed);
}

static const struct control_ops access_control_ops = {
    .act = access_act, .mark = access_mark, .lasts = access_lasts, .reload = access_reload};

/* Where pauses are kept; NULL: nowhere, or (strbuf_failed) memory is out. */
static const char *access_state_file(struct access *access)
{
    const struct config *config = access->config;

    if (config->control.state_file != NULL) {
        return config->control.state_file;
    }
    if (!config->has_spool) {
        return NULL;
    }
    strbuf_append_format(&access->state_file, "%s/paused.json", config->spool.directory);
    return strbuf_failed(&access->state_file) ? NULL : strbuf_text(&access->state_file);
}

static int access_open_control(struct access *access, struct wiring *wiring, struct err *err)
{
    const struct conf_control *conf = &access->config->control;
    const struct http_options options = {.socket = conf->socket, .group = conf->group};

    const char *state_file;

    if (conf->socket == NULL) {
        return 0;
    }
    state_file = access_state_file(access);
    access->pauses = pauses_new(wiring, state_file);
    if (access->pauses == NULL || strbuf_failed(&access->state_file)) {
        return err_set(err, "out of memory");
    }
    access->pages.control = (struct control){&access_control_ops, access};
    access->control =
        http_server_new(access->pages.loop, &options, pages_handle, &access->pages, err);
    if (access->control == NULL) {
        return -1;
    }
    log_info("control", NULL, "listening", log_text("socket", conf->socket),
             log_text("pauses_kept_in", state_file != NULL ? state_file : "memory"));
    return 0;
}

/* There is something to tell to those who watch. */
static void access_on_news(void *ctx)
{
    struct access *access = ctx;

    if (access->http != NULL) {
        http_server_wake(access->http);
    }
    if (access->control != NULL) {
        http_server_wake(access->control);
    }
}

struct access *access_new(struct wiring *wiring, struct config *config, struct err *err)
{
    struct access *access = calloc(1, sizeof(*access));

    if (access == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    access->config = config_ref(config);
    access->pages = (struct pages){
        .loop = wiring->loop, .board = &wiring->board, .wake = access_on_news, .ctx = access};
    access->desk = (struct spool_desk){.loop = wiring->loop,
                                       .wiring = wiring,
                                       .spool = spooling_get_spool(wiring->spooling),
                                       .wake = access_on_news,
                                       .ctx = access};
    access->pages.more = spool_desk_handle;
    access->pages.more_ctx = &access->desk;
    access->pages.live =
        live_new(wiring->loop, &wiring->board, &access->pages.control, access_on_news, access);
    if (access->pages.live == NULL) {
        err_set(err, "out of memory");
        access_free(access);
        return NULL;
    }
    if (access_open_control(access, wiring, err) != 0 || access_open_http(access, err) != 0) {
        access_free(access);
        return NULL;
    }
    return access;
}

void access_on_reload(struct access *access,
                      bool (*reload)(void *ctx, struct strbuf *problems, struct strbuf *fixed),
                      void *ctx)
{
    access->reload = reload;
    access->reload_ctx = ctx;
}

void access_on_unit_started(struct access *access, struct unit *unit)
{
    if (access->pauses != NULL) {
        pauses_apply(access->pauses, unit);
    }
}

void access_free(struct access *access)
{
    if (access != NULL) {
        http_server_free(access->http);
        http_server_free(access->control);
        live_free(access->pages.live);
        pauses_free(access->pauses);
        strbuf_fini(&access->state_file);
        config_free(access->config);
        free(access);
    }
}
