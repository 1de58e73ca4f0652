/* The linker puts __wrap_malloc in the place of malloc (ld --wrap), and so on. */
#include "alloc.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool armed;
static bool failed;
static unsigned left;

void alloc_fail_after(unsigned successes)
{
    armed = true;
    failed = false;
    left = successes;
}

bool alloc_fail_stop(void)
{
    armed = false;
    return failed;
}

static bool fails_now(void)
{
    if (!armed || left-- > 0) {
        return false;
    }
    armed = false;
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}
