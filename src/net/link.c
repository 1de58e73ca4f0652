/* The link: one byte stream to a server. It joins a dialer (getting connected), a stream (plain or
 * TLS), a read buffer and a write buffer, and tells its owner what happens. Not for: protocols,
 * trying again; its bytes flow in link_flow.c. */
#include "net/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/link_private.h"

/* Back to idle, everything of this connection dropped. */
static void link_drop(struct link *link)
{
    dialer_cancel(link->dialer);
    loop_timer_cancel(&link->timer);
    link_flow_end_rest(link);
    loop_task_cancel(link->loop, &link->flush);
    loop_task_cancel(link->loop, &link->more);
    loop_task_cancel(link->loop, &link->down);
    if (link->stream != NULL) {
        link->stream->ops->free(link->stream);
        link->stream = NULL;
    }
    outbuf_fini(&link->out);
    link_flow_forget_input(link);
    link->was_full = false;
    link->all_sent = false;
    link->peer_ended = false;
    link->state = LINK_IDLE;
    link->peer[0] = '\0';
}

void link_fail(struct link *link, const char *why)
{
    char copy[LINK_WHY_SIZE];

    snprintf(copy, sizeof(copy), "%s", why);
    link_drop(link);
    link->events->on_down(link->ctx, copy);
}

static void link_on_down_due(void *ctx)
{
    struct link *link = ctx;

    link_fail(link, link->why);
}

/* As link_fail, for failures noticed inside an operation: told at the end of the turn. */
static void link_fail_later(struct link *link, const char *why)
{
    snprintf(link->why, sizeof(link->why), "%s", why);
    loop_defer(link->loop, &link->down);
}

static void link_on_ready(void *ctx)
{
    struct link *link = ctx;

    loop_timer_cancel(&link->timer);
    link->state = LINK_UP;
    link->last_read_us = loop_now_us(link->loop);
    if (link->paused) {
        link->stream->ops->watch_reads(link->stream, 0);
    }
    link->events->on_up(link->ctx);
}

static void link_on_broken(void *ctx, const char *why)
{
    link_fail(ctx, why);
}

static void link_on_readable(void *ctx)
{
    link_flow_read(ctx);
}

static void link_on_flush(void *ctx)
{
    link_flow_flush(ctx);
}

static const struct stream_events link_stream_events = {
    .on_ready = link_on_ready,
    .on_readable = link_on_readable,
    .on_writable = link_on_flush,
    .on_broken = link_on_broken,
};

static void link_on_connected(void *ctx, int fd, const char *peer)
{
    struct link *link = ctx;
    uint64_t now = loop_now_us(link->loop);
    uint64_t left = link->deadline_us > now ? link->deadline_us - now : 1;

    snprintf(link->peer, sizeof(link->peer), "%s", peer);
    if (link->tls == NULL) {
        link->stream = stream_plain_new(link->loop, fd, &link_stream_events, link);
    } else {
        link->stream =
            stream_tls_new(link->loop, fd, link->tls, link->server_name, &link_stream_events, link);
    }
    if (link->stream == NULL) {
        link_fail(link, "out of memory");
    } else if (link->tls == NULL) {
        link_on_ready(link);
    } else {
        link->state = LINK_HANDSHAKING;
        loop_timer_set(&link->timer, left);
    }
}

static void link_on_dial_failed(void *ctx, const char *why)
{
    link_fail(ctx, why);
}

static const struct dialer_events link_dialer_events = {
    .on_connected = link_on_connected,
    .on_failed = link_on_dial_failed,
};

static void link_on_timer(void *ctx)
{
    struct link *link = ctx;
    char why[LINK_WHY_SIZE];

    if (link->state == LINK_FLUSHING) {
        link_fail(link, "closed");
        return;
    }
    snprintf(why, sizeof(why), "%.100s: timed out in the TLS handshake (limit %.3g s)", link->peer,
             (double)link->timeout_us / (double)CLOCK_US_PER_S);
    link_fail(link, why);
}

