/* A file of the spool: making, opening, checking, closing it, and what SQLite's answers mean. For:
 * the settings that its safety hangs on. Not for: what is written (db_write.c) and read
 * (db_read.c). */
#include "spool/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/db_private.h"
#include "spool/format.h"
#include "spool/octets.h"

enum { CACHE_KIB = 4096 };

static const char *const statement_texts[DB_STATEMENT_COUNT] = {
    [DB_BEGIN] = "BEGIN IMMEDIATE",
    [DB_COMMIT] = "COMMIT",
    [DB_ROLLBACK] = "ROLLBACK",
    [DB_PUT_FIFO] = "INSERT OR REPLACE INTO fifo (id, name, oldest, removed, crc) "
                    "VALUES (?1, ?2, ?3, ?4, ?5)",
    [DB_DELETE_FIFO] = "DELETE FROM fifo WHERE id = ?1",
    [DB_PUT_SEGMENT] = "INSERT OR REPLACE INTO segment (id, last, head, data) "
                       "VALUES (?1, ?2, ?3, ?4)",
    [DB_DELETE_SEGMENTS] = "DELETE FROM segment WHERE id >= ?1 AND id < ?2 AND last < ?3",
    [DB_KEEP_DAMAGED] = "INSERT OR IGNORE INTO damaged (id, last, head, data) "
                        "SELECT id, last, head, data FROM segment WHERE id = ?1 "
                        "AND (SELECT count(*) FROM damaged) < 64",
    [DB_DELETE_SEGMENT] = "DELETE FROM segment WHERE id = ?1",
    [DB_SEEK] = "SELECT max(id) FROM segment WHERE id >= ?1 AND id <= ?2",
    [DB_ROWS] = "SELECT id, last, head, data FROM segment WHERE id >= ?1 AND id < ?2 "
                "ORDER BY id",
    [DB_FREE_PAGES] = "PRAGMA freelist_count",
    [DB_PAGES] = "PRAGMA page_count",
};

/* Whether an I/O error comes from want of room or permission, which may pass, and not from the
 * disk. */
static bool is_passing(int errno_value)
{
    return errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EROFS ||
           errno_value == EFBIG || errno_value == ENOMEM || errno_value == EMFILE ||
           errno_value == ENFILE || errno_value == EACCES || errno_value == EPERM;
}

static enum db_result classify(int rc, int errno_value)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return DB_OK;
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT:
        return DB_LATER;
    case SQLITE_IOERR:
        /* After a failed sync nobody knows what the disk has, whatever the cause. */
        if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) {
            return DB_BROKEN;
        }
        return rc == SQLITE_IOERR_NOMEM || is_passing(errno_value) ? DB_LATER : DB_BROKEN;
    default:
        return DB_BROKEN;
    }
}

enum db_result db_judge(const struct db *db, int rc, const char *doing, struct err *err)
{
    /* SQLite notes no errno for a COMMIT that fails. */
    int errno_value = errno != 0 ? errno : db->sqlite ? sqlite3_system_errno(db->sqlite) : 0;
    enum db_result result = classify(rc, errno_value);
    bool has_errno = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;

    if (result == DB_OK) {
        return result;
    }
    if (has_errno && errno_value != 0) {
        err_set_errno(err, errno_value, "%s: %s: %s", db->path, doing, sqlite3_errstr(rc));
    } else {
        err_set(err, "%s: %s: %s", db->path, doing, sqlite3_errstr(rc));
    }
    return result;
}

enum db_result db_run(struct db *db, enum db_statement which, const char *doing, struct err *err)
{
    int rc;

    errno = 0;
    rc = sqlite3_step(db->statements[which]);
    while (rc == SQLITE_ROW) {
        rc = sqlite3_step(db->statements[which]);
    }
    sqlite3_reset(db->statements[which]);
    return db_judge(db, rc, doing, err);
}

static int on_wal(void *ctx, sqlite3 *sqlite, const char *name, int pages)
{
    struct db *db = ctx;

    (void)sqlite;
    (void)name;
    db->wal_size = (uint64_t)pages * DB_PAGE_SIZE;
    return SQLITE_OK;
}

/* Opens the connection. The exclusive lock comes first: with it the log's index is on the heap, and
 * not in a mapped file that a full disk or a cut turns into a SIGBUS. The page size can be chosen
 * but once, before the first write; later the words for it do nothing. */
