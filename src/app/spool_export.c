/* Messages of the spool as envelopes, a line each, for whoever reads them over the control socket.
 * For: reading them in pieces, each when the one before has gone out, and taking none away. Not
 * for: who asks (spool_desk.c), the envelope (core/envelope.c). */
#include <stdlib.h>

#include "app/spool_desk.h"
#include "base/json_write.h"
#include "core/envelope.h"
#include "ops/control.h"
#include "spool/reader.h"
#include "spool/record.h"

/* Of one piece: little enough for one turn of the loop, and for memory. */
enum { EXPORT_BYTES = 96 * 1024, EXPORT_RECORDS = 500 };

struct export
{
    struct spool_desk *desk;
    char name[CONTROL_NAME_MAX + 1];
    size_t name_len;
    struct spool_reader *readers[CONTENTS_FIFOS]; /* owned; NULL: that FIFO has nothing */
    uint64_t at[CONTENTS_FIFOS];                  /* number of the next record of each */
    uint64_t end[CONTENTS_FIFOS];                 /* and of the first one that came too late */
    size_t reading;                               /* which FIFO; CONTENTS_FIFOS: all is read */
    bool asked;                                   /* an answer is under way */
    bool failed;                                  /* the spool answers no more */
    struct strbuf lines;                          /* not told yet */
    struct loop_task news;                        /* wakes the answer at the end of a turn */
    uint64_t count;                               /* messages */
    uint64_t damaged;                             /* those that are left out */
};

/* Asks for the next piece; false: there is no more. */
static bool export_ask(struct export *export)
{
    for (; export->reading < CONTENTS_FIFOS; export->reading++) {
        size_t i = export->reading;

        if (export->readers[i] != NULL && export->at[i] < export->end[i]) {
            export->asked = true;
            export->failed = spool_reader_ask(export->readers[i], export->at[i], EXPORT_BYTES,
                                              EXPORT_RECORDS) != 0;
            spool_flush(export->desk->spool);
            return true;
        }
    }
    return false;
}

static void export_line(struct export *export, const struct spool_record *record)
{
    const struct template_context context = {slice_of(export->desk->wiring->instance),
                                             slice_make(export->name, export->name_len), NULL};
    struct delivery *delivery = record_read(record->header, record->body);

    if (delivery == NULL) {
        export->damaged++;
        return;
    }
    envelope_write(delivery, &context, &export->lines);
    strbuf_append_char(&export->lines, '\n');
    export->count++;
    delivery_free(delivery);
}

static void export_on_records(void *ctx, const struct spool_record *records, size_t count,
                              uint64_t next, uint64_t damaged)
{
    struct export *export = ctx;
    uint64_t *at = &export->at[export->reading];
    uint64_t end = export->end[export->reading];
    size_t i;

    for (i = 0; i < count && records[i].seq < end; i++) {
        export_line(export, &records[i]);
    }
    export->damaged += damaged;
    *at = next > *at ? next : end;
    export->asked = false;
    loop_defer(export->desk->loop, &export->news);
}

static const struct spool_reader_events export_events = {.on_records = export_on_records};

static void export_on_news(void *ctx)
{
    const struct export *export = ctx;

    export->desk->wake(export->desk->ctx);
}

/* So that whoever reads knows that it is complete. */
static void export_tell_end(const struct export *export, struct strbuf *out)
{
    struct json_writer json;

    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "end");
    json_writer_bool(&json, true);
    json_writer_key(&json, "messages");
    json_writer_natural(&json, export->count);
    json_writer_key(&json, "damaged");
    json_writer_natural(&json, export->damaged);
    json_writer_end_object(&json);
    strbuf_append_char(out, '\n');
}

static enum http_more export_next(void *ctx, struct strbuf *out)
{
    struct export *export = ctx;

    if (strbuf_failed(&export->lines) || export->failed) {
        return HTTP_CUT;
    }
    strbuf_append_slice(out, strbuf_slice(&export->lines));
    strbuf_reset(&export->lines);
    if (export->asked || export_ask(export)) {
        return export->failed ? HTTP_CUT : HTTP_WAIT;
    }
    export_tell_end(export, out);
    return HTTP_END;
}

static void export_free(void *ctx)
{
    struct export *export = ctx;
    size_t i;

    for (i = 0; i < CONTENTS_FIFOS; i++) {
        spool_reader_free(export->readers[i]);
    }
    loop_task_cancel(export->desk->loop, &export->news);
    strbuf_fini(&export->lines);
    free(export);
}

static const struct http_source export_source = {.next = export_next, .free = export_free};

/* What is there now is exported, but for what goes meanwhile; -1: out of memory. */
static int export_open(struct export *export, const struct contents_bridge *bridge)
{
    size_t i;

    for (i = 0; i < CONTENTS_FIFOS; i++) {
        struct spool_fifo_info info;

        if (bridge->fifos[i] == NULL) {
            continue;
        }
        spool_fifo_get_info(bridge->fifos[i], &info);
        export->at[i] = info.first;
        export->end[i] = info.next;
        export->readers[i] = spool_reader_new(bridge->fifos[i], &export_events, export);
        if (export->readers[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

void spool_export_answer(struct spool_desk *desk, const struct contents_bridge *bridge,
                         struct http_answer *answer)
{
    struct export *export = calloc(1, sizeof(*export));

    if (export == NULL) {
        control_refuse(answer, 503, "out of memory");
        return;
    }
    export->desk = desk;
    loop_task_init(&export->news, export_on_news, export);
    export->name_len = bridge->name.len < CONTROL_NAME_MAX ? bridge->name.len : CONTROL_NAME_MAX;
    memcpy(export->name, bridge->name.data, export->name_len);
    if (export_open(export, bridge) != 0) {
        export_free(export);
        control_refuse(answer, 503, "out of memory");
        return;
    }
    answer->type = "application/x-ndjson";
    answer->source = &export_source;
    answer->source_ctx = export;
}
