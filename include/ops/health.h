/* Whether all is well, and if not, what is wrong and what to do. */
#ifndef CHUNNELD_OPS_HEALTH_H
#define CHUNNELD_OPS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json_write.h"
#include "base/strbuf.h"
#include "ops/board.h"

/* Appends an object that says whether every enabled bridge runs, and of those that do not why, and
 * what to do. Returns whether they do. */
bool health_write(const struct board *board, uint64_t now_us, struct strbuf *out);

enum { HEALTH_TROUBLES_MOST = 2 };

/* What is wrong with a bridge: a word that may stand in the place of its state, and the words for
 * why, NULL where they are not known; both borrowed from the status. */
struct health_trouble {
    const char *state;
    const char *cause;
};

/* What is wrong with a bridge whose status that is, the worst first; how many there are. */
size_t health_of_bridge(const struct board *board, const struct board_bridge *bridge,
                        const struct bridge_status *status,
                        struct health_trouble out_troubles[HEALTH_TROUBLES_MOST]);

/* Writes the list of what is wrong as JSON: connections first, then bridges; of those that run, the
 * ones that drop messages, that nobody is subscribed for or the broker blocks, and those that hold
 * some and have delivered none for some seconds. Each
 * has "connection" or "bridge", "state", "cause" and "remedy"; the latter two may be null. */
void health_write_problems(const struct board *board, uint64_t now_us, struct json_writer *json);

#endif
