/* An object of the topology: what it is called, and the words for what is wrong with it. Not for:
 * when it is declared (topology.c), the methods (declare.c). */
#include "amqp/topology_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

const char *rmq_object_name(const struct rmq_object *object)
{
    switch (object->kind) {
    case RMQ_EXCHANGE:
        return ((const struct conf_exchange *)object->conf)->name;
    case RMQ_QUEUE:
        return ((const struct conf_queue *)object->conf)->name;
    default:
        return ((const struct conf_binding *)object->conf)->destination;
    }
}

void rmq_object_set_words(struct rmq_object *object, const char *why)
{
    const struct conf_binding *binding = object->conf;
    struct err words;

    if (object->kind == RMQ_BINDING) {
        err_set(&words, "binding of \"%s\" to exchange \"%s\": %s", binding->destination,
                binding->source, why);
    } else {
        err_set(&words, "%s \"%s\": %s", object->kind == RMQ_EXCHANGE ? "exchange" : "queue",
                rmq_object_name(object), why);
    }
    free(object->words);
    object->words = strdup(words.text);
}

const char *rmq_object_get_words(const struct rmq_object *object)
{
    return object->words ? object->words : "refused by the broker";
}
