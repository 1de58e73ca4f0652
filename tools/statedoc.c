/* Prints doc/states.md: the state machines of connections and channels, from their own tables. */
#include <stdio.h>

#include "amqp/channel_fsm.h"
#include "amqp/connection_fsm.h"
#include "redis/state.h"

/* A machine, whatever its types. */
struct machine {
    const char *title;
    const char *help;
    int first; /* states from here to `states` */
    int states;
    int events;
    const char *(*state_name)(int state);
    const char *(*event_name)(int event);
    int (*next)(int state, int event);
    int never;  /* what next() says of what cannot happen */
    int breach; /* and of what a peer must not do; the same as never: no such thing */
};

static const char *redis_state(int state)
{
    return redis_state_name((enum redis_state)state);
}

static const char *redis_event(int event)
{
    return redis_event_name((enum redis_event)event);
}

static int redis_next(int state, int event)
{
    return (int)redis_state_next((enum redis_state)state, (enum redis_event)event);
}

static const char *connection_state(int state)
{
    return rmq_connection_state_name((enum rmq_connection_state)state);
}

static const char *connection_event(int event)
{
    return rmq_connection_event_name((enum rmq_connection_event)event);
}

static int connection_next(int state, int event)
{
    return rmq_connection_next((enum rmq_connection_state)state, (enum rmq_connection_event)event);
}

static const char *channel_state(int state)
{
    return rmq_channel_state_name((enum rmq_channel_state)state);
}

static const char *channel_event(int event)
{
    return rmq_channel_event_name((enum rmq_channel_event)event);
}

static int channel_next(int state, int event)
{
    return rmq_channel_next((enum rmq_channel_state)state, (enum rmq_channel_event)event);
}

static const struct machine machines[] = {
    {"A connection to Redis", "`include/redis/state.h` says what is true in each state.",
     REDIS_STATE_STOPPED, REDIS_STATE_COUNT, REDIS_EVENT_COUNT, redis_state, redis_event,
     redis_next, REDIS_STATE_NONE, REDIS_STATE_NONE},
    {"A connection to an AMQP broker",
     "`include/amqp/connection_fsm.h` says what is true in each state.", RMQ_STOPPED,
     RMQ_STATE_COUNT, RMQ_EVENT_COUNT, connection_state, connection_event, connection_next,
     RMQ_NEVER, RMQ_BREACH},
    {"A channel of such a connection",
     "`include/amqp/channel_fsm.h` says what is true in each state.", RMQ_CHANNEL_IDLE,
     RMQ_CHANNEL_STATE_COUNT, RMQ_CHANNEL_EVENT_COUNT, channel_state, channel_event, channel_next,
     RMQ_CHANNEL_NEVER, RMQ_CHANNEL_BREACH},
};

/* A cell: the next state, `·` where nothing changes, empty where it cannot happen. */
static const char *cell(const struct machine *machine, int state, int event)
{
    int next = machine->next(state, event);

    if (next == machine->never) {
        return "";
    }
    if (next == machine->breach) {
        return "**out of order**";
    }
    return next == state ? "·" : machine->state_name(next);
}

static void print_machine(const struct machine *machine)
{
    int state;
    int event;

    printf("\n## %s\n\n%s\n\n| event |", machine->title, machine->help);
    for (state = machine->first; state < machine->states; state++) {
        printf(" %s |", machine->state_name(state));
    }
    printf("\n| --- |");
    for (state = machine->first; state < machine->states; state++) {
        printf(" --- |");
    }
    printf("\n");
    for (event = 0; event < machine->events; event++) {
        printf("| %s |", machine->event_name(event));
        for (state = machine->first; state < machine->states; state++) {
            printf(" %s |", cell(machine, state, event));
        }
        printf("\n");
    }
}

int main(void)
{
    size_t i;

    printf(
        "# State machines\n\n"
        "Printed from the tables in the code by `make documents`; a check fails while this page "
        "is\n"
        "stale. A column is the state that a machine is in, a row an event, a cell the state that\n"
        "follows. `·`: nothing changes. Empty: it cannot happen there. **out of order**: a peer "
        "that\n"
        "does this breaks the protocol, and the connection is closed with the reason.\n");
    for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        print_machine(&machines[i]);
    }
    return 0;
}
