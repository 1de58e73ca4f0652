/* Where messages go on the servers: from what a sink says to the sources that take it, through
 * exchanges, bindings and queues as far as they are known. For conf/circle.c.
 *
 * Messages are known by a glob (core/glob.h) that their name matches, channel or routing key, and
 * by one example of it where there is one. What the example reaches, some message surely
 * reaches. */
#ifndef CHUNNELD_CONF_ROUTES_H
#define CHUNNELD_CONF_ROUTES_H

#include <stddef.h>

#include "base/slice.h"
#include "conf/config.h"
#include "conf/feed.h"
#include "conf/memory.h"

/* What is known of messages at a point of their way. The slices are borrowed. */
struct conf_message {
    struct slice glob;     /* of the channel or routing key */
    struct slice example;  /* of that; data NULL: none is sure to come here */
    struct slice exchange; /* AMQP: glob of the exchange that they are published to */
    struct slice exchange_example;
    struct slice pattern; /* Redis: the pattern that they come by; data NULL: none */
};

struct conf_routes;

/* Called for each source that messages may come to; what is in `message` lives as long as the index
 * and what was asked for. */
typedef void (*conf_on_reader)(void *ctx, size_t way, const struct conf_message *message);

/* An index of the sources of `ways`; NULL: out of memory. All arguments are borrowed, and what it
 * makes lives in `memory`. */
struct conf_routes *conf_routes_new(const struct config *config, const struct conf_way *ways,
                                    size_t way_count, struct config_memory *memory);
void conf_routes_free(struct conf_routes *routes);
/* Memory was out for its user; and whether it ever was, for either of them. */
void conf_routes_note_failure(struct conf_routes *routes);
bool conf_routes_has_failed(const struct conf_routes *routes);

/* Tells of the ways whose sources may take messages that come to the server of `connection`, some
 * of them more than once. -1: out of memory. */
int conf_routes_follow(struct conf_routes *routes, const struct conf_connection *connection,
                       const struct conf_message *message, conf_on_reader on_reader, void *ctx);

/* A routing key with which messages come to an AMQP source, as far as is known; data NULL: out of
 * memory. */
struct slice conf_routes_example(struct conf_routes *routes, const struct conf_source *source);

#endif
