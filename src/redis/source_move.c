/* From one source of Redis messages to the next. For: the place in the stream where the old one
 * ends and the new one begins. Not for: what they give (source.c), the marker between two sockets
 * (handover.c).
 *
 * On one socket that place is where the last subscription of the new one was confirmed. Between two
 * sockets it is a marker. The new stream may come to it first; what follows there is held until the
 * old one has come to it too, so that nothing is overtaken. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "redis/source_private.h"

/* The first of those held; NULL: none. */
static struct delivery *move_take_held(struct redis_source *s)
{
    struct delivery *delivery = TAILQ_FIRST(&s->held);

    if (delivery != NULL) {
        TAILQ_REMOVE(&s->held, delivery, link);
        budget_give(s->meeting.budget, &s->holds, delivery->size);
    }
    return delivery;
}

static void move_drop_held(struct redis_source *s)
{
    struct delivery *delivery;

    while ((delivery = move_take_held(s)) != NULL) {
        delivery_free(delivery);
        s->outstanding--;
    }
}

void redis_source_give_held(struct redis_source *s)
{
    struct delivery *delivery;

    while ((delivery = move_take_held(s)) != NULL) {
        s->base.events->on_delivery(s->base.ctx, delivery);
    }
}

void redis_source_hold(struct redis_source *s, struct delivery *delivery)
{
    uint64_t part = budget_limit(s->meeting.budget, &s->holds);
    uint64_t most = part < s->meeting.most ? part : s->meeting.most;

    TAILQ_INSERT_TAIL(&s->held, delivery, link);
    budget_take(s->meeting.budget, &s->holds, delivery->size);
    if (s->holds.held <= most) {
        return;
    }
    if (!s->told_behind) {
        s->told_behind = true;
        log_warn("bridge", s->bridge,
                 "the old socket is too far behind to go over to the new one: trying on",
                 log_number("held_bytes", s->holds.held));
    }
    redis_handover_give_up(s->handover, "too much is held");
}

/* The books of the time without a subscription go on from those of the old one: that was the one in
 * service, and whatever happened to this one meanwhile is of no matter. */
static void move_take_gap(struct redis_source *s, const struct redis_source *old)
{
    struct subscription_gap *gap = &s->listener.gap;
    uint64_t now = loop_now_us(s->loop);
    uint64_t since = s->listener.missing > 0 ? gap->since_us : 0;

    *gap = old->listener.gap;
    if (gap->since_us != 0 && s->listener.missing == 0) {
        gap->total_us = subscription_gap_us(gap, now);
        gap->since_us = 0;
    } else if (gap->since_us == 0 && since != 0) {
        gap->count++;
        gap->since_us = since;
    }
    s->gaps_logged = old->gaps_logged;
    s->gap_logged_us = old->gap_logged_us;
    s->gaps_detailed = old->gaps_detailed;
    s->last_gap_from_us = old->last_gap_from_us;
    if (s->gap_from_us == 0 || old->gap_from_us != 0) {
        s->gap_from_us = old->gap_from_us;
        memcpy(s->gap_why, old->gap_why, sizeof(s->gap_why));
    }
}

/* From now on it gives, and the old one does not. */
static void move_end(struct redis_source *s)
{
    s->muted = s->superseded;
    if (s->old != NULL) {
        move_take_gap(s, s->old);
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
    /* The old one does not know yet that its link is lost. When it does, at the end of the turn,
     * the time without a subscription has begun, which this one then ends. */
    if (!of_new && !s->old->muted &&
        !redis_connection_is_up(redis_subscriber_connection(s->old->subscriber))) {
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
    if (old == NULL || s->subscriber == old->subscriber || !old->ready || s->meeting.hub == NULL) {
        move_end(s);
        return true;
    }
    if (s->handover != NULL) {
        return false;
    }
    s->handover =
        redis_handover_new(s->meeting.hub, old->subscriber, s->subscriber, &move_events, s);
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
    if (s->meeting.budget != NULL) {
        budget_leave(s->meeting.budget, &s->holds);
    }
    if (successor != NULL) {
        redis_source_end_handover(successor);
        move_take_gap(successor, s);
        successor->old = NULL;
        successor->muted = false;
        s->successor = NULL;
    }
}

void redis_source_follow(struct source *source, struct source *old,
                         const struct redis_meeting *meeting)
{
    struct redis_source *s = redis_source_of(source);
    struct redis_source *before = redis_source_of(old);

    s->meeting = *meeting;
    budget_join(meeting->budget, &s->holds, NULL, NULL);
    if (s->subscriber != before->subscriber && meeting->hub == NULL) {
        s->listener.gap = *redis_source_gap(old);
        s->gaps_logged = before->gaps_logged;
        s->gap_logged_us = before->gap_logged_us;
        s->gaps_detailed = before->gaps_detailed;
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
