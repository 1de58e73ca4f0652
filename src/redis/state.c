/* The table of states of a connection to Redis. For: looking up what follows. Not for: doing it
 * (connection.c). */
#include "redis/state.h"

/* What is left out cannot happen. */
static const enum redis_state redis_next[REDIS_STATE_COUNT][REDIS_EVENT_COUNT] = {
    [REDIS_STATE_STOPPED] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_CONNECTING,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
        },
    [REDIS_STATE_BACKOFF] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
            [REDIS_EVENT_TIMEOUT] = REDIS_STATE_CONNECTING,
        },
    [REDIS_STATE_CONNECTING] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_CONNECTING,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
            [REDIS_EVENT_LINK_UP] = REDIS_STATE_LOGIN,
            [REDIS_EVENT_LINK_DOWN] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_FAILED] = REDIS_STATE_BACKOFF,
        },
    [REDIS_STATE_LOGIN] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_LOGIN,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
            [REDIS_EVENT_TIMEOUT] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_LINK_DOWN] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_READY] = REDIS_STATE_UP,
            [REDIS_EVENT_NOT_YET] = REDIS_STATE_WAITING,
            [REDIS_EVENT_FAILED] = REDIS_STATE_BACKOFF,
        },
    [REDIS_STATE_WAITING] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_WAITING,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
            [REDIS_EVENT_TIMEOUT] = REDIS_STATE_LOGIN,
            [REDIS_EVENT_LINK_DOWN] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_FAILED] = REDIS_STATE_BACKOFF,
        },
    [REDIS_STATE_UP] =
        {
            [REDIS_EVENT_START] = REDIS_STATE_UP,
            [REDIS_EVENT_STOP] = REDIS_STATE_STOPPED,
            [REDIS_EVENT_TIMEOUT] = REDIS_STATE_UP,
            [REDIS_EVENT_LINK_DOWN] = REDIS_STATE_BACKOFF,
            [REDIS_EVENT_FAILED] = REDIS_STATE_BACKOFF,
        },
};

enum redis_state redis_state_next(enum redis_state state, enum redis_event event)
{
    return redis_next[state][event];
}

const char *redis_state_name(enum redis_state state)
{
    static const char *const names[REDIS_STATE_COUNT] = {
        [REDIS_STATE_STOPPED] = "stopped",
        [REDIS_STATE_BACKOFF] = "backoff",
        [REDIS_STATE_CONNECTING] = "connecting",
        [REDIS_STATE_LOGIN] = "login",
        [REDIS_STATE_WAITING] = "waiting",
        [REDIS_STATE_UP] = "up",
        [REDIS_STATE_NONE] = "none",
    };

    return names[state];
}

const char *redis_event_name(enum redis_event event)
{
    static const char *const names[REDIS_EVENT_COUNT] = {
        [REDIS_EVENT_START] = "start",         [REDIS_EVENT_STOP] = "stop",
        [REDIS_EVENT_TIMEOUT] = "timeout",     [REDIS_EVENT_LINK_UP] = "link-up",
        [REDIS_EVENT_LINK_DOWN] = "link-down", [REDIS_EVENT_READY] = "ready",
        [REDIS_EVENT_NOT_YET] = "not-yet",     [REDIS_EVENT_FAILED] = "failed",
    };

    return names[event];
}
