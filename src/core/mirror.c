/* The Redis ends of a mirror, wrapped so that echoes are expected and recognised. Not for: counting
 * them (core/echo.c), the origin of AMQP messages (core/origin.c), the bridges themselves. */
#include "core/mirror.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "core/echo.h"
#include "core/glob.h"

enum { MIRROR_WHY_SIZE = 320 };

struct mirror {
    struct source source; /* what the bridge to AMQP has */
    struct sink sink;     /* what the bridge to Redis has */
    struct mirror_setup setup;
    struct source *inner_source; /* owned; NULL: freed by its bridge */
    struct sink *inner_sink;     /* likewise */
    struct echo *echo;           /* owned */

    bool subscribed;  /* the source's last on_link was READY, and it is not paused since */
    bool silent;      /* the source was stopped: no message will come, nothing can be an echo */
    bool sink_ready;  /* the sink's last on_link */
    bool sink_told;   /* the bridge to Redis was told READY last */
    bool busy;        /* send() said so for reasons of ours: on_writable is owed */
    bool barrier;     /* a PING is under way */
    bool missed_told; /* echoes that never came were logged */
    char source_why[MIRROR_WHY_SIZE];
    char sink_why[MIRROR_WHY_SIZE];
    char told_why[MIRROR_WHY_SIZE];
};

static struct mirror *mirror_of_source(struct source *source)
{
    return (struct mirror *)source;
}

static struct mirror *mirror_of_sink(struct sink *sink)
{
    return (struct mirror *)(void *)((char *)sink - offsetof(struct mirror, sink));
}

/* Whether messages may be published: their echoes would be seen, or nobody listens any more. */
static bool mirror_may_send(const struct mirror *m)
{
    return m->silent || (m->subscribed && !echo_is_full(m->echo));
}

/* on_writable, where it is owed and it is time for it. */
static void mirror_relieve(struct mirror *m)
{
    if (m->busy && m->sink_told && mirror_may_send(m)) {
        m->busy = false;
        m->sink.events->on_writable(m->sink.ctx);
    }
}

/* Tells the bridge to Redis how its sink is, which waits for the source too. */
static void mirror_tell_sink(struct mirror *m)
{
    bool ready = m->sink_ready && (m->subscribed || m->silent);
    const char *why = m->sink_ready ? m->source_why : m->sink_why;

    if (m->sink.events == NULL || (ready && m->sink_told) ||
        (!ready && !m->sink_told && strcmp(why, m->told_why) == 0)) {
        return;
    }
    m->sink_told = ready;
    snprintf(m->told_why, sizeof(m->told_why), "%s", ready ? "" : why);
    if (ready) {
        m->busy = false; /* READY says as much as on_writable */
    }
    m->sink.events->on_link(m->sink.ctx, ready ? ENDPOINT_READY : ENDPOINT_WAITING,
                            ready ? NULL : m->told_why);
}

static void mirror_seek_barrier(struct mirror *m);

static void mirror_on_pong(void *ctx)
{
    struct mirror *m = ctx;
    size_t missed = echo_end_barrier(m->echo);

    m->barrier = false;
    if (missed > 0 && !m->missed_told) {
        m->missed_told = true;
        log_warn(
            "bridge", m->setup.name,
            "messages were published that did not come back: a mirror subscribes and publishes "
            "on one and the same server",
            log_number("messages", missed));
    }
    mirror_relieve(m);
    mirror_seek_barrier(m);
}

/* One at a time: what is answered meanwhile waits for the next. */
static void mirror_seek_barrier(struct mirror *m)
{
    if (!m->barrier && m->subscribed && !m->silent && echo_wants_barrier(m->echo)) {
        m->barrier = true;
        echo_begin_barrier(m->echo);
        m->setup.ping(m->inner_source, mirror_on_pong, m);
    }
}

/* The source. */

static void mirror_on_delivery(void *ctx, struct delivery *delivery)
{
    struct mirror *m = ctx;

    m->source.events->on_delivery(m->source.ctx, delivery);
}

bool mirror_passes(void *mirror, const struct delivery *delivery)
{
    struct mirror *m = mirror;
    bool is_echo = echo_take(m->echo, delivery->channel, delivery->body);

    if (is_echo) {
        mirror_relieve(m);
    }
    return !is_echo;
}

static void mirror_on_source_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct mirror *m = ctx;

    if (link == ENDPOINT_READY && !m->subscribed) {
        echo_forget(m->echo);
    }
    m->subscribed = link == ENDPOINT_READY;
    if (!m->subscribed) {
        m->barrier = false; /* its PONG went with the link */
    }
    snprintf(m->source_why, sizeof(m->source_why), "%s", why ? why : "");
    m->source.events->on_link(m->source.ctx, link, why);
    mirror_tell_sink(m);
    mirror_relieve(m);
}

static void mirror_on_source_stopped(void *ctx)
{
    struct mirror *m = ctx;

    m->source.events->on_stopped(m->source.ctx);
    mirror_tell_sink(m);
    mirror_relieve(m);
}

static const struct source_events mirror_source_events = {
    .on_delivery = mirror_on_delivery,
    .on_link = mirror_on_source_link,
    .on_stopped = mirror_on_source_stopped,
};

static void mirror_source_start(struct source *source)
{
    struct mirror *m = mirror_of_source(source);

    m->inner_source->events = &mirror_source_events;
    m->inner_source->ctx = m;
    m->inner_source->ops->start(m->inner_source);
}

/* A source that cannot pause without loss leaves its subscription. */
static void mirror_source_pause(struct source *source)
{
    struct mirror *m = mirror_of_source(source);

    if ((source->can & ENDPOINT_PAUSES) == 0) {
        m->subscribed = false;
        m->barrier = false;
    }
    m->inner_source->ops->pause(m->inner_source);
}

