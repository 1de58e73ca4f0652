/* Content coming in: method, header, body frames, in this order and no other. For: making one
 * delivery of them, whatever the peer claims. Not for: acknowledging it (source.c) or matching it
 * with what was published (returns.c). */
#include "amqp/content.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/fields.h"
#include "amqp/frame.h"
#include "base/strbuf.h"

enum {
    NAME_MAX_SIZE = 255,             /* octets of a short string */
    AT_ONCE_MAX = RMQ_FRAME_MAX_MAX, /* bodies up to this size get their memory with the header */
};

/* No broker takes a larger message (RabbitMQ's own bound was 2 GiB, and is 512 MiB now): who
 * announces one has lost count, and is not listened to for that long. */
#define BODY_SIZE_MAX (UINT64_C(2) << 30)

enum content_state {
    CONTENT_IDLE,   /* a method comes next */
    CONTENT_HEADER, /* the header comes next */
    CONTENT_BODY,   /* body frames come next */
};

/* A short string kept. */
struct content_name {
    uint8_t len;
    char text[NAME_MAX_SIZE];
};

struct rmq_content {
    struct rmq_content_options options;
    enum content_state state;
    struct content_name queue;
    struct content_name exchange;
    struct content_name routing_key;
    bool redelivered;
    struct rmq_message message; /* what is known of it so far */
    char text[NAME_MAX_SIZE + 1];
    uint64_t left;            /* octets of the body not here yet */
    char *body;               /* where the next of them goes, inside message.delivery */
    struct strbuf raw_header; /* of a big body: its properties, until the delivery is made */
    struct strbuf raw_body;   /* of a big body: what came */
};

struct rmq_content *rmq_content_new(const struct rmq_content_options *options)
{
    struct rmq_content *content = calloc(1, sizeof(*content));

    if (content != NULL) {
        content->options = *options;
    }
    return content;
}

void rmq_content_free(struct rmq_content *content)
{
    if (content != NULL) {
        rmq_content_reset(content);
        free(content);
    }
}

void rmq_content_reset(struct rmq_content *content)
{
    delivery_free(content->message.delivery);
    content->message = (struct rmq_message){0};
    content->state = CONTENT_IDLE;
    strbuf_fini(&content->raw_header);
    strbuf_fini(&content->raw_body);
}

bool rmq_content_is_under_way(const struct rmq_content *content)
{
    return content->state != CONTENT_IDLE;
}

static void content_keep(struct content_name *name, struct slice text)
{
    assert(text.len <= NAME_MAX_SIZE);
    name->len = (uint8_t)text.len;
    if (text.len > 0) {
        memcpy(name->text, text.data, text.len);
    }
}

void rmq_content_set_queue(struct rmq_content *content, struct slice queue)
{
    content_keep(&content->queue, queue);
}

static int content_begin(struct rmq_content *content, amqp_bytes_t exchange,
                         amqp_bytes_t routing_key, struct err *err)
{
    if (content->state != CONTENT_IDLE) {
        return err_set(err, "a method in the middle of content");
    }
    content->state = CONTENT_HEADER;
    content_keep(&content->exchange, rmq_slice(exchange));
    content_keep(&content->routing_key, rmq_slice(routing_key));
    content->message = (struct rmq_message){0};
    return 0;
}

int rmq_content_begin_deliver(struct rmq_content *content, const amqp_basic_deliver_t *deliver,
                              struct err *err)
{
    if (content_begin(content, deliver->exchange, deliver->routing_key, err) != 0) {
        return -1;
    }
    content->redelivered = deliver->redelivered != 0;
    content->message.tag = deliver->delivery_tag;
    return 0;
}

int rmq_content_begin_return(struct rmq_content *content, const amqp_basic_return_t *returned,
                             struct err *err)
{
    if (content_begin(content, returned->exchange, returned->routing_key, err) != 0) {
        return -1;
    }
    content->message.returned = true;
    content->message.code = returned->reply_code;
    snprintf(content->text, sizeof(content->text), "%.*s", (int)returned->reply_text.len,
             (const char *)returned->reply_text.bytes);
    content->message.text = content->text;
    return 0;
}

static struct slice content_place(char **at, const void *data, size_t len)
{
    struct slice placed = slice_make(*at, len);

    memcpy(*at, data, len);
    *at += len;
    return placed;
}

/* Makes the delivery, with room for the body behind everything else. `properties` may be NULL. */
static int content_build(struct rmq_content *content, const amqp_basic_properties_t *properties,
                         struct slice raw, size_t body_len, struct err *err)
{
    size_t structs = properties ? rmq_fields_measure(properties) : 0;
    size_t names = (size_t)content->queue.len + content->exchange.len + content->routing_key.len;
    struct delivery *delivery;
    char *at;

    if (properties == NULL) {
        raw.len = 0;
    }
    delivery = delivery_new(structs + raw.len + names + body_len, &at);
    if (delivery == NULL) {
        return err_set(err, "out of memory");
    }
    if (properties != NULL) {
        struct rmq_fields_target target = {at, raw.data, at + structs};

        memcpy(at + structs, raw.data, raw.len);
        delivery->properties = rmq_fields_from_properties(properties, &target);
        at += structs + raw.len;
    }
    delivery->queue = content_place(&at, content->queue.text, content->queue.len);
    delivery->exchange = content_place(&at, content->exchange.text, content->exchange.len);
    delivery->routing_key = content_place(&at, content->routing_key.text, content->routing_key.len);
    delivery->body = slice_make(at, body_len);
    delivery->redelivered = content->redelivered;
    delivery->tag = content->message.tag;
    content->message.delivery = delivery;
    content->body = at;
    return 0;
}

