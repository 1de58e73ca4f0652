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

/* Writes the list of what is wrong as JSON: connections first, then bridges; of those that run, the
 * ones that drop messages, and those that hold some and have delivered none for some seconds. Each
 * has "connection" or "bridge", "state", "cause" and "remedy"; the latter two may be null. */
void health_write_problems(const struct board *board, uint64_t now_us, struct json_writer *json);

#endif
