/* The links of the fake net: bytes between the code under test and a server inside the test. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "fake_loop.h"
#include "net/link.h"

enum state { IDLE, DIALING, UP, FLUSHING };

struct fake_wire {
    struct link *link;
    struct strbuf to_client; /* sent by the server, not arrived */
    bool closed;             /* by the server, behind to_client */
    bool stalled;
    uint16_t port;
    void *user;
};

struct link {
    TAILQ_ENTRY(link) link;
    struct loop *loop;
    const struct link_events *events;
    void *ctx;
    struct link_limits limits;
    enum state state;
    struct fake_wire *wire;
    uint16_t port;
    struct strbuf in;  /* shown, not used yet */
    struct strbuf out; /* written, not taken by the server */
    bool was_full;
    struct loop_timer timer;
    struct loop_task dialed; /* the answer to link_connect */
    struct loop_task closed; /* "closed", when the link was not up to be flushed */
    uint64_t bytes_in, bytes_out;
};

static void link_drop(struct link *link)
{
    struct fake_wire *wire = link->wire;

    loop_timer_cancel(&link->timer);
    loop_task_cancel(link->loop, &link->dialed);
    loop_task_cancel(link->loop, &link->closed);
    strbuf_fini(&link->in);
    strbuf_fini(&link->out);
    link->was_full = false;
    link->state = IDLE;
    link->wire = NULL;
    if (wire != NULL) {
        link->loop->server->on_closed(link->loop->server->ctx, wire);
        strbuf_fini(&wire->to_client);
        free(wire);
    }
}

static void link_fail(struct link *link, const char *why)
{
    link_drop(link);
    link->events->on_down(link->ctx, why);
}

static void link_on_closed(void *ctx)
{
    link_fail(ctx, "closed");
}

static void link_on_timer(void *ctx)
{
    struct link *link = ctx;

    link_fail(link, link->state == DIALING ? "timed out connecting" : "closed");
}

static enum fake_answer link_answer(const struct link *link)
{
    for (size_t i = 0; i < link->loop->answer_count; i++) {
        if (link->loop->answers[i].port == link->port) {
            return link->loop->answers[i].answer;
        }
    }
    return link->loop->answer;
}

static void link_on_dialed(void *ctx)
{
    struct link *link = ctx;
    const struct fake_server *server = link->loop->server;

    switch (link_answer(link)) {
    case FAKE_REFUSE:
        link_fail(link, "connection refused");
        return;
    case FAKE_SILENCE:
        return;
    case FAKE_ACCEPT:
        break;
    }
    link->wire = calloc(1, sizeof(*link->wire));
    if (link->wire == NULL) {
        link_fail(link, "out of memory");
        return;
    }
    loop_timer_cancel(&link->timer);
    link->wire->link = link;
    link->wire->port = link->port;
    link->state = UP;
    server->on_connect(server->ctx, link->wire);
    link->events->on_up(link->ctx);
}

struct link *link_new(struct loop *loop, const struct link_limits *limits,
                      const struct link_events *events, void *ctx)
{
    struct link *link = calloc(1, sizeof(*link));

    if (link == NULL || loop_timer_init(&link->timer, loop, link_on_timer, link) != 0) {
        free(link);
        return NULL;
    }
    link->loop = loop;
    link->limits = *limits;
    link->events = events;
    link->ctx = ctx;
    loop_task_init(&link->dialed, link_on_dialed, link);
    loop_task_init(&link->closed, link_on_closed, link);
    TAILQ_INSERT_TAIL(&loop->links, link, link);
    return link;
}

void link_free(struct link *link)
{
    if (link != NULL) {
        link_drop(link);
        loop_timer_fini(&link->timer);
        TAILQ_REMOVE(&link->loop->links, link, link);
        free(link);
    }
}

void link_connect(struct link *link, const struct link_target *target)
{
    assert(link->state == IDLE);
    link->state = DIALING;
    link->port = target->port;
    loop_timer_set(&link->timer, target->connect_timeout_us);
    loop_defer(link->loop, &link->dialed);
}

void link_close(struct link *link)
{
    link_drop(link);
}

void link_close_after_flush(struct link *link, uint64_t timeout_us)
{
    if (link->state != UP) {
        loop_defer(link->loop, &link->closed);
        return;
    }
    link->state = FLUSHING;
    loop_timer_set(&link->timer, timeout_us);
}

