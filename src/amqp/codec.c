/* The codec over rabbitmq-c. For: methods and properties as structs. Not for: frames (frame.c),
 * tables as the core knows them (fields.c), anything that waits. No other file calls the library.
 */
#include "amqp/codec.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "amqp/deliver_read.h"
#include "amqp/octets.h"
#include "amqp/scan.h"

enum {
    CODEC_PAGE_SIZE = 8192,
    CODEC_PAGES_KEPT = 16, /* a pool that grew beyond is given back */
    CODEC_HEAD = 4,        /* class and method number of a method */
};

struct rmq_codec {
    amqp_basic_deliver_t deliver; /* the last one */
    amqp_pool_t decoded;          /* what the last decode made */
    amqp_pool_t encoding;         /* rmq_codec_alloc() since the last recycle */
};

struct rmq_codec *rmq_codec_new(void)
{
    struct rmq_codec *codec = calloc(1, sizeof(*codec));

    if (codec == NULL) {
        return NULL;
    }
    init_amqp_pool(&codec->decoded, CODEC_PAGE_SIZE);
    init_amqp_pool(&codec->encoding, CODEC_PAGE_SIZE);
    return codec;
}

void rmq_codec_free(struct rmq_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    empty_amqp_pool(&codec->decoded);
    empty_amqp_pool(&codec->encoding);
    free(codec);
}

static void codec_recycle_pool(amqp_pool_t *pool)
{
    if (pool->pages.num_blocks > CODEC_PAGES_KEPT) {
        empty_amqp_pool(pool);
        init_amqp_pool(pool, CODEC_PAGE_SIZE);
        return;
    }
    recycle_amqp_pool(pool);
}

void *rmq_codec_alloc(struct rmq_codec *codec, size_t size)
{
    return size <= INT_MAX ? amqp_pool_alloc(&codec->encoding, size) : NULL;
}

void rmq_codec_recycle(struct rmq_codec *codec)
{
    codec_recycle_pool(&codec->encoding);
}

/* Whether a server may send it to a client that does what we do. All others are refused unread:
 * some hold tables that nobody has looked over. */
static bool codec_is_from_server(amqp_method_number_t id)
{
    switch (id) {
    case AMQP_CONNECTION_START_METHOD:
    case AMQP_CONNECTION_SECURE_METHOD:
    case AMQP_CONNECTION_TUNE_METHOD:
    case AMQP_CONNECTION_OPEN_OK_METHOD:
    case AMQP_CONNECTION_CLOSE_METHOD:
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
    case AMQP_CONNECTION_BLOCKED_METHOD:
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
    case AMQP_CHANNEL_OPEN_OK_METHOD:
    case AMQP_CHANNEL_FLOW_METHOD:
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
    case AMQP_EXCHANGE_DECLARE_OK_METHOD:
    case AMQP_EXCHANGE_BIND_OK_METHOD:
    case AMQP_QUEUE_DECLARE_OK_METHOD:
    case AMQP_QUEUE_BIND_OK_METHOD:
    case AMQP_BASIC_QOS_OK_METHOD:
    case AMQP_BASIC_CONSUME_OK_METHOD:
    case AMQP_BASIC_CANCEL_METHOD:
    case AMQP_BASIC_CANCEL_OK_METHOD:
    case AMQP_BASIC_RETURN_METHOD:
    case AMQP_BASIC_DELIVER_METHOD:
    case AMQP_BASIC_ACK_METHOD:
    case AMQP_BASIC_NACK_METHOD:
    case AMQP_CONFIRM_SELECT_OK_METHOD:
    case AMQP_TX_SELECT_OK_METHOD:
    case AMQP_TX_COMMIT_OK_METHOD:
        return true;
    default:
        return false;
    }
}

/* connection.start is the only method from a server that holds a table (AMQP 0-9-1 §1.4.2.1). */
static int codec_scan_method(amqp_method_number_t id, struct slice arguments, struct err *err)
{
    enum { VERSION_OCTETS = 2 };
    size_t size;

    if (id != AMQP_CONNECTION_START_METHOD) {
        return 0;
    }
    if (arguments.len < VERSION_OCTETS) {
        return err_set(err, "it is cut off");
    }
    arguments.data += VERSION_OCTETS;
    arguments.len -= VERSION_OCTETS;
    return rmq_scan_table(arguments, &size, err);
}

