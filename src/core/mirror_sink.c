/* A Redis sink of a mirror. For: publishing what an echo is expected of, and the answers in which
 * the mirror itself is counted. Not for: the echoes (mirror.c, echo.c). */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "core/glob.h"
#include "core/mirror_private.h"

enum { MIRROR_CHANNEL_SHOWN = 100 }; /* of a channel in words, bytes */

static struct mirror_sink *mirror_sink_of(struct sink *base)
{
    return (struct mirror_sink *)base;
}

bool mirror_sinks_are_done(const struct mirror *m, const struct mirror_sink *except)
{
    const struct mirror_sink *s;

    LIST_FOREACH(s, &m->sinks, link) {
        if (s != except && !s->stopped) {
            return false;
        }
    }
    return true;
}

bool mirror_sinks_doubt(const struct mirror *m)
{
    const struct mirror_sink *s;

    LIST_FOREACH(s, &m->sinks, link) {
        if (!TAILQ_EMPTY(&s->doubts)) {
            return true;
        }
    }
    return false;
}

static void mirror_sink_give(struct mirror_sink *s, struct delivery *delivery, enum outcome outcome,
                             const char *why)
{
    struct echo_entry *entry = delivery->echo;

    delivery->echo = NULL;
    if (entry != NULL && (outcome == OUTCOME_DELIVERED || outcome == OUTCOME_NO_SUBSCRIBERS)) {
        echo_answered(s->mirror->echo, entry);
    } else if (entry != NULL) {
        echo_withdraw(s->mirror->echo, entry);
    }
    s->base.events->on_settled(s->base.ctx, delivery, outcome, why);
}

/* Tells the bridge of the end, once nothing is in doubt. */
static void mirror_sink_step(struct mirror_sink *s)
{
    if (s->finished && !s->stopped && TAILQ_EMPTY(&s->doubts)) {
        s->stopped = true;
        s->base.events->on_stopped(s->base.ctx);
        mirror_sources_step(s->mirror);
    }
}

static void mirror_sink_end_doubt(struct mirror_sink *s, enum outcome outcome, const char *why)
{
    struct delivery *delivery = TAILQ_FIRST(&s->doubts);

    TAILQ_REMOVE(&s->doubts, delivery, link);
    s->doubts_before -= s->doubts_before > 0;
    echo_drop(s->mirror->echo, delivery->echo);
    delivery->echo = NULL;
    delivery->reached -= outcome == OUTCOME_NO_SUBSCRIBERS && delivery->reached > 0;
    s->base.events->on_settled(s->base.ctx, delivery, outcome, why);
}

/* Those in doubt that are decided by now, first things first. The echo came: the mirror was the
 * last of the subscribers, and there was one too few. It cannot come any more, with the
 * subscription: nobody knows, and the message goes again. */
static void mirror_sink_decide(struct mirror_sink *s)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&s->doubts)) != NULL) {
        enum echo_fate fate = echo_get_fate(delivery->echo);

        if (fate == ECHO_FATE_CAME) {
            uint32_t others = delivery->reached > 0 ? delivery->reached - 1 : 0;

            mirror_sink_end_doubt(s, OUTCOME_NO_SUBSCRIBERS, outcome_nobody_words(others));
        } else if (fate == ECHO_FATE_UNKNOWN || mirror_get_listener(s->mirror) == NULL ||
                   (s->finished && s->hurried)) {
            mirror_sink_end_doubt(s, OUTCOME_LOST,
                                  "the mirror lost its subscription, and cannot tell who got it");
        } else {
            return;
        }
    }
    mirror_sink_step(s);
}

void mirror_sinks_decide(struct mirror *m)
{
    struct mirror_sink *s, *next;

    for (s = LIST_FIRST(&m->sinks); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        mirror_sink_decide(s);
    }
}

void mirror_sinks_begin_barrier(struct mirror *m)
{
    const struct delivery *delivery;
    struct mirror_sink *s;

    LIST_FOREACH(s, &m->sinks, link) {
        s->doubts_before = 0;
        TAILQ_FOREACH(delivery, &s->doubts, link) {
            s->doubts_before++;
        }
    }
}

/* No echo, though the mirror would have heard it: those that PUBLISH reached were all others. */
void mirror_sinks_end_barrier(struct mirror *m)
{
    struct mirror_sink *s, *next;

    for (s = LIST_FIRST(&m->sinks); s != NULL; s = next) {
        next = LIST_NEXT(s, link);
        while (s->doubts_before > 0) {
            mirror_sink_end_doubt(s, OUTCOME_DELIVERED, NULL);
        }
        mirror_sink_decide(s);
    }
}

/* PUBLISH reached fewer than were wanted with the mirror as one of them. One less: it depends on
 * whether the mirror was there. */
