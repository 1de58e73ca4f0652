/* The spool's directory. For: the lock that keeps a second daemon out, the names of the files, and
 * looking at a file before SQLite does. Not for: what is in the files (db.c). */
#include "spool/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/format.h"

/* Who holds the lock, as that process wrote it; "" where it did not. */
static void read_holder(int fd, char *out_pid, size_t size)
{
    ssize_t got = pread(fd, out_pid, size - 1, 0);

    out_pid[got > 0 ? got : 0] = '\0';
    out_pid[strspn(out_pid, "0123456789")] = '\0';
}

static enum dir_result take_lock(struct dir *dir, struct err *err)
{
    ssize_t written;
    char pid[24];
    int len;

    dir->lock_fd = openat(dir->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (dir->lock_fd < 0) {
        err_set_errno(err, errno, "%s/lock: cannot be opened", dir->path);
        return DIR_FAILED;
    }
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            err_set_errno(err, errno, "%s/lock: cannot be locked", dir->path);
            return DIR_FAILED;
        }
        read_holder(dir->lock_fd, pid, sizeof(pid));
        err_set(err, "%s: another process uses this spool%s%s: stop it, or give each its own",
                dir->path, pid[0] ? ", pid " : "", pid);
        return DIR_LOCKED;
    }
    /* Only for the words above, so it does not matter when a full disk keeps it from being written.
     */
    len = snprintf(pid, sizeof(pid), "%-20ld\n", (long)getpid());
    written = pwrite(dir->lock_fd, pid, (size_t)len, 0);
    (void)written;
    return DIR_OK;
}

enum dir_result dir_open(struct dir *dir, const char *path, bool create, struct err *err)
{
    enum dir_result result;
    char *resolved;
    struct stat st;

    *dir = (struct dir){.fd = -1, .lock_fd = -1, .erase_fd = -1};
    if (create && mkdir(path, 0700) != 0 && errno != EEXIST) {
        err_set_errno(err, errno, "%s: the directory of the spool cannot be made", path);
        return DIR_FAILED;
    }
    resolved = realpath(path, NULL);
    if (resolved == NULL || strlen(resolved) >= sizeof(dir->path)) {
        err_set_errno(err, resolved ? ENAMETOOLONG : errno, "%s: no directory for a spool", path);
        free(resolved);
        return DIR_FAILED;
    }
    memcpy(dir->path, resolved, strlen(resolved) + 1);
    free(resolved);
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir->fd < 0 || fstat(dir->fd, &st) != 0) {
        err_set_errno(err, errno, "%s: the directory of the spool cannot be opened", path);
        dir_close(dir);
        return DIR_FAILED;
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        err_set(err, "%s: everybody may write in the directory of the spool: chmod 0700 %s", path,
                path);
        dir_close(dir);
        return DIR_FAILED;
    }
    result = take_lock(dir, err);
    if (result != DIR_OK) {
        dir_close(dir);
    }
    return result;
}

void dir_close(struct dir *dir)
{
    if (dir->lock_fd >= 0) {
        close(dir->lock_fd);
    }
    if (dir->fd >= 0) {
        close(dir->fd);
    }
    if (dir->erase_fd >= 0) {
        close(dir->erase_fd); /* the next process finds its name */
    }
    dir->fd = dir->lock_fd = dir->erase_fd = -1;
}

void dir_file_path(const struct dir *dir, unsigned number, const char *suffix,
                   char out_path[DIR_PATH_SIZE])
{
    snprintf(out_path, DIR_PATH_SIZE, "%s/spool-%u.db%s", dir->path, number, suffix);
}

static uint32_t load_be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* What the first bytes of a file say. */
static enum dir_file judge(const unsigned char *head, size_t len, const char *path, struct err *err)
{
    static const char magic[16] = "SQLite format 3";
    static const unsigned char zeros[FORMAT_HEADER_LEN];
    size_t magic_len = len < sizeof(magic) ? len : sizeof(magic);
    bool has_magic = memcmp(head, magic, magic_len) == 0;

    if (memcmp(head, zeros, len) == 0 || (len < FORMAT_HEADER_LEN && has_magic)) {
        err_set(err, "%s: damaged: cut to %zu bytes, or filled with zeros", path, len);
        return DIR_FILE_DAMAGED;
    }
    if (!has_magic || load_be32(head + FORMAT_AT_APPLICATION_ID) != FORMAT_APPLICATION_ID) {
        err_set(err, "%s: not a spool of this program: move it away", path);
        return DIR_FILE_REFUSED;
    }
    if (load_be32(head + FORMAT_AT_VERSION) > FORMAT_VERSION) {
        err_set(err,
                "%s: written by a newer version (format %lu, this program reads %d): upgrade, or "
                "empty it with the version that wrote it",
                path, (unsigned long)load_be32(head + FORMAT_AT_VERSION), FORMAT_VERSION);
        return DIR_FILE_REFUSED;
    }
    return DIR_FILE_SOUND;
}

enum dir_file dir_inspect(const struct dir *dir, struct err *err)
{
    unsigned char head[FORMAT_HEADER_LEN] = {0};
    char path[DIR_PATH_SIZE];
    struct stat st;
    ssize_t got;
    int fd;

    dir_file_path(dir, dir->number, "", path);
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ELOOP) {
            err_set(err, "%s: a symbolic link; the spool must be a plain file", path);
        } else {
            err_set_errno(err, errno, "%s: cannot be opened", path);
        }
        return DIR_FILE_REFUSED;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        err_set(err, "%s: not a plain file", path);
        close(fd);
        return DIR_FILE_REFUSED;
    }
    got = pread(fd, head, sizeof(head), 0);
    if (got < 0) {
        err_set_errno(err, errno, "%s: cannot be read", path);
    }
    close(fd);
    return got < 0 ? DIR_FILE_REFUSED : judge(head, (size_t)got, path, err);
}

uint64_t dir_capacity(const struct dir *dir)
{
    struct statvfs st;

    return fstatvfs(dir->fd, &st) == 0 ? (uint64_t)st.f_blocks * st.f_frsize : 0;
}

uint64_t dir_room(const struct dir *dir)
{
    struct statvfs st;

    return fstatvfs(dir->fd, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : UINT64_MAX;
}