struct link *link_new(struct loop *loop, const struct link_limits *limits,
                      const struct link_events *events, void *ctx)
{
    struct link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        return NULL;
    }
    link->loop = loop;
    link->events = events;
    link->ctx = ctx;
    link->limits = *limits;
    outbuf_init(&link->out);
    loop_task_init(&link->flush, link_on_flush, link);
    loop_task_init(&link->more, link_on_readable, link);
    loop_task_init(&link->down, link_on_down_due, link);
    resting_init(&link->rest, link_flow_on_rested, link);
    link->dialer = dialer_new(loop, &link_dialer_events, link);
    if (link->dialer == NULL || loop_timer_init(&link->timer, loop, link_on_timer, link) != 0) {
        dialer_free(link->dialer);
        free(link);
        return NULL;
    }
    return link;
}

void link_free(struct link *link)
{
    if (link == NULL) {
        return;
    }
    link_drop(link);
    loop_timer_fini(&link->timer);
    dialer_free(link->dialer);
    free(link);
}

void link_connect(struct link *link, const struct link_target *target)
{
    const char *name = target->server_name ? target->server_name : target->host;

    assert(link->state == LINK_IDLE);
    link->state = LINK_DIALING;
    link->tls = target->transport == LINK_TLS ? target->tls : NULL;
    snprintf(link->server_name, sizeof(link->server_name), "%s", name ? name : "");
    link->timeout_us = target->connect_timeout_us;
    link->deadline_us = loop_touch(link->loop) + link->timeout_us;
    dialer_start(link->dialer, target);
}

void link_close(struct link *link)
{
    link_drop(link);
}

void link_close_after_flush(struct link *link, uint64_t timeout_us)
{
    if (link->state == LINK_FLUSHING) {
        return;
    }
    if (link->state != LINK_UP) {
        link_drop(link);
        link->state = LINK_FLUSHING;
        link_fail_later(link, "closed");
        return;
    }
    link->state = LINK_FLUSHING;
    /* What comes is thrown away, but must be read: at a close with bytes unread the kernel drops
     * what it has not sent. */
    link_flow_end_rest(link);
    link->stream->ops->watch_reads(link->stream, 1);
    loop_timer_set(&link->timer, timeout_us);
    loop_defer_last(link->loop, &link->flush);
    loop_defer(link->loop, &link->more);
}

bool link_is_up(const struct link *link)
{
    return link->state == LINK_UP;
}

const char *link_peer(const struct link *link)
{
    return link->peer;
}

uint8_t *link_reserve(struct link *link, size_t len)
{
    return link->state == LINK_UP ? outbuf_reserve(&link->out, len) : NULL;
}

void link_commit(struct link *link, size_t written)
{
    outbuf_commit(&link->out, written);
    loop_defer_last(link->loop, &link->flush);
}

int link_write(struct link *link, const void *data, size_t len)
{
    uint8_t *room = link_reserve(link, len);

    if (room == NULL) {
        return -1;
    }
    memcpy(room, data, len);
    link_commit(link, len);
    return 0;
}

size_t link_pending(const struct link *link)
{
    size_t below = link->stream ? link->stream->ops->pending(link->stream) : 0;

    return link->out.len + below;
}

bool link_is_full(struct link *link)
{
    if (link_pending(link) < link->limits.write_high) {
        return false;
    }
    link->was_full = true;
    return true;
}

void link_pause_reading(struct link *link)
{
    link->paused = true;
    link->behind = true;
    link_flow_end_rest(link);
    if (link->state == LINK_UP) {
        link->stream->ops->watch_reads(link->stream, 0);
    }
}

void link_resume_reading(struct link *link)
{
    link->paused = false;
    link_flow_end_rest(link);
    if (link->state == LINK_UP) {
        link->stream->ops->watch_reads(link->stream, 1);
        loop_defer(link->loop, &link->more);
    }
}

bool link_is_caught_up(const struct link *link)
{
    return !link->behind;
}

uint64_t link_bytes_in(const struct link *link)
{
    return link->bytes_in;
}

uint64_t link_bytes_out(const struct link *link)
{
    return link->bytes_out;
}

uint64_t link_last_read_us(const struct link *link)
{
    return link->last_read_us;
}

void link_set_read_limit(struct link *link, size_t read_limit)
{
    link->limits.read_limit = read_limit;
}
