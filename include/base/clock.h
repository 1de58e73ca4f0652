/* The two clocks. Time-outs use the monotonic one only, so that a jump of the wall clock moves
 * none of them. */
#ifndef CHUNNELD_BASE_CLOCK_H
#define CHUNNELD_BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_SIZE = 25 }; /* "2026-01-31T12:00:00.123Z" and its NUL */

#define CLOCK_US_PER_MS UINT64_C(1000)
#define CLOCK_US_PER_S UINT64_C(1000000)

/* Microseconds since an arbitrary point; never goes back. */
uint64_t clock_monotonic_us(void);
/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_wall_us(void);
/* Writes `wall_us` as RFC 3339 UTC with milliseconds. */
void clock_format(int64_t wall_us, char out_text[CLOCK_TEXT_SIZE]);

#endif
