/* Reading files. For: the configuration, definitions and passwords. Not for: what stands in
 * them. */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is no regular file, in words. */
static const char *conf_file_kind(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return "a directory";
    }
    if (S_ISFIFO(mode)) {
        return "a FIFO";
    }
    return S_ISSOCK(mode) ? "a socket" : "a device";
}

/* Reads the open file to its end. */
static int conf_file_read_all(int fd, size_t limit, struct strbuf *out, struct err *err)
{
    size_t begin = out->len;

    for (;;) {
        char *room = strbuf_reserve(out, 65536);
        ssize_t got;

        if (room == NULL) {
            return err_set(err, "out of memory");
        }
        do {
            got = read(fd, room, 65536);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return err_set_errno(err, errno, "cannot be read");
        }
        if (got == 0) {
            return 0;
        }
        strbuf_commit(out, (size_t)got);
        if (out->len - begin > limit) {
            return err_set(err, "longer than %zu bytes; shorten it", limit);
        }
    }
}

int conf_file_read(const char *path, size_t limit, struct strbuf *out, struct err *err)
{
    /* O_NONBLOCK: the open of a FIFO does not wait for a writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    int result = -1;

    if (fd < 0) {
        return err_set_errno(err, errno, "cannot be opened");
    }
    if (fstat(fd, &status) != 0) {
        err_set_errno(err, errno, "cannot be read");
    } else if (!S_ISREG(status.st_mode)) {
        err_set(err, "%s; a regular file is wanted", conf_file_kind(status.st_mode));
    } else if ((uintmax_t)status.st_size > limit) {
        err_set(err, "longer than %zu bytes; shorten it", limit);
    } else {
        result = conf_file_read_all(fd, limit, out, err);
    }
    close(fd);
    return result;
}