static int connect(struct db *db, const char *vfs, bool salvaging)
{
    char text[480];
    int rc;

    errno = 0;
    rc = sqlite3_open_v2(db->path, &db->sqlite,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, vfs);
    if (rc != SQLITE_OK) {
        return rc;
    }
    sqlite3_extended_result_codes(db->sqlite, 1);
    /* With a writable schema SQLite reads a file that is shorter than its header says. */
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, !salvaging, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_WRITABLE_SCHEMA, salvaging, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
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
             DB_PAGE_SIZE, (long long)db->wal_limit, CACHE_KIB);
    rc = sqlite3_exec(db->sqlite, text, NULL, NULL, NULL);
    sqlite3_wal_hook(db->sqlite, on_wal, db);
    return rc;
}

static struct db *allocate(const char *path, uint64_t wal_limit, struct err *err)
{
    struct db *db = calloc(1, sizeof(*db));

    if (db != NULL) {
        db->path = strdup(path);
        db->wal_limit = wal_limit;
    }
    if (db == NULL || db->path == NULL) {
        free(db);
        err_set(err, "%s: out of memory", path);
        return NULL;
    }
    return db;
}

enum db_result db_create(const char *path, const char *vfs, struct err *err)
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
    struct db *db = allocate(path, 0, err);
    enum db_result result;
    char text[sizeof(schema) + 32];
    int rc;

    if (db == NULL) {
        return DB_LATER;
    }
    snprintf(text, sizeof(text), schema, FORMAT_APPLICATION_ID, FORMAT_VERSION);
    rc = connect(db, vfs, false);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(db->sqlite, text, NULL, NULL, NULL);
    }
    result = db_judge(db, rc, "cannot be made", err);
    if (result != DB_OK) {
        db_close(db, false, NULL);
        return result;
    }
    return db_close(db, true, err);
}

enum db_result db_open(const char *path, const struct db_terms *terms, struct db **out_db,
                       struct err *err)
{
    struct db *db = allocate(path, terms->wal_limit, err);
    enum db_result result;
    int rc;

    if (db == NULL) {
        return DB_LATER;
    }
    rc = connect(db, terms->vfs, terms->salvaging);
    for (int i = 0; rc == SQLITE_OK && i < DB_STATEMENT_COUNT; i++) {
        rc = sqlite3_prepare_v3(db->sqlite, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &db->statements[i], NULL);
    }
    result = db_judge(db, rc, "cannot be opened", err);
    if (result != DB_OK) {
        db_close(db, false, NULL);
        return result;
    }
    *out_db = db;
    return DB_OK;
}

enum db_result db_check(struct db *db, struct err *err)
{
    enum db_result result = DB_OK;
    sqlite3_stmt *statement = NULL;
    const unsigned char *text;
    int rc;

    errno = 0;
    rc = sqlite3_prepare_v2(db->sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW) {
        text = sqlite3_column_text(statement, 0);
        if (text == NULL || strcmp((const char *)text, "ok") != 0) {
            err_set(err, "%s: damaged: %s", db->path, text ? (const char *)text : "?");
            result = DB_BROKEN;
        }
    } else {
        result = db_judge(db, rc, "cannot be checked", err);
    }
    sqlite3_finalize(statement);
    return result;
}

enum db_result db_close(struct db *db, bool tidy, struct err *err)
{
    enum db_result result = DB_OK;

    if (db == NULL) {
        return DB_OK;
    }
    if (tidy) {
        result = db_set_bulk(db, false, err);
        if (result == DB_OK) {
            result = db_checkpoint(db, true, err);
        }
        if (result == DB_OK) {
            sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        }
    }
    for (int i = 0; i < DB_STATEMENT_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    sqlite3_close(db->sqlite);
    free(db->path);
    free(db);
    return result;
}

uint32_t db_fifo_crc(const struct db_fifo *fifo)
{
    unsigned char numbers[12];
    uint32_t crc;

    octets_put(numbers, fifo->id, 4);
    octets_put(numbers + 4, fifo->oldest, 8);
    crc = crc32c(0, numbers, sizeof(numbers));
    crc = crc32c(crc, fifo->name.data, fifo->name.len);
    return crc32c(crc, fifo->removed.data, fifo->removed.len);
}