bool link_is_up(const struct link *link)
{
    return link->state == UP;
}

const char *link_peer(const struct link *link)
{
    return link->state == UP ? "fake:1" : "";
}

uint8_t *link_reserve(struct link *link, size_t len)
{
    return link->state == UP ? (uint8_t *)strbuf_reserve(&link->out, len) : NULL;
}

void link_commit(struct link *link, size_t written)
{
    strbuf_commit(&link->out, written);
}

int link_write(struct link *link, const void *data, size_t len)
{
    uint8_t *room = link_reserve(link, len);

    if (room == NULL) {
        strbuf_reset(&link->out);
        return -1;
    }
    memcpy(room, data, len);
    link_commit(link, len);
    return 0;
}

size_t link_pending(const struct link *link)
{
    return link->out.len;
}

bool link_is_full(struct link *link)
{
    link->was_full |= link->out.len >= link->limits.write_high;
    return link->out.len >= link->limits.write_high;
}

void link_pause_reading(struct link *link)
{
    (void)link;
}

void link_resume_reading(struct link *link)
{
    (void)link;
}

bool link_is_caught_up(const struct link *link)
{
    (void)link;
    return true;
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
    return link->loop->now_us;
}

void link_set_read_limit(struct link *link, size_t read_limit)
{
    link->limits.read_limit = read_limit;
}

/* Bytes of the server arrive; whether any did. */
static bool link_move_in(struct link *link)
{
    struct fake_wire *wire = link->wire;
    size_t len, used;

    if (link->state != UP || (wire->to_client.len == 0 && !wire->closed)) {
        return false;
    }
    if (wire->to_client.len == 0) {
        link_fail(link, "closed by the peer");
        return true;
    }
    len = wire->to_client.len;
    if (link->loop->piece != 0 && len > link->loop->piece) {
        len = link->loop->piece;
    }
    strbuf_append(&link->in, wire->to_client.data, len);
    memmove(wire->to_client.data, wire->to_client.data + len, wire->to_client.len - len);
    strbuf_truncate(&wire->to_client, wire->to_client.len - len);
    link->bytes_in += len;
    used = link->events->on_data(link->ctx, (const uint8_t *)link->in.data, link->in.len);
    if (link->state != UP || link->wire != wire) {
        return true;
    }
    assert(used <= link->in.len);
    memmove(link->in.data, link->in.data + used, link->in.len - used);
    strbuf_truncate(&link->in, link->in.len - used);
    assert(link->in.len <= link->limits.read_limit);
    return true;
}

/* Bytes of the client are taken by the server; whether any were. */
static bool link_move_out(struct link *link)
{
    const struct fake_server *server = link->loop->server;
    struct strbuf out = link->out;

    if (link->state == FLUSHING && out.len == 0) {
        link_fail(link, "closed");
        return true;
    }
    if ((link->state != UP && link->state != FLUSHING) || link->wire->stalled || out.len == 0) {
        return false;
    }
    link->out = STRBUF_INIT;
    link->bytes_out += out.len;
    server->on_bytes(server->ctx, link->wire, (const uint8_t *)out.data, out.len);
    strbuf_fini(&out);
    if (link->was_full) {
        link->was_full = false;
        link->events->on_writable(link->ctx);
    }
    return true;
}

bool fake_links_move(struct loop *loop)
{
    struct link *link;
    bool moved = false;

    TAILQ_FOREACH(link, &loop->links, link) {
        moved |= link_move_out(link);
        moved |= link_move_in(link);
    }
    return moved;
}

void fake_wire_send(struct fake_wire *wire, const void *data, size_t len)
{
    strbuf_append(&wire->to_client, data, len);
}

void fake_wire_close(struct fake_wire *wire)
{
    wire->closed = true;
}

void fake_wire_stall(struct fake_wire *wire, bool stalled)
{
    wire->stalled = stalled;
}

uint16_t fake_wire_port(const struct fake_wire *wire)
{
    return wire->port;
}

void fake_wire_set_user(struct fake_wire *wire, void *user)
{
    wire->user = user;
}

void *fake_wire_user(const struct fake_wire *wire)
{
    return wire->user;
}
