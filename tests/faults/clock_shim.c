/* Stands before the C library's clock_gettime(): the wall clock is off by the seconds, a 64-bit
 * number, in the file that the environment's CLOCK_OFFSET_FILE names. For: tests in which the clock
 * jumps. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void clock_shim_init(void)
{
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = MAP_FAILED;

    if (fd >= 0) {
        page = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (page != MAP_FAILED) {
        offset = page;
    }
}

int clock_gettime(clockid_t id, struct timespec *out_time)
{
    long rc = syscall(SYS_clock_gettime, id, out_time);

    if (rc == 0 && offset != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        out_time->tv_sec += *offset;
    }
    return (int)rc;
}

int gettimeofday(struct timeval *restrict out_time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out_time->tv_sec = now.tv_sec;
    out_time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out_time)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out_time != NULL) {
        *out_time = now.tv_sec;
    }
    return now.tv_sec;
}
