/* Connects the load programs to the broker; see broker.h. */
#define _GNU_SOURCE
#include "broker.h"

#include <amqp_tcp_socket.h>
#include <poll.h>
#include <sys/time.h>
#include <time.h>

#include "args.h"
#include "body.h"

enum { LOGIN_TIMEOUT_S = 10, RETRY_MS = 5 };

/* 0 when logged in. What the broker said otherwise is in `reply`. */
static int try_connect(amqp_connection_state_t broker, uint64_t port, amqp_rpc_reply_t *reply)
{
    struct timeval timeout = {LOGIN_TIMEOUT_S, 0};
    amqp_socket_t *socket = amqp_tcp_socket_new(broker);
    if (!socket)
        die("out of memory");
    int status = amqp_socket_open_noblock(socket, "127.0.0.1", (int)port, &timeout);
    if (status != AMQP_STATUS_OK) {
        *reply = (amqp_rpc_reply_t){.reply_type = AMQP_RESPONSE_LIBRARY_EXCEPTION,
                                    .library_error = status};
        return -1;
    }
    amqp_set_handshake_timeout(broker, &timeout);
    *reply = amqp_login(broker, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply->reply_type != AMQP_RESPONSE_NORMAL)
        return -1;
    amqp_channel_open(broker, BROKER_CHANNEL);
    *reply = amqp_get_rpc_reply(broker);
    return reply->reply_type == AMQP_RESPONSE_NORMAL ? 0 : -1;
}

amqp_connection_state_t broker_connect(uint64_t port, uint64_t wait_ms)
{
    uint64_t deadline = clock_ns() + wait_ms * 1000000;
    for (;;) {
        amqp_rpc_reply_t reply;
        amqp_connection_state_t broker = amqp_new_connection();
        if (!broker)
            die("out of memory");
        if (try_connect(broker, port, &reply) == 0)
            return broker;
        amqp_destroy_connection(broker);
        if (clock_ns() >= deadline)
            broker_check(reply, "connect");
        poll(NULL, 0, RETRY_MS);
    }
}

void broker_check(amqp_rpc_reply_t reply, const char *what)
{
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
        die("%s: %s", what, amqp_error_string2(reply.library_error));
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = reply.reply.decoded;
        die("%s: %.*s", what, (int)close->reply_text.len, (const char *)close->reply_text.bytes);
    }
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close = reply.reply.decoded;
        die("%s: %.*s", what, (int)close->reply_text.len, (const char *)close->reply_text.bytes);
    }
    die("%s: the broker refused", what);
}

bool broker_has_input(amqp_connection_state_t broker)
{
    return amqp_frames_enqueued(broker) || amqp_data_in_buffer(broker);
}

void broker_close(amqp_connection_state_t broker)
{
    amqp_connection_close(broker, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(broker);
}
