/* The connection's transitions. For: looking them up and naming them; a unit test walks the table
 * whole. Not for: doing anything (connection.c). */
#include "amqp/connection_fsm.h"

#include <stdint.h>

#define STOP RMQ_STOPPED
#define BACK RMQ_BACKOFF
#define DIAL RMQ_CONNECTING
#define STRT RMQ_START_WAIT
#define TUNE RMQ_TUNE_WAIT
#define OPNW RMQ_OPEN_WAIT
#define OPEN RMQ_OPEN
#define CLOS RMQ_CLOSING
#define FLSH RMQ_FLUSHING
#define NEVR RMQ_NEVER
#define BRCH RMQ_BREACH

/* clang-format off */
static const int8_t next[RMQ_STATE_COUNT][RMQ_EVENT_COUNT] = {
    /*         start  stop   timer  up     down   sstart tune   openok close  clsok  fail */
    [STOP] = { DIAL,  STOP,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  STOP },
    [BACK] = { BACK,  STOP,  DIAL,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  BACK },
    [DIAL] = { DIAL,  STOP,  NEVR,  STRT,  BACK,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  BACK },
    [STRT] = { STRT,  STOP,  BACK,  NEVR,  BACK,  TUNE,  BRCH,  BRCH,  FLSH,  BRCH,  FLSH },
    [TUNE] = { TUNE,  STOP,  BACK,  NEVR,  BACK,  BRCH,  OPNW,  BRCH,  FLSH,  BRCH,  FLSH },
    [OPNW] = { OPNW,  STOP,  BACK,  NEVR,  BACK,  BRCH,  BRCH,  OPEN,  FLSH,  BRCH,  FLSH },
    [OPEN] = { OPEN,  CLOS,  NEVR,  NEVR,  BACK,  BRCH,  BRCH,  BRCH,  FLSH,  BRCH,  FLSH },
    [CLOS] = { CLOS,  CLOS,  STOP,  NEVR,  STOP,  STOP,  STOP,  STOP,  STOP,  STOP,  STOP },
    [FLSH] = { FLSH,  STOP,  NEVR,  NEVR,  BACK,  NEVR,  NEVR,  NEVR,  NEVR,  NEVR,  FLSH },
};
/* clang-format on */

int rmq_connection_next(enum rmq_connection_state state, enum rmq_connection_event event)
{
    return next[state][event];
}

const char *rmq_connection_state_name(enum rmq_connection_state state)
{
    static const char *const names[] = {
        [RMQ_STOPPED] = "stopped",
        [RMQ_BACKOFF] = "back-off",
        [RMQ_CONNECTING] = "connecting",
        [RMQ_START_WAIT] = "start-wait",
        [RMQ_TUNE_WAIT] = "tune-wait",
        [RMQ_OPEN_WAIT] = "open-wait",
        [RMQ_OPEN] = "open",
        [RMQ_CLOSING] = "closing",
        [RMQ_FLUSHING] = "flushing",
    };

    return names[state];
}

const char *rmq_connection_event_name(enum rmq_connection_event event)
{
    static const char *const names[] = {
        [RMQ_ON_START] = "start wanted",
        [RMQ_ON_STOP] = "stop wanted",
        [RMQ_ON_TIMER] = "timer",
        [RMQ_ON_LINK_UP] = "link up",
        [RMQ_ON_LINK_DOWN] = "link down",
        [RMQ_ON_SERVER_START] = "connection.start",
        [RMQ_ON_TUNE] = "connection.tune",
        [RMQ_ON_OPEN_OK] = "connection.open-ok",
        [RMQ_ON_CLOSE] = "connection.close",
        [RMQ_ON_CLOSE_OK] = "connection.close-ok",
        [RMQ_ON_FAIL] = "failure",
    };

    return names[event];
}
