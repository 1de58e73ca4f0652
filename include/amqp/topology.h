/* The topology of one connection: exchanges, queues and bindings of the configuration, declared
 * each time it was opened, before any other channel opens (AMQP 0-9-1 §1.6, §1.7). What the broker
 * refuses is tried again with back-off, and only who needs it waits. */
#ifndef CHUNNELD_AMQP_TOPOLOGY_H
#define CHUNNELD_AMQP_TOPOLOGY_H

#include <stdbool.h>

#include "amqp/connection.h"
#include "base/slice.h"
#include "conf/config.h"

struct rmq_topology;

enum rmq_topology_kind { RMQ_EXCHANGE, RMQ_QUEUE, RMQ_BINDING };

/* NULL: out of memory. `conf` (NULL: nothing to declare) is borrowed for its life, as is `rand`.
 * When everything was gone through, rmq_connection_release_channels() is called. */
struct rmq_topology *rmq_topology_new(struct rmq_connection *connection,
                                      const struct conf_topology *conf, struct rand *rand);
void rmq_topology_free(struct rmq_topology *topology);

/* The connection is open: declares everything. Exclusive queues belong to one connection: on the
 * others they are left out (`with_exclusive` false), and so are their bindings. */
void rmq_topology_begin(struct rmq_topology *topology, bool with_exclusive);

/* Declares `conf` (NULL: nothing) from now on instead of what it was: at once where the connection
 * is open, with the channels that are open going on. -1: out of memory, nothing happened. */
int rmq_topology_change(struct rmq_topology *topology, const struct conf_topology *conf,
                        bool with_exclusive);

/* What is wrong with the exchange or queue called `name`: the broker's words, valid until the next
 * event; NULL: nothing is known against it. */
const char *rmq_topology_problem(const struct rmq_topology *topology, enum rmq_topology_kind kind,
                                 struct slice name);

#endif
