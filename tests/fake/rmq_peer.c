/* The scripted broker: sessions, their frames, the log; what it answers is in rmq_peer_answer.c,
 * what a test makes it say in rmq_peer_say.c. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmq_peer_private.h"

static void session_free(struct rmq_session *session)
{
    TAILQ_REMOVE(&session->peer->sessions, session, link);
    for (size_t i = 0; i < session->published_count; i++) {
        free(session->published[i]->memory.data);
        free(session->published[i]);
    }
    free(session->published);
    for (uint16_t i = 0; i < RMQ_PEER_CHANNELS; i++) {
        rmq_session_forget_channel(session, i);
    }
    strbuf_fini(&session->in);
    free(session);
}

static void peer_on_connect(void *ctx, struct fake_wire *wire)
{
    struct rmq_peer *peer = ctx;
    struct rmq_session *session = calloc(1, sizeof(*session));

    assert(session != NULL);
    session->peer = peer;
    session->wire = wire;
    snprintf(session->purpose, sizeof(session->purpose), "?");
    fake_wire_set_user(wire, session);
    TAILQ_INSERT_TAIL(&peer->sessions, session, link);
    peer->connects++;
}

static void peer_on_closed(void *ctx, struct fake_wire *wire)
{
    (void)ctx;
    session_free(fake_wire_user(wire));
}

void rmq_session_note(struct rmq_session *session, uint16_t channel, const char *text)
{
    strbuf_append_format(&session->peer->log, "%s %u %s\n", session->purpose, channel, text);
}

static struct rmq_peer_channel *session_channel(struct rmq_session *session, uint16_t channel)
{
    assert(channel < RMQ_PEER_CHANNELS);
    return &session->channels[channel];
}

/* A message is complete. */
static void session_end_content(struct rmq_session *session, uint16_t number)
{
    struct rmq_peer_channel *channel = session_channel(session, number);
    struct peer_published *published = channel->under_way;
    char line[640];

    published->message.properties = slice_make(published->memory.data, published->properties_len);
    published->message.body =
        slice_make(published->memory.data + published->properties_len, published->body_len);
    channel->under_way = NULL;
    channel->publishes++;
    session->published =
        realloc(session->published, (session->published_count + 1) * sizeof(*session->published));
    session->published[session->published_count++] = published;
    snprintf(line, sizeof(line), "message %s %s %.*s", published->message.exchange,
             published->message.routing_key,
             published->body_len < 64 ? (int)published->body_len : 64,
             published->message.body.data);
    rmq_session_note(session, number, line);
    rmq_peer_answer_publish(session, number, channel->publishes);
}

static void session_on_header(struct rmq_session *session, uint16_t number, struct slice payload)
{
    struct rmq_peer_channel *channel = session_channel(session, number);
    struct peer_published *published = channel->under_way;

    if (channel->is_closing && published == NULL) {
        return;
    }
    assert(published != NULL && payload.len >= 12 && rmq_get_u16(payload.data) == 60);
    published->body_len = (size_t)rmq_get_u64(payload.data + 4);
    published->left = published->body_len;
    published->properties_len = payload.len - 12;
    strbuf_append(&published->memory, payload.data + 12, payload.len - 12);
    if (published->left == 0) {
        session_end_content(session, number);
    }
}

static void session_on_body(struct rmq_session *session, uint16_t number, struct slice payload)
{
    struct rmq_peer_channel *channel = session_channel(session, number);
    struct peer_published *published = channel->under_way;

    if (channel->is_closing && published == NULL) {
        return;
    }
    assert(published != NULL && payload.len > 0 && payload.len <= published->left);
    published->message.body_frames++;
    published->left -= payload.len;
    strbuf_append_slice(&published->memory, payload);
    if (published->left == 0) {
        session_end_content(session, number);
    }
}

void rmq_session_begin_publish(struct rmq_session *session, uint16_t number,
                               const amqp_basic_publish_t *publish)
{
    struct rmq_peer_channel *channel = session_channel(session, number);
    struct peer_published *published = calloc(1, sizeof(*published));

    assert(published != NULL && channel->under_way == NULL);
    assert(!channel->commits);
    published->message.channel = number;
    published->message.mandatory = publish->mandatory != 0;
    snprintf(published->message.exchange, sizeof(published->message.exchange), "%.*s",
             (int)publish->exchange.len, (const char *)publish->exchange.bytes);
    snprintf(published->message.routing_key, sizeof(published->message.routing_key), "%.*s",
             (int)publish->routing_key.len, (const char *)publish->routing_key.bytes);
    channel->under_way = published;
}

void rmq_session_forget_channel(struct rmq_session *session, uint16_t number)
{
    struct rmq_peer_channel *channel = session_channel(session, number);

    if (channel->under_way != NULL) {
        free(channel->under_way->memory.data);
        free(channel->under_way);
    }
    *channel = (struct rmq_peer_channel){.under_way = NULL};
}

