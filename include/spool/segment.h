/* A segment: consecutive records of one FIFO, written and removed together as one row of the
 * spool's file. Its head tells what it holds, its data are the records one after the other. All
 * numbers are little-endian:
 *
 *     head  "CSEG", version u16, name length u16, first sequence number u64, count u32, name,
 *           count times { header length u32, body length u32, CRC-32C of header and body u32 },
 *           CRC-32C of all of the head before it u32
 *     data  count times { header, body }
 *
 * So a record that reads back good is the one that was written, under that number, of that FIFO. */
#ifndef CHUNNELD_SPOOL_SEGMENT_H
#define CHUNNELD_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/slice.h"
#include "base/strbuf.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_BYTES = 256 * 1024 - 1, /* most bytes of data, but for a single larger record */
    SEGMENT_RECORDS = 4096,         /* most records in one */
    SEGMENT_NAME_MAX = 255,         /* longest name of a FIFO */
};

/* One record, as the spool sees it. */
struct spool_record {
    uint64_t seq;        /* its number in its FIFO, from 1 */
    struct slice header; /* the caller's own */
    struct slice body;   /* any bytes */
};

/* A segment being filled, or waiting to be written. */
struct segment {
    TAILQ_ENTRY(segment) link; /* the list of whoever owns it */
    uint64_t first;            /* number of its first record */
    uint32_t count;            /* records in it */
    bool sealed;               /* the checksums are there; nothing more goes in */
    struct strbuf head;
    struct strbuf data;
};

TAILQ_HEAD(segment_list, segment);

/* An empty segment for records of the FIFO `name` from number `first` on; NULL: out of memory. */
struct segment *segment_new(struct slice name, uint64_t first);
void segment_free(struct segment *segment);
/* Empties it, keeping the memory, for another FIFO or number. -1: out of memory. */
int segment_reset(struct segment *segment, struct slice name, uint64_t first);
/* Whether `size` bytes more go in; an empty one takes a record of any size. */
bool segment_has_room(const struct segment *segment, size_t size);
/* Copies a record to its end: its number is first + count. -1: out of memory, nothing changed. */
int segment_append(struct segment *segment, struct slice header, struct slice body);
/* Writes the checksums; legal twice. The caller must see to it that neither buffer has failed. */
void segment_seal(struct segment *segment);

/* The number after that of its last record. */
static inline uint64_t segment_end(const struct segment *segment)
{
    return segment->first + segment->count;
}

/* A head that was found good; borrows from it. */
struct segment_view {
    struct slice name;
    uint64_t first;
    uint32_t count;
    uint64_t data_len;            /* bytes of all records */
    const unsigned char *entries; /* the table */
};

/* Reads a head. -1: it is damaged, or of another version. */
int segment_view_parse(struct segment_view *view, struct slice head);

enum segment_item {
    SEGMENT_RECORD,  /* *out_record has it */
    SEGMENT_DAMAGED, /* out_record->seq is the number of one that is damaged */
    SEGMENT_END,
};

/* A walk over the records of a segment. */
struct segment_cursor {
    struct segment_view view;
    struct slice data;
    uint32_t index;  /* next record */
    uint64_t offset; /* its place in the data */
};

/* Begins at record number `from`, or at the first one where `from` is below it. */
void segment_cursor_init(struct segment_cursor *cursor, const struct segment_view *view,
                         struct slice data, uint64_t from);
/* The next record, its checksum verified; borrowed from the data. */
enum segment_item segment_cursor_next(struct segment_cursor *cursor,
                                      struct spool_record *out_record);

#endif
