/* The receiving end on the AMQP side: consumes a queue, acknowledges many at once, keeps the books.
 *
 * Says "ready" when it consumes, reads the number of messages sent on stdin, prints its books as
 * one JSON object. Neighbours: tally.c (the books), amqp_blast.c (the sender). */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "args.h"
#include "body.h"
#include "broker.h"
#include "idset.h"
#include "tally.h"

enum { WAIT_MS = 20 };

struct receiver {
    struct tally tally;
    uint64_t port;
    uint64_t wait_ms;
    const char *queue;
    uint64_t prefetch;
    amqp_connection_state_t broker;
    uint64_t ready_ns;
    uint64_t newest; /* delivery tag */
    uint64_t acked;  /* delivery tag */
    uint64_t redelivered;
    struct idset ids;
    uint64_t repeated; /* came again with the same message id; only where values are counted */
};

static void consume(struct receiver *receiver)
{
    receiver->broker = broker_connect(receiver->port, receiver->wait_ms);
    amqp_basic_qos(receiver->broker, BROKER_CHANNEL, 0, (uint16_t)receiver->prefetch, 0);
    broker_check(amqp_get_rpc_reply(receiver->broker), "set the prefetch");
    amqp_basic_consume(receiver->broker, BROKER_CHANNEL, amqp_cstring_bytes(receiver->queue),
                       amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    broker_check(amqp_get_rpc_reply(receiver->broker), "consume");
    receiver->ready_ns = clock_ns();
}

static void ack(struct receiver *receiver)
{
    if (receiver->acked == receiver->newest)
        return;
    int status = amqp_basic_ack(receiver->broker, BROKER_CHANNEL, receiver->newest, 1);
    if (status != AMQP_STATUS_OK)
        die("acknowledge: %s", amqp_error_string2(status));
    receiver->acked = receiver->newest;
}

/* Values tell nothing of what came twice, but a bridge's message ids do. */
static bool is_repeated(struct receiver *receiver, const amqp_basic_properties_t *properties)
{
    if (!receiver->tally.values.count || !(properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG))
        return false;
    return !idset_add(&receiver->ids, properties->message_id.bytes, properties->message_id.len);
}

/* Takes one message if one is there; whether it was. */
static bool take_one(struct receiver *receiver)
{
    struct timeval no_time = {0, 0};
    amqp_envelope_t envelope;
    amqp_rpc_reply_t reply = amqp_consume_message(receiver->broker, &envelope, &no_time, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        reply.library_error == AMQP_STATUS_TIMEOUT)
        return false;
    broker_check(reply, "consume");
    receiver->newest = envelope.delivery_tag;
    receiver->redelivered += envelope.redelivered != 0;
    if (is_repeated(receiver, &envelope.message.properties))
        receiver->repeated++;
    else
        tally_take(&receiver->tally, envelope.message.body.bytes, envelope.message.body.len);
    amqp_destroy_envelope(&envelope);
    amqp_maybe_release_buffers(receiver->broker);
    if (receiver->newest - receiver->acked >= receiver->prefetch / 2)
        ack(receiver);
    return true;
}

static void receive_all(struct receiver *receiver)
{
    struct pollfd fds[2] = {{.fd = amqp_get_sockfd(receiver->broker), .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    while (!tally_is_over(&receiver->tally)) {
        while (take_one(receiver))
            if (tally_is_over(&receiver->tally))
                break;
        ack(receiver);
        tally_tell_credit(&receiver->tally);
        if (broker_has_input(receiver->broker))
            continue;
        if (poll(fds, 2, WAIT_MS) < 0)
            die("poll: %s", strerror(errno));
        if (fds[1].revents) {
            tally_read_expected(&receiver->tally);
            fds[1].fd = -1;
        }
    }
    ack(receiver);
}

int main(int argc, char **argv)
{
    struct receiver receiver = {
        .tally = {.size = 100, .idle_ms = 5000}, .port = 5672, .queue = "bench", .prefetch = 2000};
    const struct arg table[] = {
        {"port", "of the broker on 127.0.0.1", &receiver.port, 0, 0},
        {"wait-ms", "wait so long for the broker", &receiver.wait_ms, 0, 0},
        {"queue", "to consume", 0, &receiver.queue, 0},
        {"prefetch", "most messages not yet acknowledged", &receiver.prefetch, 0, 0},
        TALLY_ARGS(&receiver.tally),
        {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "consumes a queue and keeps the books of what comes", table);
    if (receiver.prefetch < 2 || receiver.prefetch > UINT16_MAX)
        die("--prefetch must be 2 to %d", UINT16_MAX);

    consume(&receiver);
    tally_begin(&receiver.tally);
    receive_all(&receiver);
    printf("{\"ready_ns\": %" PRIu64 ", \"redelivered\": %" PRIu64 ", \"repeated\": %" PRIu64 ", ",
           receiver.ready_ns, receiver.redelivered, receiver.repeated);
    tally_print(&receiver.tally);
    printf("}\n");
    idset_free(&receiver.ids);
    broker_close(receiver.broker);
    return 0;
}
