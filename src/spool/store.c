/* A file of the spool: making, opening, checking, closing it, and what SQLite's answers mean. For:
 * the settings that its safety hangs on. Not for: what is written (store_write.c) and read
 * (store_read.c). */
#include "spool/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/format.h"
#include "spool/octets.h"
#include "spool/store_private.h"

enum { CACHE_KIB = 4096 };

static const char *const statement_texts[STORE_STATEMENT_COUNT] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    [STORE_PUT_FIFO] = "INSERT OR REPLACE INTO fifo (id, name, oldest, removed, crc) "
                       "VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_DELETE_FIFO] = "DELETE FROM fifo WHERE id = ?1",
    [STORE_PUT_SEGMENT] = "INSERT OR REPLACE INTO segment (id, last, head, data) "
                          "VALUES (?1, ?2, ?3, ?4)",
    [STORE_DELETE_SEGMENTS] = "DELETE FROM segment WHERE id >= ?1 AND id < ?2 AND last < ?3",
    [STORE_KEEP_DAMAGED] = "INSERT OR IGNORE INTO damaged (id, last, head, data) "
                           "SELECT id, last, head, data FROM segment WHERE id = ?1 "
                           "AND (SELECT count(*) FROM damaged) < 64",
    [STORE_DELETE_SEGMENT] = "DELETE FROM segment WHERE id = ?1",
    [STORE_SEEK] = "SELECT max(id) FROM segment WHERE id >= ?1 AND id <= ?2",
    [STORE_ROWS] = "SELECT id, last, head, data FROM segment WHERE id >= ?1 AND id < ?2 "
                   "ORDER BY id",
    [STORE_FREE_PAGES] = "PRAGMA freelist_count",
    [STORE_PAGES] = "PRAGMA page_count",
};

/* Whether an I/O error comes from want of room or permission, which may pass, and not from the
 * disk. */
static bool is_passing(int errno_value)
{
    return errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EROFS ||
           errno_value == EFBIG || errno_value == ENOMEM || errno_value == EMFILE ||
           errno_value == ENFILE || errno_value == EACCES || errno_value == EPERM;
}

static enum store_result classify(int rc, int errno_value)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STORE_OK;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT:
        return STORE_LATER;
    case SQLITE_IOERR:
        /* After a failed sync nobody knows what the disk has, whatever the cause. */
        if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) {
            return STORE_BROKEN;
        }
        return rc == SQLITE_IOERR_NOMEM || is_passing(errno_value) ? STORE_LATER : STORE_BROKEN;
    default:
        return STORE_BROKEN;
    }
}

enum store_result store_judge(const struct store *store, int rc, const char *doing, struct err *err)
{
    /* SQLite notes no errno for a COMMIT that fails. */
    int errno_value = errno != 0 ? errno : store->db ? sqlite3_system_errno(store->db) : 0;
    enum store_result result = classify(rc, errno_value);
    bool has_errno = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;

    if (result == STORE_OK) {
        return result;
    }
    if (has_errno && errno_value != 0) {
        err_set_errno(err, errno_value, "%s: %s: %s", store->path, doing, sqlite3_errstr(rc));
    } else {
        err_set(err, "%s: %s: %s", store->path, doing, sqlite3_errstr(rc));
    }
    return result;
}

enum store_result store_run(struct store *store, enum store_statement which, const char *doing,
                            struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(store->statements[which]);
    while (rc == SQLITE_ROW) {
        rc = sqlite3_step(store->statements[which]);
    }
    sqlite3_reset(store->statements[which]);
    return store_judge(store, rc, doing, err);
}

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *store = ctx;

    (void)db;
    (void)name;
    store->wal_size = (uint64_t)pages * STORE_PAGE_SIZE;
    return SQLITE_OK;
}

/* Opens the connection. The exclusive lock comes first: with it the log's index is on the heap, and
 * not in a mapped file that a full disk or a cut turns into a SIGBUS. The page size can be chosen
 * but once, before the first write; later the words for it do nothing. */
