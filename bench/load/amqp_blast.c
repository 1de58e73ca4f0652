/* The sender on the AMQP side: publishes numbered, stamped, persistent messages with confirms.
 *
 * Prints what it did as one JSON object once everything is confirmed. Neighbours: pace.c (when to
 * send), amqp_drain.c (the receiving end). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "args.h"
#include "body.h"
#include "broker.h"
#include "core/inflight.h"
#include "pace.h"
#include "values.h"

/* The daemon's own (src/amqp/confirms.c): most unconfirmed ones, and the time they may take. */
enum { ADAPTED_MOST = 65536, ADAPTED_TARGET_US = 1000000 };
enum { MAX_CONFIRMS = 2 * ADAPTED_MOST, BATCH = 64, TRANSIENT = 1, PERSISTENT = 2 };

struct sender {
    struct pace pace;
    uint64_t port;
    uint64_t wait_ms;
    const char *exchange;
    const char *key;
    uint64_t run;
    uint64_t first; /* number of the first message */
    uint64_t size;
    uint64_t confirms; /* most messages not yet confirmed; 0: as many as the daemon would have */
    bool transient;    /* delivery mode 1 */
    bool annotated;    /* mandatory, and with the properties and headers that the daemon sets */
    struct values values;
    struct inflight inflight; /* the daemon's rule, where `confirms` is 0 */
    char *body;
    amqp_connection_state_t broker;
    uint64_t ready_ns;
    bool confirmed[MAX_CONFIRMS]; /* by delivery tag, as a ring */
    uint64_t settled;             /* every tag up to this one is confirmed */
    uint64_t refused;             /* basic.nack */
};

static void connect_broker(struct sender *sender)
{
    sender->broker = broker_connect(sender->port, sender->wait_ms);
    amqp_confirm_select(sender->broker, BROKER_CHANNEL);
    broker_check(amqp_get_rpc_reply(sender->broker), "ask for confirms");
    sender->ready_ns = clock_ns();
}

/* What the daemon sets on a message from a channel: as many properties and headers, as long. */
static void annotate(struct sender *sender, amqp_basic_properties_t *properties)
{
    static amqp_table_entry_t headers[3];
    static char id[48];
    static const char *const texts[3][2] = {{"x-chunnel-origin", "bench"},
                                            {"x-chunnel-bridge", "bench"},
                                            {"x-chunnel-channel", "bench0001"}};

    snprintf(id, sizeof(id), "bench-0123456789abcdef-%012" PRIu64, sender->pace.sent);
    for (int i = 0; i < 3; i++) {
        headers[i].key = amqp_cstring_bytes(texts[i][0]);
        headers[i].value.kind = AMQP_FIELD_KIND_UTF8;
        headers[i].value.value.bytes = amqp_cstring_bytes(texts[i][1]);
    }
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                          AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties->headers = (amqp_table_t){.num_entries = 3, .entries = headers};
    properties->message_id = amqp_cstring_bytes(id);
    properties->timestamp = 1700000000;
    properties->app_id = amqp_cstring_bytes("chunneld");
}

static bool has_room(const struct sender *sender)
{
    uint64_t most = sender->confirms ? sender->confirms : sender->inflight.limit;
    return sender->pace.sent - sender->settled < most;
}

static void publish_one(struct sender *sender, uint64_t now)
{
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                          .delivery_mode =
                                              sender->transient ? TRANSIENT : PERSISTENT};
    struct body body = {(uint32_t)sender->run, sender->first + sender->pace.sent,
                        pace_stamp(&sender->pace, now)};
    if (sender->values.count) {
        body = (struct body){body.run, values_draw(&sender->values), 0};
        sender->values.counts[body.number]++;
    }
    if (sender->annotated)
        annotate(sender, &properties);
    body_stamp(sender->body, &body);
    amqp_bytes_t bytes = {.len = sender->size, .bytes = sender->body};
    int status = amqp_basic_publish(
        sender->broker, BROKER_CHANNEL, amqp_cstring_bytes(sender->exchange),
        amqp_cstring_bytes(sender->key), sender->annotated, 0, &properties, bytes);
    if (status != AMQP_STATUS_OK)
        die("publish: %s", amqp_error_string2(status));
    sender->pace.sent++;
    sender->confirmed[sender->pace.sent % MAX_CONFIRMS] = false;
    inflight_on_sent(&sender->inflight, sender->pace.sent, now / 1000);
}

static void publish_due(struct sender *sender)
{
    uint64_t now = clock_ns();
    if (pace_is_over(&sender->pace, now))
        return;
    uint64_t due = pace_due(&sender->pace, now);
    for (int i = 0; i < BATCH && due-- > 0; i++) {
        if (!has_room(sender)) {
            sender->inflight.held_back = true;
            break;
        }
        publish_one(sender, clock_ns());
    }
}

