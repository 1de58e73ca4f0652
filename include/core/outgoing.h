/* A delivery as mapped for its sink: where it goes and with what properties. Lives for one send():
 * everything is borrowed from the delivery, the mapping or its scratch memory. */
#ifndef CHUNNELD_CORE_OUTGOING_H
#define CHUNNELD_CORE_OUTGOING_H

#include <stdbool.h>

#include "base/slice.h"
#include "core/properties.h"

struct outgoing {
    struct slice channel;     /* Redis sinks */
    struct slice exchange;    /* AMQP sinks; empty: the default exchange */
    struct slice routing_key; /* AMQP sinks; a queue's name with the default exchange */
    bool unwatched;           /* AMQP sinks: never mandatory, whatever the rule of the sink */
    struct slice body;
    struct properties properties; /* AMQP sinks; message_id is set with annotations */
};

#endif
