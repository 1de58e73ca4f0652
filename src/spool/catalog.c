/* Reading what a file of the spool holds. For: exact numbers at the start, also where part of the
 * file is damaged. Not for: the records' own checksums, which are verified when they are read. */
#include "spool/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/db_private.h"

/* Segments to be put aside: they cannot be written while they are being listed. */
struct bad_list {
    struct bad_segment {
        uint32_t fifo;
        uint64_t first;
    } * items; /* owned */
    size_t count;
    size_t size;
};

static enum db_result no_memory(struct err *err)
{
    err_set(err, "the spool cannot be read: out of memory");
    return DB_LATER;
}

void catalog_fini(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++) {
        account_fini(&catalog->fifos[i].account);
        free(catalog->fifos[i].name);
    }
    free(catalog->fifos);
    *catalog = CATALOG_INIT;
}

struct catalog_fifo *catalog_find(const struct catalog *catalog, struct slice name)
{
    for (size_t i = 0; i < catalog->count; i++) {
        struct catalog_fifo *fifo = &catalog->fifos[i];
        if (slice_equal(slice_make(fifo->name, fifo->name_len), name)) {
            return fifo;
        }
    }
    return NULL;
}

uint64_t catalog_lost(const struct catalog *catalog)
{
    uint64_t lost = 0;

    for (size_t i = 0; i < catalog->count; i++) {
        lost += catalog->fifos[i].lost;
    }
    return lost;
}

/* The FIFO with that number, by halving: they are in order. */
static struct catalog_fifo *find_id(const struct catalog *catalog, uint32_t id, size_t *out_place)
{
    size_t low = 0, high = catalog->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (catalog->fifos[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_place = low;
    return low < catalog->count && catalog->fifos[low].id == id ? &catalog->fifos[low] : NULL;
}

/* A new entry, empty, whose next record is number `next`; NULL: out of memory. */
static struct catalog_fifo *insert(struct catalog *catalog, uint32_t id, struct slice name,
                                   uint64_t next)
{
    struct catalog_fifo *fifos, *fifo;
    size_t place;
    char *copy = malloc(name.len + 1);

    if (copy == NULL) {
        return NULL;
    }
    fifos = realloc(catalog->fifos, (catalog->count + 1) * sizeof(*fifos));
    if (fifos == NULL) {
        free(copy);
        return NULL;
    }
    catalog->fifos = fifos;
    find_id(catalog, id, &place);
    fifo = &fifos[place];
    memmove(fifo + 1, fifo, (catalog->count - place) * sizeof(*fifo));
    catalog->count++;
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    *fifo = (struct catalog_fifo){.id = id, .name = copy, .name_len = name.len};
    account_init(&fifo->account, next);
    return fifo;
}

static bool is_name(struct slice name)
{
    return name.len > 0 && name.len <= SEGMENT_NAME_MAX &&
           memchr(name.data, '\0', name.len) == NULL;
}

/* One row of the table of FIFOs. A row that does not match its checksum is passed over: its
 * segments bring the name back. */
static enum db_result load_fifo(struct catalog *catalog, const struct db *db, sqlite3_stmt *rows,
                                struct err *err)
{
    int64_t id = sqlite3_column_int64(rows, 0), oldest = sqlite3_column_int64(rows, 2);
    struct db_fifo row = {.id = (uint32_t)id,
                          .name = db_column(rows, 1),
                          .oldest = (uint64_t)oldest,
                          .removed = db_column(rows, 3)};
    struct catalog_fifo *fifo;

    if (db_column_failed(db)) {
        return no_memory(err);
    }
    if (id < 1 || id > DB_FIFO_MAX || oldest < 1 || row.oldest >= DB_SEQ_END ||
        !is_name(row.name) || catalog_find(catalog, row.name) != NULL ||
        sqlite3_column_int64(rows, 4) != db_fifo_crc(&row)) {
        return DB_OK;
    }
    fifo = insert(catalog, row.id, row.name, row.oldest);
    if (fifo == NULL) {
        return no_memory(err);
    }
    /* Its checksum was right: what cannot be decoded was never encoded, but for want of memory. */
    return seqset_decode(&fifo->account.removed, row.removed) == 0 ? DB_OK : no_memory(err);
}

static enum db_result load_fifos(struct catalog *catalog, struct db *db, struct err *err)
{
    enum db_result result = DB_OK;
    sqlite3_stmt *rows = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, "SELECT id, name, oldest, removed, crc FROM fifo", -1,
                                &rows, NULL);

    while (rc == SQLITE_OK || (rc == SQLITE_ROW && result == DB_OK)) {
        rc = sqlite3_step(rows);
        if (rc == SQLITE_ROW) {
            result = load_fifo(catalog, db, rows, err);
        }
    }
    sqlite3_finalize(rows);
    return result == DB_OK ? db_judge(db, rc, "cannot be read", err) : result;
}

static int note_bad(struct bad_list *bad, uint32_t fifo, uint64_t first)
{
    struct bad_segment *items;
    size_t size = bad->size ? bad->size * 2 : 16;

    if (bad->count == bad->size) {
        items = realloc(bad->items, size * sizeof(*items));
        if (items == NULL) {
            return -1;
        }
        bad->items = items;
        bad->size = size;
    }
    bad->items[bad->count++] = (struct bad_segment){fifo, first};
    return 0;
}

/* Whether a segment's row is what its head says, and whose it is (NULL: nobody's). */
static bool is_sound(struct catalog *catalog, const struct db_row *row, uint64_t data_len,
                     struct segment_view *view, struct catalog_fifo **out_fifo)
{
    size_t place;

