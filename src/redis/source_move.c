/* From one source of Redis messages to the next. For: the place in the stream where the old one
 * ends and the new one begins. Not for: what they give (source.c), the marker between two sockets
 * (handover.c).
 *
 * On one socket that place is where the last subscription of the new one was confirmed. Between two
 * sockets it is a marker. The new stream may come to it first; what follows there is held until the
 * old one has come to it too, so that nothing is overtaken. */
#include <stdlib.h>

#include "base/log.h"
#include "redis/source_private.h"

static void move_drop_held(struct redis_source *s)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&s->held)) != NULL) {
        TAILQ_REMOVE(&s->held, delivery, link);
        delivery_free(delivery);
        s->outstanding--;
    }
}

void redis_source_give_held(struct redis_source *s)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&s->held)) != NULL) {
        TAILQ_REMOVE(&s->held, delivery, link);
        s->base.events->on_delivery(s->base.ctx, delivery);
    }
}

/* From now on it gives, and the old one does not. */
static void move_end(struct redis_source *s)
{
    s->muted = s->superseded;
    if (s->old != NULL) {
        s->old->muted = true;
        s->old->successor = NULL;
        s->old = NULL;
    }
    s->begun = false;
    redis_source_give_held(s);
    if (s->successor != NULL) { /* it may have waited for this */
        redis_source_schedule(s->successor);
    }
}

static void move_on_old_end(void *ctx)
{
    struct redis_source *s = ctx;

    s->old->muted = true;
    if (s->begun) {
        s->handover_ended = true;
        redis_source_schedule(s);
        move_end(s);
        redis_source_tell_ready(s);
    }
}

static void move_on_new_begin(void *ctx)
{
    struct redis_source *s = ctx;

    s->muted = false;
    s->begun = true;
    if (s->old->muted) {
        s->handover_ended = true;
        redis_source_schedule(s);
        move_end(s);
        redis_source_tell_ready(s);
    }
}

static void move_on_failed(void *ctx, bool of_new, const char *why)
{
    struct redis_source *s = ctx;

    s->handover_ended = true;
    redis_source_schedule(s);
    /* The old one goes on, and this one tries again: it can take nothing over where its own link is
     * lost, whatever ended the wait. */
    if ((of_new || s->listener.missing > 0) && !s->old->muted) {
        s->muted = true;
        s->begun = false;
        move_drop_held(s);
        return;
    }
    move_end(s);
    if (!of_new) {
        log_warn("bridge", s->bridge,
                 "goes over to another socket without a marker: messages of this moment may be "
                 "lost or come twice",
                 log_text("why", why));
    }
    if (!of_new && s->listener.missing == 0) {
        redis_source_tell_ready(s);
    }
}

static const struct redis_handover_events move_events = {
    .on_old_end = move_on_old_end,
    .on_new_begin = move_on_new_begin,
    .on_failed = move_on_failed,
};

bool redis_source_take_over(struct redis_source *s)
{
    struct redis_source *old = s->old;

    if (old != NULL && old->old != NULL) { /* that one's turn has not come yet */
        return false;
    }
    if (old == NULL || s->subscriber == old->subscriber || !old->ready || s->hub == NULL) {
        move_end(s);
        return true;
    }
    if (s->handover != NULL) {
        return false;
    }
    s->handover = redis_handover_new(s->hub, old->subscriber, s->subscriber, &move_events, s);
    if (s->handover == NULL) {
        move_end(s);
        return true;
    }
    if (old->dedicated && old->paused) { /* the marker stands behind what waits there */
        redis_subscriber_resume(old->subscriber, REDIS_PAUSE_FULL);
    }
    redis_handover_start(s->handover);
    return false;
}

void redis_source_try_again(struct redis_source *s)
{
    if (s->old != NULL && s->handover == NULL && s->listener.missing == 0 &&
        redis_source_take_over(s)) {
        redis_source_tell_ready(s);
    }
}

void redis_source_end_handover(struct redis_source *s)
{
    redis_handover_free(s->handover);
    s->handover = NULL;
    s->handover_ended = false;
}

void redis_source_part(struct redis_source *s)
{
    struct redis_source *successor = s->successor;

    redis_source_end_handover(s);
    move_drop_held(s);
    if (s->old != NULL) {
        s->old->successor = NULL;
        s->old = NULL;
    }
    if (successor != NULL) {
        redis_source_end_handover(successor);
        successor->old = NULL;
        successor->muted = false;
        s->successor = NULL;
    }
}

void redis_source_follow(struct source *source, struct source *old, struct redis_hub *hub)
{
    struct redis_source *s = redis_source_of(source);
    struct redis_source *before = redis_source_of(old);

    s->listener.gap = before->listener.gap;
    s->gaps_logged = before->gaps_logged;
    s->gap_logged_us = before->gap_logged_us;
    s->hub = hub;
    if (s->subscriber != before->subscriber && hub == NULL) {
        return;
    }
    s->old = before;
    s->muted = true;
    /* One that never came so far is left out: its own predecessor is the one in service. But where
     * that one has come to the marker and gives no more, what follows is still to be read on the
     * socket of the one before: its turn comes first. */
    if (before->old != NULL && (before->handover == NULL || !before->old->muted)) {
        redis_source_end_handover(before);
        move_drop_held(before);
        s->old = before->old;
        before->old = NULL;
        before->begun = false;
        before->muted = true;
        before->superseded = true;
    }
    s->old->successor = s;
}
