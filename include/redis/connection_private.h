/* The insides of a connection, shared by connection.c and connection_states.c alone. */
#ifndef CHUNNELD_REDIS_CONNECTION_PRIVATE_H
#define CHUNNELD_REDIS_CONNECTION_PRIVATE_H

#include "net/link.h"
#include "redis/connection.h"
#include "redis/login.h"
#include "redis/state.h"
#include "redis/target.h"

enum { REDIS_NAME_SIZE = 256 }; /* "chunneld:INSTANCE:PURPOSE" */

struct redis_connection {
    struct redis_connection_setup setup; /* borrowed things */
    const struct redis_connection_events *events;
    void *ctx;                    /* of events */
    char name[REDIS_NAME_SIZE];   /* for CLIENT SETNAME */
    struct link *link;            /* owned */
    struct resp *resp;            /* owned; reads what the link shows */
    struct redis_login login;     /* under way, or the last one */
    struct redis_replies replies; /* waited for while up */
    enum redis_state state;       /* see state.h */
    struct redis_target target;   /* where to, and when again */
    struct loop_timer timer;      /* of the state */
    struct loop_task fail_task;   /* ends a failing link at the end of the turn */
    bool failing;                 /* fail_task is queued; nothing more is read */
    struct err fail_why;          /* its reason */
    bool at_leisure;              /* the next try may wait for the longest delay */
    unsigned paused;              /* reading is, for these reasons (enum redis_pause) */
    bool pinged;                  /* PING was sent after an interval of silence */
    uint64_t heard_bytes;         /* read when the timer of silence last ran */
    uint64_t ups;                 /* times it came up */
    int64_t since_us;             /* wall clock since when it is up, or is not */
    char last_error[320];         /* "": none yet */
    uint64_t error_us;            /* monotonic time of last_error */
};

/* The one function that moves it; `why` is the reason, for the log and the owner. */
void redis_connection_fsm(struct redis_connection *connection, enum redis_event event,
                          const char *why);

#endif
