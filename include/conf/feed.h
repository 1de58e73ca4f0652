/* The ways of bridges, and what is known of the servers, exchanges and keys at their ends. A mirror
 * has two ways, each with a sink and a source. For conf/ alone. */
#ifndef CHUNNELD_CONF_FEED_H
#define CHUNNELD_CONF_FEED_H

#include <stdbool.h>

#include "base/slice.h"
#include "conf/config.h"

/* One way of a bridge. */
struct conf_way {
    const struct conf_bridge *bridge;
    const struct conf_source *source;
    const struct conf_sink *sink;
};

/* The most that a bridge has. */
enum { CONF_WAYS_MOST = 2 };

/* The ways of a bridge; how many. */
size_t conf_ways_of(const struct conf_bridge *bridge, struct conf_way out_ways[CONF_WAYS_MOST]);

/* Whether the origin in the headers, or the echo, keeps what one way sends from going on the other:
 * a mirror takes nothing back that it sent, nor from another mirror what has crossed as many as it
 * may. */
bool conf_way_is_covered(const struct conf_way *from, const struct conf_way *to);

/* Whether two connections go to the same server (and virtual host), as far as their first URLs
 * tell. */
bool conf_same_server(const struct conf_connection *a, const struct conf_connection *b);
/* The topology declared on a connection; NULL: none. */
const struct conf_topology *conf_topology_of(const struct config *config,
                                             const struct conf_connection *connection);
/* The type of an exchange; "" where it is not known. */
const char *conf_exchange_type(const struct conf_topology *topology, struct slice name);
/* Whether an exchange of `type` passes a routing key on to a binding. */
bool conf_binding_passes(const char *type, const char *binding_key, struct slice key);
/* The exchange and routing key that all messages of a sink have; false: they differ. */
bool conf_sink_route(const struct conf_sink *sink, struct slice *out_exchange,
                     struct slice *out_key);

/* Whether a binding key of a topic exchange matches a routing key: * is one word, # any number
 * (AMQP 0-9-1 §3.1.3.3). */
bool conf_topic_match(struct slice binding_key, struct slice routing_key);

#endif
