/* Reading and printing time. Not for: timers (net/loop.c). */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_read_us(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
    return (uint64_t)clock_read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return clock_read_us(CLOCK_REALTIME);
}

void clock_format(int64_t wall_us, char out_text[CLOCK_TEXT_SIZE])
{
    int64_t ms = wall_us / 1000 - (wall_us % 1000 < 0); /* rounded down, before 1970 too */
    unsigned fraction = (unsigned)((ms % 1000 + 1000) % 1000);
    time_t seconds = (time_t)((ms - fraction) / 1000);
    struct tm parts;
    char date[CLOCK_TEXT_SIZE];

    gmtime_r(&seconds, &parts);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out_text, CLOCK_TEXT_SIZE, "%.19s.%03uZ", date, fraction % 1000U);
}
