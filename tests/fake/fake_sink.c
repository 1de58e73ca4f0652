/* The sink's operations only note and defer; events are raised by the test's calls and by the
 * pump. */
#include "fake_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"

static void sink_step_stop(struct fake_sink *sink)
{
    if (sink->stopping && !sink->stopped &&
        (sink->stop_now || !sink->ready || sink->in_flight_count == 0)) {
        fake_pump_defer(sink->pump, &sink->stopped_call);
    }
}

static bool sink_has_room(const struct fake_sink *sink)
{
    return sink->ready && !sink->blocked && sink->in_flight_count < sink->limit;
}

static void sink_step_writable(struct fake_sink *sink)
{
    if (sink->busy_told && !sink->stopped && sink_has_room(sink)) {
        fake_pump_defer(sink->pump, &sink->writable_call);
    }
}

static void sink_give_back(struct fake_sink *sink, struct delivery *delivery, enum outcome outcome,
                           const char *why)
{
    TAILQ_REMOVE(&sink->in_flight, delivery, link);
    sink->in_flight_count--;
    sink->settled_count++;
    fake_pump_before_event(sink->pump);
    sink->sink.events->on_settled(sink->sink.ctx, delivery, outcome, why);
    sink_step_writable(sink);
    sink_step_stop(sink);
    fake_pump_after_event(sink->pump);
}

static void sink_lose_all(struct fake_sink *sink, const char *why)
{
    struct delivery *delivery;

    while ((delivery = TAILQ_FIRST(&sink->in_flight)) != NULL) {
        sink_give_back(sink, delivery, OUTCOME_LOST, why);
    }
}

static void sink_on_stopped_due(void *ctx)
{
    struct fake_sink *sink = ctx;

    sink_lose_all(sink, "stopped");
    fake_pump_cancel(sink->pump, &sink->stopped_call);
    fake_pump_cancel(sink->pump, &sink->writable_call);
    sink->stopped = true;
    fake_pump_before_event(sink->pump);
    sink->sink.events->on_stopped(sink->sink.ctx);
    fake_pump_after_event(sink->pump);
}

static void sink_on_writable_due(void *ctx)
{
    struct fake_sink *sink = ctx;

    if (!sink_has_room(sink)) {
        return;
    }
    sink->busy_told = false;
    fake_pump_before_event(sink->pump);
    sink->sink.events->on_writable(sink->sink.ctx);
    fake_pump_after_event(sink->pump);
}

static void sink_start(struct sink *base)
{
    struct fake_sink *sink = (struct fake_sink *)base;

    fake_pump_begin_operation(sink->pump);
    assert_false(sink->started);
    sink->started = true;
    fake_pump_end_operation(sink->pump);
}

static void sink_note_headers(struct fake_sink *sink, const struct properties *properties)
{
    struct strbuf text = STRBUF_INIT;

    for (size_t i = 0;
         properties_has(properties, PROPERTY_HEADERS) && i < properties->headers.count; i++) {
        const struct field_entry *entry = &properties->headers.entries[i];

        if (entry->value.type == FIELD_STRING) {
            strbuf_append_slice(&text, entry->name);
            strbuf_append_char(&text, '=');
            strbuf_append_slice(&text, entry->value.value.bytes);
            strbuf_append_char(&text, ' ');
        }
    }
    snprintf(sink->last_headers, sizeof(sink->last_headers), "%s", strbuf_text(&text));
    strbuf_fini(&text);
}

static void sink_take(struct fake_sink *sink, struct delivery *delivery, const struct outgoing *out)
{
    TAILQ_INSERT_TAIL(&sink->in_flight, delivery, link);
    sink->in_flight_count++;
    sink->taken_count++;
    strbuf_append_slice(&sink->sent, out->body);
    strbuf_append_char(&sink->sent, ' ');
    snprintf(sink->last_routing_key, sizeof(sink->last_routing_key), "%.*s",
             (int)out->routing_key.len, out->routing_key.data);
    sink_note_headers(sink, &out->properties);
    if (sink->on_take != NULL) {
        sink->on_take(sink->ctx, delivery);
    }
    if (sink->on_out != NULL) {
        sink->on_out(sink->ctx, delivery, out);
    }
}

