/* The two ends of a call on the AMQP side, as in RabbitMQ's sixth tutorial: asks one thing at a
 * time by direct reply-to and measures how long each answer takes, or (--work) answers with the
 * body.
 *
 * Neighbours: redis_call.c (the same on Redis), rtt.c (the times). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "args.h"
#include "body.h"
#include "broker.h"
#include "rtt.h"

enum { ANSWER_TIMEOUT_S = 10 };

struct caller {
    uint64_t port;
    uint64_t wait_ms;
    uint64_t calls;
    uint64_t size;
    const char *queue;
    bool work;
    amqp_connection_state_t broker;
};

static void consume(const struct caller *caller, const char *queue)
{
    amqp_basic_consume(caller->broker, BROKER_CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes,
                       0, 1, 0, amqp_empty_table);
    broker_check(amqp_get_rpc_reply(caller->broker), "consume");
}

static void publish(const struct caller *caller, amqp_bytes_t key,
                    const amqp_basic_properties_t *properties, amqp_bytes_t body)
{
    int status = amqp_basic_publish(caller->broker, BROKER_CHANNEL, amqp_empty_bytes, key, 0, 0,
                                    properties, body);
    if (status != AMQP_STATUS_OK)
        die("publish: %s", amqp_error_string2(status));
}

static void take(const struct caller *caller, amqp_envelope_t *envelope, struct timeval *timeout)
{
    amqp_maybe_release_buffers(caller->broker);
    broker_check(amqp_consume_message(caller->broker, envelope, timeout, 0), "consume");
}

/* Until the runner ends it. */
static _Noreturn void work(const struct caller *caller)
{
    consume(caller, caller->queue);
    puts("ready");
    fflush(stdout);
    for (;;) {
        amqp_envelope_t envelope;
        take(caller, &envelope, NULL);
        const amqp_basic_properties_t *asked = &envelope.message.properties;
        amqp_basic_properties_t properties = {._flags = AMQP_BASIC_CORRELATION_ID_FLAG,
                                              .correlation_id = asked->correlation_id};
        publish(caller, asked->reply_to, &properties, envelope.message.body);
        amqp_destroy_envelope(&envelope);
    }
}

static void ask(const struct caller *caller, struct rtt *rtt)
{
    struct timeval timeout = {ANSWER_TIMEOUT_S, 0};
    amqp_envelope_t envelope;
    char id[32];
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_REPLY_TO_FLAG |
                                                    AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to"),
                                          .correlation_id = {.bytes = id}};
    char *body = malloc(caller->size);
    if (!body)
        die("out of memory");
    body_prepare(body, caller->size);
    consume(caller, "amq.rabbitmq.reply-to");
    for (uint64_t number = 0; number < caller->calls; number++) {
        uint64_t begin = clock_ns();
        properties.correlation_id.len =
            (size_t)snprintf(id, sizeof(id), "%llu", (unsigned long long)number);
        publish(caller, amqp_cstring_bytes(caller->queue), &properties,
                (amqp_bytes_t){.len = caller->size, .bytes = body});
        take(caller, &envelope, &timeout);
        rtt_add(rtt, clock_ns() - begin);
        if (envelope.message.body.len != caller->size ||
            envelope.message.properties.correlation_id.len != properties.correlation_id.len ||
            memcmp(envelope.message.properties.correlation_id.bytes, id,
                   properties.correlation_id.len) != 0)
            die("another answer than to call %s", id);
        amqp_destroy_envelope(&envelope);
    }
    free(body);
}

int main(int argc, char **argv)
{
    struct caller caller = {.port = 5672, .calls = 1000, .size = 100, .queue = "bench"};
    struct rtt rtt = {0};
    const struct arg table[] = {{"port", "of the broker on 127.0.0.1", &caller.port, 0, 0},
                                {"wait-ms", "wait so long for the broker", &caller.wait_ms, 0, 0},
                                {"queue", "of the requests", 0, &caller.queue, 0},
                                {"calls", "to make, one at a time", &caller.calls, 0, 0},
                                {"size", "bytes of a body", &caller.size, 0, 0},
                                {"work", "answer calls, until ended", 0, 0, &caller.work},
                                {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "makes calls one at a time, or answers them", table);
    if (caller.size < 1 || caller.size > BODY_MAX_SIZE)
        die("--size must be 1 to %d", BODY_MAX_SIZE);
    caller.broker = broker_connect(caller.port, caller.wait_ms);
    if (caller.work)
        work(&caller);
    ask(&caller, &rtt);
    rtt_print(&rtt);
    broker_close(caller.broker);
    return 0;
}
