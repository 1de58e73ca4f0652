/* What a mirror knows of its echoes, and what follows for its ends. Not for: counting echoes
 * (core/echo.c), the origin of AMQP messages (core/origin.c), the bridges themselves. */
#include "core/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/mirror_private.h"

struct mirror_source *mirror_get_source(const struct mirror *m)
{
    return LIST_FIRST(&m->sources);
}

struct mirror_sink *mirror_get_sink(const struct mirror *m)
{
    return LIST_FIRST(&m->sinks);
}

struct mirror_source *mirror_get_listener(const struct mirror *m)
{
    struct mirror_source *source;

    LIST_FOREACH(source, &m->sources, link) {
        if (source->ready && !source->inner_stopped) {
            return source;
        }
    }
    return NULL;
}

bool mirror_may_send(const struct mirror *m)
{
    const struct mirror_source *source = mirror_get_source(m);

    if (source == NULL || source->inner_stopped) {
        return true;
    }
    return source->ready && !echo_is_full(m->echo);
}

void mirror_relieve(struct mirror *m)
{
    struct mirror_sink *sink = mirror_get_sink(m);

    if (sink != NULL && sink->busy && sink->told && mirror_may_send(m)) {
        sink->busy = false;
        sink->base.events->on_writable(sink->base.ctx);
    }
}

/* How the sink is, which waits for the source too. */
void mirror_tell_sink(struct mirror *m)
{
    const struct mirror_source *source = mirror_get_source(m);
    struct mirror_sink *sink = mirror_get_sink(m);
    const char *why;
    bool ready;

    if (sink == NULL || sink->base.events == NULL || sink->stopped) {
        return;
    }
    ready = sink->ready && (source == NULL || source->ready || source->inner_stopped);
    why = sink->ready && source != NULL ? source->why : sink->why;
    if ((ready && sink->told) || (!ready && !sink->told && strcmp(why, sink->told_why) == 0)) {
        return;
    }
    sink->told = ready;
    snprintf(sink->told_why, sizeof(sink->told_why), "%s", ready ? "" : why);
    if (ready) {
        sink->busy = false; /* READY says as much as on_writable */
    }
    sink->base.events->on_link(sink->base.ctx, ready ? ENDPOINT_READY : ENDPOINT_WAITING,
                               ready ? NULL : sink->told_why);
}

static void mirror_on_pong(void *ctx)
{
    struct mirror_source *source = ctx;
    struct mirror *m = source->mirror;
    size_t missed;

    if (m->pinged != source) {
        return; /* another one is in force by now */
    }
    m->pinged = NULL;
    mirror_sinks_end_barrier(m);
    missed = echo_end_barrier(m->echo);
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
void mirror_seek_barrier(struct mirror *m)
{
    struct mirror_source *listener = mirror_get_listener(m);

    if (m->pinged == NULL && listener != NULL &&
        (echo_wants_barrier(m->echo) || mirror_sinks_doubt(m))) {
        m->pinged = listener;
        echo_begin_barrier(m->echo);
        mirror_sinks_begin_barrier(m);
        m->setup.ping(m->pinged->inner, mirror_on_pong, m->pinged);
    }
}

bool mirror_passes(void *mirror, const struct delivery *delivery)
{
    struct mirror *m = mirror;
    bool is_echo = echo_take(m->echo, delivery->channel, delivery->body);

    if (is_echo) {
        mirror_sinks_decide(m);
        mirror_relieve(m);
    }
    return !is_echo;
}

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
    LIST_INIT(&m->sources);
    LIST_INIT(&m->sinks);
    return m;
}

void mirror_free(struct mirror *m)
{
    if (m == NULL) {
        return;
    }
    echo_free(m->echo);
    explicit_bzero(m->setup.key, sizeof(m->setup.key));
    free(m);
}
