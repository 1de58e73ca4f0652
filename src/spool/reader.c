/* Reading beside the owner of a FIFO. For: questions that change nothing, and what is told of their
 * answers. Not for: the owner's reading, which finds out what is lost (dispatch.c). */
#include "spool/reader.h"

#include <stdlib.h>

#include "spool/spool_private.h"

struct spool_reader *spool_reader_new(struct spool_fifo *fifo,
                                      const struct spool_reader_events *events, void *ctx)
{
    struct spool_reader *reader = calloc(1, sizeof(*reader));

    if (reader != NULL) {
        reader->fifo = fifo;
        reader->events = events;
        reader->ctx = ctx;
        TAILQ_INSERT_TAIL(&fifo->readers, reader, link);
    }
    return reader;
}

void spool_reader_free(struct spool_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->asked != NULL) {
        reader->asked->reader = NULL; /* it comes back, and is freed then */
    }
    TAILQ_REMOVE(&reader->fifo->readers, reader, link);
    free(reader);
}

int spool_reader_ask(struct spool_reader *reader, uint64_t from, size_t max_bytes, size_t max_count)
{
    struct spool_fifo *fifo = reader->fifo;
    struct lane_ask *ask;

    if (reader->asked != NULL || fifo->spool->closing) {
        return -1;
    }
    ask = calloc(1, sizeof(*ask));
    if (ask == NULL) {
        return -1;
    }
    ask->read = (struct lane_read){.from = from, .max_bytes = max_bytes, .max_count = max_count};
    ask->reader = reader;
    reader->asked = ask;
    STAILQ_INSERT_TAIL(&fifo->asks, ask, link);
    fifo_touch(fifo);
    return 0;
}

/* Keeps of the records those that are still there; returns how many are missing between them. */
static uint64_t reader_sift(const struct account *account, struct lane_reading *reading)
{
    uint64_t at = reading->from;
    uint64_t missing = 0;
    size_t kept = 0;
    size_t i;

    for (i = 0; i < reading->count; i++) {
        const struct spool_record *record = &reading->records[i];

        missing += account_count(account, at, record->seq);
        at = record->seq + 1;
        if (account_has(account, record->seq)) {
            reading->records[kept++] = *record;
        }
    }
    reading->count = kept;
    return missing + account_count(account, at, reading->upto);
}

void reader_tell_answer(struct lane_ask *ask)
{
    struct spool_reader *reader = ask->reader;
    struct lane_reading *reading = ask->reading;
    uint64_t damaged;

    if (reader != NULL) {
        reader->asked = NULL;
        damaged = reader_sift(&reader->fifo->account, reading);
        if (reader->events->on_records != NULL) {
            reader->events->on_records(reader->ctx, reading->records, reading->count, reading->upto,
                                       damaged);
        }
    }
    lane_reading_free(reading);
    free(ask);
}

void reader_tell_durable(struct spool_fifo *fifo)
{
    struct spool_reader *reader;

    TAILQ_FOREACH(reader, &fifo->readers, link) {
        if (reader->events->on_durable != NULL) {
            reader->events->on_durable(reader->ctx, fifo->durable);
        }
    }
}
