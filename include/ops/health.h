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
 * why, NULL where they are not known; both static, or borrowed from the status or the look, which
 * keeps them until the next bridge. */
struct health_trouble {
    const char *state;
    const char *cause;
};

/* A look at the board, for those who read each bridge's status anyway: it is read once. */
struct health_look {
    const struct board *board; /* borrowed */
    bool is_blocked;           /* a broker has blocked one of its connections */
    char blocked[96];          /* the words for why the one at hand is */
    struct strbuf problems;    /* owned; what is wrong, as JSON */
    struct json_writer json;   /* writes them */
};

/* Begins a look, with what is wrong with the connections. The list is to be put into a document by
 * json_writer_raw(), one object deep. */
void health_look_begin(struct health_look *look, const struct board *board, unsigned indent);
/* What is wrong with a bridge whose status that is, the worst first; how many there are. */
size_t health_look_judge(struct health_look *look, const struct board_bridge *bridge,
                         const struct bridge_status *status,
                         struct health_trouble out_troubles[HEALTH_TROUBLES_MOST]);
/* The same, and adds it to the list. */
size_t health_look_add(struct health_look *look, const struct board_bridge *bridge,
                       const struct bridge_status *status,
                       struct health_trouble out_troubles[HEALTH_TROUBLES_MOST]);
/* Ends the list: connections first, then the bridges added; of those that run, the ones that drop
 * messages, that nobody is subscribed for or the broker blocks, and those that hold some and have
 * delivered none for some seconds. Each has "connection" or "bridge", "state", "cause",
 * "meaning" and "remedy"; the latter three may be null. Valid until health_look_fini(). */
struct slice health_look_end(struct health_look *look);
/* Legal on a zeroed one. */
void health_look_fini(struct health_look *look);

#endif
