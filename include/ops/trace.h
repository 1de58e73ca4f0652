/* A trace: the messages of a bridge as they cross, each as a line of JSON, for an operator who
 * watches over the control socket. Bodies go nowhere else. */
#ifndef CHUNNELD_OPS_TRACE_H
#define CHUNNELD_OPS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "ops/board.h"
#include "ops/http.h"

enum {
    TRACE_PER_SECOND = 100,      /* lines; what else crosses is counted */
    TRACE_BODY = 64,             /* first bytes of a body that are shown */
    TRACE_BACKLOG = 256 * 1024,  /* bytes of lines that wait for whoever watches */
    TRACE_LIMIT_MAX = 1000000000 /* lines that can be asked for */
};

struct trace_setup {
    struct loop *loop;
    const struct board *board;
    void (*wake)(void *ctx); /* there is news for those that wait */
    void *ctx;
};

/* Answers GET /bridges/NAME/trace?limit=N; false: this is another path. All is borrowed until the
 * answer has ended. */
bool trace_handle(const struct trace_setup *setup, const struct http_ask *ask,
                  struct http_answer *answer);

#endif
