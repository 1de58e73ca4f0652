/* What is on its way between the threads of the spool. For: its making and freeing. Not for: moving
 * it (post.c). */
#include "spool/lane.h"

#include <stdlib.h>

enum { FIRST_RECORDS = 256 };

void lane_reading_free(struct lane_reading *reading)
{
    if (reading != NULL) {
        strbuf_fini(&reading->data);
        free(reading->records);
        free(reading);
    }
}

int lane_reading_add(struct lane_reading *reading, const struct spool_record *record)
{
    size_t size = reading->size > 0 ? reading->size * 2 : FIRST_RECORDS;
    struct spool_record *records;

    if (reading->count == reading->size) {
        records = realloc(reading->records, size * sizeof(*records));
        if (records == NULL) {
            return -1;
        }
        reading->records = records;
        reading->size = size;
    }
    if (strbuf_reserve(&reading->data, record->header.len + record->body.len) == NULL) {
        return -1;
    }
    strbuf_append_slice(&reading->data, record->header);
    strbuf_append_slice(&reading->data, record->body);
    reading->records[reading->count++] = *record;
    return 0;
}

void lane_reading_settle(struct lane_reading *reading)
{
    const char *at = reading->data.data;

    for (size_t i = 0; i < reading->count; i++) {
        struct spool_record *record = &reading->records[i];
        record->header.data = at;
        record->body.data = at + record->header.len;
        at += record->header.len + record->body.len;
    }
}

void lane_asks_free(struct lane_ask_list *list)
{
    struct lane_ask *ask;

    while ((ask = STAILQ_FIRST(list)) != NULL) {
        STAILQ_REMOVE_HEAD(list, link);
        lane_reading_free(ask->reading);
        free(ask);
    }
}

void lane_init(struct lane *lane, struct slice name, uint64_t next)
{
    *lane = (struct lane){.name = name};
    TAILQ_INIT(&lane->mail.segments);
    TAILQ_INIT(&lane->disk.pending);
    STAILQ_INIT(&lane->asked);
    STAILQ_INIT(&lane->asking);
    STAILQ_INIT(&lane->answered);
    lane->disk.oldest = next;
    lane->disk.end = next;
}

static void free_segments(struct segment_list *list)
{
    struct segment *segment;

    while ((segment = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, segment, link);
        segment_free(segment);
    }
}

void lane_fini(struct lane *lane)
{
    free_segments(&lane->mail.segments);
    free_segments(&lane->disk.pending);
    strbuf_fini(&lane->mail.removed);
    strbuf_fini(&lane->disk.removed);
    lane_reading_free(lane->news.reading);
    lane->news.reading = NULL;
    lane_asks_free(&lane->asked);
    lane_asks_free(&lane->asking);
    lane_asks_free(&lane->answered);
}
