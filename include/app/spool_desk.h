/* The spool for an operator while the daemon runs: what is in it, taking it out, throwing it away,
 * giving it to another bridge. Bodies are seen here, so only over the control socket. */
#ifndef CHUNNELD_APP_SPOOL_DESK_H
#define CHUNNELD_APP_SPOOL_DESK_H

#include <stdbool.h>
#include <sys/queue.h>

#include "app/wiring.h"
#include "net/loop.h"
#include "ops/http.h"
#include "spool/contents.h"
#include "spool/spool.h"

struct spool_replay;

/* Borrowed throughout; zeroed, but for these. It outlives the answers that it gave. */
struct spool_desk {
    struct loop *loop;
    const struct wiring *wiring;
    struct spool *spool;     /* NULL: there is none */
    void (*wake)(void *ctx); /* there is news for answers that wait */
    void *ctx;
    LIST_HEAD(, spool_replay) replays; /* under way */
};

/* Answers GET /spool, GET /spool/NAME, POST /spool/NAME/purge and POST
 * /spool/NAME/replay?to=BRIDGE; false: this is another path. The `ctx` is a struct spool_desk. */
bool spool_desk_handle(void *ctx, const struct http_ask *ask, struct http_answer *answer);

/* For src/app/spool_*.c alone. Each fills in an answer that is made piece by piece, or says why
 * there is none. */
void spool_list_answer(struct spool_desk *desk, struct http_answer *answer);
void spool_export_answer(struct spool_desk *desk, const struct contents_bridge *bridge,
                         struct http_answer *answer);
void spool_replay_answer(struct spool_desk *desk, const struct contents_bridge *bridge,
                         const struct contents_bridge *target, struct http_answer *answer);
/* The bridge of that name that takes messages over; NULL: *out_why says why there is none. */
struct bridge *spool_desk_target(const struct spool_desk *desk, const char *name,
                                 const char **out_why);
/* Whether what is left of that bridge is being given to another one. */
bool spool_replay_is_under_way(const struct spool_desk *desk, struct slice bridge);
/* Makes it a refusal; words as of printf(). */
__attribute__((format(printf, 3, 4))) void spool_desk_refuse(struct http_answer *answer, int status,
                                                             const char *format, ...);

#endif
