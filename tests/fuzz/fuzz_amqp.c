/* Whatever a hostile broker says to a publishing and a consuming connection that are open, with
 * messages under way both ways: no crash, no leak, every delivery settled once, and a clean stop.
 * The input is a list of things to say: frames that are in order on the outside, or raw bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/hub.h"
#include "amqp/octets.h"
#include "base/log.h"
#include "fake_net.h"
#include "rmq_peer.h"

enum { SENT_MOST = 16, HELD_MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A bridge's place. */
struct bed {
    struct loop *loop;
    struct rmq_peer *peer;
    struct rmq_hub *hub;
    struct source *source;
    struct sink *sink;
    struct delivery *held[HELD_MOST];
    size_t held_count;
    unsigned sent, settled;
    bool sink_stopped, source_stopped;
};

static void on_delivery(void *ctx, struct delivery *delivery)
{
    struct bed *bed = ctx;
    volatile unsigned sum = 0;

    assert(!bed->source_stopped);
    for (size_t i = 0; i < delivery->body.len; i++) {
        sum += (unsigned char)delivery->body.data[i];
    }
    assert(sum < 256 * 6);
    if (bed->held_count < HELD_MOST) {
        bed->held[bed->held_count++] = delivery;
    } else {
        bed->source->ops->settle(bed->source, delivery, SETTLE_ACK);
    }
}

static void on_settled(void *ctx, struct delivery *delivery, enum outcome outcome, const char *why)
{
    struct bed *bed = ctx;

    (void)outcome;
    assert(why == NULL || strlen(why) < 1000);
    assert(!bed->sink_stopped && bed->settled < bed->sent);
    bed->settled++;
    delivery_free(delivery);
}

static void on_link(void *ctx, enum endpoint_link link, const char *why)
{
    (void)ctx;
    assert(link == ENDPOINT_READY || why != NULL);
}

static void on_writable(void *ctx)
{
    (void)ctx;
}

static void on_source_stopped(void *ctx)
{
    ((struct bed *)ctx)->source_stopped = true;
}

static void on_sink_stopped(void *ctx)
{
    ((struct bed *)ctx)->sink_stopped = true;
}

static void on_lost(void *ctx)
{
    (void)ctx;
}

static const struct source_events source_events = {on_delivery, on_link, on_source_stopped,
                                                   on_lost};
static const struct sink_events sink_events = {
    .on_settled = on_settled,
    .on_writable = on_writable,
    .on_link = on_link,
    .on_stopped = on_sink_stopped,
};

static void send(struct bed *bed)
{
    struct outgoing out = {.exchange = SLICE("x"), .routing_key = SLICE("key")};
    struct err err;
    char *data;
    struct delivery *delivery = delivery_new(4, &data);

    assert(delivery != NULL);
    memcpy(data, "body", 4);
    delivery->body = slice_make(data, 4);
    out.body = delivery->body;
    if (bed->sink->ops->send(bed->sink, delivery, &out, &err) == SINK_TAKEN) {
        bed->sent++;
    } else {
        delivery_free(delivery);
    }
}

static void settle(struct bed *bed, unsigned how)
{
    if (bed->held_count > 0) {
        bed->source->ops->settle(bed->source, bed->held[--bed->held_count],
                                 (enum settlement)(how % 4));
    }
}

/* A method frame that a server may send, its arguments from the input. */
static void say_method(struct rmq_session *session, unsigned which, struct slice arguments)
{
    static const uint32_t ids[] = {
        AMQP_BASIC_DELIVER_METHOD,        AMQP_BASIC_ACK_METHOD,
        AMQP_BASIC_NACK_METHOD,           AMQP_BASIC_RETURN_METHOD,
        AMQP_BASIC_CANCEL_METHOD,         AMQP_BASIC_CANCEL_OK_METHOD,
        AMQP_BASIC_CONSUME_OK_METHOD,     AMQP_BASIC_QOS_OK_METHOD,
        AMQP_CHANNEL_CLOSE_METHOD,        AMQP_CHANNEL_CLOSE_OK_METHOD,
        AMQP_CHANNEL_OPEN_OK_METHOD,      AMQP_CHANNEL_FLOW_METHOD,
        AMQP_CONFIRM_SELECT_OK_METHOD,    AMQP_QUEUE_DECLARE_OK_METHOD,
        AMQP_CONNECTION_CLOSE_METHOD,     AMQP_CONNECTION_BLOCKED_METHOD,
        AMQP_CONNECTION_START_METHOD,     AMQP_CONNECTION_TUNE_METHOD,
        AMQP_CONNECTION_UNBLOCKED_METHOD,
    };
    uint32_t id = ids[which % (sizeof(ids) / sizeof(ids[0]))];
    uint8_t payload[4 + 256];

    rmq_put_u32(payload, id);
    memcpy(payload + 4, arguments.data, arguments.len);
    rmq_session_send_frame(session, AMQP_FRAME_METHOD, (id >> 16) == 10 ? 0 : 1,
                           slice_make(payload, arguments.len + 4));
}

