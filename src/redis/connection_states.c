/* The states of a connection to Redis: what is done on entering each, and the one function that
 * moves from one to the next. For: timers, back-off, log lines of going up and down. Not for: the
 * table itself (state.c), frames and commands (connection.c). */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "redis/connection_private.h"

#define REDIS_ASK_AGAIN_US UINT64_C(1000000) /* while the server is loading */

static void connection_set_state(struct redis_connection *c, enum redis_state state,
                                 const char *why)
{
    log_debug("connection", c->setup.conf->name, "state", log_text("purpose", c->setup.purpose),
              log_text("old", redis_state_name(c->state)), log_text("new", redis_state_name(state)),
              log_text("reason", why));
    /* Each try to connect is no news: what counts is since when it cannot be used. */
    if (c->state == REDIS_STATE_STOPPED ||
        (c->state == REDIS_STATE_UP) != (state == REDIS_STATE_UP)) {
        c->since_us = clock_wall_us();
    }
    c->state = state;
}

static void connection_note_error(struct redis_connection *c, const char *why)
{
    snprintf(c->last_error, sizeof(c->last_error), "%.300s", why);
    c->error_us = loop_now_us(c->setup.loop);
}

/* Back to an idle link, with nothing left of the old one. */
static void connection_drop_link(struct redis_connection *c)
{
    link_close(c->link);
    link_resume_reading(c->link);
    redis_replies_clear(&c->replies);
    c->failing = false;
    c->paused = 0;
}

static void connection_enter_backoff(struct redis_connection *c, bool was_up, const char *why)
{
    char where[REDIS_WHERE_SIZE];
    uint64_t now = loop_now_us(c->setup.loop);
    uint64_t delay;

    connection_note_error(c, why);
    connection_drop_link(c);
    redis_target_where(&c->target, where);
    log_warn("connection", c->setup.conf->name, was_up ? "lost" : "cannot connect",
             log_text("purpose", c->setup.purpose), log_text("server", where),
             log_text("error", why));
    delay = was_up ? redis_target_lost(&c->target, c->setup.rand, now)
                   : redis_target_failed(&c->target, c->setup.rand, now, c->at_leisure);
    loop_timer_set(&c->timer, delay);
    c->at_leisure = false;
    c->events->on_down(c->ctx, c->last_error);
}

static void connection_enter_connecting(struct redis_connection *c)
{
    struct link_target target;

    if (resp_reset(c->resp) != 0) {
        redis_connection_fail(c, "out of memory", false);
        return;
    }
    redis_target_link(&c->target, &target);
    target.user_timeout_us = 2 * c->setup.ping_us;
    link_connect(c->link, &target);
}

static void connection_enter_login(struct redis_connection *c)
{
    struct strbuf commands = STRBUF_INIT;

    redis_login_begin(&c->login, redis_target_url(&c->target), slice_of(c->name),
                      c->setup.needs_master, &commands);
    loop_timer_set(&c->timer, c->setup.conf->connect_timeout_us);
    if (strbuf_failed(&commands) || link_write(c->link, commands.data, commands.len) != 0) {
        redis_connection_fail(c, "out of memory", false);
    }
    if (commands.data != NULL) {
        explicit_bzero(commands.data, commands.size); /* it held the password */
    }
    strbuf_fini(&commands);
}

static void connection_enter_waiting(struct redis_connection *c)
{
    connection_note_error(c, c->login.why.text);
    log_warn("connection", c->setup.conf->name, "the server is not ready",
             log_text("purpose", c->setup.purpose), log_text("error", c->last_error));
    loop_timer_set(&c->timer, REDIS_ASK_AGAIN_US);
    c->events->on_down(c->ctx, c->last_error);
}

static void connection_enter_up(struct redis_connection *c)
{
    uint64_t now = loop_now_us(c->setup.loop);
    bool asked_in_vain = c->setup.needs_master && !c->login.role_known;
    char where[REDIS_WHERE_SIZE];

    c->ups++;
    c->pinged = false;
    c->heard_bytes = 0;
    redis_target_good(&c->target, now);
    loop_timer_set(&c->timer, c->setup.ping_us);
    redis_target_where(&c->target, where);
    log_info("connection", c->setup.conf->name, "up", log_text("purpose", c->setup.purpose),
             log_text("server", where));
    log_debug("connection", c->setup.conf->name, "logged in", log_text("purpose", c->setup.purpose),
              log_number("client_id", c->login.client_id)); /* as in CLIENT LIST */
    if (asked_in_vain) {
        log_warn("connection", c->setup.conf->name,
                 "cannot tell a master from a replica; allow the user to run ROLE",
                 log_text("error", c->login.why.text));
    }
    c->events->on_up(c->ctx);
}

/* Nothing heard for an interval: PING. Nothing for another one, whatever was sent: dead. What was
 * heard is told by the bytes, as the times of a turn are not exact. */
static void connection_watch_silence(struct redis_connection *c)
{
    uint64_t silent = loop_now_us(c->setup.loop) - redis_connection_last_heard_us(c);
    uint64_t bytes = link_bytes_in(c->link);
    uint64_t delay = c->setup.ping_us;
    struct err why;

    if (c->paused != 0 || bytes != c->heard_bytes) {
        c->heard_bytes = bytes;
        c->pinged = false;
        delay = c->paused != 0 ? delay : delay - (silent < delay ? silent : delay - 1);
    } else if (!c->pinged) {
        c->pinged = true;
        redis_connection_command(c, (struct slice[]){SLICE("PING")}, 1, NULL, NULL, NULL);
    } else {
        err_set(&why, "nothing heard for %.3g s",
                2 * (double)c->setup.ping_us / (double)CLOCK_US_PER_S);
        redis_connection_fail(c, why.text, false);
        return;
    }
    loop_timer_set(&c->timer, delay);
}

static void connection_enter(struct redis_connection *c, enum redis_state old, const char *why)
{
    switch (c->state) {
    case REDIS_STATE_STOPPED:
        connection_drop_link(c);
        break;
    case REDIS_STATE_BACKOFF:
        connection_enter_backoff(c, old == REDIS_STATE_UP, why);
        break;
    case REDIS_STATE_CONNECTING:
        connection_enter_connecting(c);
        break;
    case REDIS_STATE_LOGIN:
        connection_enter_login(c);
        break;
    case REDIS_STATE_WAITING:
        connection_enter_waiting(c);
        break;
    default:
        connection_enter_up(c);
        break;
    }
}

void redis_connection_fsm(struct redis_connection *c, enum redis_event event, const char *why)
{
    enum redis_state old = c->state;
    enum redis_state next = redis_state_next(old, event);

    assert(next != REDIS_STATE_NONE);
    if (next == old) {
        if (event == REDIS_EVENT_TIMEOUT) {
            connection_watch_silence(c);
        }
        return;
    }
    loop_timer_cancel(&c->timer);
    loop_task_cancel(c->setup.loop, &c->fail_task);
    connection_set_state(c, next, why);
    connection_enter(c, old, why);
}
