/* Files that fail on demand, and disks that forget. For: what a full, slow, failing disk and a
 * power cut do to whoever trusts SQLite. */
#include "fault_vfs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fault_disk.h"

/* An open file. */
struct fault_file {
    sqlite3_file base;
    struct fault_disk *disk; /* NULL: none */
    char name[256];
    sqlite3_file real[]; /* of the real VFS */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault_plan plans[FAULT_OPS];
static uint64_t calls[FAULT_OPS];
static uint64_t failures;
static unsigned sync_ms;
static sqlite3_vfs *real_vfs;

/* Whether this call is to fail; counts it. With the lock. */
static int fails(enum fault_op op, const char *name)
{
    struct fault_plan *plan = &plans[op];
    size_t len = strlen(name), suffix = plan->suffix ? strlen(plan->suffix) : 0;

    calls[op]++;
    if (plan->times == 0 || len < suffix ||
        (suffix > 0 && strcmp(name + len - suffix, plan->suffix) != 0)) {
        return 0;
    }
    if (plan->after > 0) {
        plan->after--;
        return 0;
    }
    plan->times--;
    failures++;
    errno = plan->errno_value;
    return plan->code;
}

static int on_close(sqlite3_file *base)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods != NULL ? file->real->pMethods->xClose(file->real) : SQLITE_OK;
}

static int on_read(sqlite3_file *base, void *data, int len, sqlite3_int64 offset)
{
    struct fault_file *file = (struct fault_file *)base;
    int code;

    pthread_mutex_lock(&lock);
    code = fails(FAULT_READ, file->name);
    pthread_mutex_unlock(&lock);
    return code ? code : file->real->pMethods->xRead(file->real, data, len, offset);
}

static int on_write(sqlite3_file *base, const void *data, int len, sqlite3_int64 offset)
{
    struct fault_file *file = (struct fault_file *)base;
    int code, real;

    pthread_mutex_lock(&lock);
    code = fails(FAULT_WRITE, file->name);
    /* A write that fails for want of room has often written a part. */
    len = code != 0 ? len / 2 : len;
    real = file->real->pMethods->xWrite(file->real, data, len, offset);
    if (real == SQLITE_OK) {
        fault_disk_write(file->disk, data, (size_t)len, offset);
    }
    if (code != 0) {
        errno = plans[FAULT_WRITE].errno_value;
    }
    pthread_mutex_unlock(&lock);
    return code ? code : real;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct fault_file *file = (struct fault_file *)base;
    int real;

    pthread_mutex_lock(&lock);
    real = file->real->pMethods->xTruncate(file->real, size);
    if (real == SQLITE_OK) {
        fault_disk_write(file->disk, NULL, 0, size);
    }
    pthread_mutex_unlock(&lock);
    return real;
}

static int on_sync(sqlite3_file *base, int flags)
{
    struct fault_file *file = (struct fault_file *)base;
    struct timespec pause;
    int code;

    pthread_mutex_lock(&lock);
    pause = (struct timespec){.tv_sec = sync_ms / 1000, .tv_nsec = (sync_ms % 1000) * 1000000L};
    code = fails(FAULT_SYNC, file->name);
    pthread_mutex_unlock(&lock);
    nanosleep(&pause, NULL);
    if (code == 0) {
        code = file->real->pMethods->xSync(file->real, flags);
    }
    pthread_mutex_lock(&lock);
    fault_disk_sync(file->disk, code == SQLITE_OK);
    if (code != 0) {
        errno = plans[FAULT_SYNC].errno_value;
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xFileSize(file->real, size);
}

static int on_lock(sqlite3_file *base, int level)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xLock(file->real, level);
}

static int on_unlock(sqlite3_file *base, int level)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xUnlock(file->real, level);
}

static int on_check_lock(sqlite3_file *base, int *out)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xCheckReservedLock(file->real, out);
}

static int on_control(sqlite3_file *base, int op, void *arg)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xFileControl(file->real, op, arg);
}

static int on_sector_size(sqlite3_file *base)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xSectorSize(file->real);
}

static int on_characteristics(sqlite3_file *base)
{
    struct fault_file *file = (struct fault_file *)base;

    return file->real->pMethods->xDeviceCharacteristics(file->real);
}

static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = on_close,
                                           .xRead = on_read,
                                           .xWrite = on_write,
                                           .xTruncate = on_truncate,
                                           .xSync = on_sync,
                                           .xFileSize = on_size,
                                           .xLock = on_lock,
                                           .xUnlock = on_unlock,
                                           .xCheckReservedLock = on_check_lock,
                                           .xFileControl = on_control,
                                           .xSectorSize = on_sector_size,
                                           .xDeviceCharacteristics = on_characteristics};

static int on_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *base, int flags,
                   int *out_flags)
{
    struct fault_file *file = (struct fault_file *)base;
    int code;

    (void)vfs;
    file->base.pMethods = NULL;
    pthread_mutex_lock(&lock);
    code = fails(FAULT_OPEN, name != NULL ? name : "");
    pthread_mutex_unlock(&lock);
    if (code == 0) {
        code = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
    }
    if (code != SQLITE_OK) {
        return code;
    }
    snprintf(file->name, sizeof(file->name), "%s", name != NULL ? name : "");
    pthread_mutex_lock(&lock);
    file->disk = fault_disk_find(name);
    pthread_mutex_unlock(&lock);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

void fault_vfs_register(void)
{
    static sqlite3_vfs vfs;

    if (real_vfs != NULL) {
        return;
    }
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.xOpen = on_open;
    sqlite3_vfs_register(&vfs, 0);
}

void fault_vfs_reset(void)
{
    pthread_mutex_lock(&lock);
    fault_disk_forget_all();
    memset(plans, 0, sizeof(plans));
    memset(calls, 0, sizeof(calls));
    failures = 0;
    sync_ms = 0;
    pthread_mutex_unlock(&lock);
}

void fault_vfs_plan(const struct fault_plan *plan)
{
    pthread_mutex_lock(&lock);
    plans[plan->op] = *plan;
    pthread_mutex_unlock(&lock);
}

void fault_vfs_slow_sync(unsigned ms)
{
    pthread_mutex_lock(&lock);
    sync_ms = ms;
    pthread_mutex_unlock(&lock);
}

uint64_t fault_vfs_calls(enum fault_op op)
{
    uint64_t count;

    pthread_mutex_lock(&lock);
    count = calls[op];
    pthread_mutex_unlock(&lock);
    return count;
}

uint64_t fault_vfs_failures(void)
{
    uint64_t count;

    pthread_mutex_lock(&lock);
    count = failures;
    pthread_mutex_unlock(&lock);
    return count;
}

void fault_vfs_power_loss(const char *directory, uint64_t seed)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    char path[512];

    assert(stream != NULL);
    pthread_mutex_lock(&lock);
    fault_disk_seed(seed);
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0) {
            snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
            fault_disk_lose(path);
        }
    }
    pthread_mutex_unlock(&lock);
    closedir(stream);
}
