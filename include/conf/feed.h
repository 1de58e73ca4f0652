/* Whether what one bridge sends is what another one reads. For conf/circle.c. */
#ifndef CHUNNELD_CONF_FEED_H
#define CHUNNELD_CONF_FEED_H

#include <stdbool.h>

#include "base/slice.h"
#include "conf/config.h"

/* What a bridge's sink surely reaches. */
struct conf_feed {
    const struct config *config;
    const struct conf_bridge *bridge;
    struct slice *queues; /* AMQP: queues that its messages come to; owned array */
    size_t queue_count;
};

/* Works out what `bridge` reaches; -1: out of memory. End it with conf_feed_fini(). */
int conf_feed_init(struct conf_feed *feed, const struct config *config,
                   const struct conf_bridge *bridge);
void conf_feed_fini(struct conf_feed *feed);

/* Whether that is surely what `reader` reads, of at least one of its channels, patterns or
 * bindings. */
bool conf_feed_reaches(const struct conf_feed *feed, const struct conf_bridge *reader);

/* Whether a binding key of a topic exchange matches a routing key: * is one word, # any number
 * (AMQP 0-9-1 §3.1.3.3). */
bool conf_topic_match(struct slice binding_key, struct slice routing_key);

#endif
