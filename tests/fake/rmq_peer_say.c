/* What a test makes the scripted broker say. */
#include <assert.h>
#include <string.h>

#include "rmq_peer_private.h"

void rmq_session_send_bytes(struct rmq_session *session, const void *data, size_t len)
{
    fake_wire_send(session->wire, data, len);
}

void rmq_session_send_frame(struct rmq_session *session, uint8_t type, uint16_t channel,
                            struct slice payload)
{
    static const uint8_t end = 0xCE;
    uint8_t head[7] = {type};

    rmq_put_u16(head + 1, channel);
    rmq_put_u32(head + 3, (uint32_t)payload.len);
    fake_wire_send(session->wire, head, sizeof(head));
    if (payload.len > 0) {
        fake_wire_send(session->wire, payload.data, payload.len);
    }
    fake_wire_send(session->wire, &end, 1);
}

void rmq_session_send(struct rmq_session *session, uint16_t channel, amqp_method_number_t id,
                      const void *method)
{
    static uint8_t room[65536];
    union {
        const void *read;
        void *any;
    } unconst = {.read = method};
    int len;

    rmq_put_u32(room, id);
    len = amqp_encode_method(id, unconst.any, (amqp_bytes_t){sizeof(room) - 4, room + 4});
    assert(len >= 0);
    session->channels[channel].is_stuck = false;
    session->channels[channel].commits &= id != AMQP_TX_COMMIT_OK_METHOD;
    rmq_session_send_frame(session, AMQP_FRAME_METHOD, channel, slice_make(room, (size_t)len + 4));
}

void rmq_session_send_content(struct rmq_session *session, uint16_t channel,
                              struct slice properties, struct slice body, size_t piece)
{
    enum { PIECE = 4088 };
    static const char none[2];
    struct strbuf header = STRBUF_INIT;
    uint8_t head[12] = {0, 60};

    if (properties.len == 0) {
        properties = slice_make(none, sizeof(none));
    }
    rmq_put_u64(head + 4, body.len);
    strbuf_append(&header, head, sizeof(head));
    strbuf_append_slice(&header, properties);
    rmq_session_send_frame(session, AMQP_FRAME_HEADER, channel, strbuf_slice(&header));
    strbuf_fini(&header);
    while (body.len > 0) {
        size_t most = piece != 0 ? piece : PIECE;
        size_t len = most < body.len ? most : body.len;

        rmq_session_send_frame(session, AMQP_FRAME_BODY, channel, slice_make(body.data, len));
        body.data += len;
        body.len -= len;
    }
}

void rmq_session_deliver(struct rmq_session *session, uint16_t channel, uint64_t tag,
                         const char *routing_key, struct slice properties, struct slice body)
{
    amqp_basic_deliver_t deliver = {
        .consumer_tag = rmq_bytes_of("tag"),
        .delivery_tag = tag,
        .exchange = rmq_bytes_of("x"),
        .routing_key = rmq_bytes_of(routing_key),
    };

    rmq_session_send(session, channel, AMQP_BASIC_DELIVER_METHOD, &deliver);
    rmq_session_send_content(session, channel, properties, body, 0);
}

void rmq_session_return(struct rmq_session *session, const struct rmq_published *published)
{
    amqp_basic_return_t returned = {
        .reply_code = AMQP_NO_ROUTE,
        .reply_text = rmq_bytes_of("NO_ROUTE"),
        .exchange = rmq_bytes_of(published->exchange),
        .routing_key = rmq_bytes_of(published->routing_key),
    };

    rmq_session_send(session, published->channel, AMQP_BASIC_RETURN_METHOD, &returned);
    rmq_session_send_content(session, published->channel, published->properties, published->body,
                             0);
}

void rmq_session_ack(struct rmq_session *session, uint16_t channel, uint64_t tag, bool multiple)
{
    amqp_basic_ack_t ack = {.delivery_tag = tag, .multiple = multiple};

    rmq_session_send(session, channel, AMQP_BASIC_ACK_METHOD, &ack);
}

void rmq_session_nack(struct rmq_session *session, uint16_t channel, uint64_t tag, bool multiple)
{
    amqp_basic_nack_t nack = {.delivery_tag = tag, .multiple = multiple};

    rmq_session_send(session, channel, AMQP_BASIC_NACK_METHOD, &nack);
}

void rmq_session_commit_ok(struct rmq_session *session, uint16_t channel)
{
    amqp_tx_commit_ok_t ok = {0};

    rmq_session_send(session, channel, AMQP_TX_COMMIT_OK_METHOD, &ok);
}

bool rmq_session_is_committing(const struct rmq_session *session, uint16_t channel)
{
    return session->channels[channel].commits;
}

void rmq_session_close_channel(struct rmq_session *session, uint16_t channel, uint16_t code,
                               const char *text, amqp_method_number_t id)
{
    amqp_channel_close_t close = {code, rmq_bytes_of(text), (uint16_t)rmq_class_of(id),
                                  (uint16_t)rmq_method_of(id)};

    rmq_session_send(session, channel, AMQP_CHANNEL_CLOSE_METHOD, &close);
    session->channels[channel].is_closing = true;
}

void rmq_session_close(struct rmq_session *session, uint16_t code, const char *text,
                       amqp_method_number_t id)
{
    amqp_connection_close_t close = {code, rmq_bytes_of(text), (uint16_t)rmq_class_of(id),
                                     (uint16_t)rmq_method_of(id)};

    rmq_session_send(session, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
}

void rmq_session_drop(struct rmq_session *session)
{
    fake_wire_close(session->wire);
}

void rmq_session_stall(struct rmq_session *session, bool stalled)
{
    fake_wire_stall(session->wire, stalled);
}
