/* From lines of the log to events. For: which lines, and their JSON. Not for: sending them
 * (report.c). A line may be said in the middle of anything, so what is heard is kept until the end
 * of the turn. */
#include "ops/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"

enum {
    KEPT = 4096,            /* events of one turn, and at once where there were none for long */
    EVENTS_PER_S = 100,     /* in the long run */
    TEXT_KEPT = 128 * 1024, /* bytes of memory from one turn to the next */
};

struct events {
    struct loop *loop;
    const char *instance;
    struct report *report;
    struct loop_task flush; /* there is something to send */
    struct strbuf text;     /* the objects of this turn, one after the other */
    size_t *ends;           /* where each of them ends */
    size_t count;
    uint64_t missed;      /* lines that were too many since the last event */
    uint64_t spent_us;    /* of the rate: an event takes its share of a second */
    uint64_t spent_at_us; /* when that was looked at last */
};

static bool events_is_wanted(const struct log_said *said)
{
    static const char *const kinds[] = {"bridge", "connection", "daemon", "reload", "spool"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (said->kind != NULL && strcmp(said->kind, kinds[i]) == 0) {
            return said->level <= LOG_LEVEL_INFO;
        }
    }
    return false;
}

/* A bucket that time empties. */
static bool events_has_room(struct events *events)
{
    const uint64_t share_us = CLOCK_US_PER_S / EVENTS_PER_S;
    uint64_t now = loop_now_us(events->loop);
    uint64_t passed = now - events->spent_at_us;

    events->spent_at_us = now;
    events->spent_us -= passed < events->spent_us ? passed : events->spent_us;
    if (events->count == KEPT || events->spent_us + share_us > KEPT * share_us) {
        return false;
    }
    events->spent_us += share_us;
    return true;
}

static void events_put_text(struct json_writer *json, const char *key, const char *text)
{
    json_writer_key(json, key);
    json_writer_text(json, text);
}

static void events_write(struct events *events, const struct log_said *said)
{
    struct json_writer json;
    char time[CLOCK_TEXT_SIZE];

    clock_format(clock_wall_us(), time);
    json_writer_init(&json, &events->text, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "v");
    json_writer_natural(&json, 1);
    events_put_text(&json, "instance", events->instance);
    events_put_text(&json, "time", time);
    events_put_text(&json, "level", log_level_name(said->level));
    events_put_text(&json, "kind", said->kind);
    events_put_text(&json, "name", said->name);
    events_put_text(&json, "event", said->message);
    json_writer_key(&json, "details");
    json_writer_begin_object(&json);
    for (const struct log_field *field = said->fields; field->key != NULL; field++) {
        json_writer_key(&json, field->key);
        if (field->text != NULL) {
            json_writer_text(&json, field->text);
        } else {
            json_writer_integer(&json, field->number);
        }
    }
    json_writer_end_object(&json);
    json_writer_key(&json, "missed");
    json_writer_natural(&json, events->missed);
    json_writer_end_object(&json);
}

static void events_on_said(void *ctx, const struct log_said *said)
{
    struct events *events = ctx;

    if (!events_is_wanted(said)) {
        return;
    }
    if (!events_has_room(events)) {
        events->missed++;
        return;
    }
    events_write(events, said);
    events->missed = 0;
    events->ends[events->count++] = events->text.len;
    loop_defer(events->loop, &events->flush);
}

void events_flush(struct events *events)
{
    size_t begin = 0;
    size_t i;

    if (strbuf_failed(&events->text)) {
        events->missed += events->count;
        events->count = 0;
    }
    for (i = 0; i < events->count; i++) {
        report_publish(events->report,
                       slice_make(events->text.data + begin, events->ends[i] - begin));
        begin = events->ends[i];
    }
    events->count = 0;
    strbuf_reset(&events->text);
    if (events->text.size > TEXT_KEPT) {
        strbuf_fini(&events->text);
    }
}

static void events_on_flush(void *ctx)
{
    events_flush(ctx);
}

struct events *events_new(struct loop *loop, const char *instance, struct report *report)
{
    struct events *events = calloc(1, sizeof(*events));

    if (events == NULL) {
        return NULL;
    }
    events->loop = loop;
    events->instance = instance;
    events->report = report;
    events->spent_at_us = loop_now_us(loop);
    loop_task_init(&events->flush, events_on_flush, events);
    events->ends = calloc(KEPT, sizeof(*events->ends));
    if (events->ends == NULL) {
        free(events);
        return NULL;
    }
    log_set_listener(events_on_said, events);
    return events;
}

void events_free(struct events *events)
{
    if (events != NULL) {
        log_drop_listener(events);
        loop_task_cancel(events->loop, &events->flush);
        strbuf_fini(&events->text);
        free(events->ends);
        free(events);
    }
}
