/* The status page's live part: looks at the bridges every second while somebody watches, and tells
 * each watcher what has changed since it was told last, as server-sent events. */
#ifndef CHUNNELD_OPS_LIVE_H
#define CHUNNELD_OPS_LIVE_H

#include "net/loop.h"
#include "ops/board.h"
#include "ops/control.h"
#include "ops/http.h"

struct live;

/* `wake` is called when there is news for those that wait. All is borrowed for its life. NULL: out
 * of memory. */
struct live *live_new(struct loop *loop, const struct board *board, const struct control *control,
                      void (*wake)(void *ctx), void *ctx);
/* Its answers must have ended. NULL is legal. */
void live_free(struct live *live);
/* Makes the answer a stream of events: "snapshot" with everything first, then "update" with what
 * changed. 0, or -1: out of memory. */
int live_answer(struct live *live, struct http_answer *answer);

#endif
