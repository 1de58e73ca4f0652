/* The source's operations only note and defer; events are raised by the test's calls and by the
 * pump. */
#include "fake_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MOST = 4000 };

size_t fake_source_outstanding(const struct fake_source *source)
{
    return source->given_count - source->settled_count;
}

static bool source_may_end(const struct fake_source *source)
{
    return !source->ready || fake_source_outstanding(source) == 0;
}

static void source_step_stop(struct fake_source *source)
{
    if (source->stopping && !source->stopped && source_may_end(source)) {
        fake_pump_defer(source->pump, &source->stopped_call);
    }
}

static void source_on_stopped_due(void *ctx)
{
    struct fake_source *source = ctx;

    if (!source_may_end(source)) {
        return; /* one more was given meanwhile */
    }
    source->stopped = true;
    fake_pump_before_event(source->pump);
    source->source.events->on_stopped(source->source.ctx);
    fake_pump_after_event(source->pump);
}

static void source_start(struct source *base)
{
    struct fake_source *source = (struct fake_source *)base;

    fake_pump_begin_operation(source->pump);
    assert_false(source->started);
    source->started = true;
    fake_pump_end_operation(source->pump);
}

static void source_pause(struct source *base)
{
    struct fake_source *source = (struct fake_source *)base;

    fake_pump_begin_operation(source->pump);
    source->paused = true;
    source->pauses++;
    fake_pump_end_operation(source->pump);
}

static void source_resume(struct source *base)
{
    struct fake_source *source = (struct fake_source *)base;

    fake_pump_begin_operation(source->pump);
    assert_false(source->stopping);
    source->paused = false;
    source->resumes++;
    fake_pump_end_operation(source->pump);
}

static const char *settlement_name(enum settlement how)
{
    static const char *const names[] = {
        [SETTLE_ACK] = "ack",
        [SETTLE_REQUEUE] = "requeue",
        [SETTLE_REJECT] = "reject",
        [SETTLE_FORGET] = "forget",
    };

    return names[how];
}

static void source_settle(struct source *base, struct delivery *delivery, enum settlement how)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_given *given;

    fake_pump_begin_operation(source->pump);
    assert_in_range(delivery->tag, 1, source->given_count);
    given = &source->given[delivery->tag - 1];
    assert_false(given->settled);
    *given = (struct fake_given){delivery->epoch, true, how};
    source->settled_count++;
    strbuf_append_format(&source->settled, "%.*s:%s ", (int)delivery->body.len, delivery->body.data,
                         settlement_name(how));
    if (source->on_settle != NULL) {
        source->on_settle(source->ctx, delivery, how);
    }
    delivery_free(delivery);
    source_step_stop(source);
    fake_pump_end_operation(source->pump);
}

static void source_stop(struct source *base)
{
    struct fake_source *source = (struct fake_source *)base;

    fake_pump_begin_operation(source->pump);
    assert_false(source->stopping);
    source->stopping = true;
    source_step_stop(source);
    fake_pump_end_operation(source->pump);
}

static void source_free(struct source *base)
{
    struct fake_source *source = (struct fake_source *)base;

    fake_pump_cancel(source->pump, &source->stopped_call);
    strbuf_fini(&source->settled);
    free(source->given);
    free(source);
}

static const struct source_ops fake_source_ops = {
    .start = source_start,
    .pause = source_pause,
    .resume = source_resume,
    .settle = source_settle,
    .stop = source_stop,
    .free = source_free,
};

struct fake_source *fake_source_new(struct fake_pump *pump, unsigned can)
{
    struct fake_source *source = calloc(1, sizeof(*source));

    assert_non_null(source);
    source->source.ops = &fake_source_ops;
    source->source.can = can;
    source->source.epoch = 1;
    source->pump = pump;
    source->channel = "news";
    source->stopped_call.run = source_on_stopped_due;
    source->stopped_call.ctx = source;
    return source;
}

void fake_source_link(struct fake_source *source, enum endpoint_link link, const char *why)
{
    bool was_ready = source->ready;

    if (source->stopped) {
        return;
    }
    source->ready = link == ENDPOINT_READY;
    if (was_ready && !source->ready) {
        source->source.epoch++;
    }
    fake_pump_before_event(source->pump);
    source->source.events->on_link(source->source.ctx, link, why);
    source_step_stop(source);
    fake_pump_after_event(source->pump);
}

static void source_note_given(struct fake_source *source, struct delivery *delivery)
{
    if (source->given_count == source->given_size) {
        source->given_size = source->given_size ? source->given_size * 2 : 64;
        source->given = realloc(source->given, source->given_size * sizeof(source->given[0]));
        assert_non_null(source->given);
    }
    source->given[source->given_count] = (struct fake_given){.epoch = source->source.epoch};
    delivery->tag = ++source->given_count;
}

void fake_source_give(struct fake_source *source, const char *body,
                      const struct properties *properties)
{
    size_t len = strlen(body);
    char *data;
    struct delivery *delivery = delivery_new(len, &data);

    assert_in_range(len, 0, BODY_MOST);
    assert_non_null(delivery);
    assert_false(source->stopped);
    memcpy(data, body, len);
    delivery->body = slice_make(data, len);
    delivery->channel = slice_of(source->channel);
    delivery->queue = SLICE("jobs");
    delivery->routing_key = SLICE("a.b");
    delivery->properties = properties;
    delivery->epoch = source->source.epoch;
    delivery->received_us = source->now_us;
    delivery->refused_why = source->refused_why;
    delivery->is_too_large = source->is_too_large;
    source_note_given(source, delivery);
    fake_pump_before_event(source->pump);
    source->source.events->on_delivery(source->source.ctx, delivery);
    fake_pump_after_event(source->pump);
}
