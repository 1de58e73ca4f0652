/* From a directory to a file that can be trusted: opening the spool's file, making the first one,
 * and moving to a fresh one when the old one is damaged or a sync of it failed. For src/spool/
 * alone. */
#ifndef CHUNNELD_SPOOL_RECOVER_H
#define CHUNNELD_SPOOL_RECOVER_H

#include "base/strbuf.h"
#include "spool/catalog.h"
#include "spool/db.h"
#include "spool/dir.h"

/* The spool's file and where it is. */
struct recover {
    struct dir dir;
    const char *vfs; /* SQLite's; NULL: the usual one */
    struct db *db;   /* owned; NULL: not open */
    bool proven;     /* all of it was synced by this process, or written back from the log; until
                      * then nothing that is appended may be called durable */
    struct strbuf notes; /* what the operator should know, a line each */
};

/* Opens the spool in the directory, which is open and locked, and reads what it holds. Damaged
 * files are replaced by fresh ones with what could be read of them, and kept. Without a file one is
 * made; where there is no room for it, db stays NULL and the result is DB_OK with words in
 * notes. Else than DB_OK: words in `err`; recover_close() is due in any case. */
enum db_result recover_open(struct recover *recover, struct catalog *catalog, struct err *err);
/* Makes a fresh file, copies what can be read from the old one (if there is any) and goes on with
 * it. The old one is removed where nothing was amiss with what it held, else put aside. After a
 * failure all is as before. */
enum db_result recover_move(struct recover *recover, struct err *err);
/* Removes the file, of which nothing is needed any more; none is open then. This needs no room. */
void recover_give_up(struct recover *recover);
/* Removes the file, of which nothing is needed any more, and begins a fresh one: this needs no room
 * beside it. After a failure there is no file, and db is NULL; recover_prove() makes one. */
enum db_result recover_restart(struct recover *recover, struct err *err);
/* Sees to it that there is a file that may be appended to: makes or opens it where db is NULL,
 * and makes it proven. */
enum db_result recover_prove(struct recover *recover, struct err *err);
/* Closes the file, tidied up if `tidy`, and frees; the directory stays open. */
enum db_result recover_close(struct recover *recover, bool tidy, struct err *err);

#endif
