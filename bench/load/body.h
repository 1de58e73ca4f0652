/* The body of a measured message: who sent it in which run, its number, and when.
 *
 *     8 hex digits run, 16 hex digits number, 16 hex digits time (monotonic ns), then filler
 *
 * Both ends run on one machine and so read the same clock. */
#ifndef BENCH_LOAD_BODY_H
#define BENCH_LOAD_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_MIN_SIZE = 40, BODY_MAX_SIZE = 16 * 1024 * 1024 };

struct body {
    uint32_t run;
    uint64_t number;
    uint64_t time_ns;
};

/* Fills `size` bytes at `to` (BODY_MIN_SIZE or more) with filler; once a buffer. */
void body_prepare(char *to, size_t size);
/* Writes the head into a prepared buffer. */
void body_stamp(char *to, const struct body *body);
/* Reads a head; false where that is none of ours. */
bool body_read(const char *from, size_t size, struct body *out_body);
/* Is what follows the head the filler that was sent, and `size` the size? */
bool body_is_whole(const char *from, size_t size, const char *prepared, size_t prepared_size);

/* CLOCK_MONOTONIC in ns. */
uint64_t clock_ns(void);

#endif
