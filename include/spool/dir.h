/* The spool's directory: its lock, and the names in it.
 *
 *     lock                  held by the process that uses the spool; its pid is in it
 *     spool-N.db            the spool (SQLite); the highest N counts
 *     spool-N.db-wal        its log
 *     spool-N.db-journal    its journal, while much is written at once
 *     spool-N.db.new        one being made; whole, it takes its name by a rename
 *     spool-N.db.erase      a second name of one whose successor holds all that was in it
 *     spool-N.db.damaged    one that was put aside for the operator
 *
 * For src/spool/ alone. */
#ifndef CHUNNELD_SPOOL_DIR_H
#define CHUNNELD_SPOOL_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
    DIR_PATH_MAX = 4096,
    DIR_PATH_SIZE = DIR_PATH_MAX + 64, /* room for a file in it */
};

struct dir {
    char path[DIR_PATH_MAX]; /* resolved, no symbolic link in it */
    int fd;                  /* the directory; -1: not open */
    int lock_fd;             /* the lock file, locked; -1: not open */
    unsigned number;         /* of the spool's file; 0: there is none */
    unsigned last;           /* the highest number in use, also by what was put aside */
    unsigned erasing;        /* number of the file that is being erased; 0: none is */
    int erase_fd;            /* that file */
};

enum dir_result {
    DIR_OK = 0,
    DIR_LOCKED = -1, /* another process uses the spool */
    DIR_FAILED = -2, /* anything else */
};

/* What a file looks like from the outside. */
enum dir_file {
    DIR_FILE_SOUND,   /* has the first bytes of a spool of this version */
    DIR_FILE_DAMAGED, /* too short for them, or filled with zeros */
    DIR_FILE_REFUSED, /* a symbolic link, no plain file, something else's, or of a newer version */
};

/* Opens and locks the directory, made with mode 0700 where it is missing and `create` is set. Else
 * than DIR_OK: words in `err`, and nothing is open. */
enum dir_result dir_open(struct dir *dir, const char *path, bool create, struct err *err);
/* Unlocks and closes; legal twice. */
void dir_close(struct dir *dir);

/* Sets `number` and `last`, and clears away what an earlier process left half-done. */
int dir_find(struct dir *dir, struct err *err);
/* Looks at the spool's file without SQLite; words in `err` unless it is sound. */
enum dir_file dir_inspect(const struct dir *dir, struct err *err);
/* The path of the file `number` with `suffix` behind it ("", ".new"). */
void dir_file_path(const struct dir *dir, unsigned number, const char *suffix,
                   char out_path[DIR_PATH_SIZE]);
/* Makes an empty .new file, mode 0600, under a number of its own. */
int dir_begin_new(struct dir *dir, unsigned *out_number, struct err *err);
/* Gives it its name, so that it is there after a power loss. It is the spool's file from now on.
 * With `complete` all that the file before held is in it, which is noted for whoever finds both
 * after a crash. */
int dir_commit_new(struct dir *dir, unsigned number, bool complete, struct err *err);
/* Removes the .new file of that number, which did not come to be. */
void dir_abandon_new(const struct dir *dir, unsigned number);
/* Renames the file `number` and its log to .damaged; what cannot be renamed stays. */
void dir_set_aside(const struct dir *dir, unsigned number);
/* Removes the file `number` and its log. A large one may take long, but for one that has a .erase
 * name: its bytes are left to dir_erase_step(). */
void dir_discard(struct dir *dir, unsigned number);
/* Gives up to `bytes` of what is being erased back to the file system. Whether more is left. */
bool dir_erase_step(struct dir *dir, uint64_t bytes);
/* Bytes of the file system, used or not; 0: not known. */
uint64_t dir_capacity(const struct dir *dir);
/* Bytes of it that this process may still use; UINT64_MAX: not known. Any thread. */
uint64_t dir_room(const struct dir *dir);

#endif
