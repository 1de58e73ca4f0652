/* Reading for the loop: from the file, and behind it from what is not written yet. For: records
 * whose checksums are right. Not for: knowing which of them were removed since (fifo.c). */
#include <stdlib.h>

#include "spool/worker.h"

/* An answer being put together. */
struct answer {
    struct lane_reading *reading;
    const struct lane_read *limits;
    bool no_memory;
};

static bool is_full(const struct answer *answer)
{
    const struct lane_reading *reading = answer->reading;

    return answer->no_memory ||
           (reading->count > 0 && (reading->count >= answer->limits->max_count ||
                                   reading->data.len >= answer->limits->max_bytes));
}

/* Whether a record of `len` bytes still fits; the first one always does. */
static bool fits(const struct answer *answer, size_t len)
{
    const struct lane_reading *reading = answer->reading;

    return reading->count == 0 ||
           (!is_full(answer) && len <= answer->limits->max_bytes - reading->data.len);
}

/* Takes what is wanted out of a segment. False: the answer is full, and more may be there. */
static bool add_segment(struct answer *answer, struct slice head, struct slice data)
{
    struct lane_reading *reading = answer->reading;
    struct segment_cursor cursor;
    struct spool_record record;
    struct segment_view view;
    enum segment_item item;

    if (segment_view_parse(&view, head) != 0) {
        return true; /* its records are missing from the answer, and so counted as lost */
    }
    segment_cursor_init(&cursor, &view, data, reading->upto);
    while ((item = segment_cursor_next(&cursor, &record)) != SEGMENT_END) {
        if (item == SEGMENT_RECORD) {
            if (!fits(answer, record.header.len + record.body.len)) {
                return false;
            }
            if (lane_reading_add(reading, &record) != 0) {
                answer->no_memory = true;
                return false;
            }
        }
        reading->upto = record.seq + 1;
    }
    return true;
}

/* The part that is in the file. */
static enum db_result read_file(struct worker *worker, const struct lane *lane,
                                struct answer *answer, struct err *err)
{
    struct db *db = worker->recover.db;
    struct lane_reading *reading = answer->reading;
    struct db_row row;
    bool more = true;
    int got;

    if (db == NULL || lane->disk.id == 0 || reading->upto >= lane->disk.end) {
        return DB_OK;
    }
    got = db_seek(db, lane->disk.id, reading->upto, err);
    while (got >= 0 && more && !is_full(answer)) {
        got = db_next(db, &row, err);
        if (got != 1) {
            break;
        }
        more = row.first >= lane->disk.end || add_segment(answer, row.head, row.data);
    }
    db_end(db);
    if (got < 0) {
        return (enum db_result)got;
    }
    if (got == 0 && reading->upto < lane->disk.end && !is_full(answer)) {
        reading->upto = lane->disk.end;
    }
    return DB_OK;
}

/* The part that is still to be written. */
static void read_pending(struct lane *lane, struct answer *answer)
{
    struct segment *segment;

    TAILQ_FOREACH(segment, &lane->disk.pending, link) {
        if (is_full(answer)) {
            return;
        }
        if (segment_end(segment) <= answer->reading->upto) {
            continue;
        }
        segment_seal(segment);
        if (!add_segment(answer, strbuf_slice(&segment->head), strbuf_slice(&segment->data))) {
            return;
        }
    }
}

static enum db_result no_memory(struct lane_reading *reading, struct err *err)
{
    lane_reading_free(reading);
    err_set(err, "the spool cannot be read: out of memory");
    return DB_LATER;
}

/* Puts the answer to a question together; *out_reading is the caller's. */
static enum db_result answer_read(struct worker *worker, struct lane *lane,
                                  const struct lane_read *read, struct lane_reading **out_reading,
                                  struct err *err)
{
    struct lane_reading *reading = calloc(1, sizeof(*reading));
    struct answer answer = {.reading = reading, .limits = read};
    enum db_result result;

    if (reading == NULL) {
        return no_memory(reading, err);
    }
    reading->ticket = read->ticket;
    reading->from = reading->upto = read->from;
    result = read_file(worker, lane, &answer, err);
    if (result != DB_OK) {
        lane_reading_free(reading);
        return result;
    }
    if (reading->upto >= lane->disk.end) {
        read_pending(lane, &answer);
    }
    if (answer.no_memory && reading->count == 0) {
        return no_memory(reading, err);
    }
    lane_reading_settle(reading);
    *out_reading = reading;
    return DB_OK;
}

static enum db_result read_lane(struct worker *worker, struct lane *lane, struct err *err)
{
    struct lane_reading *reading;
    struct lane_reading *unwanted; /* to a question that was put before */
    enum db_result result = answer_read(worker, lane, &lane->disk.read, &reading, err);

    if (result != DB_OK) {
        return result;
    }
    lane->disk.has_read = false;
    post_lock(worker->post);
    unwanted = lane->news.reading;
    lane->news.reading = reading;
    post_add_news(worker->post, lane);
    post_unlock(worker->post);
    lane_reading_free(unwanted);
    return DB_OK;
}

/* Answers those who read beside the owner. */
static enum db_result read_asked(struct worker *worker, struct lane *lane, struct err *err)
{
    enum db_result result = DB_OK;
    struct lane_ask *ask;

    while (result == DB_OK && (ask = STAILQ_FIRST(&lane->asking)) != NULL) {
        result = answer_read(worker, lane, &ask->read, &ask->reading, err);
        if (result == DB_OK) {
            STAILQ_REMOVE_HEAD(&lane->asking, link);
            post_lock(worker->post);
            STAILQ_INSERT_TAIL(&lane->answered, ask, link);
            post_add_news(worker->post, lane);
            post_unlock(worker->post);
        }
    }
    return result;
}

enum db_result worker_read(struct worker *worker, struct err *err)
{
    enum db_result result = DB_OK;
    struct lane *lane;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        if (lane->disk.has_read && result == DB_OK) {
            result = read_lane(worker, lane, err);
        }
    }
    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        if (result == DB_OK) {
            result = read_asked(worker, lane, err);
        }
    }
    return result;
}
