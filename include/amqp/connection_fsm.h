/* The state machine of an AMQP connection as a pure table: no I/O, no time. What each transition
 * does is in connection.c. */
#ifndef CHUNNELD_AMQP_CONNECTION_FSM_H
#define CHUNNELD_AMQP_CONNECTION_FSM_H

enum rmq_connection_state {
    RMQ_STOPPED,    /* not wanted: no link, no timer */
    RMQ_BACKOFF,    /* no link; the timer ends the wait before the next try */
    RMQ_CONNECTING, /* the link is being made; it has its own deadline */
    RMQ_START_WAIT, /* protocol header sent; the timer bounds the wait for connection.start */
    RMQ_TUNE_WAIT,  /* start-ok sent; the timer bounds the wait for connection.tune */
    RMQ_OPEN_WAIT,  /* tune-ok and open sent; the timer bounds the wait for open-ok */
    RMQ_OPEN,       /* logged in, channels may be open; the heartbeat timer runs */
    RMQ_CLOSING,    /* close sent by us to stop; the timer bounds the wait for close-ok */
    RMQ_FLUSHING,   /* last words sent, nothing is read any more; the link has its own deadline */
    RMQ_STATE_COUNT
};

enum rmq_connection_event {
    RMQ_ON_START,        /* wanted from now on */
    RMQ_ON_STOP,         /* not wanted any more */
    RMQ_ON_TIMER,        /* the state's timer ran out */
    RMQ_ON_LINK_UP,      /* connected, TLS included */
    RMQ_ON_LINK_DOWN,    /* no link any more, or none came about; also when it fell silent */
    RMQ_ON_SERVER_START, /* connection.start, and we can answer it */
    RMQ_ON_TUNE,         /* connection.tune, and we agree */
    RMQ_ON_OPEN_OK,      /* connection.open-ok */
    RMQ_ON_CLOSE,        /* connection.close by the server */
    RMQ_ON_CLOSE_OK,     /* connection.close-ok */
    RMQ_ON_FAIL,         /* we give this link up: the peer broke the protocol, memory is out, ... */
    RMQ_EVENT_COUNT
};

/* What rmq_connection_next() may answer beside a state. */
enum {
    RMQ_NEVER = -1,  /* a bug of ours */
    RMQ_BREACH = -2, /* the peer is out of order: take it as RMQ_ON_FAIL */
};

/* The state after `event` in `state` (the same state: nothing happens), RMQ_NEVER or RMQ_BREACH. */
int rmq_connection_next(enum rmq_connection_state state, enum rmq_connection_event event);

const char *rmq_connection_state_name(enum rmq_connection_state state);
const char *rmq_connection_event_name(enum rmq_connection_event event);

#endif
