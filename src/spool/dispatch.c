/* The loop's side of the hand-over. For: giving the thread what a turn of the loop brought, and
 * telling what came of it. Not for: the lock and the waiting themselves (post.c). */
#include <string.h>
#include <unistd.h>

#include "spool/spool_private.h"

/* Puts what is removed into the form of the file. Without memory it waits for the next turn. */
static void encode_removed(struct spool_fifo *fifo)
{
    if (fifo->removed_changed) {
        strbuf_reset(&fifo->removed);
        seqset_encode(&fifo->account.removed, &fifo->removed);
    }
}

/* Lays what the FIFO has for the thread into its mail, under the lock. */
static void hand_over(struct spool_fifo *fifo)
{
    struct post *post = &fifo->spool->post;
    struct lane_mail *mail = &fifo->lane.mail;
    struct strbuf old = mail->removed;
    uint64_t count = 0;

    if (fifo->filling != NULL && fifo->filling->count > 0) {
        count = fifo->filling->count;
        TAILQ_INSERT_TAIL(&mail->segments, fifo->filling, link);
        fifo->filling = NULL;
    }
    if (fifo->removed_changed && !strbuf_failed(&fifo->removed)) {
        mail->has_removed = true;
        mail->oldest = fifo->account.removed.from;
        mail->removed = fifo->removed;
        fifo->removed = old;
        fifo->removed_changed = false;
    }
    if (fifo->wants_read) {
        mail->has_read = true;
        mail->read = fifo->read;
        fifo->wants_read = false;
    }
    /* Who reads beside the owner can wait for the next group of records. */
    STAILQ_CONCAT(&fifo->lane.asked, &fifo->asks);
    post_add_mail(post, &fifo->lane, count, mail->has_read);
}

void spool_flush(struct spool *spool)
{
    struct spool_fifo *fifo;

    if (TAILQ_EMPTY(&spool->touched)) {
        return;
    }
    TAILQ_FOREACH(fifo, &spool->touched, touched_link) {
        encode_removed(fifo);
    }
    post_lock(&spool->post);
    while ((fifo = TAILQ_FIRST(&spool->touched)) != NULL) {
        TAILQ_REMOVE(&spool->touched, fifo, touched_link);
        fifo->touched = false;
        hand_over(fifo);
    }
    post_wake(&spool->post);
    post_unlock(&spool->post);
}

STAILQ_HEAD(got_list, spool_fifo);

/* What the thread has to tell of the spool as a whole. */
struct news {
    struct got_list fifos;
    struct lane_ask_list asks; /* with their answers */
    bool has_trouble;
    bool has_recovered;
    bool closed;
    struct err trouble;
    struct strbuf notes;
};

static void collect(struct spool *spool, struct news *news)
{
    struct post *post = &spool->post;
    struct lane *lane;
    uint64_t counter;

    *news = (struct news){.notes = STRBUF_INIT};
    STAILQ_INIT(&news->fifos);
    STAILQ_INIT(&news->asks);
    post_lock(post);
    /* Whether there was something to be read does not matter. */
    if (read(post->fd, &counter, sizeof(counter)) <= 0) {
        counter = 0;
    }
    post->signalled = false;
    while ((lane = STAILQ_FIRST(&post->news)) != NULL) {
        struct spool_fifo *fifo = (struct spool_fifo *)lane;
        STAILQ_REMOVE_HEAD(&post->news, newsed);
        lane->has_news = false;
        fifo->got = lane->news;
        lane->news = (struct lane_news){0};
        STAILQ_CONCAT(&news->asks, &lane->answered);
        STAILQ_INSERT_TAIL(&news->fifos, fifo, got_link);
    }
    news->has_trouble = post->has_trouble;
    news->has_recovered = post->has_recovered;
    news->closed = post->closed;
    news->trouble = post->trouble;
    news->notes = post->notes;
    post->notes = STRBUF_INIT;
    post->has_trouble = post->has_recovered = post->closed = false;
    post_unlock(post);
}