int rmq_codec_decode_method(struct rmq_codec *codec, struct slice payload,
                            amqp_method_t *out_method, struct err *err)
{
    char name[RMQ_METHOD_NAME_SIZE];
    struct slice arguments;
    struct err why;
    amqp_method_t method;
    int status;

    if (payload.len < CODEC_HEAD) {
        return err_set(err, "a method frame of %zu octets", payload.len);
    }
    method.id = rmq_get_u32(payload.data);
    arguments = slice_make(payload.data + CODEC_HEAD, payload.len - CODEC_HEAD);
    if (method.id == AMQP_BASIC_DELIVER_METHOD &&
        rmq_deliver_read(arguments, &codec->deliver) == 0) {
        *out_method = (amqp_method_t){method.id, &codec->deliver};
        return 0;
    }
    if (!codec_is_from_server(method.id)) {
        return err_set(err, "%s, which no server sends to a client like this",
                       rmq_codec_method_name(method.id, name));
    }
    if (codec_scan_method(method.id, arguments, &why) != 0) {
        return err_set(err, "%s: %s", rmq_codec_method_name(method.id, name), why.text);
    }
    codec_recycle_pool(&codec->decoded);
    status = amqp_decode_method(method.id, &codec->decoded, rmq_bytes(arguments), &method.decoded);
    if (status != AMQP_STATUS_OK) {
        return err_set(err, "%s: %s", rmq_codec_method_name(method.id, name),
                       status == AMQP_STATUS_NO_MEMORY ? "out of memory" : "it is cut off");
    }
    *out_method = method;
    return 0;
}

int rmq_codec_decode_properties(struct rmq_codec *codec, struct slice raw,
                                const amqp_basic_properties_t **out_properties, struct err *err)
{
    void *decoded = NULL;
    int status;

    if (rmq_scan_properties(raw, err) != 0) {
        return -1;
    }
    codec_recycle_pool(&codec->decoded);
    status = amqp_decode_properties(AMQP_BASIC_CLASS, &codec->decoded, rmq_bytes(raw), &decoded);
    if (status != AMQP_STATUS_OK) {
        return err_set(err, "%s", amqp_error_string2(status));
    }
    *out_properties = decoded;
    return 0;
}

/* The library takes what it encodes as not const, but only reads it. */
static void *codec_unconst(const void *data)
{
    union {
        const void *read;
        void *any;
    } pointer = {.read = data};

    return pointer.any;
}

ssize_t rmq_codec_encode_method(amqp_method_number_t id, const void *method, uint8_t *out,
                                size_t size)
{
    int len;

    if (size < CODEC_HEAD) {
        return -1;
    }
    rmq_put_u32(out, id);
    len = amqp_encode_method(id, codec_unconst(method),
                             (amqp_bytes_t){size - CODEC_HEAD, out + CODEC_HEAD});
    return len < 0 ? -1 : len + CODEC_HEAD;
}

ssize_t rmq_codec_encode_properties(const amqp_basic_properties_t *properties, uint8_t *out,
                                    size_t size)
{
    int len = amqp_encode_properties(AMQP_BASIC_CLASS, codec_unconst(properties),
                                     (amqp_bytes_t){size, out});

    return len < 0 ? -1 : len;
}

const char *rmq_codec_method_name(amqp_method_number_t id, char out_name[RMQ_METHOD_NAME_SIZE])
{
    enum { BEFORE = sizeof("AMQP_") - 1, BEHIND = sizeof("_METHOD") - 1 };
    const char *known = amqp_method_name(id); /* "AMQP_BASIC_CONSUME_OK_METHOD" */
    size_t len = known ? strlen(known) : 0;
    char separator = '.';
    size_t i;

    if (len <= BEFORE + BEHIND || len - BEFORE - BEHIND >= RMQ_METHOD_NAME_SIZE) {
        snprintf(out_name, RMQ_METHOD_NAME_SIZE, "method %u.%u", rmq_class_of(id),
                 rmq_method_of(id));
        return out_name;
    }
    len -= BEFORE + BEHIND;
    for (i = 0; i < len; i++) {
        char letter = known[BEFORE + i];

        if (letter == '_') {
            out_name[i] = separator;
            separator = '-';
        } else {
            out_name[i] = (char)tolower((unsigned char)letter);
        }
    }
    out_name[len] = '\0';
    return out_name;
}
