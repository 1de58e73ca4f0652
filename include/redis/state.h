/* The states of a connection to Redis and the events that move it, as one table. Pure: the table is
 * walked by a unit test and printed into doc/states.md; connection.c acts on it. */
#ifndef CHUNNELD_REDIS_STATE_H
#define CHUNNELD_REDIS_STATE_H

enum redis_state {
    REDIS_STATE_NONE,       /* in the table: cannot happen */
    REDIS_STATE_STOPPED,    /* not wanted; the link is idle; no timer */
    REDIS_STATE_BACKOFF,    /* the link is idle; the timer ends the wait before the next try */
    REDIS_STATE_CONNECTING, /* the link is connecting; its own limit ends that */
    REDIS_STATE_LOGIN,   /* the link is up; AUTH and the like await replies; the timer limits it */
    REDIS_STATE_WAITING, /* logged in, but the server is loading or busy; the timer asks again */
    REDIS_STATE_UP,      /* serves its owner; the timer looks for silence */
    REDIS_STATE_COUNT
};

enum redis_event {
    REDIS_EVENT_START,     /* the owner wants it */
    REDIS_EVENT_STOP,      /* the owner wants it no more */
    REDIS_EVENT_TIMEOUT,   /* the timer of the state */
    REDIS_EVENT_LINK_UP,   /* the link is connected */
    REDIS_EVENT_LINK_DOWN, /* the link is lost, or could not connect */
    REDIS_EVENT_READY,     /* the server accepted the login and can serve */
    REDIS_EVENT_NOT_YET,   /* the server accepted the login, but cannot serve yet */
    REDIS_EVENT_FAILED,    /* we cannot go on with this link: protocol, login refused, silence */
    REDIS_EVENT_COUNT
};

/* The state after `event` in `state`; REDIS_STATE_NONE: it cannot happen there. */
enum redis_state redis_state_next(enum redis_state state, enum redis_event event);

const char *redis_state_name(enum redis_state state);
const char *redis_event_name(enum redis_event event);

#endif
