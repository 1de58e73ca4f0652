/* The spool as part of the daemon: opened at start, turned by the loop, closed at the end; a store
 * for each bridge that wants one; words for the log. */
#ifndef CHUNNELD_APP_SPOOLING_H
#define CHUNNELD_APP_SPOOLING_H

#include "base/err.h"
#include "conf/config.h"
#include "core/store.h"
#include "net/loop.h"

struct spooling;

enum spooling_result {
    SPOOLING_OPENED = 0,
    SPOOLING_LOCKED = -1, /* another process has it */
    SPOOLING_FAILED = -2, /* the disk, or what is on it */
};

/* Opens the spool of `config` and makes the stores of its enabled bridges. This reads all of the
 * spool, before the loop runs. Anything but OPENED: words in `err`. Both are borrowed for its
 * life. */
enum spooling_result spooling_new(struct loop *loop, const struct config *config,
                                  struct spooling **out_spooling, struct err *err);
/* The store of a bridge; NULL: it keeps to memory, or `spooling` is NULL. */
struct store *spooling_store(struct spooling *spooling, const struct conf_bridge *bridge);
/* Writes what there is, then on_closed, once and not inside the call. Bridges must have stopped. */
void spooling_close(struct spooling *spooling, void (*on_closed)(void *ctx), void *ctx);
/* NULL is legal. Waits for the disk unless on_closed came. */
void spooling_free(struct spooling *spooling);

#endif
