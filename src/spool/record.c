/* Deliveries as records; see the header. Not for: the disk (segment.c). */
#include "spool/record.h"

#include "spool/octets.h"

enum {
    RECORD_FORMAT = 1,
    RECORD_HAS_PATTERN = 1,
    RECORD_HEAD = 2 + 8 + 8 + 8 + 4 + 4, /* bytes before the channel */
};

void record_write(const struct delivery *delivery, struct strbuf *out)
{
    size_t size = RECORD_HEAD + delivery->channel.len + delivery->pattern.len;
    unsigned char *at = (unsigned char *)strbuf_reserve(out, size);
    uint64_t process = delivery->process ? delivery->process : delivery_get_process();

    if (at == NULL) {
        return;
    }
    at[0] = RECORD_FORMAT;
    at[1] = delivery->pattern.data != NULL ? RECORD_HAS_PATTERN : 0;
    octets_put(at + 2, process, 8);
    octets_put(at + 10, delivery->number, 8);
    octets_put(at + 18, (uint64_t)delivery->wall_us, 8);
    octets_put(at + 26, delivery->channel.len, 4);
    octets_put(at + 30, delivery->pattern.len, 4);
    if (delivery->channel.len > 0) {
        memcpy(at + RECORD_HEAD, delivery->channel.data, delivery->channel.len);
    }
    if (delivery->pattern.len > 0) {
        memcpy(at + RECORD_HEAD + delivery->channel.len, delivery->pattern.data,
               delivery->pattern.len);
    }
    strbuf_commit(out, size);
}

static struct slice record_place(char **at, const void *data, size_t len)
{
    struct slice placed = slice_make(*at, len);

    if (len > 0) {
        memcpy(*at, data, len);
    }
    *at += len;
    return placed;
}

struct delivery *record_read(struct slice header, struct slice body)
{
    const unsigned char *in = (const unsigned char *)header.data;
    struct delivery *delivery;
    size_t channel;
    size_t pattern;
    char *at;

    if (header.len < RECORD_HEAD || in[0] != RECORD_FORMAT) {
        return NULL;
    }
    channel = (size_t)octets_get(in + 26, 4);
    pattern = (size_t)octets_get(in + 30, 4);
    if (channel > header.len - RECORD_HEAD || pattern != header.len - RECORD_HEAD - channel) {
        return NULL;
    }
    delivery = delivery_new(channel + pattern + body.len, &at);
    if (delivery == NULL) {
        return NULL;
    }
    delivery->process = octets_get(in + 2, 8);
    delivery->number = octets_get(in + 10, 8);
    delivery->wall_us = (int64_t)octets_get(in + 18, 8);
    delivery->channel = record_place(&at, in + RECORD_HEAD, channel);
    if (in[1] & RECORD_HAS_PATTERN) {
        delivery->pattern = record_place(&at, in + RECORD_HEAD + channel, pattern);
    }
    delivery->body = record_place(&at, body.data, body.len);
    return delivery;
}
