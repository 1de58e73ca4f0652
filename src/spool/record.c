/* Deliveries as records; see the header. Not for: the disk (segment.c). */
#include "spool/record.h"

#include "core/refusal.h"
#include "spool/octets.h"

enum {
    RECORD_PLAIN = 1, /* formats */
    RECORD_DEAD = 2,
    RECORD_HAS_PATTERN = 1,
    RECORD_HEAD = 2 + 8 + 8 + 8 + 4 + 4, /* bytes before the channel */
    RECORD_ERROR_MAX = 1024,
};

/* A record's header taken apart; the slices point into it. */
struct record_parts {
    struct slice channel;
    struct slice pattern;
    struct slice reason;
    struct slice error;
};

static char *record_put(char *at, struct slice bytes)
{
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    return at + bytes.len;
}

/* Why it is a dead letter, behind the rest. */
static void record_write_reason(const struct delivery *delivery, struct strbuf *out)
{
    struct slice reason = slice_of(delivery->reason);
    char len = (char)reason.len;

    strbuf_append(out, &len, 1);
    strbuf_append_slice(out, reason);
    strbuf_append_slice(out, slice_of(delivery->error ? delivery->error : ""));
}

void record_write(const struct delivery *delivery, struct strbuf *out)
{
    size_t size = RECORD_HEAD + delivery->channel.len + delivery->pattern.len;
    unsigned char *at = (unsigned char *)strbuf_reserve(out, size);
    uint64_t process = delivery->process ? delivery->process : delivery_get_process();

    if (at == NULL) {
        return;
    }
    at[0] = delivery->reason != NULL ? RECORD_DEAD : RECORD_PLAIN;
    at[1] = delivery->pattern.data != NULL ? RECORD_HAS_PATTERN : 0;
    octets_put(at + 2, process, 8);
    octets_put(at + 10, delivery->number, 8);
    octets_put(at + 18, (uint64_t)delivery->wall_us, 8);
    octets_put(at + 26, delivery->channel.len, 4);
    octets_put(at + 30, delivery->pattern.len, 4);
    record_put(record_put((char *)at + RECORD_HEAD, delivery->channel), delivery->pattern);
    strbuf_commit(out, size);
    if (delivery->reason != NULL) {
        record_write_reason(delivery, out);
    }
}

/* Cuts `len` bytes off the front of `rest`; -1: it has not so many. */
static int record_cut(struct slice *rest, uint64_t len, struct slice *out_bytes)
{
    if (len > rest->len) {
        return -1;
    }
    *out_bytes = slice_make(rest->data, (size_t)len);
    *rest = slice_make(rest->data + len, rest->len - (size_t)len);
    return 0;
}

static int record_cut_reason(struct slice *rest, struct record_parts *out_parts)
{
    struct slice len;

    if (record_cut(rest, 1, &len) != 0 ||
        record_cut(rest, (unsigned char)len.data[0], &out_parts->reason) != 0) {
        return -1;
    }
    return record_cut(rest, rest->len, &out_parts->error);
}

/* -1: it is of another format, or malformed. */
static int record_parse(struct slice header, struct record_parts *out_parts)
{
    const unsigned char *in = (const unsigned char *)header.data;
    struct slice rest;

    *out_parts = (struct record_parts){.channel = {NULL, 0}};
    if (header.len < RECORD_HEAD || (in[0] != RECORD_PLAIN && in[0] != RECORD_DEAD)) {
        return -1;
    }
    rest = slice_make(header.data + RECORD_HEAD, header.len - RECORD_HEAD);
    if (record_cut(&rest, octets_get(in + 26, 4), &out_parts->channel) != 0 ||
        record_cut(&rest, octets_get(in + 30, 4), &out_parts->pattern) != 0 ||
        (in[0] == RECORD_DEAD && record_cut_reason(&rest, out_parts) != 0)) {
        return -1;
    }
    return rest.len == 0 ? 0 : -1;
}

/* One without a reason that is known is a message like others: it is refused again, or it is not.
 */
static int record_set_reason(struct delivery *delivery, const struct record_parts *parts)
{
    size_t len = parts->error.len < RECORD_ERROR_MAX ? parts->error.len : RECORD_ERROR_MAX;

    delivery->reason = refusal_find_name(parts->reason);
    if (delivery->reason == NULL || len == 0) {
        return 0;
    }
    delivery->error = strndup(parts->error.data, len);
    return delivery->error != NULL ? 0 : -1;
}

static struct slice record_place(char **at, struct slice bytes)
{
    struct slice placed = slice_make(*at, bytes.len);

    *at = record_put(*at, bytes);
    return placed;
}

struct delivery *record_read(struct slice header, struct slice body)
{
    const unsigned char *in = (const unsigned char *)header.data;
    struct record_parts parts;
    struct delivery *delivery;
    char *at;

    if (record_parse(header, &parts) != 0) {
        return NULL;
    }
    delivery = delivery_new(parts.channel.len + parts.pattern.len + body.len, &at);
    if (delivery == NULL || record_set_reason(delivery, &parts) != 0) {
        delivery_free(delivery);
        return NULL;
    }
    delivery->process = octets_get(in + 2, 8);
    delivery->number = octets_get(in + 10, 8);
    delivery->wall_us = (int64_t)octets_get(in + 18, 8);
    delivery->channel = record_place(&at, parts.channel);
    if (in[1] & RECORD_HAS_PATTERN) {
        delivery->pattern = record_place(&at, parts.pattern);
    }
    delivery->body = record_place(&at, body);
    return delivery;
}
