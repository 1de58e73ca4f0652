/* The files of the spool as a whole. For: making, renaming and removing them so that after a crash
 * at any moment one of them is the spool. Not for: what is in them (db.c). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/dir.h"

enum { NUMBER_MAX = 999999999, NAME_SIZE = 64 };

/* What the spool's file, its log and its journal are called behind their number. */
static const char *const file_suffixes[] = {"", "-wal", "-journal"};
enum { FILE_SUFFIXES = sizeof(file_suffixes) / sizeof(file_suffixes[0]) };

static void file_name(char out_name[NAME_SIZE], unsigned number, const char *suffix)
{
    snprintf(out_name, NAME_SIZE, "spool-%u.db%s", number, suffix);
}

/* Takes a name apart; the suffix is what stands behind ".db". False: it is no name of ours. */
static bool parse_name(const char *name, unsigned *out_number, const char **out_suffix)
{
    static const char prefix[] = "spool-";
    unsigned long number;
    char *end;

    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || name[sizeof(prefix) - 1] < '1' ||
        name[sizeof(prefix) - 1] > '9') {
        return false;
    }
    errno = 0;
    number = strtoul(name + sizeof(prefix) - 1, &end, 10);
    if (errno != 0 || number > NUMBER_MAX || strncmp(end, ".db", 3) != 0) {
        return false;
    }
    *out_number = (unsigned)number;
    *out_suffix = end + 3;
    return true;
}

static bool is_of_file(const char *suffix)
{
    for (size_t i = 0; i < FILE_SUFFIXES; i++) {
        if (strcmp(suffix, file_suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void unlink_file(const struct dir *dir, unsigned number)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < FILE_SUFFIXES; i++) {
        file_name(name, number, file_suffixes[i]);
        unlinkat(dir->fd, name, 0);
    }
}

static bool may_be_erased(const struct dir *dir, unsigned number)
{
    char name[NAME_SIZE];

    file_name(name, number, ".erase");
    return faccessat(dir->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* One file of the directory: notes its number, or (where `clear` is set) puts it away if it was
 * left half-done or has been replaced. */
static void visit(struct dir *dir, const char *name, bool clear)
{
    const char *suffix;
    unsigned number;

    if (!parse_name(name, &number, &suffix)) {
        return;
    }
    if (!clear) {
        dir->last = number > dir->last ? number : dir->last;
        if (suffix[0] == '\0' && number > dir->number) {
            dir->number = number;
        }
    } else if (strncmp(suffix, ".new", 4) == 0) {
        unlinkat(dir->fd, name, 0);
    } else if (strcmp(suffix, ".erase") == 0) {
        if (number < dir->number) {
            unlink_file(dir, number);
        }
        unlinkat(dir->fd, name, 0);
    } else if (number < dir->number && is_of_file(suffix) && !may_be_erased(dir, number)) {
        dir_set_aside(dir, number);
    }
}

static int walk(struct dir *dir, bool clear)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    int failure;

    if (stream == NULL) {
        failure = errno;
        if (fd >= 0) {
            close(fd);
        }
        errno = failure;
        return -1;
    }
    for (errno = 0; (entry = readdir(stream)) != NULL; errno = 0) {
        visit(dir, entry->d_name, clear);
    }
    failure = errno;
    closedir(stream);
    errno = failure;
    return failure == 0 ? 0 : -1;
}

int dir_find(struct dir *dir, struct err *err)
{
    dir->number = dir->last = 0;
    if (walk(dir, false) != 0 || walk(dir, true) != 0) {
        return err_set_errno(err, errno, "%s: cannot be listed", dir->path);
    }
    return 0;
}

int dir_begin_new(struct dir *dir, unsigned *out_number, struct err *err)
{
    unsigned number = dir->last + 1;
    char name[NAME_SIZE];
    int fd;

    dir_abandon_new(dir, number);
    file_name(name, number, ".new");
    fd = openat(dir->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set_errno(err, errno, "%s/%s: cannot be made", dir->path, name);
    }
    close(fd);
    *out_number = number;
    return 0;
}

static void unlink_erase(const struct dir *dir, unsigned number)
{
    char name[NAME_SIZE];

    file_name(name, number, ".erase");
    unlinkat(dir->fd, name, 0);
}

int dir_commit_new(struct dir *dir, unsigned number, bool complete, struct err *err)
{
    char name[NAME_SIZE], final[NAME_SIZE];

    if (complete && dir->number != 0) {
        /* Where a file system knows no second names, a crash just now leaves the old file as one
         * that is put aside. */
        file_name(name, dir->number, "");
        file_name(final, dir->number, ".erase");
        (void)linkat(dir->fd, name, dir->fd, final, 0);
    }
    file_name(name, number, ".new");
    file_name(final, number, "");
    if (renameat(dir->fd, name, dir->fd, final) != 0) {
        err_set_errno(err, errno, "%s/%s: cannot be renamed", dir->path, name);
        unlink_erase(dir, dir->number);
        return -1;
    }
    if (fsync(dir->fd) != 0) {
        err_set_errno(err, errno, "%s: cannot be synced", dir->path);
        unlinkat(dir->fd, final, 0);
        unlink_erase(dir, dir->number);
        return -1;
    }
    dir->number = dir->last = number;
    return 0;
}

void dir_abandon_new(const struct dir *dir, unsigned number)
{
    static const char *const suffixes[] = {".new", ".new-wal", ".new-journal"};
    char name[NAME_SIZE];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        file_name(name, number, suffixes[i]);
        unlinkat(dir->fd, name, 0);
    }
}

void dir_set_aside(const struct dir *dir, unsigned number)
{
    static const char *const pairs[][2] = {
        {"-wal", ".damaged-wal"}, {"-journal", ".damaged-journal"}, {"", ".damaged"}};
    char from[NAME_SIZE], to[NAME_SIZE];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        file_name(from, number, pairs[i][0]);
        file_name(to, number, pairs[i][1]);
        renameat(dir->fd, from, dir->fd, to);
    }
    fsync(dir->fd);
}

static void end_erase(struct dir *dir)
{
    unlink_erase(dir, dir->erasing);
    close(dir->erase_fd);
    dir->erase_fd = -1;
    dir->erasing = 0;
}

void dir_discard(struct dir *dir, unsigned number)
{
    char name[NAME_SIZE];

    if (dir->erasing != 0) {
        end_erase(dir);
    }
    unlink_file(dir, number);
    file_name(name, number, ".erase");
    dir->erase_fd = openat(dir->fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    dir->erasing = dir->erase_fd >= 0 ? number : 0;
    fsync(dir->fd);
}

bool dir_erase_step(struct dir *dir, uint64_t bytes)
{
    struct stat st;

    if (dir->erasing == 0) {
        return false;
    }
    if (fstat(dir->erase_fd, &st) == 0 && (uint64_t)st.st_size > bytes &&
        ftruncate(dir->erase_fd, st.st_size - (off_t)bytes) == 0) {
        return true;
    }
    end_erase(dir);
    return false;
}
