/* Is every cell of the two state tables what it should be? The rules are told once more here, in
 * another way than as tables: who may do what, and where it leads. */
#include "amqp/connection_fsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "amqp/channel_fsm.h"

static bool has_link(enum rmq_connection_state state)
{
    return state >= RMQ_START_WAIT && state <= RMQ_FLUSHING;
}

static bool reads(enum rmq_connection_state state)
{
    return state >= RMQ_START_WAIT && state <= RMQ_CLOSING;
}

static bool has_fsm_timer(enum rmq_connection_state state)
{
    return state == RMQ_BACKOFF || (state >= RMQ_START_WAIT && state <= RMQ_OPEN_WAIT) ||
           state == RMQ_CLOSING;
}

/* Where a method of the server leads while it is read. */
static int expected_method(enum rmq_connection_state state, enum rmq_connection_event event)
{
    static const struct {
        enum rmq_connection_state state;
        enum rmq_connection_event event;
        enum rmq_connection_state next;
    } login[] = {
        {RMQ_START_WAIT, RMQ_ON_SERVER_START, RMQ_TUNE_WAIT},
        {RMQ_TUNE_WAIT, RMQ_ON_TUNE, RMQ_OPEN_WAIT},
        {RMQ_OPEN_WAIT, RMQ_ON_OPEN_OK, RMQ_OPEN},
    };

    if (!reads(state)) {
        return RMQ_NEVER;
    }
    if (state == RMQ_CLOSING) {
        return RMQ_STOPPED;
    }
    if (event == RMQ_ON_CLOSE) {
        return RMQ_FLUSHING;
    }
    for (size_t i = 0; i < sizeof(login) / sizeof(login[0]); i++) {
        if (login[i].state == state && login[i].event == event) {
            return (int)login[i].next;
        }
    }
    return RMQ_BREACH;
}

static int expected_connection(enum rmq_connection_state state, enum rmq_connection_event event)
{
    switch (event) {
    case RMQ_ON_START:
        return (int)(state == RMQ_STOPPED ? RMQ_CONNECTING : state);
    case RMQ_ON_STOP:
        return state == RMQ_OPEN || state == RMQ_CLOSING ? RMQ_CLOSING : RMQ_STOPPED;
    case RMQ_ON_TIMER:
        if (!has_fsm_timer(state)) {
            return RMQ_NEVER;
        }
        return state == RMQ_BACKOFF   ? RMQ_CONNECTING
               : state == RMQ_CLOSING ? RMQ_STOPPED
                                      : RMQ_BACKOFF;
    case RMQ_ON_LINK_UP:
        return state == RMQ_CONNECTING ? RMQ_START_WAIT : RMQ_NEVER;
    case RMQ_ON_LINK_DOWN:
        if (!has_link(state) && state != RMQ_CONNECTING) {
            return RMQ_NEVER;
        }
        return state == RMQ_CLOSING ? RMQ_STOPPED : RMQ_BACKOFF;
    case RMQ_ON_FAIL:
        if (state == RMQ_CLOSING) {
            return RMQ_STOPPED;
        }
        if (reads(state)) {
            return RMQ_FLUSHING;
        }
        return (int)(state == RMQ_CONNECTING ? RMQ_BACKOFF : state);
    default:
        return expected_method(state, event);
    }
}

static void connection_table_is_as_told(void **state)
{
    (void)state;
    for (int from = 0; from < RMQ_STATE_COUNT; from++) {
        for (int event = 0; event < RMQ_EVENT_COUNT; event++) {
            int got = rmq_connection_next((enum rmq_connection_state)from,
                                          (enum rmq_connection_event)event);

            if (got != expected_connection((enum rmq_connection_state)from,
                                           (enum rmq_connection_event)event)) {
                fail_msg("%s, %s: %d", rmq_connection_state_name((enum rmq_connection_state)from),
                         rmq_connection_event_name((enum rmq_connection_event)event), got);
            }
        }
    }
}

