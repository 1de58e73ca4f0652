/* The spool as a whole on the loop's side. For: its beginning, its end, and its numbers. Not for:
 * its FIFOs (fifo.c) and what goes to the thread and back (dispatch.c). */
#include "spool/spool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "spool/spool_private.h"

/* A stop asks for every message whether there is room. */
static const uint64_t room_every_us = 100 * CLOCK_US_PER_MS;

void spool_options_init(struct spool_options *options)
{
    *options = (struct spool_options){
        .max_size = UINT64_MAX / 2,
        .max_backlog = 16 * 1024 * 1024,
        .commit_delay_us = 4 * CLOCK_US_PER_MS,
        .commit_records = 1000,
        .bulk_bytes = 4 * 1024 * 1024,
        .retry_min_us = 100 * CLOCK_US_PER_MS,
        .retry_max_us = 5 * CLOCK_US_PER_S,
    };
}

/* Makes the FIFO of a catalogue's entry; the thread knows it from the start. */
static int adopt(struct spool *spool, struct catalog_fifo *entry)
{
    struct slice name = slice_make(entry->name, entry->name_len);
    struct spool_fifo *fifo = fifo_new(spool, name, entry);
    struct lane_disk *disk;

    if (fifo == NULL) {
        return -1;
    }
    disk = &fifo->lane.disk;
    disk->known = true;
    disk->id = entry->id;
    disk->row_is_stale = entry->stale;
    seqset_encode(&fifo->account.removed, &disk->removed);
    STAILQ_INSERT_TAIL(&spool->worker.lanes, &fifo->lane, siblings);
    if (entry->id > spool->worker.last_id) {
        spool->worker.last_id = entry->id;
    }
    fifo->lost = entry->lost;
    spool->stats.lost += entry->lost;
    if (entry->lost > 0) {
        strbuf_append_format(&spool->worker.recover.notes,
                             "%llu records of the queue \"%s\" are damaged or missing\n",
                             (unsigned long long)entry->lost, fifo->name);
    }
    return strbuf_failed(&disk->removed) ? -1 : 0;
}

/* Opens the file in the directory, which is locked, and takes over what it holds. */
static int load(struct spool *spool, struct err *err)
{
    struct catalog catalog = CATALOG_INIT;
    int result = 0;

    if (recover_open(&spool->worker.recover, &catalog, err) != DB_OK) {
        catalog_fini(&catalog);
        return -1;
    }
    for (size_t i = 0; i < catalog.count && result == 0; i++) {
        result = adopt(spool, &catalog.fifos[i]);
    }
    catalog_fini(&catalog);
    return result == 0 ? 0 : err_set(err, "the spool cannot be opened: out of memory");
}

static const struct spool_events no_events;

static struct spool *new_spool(const struct spool_options *options,
                               const struct spool_events *events, void *ctx)
{
    struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL) {
        return NULL;
    }
    spool->options = *options;
    spool->events = events != NULL ? events : &no_events;
    spool->ctx = ctx;
    TAILQ_INIT(&spool->fifos);
    TAILQ_INIT(&spool->touched);
    STAILQ_INIT(&spool->worker.lanes);
    spool->worker.post = &spool->post;
    spool->worker.recover.vfs = options->vfs;
    spool->worker.bulk_bytes = options->bulk_bytes;
    backoff_init(&spool->worker.backoff, options->retry_min_us, options->retry_max_us);
    return spool;
}

static void free_fifos(struct spool *spool)
{
    struct spool_fifo *fifo;

    while ((fifo = TAILQ_FIRST(&spool->fifos)) != NULL) {
        TAILQ_REMOVE(&spool->fifos, fifo, link);
        fifo_free(fifo);
    }
}

enum spool_open_result spool_open(const char *directory, const struct spool_options *options,
                                  const struct spool_events *events, void *ctx,
                                  struct spool **out_spool, struct err *err)
{
    const struct post_terms terms = {.delay_us = options->commit_delay_us,
                                     .count = options->commit_records};
    enum spool_open_result result = SPOOL_FAILED;
    struct spool *spool = new_spool(options, events, ctx);
    enum dir_result opened;

    if (spool == NULL) {
        err_set(err, "the spool cannot be opened: out of memory");
        return SPOOL_FAILED;
    }
    opened = dir_open(&spool->worker.recover.dir, directory, true, err);
    if (opened != DIR_OK) {
        result = opened == DIR_LOCKED ? SPOOL_LOCKED : SPOOL_FAILED;
        goto free_spool;
    }
    if (post_init(&spool->post, &terms, err) != 0) {
        goto close_dir;
    }
    if (load(spool, err) != 0 || worker_start(&spool->worker, err) != 0) {
        goto close_file;
    }
    *out_spool = spool;
    return SPOOL_OPENED;

close_file:
    recover_close(&spool->worker.recover, false, NULL);
    free_fifos(spool);
    post_fini(&spool->post);
close_dir:
    dir_close(&spool->worker.recover.dir);
free_spool:
    free(spool);
    return result;
}

void spool_close(struct spool *spool)
{
    spool_flush(spool);
    spool->closing = true;
    post_lock(&spool->post);
    spool->post.closing = true;
    spool->post.urgent = true; /* also while the thread waits for a disk in trouble */
    post_wake(&spool->post);
    post_unlock(&spool->post);
}

void spool_free(struct spool *spool)
{
    if (spool == NULL) {
        return;
    }
    post_lock(&spool->post);
    spool->post.aborting = true;
    post_wake(&spool->post);
    post_unlock(&spool->post);
    pthread_join(spool->worker.thread, NULL);
    free_fifos(spool);
    post_fini(&spool->post);
    dir_close(&spool->worker.recover.dir);
    free(spool);
}

int spool_fd(const struct spool *spool)
{
    return spool->post.fd;
}

void spool_get_stats(struct spool *spool, struct spool_stats *out_stats)
{
    struct post *post = &spool->post;

    post_lock(post);
    spool->stats.commits = post->commits;
    spool->stats.failures = post->failures;
    spool->stats.file_bytes = post->file_bytes;
    spool->stats.commit = post->commit;
    post_unlock(post);
    *out_stats = spool->stats;
}

bool spool_is_in_trouble(const struct spool *spool)
{
    return spool->stats.in_trouble;
}

bool spool_is_short(struct spool *spool, uint64_t bytes)
{
    uint64_t now = clock_monotonic_us();

    if (spool->room_at_us == 0 || now - spool->room_at_us >= room_every_us) {
        spool->room = dir_room(&spool->worker.recover.dir);
        spool->room_at_us = now;
    }
    return spool->room < bytes;
}

uint64_t spool_backlog(const struct spool *spool)
{
    return spool->stats.backlog_bytes;
}
