/* The operator's ways in: HTTP, as the configuration says. */
#ifndef CHUNNELD_APP_ACCESS_H
#define CHUNNELD_APP_ACCESS_H

#include "app/wiring.h"
#include "base/err.h"
#include "conf/config.h"

struct access;

/* Opens them. NULL and words in `err`: an address or a socket cannot be had, or memory is out. The
 * wiring is borrowed for its life; `config` gets a reference. */
struct access *access_new(struct wiring *wiring, struct config *config, struct err *err);
/* Closes them. NULL is legal. */
void access_free(struct access *access);

#endif
