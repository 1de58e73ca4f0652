/* The events: what the log says of connections, bridges, the spool and the daemon, as one JSON
 * object a line on a channel or an exchange. */
#ifndef CHUNNELD_OPS_EVENTS_H
#define CHUNNELD_OPS_EVENTS_H

#include "net/loop.h"
#include "ops/report.h"

struct events;

/* Listens to the log from now on. All is borrowed for its life. NULL: out of memory. */
struct events *events_new(struct loop *loop, const char *instance, struct report *report);
/* Sends what was heard so far: the last words before the end. */
void events_flush(struct events *events);
/* NULL is legal. */
void events_free(struct events *events);

#endif
