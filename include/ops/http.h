/* HTTP for the operator: a server over libevent's evhttp on a TCP address or a unix socket, and the
 * limits that evhttp lacks. What is answered is its owner's: a handler gets what was asked and
 * fills in an answer, whole or to be made piece by piece. One thread, the loop's. */
#ifndef CHUNNELD_OPS_HTTP_H
#define CHUNNELD_OPS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/strbuf.h"
#include "net/loop.h"

struct http_server;

/* What was asked; borrowed for the call. */
struct http_ask {
    const char *method; /* "GET", "POST"; HEAD comes as GET */
    const char *path;   /* without the query, not decoded */
    const char *query;  /* behind the "?"; "" where there is none */
    bool may_change;    /* it came over the control socket */
    struct slice body;
};

/* An answer that is made piece by piece, each when the one before has been written. */
enum http_more {
    HTTP_MORE, /* go on */
    HTTP_END,  /* that was all */
    HTTP_WAIT, /* nothing behind this piece now: ask again after http_server_wake() */
    HTTP_CUT,  /* it cannot be completed: the connection is closed in the middle */
};
struct http_source {
    /* Appends the next piece to `out`, which is empty. */
    enum http_more (*next)(void *ctx, struct strbuf *out);
    void (*free)(void *ctx);
};

enum { HTTP_PIECE = 128 * 1024 }; /* about so many bytes a piece, for one turn of the loop */

struct http_answer {
    int status;                       /* 200 at first */
    const char *type;                 /* content type, static; NULL: text/plain */
    const char *allow;                /* with 405, static: the methods that are right */
    struct strbuf body;               /* freed by the server */
    const struct http_source *source; /* in the place of `body`; NULL: none */
    void *source_ctx;                 /* the server's from then on: it calls source->free */
};

/* Fills in the answer to what was asked. */
typedef void http_handle(void *ctx, const struct http_ask *ask, struct http_answer *answer);

struct http_options {
    const char *address; /* to listen on; NULL: `socket` */
    uint16_t port;       /* 0: any */
    bool ip6;            /* of `address` */
    const char *socket;  /* path of a unix socket; what may change things */
    const char *group;   /* that owns it; NULL: the process's */
    const char *const *allow_hosts;
    size_t allow_count;
    const char *token; /* that requests must bear; NULL: none */
};

/* Listens. NULL and words in `err`, with the remedy. All is borrowed for its life. */
struct http_server *http_server_new(struct loop *loop, const struct http_options *options,
                                    http_handle *handle, void *ctx, struct err *err);
/* Closes all connections; a unix socket's file is removed. NULL is legal. */
void http_server_free(struct http_server *server);
/* The port listened on. */
uint16_t http_server_port(const struct http_server *server);
/* Asks every source that waits. */
void http_server_wake(struct http_server *server);
/* Connections now. */
size_t http_server_clients(const struct http_server *server);

#endif
