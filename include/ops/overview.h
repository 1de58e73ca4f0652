/* The overview: one JSON object with all that a person wants to see at once. The status page,
 * `chunnelctl status` and `chunnelctl top` are made from it. */
#ifndef CHUNNELD_OPS_OVERVIEW_H
#define CHUNNELD_OPS_OVERVIEW_H

#include <stdint.h>

#include "base/json_write.h"
#include "ops/board.h"
#include "ops/control.h"
#include "ops/health.h"

/* Appends the object, on one line. */
void overview_write(const struct board *board, const struct control *control, uint64_t now_us,
                    struct strbuf *out);

/* Its parts: the members that are always there, without the bridges and what is wrong; */
void overview_write_head(const struct board *board, uint64_t now_us, struct json_writer *json);
/* and those of one bridge, of which `trouble` is what is worst, zeroed where nothing is wrong. */
void overview_write_members(const struct board_bridge *bridge, const struct bridge_status *status,
                            const struct health_trouble *trouble, const struct control *control,
                            struct json_writer *json);

#endif
