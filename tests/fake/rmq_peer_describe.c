/* How methods stand in the log of the scripted broker. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "rmq_peer_private.h"

/* For printf's "%.*s". */
#define TEXT(field) (int)(field).len, (const char *)(field).bytes
/* A word where a flag is set. */
#define FLAG(field, word) ((field) ? " " word : "")

enum { DETAILS_SIZE = 800 };

static void describe_connection(const amqp_method_t *method, char *out)
{
    const amqp_connection_start_ok_t *start_ok = method->decoded;
    const amqp_connection_tune_ok_t *tune_ok = method->decoded;
    const amqp_connection_open_t *open = method->decoded;
    const amqp_channel_close_t *close = method->decoded;

    switch (method->id) {
    case AMQP_CONNECTION_START_OK_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %zu", TEXT(start_ok->mechanism), start_ok->response.len);
        break;
    case AMQP_CONNECTION_TUNE_OK_METHOD:
        snprintf(out, DETAILS_SIZE, "%u %u %u", tune_ok->channel_max, tune_ok->frame_max,
                 tune_ok->heartbeat);
        break;
    case AMQP_CONNECTION_OPEN_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s", TEXT(open->virtual_host));
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
    case AMQP_CHANNEL_CLOSE_METHOD:
        snprintf(out, DETAILS_SIZE, "%u %.*s", close->reply_code, TEXT(close->reply_text));
        break;
    default:
        break;
    }
}

static void describe_topology(const amqp_method_t *method, char *out)
{
    const amqp_exchange_declare_t *exchange = method->decoded;
    const amqp_queue_declare_t *queue = method->decoded;
    const amqp_queue_bind_t *bind = method->decoded;
    const amqp_exchange_bind_t *to_exchange = method->decoded;

    switch (method->id) {
    case AMQP_EXCHANGE_DECLARE_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %.*s%s%s%s%s %d", TEXT(exchange->exchange),
                 TEXT(exchange->type), FLAG(exchange->durable, "durable"),
                 FLAG(exchange->passive, "passive"), FLAG(exchange->internal, "internal"),
                 FLAG(exchange->auto_delete, "auto-delete"), exchange->arguments.num_entries);
        break;
    case AMQP_QUEUE_DECLARE_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s%s%s%s%s %d", TEXT(queue->queue),
                 FLAG(queue->durable, "durable"), FLAG(queue->passive, "passive"),
                 FLAG(queue->exclusive, "exclusive"), FLAG(queue->auto_delete, "auto-delete"),
                 queue->arguments.num_entries);
        break;
    case AMQP_QUEUE_BIND_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %.*s %.*s", TEXT(bind->queue), TEXT(bind->exchange),
                 TEXT(bind->routing_key));
        break;
    case AMQP_EXCHANGE_BIND_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %.*s %.*s", TEXT(to_exchange->destination),
                 TEXT(to_exchange->source), TEXT(to_exchange->routing_key));
        break;
    default:
        break;
    }
}

static void describe_basic(const amqp_method_t *method, char *out)
{
    const amqp_basic_qos_t *qos = method->decoded;
    const amqp_basic_consume_t *consume = method->decoded;
    const amqp_basic_cancel_t *cancel = method->decoded;
    const amqp_basic_publish_t *publish = method->decoded;
    const amqp_basic_ack_t *ack = method->decoded;
    const amqp_basic_reject_t *reject = method->decoded;

    switch (method->id) {
    case AMQP_BASIC_QOS_METHOD:
        snprintf(out, DETAILS_SIZE, "%u", qos->prefetch_count);
        break;
    case AMQP_BASIC_CONSUME_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %.*s%s%s %d", TEXT(consume->queue),
                 TEXT(consume->consumer_tag), FLAG(consume->no_ack, "no-ack"),
                 FLAG(consume->exclusive, "exclusive"), consume->arguments.num_entries);
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s", TEXT(cancel->consumer_tag));
        break;
    case AMQP_BASIC_PUBLISH_METHOD:
        snprintf(out, DETAILS_SIZE, "%.*s %.*s%s", TEXT(publish->exchange),
                 TEXT(publish->routing_key), FLAG(publish->mandatory, "mandatory"));
        break;
    case AMQP_BASIC_ACK_METHOD:
        snprintf(out, DETAILS_SIZE, "%llu%s", (unsigned long long)ack->delivery_tag,
                 FLAG(ack->multiple, "multiple"));
        break;
    case AMQP_BASIC_REJECT_METHOD:
        snprintf(out, DETAILS_SIZE, "%llu%s", (unsigned long long)reject->delivery_tag,
                 FLAG(reject->requeue, "requeue"));
        break;
    default:
        break;
    }
}

/* "AMQP_BASIC_CONSUME_OK_METHOD" as "basic.consume-ok". */
static int describe_name(amqp_method_number_t id, char *out)
{
    const char *known = amqp_method_name(id);
    char separator = '.';
    int len, i;

    assert(known != NULL);
    len = (int)(strlen(known) - strlen("AMQP__METHOD"));
    for (i = 0; i < len; i++) {
        char letter = known[(size_t)i + strlen("AMQP_")];

        out[i] = letter == '_' ? separator : (char)tolower((unsigned char)letter);
        separator = letter == '_' ? '-' : separator;
    }
    return len;
}

void rmq_peer_describe(const amqp_method_t *method, char out_line[RMQ_PEER_LINE_SIZE])
{
    char details[DETAILS_SIZE] = "";
    int len = describe_name(method->id, out_line);

    switch (rmq_class_of(method->id)) {
    case 10:
    case 20:
        describe_connection(method, details);
        break;
    case 40:
    case 50:
        describe_topology(method, details);
        break;
    default:
        describe_basic(method, details);
        break;
    }
    snprintf(out_line + len, (size_t)(RMQ_PEER_LINE_SIZE - len), "%s%s", details[0] ? " " : "",
             details);
}
