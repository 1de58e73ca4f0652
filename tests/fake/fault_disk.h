/* What a disk has of files whose writes pass by here: for the power cuts of fault_vfs.c, under its
 * lock. */
#ifndef CHUNNELD_TESTS_FAULT_DISK_H
#define CHUNNELD_TESTS_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault_disk;

/* That of the file `path`, which is there; what it holds at first is on the disk. NULL: no file. */
struct fault_disk *fault_disk_find(const char *path);
/* A write, not synced; `data` NULL: a cut at `offset`. `disk` may be NULL. */
void fault_disk_write(struct fault_disk *disk, const void *data, size_t len, int64_t offset);
/* A sync that brought all to the disk, or one that failed: chance says what it brought, and the
 * rest will never get there. */
void fault_disk_sync(struct fault_disk *disk, bool succeeded);
/* Makes the file what the disk has, and of what is not synced what chance picks. */
void fault_disk_lose(const char *path);
void fault_disk_seed(uint64_t seed);
void fault_disk_forget_all(void);

#endif