static enum sink_result sink_send(struct sink *base, struct delivery *delivery,
                                  const struct outgoing *out, struct err *err)
{
    struct fake_sink *sink = (struct fake_sink *)base;
    enum sink_result result = sink->says;

    fake_pump_begin_operation(sink->pump);
    assert_true(sink->started);
    assert_false(sink->stopped);
    if (sink->stopping || !sink_has_room(sink)) {
        sink->busy_told = true;
        result = SINK_BUSY;
    } else if (result == SINK_TAKEN) {
        sink_take(sink, delivery, out);
    } else if (result != SINK_BUSY) {
        err_set(err, "%s", sink->says_why ? sink->says_why : "no words");
    }
    fake_pump_end_operation(sink->pump);
    return result;
}

static void sink_stop(struct sink *base, bool now)
{
    struct fake_sink *sink = (struct fake_sink *)base;

    fake_pump_begin_operation(sink->pump);
    assert_false(sink->stopped);
    assert_true(now || !sink->stopping);
    sink->stopping = true;
    sink->stop_now |= now;
    sink->stops++;
    sink_step_stop(sink);
    fake_pump_end_operation(sink->pump);
}

static void sink_free(struct sink *base)
{
    struct fake_sink *sink = (struct fake_sink *)base;
    struct delivery *delivery;

    fake_pump_cancel(sink->pump, &sink->stopped_call);
    fake_pump_cancel(sink->pump, &sink->writable_call);
    while ((delivery = TAILQ_FIRST(&sink->in_flight)) != NULL) {
        TAILQ_REMOVE(&sink->in_flight, delivery, link);
        delivery_free(delivery);
    }
    strbuf_fini(&sink->sent);
    free(sink);
}

static void sink_on_queued(struct sink *base, uint64_t count)
{
    struct fake_sink *sink = (struct fake_sink *)base;

    fake_pump_begin_operation(sink->pump);
    assert_true(sink->busy_told);
    sink->queued = count;
    fake_pump_end_operation(sink->pump);
}

static const struct sink_ops fake_sink_ops = {
    .start = sink_start,
    .send = sink_send,
    .stop = sink_stop,
    .free = sink_free,
    .on_queued = sink_on_queued,
};

struct fake_sink *fake_sink_new(struct fake_pump *pump, unsigned can, size_t limit)
{
    struct fake_sink *sink = calloc(1, sizeof(*sink));

    assert_non_null(sink);
    sink->sink.ops = &fake_sink_ops;
    sink->sink.can = can;
    sink->pump = pump;
    sink->limit = limit;
    sink->stopped_call.run = sink_on_stopped_due;
    sink->stopped_call.ctx = sink;
    sink->writable_call.run = sink_on_writable_due;
    sink->writable_call.ctx = sink;
    TAILQ_INIT(&sink->in_flight);
    return sink;
}

void fake_sink_link(struct fake_sink *sink, enum endpoint_link link, const char *why)
{
    bool was_ready = sink->ready;

    if (sink->stopped) {
        return;
    }
    sink->ready = link == ENDPOINT_READY;
    if (was_ready && !sink->ready) {
        sink_lose_all(sink, why);
    }
    sink->busy_told = false;
    fake_pump_before_event(sink->pump);
    sink->sink.events->on_link(sink->sink.ctx, link, why);
    sink_step_stop(sink);
    fake_pump_after_event(sink->pump);
}

void fake_sink_answer_first(struct fake_sink *sink, enum outcome outcome, const char *why)
{
    struct delivery *delivery = TAILQ_FIRST(&sink->in_flight);

    assert_non_null(delivery);
    sink_give_back(sink, delivery, outcome, why);
}

void fake_sink_answer(struct fake_sink *sink, const char *body, enum outcome outcome,
                      const char *why)
{
    struct delivery *delivery;

    TAILQ_FOREACH(delivery, &sink->in_flight, link) {
        if (slice_equal_text(delivery->body, body)) {
            sink_give_back(sink, delivery, outcome, why);
            return;
        }
    }
    fail_msg("no message \"%s\" is in flight", body);
}

void fake_sink_unblock(struct fake_sink *sink)
{
    sink->blocked = false;
    sink_step_writable(sink);
}