/* One frame, which must be well-formed: the peer trusts nothing and accepts no slips. */
static void session_on_frame(struct rmq_session *session, uint8_t type, uint16_t channel,
                             struct slice payload)
{
    switch (type) {
    case AMQP_FRAME_METHOD:
        rmq_peer_answer_method(session, channel, payload);
        break;
    case AMQP_FRAME_HEADER:
        session_on_header(session, channel, payload);
        break;
    case AMQP_FRAME_BODY:
        session_on_body(session, channel, payload);
        break;
    default:
        assert(type == AMQP_FRAME_HEARTBEAT && channel == 0 && payload.len == 0);
        rmq_session_note(session, 0, "heartbeat");
        break;
    }
}

static size_t session_parse(struct rmq_session *session, const uint8_t *data, size_t len)
{
    uint32_t size;

    if (!session->greeted) {
        if (len < 8) {
            return 0;
        }
        assert(memcmp(data, "AMQP\0\0\11\1", 8) == 0);
        session->greeted = true;
        rmq_peer_answer_greeting(session);
        return 8;
    }
    if (len < 7) {
        return 0;
    }
    size = rmq_get_u32(data + 3);
    assert(session->frame_max == 0 || size + 8 <= session->frame_max);
    if (len < size + 8) {
        return 0;
    }
    assert(data[7 + size] == 0xCE);
    session_on_frame(session, data[0], rmq_get_u16(data + 1), slice_make(data + 7, size));
    return size + 8;
}

static void peer_on_bytes(void *ctx, struct fake_wire *wire, const uint8_t *data, size_t len)
{
    struct rmq_session *session = fake_wire_user(wire);
    size_t used = 0, one;

    (void)ctx;
    strbuf_append(&session->in, data, len);
    while ((one = session_parse(session, (const uint8_t *)session->in.data + used,
                                session->in.len - used)) > 0) {
        used += one;
    }
    memmove(session->in.data, session->in.data + used, session->in.len - used);
    strbuf_truncate(&session->in, session->in.len - used);
}

struct rmq_peer *rmq_peer_new(struct loop *loop)
{
    struct rmq_peer *peer = calloc(1, sizeof(*peer));

    assert(peer != NULL);
    peer->server = (struct fake_server){
        .ctx = peer,
        .on_connect = peer_on_connect,
        .on_bytes = peer_on_bytes,
        .on_closed = peer_on_closed,
    };
    peer->offer = (struct rmq_peer_offer){"AMQPLAIN PLAIN EXTERNAL", 131072, 2047, 60};
    init_amqp_pool(&peer->pool, 4096);
    TAILQ_INIT(&peer->sessions);
    fake_net_set_server(loop, &peer->server);
    return peer;
}

void rmq_peer_free(struct rmq_peer *peer)
{
    assert(TAILQ_EMPTY(&peer->sessions));
    empty_amqp_pool(&peer->pool);
    strbuf_fini(&peer->log);
    free(peer);
}

void rmq_peer_set_offer(struct rmq_peer *peer, const struct rmq_peer_offer *offer)
{
    peer->offer = *offer;
}

void rmq_peer_let_lie(struct rmq_peer *peer)
{
    peer->is_liar = true;
}

const char *rmq_peer_log(const struct rmq_peer *peer)
{
    return strbuf_text(&peer->log);
}

void rmq_peer_clear_log(struct rmq_peer *peer)
{
    strbuf_reset(&peer->log);
}

unsigned rmq_peer_count(const struct rmq_peer *peer, const char *text)
{
    const char *line = strbuf_text(&peer->log);
    unsigned count = 0;

    while (*line != '\0') {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, text);

        count += found != NULL && found < end;
        line = end + 1;
    }
    return count;
}

size_t rmq_peer_sessions(const struct rmq_peer *peer)
{
    const struct rmq_session *session;
    size_t count = 0;

    TAILQ_FOREACH(session, &peer->sessions, link) {
        count++;
    }
    return count;
}

size_t rmq_peer_connects(const struct rmq_peer *peer)
{
    return peer->connects;
}

struct rmq_session *rmq_peer_session(const struct rmq_peer *peer, const char *purpose)
{
    struct rmq_session *session;

    TAILQ_FOREACH(session, &peer->sessions, link) {
        if (strcmp(session->purpose, purpose) == 0) {
            return session;
        }
    }
    return NULL;
}

struct rmq_session *rmq_peer_any_session(const struct rmq_peer *peer)
{
    return TAILQ_LAST(&peer->sessions, rmq_session_list);
}

const struct rmq_published *rmq_session_published(const struct rmq_session *session, size_t index)
{
    return index < session->published_count ? &session->published[index]->message : NULL;
}

size_t rmq_session_published_count(const struct rmq_session *session)
{
    return session->published_count;
}

uint16_t rmq_session_port(const struct rmq_session *session)
{
    return fake_wire_port(session->wire);
}
