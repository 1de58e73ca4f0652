/* Traces of bridges. For: what is shown of a message, how many a second, and when it ends. Not for:
 * the place where messages are seen (core/bridge_tap.c), or drawing (ctl/trace.c). */
#include "ops/trace.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "core/tap.h"
#include "ops/control.h"

#define TRACE_SECOND_US CLOCK_US_PER_S

enum { TRACE_QUIET_SECONDS = 3 }; /* then an empty line shows whether somebody is still there */

struct trace;

struct trace_tap {
    struct tap tap; /* first */
    struct trace *trace;
    bool on;
};

/* One who watches. */
struct trace {
    struct trace_setup setup;
    char *name; /* owned; the bridge's */
    struct trace_tap taps[BRIDGE_PARTS_MOST];
    struct loop_timer second;
    struct loop_task news; /* wakes the answer at the end of a turn */
    struct strbuf lines;   /* not told yet */
    uint64_t left;         /* lines of messages yet to be shown */
    uint64_t left_out;     /* messages that were not, since the last line that said so */
    unsigned shown;        /* in this second */
    unsigned quiet;        /* seconds without a line */
    bool ended;
};

static void trace_begin_line(struct trace *trace, struct json_writer *json)
{
    json_writer_init(json, &trace->lines, 0);
    json_writer_begin_object(json);
}

static void trace_end_line(struct trace *trace, struct json_writer *json)
{
    json_writer_end_object(json);
    strbuf_append_char(&trace->lines, '\n');
    trace->quiet = 0;
    loop_defer(trace->setup.loop, &trace->news);
}

static void trace_tell_left_out(struct trace *trace)
{
    struct json_writer json;

    if (trace->left_out > 0) {
        trace_begin_line(trace, &json);
        json_writer_key(&json, "left_out");
        json_writer_natural(&json, trace->left_out);
        trace_end_line(trace, &json);
        trace->left_out = 0;
    }
}

/* Printable ASCII as it is, anything else as \xNN: no body may steer a terminal. */
static void trace_body(struct json_writer *json, struct slice body)
{
    char text[TRACE_BODY * 4];
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    size_t i;

    for (i = 0; i < body.len && i < TRACE_BODY; i++) {
        unsigned char byte = (unsigned char)body.data[i];

        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            text[len++] = (char)byte;
        } else {
            text[len++] = '\\';
            text[len++] = 'x';
            text[len++] = hex[byte >> 4];
            text[len++] = hex[byte & 15];
        }
    }
    json_writer_key(json, "body");
    json_writer_string(json, slice_make(text, len));
}

static void trace_member(struct json_writer *json, const char *key, struct slice value)
{
    json_writer_key(json, key);
    json_writer_string(json, value);
}

static void trace_source(struct json_writer *json, const struct delivery *delivery)
{
    json_writer_key(json, "from");
    json_writer_begin_object(json);
    if (delivery->channel.len > 0) {
        trace_member(json, "channel", delivery->channel);
        if (delivery->pattern.data != NULL) {
            trace_member(json, "pattern", delivery->pattern);
        }
    } else {
        trace_member(json, "queue", delivery->queue);
        trace_member(json, "exchange", delivery->exchange);
        trace_member(json, "routing_key", delivery->routing_key);
    }
    json_writer_end_object(json);
}

static void trace_sink(struct json_writer *json, const struct bridge *bridge,
                       const struct delivery *delivery)
{
    struct tap_target target = {.is_known = false};

    bridge_tap_target(bridge, delivery, &target);
    json_writer_key(json, "to");
    if (!target.is_known) {
        json_writer_null(json);
        tap_target_fini(&target);
        return;
    }
    json_writer_begin_object(json);
    if (target.channel.len > 0) {
        trace_member(json, "channel", strbuf_slice(&target.channel));
    } else {
        trace_member(json, "exchange", strbuf_slice(&target.exchange));
        trace_member(json, "routing_key", strbuf_slice(&target.routing_key));
    }
    json_writer_end_object(json);
    tap_target_fini(&target);
}