/* A delivery that says why it is not here whole: that is its publisher's doing, and no reason to
 * give up the connection. */
static int content_refuse(struct rmq_content *content, const struct err *why, struct err *err)
{
    size_t size = strlen(why->text) + 1;
    struct delivery *delivery;

    if (content_build(content, NULL, slice_make(NULL, 0), size, err) != 0) {
        return -1;
    }
    delivery = content->message.delivery;
    memcpy(content->body, why->text, size);
    delivery->refused_why = content->body;
    delivery->body.len = 0;
    return 0;
}

static bool content_is_refused(const struct rmq_content *content)
{
    return content->message.delivery != NULL && content->message.delivery->refused_why != NULL;
}

/* Makes the delivery of a header's raw properties. */
static int content_build_from_raw(struct rmq_content *content, struct rmq_codec *codec,
                                  struct slice raw, size_t body_len, struct err *err)
{
    const amqp_basic_properties_t *properties = NULL;
    struct err why;

    if (content->options.need_properties &&
        rmq_codec_decode_properties(codec, raw, &properties, &why) != 0) {
        return content_refuse(content, &why, err);
    }
    return content_build(content, properties, raw, body_len, err);
}

static enum rmq_content_progress content_progress(const struct rmq_content *content)
{
    return content->left == 0 ? RMQ_CONTENT_DONE : RMQ_CONTENT_MORE;
}

/* A body of which the size is not believed: only the properties are kept, for the end. */
static int content_expect_big(struct rmq_content *content, struct rmq_codec *codec,
                              struct slice raw, struct err *err)
{
    const amqp_basic_properties_t *properties;
    struct err why;

    if (content->options.need_properties &&
        rmq_codec_decode_properties(codec, raw, &properties, &why) != 0) {
        return content_refuse(content, &why, err);
    }
    strbuf_append_slice(&content->raw_header, raw);
    return strbuf_failed(&content->raw_header) ? err_set(err, "out of memory") : 0;
}

static int content_refuse_size(struct rmq_content *content, struct err *err)
{
    struct err why;

    err_set(&why, "a body of %llu octets, over the %llu that are read",
            (unsigned long long)content->left, (unsigned long long)content->options.max_size);
    if (content_refuse(content, &why, err) != 0) {
        return -1;
    }
    content->message.delivery->is_too_large = true;
    return 0;
}

enum rmq_content_progress rmq_content_take_header(struct rmq_content *content,
                                                  struct rmq_codec *codec, struct slice payload,
                                                  struct err *err)
{
    struct slice raw;
    int status;

    if (content->state != CONTENT_HEADER) {
        return err_set(err, "a content header that no method announced");
    }
    if (payload.len < RMQ_HEADER_HEAD || rmq_get_u16(payload.data) != AMQP_BASIC_CLASS) {
        return err_set(err, "a content header that is not of the basic class");
    }
    content->left = rmq_get_u64(payload.data + 4);
    if (content->left > BODY_SIZE_MAX) {
        return err_set(err, "a body of %llu octets announced, more than any broker takes",
                       (unsigned long long)content->left);
    }
    content->state = CONTENT_BODY;
    raw = slice_make(payload.data + RMQ_HEADER_HEAD, payload.len - RMQ_HEADER_HEAD);
    if (content->left > content->options.max_size) {
        status = content_refuse_size(content, err);
    } else if (content->left > AT_ONCE_MAX) {
        status = content_expect_big(content, codec, raw, err);
    } else {
        status = content_build_from_raw(content, codec, raw, (size_t)content->left, err);
    }
    return status != 0 ? RMQ_CONTENT_BROKEN : content_progress(content);
}

/* The last of a big body is here: the delivery can be made. */
static int content_build_big(struct rmq_content *content, struct rmq_codec *codec, struct err *err)
{
    struct slice raw = strbuf_slice(&content->raw_header);
    struct slice body = strbuf_slice(&content->raw_body);

    if (content_build_from_raw(content, codec, raw, body.len, err) != 0) {
        return -1;
    }
    if (!content_is_refused(content)) {
        memcpy(content->body, body.data, body.len);
    }
    strbuf_fini(&content->raw_header);
    strbuf_fini(&content->raw_body);
    return 0;
}

enum rmq_content_progress rmq_content_take_body(struct rmq_content *content,
                                                struct rmq_codec *codec, struct slice payload,
                                                struct err *err)
{
    if (content->state != CONTENT_BODY) {
        return err_set(err, "a body frame that no content header announced");
    }
    if (payload.len == 0 || payload.len > content->left) {
        return err_set(err, "a body frame of %zu octets where %llu are left", payload.len,
                       (unsigned long long)content->left);
    }
    content->left -= payload.len;
    if (content_is_refused(content)) {
        return content_progress(content);
    }
    if (content->message.delivery != NULL) {
        memcpy(content->body, payload.data, payload.len);
        content->body += payload.len;
        return content_progress(content);
    }
    strbuf_append_slice(&content->raw_body, payload);
    if (strbuf_failed(&content->raw_body)) {
        return err_set(err, "out of memory");
    }
    if (content->left == 0 && content_build_big(content, codec, err) != 0) {
        return RMQ_CONTENT_BROKEN;
    }
    return content_progress(content);
}

void rmq_content_finish(struct rmq_content *content, struct rmq_message *out_message)
{
    assert(content->state == CONTENT_BODY && content->left == 0);
    *out_message = content->message;
    content->message = (struct rmq_message){0};
    content->state = CONTENT_IDLE;
}
