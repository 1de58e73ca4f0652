/* What the operator may change over the control socket. */
#ifndef CHUNNELD_OPS_CONTROL_H
#define CHUNNELD_OPS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "base/strbuf.h"
#include "ops/board.h"
#include "ops/http.h"

enum { CONTROL_NAME_MAX = 192 }; /* bytes of a name or glob */

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
    /* Reads the configuration anew and applies it; the outcome is on the board then. A line to
     * `problems` for each thing that is wrong with it, one to `fixed` for each key whose change
     * needs a restart. False: there is none now, as the daemon is stopping. */
    bool (*reload)(void *ctx, struct strbuf *problems, struct strbuf *fixed);
};

/* What is asked of it; borrowed. */
struct control {
    const struct control_ops *ops; /* NULL: nothing can be changed */
    void *ctx;
};

/* In words what has been said of a bridge that has `pending` messages: "paused", "draining",
 * "drained"; NULL: nothing. */
const char *control_word(const struct control *control, const char *bridge, uint64_t pending);
/* A part of a path, its %XX decoded; -1: it is none, or too long. */
int control_decode(struct slice part, char out[CONTROL_NAME_MAX], size_t *out_len);
/* Makes it a refusal, with the words as JSON. */
void control_refuse(struct http_answer *answer, int status, const char *words);
/* Answers a request that is to change something; false: there is no such path. */
bool control_handle(const struct control *control, const struct board *board, uint64_t now_us,
                    const struct http_ask *ask, struct http_answer *answer);

#endif
