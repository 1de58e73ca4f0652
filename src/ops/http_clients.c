/* The connections of the HTTP server: how many, and for how long. For: clients that are slow, or
 * many. evhttp has no limit of its own for either. Not for: what they get (http_answer.c). */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "ops/http_private.h"

/* Whether evhttp has freed the connection: that takes the callbacks off its bufferevent. */
static bool client_is_gone(const struct http_client *client)
{
    bufferevent_event_cb on_event = NULL;

    bufferevent_getcb(client->bev, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void client_free(struct http_client *client)
{
    http_answer_end_source(client);
    TAILQ_REMOVE(&client->server->clients, client, link);
    client->server->client_count--;
    bufferevent_decref(client->bev);
    free(client);
}

void http_client_close(struct http_client *client)
{
    /* evhttp sees the end of the stream and frees what is under way. */
    shutdown(bufferevent_getfd(client->bev), SHUT_RDWR);
    http_client_set(client, HTTP_LEAVING);
}

static bool client_is_late(const struct http_client *client, uint64_t now_us)
{
    uint64_t limit = client->state == HTTP_ASKING ? HTTP_ASK_US : HTTP_ANSWER_US;

    return client->state <= HTTP_ANSWERING && now_us - client->since_us > limit;
}

void http_clients_sweep(struct http_server *server)
{
    uint64_t now_us = loop_touch(server->loop);
    struct http_client *client;
    struct http_client *next;

    for (client = TAILQ_FIRST(&server->clients); client != NULL; client = next) {
        next = TAILQ_NEXT(client, link);
        if (client_is_gone(client)) {
            client_free(client);
        } else if (client_is_late(client, now_us)) {
            http_client_close(client);
        }
    }
}

/* Ends the connection that has waited longest, so that a new one finds room: one that asks nothing
 * rather than one that is being answered. */
static void clients_make_room(struct http_server *server)
{
    struct http_client *client;
    struct http_client *oldest = NULL;

    http_clients_sweep(server);
    if (server->client_count < HTTP_CLIENTS_MAX) {
        return;
    }
    TAILQ_FOREACH(client, &server->clients, link) {
        if (oldest == NULL || client->state < oldest->state ||
            (client->state == oldest->state && client->since_us < oldest->since_us)) {
            oldest = client;
        }
    }
    http_client_close(oldest);
}

struct bufferevent *http_clients_on_accept(struct event_base *base, void *ctx)
{
    struct http_server *server = ctx;
    struct http_client *client = calloc(1, sizeof(*client));
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

    if (++server->accepted >= HTTP_ACCEPTS_A_TURN) {
        evconnlistener_disable(server->listener);
        loop_timer_set(&server->again, 0);
    }
    if (client == NULL || bev == NULL) {
        free(client);
        return bev;
    }
    if (server->client_count >= HTTP_CLIENTS_MAX) {
        clients_make_room(server);
    }
    bufferevent_incref(bev);
    bufferevent_setwatermark(bev, EV_READ, 0, HTTP_READ_LIMIT);
    bufferevent_set_max_single_write(bev, HTTP_WRITE_MAX);
    client->server = server;
    client->bev = bev;
    http_client_set(client, HTTP_ASKING);
    TAILQ_INSERT_TAIL(&server->clients, client, link);
    server->client_count++;
    return bev;
}

struct http_client *http_client_of(struct http_server *server, struct evhttp_request *request)
{
    struct bufferevent *bev =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    struct http_client *client;

    TAILQ_FOREACH(client, &server->clients, link) {
        if (client->bev == bev) {
            return client;
        }
    }
    return NULL;
}

size_t http_clients_streams(const struct http_server *server)
{
    const struct http_client *client;
    size_t count = 0;

    TAILQ_FOREACH(client, &server->clients, link) {
        count += client->source != NULL;
    }
    return count;
}

void http_client_set(struct http_client *client, enum http_state state)
{
    client->state = state;
    client->since_us = loop_touch(client->server->loop);
}

void http_clients_free(struct http_server *server)
{
    struct http_client *client;

    while ((client = TAILQ_FIRST(&server->clients)) != NULL) {
        client_free(client);
    }
}
