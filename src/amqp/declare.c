/* Declarations as methods. For: topology.c and the queue of an exchange source. Not for: when, and
 * what comes of it. */
#include "amqp/declare.h"

#include "amqp/fields.h"

/* The arguments as rabbitmq-c's table, in memory that lasts until the next declaration. */
static int declare_arguments(struct rmq_channel *channel, const struct field_table *arguments,
                             amqp_table_t *out_table, struct err *err)
{
    struct rmq_codec *codec = rmq_connection_codec(rmq_channel_connection(channel));
    size_t size;

    rmq_codec_recycle(codec);
    return rmq_fields_to_table(codec, arguments, out_table, &size, err);
}

static int declare_send(struct rmq_channel *channel, amqp_method_number_t id, const void *method,
                        struct err *err)
{
    if (rmq_channel_send(channel, id, method) != 0) {
        return err_set(err, "a name is over 255 octets, or the arguments do not fit one frame");
    }
    return 0;
}

int rmq_declare_exchange(struct rmq_channel *channel, const struct conf_exchange *exchange,
                         struct err *err)
{
    amqp_exchange_declare_t declare = {
        .exchange = rmq_bytes_of(exchange->name),
        .type = rmq_bytes_of(exchange->type),
        .passive = exchange->passive,
        .durable = exchange->durable,
        .auto_delete = exchange->auto_delete,
        .internal = exchange->internal,
    };

    if (declare_arguments(channel, &exchange->arguments, &declare.arguments, err) != 0) {
        return -1;
    }
    return declare_send(channel, AMQP_EXCHANGE_DECLARE_METHOD, &declare, err);
}

int rmq_declare_queue(struct rmq_channel *channel, const struct conf_queue *queue, struct err *err)
{
    amqp_queue_declare_t declare = {
        .queue = rmq_bytes_of(queue->name),
        .passive = queue->passive,
        .durable = queue->durable,
        .exclusive = queue->exclusive,
        .auto_delete = queue->auto_delete,
    };

    if (declare_arguments(channel, &queue->arguments, &declare.arguments, err) != 0) {
        return -1;
    }
    return declare_send(channel, AMQP_QUEUE_DECLARE_METHOD, &declare, err);
}

static int declare_to_exchange(struct rmq_channel *channel, const struct conf_binding *binding,
                               struct err *err)
{
    amqp_exchange_bind_t bind = {
        .destination = rmq_bytes_of(binding->destination),
        .source = rmq_bytes_of(binding->source),
        .routing_key = rmq_bytes_of(binding->routing_key),
    };

    if (declare_arguments(channel, &binding->arguments, &bind.arguments, err) != 0) {
        return -1;
    }
    return declare_send(channel, AMQP_EXCHANGE_BIND_METHOD, &bind, err);
}

int rmq_declare_binding(struct rmq_channel *channel, const struct conf_binding *binding,
                        struct err *err)
{
    amqp_queue_bind_t bind = {
        .queue = rmq_bytes_of(binding->destination),
        .exchange = rmq_bytes_of(binding->source),
        .routing_key = rmq_bytes_of(binding->routing_key),
    };

    if (binding->to_exchange) {
        return declare_to_exchange(channel, binding, err);
    }
    if (declare_arguments(channel, &binding->arguments, &bind.arguments, err) != 0) {
        return -1;
    }
    return declare_send(channel, AMQP_QUEUE_BIND_METHOD, &bind, err);
}
