/* One FIFO on the loop's side. For: what a bridge does with it. Not for: handing it over to the
 * thread and back (dispatch.c). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "spool/spool_private.h"

struct spool_fifo *fifo_new(struct spool *spool, struct slice name, struct catalog_fifo *entry)
{
    struct spool_fifo *fifo = calloc(1, sizeof(*fifo));

    if (fifo == NULL) {
        return NULL;
    }
    fifo->name = malloc(name.len + 1);
    if (fifo->name == NULL) {
        free(fifo);
        return NULL;
    }
    memcpy(fifo->name, name.data, name.len);
    fifo->name[name.len] = '\0';
    fifo->spool = spool;
    if (entry != NULL) {
        fifo->account = entry->account;
        account_init(&entry->account, 1);
    } else {
        account_init(&fifo->account, 1);
    }
    fifo->durable = fifo->account.next - 1;
    TAILQ_INIT(&fifo->readers);
    STAILQ_INIT(&fifo->asks);
    lane_init(&fifo->lane, slice_make(fifo->name, name.len), fifo->account.next);
    fifo->lane.disk.oldest = fifo->account.removed.from;
    spool->stats.count += fifo->account.count;
    spool->stats.bytes += fifo->account.bytes;
    TAILQ_INSERT_TAIL(&spool->fifos, fifo, link);
    return fifo;
}

void fifo_free(struct spool_fifo *fifo)
{
    lane_fini(&fifo->lane);
    lane_reading_free(fifo->got.reading);
    lane_asks_free(&fifo->asks);
    segment_free(fifo->filling);
    strbuf_fini(&fifo->removed);
    account_fini(&fifo->account);
    free(fifo->name);
    free(fifo);
}

void fifo_touch(struct spool_fifo *fifo)
{
    if (!fifo->touched) {
        fifo->touched = true;
        TAILQ_INSERT_TAIL(&fifo->spool->touched, fifo, touched_link);
    }
}

static struct spool_fifo *find(const struct spool *spool, const char *name)
{
    struct spool_fifo *fifo;

    TAILQ_FOREACH(fifo, &spool->fifos, link) {
        if (strcmp(fifo->name, name) == 0) {
            return fifo;
        }
    }
    return NULL;
}

struct spool_fifo *spool_fifo_open(struct spool *spool, const char *name, uint64_t limit,
                                   const struct spool_fifo_events *events, void *ctx,
                                   struct err *err)
{
    struct spool_fifo *fifo = find(spool, name);
    size_t len = strlen(name);

    if (fifo != NULL && fifo->is_open) {
        err_set(err, "the queue \"%s\" of the spool is in use already", name);
        return NULL;
    }
    if (fifo == NULL && (len == 0 || len > SEGMENT_NAME_MAX)) {
        err_set(err, "no name for a queue of the spool: it must have 1 to %d bytes",
                SEGMENT_NAME_MAX);
        return NULL;
    }
    if (fifo == NULL) {
        fifo = fifo_new(spool, slice_make(name, len), NULL);
    }
    if (fifo == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    fifo->is_open = true;
    fifo->limit = limit;
    fifo->events = events;
    fifo->ctx = ctx;
    return fifo;
}

void spool_fifo_close(struct spool_fifo *fifo)
{
    fifo->is_open = false;
    fifo->reading = false;
    fifo->wants_read = false;
    fifo->ticket++;
    fifo->events = NULL;
    fifo->ctx = NULL;
}

void spool_fifo_set_limit(struct spool_fifo *fifo, uint64_t limit)
{
    fifo->limit = limit;
}

const char *spool_append_name(enum spool_append result)
{
    static const char *const names[] = {"appended",
                                        "the spool is full",
                                        "the bridge's part of the spool is full",
                                        "the disk does not keep up",
                                        "too large for the spool",
                                        "out of memory",
                                        "the spool is closing"};

    return names[-(int)result];
}

/* Whether a record that counts for `bytes` may go in. */
static enum spool_append admit(const struct spool_fifo *fifo, uint64_t bytes)
{
    const struct spool *spool = fifo->spool;

    if (spool->closing) {
        return SPOOL_IS_CLOSING;
    }
    if (bytes > SPOOL_RECORD_MAX || fifo->account.next >= DB_SEQ_END - 1) {
        return SPOOL_TOO_LARGE;
    }
    if (spool->stats.bytes + bytes > spool->options.max_size) {
        return SPOOL_FULL;
    }
    if (fifo->account.bytes + bytes > fifo->limit) {
        return SPOOL_FIFO_FULL;
    }
    if (spool->stats.backlog_bytes > 0 &&
        spool->stats.backlog_bytes + bytes > spool->options.max_backlog) {
        return SPOOL_BUSY;
    }
    return SPOOL_APPENDED;
}

/* Finds a segment that takes a record of `size`: the last one that the thread has not fetched yet,
 * or an empty one. -1: out of memory. */