static void say_header(struct rmq_session *session, unsigned size, struct slice properties)
{
    uint8_t payload[12 + 256] = {0, 60};

    rmq_put_u64(payload + 4, size);
    memcpy(payload + 12, properties.data, properties.len);
    rmq_session_send_frame(session, AMQP_FRAME_HEADER, 1, slice_make(payload, properties.len + 12));
}

/* One thing to say or do: an octet for what, one for a number, one for the length of what follows.
 */
static void act(struct bed *bed, unsigned what, unsigned number, struct slice bytes)
{
    struct rmq_session *session =
        rmq_peer_session(bed->peer, what & 1 ? "publishing" : "consuming");

    switch (what >> 1 & 7) {
    case 0:
        fake_net_settle(bed->loop);
        return;
    case 1:
        settle(bed, number);
        return;
    case 2:
        send(bed);
        return;
    case 3:
        fake_net_advance(bed->loop, (uint64_t)number * 100 * 1000);
        return;
    default:
        break;
    }
    if (session == NULL) {
        return;
    }
    switch (what >> 1 & 7) {
    case 4:
        say_method(session, number, bytes);
        break;
    case 5:
        say_header(session, number & 7, bytes);
        break;
    case 6:
        rmq_session_send_frame(session, AMQP_FRAME_BODY, 1, bytes);
        break;
    default:
        rmq_session_send_bytes(session, bytes.data, bytes.len);
        break;
    }
}

static void finish(struct bed *bed)
{
    bed->sink->ops->stop(bed->sink, true);
    bed->source->ops->stop(bed->source);
    while (bed->held_count > 0) {
        settle(bed, SETTLE_ACK);
    }
    fake_net_advance(bed->loop, 60 * 1000 * 1000);
    while (bed->held_count > 0) {
        settle(bed, SETTLE_ACK);
    }
    fake_net_advance(bed->loop, 1000 * 1000);
    assert(bed->sink_stopped && bed->source_stopped && bed->sent == bed->settled);
    bed->source->ops->free(bed->source);
    bed->sink->ops->free(bed->sink);
    rmq_hub_stop(bed->hub, NULL, NULL);
    fake_net_advance(bed->loop, 10 * 1000 * 1000);
    rmq_hub_free(bed->hub);
    rmq_peer_free(bed->peer);
    loop_free(bed->loop);
}

static void ignore_line(void *ctx, const char *line, size_t len)
{
    (void)ctx;
    (void)line;
    (void)len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct conf_url url = {.transport = CONF_TCP, .host = "rabbit", .port = 5672, .vhost = "/"};
    struct conf_connection conf = {.name = "rabbit",
                                   .protocol = CONF_AMQP,
                                   .urls = &url,
                                   .url_count = 1,
                                   .connect_timeout_us = 5000000,
                                   .reconnect_min_us = 100000,
                                   .reconnect_max_us = 1000000,
                                   .max_message_size = 5,
                                   .confirm_timeout_us = 3000000};
    struct conf_source source = {.kind = CONF_SOURCE_QUEUE, .queue = "q", .prefetch = 4};
    struct conf_sink sink = {.kind = CONF_SINK_EXCHANGE, .mandatory = true};
    struct bridge_options options = {.ack_mode = ACK_ON_CONFIRM, .buffer_messages = 100};
    const struct rmq_peer_offer offer = {"PLAIN", 0, 60, 0};
    struct rand rand;
    struct err err;
    struct bed bed = {.held_count = 0};

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    log_set_writer(ignore_line, NULL);
    rand_init_seed(&rand, 1);
    bed.loop = loop_new(&err);
    bed.peer = rmq_peer_new(bed.loop);
    rmq_peer_let_lie(bed.peer);
    rmq_peer_set_offer(bed.peer, &offer);
    bed.hub = rmq_hub_new(bed.loop, &conf, NULL, "fuzz", &rand, &err);
    bed.source = rmq_source_new(bed.hub, &source, &options, true, "in");
    bed.sink = rmq_sink_new(bed.hub, &sink, &options, "out");
    bed.source->events = &source_events;
    bed.source->ctx = &bed;
    bed.sink->events = &sink_events;
    bed.sink->ctx = &bed;
    bed.source->ops->start(bed.source);
    bed.sink->ops->start(bed.sink);
    rmq_hub_start(bed.hub);
    fake_net_settle(bed.loop);
    for (int i = 0; i < SENT_MOST; i++) {
        send(&bed);
    }
    fake_net_settle(bed.loop);
    while (len >= 3) {
        size_t used = data[2] < len - 3 ? data[2] : len - 3;

        act(&bed, data[0], data[1], slice_make(data + 3, used));
        data += used + 3;
        len -= used + 3;
    }
    fake_net_settle(bed.loop);
    finish(&bed);
    return 0;
}
