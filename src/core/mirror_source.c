/* A Redis source of a mirror. For: when it may begin and end, so that every echo is seen. Not for:
 * recognising them (mirror.c), what is published (mirror_sink.c). */
#include <stdio.h>
#include <stdlib.h>

#include "core/mirror_private.h"

static struct mirror_source *mirror_source_of(struct source *base)
{
    return (struct mirror_source *)base;
}

/* While it stops, it listens on for the echoes alone. */
static void mirror_on_delivery(void *ctx, struct delivery *delivery)
{
    struct mirror_source *s = ctx;

    if (!s->stopping) {
        s->base.events->on_delivery(s->base.ctx, delivery);
        return;
    }
    mirror_passes(s->mirror, delivery);
    s->inner->ops->settle(s->inner, delivery, SETTLE_ACK);
}

static void mirror_source_end(struct mirror_source *s)
{
    if (!s->inner_stopped) {
        s->inner_stopped = true;
        s->inner->ops->stop(s->inner);
    }
}

static void mirror_on_source_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct mirror_source *s = ctx;
    struct mirror *m = s->mirror;
    bool in_force = s == mirror_get_source(m);
    bool is_new = link == ENDPOINT_READY && !s->ready;

    s->ready = link == ENDPOINT_READY;
    if (m->pinged == s && !s->ready) {
        m->pinged = NULL; /* its PONG went with the link */
    }
    snprintf(s->why, sizeof(s->why), "%s", why ? why : "");
    if (in_force && is_new) {
        m->pinged = NULL; /* one on a source that has just ended */
        echo_forget(m->echo);
    }
    if (s->stopping && !s->ready) {
        mirror_source_end(s); /* nothing more is heard, in any case */
    }
    s->base.events->on_link(s->base.ctx, link, why);
    mirror_sinks_decide(m);
    mirror_tell_sink(m);
    mirror_relieve(m);
    mirror_seek_barrier(m);
}

static void mirror_on_source_stopped(void *ctx)
{
    struct mirror_source *s = ctx;
    struct mirror *m = s->mirror;

    s->base.events->on_stopped(s->base.ctx);
    mirror_sinks_decide(m);
    mirror_tell_sink(m);
    mirror_relieve(m);
}

static void mirror_on_lost(void *ctx)
{
    struct mirror_source *s = ctx;

    s->base.events->on_lost(s->base.ctx);
}

static const struct source_events mirror_source_events = {
    .on_delivery = mirror_on_delivery,
    .on_link = mirror_on_source_link,
    .on_stopped = mirror_on_source_stopped,
    .on_lost = mirror_on_lost,
};

/* What an old sink has published comes back to the old source: the new one begins after that. */
static void mirror_source_start(struct source *base)
{
    struct mirror_source *s = mirror_source_of(base);

    s->held = !mirror_sinks_are_done(s->mirror, mirror_get_sink(s->mirror));
    if (!s->held) {
        s->inner->ops->start(s->inner);
    }
}

/* A source that cannot pause without loss leaves its subscription. */
static void mirror_source_pause(struct source *base)
{
    struct mirror_source *s = mirror_source_of(base);

    s->paused = true;
    if ((base->can & ENDPOINT_PAUSES) == 0) {
        s->ready = false;
        if (s->mirror->pinged == s) {
            s->mirror->pinged = NULL;
        }
    }
    s->inner->ops->pause(s->inner);
}

static void mirror_source_resume(struct source *base)
{
    struct mirror_source *s = mirror_source_of(base);

    s->paused = false;
    s->inner->ops->resume(s->inner);
}

static void mirror_source_settle(struct source *base, struct delivery *delivery,
                                 enum settlement how)
{
    struct mirror_source *s = mirror_source_of(base);

    s->inner->ops->settle(s->inner, delivery, how);
}

/* Whether its end has to wait: the sinks have no answer or no echo of something. */
static bool mirror_source_is_needed(const struct mirror_source *s)
{
    return s == mirror_get_source(s->mirror) && s->ready && !mirror_sinks_are_done(s->mirror, NULL);
}

static void mirror_source_stop(struct source *base)
{
    struct mirror_source *s = mirror_source_of(base);

    if (s->stopping) {
        return;
    }
    s->stopping = true;
    s->held = false;
    if (!mirror_source_is_needed(s)) {
        mirror_source_end(s);
    } else if (s->paused) {
        s->inner->ops->resume(s->inner); /* to hear what comes back */
    }
}

static void mirror_source_free(struct source *base)
{
    struct mirror_source *s = mirror_source_of(base);

    LIST_REMOVE(s, link);
    if (s->mirror->pinged == s) {
        s->mirror->pinged = NULL;
    }
    endpoint_free_source(s->inner);
    free(s);
}

static const struct source_ops mirror_source_ops = {
    .start = mirror_source_start,
    .pause = mirror_source_pause,
    .resume = mirror_source_resume,
    .settle = mirror_source_settle,
    .stop = mirror_source_stop,
    .free = mirror_source_free,
};

void mirror_sources_step(struct mirror *m)
{
    struct mirror_source *s = mirror_get_source(m);

    if (s == NULL) {
        return;
    }
    if (s->held && mirror_sinks_are_done(m, mirror_get_sink(m))) {
        s->held = false;
        s->inner->ops->start(s->inner);
    }
    if (s->stopping && !mirror_source_is_needed(s)) {
        mirror_source_end(s);
    }
}

struct source *mirror_wrap_source(struct mirror *m, struct source *inner)
{
    struct mirror_source *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->base.ops = &mirror_source_ops;
    s->base.can = inner->can;
    s->mirror = m;
    s->inner = inner;
    inner->events = &mirror_source_events;
    inner->ctx = s;
    snprintf(s->why, sizeof(s->why), "not subscribed yet");
    LIST_INSERT_HEAD(&m->sources, s, link);
    return &s->base;
}
