/* The inside of the HTTP server, shared by src/ops/http*.c alone. */
#ifndef CHUNNELD_OPS_HTTP_PRIVATE_H
#define CHUNNELD_OPS_HTTP_PRIVATE_H

#include <sys/queue.h>
#include <sys/stat.h>

#include "ops/http.h"

struct bufferevent;
struct evbuffer;
struct event_base;
struct evconnlistener;
struct evhttp;
struct evhttp_request;

enum {
    HTTP_CLIENTS_MAX = 128,          /* connections; the one that waits longest makes room */
    HTTP_STREAMS_MAX = 32,           /* of them, those that are answered piece by piece */
    HTTP_ACCEPTS_A_TURN = 8,         /* so that a flood of connections stops no turn of the loop */
    HTTP_HEADERS_MAX = 8192,         /* bytes */
    HTTP_BODY_MAX = 4096,            /* bytes */
    HTTP_READ_LIMIT = 32 * 1024,     /* bytes kept of what was not asked for */
    HTTP_WRITE_MAX = 2 * HTTP_PIECE, /* bytes of one write: a piece takes one turn of the loop */
};

#define HTTP_SWEEP_US (1000 * UINT64_C(1000))
#define HTTP_ASK_US (10000 * UINT64_C(1000))    /* to send a request, or the next one */
#define HTTP_ANSWER_US (30000 * UINT64_C(1000)) /* to take a piece of the answer */

enum http_state {
    HTTP_ASKING,    /* a request is to come, or coming; HTTP_ASK_US */
    HTTP_ANSWERING, /* an answer goes out; HTTP_ANSWER_US a piece */
    HTTP_WAITING,   /* its source has nothing now; no limit */
    HTTP_LEAVING,   /* we have ended it, evhttp is to see that */
};

/* A connection. evhttp owns it and does not tell of its end: we keep a reference to its
 * bufferevent, and look whether evhttp has let go of that. */
struct http_client {
    TAILQ_ENTRY(http_client) link;
    struct http_server *server;
    struct bufferevent *bev; /* a reference of ours; the descriptor is open as long */
    enum http_state state;
    uint64_t since_us;            /* monotonic: since when it is in that state */
    struct evhttp_request *asked; /* ANSWERING by a source, WAITING; else NULL */
    const struct http_source *source;
    void *source_ctx;
};

TAILQ_HEAD(http_client_list, http_client);

struct http_server {
    struct loop *loop;
    struct http_options options;
    http_handle *handle;
    void *ctx;
    struct evhttp *http;             /* owned */
    struct evconnlistener *listener; /* owned by `http` once bound */
    uint16_t port;
    struct stat socket_file; /* the unix socket's, as made */
    bool made_socket;
    struct loop_timer sweep;
    struct loop_timer again; /* ends the pause of accepting */
    unsigned accepted;       /* since then */
    struct http_client_list clients;
    size_t client_count;
};

/* Opens the listening socket: its descriptor, or -1 and words in `err`. */
int http_listen(struct http_server *server, struct err *err);
/* Removes the unix socket's file, if it is still ours. */
void http_listen_end(struct http_server *server);

/* For evhttp_set_bevcb(): every connection begins here. */
struct bufferevent *http_clients_on_accept(struct event_base *base, void *ctx);
/* Forgets those that are gone, ends those whose time is over. */
void http_clients_sweep(struct http_server *server);
/* The client of a request; NULL: not one of ours. */
struct http_client *http_client_of(struct http_server *server, struct evhttp_request *request);
/* How many get an answer from a source. */
size_t http_clients_streams(const struct http_server *server);
void http_client_set(struct http_client *client, enum http_state state);
/* Closes the connection; evhttp ends what is under way on it. */
void http_client_close(struct http_client *client);
/* Frees all of them; evhttp must be gone. */
void http_clients_free(struct http_server *server);

/* For evhttp_set_gencb(). */
void http_answer_on_request(struct evhttp_request *request, void *ctx);
/* Asks the client's source for more. */
void http_answer_pull(struct http_client *client);
/* The source, if any, is not wanted any more. */
void http_answer_end_source(struct http_client *client);

#endif
