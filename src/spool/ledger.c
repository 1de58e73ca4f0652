/* Bytes by ranges of records. For: limits of size that hold at once, when a record goes in or out,
 * on the loop's side. Not for: what the files take on the disk (db.c). */
#include "spool/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE_FIRST = 16 };

void ledger_fini(struct ledger *ledger)
{
    free(ledger->chunks);
    *ledger = LEDGER_INIT;
}

/* Room for one more chunk at the end; see seqset.c. */
static int make_room(struct ledger *ledger)
{
    size_t size = ledger->size > 0 ? ledger->size * 2 : SIZE_FIRST;
    struct ledger_chunk *chunks = ledger->chunks;

    if (ledger->skip < ledger->count || ledger->size == 0) {
        chunks = realloc(ledger->chunks, size * sizeof(*chunks));
        if (chunks == NULL) {
            return -1;
        }
        ledger->chunks = chunks;
        ledger->size = size;
    }
    memmove(chunks, chunks + ledger->skip, ledger->count * sizeof(*chunks));
    ledger->skip = 0;
    return 0;
}

int ledger_reserve(struct ledger *ledger)
{
    return ledger->skip + ledger->count < ledger->size ? 0 : make_room(ledger);
}

int ledger_add(struct ledger *ledger, uint64_t first, uint64_t end, uint64_t bytes)
{
    struct ledger_chunk *last;

    if (ledger->count > 0) {
        last = &ledger->chunks[ledger->skip + ledger->count - 1];
        if (last->end == first && last->bytes < LEDGER_CHUNK_BYTES) {
            last->end = end;
            last->live += end - first;
            last->bytes += bytes;
            return 0;
        }
    }
    if (ledger_reserve(ledger) != 0) {
        return -1;
    }
    last = &ledger->chunks[ledger->skip + ledger->count];
    *last = (struct ledger_chunk){.first = first, .end = end, .live = end - first, .bytes = bytes};
    ledger->count++;
    return 0;
}

/* The first chunk that ends after `seq`: its place, or the number of chunks. */
static size_t find(const struct ledger *ledger, uint64_t seq)
{
    size_t low = 0, high = ledger->count;

    if (high > 0 && seq < ledger->chunks[ledger->skip].end) {
        return 0;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ledger->chunks[ledger->skip + middle].end <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t take(struct ledger_chunk *chunk, uint64_t count)
{
    uint64_t bytes;

    if (count >= chunk->live) {
        bytes = chunk->bytes;
        chunk->live = 0;
    } else {
        bytes = chunk->bytes / chunk->live * count;
        chunk->live -= count;
    }
    chunk->bytes -= bytes;
    return bytes;
}

uint64_t ledger_remove(struct ledger *ledger, uint64_t first, uint64_t end)
{
    uint64_t bytes = 0;

    for (size_t place = find(ledger, first); place < ledger->count; place++) {
        struct ledger_chunk *chunk = &ledger->chunks[ledger->skip + place];
        uint64_t from = first > chunk->first ? first : chunk->first;
        uint64_t to = end < chunk->end ? end : chunk->end;
        if (to <= from) {
            break;
        }
        bytes += take(chunk, to - from);
    }
    while (ledger->count > 0 && ledger->chunks[ledger->skip].live == 0) {
        ledger->skip++;
        ledger->count--;
    }
    if (ledger->count == 0) {
        ledger->skip = 0;
    }
    return bytes;
}
