/* Makes, looks at and deletes the queue of a run: durable, bound to a durable topic exchange.
 *
 * Prints {"messages": ready ones, "consumers": how many, "now_ns": when}. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "body.h"
#include "broker.h"

int main(int argc, char **argv)
{
    uint64_t port = 5672, wait_ms = 0;
    const char *queue = "bench", *exchange = NULL, *key = NULL;
    bool make = false, drop = false;
    const struct arg table[] = {{"port", "of the broker on 127.0.0.1", &port, 0, 0},
                                {"wait-ms", "wait so long for the broker", &wait_ms, 0, 0},
                                {"queue", "its name", 0, &queue, 0},
                                {"make", "declare it", 0, 0, &make},
                                {"exchange", "declare this one too, and bind", 0, &exchange, 0},
                                {"key", "binding key", 0, &key, 0},
                                {"delete", "delete it", 0, 0, &drop},
                                {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "makes, looks at or deletes a queue", table);

    amqp_connection_state_t broker = broker_connect(port, wait_ms);
    amqp_bytes_t name = amqp_cstring_bytes(queue);
    if (drop) {
        amqp_queue_delete(broker, BROKER_CHANNEL, name, 0, 0);
        broker_check(amqp_get_rpc_reply(broker), "delete the queue");
        broker_close(broker);
        return 0;
    }
    const amqp_queue_declare_ok_t *state =
        amqp_queue_declare(broker, BROKER_CHANNEL, name, !make, make, 0, 0, amqp_empty_table);
    broker_check(amqp_get_rpc_reply(broker), "declare the queue");
    printf("{\"messages\": %" PRIu32 ", \"consumers\": %" PRIu32 ", \"now_ns\": %" PRIu64 "}\n",
           state->message_count, state->consumer_count, clock_ns());
    if (exchange) {
        amqp_exchange_declare(broker, BROKER_CHANNEL, amqp_cstring_bytes(exchange),
                              amqp_cstring_bytes("topic"), 0, 1, 0, 0, amqp_empty_table);
        broker_check(amqp_get_rpc_reply(broker), "declare the exchange");
        amqp_queue_bind(broker, BROKER_CHANNEL, name, amqp_cstring_bytes(exchange),
                        amqp_cstring_bytes(key ? key : queue), amqp_empty_table);
        broker_check(amqp_get_rpc_reply(broker), "bind the queue");
    }
    broker_close(broker);
    return 0;
}
