/* What may feed what, seen from far off: which ways of bridges could be on a circle at all. For
 * conf/circle.c. */
#ifndef CHUNNELD_CONF_CIRCLE_GRAPH_H
#define CHUNNELD_CONF_CIRCLE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/feed.h"
#include "conf/memory.h"
#include "conf/routes.h"

/* All that the search for circles works on. */
struct conf_web {
    const struct config *config;
    struct config_memory *memory; /* of the search alone */
    struct conf_routes *routes;
    struct conf_way *ways; /* of the enabled bridges, in the order of these */
    size_t way_count;
};

/* How many kinds of messages come to the source of a way, and one of them by its number. */
size_t conf_web_count(const struct conf_web *web, size_t way);
void conf_web_begin(const struct conf_web *web, size_t way, size_t number,
                    struct conf_message *out_message);

/* The sink of a way, and that of its dead letters; NULL: it has none such. */
enum conf_outlet { CONF_OUT, CONF_DEAD, CONF_OUTLETS };
const struct conf_sink *conf_web_sink(const struct conf_web *web, size_t way,
                                      enum conf_outlet outlet);
/* What becomes of messages that come to a way, at that sink. -1: out of memory. */
int conf_web_send(const struct conf_web *web, size_t way, const struct conf_sink *sink,
                  const struct conf_message *message, struct conf_message *out_message);

/* Sets in `out_marks`, one a way, which are on a circle or between two, as far as the names tell.
 * -1: out of memory. */
int conf_web_mark(const struct conf_web *web, bool *out_marks);

#endif