static int connect(struct store *store, const char *vfs, bool salvaging)
{
    char text[480];
    int rc;

    errno = 0;
    rc = sqlite3_open_v2(store->path, &store->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, vfs);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_extended_result_codes(store->db, 1);
    /* With a writable schema SQLite reads a file that is shorter than its header says. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, !salvaging, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, salvaging, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(text, sizeof(text),
             "PRAGMA locking_mode = EXCLUSIVE;"
             "PRAGMA page_size = %d;"
             "PRAGMA auto_vacuum = INCREMENTAL;"
             "PRAGMA journal_mode = WAL;"
             "PRAGMA synchronous = FULL;"
             "PRAGMA wal_autocheckpoint = 0;"
             "PRAGMA journal_size_limit = %lld;"
             "PRAGMA cell_size_check = ON;"
             "PRAGMA mmap_size = 0;"
             "PRAGMA temp_store = MEMORY;"
             "PRAGMA secure_delete = OFF;"
             "PRAGMA cache_size = -%d",
             STORE_PAGE_SIZE, (long long)store->wal_limit, CACHE_KIB);
    rc = sqlite3_exec(store->db, text, NULL, NULL, NULL);
    sqlite3_wal_hook(store->db, on_wal, store);
    return rc;
}

static struct store *allocate(const char *path, uint64_t wal_limit, struct err *err)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store != NULL) {
        store->path = strdup(path);
        store->wal_limit = wal_limit;
    }
    if (store == NULL || store->path == NULL) {
        free(store);
        err_set(err, "%s: out of memory", path);
        return NULL;
    }
    return store;
}

enum store_result store_create(const char *path, const char *vfs, struct err *err)
{
    static const char schema[] =
        "BEGIN;"
        "CREATE TABLE fifo (id INTEGER PRIMARY KEY, name TEXT NOT NULL, oldest INTEGER NOT NULL,"
        " removed BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE segment (id INTEGER PRIMARY KEY, last INTEGER NOT NULL, head BLOB NOT NULL,"
        " data BLOB NOT NULL);"
        "CREATE TABLE damaged (id INTEGER PRIMARY KEY, last INTEGER, head BLOB, data BLOB);"
        "PRAGMA application_id = %d; PRAGMA user_version = %d;"
        "COMMIT";
    struct store *store = allocate(path, 0, err);
    enum store_result result;
    char text[sizeof(schema) + 32];
    int rc;

    if (store == NULL) {
        return STORE_LATER;
    }
    snprintf(text, sizeof(text), schema, FORMAT_APPLICATION_ID, FORMAT_VERSION);
    rc = connect(store, vfs, false);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(store->db, text, NULL, NULL, NULL);
    }
    result = store_judge(store, rc, "cannot be made", err);
    if (result != STORE_OK) {
        store_close(store, false, NULL);
        return result;
    }
    return store_close(store, true, err);
}

enum store_result store_open(const char *path, const struct store_terms *terms,
                             struct store **out_store, struct err *err)
{
    struct store *store = allocate(path, terms->wal_limit, err);
    enum store_result result;
    int rc;

    if (store == NULL) {
        return STORE_LATER;
    }
    rc = connect(store, terms->vfs, terms->salvaging);
    for (int i = 0; rc == SQLITE_OK && i < STORE_STATEMENT_COUNT; i++) {
        rc = sqlite3_prepare_v3(store->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->statements[i], NULL);
    }
    result = store_judge(store, rc, "cannot be opened", err);
    if (result != STORE_OK) {
        store_close(store, false, NULL);
        return result;
    }
    *out_store = store;
    return STORE_OK;
}

enum store_result store_check(struct store *store, struct err *err)
{
    enum store_result result = STORE_OK;
    sqlite3_stmt *statement = NULL;
    const unsigned char *text;
    int rc;

    errno = 0;
    rc = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW) {
        text = sqlite3_column_text(statement, 0);
        if (text == NULL || strcmp((const char *)text, "ok") != 0) {
            err_set(err, "%s: damaged: %s", store->path, text ? (const char *)text : "?");
            result = STORE_BROKEN;
        }
    } else {
        result = store_judge(store, rc, "cannot be checked", err);
    }
    sqlite3_finalize(statement);
    return result;
}

enum store_result store_close(struct store *store, bool tidy, struct err *err)
{
    enum store_result result = STORE_OK;

    if (store == NULL) {
        return STORE_OK;
    }
    if (tidy) {
        result = store_checkpoint(store, true, err);
        if (result == STORE_OK) {
            sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        }
    }
    for (int i = 0; i < STORE_STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    sqlite3_close(store->db);
    free(store->path);
    free(store);
    return result;
}

uint32_t store_fifo_crc(const struct store_fifo *fifo)
{
    unsigned char numbers[12];
    uint32_t crc;

    octets_put(numbers, fifo->id, 4);
    octets_put(numbers + 4, fifo->oldest, 8);
    crc = crc32c(0, numbers, sizeof(numbers));
    crc = crc32c(crc, fifo->name.data, fifo->name.len);
    return crc32c(crc, fifo->removed.data, fifo->removed.len);
}