    *out_fifo = find_id(catalog, row->fifo, &place);
    if (segment_view_parse(view, row->head) != 0 || view->data_len != data_len ||
        view->first != row->first || row->first < 1 || row->last + 1 != row->first + view->count ||
        row->fifo < 1 || row->fifo > DB_FIFO_MAX || !is_name(view->name)) {
        return false;
    }
    if (*out_fifo == NULL) {
        return catalog_find(catalog, view->name) == NULL;
    }
    return slice_equal(slice_make((*out_fifo)->name, (*out_fifo)->name_len), view->name);
}

/* A segment that cannot be used: its records are lost, as far as their numbers can be believed. */
static enum db_result load_bad(struct catalog_fifo *fifo, struct bad_list *bad,
                               const struct db_row *row, struct err *err)
{
    uint64_t end = row->last + 1, missing;

    if (note_bad(bad, row->fifo, row->first) != 0) {
        return no_memory(err);
    }
    if (fifo == NULL || row->last < row->first || row->last - row->first >= SEGMENT_RECORDS ||
        end >= DB_SEQ_END || end <= fifo->account.next) {
        return DB_OK;
    }
    if (account_load(&fifo->account, end, end, 0, &missing) != 0) {
        return no_memory(err);
    }
    fifo->lost += missing;
    fifo->stale = true;
    return DB_OK;
}

static enum db_result load_segment(struct catalog *catalog, struct bad_list *bad,
                                   const struct db_row *row, uint64_t data_len, struct err *err)
{
    struct segment_view view;
    struct catalog_fifo *fifo;
    struct account *account;
    uint64_t missing, end = row->last + 1;

    if (!is_sound(catalog, row, data_len, &view, &fifo)) {
        return load_bad(fifo, bad, row, err);
    }
    if (fifo == NULL) {
        fifo = insert(catalog, row->fifo, view.name, row->first);
        if (fifo == NULL) {
            return no_memory(err);
        }
        fifo->stale = true;
    }
    account = &fifo->account;
    if (end <= account->removed.from) {
        return DB_OK; /* all of it is removed; the row goes with the next commit */
    }
    if (row->first < account->next && account->next != account->removed.from) {
        return load_bad(fifo, bad, row, err);
    }
    if (account_load(account, row->first, end, data_len + view.count * ACCOUNT_RECORD_OVERHEAD,
                     &missing) != 0) {
        return no_memory(err);
    }
    fifo->lost += missing;
    fifo->stale = fifo->stale || missing > 0;
    return DB_OK;
}

static enum db_result load_segments(struct catalog *catalog, struct bad_list *bad, struct db *db,
                                    struct err *err)
{
    enum db_result result = DB_OK;
    sqlite3_stmt *rows = NULL;
    struct db_row row = {0};
    int rc = sqlite3_prepare_v2(db->sqlite,
                                "SELECT id, last, head, length(data) FROM segment ORDER BY id", -1,
                                &rows, NULL);

    while (rc == SQLITE_OK || (rc == SQLITE_ROW && result == DB_OK)) {
        rc = sqlite3_step(rows);
        if (rc == SQLITE_ROW) {
            row.fifo = db_row_fifo(sqlite3_column_int64(rows, 0));
            row.first = db_row_seq(sqlite3_column_int64(rows, 0));
            row.last = (uint64_t)sqlite3_column_int64(rows, 1);
            row.head = db_column(rows, 2);
            result = db_column_failed(db)
                         ? no_memory(err)
                         : load_segment(catalog, bad, &row, (uint64_t)sqlite3_column_int64(rows, 3),
                                        err);
        }
    }
    sqlite3_finalize(rows);
    return result == DB_OK ? db_judge(db, rc, "cannot be read", err) : result;
}

/* Moves what cannot be used out of the way. Where there is no room for that, it stays for the next
 * time. */
static enum db_result put_aside(const struct bad_list *bad, struct db *db, struct err *err)
{
    enum db_result result;

    if (bad->count == 0) {
        return DB_OK;
    }
    result = db_begin(db, err);
    for (size_t i = 0; i < bad->count && result == DB_OK; i++) {
        result = db_set_aside(db, bad->items[i].fifo, bad->items[i].first, err);
    }
    if (result == DB_OK) {
        result = db_commit(db, err);
    }
    return result == DB_LATER ? DB_OK : result;
}

enum db_result catalog_load(struct catalog *catalog, struct db *db, struct err *err)
{
    struct bad_list bad = {0};
    enum db_result result;

    errno = 0;
    result = load_fifos(catalog, db, err);
    if (result == DB_OK) {
        result = load_segments(catalog, &bad, db, err);
    }
    for (size_t i = 0; i < catalog->count; i++) {
        /* Removed before they were written, and a crash came between: those numbers are given out
         * anew, for records that are not removed. */
        struct account *account = &catalog->fifos[i].account;
        if (seqset_cut(&account->removed, account->next)) {
            catalog->fifos[i].stale = true;
        }
    }
    if (result == DB_OK) {
        result = put_aside(&bad, db, err);
    }
    free(bad.items);
    return result;
}
