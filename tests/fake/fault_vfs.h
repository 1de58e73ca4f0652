/* A VFS of SQLite, "fault", that goes to the real files and fails when it is told to. It also knows
 * what a disk would have of each file if the power went now: what was synced, and any part of the
 * rest. After a sync that failed the rest counts as written to nobody, as Linux does it: the next
 * sync succeeds, and the disk still does not have it.
 *
 * Any thread; the plans are the same for all. */
#ifndef CHUNNELD_TESTS_FAULT_VFS_H
#define CHUNNELD_TESTS_FAULT_VFS_H

#include <stdint.h>

enum fault_op { FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_OPEN, FAULT_OPS };

/* What is to fail. */
struct fault_plan {
    enum fault_op op;
    uint64_t after;     /* so many calls still succeed */
    uint64_t times;     /* then so many fail */
    int code;           /* SQLite's, what they give: SQLITE_FULL, SQLITE_IOERR_FSYNC, ... */
    int errno_value;    /* and leave in errno */
    const char *suffix; /* only files whose name ends so; NULL: all */
};

/* Makes the VFS known to SQLite, once. */
void fault_vfs_register(void);
/* No plan, no delay; forgets all files. */
void fault_vfs_reset(void);
/* Sets one plan; the one of the same operation before is forgotten. times 0: none. */
void fault_vfs_plan(const struct fault_plan *plan);
/* Every sync takes so long from now on. */
void fault_vfs_slow_sync(unsigned ms);
/* Calls of the operation since the reset, those that failed included. */
uint64_t fault_vfs_calls(enum fault_op op);
/* Calls that failed as planned; those of a plan with SQLITE_OK are counted, and do not fail. */
uint64_t fault_vfs_failures(void);
/* The power went: every file of the directory that went through the VFS gets what its disk has, and
 * of what was not synced what `seed` says. Nothing may be open. */
void fault_vfs_power_loss(const char *directory, uint64_t seed);

#endif
