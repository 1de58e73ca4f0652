/* The hand-over between the loop and the spool's thread. For: who waits for what, and for how long.
 * Not for: what is done with it (worker.c, spool.c). */
#include "spool/post.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

int post_init(struct post *post, const struct post_terms *terms, struct err *err)
{
    pthread_condattr_t attr;

    *post = (struct post){.terms = *terms};
    STAILQ_INIT(&post->mail);
    STAILQ_INIT(&post->news);
    TAILQ_INIT(&post->spares);
    post->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (post->fd < 0) {
        return err_set_errno(err, errno, "no eventfd for the spool");
    }
    pthread_mutex_init(&post->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&post->wake, &attr);
    pthread_condattr_destroy(&attr);
    return 0;
}

void post_fini(struct post *post)
{
    struct segment *segment;

    while ((segment = TAILQ_FIRST(&post->spares)) != NULL) {
        TAILQ_REMOVE(&post->spares, segment, link);
        segment_free(segment);
    }
    strbuf_fini(&post->notes);
    pthread_cond_destroy(&post->wake);
    pthread_mutex_destroy(&post->lock);
    close(post->fd);
}

void post_lock(struct post *post)
{
    pthread_mutex_lock(&post->lock);
}

void post_unlock(struct post *post)
{
    pthread_mutex_unlock(&post->lock);
}

void post_add_mail(struct post *post, struct lane *lane, uint64_t count, bool urgent)
{
    if (!lane->has_mail) {
        lane->has_mail = true;
        STAILQ_INSERT_TAIL(&post->mail, lane, mailed);
    }
    post->mail_count += count;
    post->urgent = post->urgent || urgent;
}

void post_wake(struct post *post)
{
    bool is_first = post->mail_since == 0 && !STAILQ_EMPTY(&post->mail);

    if (is_first) {
        post->mail_since = clock_monotonic_us();
    }
    if (post->idle && (is_first || post->urgent || post->closing || post->aborting ||
                       post->mail_count >= post->terms.count)) {
        post->idle = false;
        pthread_cond_signal(&post->wake);
    }
}

struct segment *post_take_back(struct post *post, struct lane *lane, size_t size)
{
    struct segment *last = TAILQ_LAST(&lane->mail.segments, segment_list);

    if (last == NULL || !segment_has_room(last, size)) {
        return NULL;
    }
    TAILQ_REMOVE(&lane->mail.segments, last, link);
    post->mail_count -= last->count;
    return last;
}

struct segment *post_take_spare(struct post *post)
{
    struct segment *spare = TAILQ_FIRST(&post->spares);

    if (spare != NULL) {
        TAILQ_REMOVE(&post->spares, spare, link);
        post->spare_count--;
    }
    return spare;
}

void post_give_spare(struct post *post, struct segment *segment)
{
    if (post->spare_count >= POST_SPARES_MAX || segment->data.size > 2 * SEGMENT_BYTES) {
        segment_free(segment);
        return;
    }
    TAILQ_INSERT_HEAD(&post->spares, segment, link);
    post->spare_count++;
}

void post_add_news(struct post *post, struct lane *lane)
{
    uint64_t one = 1;

    if (lane != NULL && !lane->has_news) {
        lane->has_news = true;
        STAILQ_INSERT_TAIL(&post->news, lane, newsed);
    }
    if (!post->signalled) {
        post->signalled = write(post->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
    }
}

bool post_is_closing(struct post *post)
{
    bool closing;

    post_lock(post);
    closing = post->closing;
    post_unlock(post);
    return closing;
}

bool post_is_aborting(struct post *post)
{
    bool aborting;

    post_lock(post);
    aborting = post->aborting;
    post_unlock(post);
    return aborting;
}

/* Whether the thread has something to do, given that its own time comes at `until_us`; if not,
 * *out_deadline is when to look again (0: when woken). */
static bool is_due(const struct post *post, uint64_t until_us, bool hold, uint64_t *out_deadline)
{
    uint64_t now = clock_monotonic_us(), mail_due = 0;

    if (post->aborting || post->urgent || (until_us != 0 && now >= until_us)) {
        return true;
    }
    if (!hold && (post->closing || post->mail_count >= post->terms.count)) {
        return true;
    }
    if (!hold && post->mail_since != 0) {
        mail_due = post->mail_since + post->terms.delay_us;
        if (now >= mail_due) {
            return true;
        }
    }
    *out_deadline = mail_due != 0 && (until_us == 0 || mail_due < until_us) ? mail_due : until_us;
    return false;
}

static void wait_once(struct post *post, uint64_t deadline)
{
    struct timespec at = {.tv_sec = (time_t)(deadline / CLOCK_US_PER_S),
                          .tv_nsec = (long)(deadline % CLOCK_US_PER_S) * 1000};

    post->idle = true;
    if (deadline == 0) {
        pthread_cond_wait(&post->wake, &post->lock);
    } else {
        pthread_cond_timedwait(&post->wake, &post->lock, &at);
    }
    post->idle = false;
}

/* Moves a lane's mail to its disk's side. */
static void take_mail(struct lane *lane)
{
    struct strbuf old;

    TAILQ_CONCAT(&lane->disk.pending, &lane->mail.segments, link);
    STAILQ_CONCAT(&lane->asking, &lane->asked);
    if (lane->mail.has_removed) {
        lane->mail.has_removed = false;
        lane->disk.oldest = lane->mail.oldest;
        lane->disk.row_is_stale = true;
        old = lane->disk.removed;
        lane->disk.removed = lane->mail.removed;
        lane->mail.removed = old;
    }
    if (lane->mail.has_read) {
        lane->mail.has_read = false;
        lane->disk.has_read = true;
        lane->disk.read = lane->mail.read;
    }
}

bool post_wait(struct post *post, uint64_t until_us, bool hold, struct lane_list *lanes)
{
    uint64_t deadline;
    struct lane *lane;
    bool go_on;

    post_lock(post);
    while (!is_due(post, until_us, hold, &deadline)) {
        wait_once(post, deadline);
    }
    while ((lane = STAILQ_FIRST(&post->mail)) != NULL) {
        STAILQ_REMOVE_HEAD(&post->mail, mailed);
        lane->has_mail = false;
        take_mail(lane);
        if (!lane->disk.known) {
            lane->disk.known = true;
            STAILQ_INSERT_TAIL(lanes, lane, siblings);
        }
    }
    post->mail_count = 0;
    post->mail_since = 0;
    post->urgent = false;
    go_on = !post->aborting;
    post_unlock(post);
    return go_on;
}
