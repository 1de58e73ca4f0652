/* Logging in: protocol header, connection.start to connection.open-ok (AMQP 0-9-1 §1.4). For: what
 * we say of ourselves and what we agree to. Not for: when (connection.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/connection_private.h"
#include "amqp/fields.h"
#include "amqp/frame.h"
#include "base/clock.h"
#include "base/strbuf.h"

enum {
    CHANNEL_MAX = 65535,
    HEARTBEAT_MAX_S = 65535,
};

void rmq_handshake_send_header(struct rmq_connection *connection)
{
    static const char header[] = {'A', 'M', 'Q', 'P', 0, 0, 9, 1}; /* §4.2.2 */

    link_write(connection->link, header, sizeof(header));
}

static struct field handshake_text(const char *text)
{
    return (struct field){FIELD_STRING, {.bytes = slice_of(text)}};
}

/* What we can take: what is not said here the broker does not send. */
static struct field handshake_capabilities(void)
{
#define CAN(name)                                                                                  \
    {                                                                                              \
        SLICE(name),                                                                               \
        {                                                                                          \
            FIELD_BOOL,                                                                            \
            {                                                                                      \
                .boolean = true                                                                    \
            }                                                                                      \
        }                                                                                          \
    }
    static struct field_entry entries[] = {
        CAN("publisher_confirms"), CAN("exchange_exchange_bindings"),
        CAN("basic.nack"),         CAN("consumer_cancel_notify"),
        CAN("connection.blocked"), CAN("authentication_failure_close"),
    };
#undef CAN

    return (struct field){FIELD_TABLE, {.table = {entries, sizeof(entries) / sizeof(entries[0])}}};
}

/* client-properties (§1.4.2.2), as RabbitMQ's management shows them. */
static int handshake_properties(struct rmq_connection *connection, const char *name,
                                amqp_table_t *out_table, struct err *err)
{
    struct field_entry entries[] = {
        {SLICE("product"), handshake_text("chunneld")},
        {SLICE("version"), handshake_text(PACKAGE_VERSION)},
        {SLICE("platform"), handshake_text("C")},
        {SLICE("connection_name"), handshake_text(name)},
        {SLICE("capabilities"), handshake_capabilities()},
    };
    struct field_table properties = {entries, sizeof(entries) / sizeof(entries[0])};
    size_t size;

    rmq_codec_recycle(connection->codec);
    return rmq_fields_to_table(connection->codec, &properties, out_table, &size, err);
}

static const char *handshake_mechanism(const struct rmq_connection *connection)
{
    return connection->setup.conf->sasl == CONF_SASL_EXTERNAL ? "EXTERNAL" : "PLAIN";
}

/* Whether `word` stands in a list with spaces between. */
static bool handshake_has_word(struct slice list, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= list.len; i++) {
        bool begins = i == 0 || list.data[i - 1] == ' ';
        bool ends = i + len == list.len || list.data[i + len] == ' ';

        if (begins && ends && memcmp(list.data + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether we can log in to this server; gives the connection up where we cannot. */
static bool handshake_can_login(struct rmq_connection *connection,
                                const amqp_connection_start_t *start)
{
    const char *mechanism = handshake_mechanism(connection);

    if (start->version_major != AMQP_PROTOCOL_VERSION_MAJOR ||
        start->version_minor != AMQP_PROTOCOL_VERSION_MINOR) {
        rmq_connection_fail(connection, AMQP_NOT_IMPLEMENTED,
                            "the server does not speak AMQP 0-9, but %u-%u", start->version_major,
                            start->version_minor);
        return false;
    }
    if (!handshake_has_word(rmq_slice(start->mechanisms), mechanism)) {
        connection->slow = true;
        rmq_connection_fail(connection, AMQP_ACCESS_REFUSED,
                            "the broker offers no login with %s, but %.*s: see \"sasl\"", mechanism,
                            (int)start->mechanisms.len, (const char *)start->mechanisms.bytes);
        return false;
    }
    return true;
}

void rmq_handshake_on_start(struct rmq_connection *connection, const amqp_connection_start_t *start)
{
    if (connection->state != RMQ_START_WAIT || handshake_can_login(connection, start)) {
        rmq_connection_fsm(connection, RMQ_ON_SERVER_START, NULL);
    }
}

/* The response of PLAIN (RFC 4616): no authorization identity, user, password. EXTERNAL's is empty.
 */
static void handshake_response(const struct rmq_connection *connection, struct strbuf *response)
{
    const struct conf_url *url = &connection->setup.conf->urls[connection->url];

    if (connection->setup.conf->sasl == CONF_SASL_EXTERNAL) {
        return;
    }
    strbuf_append_char(response, '\0');
    strbuf_append_text(response, url->user ? url->user : "guest");
    strbuf_append_char(response, '\0');
    strbuf_append_text(response, url->password ? url->password : "guest");
}

void rmq_handshake_send_start_ok(struct rmq_connection *connection)
{
    struct strbuf name = STRBUF_INIT, response = STRBUF_INIT;
    amqp_connection_start_ok_t start_ok = {.locale = rmq_bytes_of("en_US")};
    struct err err;

    strbuf_append_format(&name, "chunneld: %s (%s)", connection->setup.instance,
                         connection->setup.purpose);
    handshake_response(connection, &response);
    start_ok.mechanism = rmq_bytes_of(handshake_mechanism(connection));
    start_ok.response = rmq_bytes(strbuf_slice(&response));
    if (strbuf_failed(&name) || strbuf_failed(&response)) {
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "out of memory");
    } else if (handshake_properties(connection, strbuf_text(&name), &start_ok.client_properties,
                                    &err) != 0) {
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "%s", err.text);
    } else if (rmq_connection_send(connection, 0, AMQP_CONNECTION_START_OK_METHOD, &start_ok) !=
               0) {
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR,
                            "user, password and instance do not fit one frame");
    }
    strbuf_fini(&name);
    if (response.data != NULL) {
        explicit_bzero(response.data, response.len);
    }
    strbuf_fini(&response);
}

