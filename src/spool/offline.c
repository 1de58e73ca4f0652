/* The spool without a daemon. For: an operator who looks into it, takes records out or throws them
 * away. Not for: the daemon (spool.c). */
#include "spool/offline.h"

#include <stdlib.h>
#include <string.h>

#include "spool/recover.h"

struct offline {
    struct recover recover;
    struct catalog catalog;
};

enum spool_open_result offline_open(const char *directory, struct offline **out_offline,
                                    struct err *err)
{
    struct offline *offline = calloc(1, sizeof(*offline));
    enum dir_result opened;

    if (offline == NULL) {
        err_set(err, "out of memory");
        return SPOOL_FAILED;
    }
    opened = dir_open(&offline->recover.dir, directory, false, err);
    if (opened != DIR_OK) {
        free(offline);
        return opened == DIR_LOCKED ? SPOOL_LOCKED : SPOOL_FAILED;
    }
    if (recover_open(&offline->recover, &offline->catalog, err) != DB_OK) {
        offline_close(offline);
        return SPOOL_FAILED;
    }
    *out_offline = offline;
    return SPOOL_OPENED;
}

void offline_close(struct offline *offline)
{
    if (offline == NULL) {
        return;
    }
    recover_close(&offline->recover, offline->recover.db != NULL, NULL);
    catalog_fini(&offline->catalog);
    dir_close(&offline->recover.dir);
    free(offline);
}

const char *offline_notes(const struct offline *offline)
{
    return strbuf_text(&offline->recover.notes);
}

int offline_list(const struct offline *offline, size_t place, struct spool_fifo_info *out_info)
{
    const struct catalog_fifo *fifo;

    if (place >= offline->catalog.count) {
        return -1;
    }
    fifo = &offline->catalog.fifos[place];
    *out_info = (struct spool_fifo_info){
        .name = fifo->name,
        .count = fifo->account.count,
        .bytes = fifo->account.bytes,
        .first = fifo->account.removed.from,
        .next = fifo->account.next,
        .durable = fifo->account.next - 1,
        .lost = fifo->lost,
    };
    return 0;
}

static struct catalog_fifo *find(const struct offline *offline, const char *name, struct err *err)
{
    struct catalog_fifo *fifo = catalog_find(&offline->catalog, slice_of(name));

    if (fifo == NULL || offline->recover.db == NULL) {
        err_set(err, "%s: the spool has no queue \"%s\"", offline->recover.dir.path, name);
        return NULL;
    }
    return fifo;
}

/* Hands out one segment. */
static int export_segment(const struct catalog_fifo *fifo, const struct db_row *row,
                          int (*on_record)(void *ctx, const struct spool_record *record), void *ctx,
                          uint64_t *lost)
{
    struct segment_cursor cursor;
    struct spool_record record;
    struct segment_view view;
    enum segment_item item;

    if (segment_view_parse(&view, row->head) != 0) {
        return 0; /* was put aside and counted at opening, but for want of room is still there */
    }
    segment_cursor_init(&cursor, &view, row->data, fifo->account.removed.from);
    while ((item = segment_cursor_next(&cursor, &record)) != SEGMENT_END) {
        if (!account_has(&fifo->account, record.seq)) {
            continue;
        }
        if (item == SEGMENT_DAMAGED) {
            ++*lost;
        } else if (on_record(ctx, &record) != 0) {
            return -1;
        }
    }
    return 0;
}

int offline_export(struct offline *offline, const char *name,
                   int (*on_record)(void *ctx, const struct spool_record *record), void *ctx,
                   uint64_t *out_lost, struct err *err)
{
    const struct catalog_fifo *fifo = find(offline, name, err);
    struct db *db = offline->recover.db;
    struct db_row row;
    int got;

    if (fifo == NULL) {
        return -1;
    }
    *out_lost = fifo->lost;
    got = db_seek(db, fifo->id, fifo->account.removed.from, err);
    while (got >= 0 && (got = db_next(db, &row, err)) == 1) {
        if (export_segment(fifo, &row, on_record, ctx, out_lost) != 0) {
            got = -1;
        }
    }
    db_end(db);
    return got < 0 ? -1 : 0;
}

int offline_purge(struct offline *offline, const char *name, uint64_t *out_count, struct err *err)
{
    struct catalog_fifo *fifo = find(offline, name, err);
    struct db *db = offline->recover.db;
    enum db_result result;
    struct account_sum sum;

    if (fifo == NULL) {
        return -1;
    }
    result = db_begin(db, err);
    if (result == DB_OK) {
        result = db_delete_segments(db, fifo->id, 0, DB_SEQ_END - 1, err);
    }
    if (result == DB_OK) {
        result = db_delete_fifo(db, fifo->id, err);
    }
    if (result == DB_OK) {
        result = db_commit(db, err);
    }
    if (result != DB_OK) {
        return -1;
    }
    *out_count = fifo->account.count;
    account_remove(&fifo->account, 0, fifo->account.next, &sum);
    return 0;
}
