/* The inside of a hub as its endpoints need it: shared by hub.c, source.c and sink.c alone. */
#ifndef CHUNNELD_AMQP_HUB_PRIVATE_H
#define CHUNNELD_AMQP_HUB_PRIVATE_H

#include "amqp/connection.h"
#include "amqp/hub.h"
#include "amqp/topology.h"

/* A broker with an alarm does not read a connection that publishes, acks included: so each its own.
 */
enum rmq_purpose { RMQ_PUBLISHING, RMQ_CONSUMING, RMQ_PURPOSE_COUNT };

/* One connection of a hub, with its topology. */
struct rmq_side {
    struct rmq_hub *hub;
    struct rmq_connection *connection; /* NULL: not needed so far */
    struct rmq_topology *topology;     /* likewise */
    bool stopped;                      /* closed after rmq_hub_stop() */
};

/* The connection for `purpose`, made when it is first asked for; NULL: out of memory. */
struct rmq_side *rmq_hub_side(struct rmq_hub *hub, enum rmq_purpose purpose);

#endif
