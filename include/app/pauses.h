/* Which bridges the operator has paused, kept in a file over a restart. */
#ifndef CHUNNELD_APP_PAUSES_H
#define CHUNNELD_APP_PAUSES_H

#include "app/wiring.h"
#include "ops/control.h"

struct pauses;

/* Reads the file; `path` NULL: they are kept in memory alone. What is wrong with the file is logged
 * and nothing is paused then. Both are borrowed for its life. NULL: out of memory. */
struct pauses *pauses_new(struct wiring *wiring, const char *path);
/* NULL is legal. */
void pauses_free(struct pauses *pauses);

/* Pauses a unit that has just started, where the operator has said so. */
void pauses_apply(const struct pauses *pauses, struct unit *unit);

/* For struct control_ops. */
size_t pauses_act(struct pauses *pauses, enum control_action action, struct slice pattern);
enum control_mark pauses_mark(const struct pauses *pauses, const char *bridge);
bool pauses_last(const struct pauses *pauses);

#endif
