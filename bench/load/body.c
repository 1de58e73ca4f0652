/* Stamps bodies and reads the stamps; knows nothing of how they travel. See body.h. */
#include "body.h"

#include <string.h>
#include <time.h>

enum { RUN_DIGITS = 8, NUMBER_DIGITS = 16, TIME_DIGITS = 16 };

static void write_hex(char *to, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static bool read_hex(const char *from, int digits, uint64_t *out_value)
{
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) {
        char c = from[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    *out_value = value;
    return true;
}

void body_prepare(char *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)('a' + i % 26);
}

void body_stamp(char *to, const struct body *body)
{
    write_hex(to, RUN_DIGITS, body->run);
    write_hex(to + RUN_DIGITS, NUMBER_DIGITS, body->number);
    write_hex(to + RUN_DIGITS + NUMBER_DIGITS, TIME_DIGITS, body->time_ns);
}

bool body_read(const char *from, size_t size, struct body *out_body)
{
    uint64_t run;
    if (size < BODY_MIN_SIZE || !read_hex(from, RUN_DIGITS, &run) ||
        !read_hex(from + RUN_DIGITS, NUMBER_DIGITS, &out_body->number) ||
        !read_hex(from + RUN_DIGITS + NUMBER_DIGITS, TIME_DIGITS, &out_body->time_ns))
        return false;
    out_body->run = (uint32_t)run;
    return true;
}

bool body_is_whole(const char *from, size_t size, const char *prepared, size_t prepared_size)
{
    return size == prepared_size &&
           memcmp(from + BODY_MIN_SIZE, prepared + BODY_MIN_SIZE, size - BODY_MIN_SIZE) == 0;
}

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
