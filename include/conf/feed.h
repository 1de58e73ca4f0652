/* Whether what one bridge sends is what another one reads. A mirror has two ways, each with a sink
 * and a source. For conf/circle.c. */
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

/* What the sink of a way surely reaches. */
struct conf_feed {
    const struct config *config;
    struct conf_way way;
    struct slice *queues; /* AMQP: queues that its messages come to; owned array */
    size_t queue_count;
    struct slice *exchanges; /* AMQP: likewise, from one to the next; owned array */
    size_t exchange_count;
    struct slice key; /* their routing key */
};

/* Works out what `way` reaches; -1: out of memory. End it with conf_feed_fini(). */
int conf_feed_init(struct conf_feed *feed, const struct config *config, const struct conf_way *way);
void conf_feed_fini(struct conf_feed *feed);

/* Whether that is surely what `reader` reads, of at least one of its channels, patterns or
 * bindings. A mirror takes nothing back that it sent, nor from another mirror what has crossed as
 * many as it may. */
bool conf_feed_reaches(const struct conf_feed *feed, const struct conf_way *reader);

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
