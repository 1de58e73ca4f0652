/* The files of the spool as a whole. For: making, renaming and removing them so that after a crash
 * at any moment one of them is the spool. Not for: what is in them (db.c). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/dir.h"

enum { NUMBER_MAX = 999999999, NAME_SIZE = 64 };

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
    } else if (number < dir->number && (suffix[0] == '\0' || strcmp(suffix, "-wal") == 0)) {
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

int dir_commit_new(struct dir *dir, unsigned number, struct err *err)
{
    char name[NAME_SIZE], final[NAME_SIZE];

    file_name(name, number, ".new");
    file_name(final, number, "");
    if (renameat(dir->fd, name, dir->fd, final) != 0) {
        return err_set_errno(err, errno, "%s/%s: cannot be renamed", dir->path, name);
    }
    if (fsync(dir->fd) != 0) {
        err_set_errno(err, errno, "%s: cannot be synced", dir->path);
        unlinkat(dir->fd, final, 0);
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
    static const char *const pairs[][2] = {{"-wal", ".damaged-wal"}, {"", ".damaged"}};
    char from[NAME_SIZE], to[NAME_SIZE];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        file_name(from, number, pairs[i][0]);
        file_name(to, number, pairs[i][1]);
        renameat(dir->fd, from, dir->fd, to);
    }
    fsync(dir->fd);
}

void dir_discard(const struct dir *dir, unsigned number)
{
    char name[NAME_SIZE];

    file_name(name, number, "");
    unlinkat(dir->fd, name, 0);
    file_name(name, number, "-wal");
    unlinkat(dir->fd, name, 0);
    fsync(dir->fd);
}
