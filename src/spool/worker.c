/* The life of the spool's thread: waiting for mail, writing, reading, upkeep, and what to do when
 * the disk refuses. For: deciding when. Not for: the steps themselves (worker_commit.c,
 * worker_read.c, recover.c). */
#include "spool/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"

enum {
    BUDGET_MAX = 4 * 1024 * 1024,  /* a transaction's bytes: what the page cache holds */
    BUDGET_MIN = 64 * 1024,        /* while there is little room */
    SHRINK_STEP = 1024 * 1024,     /* bytes given back at a time */
    SHRINK_FROM = 8 * 1024 * 1024, /* unused bytes worth giving back, if they are also */
    SHRINK_SHARE = 4,              /* more than this part of the file */
    MOVE_MAX = 1024 * 1024,        /* what is little enough to be moved to a fresh file instead */
    ERASE_STEP = 64 * 1024 * 1024, /* bytes of the old one given back at a time */
};

static const uint64_t upkeep_delay_us =
    250 * CLOCK_US_PER_MS; /* from a commit to the look at sizes */
static const uint64_t shrink_pause_us = 20 * CLOCK_US_PER_MS; /* at least, between two steps */
static const uint64_t closing_retry_us =
    250 * CLOCK_US_PER_MS; /* at most, between two tries when somebody waits for the end */

/* The file is another one: it knows nothing of what was removed since it was written last. */
static void forget_rows(struct worker *worker)
{
    struct lane *lane;

    STAILQ_FOREACH(lane, &worker->lanes, siblings) {
        lane->disk.row_is_stale = lane->disk.row_is_stale || lane->disk.id != 0;
    }
}

static void tell_notes(struct worker *worker)
{
    struct strbuf *notes = &worker->recover.notes;

    if (notes->len == 0) {
        return;
    }
    post_lock(worker->post);
    strbuf_append_slice(&worker->post->notes, strbuf_slice(notes));
    post_add_news(worker->post, NULL);
    post_unlock(worker->post);
    strbuf_reset(notes);
}

/* A step failed: waits, and says so if that is new. */
static void fail(struct worker *worker, enum db_result result, const struct err *err)
{
    struct post *post = worker->post;
    uint64_t now = clock_monotonic_us();

    if (result == DB_BROKEN) {
        worker->needs_fresh = true;
    } else {
        worker->budget = worker->budget / 2 > BUDGET_MIN ? worker->budget / 2 : BUDGET_MIN;
        if (worker->recover.db != NULL) {
            /* What is in the log already makes room in it by being written back, if it can be. */
            db_checkpoint(worker->recover.db, false, NULL);
        }
    }
    worker->retry_at = now + backoff_next(&worker->backoff, &worker->rand, now);
    post_lock(post);
    post->failures++;
    if (!worker->in_trouble || strcmp(post->trouble.text, err->text) != 0) {
        post->trouble = *err;
        post->has_trouble = true;
        post->has_recovered = false;
        post_add_news(post, NULL);
    }
    post_unlock(post);
    worker->in_trouble = true;
}

static void succeed(struct worker *worker)
{
    worker->budget = worker->budget * 2 < BUDGET_MAX ? worker->budget * 2 : BUDGET_MAX;
    if (!worker->in_trouble) {
        return;
    }
    worker->in_trouble = false;
    backoff_good(&worker->backoff, clock_monotonic_us());
    post_lock(worker->post);
    worker->post->has_recovered = true;
    post_add_news(worker->post, NULL);
    post_unlock(worker->post);
}

/* Makes the file fit to be written again, where it is not. */
static enum db_result mend(struct worker *worker, struct err *err)
{
    enum db_result result = DB_OK;

    if (worker->needs_fresh) {
        result = recover_move(&worker->recover, err);
        worker->needs_fresh = result != DB_OK;
        forget_rows(worker);
    } else if (worker->in_trouble && worker->recover.db != NULL &&
               worker_file_is_unneeded(worker)) {
        result = recover_restart(&worker->recover, err);
        forget_rows(worker);
    }
    return result;
}

/* Gives unused bytes of the file back, a little at a time. */
static enum db_result shrink(struct worker *worker, uint64_t now, uint64_t used, uint64_t unused,
                             struct err *err)
{
    struct db *db = worker->recover.db;
    enum db_result result;