static uint16_t handshake_heartbeat(const struct rmq_connection *connection, uint16_t offered_s)
{
    uint64_t wanted_us = connection->setup.conf->heartbeat_us;
    uint64_t wanted_s = (wanted_us + CLOCK_US_PER_S - 1) / CLOCK_US_PER_S;

    if (wanted_s > HEARTBEAT_MAX_S) {
        wanted_s = HEARTBEAT_MAX_S;
    }
    return offered_s == 0 || wanted_s < offered_s ? (uint16_t)wanted_s : offered_s;
}

/* Agrees on the limits; gives the connection up where it cannot. */
static bool handshake_agree(struct rmq_connection *connection, const amqp_connection_tune_t *tune)
{
    struct rmq_tuning *tuning = &connection->tuning;

    if (tune->frame_max != 0 && tune->frame_max < RMQ_FRAME_MIN_MAX) {
        rmq_connection_fail(connection, AMQP_SYNTAX_ERROR,
                            "the broker wants frame_max %u, below the %d of the protocol",
                            tune->frame_max, RMQ_FRAME_MIN_MAX);
        return false;
    }
    tuning->frame_max = tune->frame_max == 0 || tune->frame_max > RMQ_FRAME_MAX_MAX
                            ? RMQ_FRAME_MAX_MAX
                            : tune->frame_max;
    tuning->channel_max = tune->channel_max == 0 ? CHANNEL_MAX : tune->channel_max;
    tuning->heartbeat_s = handshake_heartbeat(connection, tune->heartbeat);
    return true;
}

void rmq_handshake_on_tune(struct rmq_connection *connection, const amqp_connection_tune_t *tune)
{
    if (connection->state != RMQ_TUNE_WAIT || handshake_agree(connection, tune)) {
        rmq_connection_fsm(connection, RMQ_ON_TUNE, NULL);
    }
}

void rmq_handshake_send_open(struct rmq_connection *connection)
{
    const struct rmq_tuning *tuning = &connection->tuning;
    amqp_connection_tune_ok_t tune_ok = {tuning->channel_max, tuning->frame_max,
                                         tuning->heartbeat_s};
    const char *vhost = connection->setup.conf->urls[connection->url].vhost;
    amqp_connection_open_t open = {.virtual_host = rmq_bytes_of(vhost)};

    link_set_read_limit(connection->link, tuning->frame_max);
    rmq_connection_send(connection, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &tune_ok);
    if (rmq_connection_send(connection, 0, AMQP_CONNECTION_OPEN_METHOD, &open) != 0) {
        connection->slow = true;
        rmq_connection_fail(connection, AMQP_INTERNAL_ERROR, "the vhost's name is over 255 octets");
    }
}
