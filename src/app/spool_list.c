/* What is in the spool, a bridge a member. For: asking the disk for the age of the oldest message
 * of each. Not for: who asks for it (spool_desk.c). */
#include <stdlib.h>

#include "app/spool_desk.h"
#include "app/spool_rule.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "ops/control.h"
#include "spool/reader.h"
#include "spool/record.h"

enum { LIST_LOOKS = 16 }; /* questions under way at a time: each answer may be a large message */

struct list;

/* A look at the first record of a FIFO. */
struct list_look {
    struct list *list;
    struct spool_reader *reader; /* owned; NULL: nothing to look at */
    int64_t wall_us;             /* when it was received; 0: not known */
};

struct list {
    struct spool_desk *desk;
    struct contents_bridge *bridges; /* owned */
    size_t count;
    struct list_look *looks; /* owned; CONTENTS_FIFOS for each bridge */
    size_t next;             /* the first one that has not been asked for */
    size_t under_way;
    bool failed;
    struct loop_task news; /* at the end of a turn: ask on, or wake the answer */
};

static bool list_is_ready(const struct list *list)
{
    return list->failed || (list->next == list->count * CONTENTS_FIFOS && list->under_way == 0);
}

static void list_on_records(void *ctx, const struct spool_record *records, size_t count,
                            uint64_t next, uint64_t damaged)
{
    struct list_look *look = ctx;
    struct delivery *delivery = count > 0 ? record_read(records[0].header, records[0].body) : NULL;

    (void)next;
    (void)damaged;
    if (delivery != NULL) {
        look->wall_us = delivery->wall_us;
    }
    delivery_free(delivery);
    look->list->under_way--;
    loop_defer(look->list->desk->loop, &look->list->news);
}

static const struct spool_reader_events list_events = {.on_records = list_on_records};

/* Looks at the first record of a FIFO, if it has any; false: it cannot be asked for. */
static bool list_look(struct list *list, struct list_look *look, struct spool_fifo *fifo)
{
    struct spool_fifo_info info;

    if (fifo == NULL) {
        return true;
    }
    spool_fifo_get_info(fifo, &info);
    if (info.count == 0) {
        return true;
    }
    look->list = list;
    look->reader = spool_reader_new(fifo, &list_events, look);
    if (look->reader == NULL || spool_reader_ask(look->reader, info.first, 1, 1) != 0) {
        return false;
    }
    list->under_way++;
    return true;
}

static void list_ask(struct list *list)
{
    while (!list->failed && list->next < list->count * CONTENTS_FIFOS &&
           list->under_way < LIST_LOOKS) {
        size_t i = list->next++;

        list->failed = !list_look(list, &list->looks[i],
                                  list->bridges[i / CONTENTS_FIFOS].fifos[i % CONTENTS_FIFOS]);
    }
    spool_flush(list->desk->spool);
}

static void list_on_news(void *ctx)
{
    struct list *list = ctx;

    list_ask(list);
    if (list_is_ready(list)) {
        list->desk->wake(list->desk->ctx);
    }
}

static void list_tell_oldest(const struct list *list, size_t i, struct json_writer *json)
{
    char time[CLOCK_TEXT_SIZE];
    int64_t now = clock_wall_us();
    int64_t oldest = 0;
    size_t k;

    for (k = 0; k < CONTENTS_FIFOS; k++) {
        int64_t wall_us = list->looks[i * CONTENTS_FIFOS + k].wall_us;

        if (wall_us != 0 && (oldest == 0 || wall_us < oldest)) {
            oldest = wall_us;
        }
    }
    clock_format(oldest, time);
    json_writer_key(json, "oldest");
    json_writer_text(json, oldest != 0 ? time : NULL);
    json_writer_key(json, "age_s");
    if (oldest != 0) {
        json_writer_double(json, oldest < now ? (double)(now - oldest) / 1e6 : 0);
    } else {
        json_writer_null(json);
    }
}

static void list_tell(const struct list *list, size_t i, struct json_writer *json)
{
    const struct contents_bridge *bridge = &list->bridges[i];

    if (bridge->count == 0) {
        return;
    }
    json_writer_begin_object(json);
    json_writer_key(json, "name");
    json_writer_string(json, bridge->name);
    json_writer_key(json, "in_use");
    json_writer_bool(json, bridge->in_use);
    json_writer_key(json, "rule");
    json_writer_text(json, spool_rule(list->desk->wiring->config, bridge->name));
    json_writer_key(json, "messages");
    json_writer_natural(json, bridge->count);
    json_writer_key(json, "bytes");
    json_writer_natural(json, bridge->bytes);
    json_writer_key(json, "damaged");
    json_writer_natural(json, bridge->lost);
    list_tell_oldest(list, i, json);
    json_writer_end_object(json);
}

static enum http_more list_next(void *ctx, struct strbuf *out)
{
    const struct list *list = ctx;
    struct json_writer json;
    size_t i;

    if (list->failed) {
        return HTTP_CUT;
    }
    if (!list_is_ready(list)) {
        return HTTP_WAIT;
    }
    json_writer_init(&json, out, 0);
    json_writer_begin_object(&json);
    json_writer_key(&json, "v");
    json_writer_natural(&json, 1);
    json_writer_key(&json, "bridges");
    json_writer_begin_array(&json);
    for (i = 0; i < list->count; i++) {
        list_tell(list, i, &json);
    }
    json_writer_end_array(&json);
    json_writer_end_object(&json);
    strbuf_append_char(out, '\n');
    return HTTP_END;
}

static void list_free(void *ctx)
{
    struct list *list = ctx;
    size_t i;

    for (i = 0; list->looks != NULL && i < list->count * CONTENTS_FIFOS; i++) {
        spool_reader_free(list->looks[i].reader);
    }
    loop_task_cancel(list->desk->loop, &list->news);
    free(list->looks);
    free(list->bridges);
    free(list);
}

static const struct http_source list_source = {.next = list_next, .free = list_free};

void spool_list_answer(struct spool_desk *desk, struct http_answer *answer)
{
    struct list *list = calloc(1, sizeof(*list));

    if (list == NULL) {
        control_refuse(answer, 503, "out of memory");
        return;
    }
    list->desk = desk;
    loop_task_init(&list->news, list_on_news, list);
    if (contents_list(desk->spool, &list->bridges, &list->count) == 0) {
        list->looks = calloc(list->count * CONTENTS_FIFOS + 1, sizeof(*list->looks));
    }
    if (list->looks != NULL) {
        list_ask(list);
    }
    if (list->looks == NULL || list->failed) {
        list_free(list);
        control_refuse(answer, 503,
                       "the spool cannot be asked now: it is closing, or out of "
                       "memory");
        return;
    }
    answer->type = "application/json";
    answer->source = &list_source;
    answer->source_ctx = list;
}