    if (used <= MOVE_MAX) {
        result = recover_move(&worker->recover, err);
        forget_rows(worker);
        if (result != DB_LATER || worker->recover.db != db) {
            worker->upkeep_at = now + shrink_pause_us;
            return result;
        }
    }
    result = db_shrink(db, SHRINK_STEP, err);
    if (result == DB_OK && (unused - SHRINK_STEP < SHRINK_FROM || db_wal_is_long(db))) {
        result = db_checkpoint(db, false, err); /* only this makes the file shorter */
    }
    worker->upkeep_at = clock_monotonic_us() + shrink_pause_us + 4 * (clock_monotonic_us() - now);
    return result;
}

/* What is done a while after something was written, in no hurry. */
static enum db_result keep_up(struct worker *worker, uint64_t now, struct err *err)
{
    struct db *db = worker->recover.db;
    enum db_result result;
    uint64_t bytes, unused;

    if (worker->upkeep_at == 0 || now < worker->upkeep_at || db == NULL) {
        return DB_OK;
    }
    worker->upkeep_at = 0;
    if (dir_erase_step(&worker->recover.dir, ERASE_STEP)) {
        worker->upkeep_at = now + shrink_pause_us;
    }
    result = worker_end_bulk(worker, now, err);
    if (result == DB_OK) {
        result = db_measure(db, &bytes, &unused, err);
    }
    if (result != DB_OK) {
        return result;
    }
    post_lock(worker->post);
    worker->post->file_bytes = bytes;
    post_unlock(worker->post);
    if (db_is_bulk(db)) {
        worker->upkeep_at = now + upkeep_delay_us;
        return DB_OK;
    }
    if (unused < SHRINK_FROM || unused < bytes / SHRINK_SHARE) {
        return DB_OK;
    }
    return shrink(worker, now, bytes - unused, unused, err);
}

/* One round: everything that is due now. */
static void work(struct worker *worker)
{
    uint64_t now = clock_monotonic_us();
    bool may_write = !worker->in_trouble || now >= worker->retry_at;
    enum db_result result = DB_OK;
    struct err err = {""};

    if (may_write) {
        bool had_work = worker_has_work(worker);
        result = mend(worker, &err);
        if (result == DB_OK) {
            result = worker_commit(worker, &err);
        }
        if (result == DB_OK) {
            result = keep_up(worker, now, &err);
        }
        if (had_work && worker->upkeep_at == 0) {
            worker->upkeep_at = now + upkeep_delay_us;
        }
        if (result == DB_OK) {
            succeed(worker);
        } else {
            fail(worker, result, &err);
        }
    }
    result = worker_read(worker, &err);
    if (result != DB_OK) {
        fail(worker, result, &err);
    }
    tell_notes(worker);
}

/* What a disk in trouble is still needed for at the end: nothing, if all that was handed over has
 * been settled meanwhile. Then the file goes, so that the next process finds none of it. */
static bool do_without_disk(struct worker *worker)
{
    worker_drop_unwanted(worker);
    if (worker_is_pending(worker, 0) || !worker_file_is_unneeded(worker)) {
        return false;
    }
    recover_give_up(&worker->recover);
    return true;
}

/* The orderly end, once nothing is left to be written. What is in the log then is safe there too,
 * so a failure to tidy up is none. */
static bool finish(struct worker *worker)
{
    struct post *post = worker->post;
    bool done;

    post_lock(post);
    done = post->closing && STAILQ_EMPTY(&post->mail);
    post_unlock(post);
    if (!done || (worker->in_trouble && !do_without_disk(worker))) {
        return false;
    }
    recover_close(&worker->recover, true, NULL);
    post_lock(post);
    post->closed = true;
    post_add_news(post, NULL);
    post_unlock(post);
    return true;
}

/* Who waits for the end does not wait for a long pause between two tries. */
static void hasten_retry(struct worker *worker)
{
    uint64_t soon = clock_monotonic_us() + closing_retry_us;

    if (worker->in_trouble && worker->retry_at > soon && post_is_closing(worker->post)) {
        worker->retry_at = soon;
    }
}

static void *run(void *arg)
{
    struct worker *worker = arg;

    for (;;) {
        uint64_t until;

        hasten_retry(worker);
        until = worker->in_trouble ? worker->retry_at : worker->upkeep_at;
        if (!post_wait(worker->post, until, worker->in_trouble, &worker->lanes)) {
            break;
        }
        work(worker);
        if (finish(worker)) {
            break;
        }
    }
    recover_close(&worker->recover, false, NULL);
    return NULL;
}

int worker_start(struct worker *worker, struct err *err)
{
    sigset_t all, before;
    int failure;

    worker->budget = BUDGET_MAX;
    worker->upkeep_at = clock_monotonic_us() + upkeep_delay_us;
    rand_init(&worker->rand);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        return err_set_errno(err, failure, "no thread for the spool");
    }
    return 0;
}
