/* The bytes of a link: from its stream to the owner and back. For: the read buffer, watermarks and
 * fairness. Not for: connecting and closing (link.c). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/link_private.h"
#include "net/moderation.h"

enum {
    LINK_READ_ROOM = 64 * 1024, /* least room for one read */
    LINK_READS_A_TURN = 4,      /* reads of one link before others have their turn */
    LINK_DISCARDS_A_TURN = 16,
};

/* Room for a read behind what is kept; -1: out of memory. */
static int link_make_room(struct link *link)
{
    size_t wanted = link->in_size ? link->in_size : LINK_READ_ROOM;
    uint8_t *grown;

    while (wanted - link->in_len < LINK_READ_ROOM / 2) {
        wanted *= 2;
    }
    if (wanted == link->in_size) {
        return 0;
    }
    grown = realloc(link->in, wanted);
    if (grown == NULL) {
        return -1;
    }
    link->in = grown;
    link->in_size = wanted;
    return 0;
}

void link_flow_forget_input(struct link *link)
{
    link->in_len = 0;
    if (!link->showing) {
        free(link->in);
        link->in = NULL;
        link->in_size = 0;
    }
}

/* Shows what was read to the owner; false: the link is no longer up (or may be another one). */
static bool link_show(struct link *link)
{
    const struct stream *stream = link->stream;
    size_t used;

    link->showing = true;
    used = link->events->on_data(link->ctx, link->in, link->in_len);
    link->showing = false;
    if (link->state != LINK_UP || link->stream != stream) {
        link_flow_forget_input(link);
        return false;
    }
    assert(used <= link->in_len);
    link->in_len -= used;
    if (link->in_len > 0 && used > 0) {
        memmove(link->in, link->in + used, link->in_len);
    }
    if (link->in_len > link->limits.read_limit) {
        link_fail(link, "the peer sent a piece over the size limit");
        return false;
    }
    return true;
}

/* One read; true: there may be more. */
static bool link_read_once(struct link *link)
{
    const char *why = NULL;
    ssize_t got;
    size_t room;

    if (link_make_room(link) != 0) {
        link_fail(link, "out of memory");
        return false;
    }
    room = link->in_size - link->in_len;
    got = link->stream->ops->read(link->stream, link->in + link->in_len, room, &why);
    if (got == STREAM_AGAIN) {
        return false;
    }
    if (got < 0) {
        link_fail(link, got == STREAM_CLOSED ? "closed by the peer" : why);
        return false;
    }
    link->in_len += (size_t)got;
    link->bytes_in += (uint64_t)got;
    link->last_read_us = loop_now_us(link->loop);
    return link_show(link) && (size_t)got == room;
}

/* While the rest is sent and the peer's end waited for: what comes means nothing any more. */
static void link_discard(struct link *link)
{
    uint8_t rest[4096];
    const char *why = NULL;
    ssize_t got = STREAM_AGAIN;
    int reads;

    for (reads = LINK_DISCARDS_A_TURN; reads > 0; reads--) {
        got = link->stream->ops->read(link->stream, rest, sizeof(rest), &why);
        if (got <= 0) {
            break;
        }
        link->bytes_in += (uint64_t)got;
    }
    if (got > 0) {
        loop_defer(link->loop, &link->more);
    } else if (got != STREAM_AGAIN && link->all_sent) {
        link_fail(link, "closed");
    } else if (got == STREAM_CLOSED) {
        link->peer_ended = true;
        link->stream->ops->watch_reads(link->stream, 0);
    } else if (got == STREAM_BROKEN) {
        link_fail(link, why);
    }
}

/* Leaves the link unread for a moment, where all that was just read may wait so long. What comes
 * meanwhile is gathered by the kernel, and nothing else is held up. */
static void link_rest(struct link *link)
{
    uint64_t rest = loop_take_rest(link->loop);
    uint64_t now = rest != 0 ? loop_touch(link->loop) : 0;
    uint64_t end = moderation_end(rest, now);
    bool may_rest = link->state == LINK_UP && !link->paused;

    if (may_rest && (end != 0) != link->unwatched) {
        link->unwatched = end != 0;
        link->stream->ops->watch_reads(link->stream, end == 0);
    }
    if (may_rest && end != 0) {
        rests_begin(loop_rests(link->loop), &link->rest, end);
    }
}

void link_flow_end_rest(struct link *link)
{
    link->unwatched = false;
    resting_end(&link->rest);
}

/* One rest follows another, as a rule: reads are watched again only where none does. */
void link_flow_on_rested(void *ctx)
{
    struct link *link = ctx;

    if (!link->stream->ops->reads_unwatched) {
        link->unwatched = false;
        link->stream->ops->watch_reads(link->stream, 1);
    }
    link_flow_read(link);
}

void link_flow_read(struct link *link)
{
    int reads = LINK_READS_A_TURN;

    if (link->state == LINK_FLUSHING && !link->peer_ended) {
        link_discard(link);
        return;
    }
    link->behind = false;
    loop_take_rest(link->loop);
    while (link->state == LINK_UP && !link->paused && link_read_once(link)) {
        if (--reads == 0) {
            link->behind = true;
            loop_defer(link->loop, &link->more);
            return;
        }
    }
    link_rest(link);
}

/* All is with the kernel: says so to the peer, and closes when it ends too. */
static void link_end(struct link *link)
{
    if (link->peer_ended) {
        link_fail(link, "closed");
    } else if (!link->all_sent) {
        link->all_sent = true;
        link->stream->ops->end(link->stream);
    }
}

static void link_after_flush(struct link *link)
{
    size_t pending = link_pending(link);

    if (link->state == LINK_FLUSHING) {
        if (pending == 0) {
            link_end(link);
        }
        return;
    }
    if (link->was_full && pending <= link->limits.write_low) {
        link->was_full = false;
        link->events->on_writable(link->ctx);
    }
}

void link_flow_flush(struct link *link)
{
    size_t before = link->out.len;
    const char *why = NULL;

    if (link->state != LINK_UP && link->state != LINK_FLUSHING) {
        return;
    }
    if (link->stream->ops->flush(link->stream, &link->out, &why) != 0) {
        link_fail(link, why);
        return;
    }
    link->bytes_out += before - link->out.len;
    link_after_flush(link);
}
