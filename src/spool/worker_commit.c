/* The group commits of the spool's thread. For: what goes into a transaction, and what is told
 * after it. Not for: what to do when one fails (worker.c). */
#include "base/clock.h"
#include "spool/account.h"
#include "spool/worker.h"

enum {
    WIDE_SPAN =
        256, /* removed records above the oldest that are worth looking for whole segments */
    BULK_BUDGETS = 4, /* a transaction's bytes in bulk, in those of another one */
};

static const uint64_t bulk_linger_us =
    CLOCK_US_PER_S; /* from the last need of the bulk to its end, or to the next try */

static bool lane_has_work(const struct lane *lane)
{
    return !TAILQ_EMPTY(&lane->disk.pending) || (lane->disk.row_is_stale && lane->disk.id != 0);
}

bool worker_has_work(const struct worker *worker)
{
    const struct lane *lane;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        if (lane_has_work(lane)) {
            return true;
        }
    }
    return false;
}

bool worker_file_is_unneeded(const struct worker *worker)
{
    const struct lane *lane;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        if (lane->disk.oldest < lane->disk.end) {
            return false;
        }
    }
    return true;
}

/* Bytes that a segment counts for in the backlog. */
static uint64_t backlog_of(const struct segment *segment)
{
    return segment->data.len + (uint64_t)segment->count * ACCOUNT_RECORD_OVERHEAD;
}

/* Takes `count` segments, and those behind them that nobody wants any more, from what is pending:
 * they left the backlog. Under the lock. */
static void release(struct post *post, struct lane *lane, unsigned count)
{
    struct lane_disk *disk = &lane->disk;
    struct segment *segment;

    while ((segment = TAILQ_FIRST(&disk->pending)) != NULL &&
           (count > 0 || segment_end(segment) <= disk->oldest)) {
        count -= count > 0;
        TAILQ_REMOVE(&disk->pending, segment, link);
        disk->end = segment_end(segment);
        lane->news.durable = disk->end - 1;
        lane->news.count += segment->count;
        lane->news.bytes += backlog_of(segment);
        post_give_spare(post, segment);
        post_add_news(post, lane);
    }
}

/* Removes the segments that hold nothing wanted. */
static enum db_result delete_removed(struct worker *worker, const struct lane_disk *disk,
                                     struct err *err)
{
    struct db *db = worker->recover.db;
    enum db_result result = db_delete_segments(db, disk->id, 0, disk->oldest, err);
    const struct seqspan *spans;
    struct seqset removed;
    size_t count;

    seqset_init(&removed, disk->oldest);
    /* Without memory for the spans their segments stay until a later commit. */
    seqset_decode(&removed, strbuf_slice(&disk->removed));
    spans = seqset_spans(&removed, &count);
    for (size_t i = 0; i < count && result == DB_OK; i++) {
        if (spans[i].end - spans[i].first >= WIDE_SPAN) {
            result = db_delete_segments(db, disk->id, spans[i].first, spans[i].end, err);
        }
    }
    seqset_fini(&removed);
    return result;
}

/* Writes what was removed from a FIFO; its first row comes with its first records. */
static enum db_result write_row(struct worker *worker, struct lane *lane, struct err *err)
{
    struct lane_disk *disk = &lane->disk;
    enum db_result result = DB_OK;
    struct db_fifo row;

    if (disk->id == 0) {
        if (TAILQ_EMPTY(&disk->pending)) {
            return DB_OK;
        }
        if (worker->last_id >= DB_FIFO_MAX) {
            err_set(err, "the spool has no room for the name of another bridge: purge old ones");
            return DB_LATER;
        }
        disk->id = ++worker->last_id;
        disk->row_is_stale = true;
    }
    if (!disk->row_is_stale) {
        return DB_OK;
    }
    row = (struct db_fifo){.id = disk->id,
                           .name = lane->name,
                           .oldest = disk->oldest,
                           .removed = strbuf_slice(&disk->removed)};
    result = db_put_fifo(worker->recover.db, &row, err);
    if (result == DB_OK) {
        result = delete_removed(worker, disk, err);
    }
    return result;
}

/* Writes the lane's next segment, if it has one; *bytes goes up by its size. */
static enum db_result write_segment(struct worker *worker, struct lane *lane, struct segment **next,
                                    size_t *bytes, struct err *err)
{
    struct segment *segment = *next;
    enum db_result result;
    struct db_row row;

    segment_seal(segment);
    row = (struct db_row){.fifo = lane->disk.id,
                          .first = segment->first,
                          .last = segment_end(segment) - 1,
                          .head = strbuf_slice(&segment->head),
                          .data = strbuf_slice(&segment->data)};
    result = db_put_segment(worker->recover.db, &row, err);
    if (result == DB_OK) {
        lane->disk.written++;
        *bytes += row.head.len + row.data.len;
        *next = TAILQ_NEXT(segment, link);
    }
    return result;
}

