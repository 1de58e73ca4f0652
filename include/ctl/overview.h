/* The daemon's overview as chunnelctl draws it. */
#ifndef CHUNNELD_CTL_OVERVIEW_H
#define CHUNNELD_CTL_OVERVIEW_H

#include <stdbool.h>

#include "base/json.h"
#include "base/strbuf.h"

/* Members of an object; "" or 0 where they are missing. */
const char *overview_text(const struct json_node *object, const char *name);
double overview_number(const struct json_node *object, const char *name);

/* Appends "gw-1 0.1.0, up 2 h 13 min"; the connections. */
void overview_head(const struct json_node *root, struct strbuf *out);
void overview_connections(const struct json_node *root, struct strbuf *out);

/* Appends a time as "2 h 13 min", a size as "1.5 MiB". */
void overview_time(double ms, struct strbuf *out);
void overview_size(double bytes, struct strbuf *out);

bool overview_is_enabled(const struct json_node *bridge);
/* What a bridge is at, for people: "draining" rather than "paused", "full" rather than "running".
 */
const char *overview_state(const struct json_node *bridge);
/* The words for what is wrong with it, else for what went wrong last; "": nothing. */
const char *overview_error(const struct json_node *bridge);
/* What is worst comes first: 0 broken, 1 paused or disabled, 2 runs. */
int overview_rank(const struct json_node *bridge);

#endif