/* Every state can be reached from the first, and the first from every state. */
static void connection_states_are_connected(void **state)
{
    bool reached[RMQ_STATE_COUNT] = {[RMQ_STOPPED] = true};
    bool more = true;

    (void)state;
    while (more) {
        more = false;
        for (int from = 0; from < RMQ_STATE_COUNT; from++) {
            for (int event = 0; reached[from] && event < RMQ_EVENT_COUNT; event++) {
                int to = rmq_connection_next((enum rmq_connection_state)from,
                                             (enum rmq_connection_event)event);

                if (to >= 0 && !reached[to]) {
                    reached[to] = more = true;
                }
            }
        }
    }
    for (int from = 0; from < RMQ_STATE_COUNT; from++) {
        int next = rmq_connection_next((enum rmq_connection_state)from, RMQ_ON_STOP);

        assert_true(reached[from]);
        assert_true(next == RMQ_STOPPED || next == RMQ_CLOSING);
    }
}

static bool has_number(int state)
{
    return state == RMQ_CHANNEL_OPENING || state == RMQ_CHANNEL_OPEN;
}

static int expected_channel(int state, int event)
{
    switch (event) {
    case RMQ_CHANNEL_ON_WANT:
        return state == RMQ_CHANNEL_IDLE ? RMQ_CHANNEL_WAITING : state;
    case RMQ_CHANNEL_ON_UNWANT:
        return RMQ_CHANNEL_IDLE;
    case RMQ_CHANNEL_ON_GO:
        return state == RMQ_CHANNEL_WAITING || state == RMQ_CHANNEL_HELD ? RMQ_CHANNEL_OPENING
                                                                         : state;
    case RMQ_CHANNEL_ON_HOLD:
        return state == RMQ_CHANNEL_WAITING ? RMQ_CHANNEL_HELD : state;
    case RMQ_CHANNEL_ON_TIMER:
        if (state == RMQ_CHANNEL_BACKOFF) {
            return RMQ_CHANNEL_WAITING;
        }
        return has_number(state) ? RMQ_CHANNEL_BACKOFF : RMQ_CHANNEL_NEVER;
    case RMQ_CHANNEL_ON_OPEN_OK:
        if (state == RMQ_CHANNEL_OPENING) {
            return RMQ_CHANNEL_OPEN;
        }
        return state == RMQ_CHANNEL_OPEN ? RMQ_CHANNEL_BREACH : RMQ_CHANNEL_NEVER;
    case RMQ_CHANNEL_ON_BROKEN:
        return has_number(state) || state == RMQ_CHANNEL_WAITING ? RMQ_CHANNEL_BACKOFF : state;
    default: /* lost */
        return state == RMQ_CHANNEL_IDLE ? RMQ_CHANNEL_IDLE : RMQ_CHANNEL_WAITING;
    }
}

static void channel_table_is_as_told(void **state)
{
    (void)state;
    for (int from = 0; from < RMQ_CHANNEL_STATE_COUNT; from++) {
        for (int event = 0; event < RMQ_CHANNEL_EVENT_COUNT; event++) {
            int got = rmq_channel_next((enum rmq_channel_state)from, (enum rmq_channel_event)event);

            if (got != expected_channel(from, event)) {
                fail_msg("%s, %s: %d", rmq_channel_state_name((enum rmq_channel_state)from),
                         rmq_channel_event_name((enum rmq_channel_event)event), got);
            }
        }
    }
}

static void everything_has_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i < RMQ_STATE_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(rmq_connection_state_name((enum rmq_connection_state)i),
                                    rmq_connection_state_name((enum rmq_connection_state)j));
        }
    }
    for (int i = 0; i < RMQ_EVENT_COUNT; i++) {
        assert_true(strlen(rmq_connection_event_name((enum rmq_connection_event)i)) > 0);
    }
    for (int i = 0; i < RMQ_CHANNEL_STATE_COUNT; i++) {
        assert_true(strlen(rmq_channel_state_name((enum rmq_channel_state)i)) > 0);
    }
    for (int i = 0; i < RMQ_CHANNEL_EVENT_COUNT; i++) {
        assert_true(strlen(rmq_channel_event_name((enum rmq_channel_event)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_table_is_as_told),
        cmocka_unit_test(connection_states_are_connected),
        cmocka_unit_test(channel_table_is_as_told),
        cmocka_unit_test(everything_has_its_own_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
