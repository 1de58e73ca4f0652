/* Messages as frames. For: measuring first, so that what does not fit is refused before an octet is
 * written (a half message would cost the connection). Not for: which message when (sink.c). */
#include "amqp/publish.h"

#include <string.h>

#include "amqp/fields.h"
#include "amqp/frame.h"
#include "amqp/properties_write.h"

enum {
    NAME_MAX_OCTETS = 255,
    EXCHANGE_AT = RMQ_FRAME_HEAD + 4 + 2 + 1, /* where its octets begin in the frame */
};

void rmq_publisher_init(struct rmq_publisher *publisher, struct rmq_channel *channel,
                        uint64_t max_message_size, bool mandatory)
{
    *publisher = (struct rmq_publisher){
        .channel = channel,
        .max_message_size = max_message_size,
        .mandatory = mandatory,
    };
}

void rmq_publisher_reset(struct rmq_publisher *publisher)
{
    publisher->frame_len = 0;
}

static uint32_t hash_octets(uint32_t hash, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        hash = (hash ^ (uint8_t)octets.data[i]) * 16777619u;
    }
    return hash;
}

uint32_t rmq_route_hash(struct slice exchange, struct slice routing_key)
{
    uint32_t hash = hash_octets(2166136261u, exchange);

    return hash_octets(hash * 16777619u, routing_key);
}

static bool publish_is_kept(const struct rmq_publisher *publisher, const struct outgoing *out)
{
    const char *exchange = (const char *)publisher->frame + EXCHANGE_AT;
    const char *routing_key = exchange + publisher->exchange_len + 1;

    return publisher->frame_len != 0 && publisher->unwatched == out->unwatched &&
           slice_equal(out->exchange, slice_make(exchange, publisher->exchange_len)) &&
           slice_equal(out->routing_key, slice_make(routing_key, publisher->routing_key_len));
}

/* Makes publisher->frame the basic.publish for this route. */
static int publish_set_route(struct rmq_publisher *publisher, const struct outgoing *out,
                             struct err *err)
{
    amqp_basic_publish_t publish = {
        .exchange = rmq_bytes(out->exchange),
        .routing_key = rmq_bytes(out->routing_key),
        .mandatory = publisher->mandatory && !out->unwatched,
    };
    ssize_t len;

    publisher->frame_len = 0;
    if (out->exchange.len > NAME_MAX_OCTETS || out->routing_key.len > NAME_MAX_OCTETS) {
        return err_set(err, "%s of %zu octets, over the 255 of the protocol",
                       out->exchange.len > NAME_MAX_OCTETS ? "an exchange" : "a routing key",
                       out->exchange.len > NAME_MAX_OCTETS ? out->exchange.len
                                                           : out->routing_key.len);
    }
    len = rmq_frame_put_method(rmq_channel_number(publisher->channel), AMQP_BASIC_PUBLISH_METHOD,
                               &publish, publisher->frame, sizeof(publisher->frame));
    if (len < 0) {
        return err_set(err, "basic.publish cannot be encoded");
    }
    publisher->frame_len = (size_t)len;
    publisher->unwatched = out->unwatched;
    publisher->exchange_len = (uint8_t)out->exchange.len;
    publisher->routing_key_len = (uint8_t)out->routing_key.len;
    publisher->route_hash = rmq_route_hash(out->exchange, out->routing_key);
    return 0;
}

/* The properties of a message, measured. */
struct measured {
    size_t size;     /* octets of flags and list */
    bool by_library; /* rabbitmq-c writes them, from `converted` */
    amqp_basic_properties_t converted;
};

/* Writes the content header frame (§4.2.6.1); the octets behind it, or NULL: they are not as
 * measured. */