static int provide_segment(struct spool_fifo *fifo, size_t size)
{
    struct post *post = &fifo->spool->post;
    struct segment *segment = NULL;

    post_lock(post);
    if (fifo->filling != NULL) {
        TAILQ_INSERT_TAIL(&fifo->lane.mail.segments, fifo->filling, link);
        post_add_mail(post, &fifo->lane, fifo->filling->count, false);
        post_wake(post);
        fifo->filling = NULL;
    } else {
        segment = post_take_back(post, &fifo->lane, size);
    }
    if (segment != NULL) {
        post_unlock(post);
        fifo->filling = segment;
        return 0;
    }
    segment = post_take_spare(post);
    post_unlock(post);
    if (segment == NULL) {
        fifo->filling = segment_new(fifo->lane.name, fifo->account.next);
        return fifo->filling != NULL ? 0 : -1;
    }
    if (segment_reset(segment, fifo->lane.name, fifo->account.next) != 0) {
        segment_free(segment);
        return -1;
    }
    fifo->filling = segment;
    return 0;
}

static enum spool_append refuse(struct spool_fifo *fifo, enum spool_append why, uint64_t bytes)
{
    fifo->spool->stats.refused++;
    if (why == SPOOL_FULL || why == SPOOL_BUSY) {
        fifo->spool->wanted_room = bytes;
    }
    return why;
}

enum spool_append spool_fifo_append(struct spool_fifo *fifo, struct slice header, struct slice body,
                                    uint64_t *out_seq)
{
    size_t size = header.len + body.len;
    uint64_t bytes = (uint64_t)size + ACCOUNT_RECORD_OVERHEAD;
    struct spool_stats *stats = &fifo->spool->stats;
    enum spool_append result = admit(fifo, bytes);

    if (result != SPOOL_APPENDED) {
        return refuse(fifo, result, bytes);
    }
    if ((fifo->filling == NULL || !segment_has_room(fifo->filling, size)) &&
        provide_segment(fifo, size) != 0) {
        return refuse(fifo, SPOOL_NO_MEMORY, bytes);
    }
    assert(segment_end(fifo->filling) == fifo->account.next);
    fifo_touch(fifo);
    if (account_reserve(&fifo->account) != 0 || segment_append(fifo->filling, header, body) != 0) {
        return refuse(fifo, SPOOL_NO_MEMORY, bytes);
    }
    account_append(&fifo->account, bytes);
    fifo->backlog_count++;
    stats->count++;
    stats->bytes += bytes;
    stats->backlog_count++;
    stats->backlog_bytes += bytes;
    stats->appended++;
    if (out_seq != NULL) {
        *out_seq = fifo->account.next - 1;
    }
    return SPOOL_APPENDED;
}

int spool_fifo_read(struct spool_fifo *fifo, uint64_t from, size_t max_bytes, size_t max_count)
{
    if (fifo->reading || fifo->spool->closing) {
        return -1;
    }
    fifo->reading = true;
    fifo->wants_read = true;
    fifo->read = (struct lane_read){
        .ticket = ++fifo->ticket, .from = from, .max_bytes = max_bytes, .max_count = max_count};
    fifo_touch(fifo);
    return 0;
}

uint64_t fifo_remove_range(struct spool_fifo *fifo, uint64_t first, uint64_t end)
{
    struct spool_stats *stats = &fifo->spool->stats;
    struct account_sum sum;

    /* Without memory to note it the record stays: it may come again after a restart. */
    if (account_remove(&fifo->account, first, end, &sum) != 0 || sum.count == 0) {
        return 0;
    }
    stats->count -= sum.count;
    stats->bytes -= sum.bytes;
    fifo->removed_changed = true;
    fifo_touch(fifo);
    return sum.count;
}

uint64_t spool_fifo_remove(struct spool_fifo *fifo, uint64_t seq)
{
    uint64_t gone = fifo_remove_range(fifo, seq, seq + 1);

    fifo->spool->stats.removed += gone;
    return gone;
}

uint64_t spool_fifo_remove_upto(struct spool_fifo *fifo, uint64_t seq)
{
    uint64_t gone = fifo_remove_range(fifo, 0, seq + 1);

    fifo->spool->stats.removed += gone;
    return gone;
}

void spool_fifo_get_info(const struct spool_fifo *fifo, struct spool_fifo_info *out_info)
{
    const struct account *account = &fifo->account;

    *out_info = (struct spool_fifo_info){
        .name = fifo->name,
        .is_open = fifo->is_open,
        .count = account->count,
        .bytes = account->bytes,
        .first = account->removed.from < account->next ? account->removed.from : account->next,
        .next = account->next,
        .durable = fifo->durable,
        .lost = fifo->lost,
        .backlog_count = fifo->backlog_count,
    };
}

uint64_t spool_fifo_unwritten(const struct spool_fifo *fifo)
{
    if (fifo->backlog_count == 0) {
        return 0;
    }
    return account_count(&fifo->account, fifo->durable + 1, fifo->account.next);
}

struct spool_fifo *spool_fifo_next(const struct spool *spool, const struct spool_fifo *fifo)
{
    return fifo == NULL ? TAILQ_FIRST(&spool->fifos) : TAILQ_NEXT(fifo, link);
}