static void mirror_source_resume(struct source *source)
{
    struct mirror *m = mirror_of_source(source);

    m->inner_source->ops->resume(m->inner_source);
}

static void mirror_source_settle(struct source *source, struct delivery *delivery,
                                 enum settlement how)
{
    struct mirror *m = mirror_of_source(source);

    m->inner_source->ops->settle(m->inner_source, delivery, how);
}

static void mirror_source_stop(struct source *source)
{
    struct mirror *m = mirror_of_source(source);

    m->silent = true;
    m->inner_source->ops->stop(m->inner_source);
}

static void mirror_source_free(struct source *source)
{
    struct mirror *m = mirror_of_source(source);

    m->silent = true;
    endpoint_free_source(m->inner_source);
    m->inner_source = NULL;
}

static const struct source_ops mirror_source_ops = {
    .start = mirror_source_start,
    .pause = mirror_source_pause,
    .resume = mirror_source_resume,
    .settle = mirror_source_settle,
    .stop = mirror_source_stop,
    .free = mirror_source_free,
};

/* The sink. */

static void mirror_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                              const char *why)
{
    struct mirror *m = ctx;
    struct echo_entry *entry = delivery->echo;

    delivery->echo = NULL;
    if (outcome == OUTCOME_NO_SUBSCRIBERS && delivery->reached > 0) {
        delivery->reached--; /* the mirror itself is not meant */
    }
    if (entry != NULL && (outcome == OUTCOME_DELIVERED || outcome == OUTCOME_NO_SUBSCRIBERS)) {
        echo_answered(m->echo, entry);
    } else if (entry != NULL) {
        echo_withdraw(m->echo, entry);
    }
    m->sink.events->on_settled(m->sink.ctx, delivery, outcome, why);
    mirror_seek_barrier(m);
    mirror_relieve(m);
}

static void mirror_on_writable(void *ctx)
{
    struct mirror *m = ctx;

    m->sink.events->on_writable(m->sink.ctx);
}

static void mirror_on_sink_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct mirror *m = ctx;

    m->sink_ready = link == ENDPOINT_READY;
    snprintf(m->sink_why, sizeof(m->sink_why), "%s", why ? why : "");
    mirror_tell_sink(m);
}

static void mirror_on_sink_stopped(void *ctx)
{
    struct mirror *m = ctx;

    m->sink.events->on_stopped(m->sink.ctx);
    m->sink.events = NULL; /* nothing more may be told */
}

static const struct sink_events mirror_sink_events = {
    .on_settled = mirror_on_settled,
    .on_writable = mirror_on_writable,
    .on_link = mirror_on_sink_link,
    .on_stopped = mirror_on_sink_stopped,
};

static void mirror_sink_start(struct sink *sink)
{
    struct mirror *m = mirror_of_sink(sink);

    m->inner_sink->events = &mirror_sink_events;
    m->inner_sink->ctx = m;
    m->inner_sink->ops->start(m->inner_sink);
}

static enum sink_result mirror_sink_send(struct sink *sink, struct delivery *delivery,
                                         const struct outgoing *out, struct err *err)
{
    struct mirror *m = mirror_of_sink(sink);
    enum sink_result result;

    if (m->setup.pattern != NULL && !glob_match(slice_of(m->setup.pattern), out->channel, NULL)) {
        err_set(err, "channel \"%.*s\" is outside the mirror, which has the pattern \"%s\"",
                (int)(out->channel.len < 100 ? out->channel.len : 100), out->channel.data,
                m->setup.pattern);
        return SINK_REFUSED;
    }
    if (!mirror_may_send(m)) {
        m->busy = true;
        return SINK_BUSY;
    }
    result = m->inner_sink->ops->send(m->inner_sink, delivery, out, err);
    if (result == SINK_TAKEN && !m->silent) {
        delivery->echo = echo_expect(m->echo, out->channel, out->body);
    }
    return result;
}

static void mirror_sink_stop(struct sink *sink, bool now)
{
    struct mirror *m = mirror_of_sink(sink);

    m->inner_sink->ops->stop(m->inner_sink, now);
}

static void mirror_sink_free(struct sink *sink)
{
    struct mirror *m = mirror_of_sink(sink);

    m->sink.events = NULL;
    endpoint_free_sink(m->inner_sink);
    m->inner_sink = NULL;
}

static const struct sink_ops mirror_sink_ops = {
    .start = mirror_sink_start,
    .send = mirror_sink_send,
    .stop = mirror_sink_stop,
    .free = mirror_sink_free,
};

/* Its life. */

struct mirror *mirror_new(const struct mirror_setup *setup)
{
    struct mirror *m = calloc(1, sizeof(*m));

    if (m == NULL) {
        return NULL;
    }
    m->echo = echo_new(setup->key, MIRROR_ECHOES_MOST);
    if (m->echo == NULL) {
        free(m);
        return NULL;
    }
    m->setup = *setup;
    m->inner_source = setup->source;
    m->inner_sink = setup->sink;
    m->source.ops = &mirror_source_ops;
    m->source.can = setup->source->can;
    m->sink.ops = &mirror_sink_ops;
    m->sink.can = setup->sink->can;
    return m;
}

void mirror_free(struct mirror *m)
{
    if (m == NULL) {
        return;
    }
    endpoint_free_source(m->inner_source);
    endpoint_free_sink(m->inner_sink);
    echo_free(m->echo);
    explicit_bzero(m->setup.key, sizeof(m->setup.key));
    free(m);
}

struct source *mirror_source(struct mirror *m)
{
    return &m->source;
}

struct sink *mirror_sink(struct mirror *m)
{
    return &m->sink;
}
