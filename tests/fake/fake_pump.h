/* The loop of the fake endpoints: events that an operation left behind wait here until the test
 * raises them. It holds both sides to the law that no event comes inside an operation. */
#ifndef CHUNNELD_TESTS_FAKE_PUMP_H
#define CHUNNELD_TESTS_FAKE_PUMP_H

#include <stdbool.h>
#include <sys/queue.h>

/* An event that an operation left behind. */
struct fake_call {
    TAILQ_ENTRY(fake_call) link;
    void (*run)(void *ctx);
    void *ctx;
    bool queued;
};

TAILQ_HEAD(fake_calls, fake_call);

/* The loop of the fakes. */
struct fake_pump {
    struct fake_calls calls;
    bool in_operation;              /* an operation is under way: no event may be raised */
    void (*after_event)(void *ctx); /* run when an event has returned; NULL: nothing */
    void *ctx;                      /* of after_event */
};

void fake_pump_init(struct fake_pump *pump);
/* Raises the oldest event that waits; false: there is none. */
bool fake_pump_run_one(struct fake_pump *pump);
/* Raises all that wait, and those that these leave behind. */
void fake_pump_run(struct fake_pump *pump);

/* For the endpoints alone. Queues a call, once; takes it back. */
void fake_pump_defer(struct fake_pump *pump, struct fake_call *call);
void fake_pump_cancel(struct fake_pump *pump, struct fake_call *call);
/* Around each event; */
void fake_pump_before_event(const struct fake_pump *pump);
void fake_pump_after_event(struct fake_pump *pump);
/* around each operation. */
void fake_pump_begin_operation(struct fake_pump *pump);
void fake_pump_end_operation(struct fake_pump *pump);

#endif
