/* The spool as part of the daemon: opened at start, turned by the loop, closed at the end; a store
 * for each bridge that wants one; words for the log. */
#ifndef CHUNNELD_APP_SPOOLING_H
#define CHUNNELD_APP_SPOOLING_H

#include "base/err.h"
#include "conf/config.h"
#include "core/store.h"
#include "net/loop.h"

struct spool;
struct spooling;

enum spooling_result {
    SPOOLING_OPENED = 0,
    SPOOLING_LOCKED = -1, /* another process has it */
    SPOOLING_FAILED = -2, /* the disk, or what is on it */
};

/* Opens the spool of `config`. This reads all of it, before the loop runs. Anything but OPENED:
 * words in `err`. The loop is borrowed for its life. */
enum spooling_result spooling_new(struct loop *loop, const struct config *config,
                                  struct spooling **out_spooling, struct err *err);
/* The store of a bridge, with what the disk has of it; NULL where it keeps to memory, or `spooling`
 * is NULL. Borrowed until it is released. 0, or -1 and words in `err`. */
int spooling_open_store(struct spooling *spooling, const struct conf_bridge *bridge,
                        struct store **out_store, struct err *err);
/* That of a bridge that runs and has `old` (NULL: none), by another rule of it: NULL where that has
 * no disk, else `old`, or one that is opened. 0, or -1 and words in `err`. */
int spooling_change_store(struct spooling *spooling, const struct conf_bridge *bridge,
                          struct store *old, struct store **out_store, struct err *err);
/* Another limit for it. */
void spooling_set_limit(struct store *store, uint64_t limit);
/* The spool itself, as long as this lives; NULL where `spooling` is. */
struct spool *spooling_get_spool(const struct spooling *spooling);
/* What is in it stays on the disk. NULL is legal. */
void spooling_release_store(struct spooling *spooling, struct store *store);
/* Logs which messages nobody has opened a store for; the operator should know. NULL is legal. */
void spooling_tell_orphans(const struct spooling *spooling);
/* Those who read what goes to the disk, and who can leave it unread for a moment. */
struct spooling_readers {
    void (*hold)(void *ctx, bool hold);
    uint64_t (*bytes_read)(void *ctx); /* since the beginning */
    bool (*are_caught_up)(void *ctx);  /* all that has come is read */
};
/* From now on they are asked to hold while the disk does not keep up; NULL: nobody is. Both are
 * legal where `spooling` is NULL. */
void spooling_set_readers(struct spooling *spooling, const struct spooling_readers *readers,
                          void *ctx);
/* Writes what there is, then on_closed, once and not inside the call. Bridges must have stopped. */
void spooling_close(struct spooling *spooling, void (*on_closed)(void *ctx), void *ctx);
/* How many messages are lost if the process ends now: they are not on the disk yet. NULL is legal:
 * none. */
uint64_t spooling_unwritten(const struct spooling *spooling);
/* NULL is legal. Waits for the disk unless on_closed came. */
void spooling_free(struct spooling *spooling);

#endif
