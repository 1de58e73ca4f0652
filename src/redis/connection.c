/* One socket to a Redis server. For: what its owner may do with it, and handing each frame to whom
 * it is for. Not for: going up and down (connection_states.c), what the login says (login.c),
 * subscriptions (subscriber.c), publishing (publisher.c). */
#include "redis/connection.h"

#include <stdio.h>
#include <stdlib.h>

#include "redis/answer.h"
#include "redis/command.h"
#include "redis/connection_private.h"

enum { REDIS_READ_LIMIT = 256 * 1024 }; /* the parser takes all at once; never reached */

static void connection_on_timer(void *ctx)
{
    struct redis_connection *c = ctx;

    if (!c->failing) {
        redis_connection_fsm(c, REDIS_EVENT_TIMEOUT, "the server did not answer the login in time");
    }
}

static void connection_on_failed(void *ctx)
{
    struct redis_connection *c = ctx;

    redis_connection_fsm(c, REDIS_EVENT_FAILED, c->fail_why.text);
}

static void connection_on_link_up(void *ctx)
{
    redis_connection_fsm(ctx, REDIS_EVENT_LINK_UP, "connected");
}

static void connection_on_link_down(void *ctx, const char *why)
{
    struct redis_connection *c = ctx;

    /* What we found wrong ourselves says more than how the link ended. */
    redis_connection_fsm(c, REDIS_EVENT_LINK_DOWN, c->failing ? c->fail_why.text : why);
}

static size_t connection_on_link_data(void *ctx, const uint8_t *data, size_t len)
{
    struct redis_connection *c = ctx;
    struct err err;

    if (!c->failing && resp_feed(c->resp, data, len, &err) != 0) {
        redis_connection_fail(c, err.text, false);
    }
    return len;
}

static void connection_on_link_writable(void *ctx)
{
    struct redis_connection *c = ctx;

    if (c->state == REDIS_STATE_UP) {
        c->events->on_writable(c->ctx);
    }
}

static const struct link_events connection_link_events = {
    .on_up = connection_on_link_up,
    .on_data = connection_on_link_data,
    .on_writable = connection_on_link_writable,
    .on_down = connection_on_link_down,
};

static void connection_take_unexpected(struct redis_connection *c, const struct resp_frame *frame)
{
    struct err words, why;

    redis_answer_words(frame, &words);
    err_set(&why, "the server sent what was not asked for: %.200s", words.text);
    redis_connection_fail(c, why.text, false);
}

static void connection_take_login(struct redis_connection *c, const struct resp_frame *frame)
{
    switch (redis_login_take(&c->login, frame)) {
    case LOGIN_MORE:
        break;
    case LOGIN_DONE:
        redis_connection_fsm(c, REDIS_EVENT_READY, "logged in");
        break;
    case LOGIN_NOT_YET:
        redis_connection_fsm(c, REDIS_EVENT_NOT_YET, c->login.why.text);
        break;
    case LOGIN_REFUSED:
        redis_connection_fail(c, c->login.why.text, true);
        break;
    }
}

static void connection_on_frame(void *ctx, const struct resp_frame *frame)
{
    struct redis_connection *c = ctx;
    struct redis_waiter waiter;

    if (c->state == REDIS_STATE_UP) {
        if (c->events->on_push != NULL && c->events->on_push(c->ctx, frame)) {
            return;
        }
        if (redis_replies_pop(&c->replies, &waiter)) {
            if (waiter.on_reply != NULL) {
                waiter.on_reply(waiter.ctx, waiter.arg, frame);
            }
            return;
        }
    } else if (c->state == REDIS_STATE_LOGIN) {
        connection_take_login(c, frame);
        return;
    }
    connection_take_unexpected(c, frame);
}

/* The name of the client on the server, which takes printing characters without spaces only. */
static void connection_make_name(struct redis_connection *c)
{
    char *at;

    snprintf(c->name, sizeof(c->name), "chunneld:%.120s:%.120s", c->setup.instance,
             c->setup.purpose);
    for (at = c->name; *at != '\0'; at++) {
        if (*at < '!' || *at > '~') {
            *at = '_';
        }
    }
}

/* Most bytes of one reply or message. max_message_size is about what we send: a message that a sink
 * will not take is better read, refused and counted than the end of the subscription. */
static size_t connection_read_limit(const struct conf_connection *conf)
{
    return conf->max_message_size > REDIS_READ_LEAST ? (size_t)conf->max_message_size
                                                     : REDIS_READ_LEAST;
}

struct redis_connection *redis_connection_new(const struct redis_connection_setup *setup,
                                              const struct redis_connection_events *events,
                                              void *ctx)
{
    struct link_limits limits = {REDIS_READ_LIMIT, REDIS_WRITE_HIGH, REDIS_WRITE_LOW};
    struct redis_connection *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->setup = *setup;
    c->events = events;
    c->ctx = ctx;
    c->state = REDIS_STATE_STOPPED;
    connection_make_name(c);
    redis_target_init(&c->target, setup->conf, setup->tls);
    loop_task_init(&c->fail_task, connection_on_failed, c);
    c->link = link_new(setup->loop, &limits, &connection_link_events, c);
    c->resp = resp_new(connection_read_limit(setup->conf), connection_on_frame, c);
    if (c->link == NULL || c->resp == NULL ||
        loop_timer_init(&c->timer, setup->loop, connection_on_timer, c) != 0) {
        redis_connection_free(c);
        return NULL;
    }
    return c;
}

