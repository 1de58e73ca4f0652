/* Stands before the allocator, the sanitizer's too: while the first of the two 64-bit numbers in
 * the file that the environment's MALLOC_PLAN_FILE names is N, not 0, every Nth allocation fails;
 * the second one counts them. For: tests in which memory runs out in a daemon that runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    uint64_t every;
    uint64_t failed;
};

static struct plan *plan;
static uint64_t calls;

__attribute__((constructor)) static void malloc_shim_init(void)
{
    const char *path = getenv("MALLOC_PLAN_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page = MAP_FAILED;

    if (fd >= 0) {
        page = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (page != MAP_FAILED) {
        plan = page;
    }
}

static bool malloc_shim_fails(void)
{
    uint64_t every = plan != NULL ? __atomic_load_n(&plan->every, __ATOMIC_RELAXED) : 0;

    if (every == 0 || __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % every != 0) {
        return false;
    }
    __atomic_add_fetch(&plan->failed, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);

    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    }
    return malloc_shim_fails() ? NULL : next(size);
}

void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);

    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    }
    return malloc_shim_fails() ? NULL : next(old, size);
}
