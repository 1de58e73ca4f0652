/* What the service manager is told while the daemon runs: READY once every bridge has had its first
 * chance, then STATUS as it changes, and WATCHDOG from the loop, so that a loop that hangs is
 * noticed. */
#ifndef CHUNNELD_APP_READINESS_H
#define CHUNNELD_APP_READINESS_H

#include "app/wiring.h"

struct readiness;

/* NULL: out of memory. Borrows the wiring for its life. */
struct readiness *readiness_new(struct loop *loop, struct wiring *wiring);
/* A bridge's state became another. */
void readiness_update(struct readiness *readiness);
/* NULL is legal. */
void readiness_free(struct readiness *readiness);

#endif