/* Fills a transaction: the rows of all lanes, then segments until the budget is used up. */
static enum db_result fill(struct worker *worker, struct err *err)
{
    size_t bytes = 0, budget = worker->budget * (db_is_bulk(worker->recover.db) ? BULK_BUDGETS : 1);
    enum db_result result = DB_OK;
    struct lane *lane;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        lane->disk.written = 0;
        result = write_row(worker, lane, err);
        if (result != DB_OK) {
            return result;
        }
    }
    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        struct segment *next = TAILQ_FIRST(&lane->disk.pending);
        while (next != NULL && bytes < budget && result == DB_OK) {
            result = write_segment(worker, lane, &next, &bytes, err);
        }
        if (result != DB_OK) {
            return result;
        }
    }
    return result;
}

/* A transaction is on the disk. */
static void tell(struct worker *worker, uint64_t took_us)
{
    struct post *post = worker->post;
    struct lane *lane;

    post_lock(post);
    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        lane->disk.row_is_stale = false;
        release(post, lane, lane->disk.written);
    }
    post->commits++;
    histogram_record(&post->commit, took_us);
    post_add_news(post, NULL);
    post_unlock(post);
    /* The next lane in the list comes first the next time. */
    lane = STAILQ_FIRST(&worker->lanes);
    STAILQ_REMOVE_HEAD(&worker->lanes, siblings);
    STAILQ_INSERT_TAIL(&worker->lanes, lane, siblings);
}

void worker_drop_unwanted(struct worker *worker)
{
    struct lane *lane;

    post_lock(worker->post);
    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        release(worker->post, lane, 0);
    }
    post_unlock(worker->post);
}

bool worker_is_pending(const struct worker *worker, uint64_t bytes)
{
    const struct segment *segment;
    const struct lane *lane;
    uint64_t sum = 0;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        TAILQ_FOREACH(segment, &lane->disk.pending, link) {
            sum += segment->data.len;
            if (sum >= bytes) {
                return true;
            }
        }
    }
    return false;
}

/* What of a change of the journal's way is a failure of the disk; want of room for it is none. */
static enum db_result mind_bulk(enum db_result result)
{
    return result == DB_BROKEN ? result : DB_OK;
}

/* Begins writing in bulk where that pays. */
static enum db_result begin_bulk(struct worker *worker, struct err *err)
{
    struct db *db = worker->recover.db;
    enum db_result result = DB_OK;
    uint64_t now;

    if (!worker_is_pending(worker, worker->bulk_bytes)) {
        return DB_OK;
    }
    now = clock_monotonic_us();
    if (!db_is_bulk(db) && now >= worker->bulk_until) {
        result = db_set_bulk(db, true, err);
    }
    if (db_is_bulk(db) || now >= worker->bulk_until) {
        worker->bulk_until = now + bulk_linger_us;
    }
    return mind_bulk(result);
}

enum db_result worker_end_bulk(struct worker *worker, uint64_t now, struct err *err)
{
    struct db *db = worker->recover.db;
    enum db_result result;

    if (db == NULL || !db_is_bulk(db) || now < worker->bulk_until) {
        return DB_OK;
    }
    result = db_set_bulk(db, false, err);
    /* The next burst may come at once. */
    worker->bulk_until = result == DB_OK ? 0 : now + bulk_linger_us;
    return mind_bulk(result);
}

/* One transaction, told of when it is on the disk. */
static enum db_result commit_once(struct worker *worker, struct err *err)
{
    enum db_result result = recover_prove(&worker->recover, err);
    struct db *db = worker->recover.db;
    uint64_t start;

    if (result != DB_OK) {
        return result;
    }
    result = begin_bulk(worker, err);
    if (result == DB_OK) {
        result = db_begin(db, err);
    }
    if (result == DB_OK) {
        result = fill(worker, err);
    }
    if (result != DB_OK) {
        db_rollback(db);
        return result;
    }
    start = clock_monotonic_us();
    result = db_commit(db, err);
    if (result == DB_OK) {
        tell(worker, clock_monotonic_us() - start);
    }
    return result;
}

enum db_result worker_commit(struct worker *worker, struct err *err)
{
    enum db_result result = DB_OK;

    worker_drop_unwanted(worker);
    do {
        struct db *db;
        if (worker_has_work(worker)) {
            result = commit_once(worker, err);
        }
        db = worker->recover.db;
        if (result == DB_OK && db != NULL && db_wal_is_long(db)) {
            result = db_checkpoint(db, false, err);
        }
    } while (result == DB_OK && worker_has_work(worker) && !post_is_aborting(worker->post));
    return result;
}
