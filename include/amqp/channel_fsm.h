/* The state machine of an AMQP channel as a pure table; what each transition does is in channel.c.
 */
#ifndef CHUNNELD_AMQP_CHANNEL_FSM_H
#define CHUNNELD_AMQP_CHANNEL_FSM_H

enum rmq_channel_state {
    RMQ_CHANNEL_IDLE,    /* not wanted */
    RMQ_CHANNEL_WAITING, /* wanted; the connection is not open, or declares its topology */
    RMQ_CHANNEL_HELD,    /* wanted; its owner says why it must not open now */
    RMQ_CHANNEL_BACKOFF, /* closed after an error; the timer ends the wait before the next try */
    RMQ_CHANNEL_OPENING, /* channel.open sent; the timer bounds the wait for open-ok */
    RMQ_CHANNEL_OPEN,    /* usable; the timer bounds the wait for what its owner expects */
    RMQ_CHANNEL_STATE_COUNT
};

enum rmq_channel_event {
    RMQ_CHANNEL_ON_WANT,    /* its owner wants it from now on */
    RMQ_CHANNEL_ON_UNWANT,  /* not any more */
    RMQ_CHANNEL_ON_GO,      /* nothing stands in the way of opening it */
    RMQ_CHANNEL_ON_HOLD,    /* its owner does */
    RMQ_CHANNEL_ON_TIMER,   /* the state's timer ran out */
    RMQ_CHANNEL_ON_OPEN_OK, /* channel.open-ok */
    RMQ_CHANNEL_ON_BROKEN,  /* closed by the broker, or given up by us */
    RMQ_CHANNEL_ON_LOST,    /* the connection is gone */
    RMQ_CHANNEL_EVENT_COUNT
};

/* Beside a state: the peer is out of order; a bug of ours. */
enum { RMQ_CHANNEL_NEVER = -1, RMQ_CHANNEL_BREACH = -2 };

/* The state after `event` in `state` (the same state: nothing happens), RMQ_CHANNEL_NEVER or
 * RMQ_CHANNEL_BREACH. */
int rmq_channel_next(enum rmq_channel_state state, enum rmq_channel_event event);

const char *rmq_channel_state_name(enum rmq_channel_state state);
const char *rmq_channel_event_name(enum rmq_channel_event event);

#endif
