/* What the scripted broker answers by itself. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rmq_peer_private.h"

static bool peer_is_quiet(const struct rmq_peer *peer, amqp_method_number_t id)
{
    for (size_t i = 0; i < peer->quiet_count; i++) {
        if (peer->quiet[i] == id) {
            return true;
        }
    }
    return false;
}

/* Whether a method gets no answer: a broker works on a channel in order, and hangs in order. */
static bool session_is_quiet(struct rmq_session *session, uint16_t channel, amqp_method_number_t id)
{
    session->channels[channel].is_stuck |= peer_is_quiet(session->peer, id);
    return session->channels[channel].is_stuck;
}

void rmq_peer_set_auto(struct rmq_peer *peer, amqp_method_number_t id, bool answers)
{
    if (id == AMQP_BASIC_PUBLISH_METHOD) {
        peer->confirms = answers;
        return;
    }
    for (size_t i = 0; i < peer->quiet_count; i++) {
        if (peer->quiet[i] == id) {
            peer->quiet[i] = peer->quiet[--peer->quiet_count];
            break;
        }
    }
    if (!answers) {
        assert(peer->quiet_count < RMQ_PEER_QUIET_MAX);
        peer->quiet[peer->quiet_count++] = id;
    }
}

void rmq_peer_answer_greeting(struct rmq_session *session)
{
    amqp_connection_start_t start = {
        .version_minor = 9,
        .mechanisms = rmq_bytes_of(session->peer->offer.mechanisms),
        .locales = rmq_bytes_of("en_US"),
    };

    rmq_session_note(session, 0, "greeting");
    if (!peer_is_quiet(session->peer, AMQP_CONNECTION_START_METHOD)) {
        rmq_session_send(session, 0, AMQP_CONNECTION_START_METHOD, &start);
    }
}

void rmq_peer_answer_publish(struct rmq_session *session, uint16_t channel, uint64_t tag)
{
    if (session->peer->confirms && session->channels[channel].confirms) {
        rmq_session_ack(session, channel, tag, false);
    }
}

/* "PURPOSE" of "chunneld: INSTANCE (PURPOSE)". */
static void answer_set_purpose(struct rmq_session *session, const amqp_table_t *properties)
{
    for (int i = 0; i < properties->num_entries; i++) {
        struct slice value = rmq_slice(properties->entries[i].value.value.bytes);
        const char *from;

        if (!slice_equal_text(rmq_slice(properties->entries[i].key), "connection_name")) {
            continue;
        }
        from = memchr(value.data, '(', value.len);
        assert(from != NULL && value.data[value.len - 1] == ')');
        snprintf(session->purpose, sizeof(session->purpose), "%.*s",
                 (int)(value.data + value.len - 2 - from), from + 1);
    }
}