void redis_connection_free(struct redis_connection *c)
{
    if (c == NULL) {
        return;
    }
    loop_task_cancel(c->setup.loop, &c->fail_task);
    loop_timer_fini(&c->timer);
    link_free(c->link);
    resp_free(c->resp);
    redis_replies_fini(&c->replies);
    free(c);
}

void redis_connection_start(struct redis_connection *c)
{
    redis_connection_fsm(c, REDIS_EVENT_START, "wanted");
}

void redis_connection_stop(struct redis_connection *c)
{
    redis_connection_fsm(c, REDIS_EVENT_STOP, "not wanted any more");
}

int redis_connection_command(struct redis_connection *c, const struct slice *args, size_t count,
                             redis_on_reply on_reply, void *ctx, void *arg)
{
    struct redis_waiter waiter = {on_reply, ctx, arg};
    uint8_t *room;

    if (!redis_connection_is_up(c)) {
        return -1;
    }
    room = link_reserve(c->link, redis_command_room(args, count));
    if (room == NULL || redis_replies_push(&c->replies, waiter) != 0) {
        redis_connection_fail(c, "out of memory", false);
        return -1;
    }
    link_commit(c->link, redis_command_write(args, count, room));
    return 0;
}

void redis_connection_forget(struct redis_connection *c, const void *ctx)
{
    redis_replies_forget(&c->replies, ctx);
}

void redis_connection_fail(struct redis_connection *c, const char *why, bool at_leisure)
{
    if (c->failing || c->state == REDIS_STATE_STOPPED || c->state == REDIS_STATE_BACKOFF) {
        return;
    }
    c->failing = true;
    c->at_leisure = at_leisure;
    err_set(&c->fail_why, "%s", why);
    resp_stop(c->resp);
    loop_defer(c->setup.loop, &c->fail_task);
}

void redis_connection_pause_reading(struct redis_connection *c, enum redis_pause why)
{
    if (redis_connection_is_up(c)) {
        c->paused |= why;
        link_pause_reading(c->link);
    }
}

void redis_connection_resume_reading(struct redis_connection *c, enum redis_pause why)
{
    if (c->paused == why) {
        c->pinged = false;
        link_resume_reading(c->link);
    }
    c->paused &= ~(unsigned)why;
}

bool redis_connection_is_caught_up(const struct redis_connection *c)
{
    return c->paused == 0 && link_is_caught_up(c->link);
}

bool redis_connection_is_up(const struct redis_connection *c)
{
    return c->state == REDIS_STATE_UP && !c->failing;
}

bool redis_connection_is_full(struct redis_connection *c)
{
    return link_is_full(c->link);
}

bool redis_connection_knows_role(const struct redis_connection *c)
{
    return c->login.role_known;
}

const char *redis_connection_why(const struct redis_connection *c)
{
    return c->last_error;
}

uint64_t redis_connection_last_heard_us(const struct redis_connection *c)
{
    return link_last_read_us(c->link);
}

uint64_t redis_connection_bytes_in(const struct redis_connection *c)
{
    return link_bytes_in(c->link);
}

int64_t redis_connection_client_id(const struct redis_connection *c)
{
    return redis_connection_is_up(c) ? c->login.client_id : 0;
}

uint64_t redis_connection_ups(const struct redis_connection *c)
{
    return c->ups;
}

struct loop *redis_connection_loop(const struct redis_connection *c)
{
    return c->setup.loop;
}

const char *redis_connection_name(const struct redis_connection *c)
{
    return c->setup.conf->name;
}

void redis_connection_get_status(const struct redis_connection *c,
                                 struct connection_status *out_status, uint64_t *out_error_us)
{
    static const enum connection_state states[REDIS_STATE_COUNT] = {
        [REDIS_STATE_STOPPED] = CONNECTION_STOPPED,
        [REDIS_STATE_BACKOFF] = CONNECTION_DOWN,
        [REDIS_STATE_CONNECTING] = CONNECTION_CONNECTING,
        [REDIS_STATE_LOGIN] = CONNECTION_CONNECTING,
        [REDIS_STATE_WAITING] = CONNECTION_CONNECTING,
        [REDIS_STATE_UP] = CONNECTION_UP,
    };

    *out_status = (struct connection_status){
        .state = states[c->state],
        .reconnects = c->ups > 0 ? c->ups - 1 : 0,
        .since_us = c->since_us,
        .bytes_in = link_bytes_in(c->link),
        .bytes_out = link_bytes_out(c->link),
    };
    snprintf(out_status->last_error, sizeof(out_status->last_error), "%s", c->last_error);
    *out_error_us = c->error_us;
}