/* What should be in [first, end) and was not found there, is lost. */
static void lose(struct spool_fifo *fifo, uint64_t first, uint64_t end)
{
    uint64_t gone = first < end ? fifo_remove_range(fifo, first, end) : 0;

    if (gone == 0) {
        return;
    }
    fifo->lost += gone;
    fifo->spool->stats.lost += gone;
    if (fifo->events != NULL && fifo->events->on_lost != NULL) {
        fifo->events->on_lost(fifo->ctx, first, end - 1, gone);
    }
}

/* Hands out what was read, without what was removed meanwhile. */
static void deliver(struct spool_fifo *fifo, const struct lane_reading *reading)
{
    uint64_t at = reading->from;
    size_t kept = 0;

    if (reading->ticket != fifo->ticket) {
        return;
    }
    fifo->reading = false;
    for (size_t i = 0; i < reading->count; i++) {
        lose(fifo, at, reading->records[i].seq);
        at = reading->records[i].seq + 1;
    }
    lose(fifo, at, reading->upto);
    for (size_t i = 0; i < reading->count; i++) {
        if (account_has(&fifo->account, reading->records[i].seq)) {
            reading->records[kept++] = reading->records[i];
        }
    }
    if (fifo->events != NULL && fifo->events->on_records != NULL) {
        fifo->events->on_records(fifo->ctx, reading->records, kept, reading->upto);
    }
}

static void tell_fifo(struct spool_fifo *fifo)
{
    struct spool_stats *stats = &fifo->spool->stats;
    struct lane_news got = fifo->got;

    fifo->got = (struct lane_news){0};
    fifo->backlog_count -= got.count;
    stats->backlog_count -= got.count;
    stats->backlog_bytes -= got.bytes;
    if (got.durable > fifo->durable) {
        fifo->durable = got.durable;
        if (fifo->events != NULL && fifo->events->on_durable != NULL) {
            fifo->events->on_durable(fifo->ctx, got.durable);
        }
        reader_tell_durable(fifo);
    }
    if (got.reading != NULL) {
        deliver(fifo, got.reading);
        lane_reading_free(got.reading);
    }
}

static void tell_notes(struct spool *spool, struct strbuf *notes)
{
    char *line = notes->len > 0 ? notes->data : NULL, *end;

    for (; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (spool->events->on_notice != NULL) {
            spool->events->on_notice(spool->ctx, line);
        }
    }
    strbuf_fini(notes);
}

static void tell_room(struct spool *spool)
{
    const struct spool_stats *stats = &spool->stats;

    if (spool->wanted_room == 0 || spool->closing ||
        stats->bytes + spool->wanted_room > spool->options.max_size ||
        stats->backlog_bytes > spool->options.max_backlog / 2) {
        return;
    }
    spool->wanted_room = 0;
    if (spool->events->on_room != NULL) {
        spool->events->on_room(spool->ctx);
    }
}

void spool_dispatch(struct spool *spool)
{
    const struct spool_events *events = spool->events;
    struct spool_fifo *fifo;
    struct lane_ask *ask;
    struct news news;

    collect(spool, &news);
    tell_notes(spool, &news.notes);
    if (news.has_trouble) {
        spool->stats.in_trouble = true;
        if (events->on_trouble != NULL) {
            events->on_trouble(spool->ctx, news.trouble.text);
        }
    }
    while ((fifo = STAILQ_FIRST(&news.fifos)) != NULL) {
        STAILQ_REMOVE_HEAD(&news.fifos, got_link);
        tell_fifo(fifo);
    }
    while ((ask = STAILQ_FIRST(&news.asks)) != NULL) {
        STAILQ_REMOVE_HEAD(&news.asks, link);
        reader_tell_answer(ask);
    }
    if (news.has_recovered && spool->stats.in_trouble) {
        spool->stats.in_trouble = false;
        if (events->on_recovered != NULL) {
            events->on_recovered(spool->ctx);
        }
    }
    tell_room(spool);
    spool_flush(spool);
    if (news.closed && events->on_closed != NULL) {
        events->on_closed(spool->ctx);
    }
}
