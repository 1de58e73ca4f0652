/* The queue of the fakes; see the header. */
#include "fake_pump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void fake_pump_init(struct fake_pump *pump)
{
    *pump = (struct fake_pump){.in_operation = false};
    TAILQ_INIT(&pump->calls);
}

void fake_pump_defer(struct fake_pump *pump, struct fake_call *call)
{
    if (!call->queued) {
        call->queued = true;
        TAILQ_INSERT_TAIL(&pump->calls, call, link);
    }
}

void fake_pump_cancel(struct fake_pump *pump, struct fake_call *call)
{
    if (call->queued) {
        call->queued = false;
        TAILQ_REMOVE(&pump->calls, call, link);
    }
}

bool fake_pump_run_one(struct fake_pump *pump)
{
    struct fake_call *call = TAILQ_FIRST(&pump->calls);

    if (call == NULL) {
        return false;
    }
    fake_pump_cancel(pump, call);
    call->run(call->ctx);
    return true;
}

void fake_pump_run(struct fake_pump *pump)
{
    while (fake_pump_run_one(pump)) {
    }
}

/* Law 1: the fakes raise no event inside an operation. */
void fake_pump_before_event(const struct fake_pump *pump)
{
    assert_false(pump->in_operation);
}

void fake_pump_after_event(struct fake_pump *pump)
{
    if (pump->after_event != NULL) {
        pump->after_event(pump->ctx);
    }
}

/* Operations may come inside events, but not inside operations. */
void fake_pump_begin_operation(struct fake_pump *pump)
{
    assert_false(pump->in_operation);
    pump->in_operation = true;
}

void fake_pump_end_operation(struct fake_pump *pump)
{
    pump->in_operation = false;
}
