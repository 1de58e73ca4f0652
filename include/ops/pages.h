/* What the daemon answers over HTTP: the status page, health, stats, metrics. */
#ifndef CHUNNELD_OPS_PAGES_H
#define CHUNNELD_OPS_PAGES_H

#include "net/loop.h"
#include "ops/board.h"
#include "ops/control.h"
#include "ops/http.h"

struct live;

/* What the pages are made from; borrowed. The `ctx` of pages_handle(). */
struct pages {
    struct loop *loop;
    const struct board *board;
    struct live *live;
    struct control control;  /* its ops NULL: no control socket */
    void (*wake)(void *ctx); /* those who wait for news, with `ctx` */
    void *ctx;
    /* What else there is over the control socket; false: another path. NULL: nothing is. */
    bool (*more)(void *ctx, const struct http_ask *ask, struct http_answer *answer);
    void *more_ctx;
};

/* The handler for http_server_new(). */
void pages_handle(void *ctx, const struct http_ask *ask, struct http_answer *answer);

#endif
