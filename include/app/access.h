/* The operator's ways in, as the configuration says: HTTP to read, the control socket to steer. */
#ifndef CHUNNELD_APP_ACCESS_H
#define CHUNNELD_APP_ACCESS_H

#include "app/wiring.h"
#include "base/err.h"
#include "conf/config.h"

struct access;

/* Opens them. NULL and words in `err`: an address or a socket cannot be had, or memory is out. The
 * wiring is borrowed for its life; `config` gets a reference. */
struct access *access_new(struct wiring *wiring, struct config *config, struct err *err);
/* What an operator's wish to reload does: as in struct control_ops. */
void access_on_reload(struct access *access,
                      bool (*reload)(void *ctx, struct strbuf *problems, struct strbuf *fixed),
                      void *ctx);
/* For every unit that has started: one that the operator has paused stays so. */
void access_on_unit_started(struct access *access, struct unit *unit);
/* Closes them. NULL is legal. */
void access_free(struct access *access);

#endif
