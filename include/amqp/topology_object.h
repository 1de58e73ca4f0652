/* An object of the topology with what came of it. For topology.c alone. */
#ifndef CHUNNELD_AMQP_TOPOLOGY_OBJECT_H
#define CHUNNELD_AMQP_TOPOLOGY_OBJECT_H

#include <stdbool.h>

#include "amqp/topology.h"

enum rmq_object_state {
    OBJECT_LEFT_OUT, /* not of this connection */
    OBJECT_PENDING,  /* to be declared in the pass under way */
    OBJECT_SENT,     /* declared, no answer yet */
    OBJECT_DECLARED, /* there */
    OBJECT_FAILED,   /* refused; the retry timer runs */
    OBJECT_SKIPPED,  /* refusing it cost the last connection: not tried again on this one */
};

struct rmq_object {
    enum rmq_topology_kind kind;
    const void *conf; /* struct conf_exchange, conf_queue or conf_binding */
    enum rmq_object_state state;
    bool is_fatal; /* refusing it closed the whole connection */
    char *words;   /* what is wrong, owned; NULL: nothing */
};

/* Its name; that of its destination for a binding. */
const char *rmq_object_name(const struct rmq_object *object);
/* Keeps the words for what is wrong with it: what it is, and `why`. */
void rmq_object_set_words(struct rmq_object *object, const char *why);
const char *rmq_object_get_words(const struct rmq_object *object);

#endif
