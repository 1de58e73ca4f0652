/* The channel's transitions. For: looking them up and naming them; a unit test walks the table
 * whole. Not for: doing anything (channel.c). */
#include "amqp/channel_fsm.h"

#include <stdint.h>

#define IDLE RMQ_CHANNEL_IDLE
#define WAIT RMQ_CHANNEL_WAITING
#define HELD RMQ_CHANNEL_HELD
#define BACK RMQ_CHANNEL_BACKOFF
#define OPNG RMQ_CHANNEL_OPENING
#define OPEN RMQ_CHANNEL_OPEN
#define NEVR RMQ_CHANNEL_NEVER
#define BRCH RMQ_CHANNEL_BREACH

/* clang-format off */
static const int8_t next[RMQ_CHANNEL_STATE_COUNT][RMQ_CHANNEL_EVENT_COUNT] = {
    /*         want   unwant go     hold   timer  openok broken lost */
    [IDLE] = { WAIT,  IDLE,  IDLE,  IDLE,  NEVR,  NEVR,  IDLE,  IDLE },
    [WAIT] = { WAIT,  IDLE,  OPNG,  HELD,  NEVR,  NEVR,  BACK,  WAIT },
    [HELD] = { HELD,  IDLE,  OPNG,  HELD,  NEVR,  NEVR,  HELD,  WAIT },
    [BACK] = { BACK,  IDLE,  BACK,  BACK,  WAIT,  NEVR,  BACK,  WAIT },
    [OPNG] = { OPNG,  IDLE,  OPNG,  OPNG,  BACK,  OPEN,  BACK,  WAIT },
    [OPEN] = { OPEN,  IDLE,  OPEN,  OPEN,  BACK,  BRCH,  BACK,  WAIT },
};
/* clang-format on */

int rmq_channel_next(enum rmq_channel_state state, enum rmq_channel_event event)
{
    return next[state][event];
}

const char *rmq_channel_state_name(enum rmq_channel_state state)
{
    static const char *const names[] = {
        [RMQ_CHANNEL_IDLE] = "idle",       [RMQ_CHANNEL_WAITING] = "waiting",
        [RMQ_CHANNEL_HELD] = "held",       [RMQ_CHANNEL_BACKOFF] = "back-off",
        [RMQ_CHANNEL_OPENING] = "opening", [RMQ_CHANNEL_OPEN] = "open",
    };

    return names[state];
}

const char *rmq_channel_event_name(enum rmq_channel_event event)
{
    static const char *const names[] = {
        [RMQ_CHANNEL_ON_WANT] = "wanted",   [RMQ_CHANNEL_ON_UNWANT] = "not wanted",
        [RMQ_CHANNEL_ON_GO] = "may open",   [RMQ_CHANNEL_ON_HOLD] = "held",
        [RMQ_CHANNEL_ON_TIMER] = "timer",   [RMQ_CHANNEL_ON_OPEN_OK] = "channel.open-ok",
        [RMQ_CHANNEL_ON_BROKEN] = "broken", [RMQ_CHANNEL_ON_LOST] = "connection lost",
    };

    return names[event];
}
