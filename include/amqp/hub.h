/* Everything of one configured AMQP connection: the publishing and the consuming connection, made
 * when first needed and shared by its bridges, and the topology declared on them. The way in for
 * app/. */
#ifndef CHUNNELD_AMQP_HUB_H
#define CHUNNELD_AMQP_HUB_H

#include "base/err.h"
#include "base/rand.h"
#include "conf/config.h"
#include "core/endpoint.h"
#include "core/status.h"
#include "net/loop.h"

struct rmq_hub;

/* NULL and words in `err` (TLS files unreadable, memory). `topology` may be NULL. All arguments
 * are borrowed for its life. */
struct rmq_hub *rmq_hub_new(struct loop *loop, const struct conf_connection *conf,
                            const struct conf_topology *topology, const char *instance,
                            struct rand *rand, struct err *err);
/* Endpoints of it must be freed. NULL is legal. */
void rmq_hub_free(struct rmq_hub *hub);
/* Connects: topology first, then the channels of the endpoints. */
void rmq_hub_start(struct rmq_hub *hub);

/* `need_properties`: decode the properties of every message into the delivery. */
struct source *rmq_source_new(struct rmq_hub *hub, const struct conf_source *conf,
                              const struct bridge_options *options, bool need_properties,
                              const char *bridge);
struct sink *rmq_sink_new(struct rmq_hub *hub, const struct conf_sink *conf,
                          const struct bridge_options *options, const char *bridge);

/* A sink of requests, and the source of their answers, which come in on its channel: what is
 * published with the reply_to "amq.rabbitmq.reply-to" is answered there. The two start, stop and
 * are freed each for itself. */
struct sink *rmq_asking_sink_new(struct rmq_hub *hub, const struct conf_sink *conf,
                                 const struct bridge_options *options, const char *bridge,
                                 struct source **out_replies);

/* What is to be declared is `topology` from now on (borrowed; NULL: nothing), and is declared where
 * a connection is open. -1: out of memory, and it may be so on one connection only. */
int rmq_hub_change_topology(struct rmq_hub *hub, const struct conf_topology *topology);

/* Closes the connections in an orderly way (connection.close); on_closed once, later, also when
 * there is nothing to close. Endpoints must have stopped. */
void rmq_hub_stop(struct rmq_hub *hub, void (*on_closed)(void *ctx), void *ctx);

/* The status of its connections as one: the worst state, the newest error, sums. */
void rmq_hub_status(const struct rmq_hub *hub, struct connection_status *out_status);

#endif
