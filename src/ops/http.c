/* The HTTP server: evhttp with limits. For: making it and its end. Not for: opening the socket
 * (http_listen.c), connections (http_clients.c), answers (http_answer.c). */
#include "ops/http.h"

#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

#include "ops/http_private.h"

/* All that HTTP knows: what is not right here is told in words of ours, with the methods that are.
 */
static const uint16_t http_methods = EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                     EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                     EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH;

static void http_on_sweep(void *ctx)
{
    struct http_server *server = ctx;

    http_clients_sweep(server);
    loop_timer_set(&server->sweep, HTTP_SWEEP_US);
}

static void http_on_again(void *ctx)
{
    struct http_server *server = ctx;

    server->accepted = 0;
    evconnlistener_enable(server->listener);
}

/* Takes the descriptor over; -1: out of memory. */
static int http_serve(struct http_server *server, int fd)
{
    struct event_base *base = loop_event_base(server->loop);

    server->http = evhttp_new(base);
    server->listener = evconnlistener_new(
        base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
    if (server->listener == NULL) {
        close(fd);
        return -1;
    }
    if (server->http == NULL || evhttp_bind_listener(server->http, server->listener) == NULL) {
        evconnlistener_free(server->listener);
        server->listener = NULL;
        return -1;
    }
    evhttp_set_max_headers_size(server->http, HTTP_HEADERS_MAX);
    evhttp_set_max_body_size(server->http, HTTP_BODY_MAX);
    evhttp_set_allowed_methods(server->http, http_methods);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_bevcb(server->http, http_clients_on_accept, server);
    evhttp_set_gencb(server->http, http_answer_on_request, server);
    evconnlistener_enable(server->listener);
    return 0;
}

struct http_server *http_server_new(struct loop *loop, const struct http_options *options,
                                    http_handle *handle, void *ctx, struct err *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    int fd;

    if (server == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    server->loop = loop;
    server->options = *options;
    server->handle = handle;
    server->ctx = ctx;
    TAILQ_INIT(&server->clients);
    fd = http_listen(server, err);
    if (fd < 0) {
        http_server_free(server);
        return NULL;
    }
    if (http_serve(server, fd) != 0 ||
        loop_timer_init(&server->sweep, loop, http_on_sweep, server) != 0 ||
        loop_timer_init(&server->again, loop, http_on_again, server) != 0) {
        err_set(err, "out of memory");
        http_server_free(server);
        return NULL;
    }
    loop_timer_set(&server->sweep, HTTP_SWEEP_US);
    return server;
}

void http_server_free(struct http_server *server)
{
    struct http_client *client;

    if (server == NULL) {
        return;
    }
    TAILQ_FOREACH(client, &server->clients, link) {
        http_answer_end_source(client);
    }
    if (server->http != NULL) {
        evhttp_free(server->http);
    }
    http_clients_free(server);
    loop_timer_fini(&server->sweep);
    loop_timer_fini(&server->again);
    http_listen_end(server);
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_wake(struct http_server *server)
{
    struct http_client *client;
    struct http_client *next;

    for (client = TAILQ_FIRST(&server->clients); client != NULL; client = next) {
        next = TAILQ_NEXT(client, link);
        /* One whose connection has ended is in the list until it is swept. */
        if (client->state == HTTP_WAITING && client->source != NULL) {
            http_answer_pull(client);
        }
    }
}

size_t http_server_clients(const struct http_server *server)
{
    return server->client_count;
}