static void trace_tell(struct trace *trace, const struct bridge *bridge,
                       const struct delivery *delivery, const char *outcome, uint64_t now_us)
{
    uint64_t us = now_us > delivery->received_us ? now_us - delivery->received_us : 0;
    char time[CLOCK_TEXT_SIZE];
    struct json_writer json;

    clock_format(clock_wall_us(), time);
    trace_begin_line(trace, &json);
    json_writer_key(&json, "time");
    json_writer_text(&json, time);
    trace_source(&json, delivery);
    trace_sink(&json, bridge, delivery);
    json_writer_key(&json, "outcome");
    json_writer_text(&json, outcome);
    if (delivery->reason != NULL) {
        json_writer_key(&json, "reason");
        json_writer_text(&json, delivery->reason);
    }
    json_writer_key(&json, "ms");
    json_writer_double(&json, (double)us / 1000.0);
    json_writer_key(&json, "bytes");
    json_writer_natural(&json, delivery->body.len);
    trace_body(&json, delivery->body);
    trace_end_line(trace, &json);
}

static void trace_untap(struct trace *trace)
{
    size_t i;

    for (i = 0; i < BRIDGE_PARTS_MOST; i++) {
        if (trace->taps[i].on) {
            bridge_untap(&trace->taps[i].tap);
            trace->taps[i].on = false;
        }
    }
}

static void trace_on_end(struct tap *tap, const struct bridge *bridge,
                         const struct delivery *delivery, const char *outcome, uint64_t now_us)
{
    struct trace *trace = ((struct trace_tap *)tap)->trace;

    if (trace->left == 0) {
        return; /* that was all, and the turn is not over yet */
    }
    if (trace->shown >= TRACE_PER_SECOND || trace->lines.len >= TRACE_BACKLOG) {
        trace->left_out++;
        return;
    }
    trace->shown++;
    trace_tell(trace, bridge, delivery, outcome, now_us);
    if (--trace->left == 0) {
        trace_tell_left_out(trace);
        trace->ended = true;
    }
}

static void trace_on_gone(struct tap *tap)
{
    struct trace_tap *own = (struct trace_tap *)tap;
    struct trace *trace = own->trace;
    struct json_writer json;
    size_t i;

    own->on = false;
    for (i = 0; i < BRIDGE_PARTS_MOST; i++) {
        if (trace->taps[i].on) {
            return;
        }
    }
    if (!trace->ended) {
        trace_tell_left_out(trace);
        trace_begin_line(trace, &json);
        json_writer_key(&json, "gone");
        json_writer_text(&json, trace->name);
        trace_end_line(trace, &json);
        trace->ended = true;
    }
}

static const struct tap_events trace_tap_events = {.on_end = trace_on_end,
                                                   .on_gone = trace_on_gone};

static void trace_on_second(void *ctx)
{
    struct trace *trace = ctx;

    loop_timer_set(&trace->second, TRACE_SECOND_US);
    trace->shown = 0;
    trace_tell_left_out(trace);
    if (++trace->quiet >= TRACE_QUIET_SECONDS && trace->lines.len == 0) {
        trace->quiet = 0;
        strbuf_append_char(&trace->lines, '\n');
        loop_defer(trace->setup.loop, &trace->news);
    }
}

static void trace_on_news(void *ctx)
{
    struct trace *trace = ctx;

    if (trace->ended) {
        trace_untap(trace);
    }
    trace->setup.wake(trace->setup.ctx);
}

static enum http_more trace_next(void *ctx, struct strbuf *out)
{
    struct trace *trace = ctx;

    if (strbuf_failed(&trace->lines)) {
        return HTTP_CUT;
    }
    strbuf_append_slice(out, strbuf_slice(&trace->lines));
    strbuf_reset(&trace->lines);
    return trace->ended ? HTTP_END : HTTP_WAIT;
}