static void answer_start_ok(struct rmq_session *session, const amqp_connection_start_ok_t *ok)
{
    const struct rmq_peer_offer *offer = &session->peer->offer;
    amqp_connection_tune_t tune = {offer->channel_max, offer->frame_max, offer->heartbeat_s};

    answer_set_purpose(session, &ok->client_properties);
    if (!peer_is_quiet(session->peer, AMQP_CONNECTION_START_OK_METHOD)) {
        rmq_session_send(session, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
    }
}

/* Sends an -ok that says nothing, unless told to be quiet. */
static void answer_ok(struct rmq_session *session, uint16_t channel, amqp_method_number_t asked,
                      amqp_method_number_t answer)
{
    static const char nothing[64];

    if (!session_is_quiet(session, channel, asked)) {
        rmq_session_send(session, channel, answer, nothing);
    }
}

static void answer_declare(struct rmq_session *session, uint16_t channel,
                           const amqp_queue_declare_t *declare)
{
    char name[32];
    amqp_queue_declare_ok_t ok = {.queue = declare->queue};

    if (declare->queue.len == 0) {
        snprintf(name, sizeof(name), "amq.gen-%u", ++session->peer->queues);
        ok.queue = rmq_bytes_of(name);
    }
    if (!session_is_quiet(session, channel, AMQP_QUEUE_DECLARE_METHOD)) {
        rmq_session_send(session, channel, AMQP_QUEUE_DECLARE_OK_METHOD, &ok);
    }
}

static void answer_connection(struct rmq_session *session, const amqp_method_t *method)
{
    const amqp_connection_tune_ok_t *tune_ok = method->decoded;

    switch (method->id) {
    case AMQP_CONNECTION_START_OK_METHOD:
        answer_start_ok(session, method->decoded);
        break;
    case AMQP_CONNECTION_TUNE_OK_METHOD:
        session->frame_max = tune_ok->frame_max;
        break;
    case AMQP_CONNECTION_OPEN_METHOD:
        answer_ok(session, 0, method->id, AMQP_CONNECTION_OPEN_OK_METHOD);
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
        answer_ok(session, 0, method->id, AMQP_CONNECTION_CLOSE_OK_METHOD);
        break;
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
        fake_wire_close(session->wire);
        break;
    default:
        assert(0);
    }
}

static void answer_basic(struct rmq_session *session, uint16_t channel, const amqp_method_t *method)
{
    const amqp_basic_consume_t *consume = method->decoded;
    const amqp_basic_cancel_t *cancel = method->decoded;
    amqp_basic_consume_ok_t consume_ok = {consume->consumer_tag};
    amqp_basic_cancel_ok_t cancel_ok = {cancel->consumer_tag};

    switch (method->id) {
    case AMQP_BASIC_QOS_METHOD:
        answer_ok(session, channel, method->id, AMQP_BASIC_QOS_OK_METHOD);
        break;
    case AMQP_BASIC_CONSUME_METHOD:
        if (!session_is_quiet(session, channel, method->id)) {
            rmq_session_send(session, channel, AMQP_BASIC_CONSUME_OK_METHOD, &consume_ok);
        }
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        if (!session_is_quiet(session, channel, method->id)) {
            rmq_session_send(session, channel, AMQP_BASIC_CANCEL_OK_METHOD, &cancel_ok);
        }
        break;
    case AMQP_BASIC_PUBLISH_METHOD:
        rmq_session_begin_publish(session, channel, method->decoded);
        break;
    default:
        break;
    }
}

static void answer_channel(struct rmq_session *session, uint16_t channel,
                           const amqp_method_t *method)
{
    struct rmq_peer_channel *at = &session->channels[channel];

    if (method->id == AMQP_CHANNEL_CLOSE_OK_METHOD) {
        assert(at->is_closing || session->peer->is_liar);
        rmq_session_forget_channel(session, channel);
        return;
    }
    if (at->is_closing) {
        /* An open would mean that the number was not free yet. */
        assert(method->id != AMQP_CHANNEL_OPEN_METHOD || session->peer->is_liar);
        return;
    }
    switch (method->id) {
    case AMQP_CHANNEL_OPEN_METHOD:
        assert(!at->is_open || session->peer->is_liar);
        at->is_open = true;
        answer_ok(session, channel, method->id, AMQP_CHANNEL_OPEN_OK_METHOD);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        if (peer_is_quiet(session->peer, method->id)) {
            at->is_closing = true;
            break;
        }
        answer_ok(session, channel, method->id, AMQP_CHANNEL_CLOSE_OK_METHOD);
        rmq_session_forget_channel(session, channel);
        break;
    case AMQP_EXCHANGE_DECLARE_METHOD:
        answer_ok(session, channel, method->id, AMQP_EXCHANGE_DECLARE_OK_METHOD);
        break;
    case AMQP_EXCHANGE_BIND_METHOD:
        answer_ok(session, channel, method->id, AMQP_EXCHANGE_BIND_OK_METHOD);
        break;
    case AMQP_QUEUE_DECLARE_METHOD:
        answer_declare(session, channel, method->decoded);
        break;
    case AMQP_QUEUE_BIND_METHOD:
        answer_ok(session, channel, method->id, AMQP_QUEUE_BIND_OK_METHOD);
        break;
    case AMQP_CONFIRM_SELECT_METHOD:
        session->channels[channel].confirms = true;
        answer_ok(session, channel, method->id, AMQP_CONFIRM_SELECT_OK_METHOD);
        break;
    case AMQP_TX_SELECT_METHOD:
        answer_ok(session, channel, method->id, AMQP_TX_SELECT_OK_METHOD);
        break;
    case AMQP_TX_COMMIT_METHOD:
        assert(!at->commits);
        at->commits = true;
        answer_ok(session, channel, method->id, AMQP_TX_COMMIT_OK_METHOD);
        break;
    default:
        answer_basic(session, channel, method);
        break;
    }
}

void rmq_peer_answer_method(struct rmq_session *session, uint16_t channel, struct slice payload)
{
    amqp_pool_t *pool = &session->peer->pool;
    amqp_method_t method;
    char line[RMQ_PEER_LINE_SIZE];
    int status;

    assert(payload.len >= 4);
    recycle_amqp_pool(pool);
    method.id = rmq_get_u32(payload.data);
    status = amqp_decode_method(
        method.id, pool, rmq_bytes(slice_make(payload.data + 4, payload.len - 4)), &method.decoded);
    assert(status == AMQP_STATUS_OK);
    if (method.id == AMQP_CONNECTION_START_OK_METHOD) {
        const amqp_connection_start_ok_t *start_ok = method.decoded;
        answer_set_purpose(session, &start_ok->client_properties);
    }
    rmq_peer_describe(&method, line);
    rmq_session_note(session, channel, line);
    if (channel == 0) {
        answer_connection(session, &method);
    } else {
        assert(channel < RMQ_PEER_CHANNELS);
        answer_channel(session, channel, &method);
    }
}
