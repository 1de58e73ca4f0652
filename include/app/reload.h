/* A new configuration for a running daemon: read and checked whole, then applied as a difference.
 * Bridges and connections that say the same as before are left alone. */
#ifndef CHUNNELD_APP_RELOAD_H
#define CHUNNELD_APP_RELOAD_H

#include <stdbool.h>

#include "app/wiring.h"
#include "base/strbuf.h"
#include "conf/config.h"

/* Reads the configuration's file again and applies it to the wiring. What is wrong with it, and
 * what became of each bridge, is logged and noted on the board. What a running daemon cannot take
 * (`start` is what it was started with) is told and left as it was. Both go to `problems` and
 * `fixed` too, a line each; NULL: nobody asked. Drains and hand-overs that this
 * begins go on afterwards. True: it was applied; false: it was refused, and nothing has changed.
 * Not inside an operation of a unit, nor after wiring_stop(). */
bool reload_run(struct wiring *wiring, const struct config *start, struct strbuf *problems,
                struct strbuf *fixed);

#endif
