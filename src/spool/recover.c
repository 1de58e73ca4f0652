/* Opening the spool, whatever state it is in. For: never trusting a file that may be damaged, nor a
 * sync after one that failed. Not for: what happens between opening and trouble (worker.c). */
#include "spool/recover.h"

#include "spool/salvage.h"

enum {
    WAL_LIMIT_MAX = 16 * 1024 * 1024,
    WAL_LIMIT_MIN = 64 * 1024,
    WAL_SHARE = 32, /* the log takes at most this part of the file system */
};

static uint64_t wal_limit(const struct recover *recover)
{
    uint64_t share = dir_capacity(&recover->dir) / WAL_SHARE;

    if (share > WAL_LIMIT_MAX || share == 0) {
        return WAL_LIMIT_MAX;
    }
    return share > WAL_LIMIT_MIN ? share : WAL_LIMIT_MIN;
}

static enum db_result open_number(struct recover *recover, unsigned number, const char *suffix,
                                  struct db **out_db, struct err *err)
{
    const struct db_terms terms = {.vfs = recover->vfs, .wal_limit = wal_limit(recover)};
    char path[DIR_PATH_SIZE];

    dir_file_path(&recover->dir, number, suffix, path);
    return db_open(path, &terms, out_db, err);
}

/* Makes the .new file `*out_number`, empty and synced. */
static enum db_result begin(struct recover *recover, unsigned *out_number, struct err *err)
{
    enum db_result result;
    char path[DIR_PATH_SIZE];

    if (dir_begin_new(&recover->dir, out_number, err) != 0) {
        return DB_LATER;
    }
    dir_file_path(&recover->dir, *out_number, ".new", path);
    result = db_create(path, recover->vfs, err);
    if (result != DB_OK) {
        dir_abandon_new(&recover->dir, *out_number);
    }
    return result;
}

/* Fills the .new file from the one that is open. */
static enum db_result fill(struct recover *recover, unsigned number, struct salvage *out_salvage,
                           struct err *err)
{
    struct db *fresh = NULL;
    enum db_result result = open_number(recover, number, ".new", &fresh, err);

    if (result == DB_OK) {
        result = salvage_copy(recover->db, fresh, out_salvage, err);
    }
    if (result == DB_OK) {
        return db_close(fresh, true, err);
    }
    db_close(fresh, false, NULL);
    return result;
}

/* Opens the file for what can be had from it, if there is one and it is not open. DB_BROKEN is
 * no failure here: there is nothing. */
static enum db_result reach(struct recover *recover, struct err *err)
{
    const struct db_terms terms = {
        .vfs = recover->vfs, .wal_limit = wal_limit(recover), .salvaging = true};
    enum db_result result = DB_OK;
    char path[DIR_PATH_SIZE];

    if (recover->db == NULL && recover->dir.number != 0) {
        dir_file_path(&recover->dir, recover->dir.number, "", path);
        result = db_open(path, &terms, &recover->db, err);
    }
    return result == DB_BROKEN ? DB_OK : result;
}

/* The old file has a successor. */
static void retire(struct recover *recover, unsigned old, bool complete)
{
    db_close(recover->db, false, NULL);
    recover->db = NULL;
    recover->proven = true;
    if (old != 0 && complete) {
        dir_discard(&recover->dir, old);
    } else if (old != 0) {
        dir_set_aside(&recover->dir, old);
        strbuf_append_format(&recover->notes,
                             "%s/spool-%u.db is damaged: what could be read is in spool-%u.db, the "
                             "file is kept as spool-%u.db.damaged\n",
                             recover->dir.path, old, recover->dir.number, old);
    }
}

enum db_result recover_move(struct recover *recover, struct err *err)
{
    struct salvage salvage = {.complete = false};
    unsigned old = recover->dir.number, number;
    enum db_result result = reach(recover, err);

    if (result == DB_OK) {
        result = begin(recover, &number, err);
    }
    if (result != DB_OK) {
        return result;
    }
    if (recover->db != NULL) {
        result = fill(recover, number, &salvage, err);
    }
    if (result == DB_OK && dir_commit_new(&recover->dir, number, salvage.complete, err) != 0) {
        result = DB_LATER;
    }
    if (result != DB_OK) {
        dir_abandon_new(&recover->dir, number);
        return result;
    }
    retire(recover, old, salvage.complete);
    return open_number(recover, number, "", &recover->db, err);
}

void recover_give_up(struct recover *recover)
{
    db_close(recover->db, false, NULL);
    recover->db = NULL;
    if (recover->dir.number != 0) {
        dir_discard(&recover->dir, recover->dir.number);
        recover->dir.number = 0;
    }
}

enum db_result recover_restart(struct recover *recover, struct err *err)
{
    recover_give_up(recover);
    return recover_move(recover, err);
}

enum db_result recover_prove(struct recover *recover, struct err *err)
{
    enum db_result result = DB_OK;

    if (recover->db == NULL && recover->dir.number == 0) {
        return recover_move(recover, err);
    }
    if (recover->db == NULL) {
        result = open_number(recover, recover->dir.number, "", &recover->db, err);
    }
    if (result == DB_OK && !recover->proven) {
        /* What the process before left in the log may be in the page cache only, if a sync of its
         * failed. Written back, it is written and synced anew. */
        result = db_checkpoint(recover->db, true, err);
        recover->proven = result == DB_OK;
    }
    return result;
}

/* Opens the file that is there, and reads it. */
static enum db_result open_present(struct recover *recover, struct catalog *catalog,
                                   struct err *err)
{
    enum db_result result;

    if (recover->db == NULL) {
        result = open_number(recover, recover->dir.number, "", &recover->db, err);
        if (result != DB_OK) {
            return result;
        }
    }
    result = db_check(recover->db, err);
    if (result != DB_OK) {
        return result;
    }
    /* Want of room does not keep it from being read; the next commit tries again. */
    if (recover_prove(recover, err) == DB_BROKEN) {
        return DB_BROKEN;
    }
    return catalog_load(catalog, recover->db, err);
}

static enum db_result open_first(struct recover *recover, struct err *err)
{
    enum db_result result = recover_move(recover, err);

    if (result == DB_LATER) {
        strbuf_append_format(&recover->notes, "%s\n", err->text);
        return DB_OK;
    }
    return result;
}

enum db_result recover_open(struct recover *recover, struct catalog *catalog, struct err *err)
{
    struct err why = {""};
    enum db_result result;

    err = err != NULL ? err : &why;
    if (dir_find(&recover->dir, err) != 0) {
        return DB_LATER;
    }
    if (recover->dir.number == 0) {
        return open_first(recover, err);
    }
    switch (dir_inspect(&recover->dir, err)) {
    case DIR_FILE_REFUSED:
        return DB_LATER;
    case DIR_FILE_DAMAGED:
        result = DB_BROKEN;
        break;
    default:
        result = open_present(recover, catalog, err);
        break;
    }
    if (result != DB_BROKEN) {
        return result;
    }
    strbuf_append_format(&recover->notes, "%s\n", err->text);
    catalog_fini(catalog);
    result = recover_move(recover, err);
    return result == DB_OK ? open_present(recover, catalog, err) : result;
}

enum db_result recover_close(struct recover *recover, bool tidy, struct err *err)
{
    enum db_result result = db_close(recover->db, tidy, err);

    recover->db = NULL;
    strbuf_fini(&recover->notes);
    return result;
}
