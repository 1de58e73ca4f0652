/* A test in a bridge's place; see the header. */
#include "endpoint_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

static void source_on_delivery(void *ctx, struct delivery *delivery)
{
    struct source_watch *watch = ctx;

    assert_false(watch->in_operation); /* law 1 */
    assert_int_equal(watch->stopped, 0);
    assert_true(delivery->received_us > 0);
    assert_true(delivery->wall_us > 0);
    watch->received++;
    watch->bytes += delivery->body.len;
    TAILQ_INSERT_TAIL(&watch->given, delivery, link);
    if (!watch->keep) {
        source_watch_settle(watch);
    }
}

static void source_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct source_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    watch->ready = link == ENDPOINT_READY;
    watch->readies += watch->ready;
    watch->waitings += !watch->ready;
    if (!watch->ready) {
        assert_non_null(why);
        snprintf(watch->why, sizeof(watch->why), "%s", why);
    }
}

static void source_on_stopped(void *ctx)
{
    struct source_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0); /* law 4 */
    assert_true(TAILQ_EMPTY(&watch->given));
    watch->stopped++;
}

static void source_on_lost(void *ctx)
{
    struct source_watch *watch = ctx;

    assert_false(watch->in_operation);
    watch->lost++;
}

static const struct source_events source_events = {
    .on_delivery = source_on_delivery,
    .on_link = source_on_link,
    .on_stopped = source_on_stopped,
    .on_lost = source_on_lost,
};

void source_watch_init(struct source_watch *watch, struct source *source)
{
    assert_non_null(source);
    *watch = (struct source_watch){.source = source};
    TAILQ_INIT(&watch->given);
    source->events = &source_events;
    source->ctx = watch;
}

void source_watch_start(struct source_watch *watch)
{
    watch->in_operation = true;
    watch->source->ops->start(watch->source);
    watch->in_operation = false;
}

void source_watch_pause(struct source_watch *watch)
{
    watch->in_operation = true;
    watch->source->ops->pause(watch->source);
    watch->in_operation = false;
}

void source_watch_resume(struct source_watch *watch)
{
    watch->in_operation = true;
    watch->source->ops->resume(watch->source);
    watch->in_operation = false;
}

void source_watch_settle(struct source_watch *watch)
{
    struct delivery *delivery = TAILQ_FIRST(&watch->given);

    TAILQ_REMOVE(&watch->given, delivery, link);
    watch->in_operation = true;
    watch->source->ops->settle(watch->source, delivery, SETTLE_ACK);
    watch->in_operation = false;
}

void source_watch_settle_all(struct source_watch *watch)
{
    while (!TAILQ_EMPTY(&watch->given)) {
        source_watch_settle(watch);
    }
}

void source_watch_stop(struct source_watch *watch)
{
    watch->in_operation = true;
    watch->source->ops->stop(watch->source);
    watch->in_operation = false;
}

void source_watch_free(struct source_watch *watch)
{
    if (watch->source != NULL) {
        source_watch_settle_all(watch);
        watch->in_operation = true;
        watch->source->ops->free(watch->source);
        watch->source = NULL;
    }
}

static void sink_on_settled(void *ctx, struct delivery *delivery, enum outcome outcome,
                            const char *why)
{
    struct sink_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    assert_in_range(delivery->tag, 1, watch->sent);
    assert_true(outcome == OUTCOME_DELIVERED || (why != NULL && why[0] != '\0'));
    watch->back++;
    watch->outcomes[outcome]++;
    if (watch->sent <= 1000) {
        strbuf_append_format(&watch->settled, "%c%llu ", "DRELUNXT"[outcome],
                             (unsigned long long)(delivery->tag));
    }
    snprintf(watch->settled_why, sizeof(watch->settled_why), "%s", why ? why : "");
    delivery_free(delivery);
}

static void sink_on_late(void *ctx, enum outcome outcome, const char *why)
{
    struct sink_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    watch->late[outcome]++;
    snprintf(watch->settled_why, sizeof(watch->settled_why), "%s", why ? why : "");
}

static void sink_on_writable(void *ctx)
{
    struct sink_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    watch->writables++;
}

static void sink_on_link(void *ctx, enum endpoint_link link, const char *why)
{
    struct sink_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    watch->ready = link == ENDPOINT_READY;
    watch->readies += watch->ready;
    watch->waitings += !watch->ready;
    if (!watch->ready) {
        assert_non_null(why);
        assert_int_equal(watch->back, watch->sent); /* what was in flight came first */
        snprintf(watch->why, sizeof(watch->why), "%s", why);
    }
}

static void sink_on_stopped(void *ctx)
{
    struct sink_watch *watch = ctx;

    assert_false(watch->in_operation);
    assert_int_equal(watch->stopped, 0);
    assert_int_equal(watch->back, watch->sent); /* law 3 */
    watch->stopped++;
}

static const struct sink_events sink_events = {
    .on_settled = sink_on_settled,
    .on_writable = sink_on_writable,
    .on_link = sink_on_link,
    .on_stopped = sink_on_stopped,
    .on_late = sink_on_late,
};

void sink_watch_init(struct sink_watch *watch, struct sink *sink)
{
    assert_non_null(sink);
    *watch = (struct sink_watch){.sink = sink};
    sink->events = &sink_events;
    sink->ctx = watch;
}

void sink_watch_start(struct sink_watch *watch)
{
    watch->in_operation = true;
    watch->sink->ops->start(watch->sink);
    watch->in_operation = false;
}

enum sink_result sink_watch_send(struct sink_watch *watch, struct slice channel, struct slice body)
{
    struct outgoing out = {.channel = channel, .body = body};
    struct err err = {""};
    enum sink_result result;
    char *data;
    struct delivery *delivery = delivery_new(0, &data);

    assert_non_null(delivery);
    delivery->tag = watch->sent + 1;
    watch->in_operation = true;
    result = watch->sink->ops->send(watch->sink, delivery, &out, &err);
    watch->in_operation = false;
    if (result == SINK_TAKEN) {
        watch->sent++;
    } else {
        delivery_free(delivery); /* law 2: it is still ours */
        snprintf(watch->refused_why, sizeof(watch->refused_why), "%s", err.text);
    }
    return result;
}

void sink_watch_stop(struct sink_watch *watch, bool now)
{
    watch->in_operation = true;
    watch->sink->ops->stop(watch->sink, now);
    watch->in_operation = false;
}

void sink_watch_free(struct sink_watch *watch)
{
    if (watch->sink != NULL) {
        watch->in_operation = true;
        watch->sink->ops->free(watch->sink);
        watch->sink = NULL;
    }
    strbuf_fini(&watch->settled);
}