static uint8_t *publish_put_header(uint8_t *at, uint16_t channel, const struct outgoing *out,
                                   const struct measured *measured)
{
    uint8_t *payload = at + RMQ_FRAME_HEAD;
    uint8_t *end = payload + RMQ_HEADER_HEAD + measured->size;

    rmq_frame_put_head(at, AMQP_FRAME_HEADER, channel, RMQ_HEADER_HEAD + measured->size);
    rmq_put_u16(payload, AMQP_BASIC_CLASS);
    rmq_put_u16(payload + 2, 0);
    rmq_put_u64(payload + 4, out->body.len);
    payload += RMQ_HEADER_HEAD;
    if (!measured->by_library) {
        rmq_properties_write(&out->properties, payload);
    } else if (rmq_codec_encode_properties(&measured->converted, payload, measured->size) !=
               (ssize_t)measured->size) {
        return NULL;
    }
    *end = AMQP_FRAME_END;
    return end + 1;
}

static enum sink_result publish_too_large(const char *what, uint64_t size, uint64_t limit,
                                          const char *limit_name, struct err *err)
{
    err_set(err, "%s of %llu octets, over %s %llu", what, (unsigned long long)size, limit_name,
            (unsigned long long)limit);
    return SINK_TOO_LARGE;
}

/* Measures properties that are not of the simple kind, as rabbitmq-c's. */
static enum sink_result publish_convert(struct rmq_connection *connection,
                                        const struct outgoing *out, struct measured *measured,
                                        struct err *err)
{
    struct rmq_codec *codec = rmq_connection_codec(connection);

    measured->by_library = true;
    rmq_codec_recycle(codec);
    switch (rmq_fields_to_properties(codec, &out->properties, &measured->converted, &measured->size,
                                     err)) {
    case RMQ_FIELDS_OK:
        return SINK_TAKEN;
    case RMQ_FIELDS_NO_MEMORY:
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "out of memory");
        return SINK_BUSY;
    default:
        return SINK_REFUSED;
    }
}

/* SINK_TAKEN: the properties can be sent. */
static enum sink_result publish_measure(struct rmq_connection *connection,
                                        const struct outgoing *out, struct measured *measured,
                                        struct err *err)
{
    uint32_t frame_max = rmq_connection_frame_max(connection);
    enum sink_result result = SINK_TAKEN;

    measured->by_library = false;
    measured->size = rmq_properties_measure(&out->properties);
    if (measured->size == 0) {
        result = publish_convert(connection, out, measured, err);
    }
    if (result == SINK_TAKEN && measured->size > frame_max - RMQ_FRAME_OVERHEAD - RMQ_HEADER_HEAD) {
        return publish_too_large("properties", measured->size, frame_max, "the frame size", err);
    }
    return result;
}

enum sink_result rmq_publish(struct rmq_publisher *publisher, const struct outgoing *out,
                             size_t *out_len, struct err *err)
{
    struct rmq_connection *connection = rmq_channel_connection(publisher->channel);
    uint32_t frame_max = rmq_connection_frame_max(connection);
    uint16_t channel = rmq_channel_number(publisher->channel);
    struct measured properties;
    enum sink_result result;
    size_t len;
    uint8_t *room, *at;

    if (out->body.len > publisher->max_message_size) {
        return publish_too_large("a body", out->body.len, publisher->max_message_size,
                                 "max_message_size", err);
    }
    if (!publish_is_kept(publisher, out) && publish_set_route(publisher, out, err) != 0) {
        return SINK_REFUSED;
    }
    result = publish_measure(connection, out, &properties, err);
    if (result != SINK_TAKEN) {
        return result;
    }
    len = publisher->frame_len + RMQ_FRAME_OVERHEAD + RMQ_HEADER_HEAD + properties.size +
          rmq_frame_body_size(out->body.len, frame_max);
    room = rmq_connection_reserve(connection, len);
    if (room == NULL) {
        return SINK_BUSY;
    }
    memcpy(room, publisher->frame, publisher->frame_len);
    at = publish_put_header(room + publisher->frame_len, channel, out, &properties);
    if (at == NULL) {
        err_set(err, "the properties cannot be encoded");
        return SINK_REFUSED;
    }
    rmq_frame_put_body(channel, out->body, frame_max, at);
    *out_len = len;
    return SINK_TAKEN;
}