static void trace_free(void *ctx)
{
    struct trace *trace = ctx;

    trace_untap(trace);
    loop_task_cancel(trace->setup.loop, &trace->news);
    loop_timer_fini(&trace->second);
    strbuf_fini(&trace->lines);
    free(trace->name);
    free(trace);
}

static const struct http_source trace_source_ops = {.next = trace_next, .free = trace_free};

/* NULL: out of memory. */
static struct trace *trace_new(const struct trace_setup *setup, const char *name, uint64_t limit)
{
    struct trace *trace = calloc(1, sizeof(*trace));
    struct json_writer json;

    if (trace == NULL) {
        return NULL;
    }
    trace->setup = *setup;
    trace->left = limit;
    loop_task_init(&trace->news, trace_on_news, trace);
    trace->name = strdup(name);
    if (trace->name == NULL ||
        loop_timer_init(&trace->second, setup->loop, trace_on_second, trace) != 0) {
        trace_free(trace);
        return NULL;
    }
    loop_timer_set(&trace->second, TRACE_SECOND_US);
    trace_begin_line(trace, &json);
    json_writer_key(&json, "tracing");
    json_writer_text(&json, name);
    trace_end_line(trace, &json);
    return trace;
}

static void trace_begin(const struct trace_setup *setup, const struct board_bridge *shown,
                        uint64_t limit, struct http_answer *answer)
{
    struct trace *trace;
    size_t i;

    if (shown->bridge_count == 0) {
        control_refuse(answer, 409, "this bridge is disabled: nothing crosses it");
        return;
    }
    trace = trace_new(setup, shown->name, limit);
    if (trace == NULL) {
        control_refuse(answer, 503, "out of memory");
        return;
    }
    for (i = 0; i < shown->bridge_count; i++) {
        trace->taps[i] = (struct trace_tap){.tap = {.events = &trace_tap_events}, .trace = trace};
        trace->taps[i].on = true;
        bridge_tap(shown->bridges[i], &trace->taps[i].tap);
    }
    answer->type = "application/x-ndjson";
    answer->source = &trace_source_ops;
    answer->source_ctx = trace;
}

/* "limit=N" of the query; UINT64_MAX: it has none; 0: it is wrong. */
static uint64_t trace_limit(const char *query)
{
    static const char key[] = "limit=";
    char *end = NULL;
    unsigned long long limit;

    if (query[0] == '\0') {
        return UINT64_MAX;
    }
    if (strncmp(query, key, sizeof(key) - 1) != 0 || query[sizeof(key) - 1] < '0' ||
        query[sizeof(key) - 1] > '9') {
        return 0;
    }
    limit = strtoull(query + sizeof(key) - 1, &end, 10);
    return *end == '\0' && limit <= TRACE_LIMIT_MAX ? limit : 0;
}

bool trace_handle(const struct trace_setup *setup, const struct http_ask *ask,
                  struct http_answer *answer)
{
    static const char prefix[] = "/bridges/";
    static const char suffix[] = "/trace";
    size_t len = strlen(ask->path);
    size_t around = sizeof(prefix) + sizeof(suffix) - 2;
    uint64_t limit = trace_limit(ask->query);
    char name[CONTROL_NAME_MAX];
    const struct board_bridge *bridge;
    size_t name_len;

    if (len < around || strncmp(ask->path, prefix, sizeof(prefix) - 1) != 0 ||
        strcmp(ask->path + len - (sizeof(suffix) - 1), suffix) != 0) {
        return false;
    }
    if (limit == 0) {
        control_refuse(answer, 400, "limit wants a number from 1 on");
        return true;
    }
    if (control_decode(slice_make(ask->path + sizeof(prefix) - 1, len - around), name, &name_len) ==
        0) {
        TAILQ_FOREACH(bridge, &setup->board->bridges, link) {
            if (slice_equal_text(slice_make(name, name_len), bridge->name)) {
                trace_begin(setup, bridge, limit, answer);
                return true;
            }
        }
    }
    control_refuse(answer, 404, "no bridge has this name; /stats lists them");
    return true;
}
