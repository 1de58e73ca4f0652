/* What the operator may change over the control socket. */
#ifndef CHUNNELD_OPS_CONTROL_H
#define CHUNNELD_OPS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "ops/board.h"
#include "ops/http.h"

enum control_action { CONTROL_PAUSE, CONTROL_RESUME, CONTROL_DRAIN, CONTROL_ACTIONS };
const char *control_action_name(enum control_action action);

/* What an operator has said of a bridge. */
enum control_mark { CONTROL_NOTHING, CONTROL_PAUSED, CONTROL_DRAINING };

/* Who does it. */
struct control_ops {
    /* Does it to every bridge whose name the glob matches; how many there are. */
    size_t (*act)(void *ctx, enum control_action action, struct slice pattern);
    enum control_mark (*mark)(void *ctx, const char *bridge);
    /* Whether a pause survives a restart. */
    bool (*lasts)(void *ctx);
    /* Has the configuration read anew, after this call. */
    void (*reload)(void *ctx);
};

/* What is asked of it; borrowed. */
struct control {
    const struct control_ops *ops; /* NULL: nothing can be changed */
    void *ctx;
};

/* In words what has been said of a bridge that has `pending` messages: "paused", "draining",
 * "drained"; NULL: nothing. */
const char *control_word(const struct control *control, const char *bridge, uint64_t pending);
/* Answers a request that is to change something; false: there is no such path. */
bool control_handle(const struct control *control, const struct board *board, uint64_t now_us,
                    const struct http_ask *ask, struct http_answer *answer);

#endif