static void settle(struct sender *sender, uint64_t tag, bool multiple)
{
    if (tag > sender->pace.sent)
        die("a confirm of what was not sent");
    for (uint64_t one = multiple ? sender->settled + 1 : tag; one <= tag; one++)
        sender->confirmed[one % MAX_CONFIRMS] = true;
    while (sender->settled < sender->pace.sent &&
           sender->confirmed[(sender->settled + 1) % MAX_CONFIRMS])
        sender->settled++;
    if (inflight_is_due(&sender->inflight, sender->settled + 1))
        inflight_judge(&sender->inflight, clock_ns() / 1000);
}

static void take_frame(struct sender *sender, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD)
        return;
    amqp_method_t method = frame->payload.method;
    if (method.id == AMQP_BASIC_ACK_METHOD) {
        const amqp_basic_ack_t *ack = method.decoded;
        settle(sender, ack->delivery_tag, ack->multiple != 0);
    } else if (method.id == AMQP_BASIC_NACK_METHOD) {
        const amqp_basic_nack_t *nack = method.decoded;
        uint64_t before = sender->settled;
        settle(sender, nack->delivery_tag, nack->multiple != 0);
        sender->refused += nack->multiple ? sender->settled - before : 1;
    } else {
        die("the broker closed the channel (%s)", amqp_method_name(method.id));
    }
}

static void read_confirms(struct sender *sender)
{
    struct timeval no_time = {0, 0};
    amqp_frame_t frame;
    int status;
    while ((status = amqp_simple_wait_frame_noblock(sender->broker, &frame, &no_time)) ==
           AMQP_STATUS_OK)
        take_frame(sender, &frame);
    if (status != AMQP_STATUS_TIMEOUT)
        die("%s", amqp_error_string2(status));
    amqp_maybe_release_buffers(sender->broker);
}

static bool may_send(const struct sender *sender)
{
    uint64_t now = clock_ns();
    return !pace_is_over(&sender->pace, now) && pace_due(&sender->pace, now) > 0 &&
           has_room(sender);
}

static void send_all(struct sender *sender)
{
    pace_start(&sender->pace);
    while (!pace_is_over(&sender->pace, clock_ns()) || sender->settled < sender->pace.sent) {
        publish_due(sender);
        read_confirms(sender);
        if (!may_send(sender) && !broker_has_input(sender->broker))
            pace_wait(&sender->pace, amqp_get_sockfd(sender->broker), false, !has_room(sender));
    }
}

int main(int argc, char **argv)
{
    static struct sender sender = {
        .port = 5672, .exchange = "", .key = "bench", .size = 100, .confirms = 2000};
    const struct arg table[] = {
        {"port", "of the broker on 127.0.0.1", &sender.port, 0, 0},
        {"wait-ms", "wait so long for the broker", &sender.wait_ms, 0, 0},
        {"exchange", "to publish to", 0, &sender.exchange, 0},
        {"key", "routing key", 0, &sender.key, 0},
        {"run", "number of the run", &sender.run, 0, 0},
        {"first", "number of the first message", &sender.first, 0, 0},
        {"size", "bytes of a body", &sender.size, 0, 0},
        {"confirms", "most messages not yet confirmed (0: by the daemon's rule)", &sender.confirms,
         0, 0},
        {"transient", "delivery mode 1", 0, 0, &sender.transient},
        {"annotated", "mandatory, and with what the daemon adds", 0, 0, &sender.annotated},
        VALUES_ARGS(&sender.values),
        PACE_ARGS(&sender.pace),
        {0, 0, 0, 0, 0}};
    args_parse(argc, argv, "publishes numbered, stamped messages with confirms", table);
    if (sender.size < BODY_MIN_SIZE || sender.size > BODY_MAX_SIZE)
        die("--size must be %d to %d", BODY_MIN_SIZE, BODY_MAX_SIZE);
    if (sender.confirms >= MAX_CONFIRMS)
        die("--confirms must be 0 to %d", MAX_CONFIRMS - 1);
    inflight_init(&sender.inflight, ADAPTED_MOST, ADAPTED_TARGET_US);
    values_begin(&sender.values, sender.first);

    sender.body = malloc(sender.size);
    if (!sender.body)
        die("out of memory");
    body_prepare(sender.body, sender.size);
    connect_broker(&sender);
    send_all(&sender);
    printf("{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"ready_ns\": %" PRIu64
           ", \"start_ns\": %" PRIu64 ", \"end_ns\": %" PRIu64,
           sender.pace.sent, sender.refused, sender.ready_ns, sender.pace.start_ns, clock_ns());
    if (sender.values.count)
        values_print("values", sender.values.counts, sender.values.count);
    printf("}\n");
    values_end(&sender.values);
    broker_close(sender.broker);
    free(sender.body);
    return 0;
}
