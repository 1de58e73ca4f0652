/* Sets of sequence numbers as sorted spans. For: what was removed from a FIFO, in whatever order.
 * Not for: knowing what the numbers stand for (account.c). */
#include "spool/seqset.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 16, VARINT_BITS = 7 };

void seqset_init(struct seqset *set, uint64_t from)
{
    *set = (struct seqset){.from = from};
}

void seqset_fini(struct seqset *set)
{
    free(set->spans);
    seqset_init(set, set->from);
}

const struct seqspan *seqset_spans(const struct seqset *set, size_t *out_count)
{
    *out_count = set->count;
    return set->count > 0 ? set->spans + set->skip : NULL;
}

/* The first span that ends at or after `seq`: its place among those in use, or their count. */
static size_t find(const struct seqset *set, uint64_t seq)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->spans[set->skip + middle].end < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool seqset_has(const struct seqset *set, uint64_t seq)
{
    struct seqspan absent;

    return !seqset_next_absent(set, seq, seq + 1, &absent);
}

bool seqset_next_absent(const struct seqset *set, uint64_t at, uint64_t end,
                        struct seqspan *out_span)
{
    size_t place;

    if (at < set->from) {
        at = set->from;
    }
    place = find(set, at);
    if (place < set->count && set->spans[set->skip + place].end == at) {
        place++;
    }
    if (place < set->count && set->spans[set->skip + place].first <= at) {
        at = set->spans[set->skip + place].end;
        place++;
    }
    if (at >= end) {
        return false;
    }
    out_span->first = at;
    out_span->end = end;
    if (place < set->count && set->spans[set->skip + place].first < end) {
        out_span->end = set->spans[set->skip + place].first;
    }
    return true;
}

/* Makes room for one more entry, when the entries reach to the end of the memory: by moving them
 * where at least half of it is unused, so that a move is paid for by as many additions. */
static int make_room(struct seqset *set)
{
    size_t size = set->size > 0 ? set->size * 2 : SIZE_FIRST;
    struct seqspan *spans = set->spans;

    if (set->skip < set->count || set->size == 0) {
        spans = realloc(set->spans, size * sizeof(*spans));
        if (spans == NULL) {
            return -1;
        }
        set->spans = spans;
        set->size = size;
    }
    memmove(spans, spans + set->skip, set->count * sizeof(*spans));
    set->skip = 0;
    return 0;
}

int seqset_reserve(struct seqset *set)
{
    return set->skip + set->count < set->size ? 0 : make_room(set);
}

/* Takes `count` entries from `place` on out. */
static void cut(struct seqset *set, size_t place, size_t count)
{
    struct seqspan *at;

    if (count == 0) {
        return;
    }
    at = set->spans + set->skip + place;
    if (place == 0) {
        set->skip += count;
    } else {
        memmove(at, at + count, (set->count - place - count) * sizeof(*at));
    }
    set->count -= count;
    if (set->count == 0) {
        set->skip = 0;
    }
}

/* All numbers below `end` are in the set. */
static void raise_from(struct seqset *set, uint64_t end)
{
    size_t gone = 0;

    set->from = end;
    while (gone < set->count && set->spans[set->skip + gone].first <= set->from) {
        if (set->spans[set->skip + gone].end > set->from) {
            set->from = set->spans[set->skip + gone].end;
        }
        gone++;
    }
    cut(set, 0, gone);
}

int seqset_add(struct seqset *set, uint64_t first, uint64_t end)
{
    size_t place, touched = 0;

    if (end <= first || end <= set->from) {
        return 0;
    }
    if (first <= set->from) {
        raise_from(set, end);
        return 0;
    }
    place = find(set, first);
    while (place + touched < set->count && set->spans[set->skip + place + touched].first <= end) {
        struct seqspan *span = &set->spans[set->skip + place + touched];
        first = span->first < first ? span->first : first;
        end = span->end > end ? span->end : end;
        touched++;
    }
    if (touched == 0) {
        struct seqspan *at;
        if (seqset_reserve(set) != 0) {
            return -1;
        }
        at = set->spans + set->skip + place;
        memmove(at + 1, at, (set->count - place) * sizeof(*at));
        set->count++;
        *at = (struct seqspan){first, end};
        return 0;
    }
    set->spans[set->skip + place] = (struct seqspan){first, end};
    cut(set, place + 1, touched - 1);
    return 0;
}

bool seqset_cut(struct seqset *set, uint64_t end)
{
    size_t place = find(set, end);
    bool any = false;

    if (place < set->count && set->spans[set->skip + place].first < end) {
        any = set->spans[set->skip + place].end > end;
        set->spans[set->skip + place].end = end;
        place++;
    }
    any = any || place < set->count;
    set->count = place;
    return any;
}

static void append_varint(struct strbuf *out, uint64_t value)
{
    while (value >> VARINT_BITS != 0) {
        strbuf_append_char(out, (char)(unsigned char)((value & 0x7f) | 0x80));
        value >>= VARINT_BITS;
    }
    strbuf_append_char(out, (char)(unsigned char)value);
}

/* The number at *at, which is stepped over; -1: there is none, or it is over 63 bits. */
static int read_varint(struct slice text, size_t *at, uint64_t *out_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 63 && *at < text.len; shift += VARINT_BITS) {
        unsigned char byte = (unsigned char)text.data[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out_value = value;
            return 0;
        }
    }
    return -1;
}

void seqset_encode(const struct seqset *set, struct strbuf *out)
{
    uint64_t before = set->from;

    for (size_t i = 0; i < set->count; i++) {
        const struct seqspan *span = &set->spans[set->skip + i];
        append_varint(out, span->first - before);
        append_varint(out, span->end - span->first);
        before = span->end;
    }
}

int seqset_decode(struct seqset *set, struct slice spans)
{
    uint64_t before = set->from, gap, length;
    size_t at = 0;

    while (at < spans.len) {
        if (read_varint(spans, &at, &gap) != 0 || read_varint(spans, &at, &length) != 0 ||
            gap == 0 || length == 0 || gap > UINT64_MAX / 4 - before ||
            length > UINT64_MAX / 4 - before - gap ||
            seqset_add(set, before + gap, before + gap + length) != 0) {
            seqset_fini(set);
            return -1;
        }
        before += gap + length;
    }
    return 0;
}