static void mirror_sink_take_nobody(struct mirror_sink *s, struct delivery *delivery)
{
    bool is_listening = mirror_get_listener(s->mirror) != NULL;
    bool may_do = s->setup.min_subscribers != 0 &&
                  (uint64_t)delivery->reached + 1 == s->setup.min_subscribers;

    if (may_do && delivery->echo != NULL) {
        TAILQ_INSERT_TAIL(&s->doubts, delivery, link);
        mirror_sink_decide(s);
    } else if (may_do && !is_listening) {
        mirror_sink_give(s, delivery, OUTCOME_DELIVERED, NULL); /* it was not subscribed */
    } else {
        delivery->reached -= delivery->reached > 0 && is_listening;
        mirror_sink_give(s, delivery, OUTCOME_NO_SUBSCRIBERS,
                         outcome_nobody_words(delivery->reached));
    }
}

static void mirror_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                              const char *why)
{
    struct mirror_sink *s = ctx;

    if (outcome == OUTCOME_NO_SUBSCRIBERS) {
        mirror_sink_take_nobody(s, delivery);
    } else {
        mirror_sink_give(s, delivery, outcome, why);
    }
    mirror_seek_barrier(s->mirror);
    mirror_relieve(s->mirror);
}

static void mirror_on_writable(void *ctx)
{
    struct mirror_sink *s = ctx;

    s->base.events->on_writable(s->base.ctx);
}

static void mirror_on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct mirror_sink *s = ctx;

    s->ready = link == ENDPOINT_READY;
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
    mirror_tell_sink(s->mirror);
}

static void mirror_on_sink_stopped(void *ctx)
{
    struct mirror_sink *s = ctx;

    s->finished = true;
    mirror_sink_decide(s);
    mirror_seek_barrier(s->mirror);
}

static void mirror_on_late(void *ctx, enum outcome outcome, const char *why)
{
    struct mirror_sink *s = ctx;

    if (s->base.events->on_late != NULL) {
        s->base.events->on_late(s->base.ctx, outcome, why);
    }
}

static const struct sink_events mirror_sink_events = {
    .on_settled = mirror_on_settled,
    .on_writable = mirror_on_writable,
    .on_link = mirror_on_sink_link,
    .on_stopped = mirror_on_sink_stopped,
    .on_late = mirror_on_late,
};

static void mirror_sink_start(struct sink *base)
{
    struct mirror_sink *s = mirror_sink_of(base);

    s->setup.inner->ops->start(s->setup.inner);
}

static enum sink_result mirror_sink_send(struct sink *base, struct delivery *delivery,
                                         const struct outgoing *out, struct err *err)
{
    struct mirror_sink *s = mirror_sink_of(base);
    struct mirror *m = s->mirror;
    const char *pattern = s->setup.pattern;
    enum sink_result result;

    if (pattern != NULL && !glob_match(slice_of(pattern), out->channel, NULL)) {
        err_set(err, "channel \"%.*s\" is outside the mirror, which has the pattern \"%s\"",
                (int)(out->channel.len < MIRROR_CHANNEL_SHOWN ? out->channel.len
                                                              : MIRROR_CHANNEL_SHOWN),
                out->channel.data, pattern);
        return SINK_REFUSED;
    }
    if (!mirror_may_send(m)) {
        s->busy = true;
        return SINK_BUSY;
    }
    result = s->setup.inner->ops->send(s->setup.inner, delivery, out, err);
    if (result == SINK_TAKEN && mirror_get_listener(m) != NULL) {
        delivery->echo = echo_expect(m->echo, out->channel, out->body);
    }
    return result;
}

static void mirror_sink_stop(struct sink *base, bool now)
{
    struct mirror_sink *s = mirror_sink_of(base);

    s->hurried |= now;
    if (!s->finished) {
        s->setup.inner->ops->stop(s->setup.inner, now);
    }
}

static void mirror_sink_free(struct sink *base)
{
    struct mirror_sink *s = mirror_sink_of(base);
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&s->doubts)) != NULL) {
        TAILQ_REMOVE(&s->doubts, delivery, link);
        delivery_free(delivery);
    }
    LIST_REMOVE(s, link);
    endpoint_free_sink(s->setup.inner);
    free(s);
}

static const struct sink_ops mirror_sink_ops = {
    .start = mirror_sink_start,
    .send = mirror_sink_send,
    .stop = mirror_sink_stop,
    .free = mirror_sink_free,
};

struct sink *mirror_wrap_sink(struct mirror *m, const struct mirror_sink_setup *setup)
{
    struct mirror_sink *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->base.ops = &mirror_sink_ops;
    s->base.can = setup->inner->can;
    s->mirror = m;
    s->setup = *setup;
    setup->inner->events = &mirror_sink_events;
    setup->inner->ctx = s;
    TAILQ_INIT(&s->doubts);
    LIST_INSERT_HEAD(&m->sinks, s, link);
    return &s->base;
}
