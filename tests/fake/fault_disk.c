/* Disks that forget. For: the bytes of files as they would be after a power cut. Not for: failing
 * calls (fault_vfs.c). */
#include "fault_disk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/rand.h"

enum { SECTOR = 512 };

/* A write or (data NULL) a cut that no sync has covered yet. */
struct change {
    TAILQ_ENTRY(change) link;
    int64_t offset;
    size_t len;
    char *data;
};

TAILQ_HEAD(change_list, change);

/* What the disk has of a file. */
struct fault_disk {
    TAILQ_ENTRY(fault_disk) link;
    ino_t inode;
    char *data;
    size_t len;
    struct change_list changes;
};

static TAILQ_HEAD(disk_list, fault_disk) disks = TAILQ_HEAD_INITIALIZER(disks);
static struct rand randomness;

static void forget_changes(struct fault_disk *disk)
{
    struct change *change;

    while ((change = TAILQ_FIRST(&disk->changes)) != NULL) {
        TAILQ_REMOVE(&disk->changes, change, link);
        free(change->data);
        free(change);
    }
}

static void resize(struct fault_disk *disk, size_t len)
{
    char *data = realloc(disk->data, len + 1);

    assert(data != NULL);
    if (len > disk->len) {
        memset(data + disk->len, 0, len - disk->len);
    }
    disk->data = data;
    disk->len = len;
}

/* Brings a change to the disk; whole, or the sectors that chance picks. */
static void apply(struct fault_disk *disk, const struct change *change, bool whole)
{
    if (change->data == NULL) {
        if (whole || rand_below(&randomness, 2) == 0) {
            resize(disk, (size_t)change->offset);
        }
        return;
    }
    if ((size_t)change->offset + change->len > disk->len) {
        resize(disk, (size_t)change->offset + change->len);
    }
    for (size_t at = 0; at < change->len; at += SECTOR) {
        size_t part = change->len - at < SECTOR ? change->len - at : SECTOR;
        if (whole || rand_below(&randomness, 2) == 0) {
            memcpy(disk->data + change->offset + at, change->data + at, part);
        }
    }
}

void fault_disk_sync(struct fault_disk *disk, bool succeeded)
{
    const struct change *change;

    if (disk == NULL) {
        return;
    }
    TAILQ_FOREACH(change, &disk->changes, link) {
        apply(disk, change, succeeded);
    }
    forget_changes(disk);
}

void fault_disk_write(struct fault_disk *disk, const void *data, size_t len, int64_t offset)
{
    struct change *change;

    if (disk == NULL) {
        return;
    }
    change = calloc(1, sizeof(*change));
    assert(change != NULL);
    *change = (struct change){.offset = offset, .len = len};
    if (data != NULL) {
        change->data = malloc(len + 1);
        assert(change->data != NULL);
        memcpy(change->data, data, len);
    }
    TAILQ_INSERT_TAIL(&disk->changes, change, link);
}

struct fault_disk *fault_disk_find(const char *path)
{
    struct fault_disk *disk;
    struct stat st;

    if (path == NULL || stat(path, &st) != 0) {
        return NULL;
    }
    TAILQ_FOREACH(disk, &disks, link) {
        if (disk->inode == st.st_ino) {
            if (st.st_size == 0) { /* another file in the place of one that was removed */
                forget_changes(disk);
                resize(disk, 0);
            }
            return disk;
        }
    }
    disk = calloc(1, sizeof(*disk));
    assert(disk != NULL);
    disk->inode = st.st_ino;
    TAILQ_INIT(&disk->changes);
    resize(disk, (size_t)st.st_size);
    if (st.st_size > 0) {
        FILE *file = fopen(path, "rb");
        assert(file != NULL && fread(disk->data, 1, disk->len, file) == disk->len);
        fclose(file);
    }
    TAILQ_INSERT_TAIL(&disks, disk, link);
    return disk;
}

void fault_disk_lose(const char *path)
{
    struct fault_disk *disk = fault_disk_find(path);
    FILE *file;

    if (disk == NULL) {
        return;
    }
    fault_disk_sync(disk, false);
    file = fopen(path, "wb");
    assert(file != NULL && fwrite(disk->data, 1, disk->len, file) == disk->len);
    fclose(file);
}

void fault_disk_seed(uint64_t seed)
{
    rand_init_seed(&randomness, seed);
}

void fault_disk_forget_all(void)
{
    struct fault_disk *disk;

    while ((disk = TAILQ_FIRST(&disks)) != NULL) {
        TAILQ_REMOVE(&disks, disk, link);
        forget_changes(disk);
        free(disk->data);
        free(disk);
    }
}
