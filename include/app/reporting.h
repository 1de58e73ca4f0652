/* What the daemon publishes of itself: the stats and the events of the configuration. */
#ifndef CHUNNELD_APP_REPORTING_H
#define CHUNNELD_APP_REPORTING_H

#include "app/wiring.h"

struct reporting;

/* On the hubs of the wiring, as its configuration says; all is borrowed for its life. NULL: out of
 * memory. */
struct reporting *reporting_new(struct wiring *wiring);
/* Whether it still is what the configuration in force says, on connections that are. */
bool reporting_is_current(const struct reporting *reporting);
void reporting_start(struct reporting *reporting);
/* Says the last words, then no more; on_stopped once, later. Legal once. */
void reporting_stop(struct reporting *reporting, void (*on_stopped)(void *ctx), void *ctx);
/* NULL is legal; not inside on_stopped. */
void reporting_free(struct reporting *reporting);

#endif
