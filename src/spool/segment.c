/* Segments: putting records together for the disk, and taking them apart again with every checksum
 * verified. For: the format. Not for: where segments are kept (db.c). */
#include "spool/segment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/octets.h"

static const unsigned char magic[4] = {'C', 'S', 'E', 'G'};

enum {
    AT_VERSION = 4,
    AT_NAME_LEN = 6,
    AT_FIRST = 8,
    AT_COUNT = 16,
    AT_NAME = 20,
    ENTRY_LEN = 12, /* a record in the table */
    CRC_LEN = 4,
};

int segment_reset(struct segment *segment, struct slice name, uint64_t first)
{
    unsigned char fixed[AT_NAME];

    assert(name.len <= SEGMENT_NAME_MAX);
    memcpy(fixed, magic, sizeof(magic));
    octets_put(fixed + AT_VERSION, SEGMENT_VERSION, 2);
    octets_put(fixed + AT_NAME_LEN, name.len, 2);
    octets_put(fixed + AT_FIRST, first, 8);
    octets_put(fixed + AT_COUNT, 0, 4);
    segment->first = first;
    segment->count = 0;
    segment->sealed = false;
    strbuf_reset(&segment->head);
    strbuf_reset(&segment->data);
    strbuf_append(&segment->head, fixed, sizeof(fixed));
    strbuf_append_slice(&segment->head, name);
    return strbuf_failed(&segment->head) ? -1 : 0;
}

struct segment *segment_new(struct slice name, uint64_t first)
{
    struct segment *segment = calloc(1, sizeof(*segment));

    if (segment != NULL && segment_reset(segment, name, first) != 0) {
        segment_free(segment);
        return NULL;
    }
    return segment;
}

void segment_free(struct segment *segment)
{
    if (segment != NULL) {
        strbuf_fini(&segment->head);
        strbuf_fini(&segment->data);
        free(segment);
    }
}

bool segment_has_room(const struct segment *segment, size_t size)
{
    if (segment->sealed || segment->count >= SEGMENT_RECORDS) {
        return false;
    }
    return segment->count == 0 ||
           (size <= SEGMENT_BYTES && segment->data.len <= SEGMENT_BYTES - size);
}

int segment_append(struct segment *segment, struct slice header, struct slice body)
{
    unsigned char *entry;
    char *data;

    assert(!segment->sealed && header.len <= UINT32_MAX && body.len <= UINT32_MAX);
    /* The seal's checksum has its room too, so that sealing cannot fail. */
    entry = (unsigned char *)strbuf_reserve(&segment->head, ENTRY_LEN + CRC_LEN);
    data = strbuf_reserve(&segment->data, header.len + body.len);
    if (entry == NULL || data == NULL) {
        segment->head.failed = false;
        segment->data.failed = false;
        return -1;
    }
    octets_put(entry, header.len, 4);
    octets_put(entry + 4, body.len, 4);
    octets_put(entry + 8, 0, 4);
    strbuf_commit(&segment->head, ENTRY_LEN);
    if (header.len > 0) {
        memcpy(data, header.data, header.len);
    }
    if (body.len > 0) {
        memcpy(data + header.len, body.data, body.len);
    }
    strbuf_commit(&segment->data, header.len + body.len);
    segment->count++;
    return 0;
}

void segment_seal(struct segment *segment)
{
    unsigned char *head = (unsigned char *)segment->head.data;
    unsigned char *entry = head + AT_NAME + octets_get(head + AT_NAME_LEN, 2);
    const char *data = segment->data.data;
    unsigned char crc[CRC_LEN];

    if (segment->sealed) {
        return;
    }
    for (uint32_t i = 0; i < segment->count; i++, entry += ENTRY_LEN) {
        size_t len = (size_t)octets_get(entry, 4) + (size_t)octets_get(entry + 4, 4);
        octets_put(entry + 8, crc32c(0, data, len), 4);
        data += len;
    }
    octets_put(head + AT_COUNT, segment->count, 4);
    octets_put(crc, crc32c(0, head, segment->head.len), CRC_LEN);
    strbuf_append(&segment->head, crc, sizeof(crc));
    segment->sealed = true;
}

int segment_view_parse(struct segment_view *view, struct slice head)
{
    const unsigned char *at = (const unsigned char *)head.data;
    size_t name_len, table_len;
    uint64_t count;

    if (head.len < AT_NAME + CRC_LEN || memcmp(at, magic, sizeof(magic)) != 0 ||
        octets_get(at + AT_VERSION, 2) != SEGMENT_VERSION) {
        return -1;
    }
    if (octets_get(at + head.len - CRC_LEN, CRC_LEN) != crc32c(0, at, head.len - CRC_LEN)) {
        return -1;
    }
    name_len = (size_t)octets_get(at + AT_NAME_LEN, 2);
    count = octets_get(at + AT_COUNT, 4);
    table_len = (size_t)count * ENTRY_LEN;
    if (count == 0 || head.len != AT_NAME + name_len + table_len + CRC_LEN) {
        return -1;
    }
    view->name = slice_make(at + AT_NAME, name_len);
    view->first = octets_get(at + AT_FIRST, 8);
    view->count = (uint32_t)count;
    view->entries = at + AT_NAME + name_len;
    view->data_len = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *entry = view->entries + i * ENTRY_LEN;
        view->data_len += octets_get(entry, 4) + octets_get(entry + 4, 4);
    }
    return 0;
}

/* Steps over a record; its lengths. */
static const unsigned char *step(struct segment_cursor *cursor, size_t *out_header,
                                 size_t *out_body)
{
    const unsigned char *entry = cursor->view.entries + (size_t)cursor->index * ENTRY_LEN;

    *out_header = (size_t)octets_get(entry, 4);
    *out_body = (size_t)octets_get(entry + 4, 4);
    cursor->offset += *out_header + *out_body;
    cursor->index++;
    return entry;
}

void segment_cursor_init(struct segment_cursor *cursor, const struct segment_view *view,
                         struct slice data, uint64_t from)
{
    size_t header, body;

    *cursor = (struct segment_cursor){.view = *view, .data = data};
    if (data.data == NULL) {
        cursor->data = SLICE("");
    }
    while (cursor->index < view->count && view->first + cursor->index < from) {
        step(cursor, &header, &body);
    }
}

enum segment_item segment_cursor_next(struct segment_cursor *cursor,
                                      struct spool_record *out_record)
{
    uint64_t offset = cursor->offset;
    const unsigned char *entry;
    const char *data;
    size_t header, body;

    if (cursor->index >= cursor->view.count) {
        return SEGMENT_END;
    }
    out_record->seq = cursor->view.first + cursor->index;
    entry = step(cursor, &header, &body);
    if (cursor->offset > cursor->data.len) {
        return SEGMENT_DAMAGED;
    }
    data = cursor->data.data + offset;
    if (octets_get(entry + 8, 4) != crc32c(0, data, header + body)) {
        return SEGMENT_DAMAGED;
    }
    out_record->header = slice_make(data, header);
    out_record->body = slice_make(data + header, body);
    return SEGMENT_RECORD;
}
